/*
 * smtp.h - mail out: one interface for all engines, and what came of it for each recipient.
 *
 * An engine takes a batch of mails with one route and decides every recipient of it: delivered, refused temporarily,
 * refused for good. It reports each mail through settings.decided() at the moment its last recipient is decided, which
 * may be long before deliver() returns; an engine with a loop of its own (many connections at a time) fits the same
 * three calls.
 *
 * Ownership: mails, recipients, routes and the strings in them belong to the caller and live until deliver() returns.
 * The engine writes only the result of each recipient and duplicate_possible. Everything that goes into a command is
 * checked by the engine before it is used (8.5).
 */
#ifndef CPMAIL_SMTP_H
#define CPMAIL_SMTP_H

#include "smtp/reply.h"

struct smtp_rcpt {
	const char *address;
	unsigned notify;   /* bits of enum smtp_notify, 0 = not asked */
	const char *orcpt; /* the original recipient's address, plain (not xtext, type rfc822); NULL = none */
	struct smtp_result result;
};

enum smtp_notify { SMTP_NOTIFY_NEVER = 1, SMTP_NOTIFY_SUCCESS = 2, SMTP_NOTIFY_FAILURE = 4, SMTP_NOTIFY_DELAY = 8 };
enum smtp_ret { SMTP_RET_NONE, SMTP_RET_FULL, SMTP_RET_HDRS };
enum smtp_tls { SMTP_TLS_OFF, SMTP_TLS_OPPORTUNISTIC, SMTP_TLS_REQUIRED, SMTP_TLS_IMPLICIT };
enum smtp_given_up { SMTP_KEPT, SMTP_SLOW, SMTP_STOPPED };

/* The complete mail with CRLF line ends: n octets at p, or (fd >= 0) the file from its start. */
struct smtp_body {
	const char *p;
	int64_t n;
	int fd;
};

struct smtp_host {
	const char *name; /* for logs, results, SNI and the certificate */
	int port;
	const char *const *addresses; /* numeric IPv4 and IPv6, in the order to be tried */
	size_t naddresses;
};

/* Where mails go. */
struct smtp_route {
	const char *path; /* maildir: the Maildir */
	const struct smtp_host *hosts;
	size_t nhosts;
	enum smtp_tls tls;
	const char *user, *password; /* AUTH, only ever under TLS; NULL = none */
};

/* DELIVERBY (RFC 2852). */
struct smtp_by {
	char mode;	  /* 'N' notify or 'R' return when late; 0 = not asked for */
	int64_t until_ms; /* since 1970 */
};

/* A further parameter of MAIL, for extensions that this library does not know. */
struct smtp_param {
	const char *keyword; /* of EHLO: sent only where the server offers it */
	const char *text;    /* "NAME" or "NAME=value": printable ASCII without blanks */
	bool required;	     /* a server without the keyword does not get the mail (5.5.4) */
};

struct smtp_mail {
	const char *id;	   /* of the record: names files, recognises a repeat */
	const char *trace; /* for log lines */
	int64_t time_ms;   /* of the record: the same whenever it is sent again */
	const char *from;  /* reverse path, "" = <> */
	struct smtp_rcpt *rcpts;
	size_t nrcpts;
	enum smtp_ret ret;
	const char *envid; /* plain (not xtext), NULL = none */
	bool smtputf8;	   /* an address is not ASCII */
	struct smtp_by by;
	const struct smtp_param *params;
	size_t nparams;
	const char *session; /* a connection of its own that lives as long as the session; NULL = none */
	bool session_ends;   /* it is the last mail of the session: then QUIT. With no recipients: a bare QUIT */
	struct smtp_body body;
	bool duplicate_possible; /* out: the connection was lost between the final dot and its reply */
	/* out: recipients that are still SMTP_OPEN at the end were not tried to the end: the destination needs more
	 * patience than there is in this lane, or the process is to stop. Only with settings.patience_ms or .stopping.
	 */
	enum smtp_given_up given_up;
	void *data; /* the caller's */
};

struct smtp_settings {
	const char *hostname; /* ours, in EHLO and in names of files */
	const char *ca_file;  /* certificates that peers are checked against; NULL = those of the system */
	int timeout_s;	      /* most seconds for any single wait; 0 = those of RFC 5321 4.5.3.2 */
	int patience_ms; /* a destination that keeps us waiting longer before the final dot is given up (SMTP_SLOW); 0 =
			    never */
	int idle_s;	 /* how long an idle connection is kept */
	int connections, connections_per_host; /* most at a time; 0 = 100, 20 */
	bool (*stopping)(void *ctx);	       /* is the process to end? May be NULL */
	/* The mail in 7-bit form (base64, quoted-printable), for a server without 8BITMIME: an open file at its start,
	 * to be closed by the engine, or -1 and a reason. NULL: such mails are refused (5.6.3). */
	int (*seven_bit)(const struct smtp_body *body, const char **why);
	/* Every recipient of m is decided. May be NULL. */
	void (*decided)(struct smtp_mail *m, void *ctx);
	void *ctx;
};

/* What an engine may be asked for; the table of who can is in engine.c. */
enum smtp_feature {
	SMTP_CAN_DSN,
	SMTP_CAN_AUTH,
	SMTP_CAN_STARTTLS,
	SMTP_CAN_IMPLICIT_TLS,
	SMTP_CAN_SIZE,
	SMTP_CAN_8BITMIME,
	SMTP_CAN_PIPELINE_MAIL,
	SMTP_CAN_CHUNKING,
	SMTP_CAN_SMTPUTF8,
	SMTP_CAN_DELIVERBY,
	SMTP_CAN_PARAMS,
	SMTP_CAN_KEEP,
	SMTP_CAN_MANY,
	SMTP_CAN_SESSION,
	SMTP_CAN_PATIENCE,
	SMTP_FEATURES
};

struct smtp_engine {
	const char *name;
	/* Never NULL; ends the process (111) when the environment is not fit. */
	void *(*open)(const struct smtp_settings *s);
	/* All mails go by the one route. Recipients whose outcome is not SMTP_OPEN at the start are left alone. With
	 * finish() the mails are only handed over: they, the route and the array live until that returns. */
	void (*deliver)(void *engine, const struct smtp_route *route, struct smtp_mail *const *mails, size_t n);
	/* Wait until every mail that was handed over is decided or given up. NULL: deliver() does it. */
	void (*finish)(void *engine);
	/* Look after connections that are kept: milliseconds until that is wanted again, -1 = there are none. NULL:
	 * none are ever kept. */
	int (*idle)(void *engine);
	void (*close)(void *engine);
};

/* Files in a Maildir: no server at all. */
extern const struct smtp_engine smtp_maildir;
/* libesmtp: one connection at a time, to a smarthost or to the hosts of a domain. */
extern const struct smtp_engine smtp_submit;
/* Ours: many connections at a time in one loop, pipelined and kept. */
extern const struct smtp_engine smtp_direct;
/* By name; NULL if there is none. */
const struct smtp_engine *smtp_engine_find(const char *name);
/* The table of engines and features, for a person. */
void smtp_engine_table(struct buf *out);

/* ---- for engines ---- */
/* Is any recipient still open? */
bool smtp_mail_open(const struct smtp_mail *m);
/* Decide all recipients that are still open. */
void smtp_mail_decide(struct smtp_mail *m, enum smtp_at at, int code, const char *enhanced, const char *text,
		      const char *host);
/* A path for MAIL or RCPT that cannot break out of its command: "" (only if empty is allowed) or printable ASCII,
 * nothing of "<>" and no blank outside a quoted local part, at most 320 octets. With utf8 also well-formed UTF-8. */
bool smtp_path_valid(const char *address, bool empty);
bool smtp_path_valid_utf8(const char *address, bool empty);
/* ENVID, host names, credentials: printable ASCII without blanks, 1 to max octets. */
bool smtp_word_valid(const char *s, size_t max);

#endif
