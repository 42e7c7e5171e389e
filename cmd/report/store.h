/*
 * store.h - what report remembers: the final answer of each request, the refusals of one that is not answered yet, and
 * who else waits for the answer.
 *
 * Ownership: struct store owns its statements, not the database; strings handed out by a callback live until it
 * returns. Errors of the database end the process (111): the batch is done again.
 */
#ifndef CPMAIL_REPORT_STORE_H
#define CPMAIL_REPORT_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

/* The final answer of a MESSAGE. */
struct answer {
	int status;
	char reason[64];
	int retry_after; /* seconds, 0 = none */
};

struct store {
	struct sqlite3 *db;
	struct sqlite3_stmt *find, *keep, *refuse, *refusals, *each_refused, *settle, *join, *joined, *leave, *purge[3];
};

/* Rows of `answered` are in the order of their time, so that old ones are found at the front without an index of its
 * own; the other two tables are nearly empty. */
#define STORE_SCHEMA                                                                                                   \
	"CREATE TABLE IF NOT EXISTS answered ("                                                                        \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" request TEXT NOT NULL UNIQUE,"                                                                               \
	" at INTEGER NOT NULL,"                                                                                        \
	" status INTEGER NOT NULL,"                                                                                    \
	" reason TEXT NOT NULL,"                                                                                       \
	" retry_after INTEGER NOT NULL);"                                                                              \
	"CREATE TABLE IF NOT EXISTS refused ("                                                                         \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" request TEXT NOT NULL,"                                                                                      \
	" address TEXT NOT NULL,"                                                                                      \
	" at INTEGER NOT NULL,"                                                                                        \
	" temporary INTEGER NOT NULL,"                                                                                 \
	" status INTEGER NOT NULL,"                                                                                    \
	" reason TEXT NOT NULL,"                                                                                       \
	" retry_after INTEGER NOT NULL,"                                                                               \
	" UNIQUE (request, address));"                                                                                 \
	"CREATE TABLE IF NOT EXISTS joined ("                                                                          \
	" request TEXT NOT NULL,"                                                                                      \
	" sip_transaction TEXT NOT NULL,"                                                                              \
	" shard INTEGER NOT NULL,"                                                                                     \
	" at INTEGER NOT NULL,"                                                                                        \
	" UNIQUE (request, sip_transaction));"

/* Before anything else of a batch. */
void store_use(struct store *s, struct sqlite3 *db);
void store_end(struct store *s);

/* The answer that was given to a request (its attempt, named by its transaction); false: none yet. */
bool store_find(struct store *s, const char *request, struct answer *out);
/* The answer is given: its refusals are not needed any more. */
void store_keep(struct store *s, const char *request, int64_t now_ms, const struct answer *a);
/* A recipient was refused. Returns how many of the request have been so far; *least becomes the answer of the least
 * final of them: the first 4yz, else the first 5yz (1.4). Said twice of one recipient, it counts once: what was said
 * last. */
int store_refuse(struct store *s, const char *request, int64_t now_ms, const char *address, bool temporary,
		 const struct answer *a, struct answer *least);
/* Each recipient that was refused so far, while the request is not answered; before store_keep(). */
void store_refused(struct store *s, const char *request, void (*each)(const char *address, void *ctx), void *ctx);
/* A transaction that wants the answer as well; shard -1 = none. */
void store_join(struct store *s, const char *request, int64_t now_ms, const char *transaction, int shard);
/* Each that waits for this request, once. */
void store_joined(struct store *s, const char *request, void (*each)(const char *transaction, int shard, void *ctx),
		  void *ctx);
/* Forget what is older than before_ms, a bounded number at a time. */
void store_purge(struct store *s, int64_t before_ms);

#endif
