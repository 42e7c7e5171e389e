/*
 * mailed.h - mails that became messages to CPM users, and whose senders may want a DSN or MDN (5.4): what a SIP result,
 * an IMDN or a timer is matched with. A mail about which nobody can be told anything has no row.
 *
 * Ownership: struct mailed owns its statements, not the database. A row that was found owns what it points to;
 * mailed_free() ends it.
 */
#ifndef CPMAIL_REPORT_MAILED_H
#define CPMAIL_REPORT_MAILED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

/* Once for each message and RCPT; the first three end the matter: only one of them is told. */
enum mailed_told {
	MAILED_DELIVERED = 1,
	MAILED_RELAYED = 2,
	MAILED_FAILED = 4,
	MAILED_DELAYED = 8,
	MAILED_MDN = 16,
	MAILED_TERMINAL = MAILED_DELIVERED | MAILED_RELAYED | MAILED_FAILED
};

/* One RCPT of one mail. */
struct mailed_row {
	int64_t seq;
	int64_t at; /* ms since 1970 */
	unsigned told;
	json_t *origin; /* of the sip.send that was heard of first; with "trace", that of the mail */
	bool fresh;	/* made just now: nothing is known of its parts */
};

/* What became of one MESSAGE of the mail (7.7: text and attachments may travel apart). */
enum mailed_state { MAILED_QUEUED, MAILED_SENT, MAILED_ARRIVED };

struct mailed_part {
	bool text;	/* false: an attachment */
	char name[256]; /* of the attachment, "" = none */
	enum mailed_state state;
	int status; /* of SIP */
};

struct mailed {
	struct sqlite3 *db;
	struct sqlite3_stmt *add, *find, *tell, *put_part, *get_part, *arrived, *purge, *purge_parts;
};

/* Nearly every mail makes a row, and few are read again: it is found by a number, the hash of what stands beside it, and
 * its parts are found through it. */
#define MAILED_SCHEMA                                                                                                  \
	"CREATE TABLE IF NOT EXISTS mailed ("                                                                          \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" hash INTEGER NOT NULL,"                                                                                      \
	" base TEXT NOT NULL,"                                                                                         \
	" at INTEGER NOT NULL,"                                                                                        \
	" told INTEGER NOT NULL,"                                                                                      \
	" origin TEXT NOT NULL);"                                                                                      \
	"CREATE INDEX IF NOT EXISTS mailed_hash ON mailed (hash);"                                                     \
	"CREATE TABLE IF NOT EXISTS mailed_part ("                                                                     \
	" mail INTEGER NOT NULL,"                                                                                      \
	" imdn_id TEXT NOT NULL,"                                                                                      \
	" is_text INTEGER NOT NULL,"                                                                                   \
	" name TEXT NOT NULL,"                                                                                         \
	" state INTEGER NOT NULL,"                                                                                     \
	" status INTEGER NOT NULL,"                                                                                    \
	" PRIMARY KEY (mail, imdn_id)) WITHOUT ROWID;"

/* Before anything else of a batch. */
void mailed_use(struct mailed *s, struct sqlite3 *db);
void mailed_end(struct mailed *s);

/* The row of the mail and RCPT whose imdn.Message-ID this is (that of a part is "ID-1": the same row), made if there is
 * none. */
void mailed_open(struct mailed *s, const char *imdn_id, const json_t *origin, const char *trace, int64_t now_ms,
		 struct mailed_row *row);
void mailed_tell(struct mailed *s, const struct mailed_row *row);
/* State of the part that bears this imdn.Message-ID; part becomes what is known of it now: no state is taken back. */
void mailed_part(struct mailed *s, const struct mailed_row *row, const char *imdn_id, struct mailed_part *part);
/* The row and the part that an imdn.Message-ID names; false: unknown. */
bool mailed_find(struct mailed *s, const char *imdn_id, struct mailed_row *row, struct mailed_part *part);
/* How many parts of the row have arrived. */
int mailed_arrived(struct mailed *s, const struct mailed_row *row);
void mailed_free(struct mailed_row *row);

/* Forget what is older than before_ms, a bounded number at a time. */
void mailed_purge(struct mailed *s, int64_t before_ms);

#endif
