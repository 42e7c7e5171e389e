/*
 * dsn.h - the mails that the gateway writes about mails: delivery status notifications (RFC 3464) and message
 * disposition notifications (RFC 8098) made from what the CPM side said (5.4).
 *
 * Whether one is due is the caller's question; here is how it looks. Pure functions: the same input gives the same
 * mail. Ownership: everything in the structs is borrowed.
 */
#ifndef CPMAIL_MAP_DSN_H
#define CPMAIL_MAP_DSN_H

#include "map/address.h"
#include "map/sink.h"

enum { DSN_RETURNED_MAX = 64 << 10, DSN_HEADERS_MAX = 16 << 10 };

/* The mail that is reported about: what mail2cpm put into the origin of its sip.send. */
struct dsn_about {
	const char *rcpt;	  /* as received */
	const char *mail_from;	  /* who gets the report; never empty */
	const char *msg_id;	  /* without <>; NULL: it had none */
	const char *subject;	  /* decoded; NULL: none */
	const char *envid;	  /* in xtext, as it came; NULL: none */
	const char *orcpt;	  /* type;xtext, as it came; NULL: none */
	const char *conversation; /* ids of the CPM message, which the Message-ID of the report carries; NULL: made of
				     msg_id */
	const char *contribution;
	struct slice returned; /* its header block, or the whole mail; empty: none */
	bool returned_full;    /* the whole mail; written only with DSN_FAILED (5.4) */
	int64_t arrived_ms;
};

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED };

struct dsn {
	enum dsn_action action;
	const char *status;	/* "2.1.5" */
	const char *diagnostic; /* "404 Not Found", written as x-sip; NULL: none */
	const char *part;	/* name of the attachment that alone failed (7.7), "": it has none; NULL: the message */
	int64_t retry_until_ms; /* delayed: Will-Retry-Until; 0: left out */
	int64_t now_ms;
};

struct mdn {
	const char *type;     /* "displayed" or "processed" */
	const char *modifier; /* "error"; NULL: none */
	bool manual; /* manual-action (a person looked), else automatic-action; always MDN-sent-automatically */
	int64_t now_ms;
};

/* "failed", "delayed", "delivered", "relayed" */
const char *dsn_action_name(enum dsn_action a);

/*
 * Fill the member of a mail.out record: from "", to (NOTIFY=NEVER), message_id, size, eightbit, smtputf8, origin {id,
 * kind, msg_id}, body. id: the record's that caused it. io as in sink.h: a mail over RECORD_INLINE_MAX needs blobs.
 * false: mail_from is no address, or the blob failed (*error then has errno, else 0).
 */
bool dsn_fill(json_t *mail, const struct map_names *names, const struct map_io *io, const char *id,
	      const struct dsn_about *about, const struct dsn *d, int *error);
/* The same for an MDN. It is from the recipient himself. */
bool mdn_fill(json_t *mail, const struct map_names *names, const struct map_io *io, const char *id,
	      const struct dsn_about *about, const struct mdn *m, int *error);

#endif
