/*
 * memory.h - what mail2cpm remembers to know a mail again that was handed in twice (7.1): one table in the program's
 * state store, committed with the batch.
 *
 * Ownership: a struct memory owns its prepared statements; memory_end() ends it.
 */
#ifndef CPMAIL_MAIL2CPM_MEMORY_H
#define CPMAIL_MAIL2CPM_MEMORY_H

#include "base/buf.h"
#include "base/hash.h"

struct sqlite3;
struct sqlite3_stmt;

/* CREATE ... IF NOT EXISTS. */
#define MEMORY_SCHEMA                                                                                                  \
	"CREATE TABLE IF NOT EXISTS taken ("                                                                           \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" key BLOB NOT NULL UNIQUE,"                                                                                   \
	" at INTEGER NOT NULL);"

struct memory {
	struct sqlite3 *db;
	struct sqlite3_stmt *find, *add, *drop, *prune;
	unsigned added; /* since the last look for old rows */
};

enum { MEMORY_KEY = 16 };

/* Use this state store; statements are prepared once for each. Errors of the database end the process (111). */
void memory_use(struct memory *m, struct sqlite3 *db);
void memory_end(struct memory *m);
/* The key of a mail for a recipient: Message-ID, RCPT, digest of the body. */
void memory_key(const char *msgid, const char *rcpt, const uint8_t digest[SHA256_LEN], uint8_t key[MEMORY_KEY]);
/* Was it taken, not before after_ms? */
bool memory_find(struct memory *m, const uint8_t key[MEMORY_KEY], int64_t after_ms);
void memory_add(struct memory *m, const uint8_t key[MEMORY_KEY], int64_t now_ms);
/* The client that handed it in was told to keep it (inline_result): it is expected once more, and then not the same. */
void memory_expect(struct memory *m, const char *imdn_id, int64_t now_ms);
/* Was it expected? Not any more, then. */
bool memory_expected(struct memory *m, const char *imdn_id);
/* Forget what was taken before before_ms, now and then and a bounded number at a time. */
void memory_prune(struct memory *m, int64_t before_ms);

#endif
