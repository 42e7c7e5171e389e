/*
 * report.h - a mail that reports about another mail: delivery status notifications (RFC 3464, RFC 6533), message
 * disposition notifications (RFC 8098) and bounces of no standard form (5.3).
 *
 * What the network sent is bounded here: only the first REPORT_OCTETS_MAX octets of a mail are looked at, and the time
 * taken is linear in them. Nothing of a report is to be believed but a correlation that holds.
 * Ownership: a struct report owns its strings and arrays; report_free() ends it. A zeroed one is valid and empty.
 * Strings are without controls and valid UTF-8, or absent (NULL).
 */
#ifndef CPMAIL_MAIL_REPORT_H
#define CPMAIL_MAIL_REPORT_H

#include "base/buf.h"

enum {
	REPORT_OCTETS_MAX = 1 << 20, /* of a mail; the rest (of what was returned) does not matter */
	REPORT_RECIPIENTS_MAX = 100, /* blocks; those behind are dropped */
	REPORT_IDS_MAX = 32,	     /* msg-ids of ours, and as many foreign ones */
	REPORT_ADDRESS_MAX = 320,
	REPORT_TEXT_MAX = 512, /* octets of a diagnostic; more is cut */
	REPORT_ID_MAX = 900,
};

enum report_kind {
	REPORT_NONE, /* no report: a mail like any other */
	REPORT_DSN,
	REPORT_MDN,
	REPORT_BOUNCE, /* of no standard form: failed 5.0.0, if it names a mail of ours */
};

/* Where a msg-id stood, the best place first (5.3). */
enum report_place {
	REPORT_RETURNED, /* Message-ID of the returned message or header */
	REPORT_ORIGINAL, /* Original-Message-ID of an MDN */
	REPORT_IN_REPLY_TO,
	REPORT_REFERENCES, /* the last one */
	REPORT_BODY,	   /* in the text of a bounce, or in what is quoted in it; only ids of ours */
};

struct report_id {
	enum report_place place;
	bool ours; /* as the caller's check says */
	char *id;  /* without <> */
};

/* One per-recipient block of a DSN. A bounce has at most one of our own making: failed, 5.0.0. */
struct report_recipient {
	char *original;	  /* Original-Recipient without its type; NULL: none */
	char *final;	  /* Final-Recipient without its type */
	char *action;	  /* in lower case: "failed", "delayed", "delivered", "relayed", "expanded", or another word */
	char *status;	  /* RFC 3463, "5.1.1"; NULL: none, or of no such form */
	char *diagnostic; /* "smtp; 550 5.1.1 no such user" */
};

/* Disposition of an MDN: type and modifier in lower case. */
struct report_disposition {
	char *type;		/* "displayed"; NULL: missing */
	char *modifier;		/* "error"; NULL: none; the first that is "error", else the first */
	char *final, *original; /* recipients without their types */
};

struct report {
	enum report_kind kind;
	bool null_path; /* it came from <> */
	bool claimed; /* its Content-Type says that it is a DSN or MDN: whatever its kind, it is no text for a person */
	char *from;   /* address of header From; NULL: none, or not exactly one */
	char *message_id;      /* of the report itself, without <> */
	char *envid;	       /* Original-Envelope-Id as it stood (it is not xtext there) */
	struct report_id *ids; /* each id once, ours first, then by place */
	size_t nids;
	struct report_recipient *recipients;
	size_t nrecipients;
	struct report_disposition disposition;
};

/* Is this msg-id (without <>) one of ours: does its MAC hold? */
typedef bool report_ours(void *ctx, struct slice msgid);

/*
 * Look at a mail: octets with CRLF or LF line ends, whole or its first REPORT_OCTETS_MAX. mail_from: the envelope's
 * reverse-path, empty for
 * <>. A DSN is multipart/report with a delivery status in it; a delivery status directly under multipart/mixed too, if
 * the mail came from <> or a mailer daemon (a person may send one on). An MDN likewise. A bounce came from <>, has no
 * report part, does not look like an automatic answer (vacation), and one of our ids stands in its text or what is
 * attached to it; a DSN whose machine part is missing or empty counts as one.
 * Returns the kind; report_free() is due whatever it is.
 */
enum report_kind report_read(struct report *r, struct slice mail, struct slice mail_from, report_ours *ours, void *ctx);
void report_free(struct report *r);

#endif
