/*
 * threads.h - mails that came in, as `thread` records tell of them: what a CPM user's answer names in In-Reply-To and
 * References (3.12).
 *
 * Two tables in the program's state store: the mails by the contribution they became, and the conversations in which an
 * e-mail user has written. Kept for state_ttl. Ownership: a struct threads owns its prepared statements.
 */
#ifndef CPM2MAIL_THREADS_H
#define CPM2MAIL_THREADS_H

#include "base/buf.h"

#include <jansson.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

#define THREADS_SCHEMA                                                                                                 \
	"CREATE TABLE IF NOT EXISTS thread ("                                                                          \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" contr TEXT NOT NULL,"                                                                                        \
	" private INTEGER NOT NULL,"                                                                                   \
	" at INTEGER NOT NULL,"                                                                                        \
	" msgid TEXT NOT NULL,"                                                                                        \
	" refs TEXT NOT NULL,"                                                                                         \
	" UNIQUE (contr, private));"                                                                                   \
	"CREATE INDEX IF NOT EXISTS thread_at ON thread (at);"                                                         \
	"CREATE TABLE IF NOT EXISTS conversation ("                                                                    \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" conv TEXT NOT NULL,"                                                                                         \
	" address TEXT NOT NULL COLLATE NOCASE,"                                                                       \
	" private INTEGER NOT NULL,"                                                                                   \
	" at INTEGER NOT NULL,"                                                                                        \
	" refs TEXT NOT NULL,"                                                                                         \
	" subject TEXT NOT NULL,"                                                                                      \
	" UNIQUE (conv, address, private));"                                                                           \
	"CREATE INDEX IF NOT EXISTS conversation_at ON conversation (at);"

struct threads {
	struct sqlite3 *db;
	struct sqlite3_stmt *find, *add, *refs, *begin, *go_on, *prune[2];
	int64_t alive_ms; /* what is older is forgotten */
	unsigned added;	  /* since the last look for old rows */
};

/* Use the state store; prepares once for each connection. Ends the process with status 111 if the store is broken. */
void threads_use(struct threads *t, struct sqlite3 *db, int64_t alive_ms);
void threads_end(struct threads *t);
/* The member of a `thread` record; said again it changes nothing. false: it is no such record. */
bool threads_take(struct threads *t, const json_t *member, int64_t now_ms);
/* msg-id and references of the mail that became this contribution, if it is of this privacy (2.6). */
bool threads_mail(struct threads *t, const char *contr, bool private, struct buf *msgid, struct buf *references);
/* What the next mail of a conversation with this address refers to: the root, the last ten, the newest last. false: the
 * address has not written in it. subject: of what he wrote last. */
bool threads_conversation(struct threads *t, const char *conv, const char *address, bool private,
			  struct buf *references, struct buf *subject);
/* Our mail is now the newest of its conversation; references: its own, without it. Nothing if threads_conversation()
 * knows it not. */
void threads_go_on(struct threads *t, const char *conv, const char *address, bool private, struct slice references,
		   const char *msgid, int64_t now_ms);
/* Forget old rows, some at a time and now and then. */
void threads_prune(struct threads *t);

/* Append ids (with blanks between) and one more: root and the last ten of all stay, and so do they below 4 KiB. */
void threads_append(struct buf *out, struct slice ids, struct slice one);

#endif
