/*
 * memory.h - what cpm2mail remembers: the idempotence marks of 1.2, and the msg-ids of contributions for In-Reply-To
 * (3.12), and who may answer them.
 *
 * One table in the program's state store, committed with the batch. Ownership: a struct memory owns its prepared
 * statements; memory_end() ends it.
 */
#ifndef CPM2MAIL_MEMORY_H
#define CPM2MAIL_MEMORY_H

#include "base/buf.h"

#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

/* Rows are in the order of their time, so that old ones are found at the front without an index of its own. mail2cpm
 * looks into it (map/correlate.h): uri and users say who may answer a mail. */
#define MEMORY_SCHEMA                                                                                                  \
	"CREATE TABLE IF NOT EXISTS sent ("                                                                            \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" key BLOB NOT NULL UNIQUE,"                                                                                   \
	" at INTEGER NOT NULL,"                                                                                        \
	" record TEXT NOT NULL,"                                                                                       \
	" attempt TEXT NOT NULL,"                                                                                      \
	" contr TEXT NOT NULL,"                                                                                        \
	" private INTEGER NOT NULL,"                                                                                   \
	" msgid TEXT NOT NULL,"                                                                                        \
	" refs TEXT NOT NULL,"                                                                                         \
	" uri TEXT NOT NULL DEFAULT '',"                                                                               \
	" users TEXT NOT NULL DEFAULT '',"                                                                             \
	" blind INTEGER NOT NULL DEFAULT 0);"                                                                          \
	"CREATE INDEX IF NOT EXISTS sent_contr ON sent (contr);"

struct memory {
	struct sqlite3 *db;
	struct sqlite3_stmt *find, *add, *forget, *thread, *prune;
	unsigned added; /* since the last look for old rows */
};

struct memory_mail {
	const char *key; /* 64 hex digits */
	const char *record;
	const char
		*attempt; /* the transaction of the record: the same message, refused and sent again, has the same id */
	const char *contr;
	const char *msgid;
	const char *references; /* "" if there are none */
	const char *uri;	/* of the originator, normalised */
	const char *users;	/* the recipients, LF between */
	bool private, blind;
};

/* Use the state store; prepares once for each connection. Ends the process with status 111 if the store is broken. */
void memory_use(struct memory *m, struct sqlite3 *db);
/* Append the id of the record that got this key since after_ms, and its attempt; false if there is none. */
bool memory_find(struct memory *m, const char *key, int64_t after_ms, struct buf *record, struct buf *attempt);
void memory_add(struct memory *m, const struct memory_mail *mail, int64_t now_ms);
/* A negative answer: the same key later is a new attempt. */
void memory_forget(struct memory *m, const char *key);
/* msg-id and references of the mail that a contribution of this privacy became since after_ms. */
bool memory_thread(struct memory *m, const char *contr, bool private, int64_t after_ms, struct buf *msgid,
		   struct buf *references);
/* Drop rows older than before_ms, some at a time and now and then. */
void memory_prune(struct memory *m, int64_t before_ms);
void memory_end(struct memory *m);

#endif
