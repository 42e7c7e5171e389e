/*
 * correlate.h - to which conversation a mail belongs (7.2, 3.12).
 *
 * Candidates in their order: ids of In-Reply-To, ids of References from last to first, each ours with a valid MAC or of
 * a mail that was seen; the address that the mail came to (group address, alias, sub-address). The one that is found
 * counts only where the mail is from its e-mail user and for its CPM user; else the mail is new. Where the mail came to an
 * alias or a group address, ids count only if they are of the conversation that this stands for (2.6). Bounded and linear in
 * the header. Ownership: struct correlate owns its statements; a struct correlation is ended by correlation_free().
 */
#ifndef CPMAIL_MAP_CORRELATE_H
#define CPMAIL_MAP_CORRELATE_H

#include "map/alias.h"
#include "map/peek.h"

enum {
	CORRELATE_IDS_MAX = 64,	   /* ids of References that are looked at: the first, and the last 63 */
	CORRELATE_ID_MAX = 900,	   /* octets of a msg-id */
	CORRELATE_REFERENCES = 10, /* kept beside the root (T2) */
};

/* What was found. */
enum correlate_kind {
	CORRELATE_NONE,	      /* a new mail */
	CORRELATE_OWN,	      /* a msg-id of ours with a valid MAC (its TOKEN resolved, where it has one) */
	CORRELATE_SEEN,	      /* a mail that came in before */
	CORRELATE_ALIAS,      /* RCPT is an a- or g- address */
	CORRELATE_SUBADDRESS, /* RCPT has a suffix of ours */
};

/* Is the mail's From (RCPT) the e-mail user (CPM user) of what was found? */
enum correlate_match {
	CORRELATE_UNKNOWN, /* nothing is remembered of it any more: the ids are in the MAC, the users are not (3.12) */
	CORRELATE_YES,
	CORRELATE_NO,
};

struct correlate_query {
	struct slice in_reply_to, references; /* bodies of the fields as they stand, unfolded or not; empty: none */
	const char *message_id; /* of the mail, without <>; "none:..." where it has none (3.12); not NULL */
	const char *from;	/* address of the header From; NULL: none, or several */
	const char *rcpt;	/* as received */
	const char *cpm;	/* the CPM user of the RCPT (2.2), NULL: unknown */
};

struct correlation {
	enum correlate_kind kind; /* CORRELATE_NONE too when from or rcpt is CORRELATE_NO */
	enum token_kind token;	  /* CORRELATE_OWN: m, s, n or r */
	struct buf conv;	  /* Conversation-ID; always there */
	struct buf contr;	  /* Contribution-ID of this mail: contrid(message_id); always there */
	struct buf answered;	  /* InReplyTo-Contribution-ID; empty: none */
	struct buf msgid;	  /* what was found, without <>; empty: by address, or nothing */
	struct buf uri;		  /* CORRELATE_ALIAS: the user or group behind it (E1: Request-URI); else empty */
	struct buf root;	  /* first of References, else In-Reply-To, else message_id */
	enum correlate_match from, rcpt;
	bool private; /* the CPM user of it asked for privacy */
	bool blind;   /* From got a blind copy of it (1.4): what he answers reaches its originator only, for
			 another RCPT it is accepted and dropped */
	bool mac;     /* the MAC is valid and From is its bound e-mail user (8.6, sender_auth mac) */
	bool foreign; /* something was found, but the mail is somebody else's: treated as new */
};

/* CREATE ... IF NOT EXISTS: part of frame_program.schema of the program that correlates. */
#define CORRELATE_SCHEMA                                                                                               \
	"CREATE TABLE IF NOT EXISTS seen ("                                                                            \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" msgid TEXT NOT NULL,"                                                                                        \
	" cpm TEXT NOT NULL,"                                                                                          \
	" conv TEXT NOT NULL,"                                                                                         \
	" user TEXT NOT NULL,"                                                                                         \
	" private INTEGER NOT NULL,"                                                                                   \
	" at INTEGER NOT NULL,"                                                                                        \
	" UNIQUE (msgid, cpm));"                                                                                       \
	"CREATE INDEX IF NOT EXISTS seen_at ON seen (at);"

struct correlate {
	const struct map_names *names;
	struct alias_table *aliases;
	struct peek *sent; /* correlate_sent_new(); NULL: nothing is known of mails that were sent */
	struct sqlite3 *db;
	struct sqlite3_stmt *find, *add, *purge;
	unsigned added;
};

/* What cpm2mail remembers of the mails that it made (its state store, frame_state_file()): who their users are. NULL:
 * unknown. Ended by peek_free(). */
struct peek *correlate_sent_new(const char *path);

/* aliases, names and sent must outlive it. Errors of the database end the process (111). */
void correlate_use(struct correlate *c, struct sqlite3 *db, const struct map_names *names, struct alias_table *aliases,
		   struct peek *sent);
void correlate_end(struct correlate *c);
/* false: sent cannot be read just now; defer the mail. out is to be ended in any case. */
bool correlate_find(struct correlate *c, const struct correlate_query *q, struct correlation *out);
void correlation_free(struct correlation *r);
/* The mail became a message: later mails that name it belong to its conversation. The same again changes nothing. */
void correlate_remember(struct correlate *c, const struct correlate_query *q, const struct correlation *r,
			int64_t now_ms);
/* Forget mails seen before before_ms (state_ttl), now and then and a bounded number at a time. */
void correlate_purge(struct correlate *c, int64_t before_ms);

/* The member of the `thread` record for this mail: what cpm2mail needs for the answer. subject: decoded, may be NULL.
 * NULL: the mail has no Message-ID that an answer could name. */
json_t *correlate_thread(const struct correlate_query *q, const struct correlation *r, const char *subject,
			 int64_t now_ms);

#endif
