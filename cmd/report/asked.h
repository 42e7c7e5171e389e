/*
 * asked.h - messages of CPM users that became mails, and whose senders asked for reports: what a DSN, MDN or late SMTP
 * result is matched with (5.3), and what the IMDN needs (3.12). A message for which nothing was asked has no row.
 *
 * Ownership: struct asked owns its statements, not the database. A row that was found owns its strings; asked_free()
 * ends it.
 */
#ifndef CPMAIL_REPORT_ASKED_H
#define CPMAIL_REPORT_ASKED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

/* One recipient of one message; the msg-id alone does not do: copies for several recipients share it (1.4). */
struct asked_row {
	int64_t seq;
	int64_t at; /* ms since 1970: when the message was answered */
	char *msg_id;
	char *rcpt;	/* mail address; URI of a list entry that got no mail */
	unsigned told;	/* set of enum asked_told */
	char *trace;	/* of the message */
	json_t *origin; /* of the mail.out */
};

/* At most one report of each type (1.1). */
enum asked_told { ASKED_DELIVERY = 1, ASKED_PROCESSING = 2, ASKED_DISPLAY = 4 };

struct asked {
	struct sqlite3 *db;
	struct sqlite3_stmt *add, *find, *tell, *by_msgid, *by_envid, *by_alias, *purge;
};

/* Every message whose sender asked makes a row, and few are ever read: rows are in the order of their time (old ones
 * are found at the front), and what they are found by are numbers, hashes of the texts, which stand beside them. */
#define ASKED_SCHEMA                                                                                                   \
	"CREATE TABLE IF NOT EXISTS asked ("                                                                           \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" msg_hash INTEGER NOT NULL,"                                                                                  \
	" envid_hash INTEGER,"                                                                                         \
	" at INTEGER NOT NULL,"                                                                                        \
	" told INTEGER NOT NULL,"                                                                                      \
	" msg_id TEXT NOT NULL,"                                                                                       \
	" rcpt TEXT NOT NULL,"                                                                                         \
	" trace TEXT NOT NULL,"                                                                                        \
	" envid TEXT,"                                                                                                 \
	" alias TEXT,"                                                                                                 \
	" origin TEXT NOT NULL);"                                                                                      \
	"CREATE INDEX IF NOT EXISTS asked_msg ON asked (msg_hash);"                                                    \
	"CREATE INDEX IF NOT EXISTS asked_envid ON asked (envid_hash) WHERE envid_hash IS NOT NULL;"                   \
	"CREATE INDEX IF NOT EXISTS asked_alias ON asked (alias) WHERE alias IS NOT NULL;"

/* Before anything else of a batch. */
void asked_use(struct asked *s, struct sqlite3 *db);
void asked_end(struct asked *s);

/* The row of a recipient, made if there is none. */
void asked_open(struct asked *s, const char *msg_id, const char *rcpt, json_t *origin, const char *trace,
		int64_t now_ms, struct asked_row *row);
/* What was told is durable with the batch. */
void asked_tell(struct asked *s, const struct asked_row *row);

enum asked_by { ASKED_BY_ENVID, ASKED_BY_MSGID, ASKED_BY_ALIAS };
/* The rows of a message, at most max; returns how many, oldest first. */
int asked_find(struct asked *s, enum asked_by by, const char *value, struct asked_row *rows, int max);
void asked_free(struct asked_row *row);

/* Forget what is older than before_ms, a bounded number at a time. */
void asked_purge(struct asked *s, int64_t before_ms);

#endif
