/*
 * alias.h - the alias table (2.1, 2.5, 2.6, 3.12): what stands behind a local part or a token that says nothing itself.
 *
 * It lies in the state store of mail2cpm, which alone writes it, from `alias` records, in the transaction of its batch
 * (struct alias_table). smtp-listen and mail-inject look into it (struct alias_reader) to answer a RCPT. Ownership: the
 * table owns its statements, not the database.
 */
#ifndef CPMAIL_MAP_ALIAS_H
#define CPMAIL_MAP_ALIAS_H

#include "map/address.h"

#include <jansson.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

enum alias_kind {
	ALIAS_GROUP = 'g',  /* "g-" and 26 characters: a group's address for one e-mail user (2.5) */
	ALIAS_SENDER = 'a', /* "a-": the reverse-path of a private message (2.6) */
	ALIAS_LONG = 'x',   /* "x-": a user whose local part would be over 64 octets (2.1); does not expire */
	ALIAS_SUFFIX = 's', /* 13 characters: what stands behind the last "--" of a local part (2.1, subaddress) */
	ALIAS_TOKEN = 't',  /* 26 characters: TOKEN of a msg-id K.TOKEN.SEQ.MAC (3.12) */
};

/* A row. Ended by alias_free(). */
struct alias {
	enum alias_kind kind;
	struct buf uri;	  /* the CPM user or focus, normalised */
	struct buf users; /* e-mail users who may write to it, domain in lower case, LF between; empty: anybody */
	struct buf conv, contr, msgid; /* of the message it was made for; empty: none (x-) */
	bool private;		       /* made for a private request */
	int64_t used_ms;	       /* made or used last */
};
void alias_free(struct alias *a);
/* May this address write to it: is it one of its users? The local part is compared without case. */
bool alias_user(const struct alias *a, struct slice address);

/* CREATE ... IF NOT EXISTS: part of frame_program.schema of the writer. A macro, so that a program can join its
 * tables. */
#define ALIAS_SCHEMA                                                                                                   \
	"CREATE TABLE IF NOT EXISTS alias ("                                                                           \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" name TEXT NOT NULL UNIQUE,"                                                                                  \
	" kind TEXT NOT NULL,"                                                                                         \
	" uri TEXT NOT NULL,"                                                                                          \
	" users TEXT NOT NULL,"                                                                                        \
	" conv TEXT NOT NULL,"                                                                                         \
	" contr TEXT NOT NULL,"                                                                                        \
	" msgid TEXT NOT NULL,"                                                                                        \
	" private INTEGER NOT NULL,"                                                                                   \
	" used INTEGER NOT NULL);"                                                                                     \
	"CREATE INDEX IF NOT EXISTS alias_used ON alias (used) WHERE kind <> 'x';"

struct alias_table {
	struct sqlite3 *db;
	struct sqlite3_stmt *find, *add, *users, *touch, *purge;
	int64_t now_ms, grace_ms;
	unsigned added; /* since the last look for old rows */
};

/* Use the state store; prepares once for each connection. What was not used for grace_ms (group_addr_grace) is expired.
 * Errors of the database end the process (111). */
void alias_use(struct alias_table *t, struct sqlite3 *db, int64_t now_ms, int64_t grace_ms);
void alias_end(struct alias_table *t);
/* The row of a name that is not expired; false: none. */
bool alias_find(struct alias_table *t, const char *name, struct alias *out);
/* The member of an `alias` record (cpmail-record(5)). A name that is there already keeps what it stands for: repeated
 * records change nothing, and an expired name is not given out again. Only a token gets further users: copies of one
 * message to several have the same (1.4). false: it is no such record. */
bool alias_take(struct alias_table *t, const json_t *member);
/* A mail came for it: its time begins anew, if it was not over. */
void alias_touch(struct alias_table *t, const char *name);
/* Forget rows that expired a grace_ms ago and more, now and then and a bounded number at a time. */
void alias_purge(struct alias_table *t);

/* ---- read-only, from other programs ---- */

/* For map_to_cpm(). path: the state store of mail2cpm (frame_state_file()); NULL: an empty table. */
struct alias_reader;
struct alias_reader *alias_reader_new(const char *path);
void alias_reader_free(struct alias_reader *r);
/* The hook; what was used last before alive_ms is expired. Lives as long as r. */
const struct map_aliases *alias_reader_aliases(struct alias_reader *r, int64_t alive_ms);

#endif
