/*
 * server.h - the server's side of ESMTP (RFC 5321) and LMTP (RFC 2033): octets in, replies out, no sockets.
 *
 * A struct smtpd is one session. It is fed with what a connection brings and appends its replies to .out. What it cannot
 * know (who is a user, where a mail is stored) it asks its owner by struct smtpd_ops. Ownership: the session owns the
 * mail in hand until smtpd_settle() or the next transaction; slices handed to the owner live during the call.
 */
#ifndef CPMAIL_SMTP_SERVER_H
#define CPMAIL_SMTP_SERVER_H

#include "base/buf.h"
#include "base/hash.h"

#include <stdint.h>

enum {
	SMTPD_LINE_MAX = 2048,	  /* octets of a command line with its CRLF (5.6) */
	SMTPD_ENVID_MAX = 100,	  /* RFC 3461 4.4 */
	SMTPD_ORCPT_MAX = 500,	  /* RFC 3461 4.2 */
	SMTPD_ERRORS_MAX = 20,	  /* refused commands of an ESMTP session since its last good mail */
	SMTPD_LMTP_ERRORS_MAX = 1000, /* the same of LMTP, where an MTA of ours hands over what others sent */
	SMTPD_IDLING_MAX = 100,	  /* commands that lead to no mail, and small chunks, in a row */
	SMTPD_CHUNK_SMALL = 512,  /* octets: a chunk below that is no progress */
	SMTPD_FIELD_MAX = 1024,	  /* octets of a header field that are looked at */
	SMTPD_MESSAGE_ID_MAX = 512,
};

/* The rows of table 5.6; smtpd_row() has their codes. */
enum smtpd_answer {
	SMTPD_GREETING,
	SMTPD_OVERLOADED,
	SMTPD_BLOCKED,
	SMTPD_HELLO,
	SMTPD_SIZE,
	SMTPD_BY_PAST,
	SMTPD_SEQUENCE,
	SMTPD_SYNTAX,
	SMTPD_NOT_OURS,
	SMTPD_UNKNOWN_USER,
	SMTPD_BAD_ADDRESS,
	SMTPD_ALIAS,
	SMTPD_EXPIRED,
	SMTPD_POSTMASTER,
	SMTPD_TOO_MANY_RCPT,
	SMTPD_UNKNOWN_COMMAND,
	SMTPD_NOT_OFFERED,
	SMTPD_UNKNOWN_PARAMETER,
	SMTPD_BAD_PARAMETER,
	SMTPD_NEEDS_UTF8,
	SMTPD_VRFY,
	SMTPD_EXPN,
	SMTPD_LINE_LONG,
	SMTPD_IDLE,
	SMTPD_NEEDS_TLS,
	SMTPD_RATE,
	SMTPD_OPT_OUT,
	SMTPD_QUEUED,
	SMTPD_CONTENT,
	SMTPD_TOO_BIG,
	SMTPD_LOOP,
	SMTPD_QUEUE_AWAY,
	SMTPD_NULL_TAKEN,
	/* what the protocol says beside the table */
	SMTPD_BARE,
	SMTPD_GO_ON,
	SMTPD_SENDER_OK,
	SMTPD_RCPT_OK,
	SMTPD_RESET,
	SMTPD_NOOP,
	SMTPD_HELP,
	SMTPD_BYE,
	SMTPD_TLS_READY,
	SMTPD_CHUNK_TAKEN,
	SMTPD_CHUNK_SYNTAX,
	SMTPD_ERRORS,
	SMTPD_SHUTDOWN,
	SMTPD_ANSWERS
};

struct smtpd_row {
	int code;
	const char *enhanced; /* NULL: none (RFC 2034 4: greeting, hello, 354) */
	const char *text;
	const char *situation; /* as table 5.6 has it */
};
const struct smtpd_row *smtpd_row(enum smtpd_answer a);
/* Append the reply line. */
void smtpd_reply(struct buf *out, enum smtpd_answer a);

enum { SMTPD_SUCCESS = 1, SMTPD_FAILURE = 2, SMTPD_DELAY = 4, SMTPD_NEVER = 8 };

struct smtpd_recipient {
	char *address;	/* as the client wrote it */
	char *cpm;	/* set by the owner; may be NULL */
	bool role;	/* set by the owner: postmaster and the like */
	unsigned notify; /* 0: not given */
	char *orcpt;	/* type;xtext, NULL: not given */
};

/* The transaction in hand. */
struct smtpd_mail {
	char *from; /* "": the null reverse-path; NULL: no transaction */
	struct smtpd_recipient *to;
	size_t recipients;
	char *ret, *envid; /* envid in xtext */
	bool by, eightbit, smtputf8;
	char by_mode; /* N or R */
	int64_t by_seconds;
};

/* ---- content.c: the octets behind DATA and BDAT ---- */

struct evp_md_ctx_st;

struct smtpd_content {
	int64_t max;	   /* octets, set by the owner */
	const char *gateway; /* whose X-CPM-Gateway means a loop */
	bool (*sink)(void *ctx, const char *p, size_t n);
	void *ctx;
	/* found out */
	int64_t size;	/* octets without the dots of transparency */
	int64_t taken;	/* octets that came, kept or not */
	bool bare;	/* a CR without LF or an LF without CR (8.5) */
	bool nul, eightbit;
	bool big, failed; /* over max, also set by the owner; the sink refused */
	bool own_mark;	/* X-CPM-Gateway of ours in the top header (8.2) */
	bool report;	/* Content-Type: multipart/report */
	int received;	/* Received fields */
	char message_id[SMTPD_MESSAGE_ID_MAX]; /* without <>, "" if there is none */
	uint8_t digest[SHA256_LEN];	       /* of the whole, after the end */
	/* its own */
	int at;
	bool in_body, in_line, maybe_end;
	struct buf field;
	struct evp_md_ctx_st *md;
};

/* Ready for a new mail; max, gateway, sink and ctx stay. */
void smtpd_content_begin(struct smtpd_content *c);
/* Take octets up to the end of data, which is CRLF.CRLF only. Returns how many were taken; *end: they end the mail. */
size_t smtpd_content_feed(struct smtpd_content *c, const char *p, size_t n, bool *end);
/* The same for a chunk of BDAT: no dots, no end, but a CR or LF alone is as wrong as behind DATA. */
void smtpd_content_chunk(struct smtpd_content *c, const char *p, size_t n);
/* The last chunk was fed: a last line without CRLF gets one, as DATA would have had. */
void smtpd_content_last(struct smtpd_content *c);
/* The same for content that is no SMTP stream: no dots, no end, no faults of lines. */
void smtpd_content_plain(struct smtpd_content *c, const char *p, size_t n);
void smtpd_content_finish(struct smtpd_content *c);
/* What no further octet can mend; SMTPD_QUEUED: nothing. */
enum smtpd_answer smtpd_content_fault(const struct smtpd_content *c);
/* The row that what was found in the whole asks for; SMTPD_QUEUED: nothing is wrong. */
enum smtpd_answer smtpd_content_judge(const struct smtpd_content *c, int max_received);
void smtpd_content_free(struct smtpd_content *c);

/* ---- command.c ---- */

enum smtpd_verb {
	SMTPD_V_NONE, SMTPD_V_HELO, SMTPD_V_EHLO, SMTPD_V_LHLO, SMTPD_V_MAIL, SMTPD_V_RCPT, SMTPD_V_DATA, SMTPD_V_RSET,
	SMTPD_V_NOOP, SMTPD_V_QUIT, SMTPD_V_HELP, SMTPD_V_VRFY, SMTPD_V_EXPN, SMTPD_V_STARTTLS, SMTPD_V_BDAT,
	SMTPD_V_ABSENT
};
/* The verb of a command line (without CRLF); *rest: what follows it. SMTPD_V_ABSENT: known but not offered. */
enum smtpd_verb smtpd_verb(struct slice line, struct slice *rest);

struct smtpd_rules {
	bool lmtp, smtputf8, deliverby, starttls, require_tls;
	const char *host;	/* our name */
	int64_t max_size;	/* octets of a mail */
	int max_rcpt, max_received;
};

/* "FROM:<...> ..." and "TO:<...> ...": the address without <> and source route, and the parameters. false: syntax. */
bool smtpd_path(struct slice rest, const char *keyword, struct slice *address, struct slice *params);
/* Into the mail, or the recipient; the row of what is wrong, or SMTPD_SENDER_OK / SMTPD_RCPT_OK. What was allocated
 * stays for smtpd_mail_free() / smtpd_recipient_free(). */
enum smtpd_answer smtpd_mail_params(const struct smtpd_rules *r, struct slice params, struct smtpd_mail *m);
enum smtpd_answer smtpd_rcpt_params(struct slice params, struct smtpd_recipient *to);
void smtpd_recipient_free(struct smtpd_recipient *to);
void smtpd_mail_free(struct smtpd_mail *m);

/* ---- server.c: the session ---- */

enum smtpd_state {
	SMTPD_COMMANDS,
	SMTPD_DATA,
	SMTPD_CHUNK,	/* the octets of a BDAT, kept or only read */
	SMTPD_STORING,	/* the owner has the mail: smtpd_settle() goes on */
	SMTPD_STARTING_TLS, /* send .out in clear, then TLS, then smtpd_tls_started() */
	SMTPD_CLOSING	/* send .out, then close */
};

struct smtpd_ops {
	/* The answer to a reverse-path ("" = null): SMTPD_SENDER_OK, or a refusal. */
	enum smtpd_answer (*sender)(void *ctx, struct slice address);
	/* The answer to a RCPT; sets cpm and role. */
	enum smtpd_answer (*recipient)(void *ctx, struct smtpd_recipient *to);
	/* DATA, the first BDAT: SMTPD_GO_ON, or a refusal. */
	enum smtpd_answer (*data)(void *ctx);
	/* A piece of the content; false: it cannot be kept. */
	bool (*content)(void *ctx, const char *p, size_t n);
	/* The content is complete and good: store it, then smtpd_settle(). */
	void (*store)(void *ctx);
	/* The content is refused, or the transaction ended: forget what was kept. May come without any content. */
	void (*forget)(void *ctx);
	/* Something is answered with 4xx or 5xx: for the log. */
	void (*refused)(void *ctx, enum smtpd_answer a);
};

struct smtpd {
	struct smtpd_rules rules;
	const struct smtpd_ops *ops;
	void *ctx;
	enum smtpd_state state;
	struct buf out;	/* replies; taken and emptied by the owner */
	char *helo;	/* NULL: not greeted yet */
	bool esmtp, tls;
	struct smtpd_mail mail;
	struct smtpd_content content;
	enum smtpd_answer last; /* for the log */
	/* its own */
	struct buf line;
	bool line_long;
	enum { SMTPD_UNCHUNKED, SMTPD_CHUNKS, SMTPD_CHUNKS_FAILED } chunks; /* of the transaction: BDAT was said */
	int64_t chunk;		    /* octets of this chunk that are still to come */
	bool chunk_last;
	enum smtpd_answer chunk_answer; /* a refusal: its octets are read and forgotten */
	int errors, idling;
	unsigned commands; /* complete ones: does the client make progress? */
};

/* A session under rules (host and content.gateway are kept, not copied); the greeting is in .out. */
void smtpd_begin(struct smtpd *s, const struct smtpd_rules *rules, const char *gateway, const struct smtpd_ops *ops,
		 void *ctx);
/* Take octets; returns how many. Fewer than n: .state says what has to happen first. */
size_t smtpd_feed(struct smtpd *s, const char *p, size_t n);
/* Octets of a mail are being read. */
bool smtpd_inside(const struct smtpd *s);
/* The stored mail's answer: SMTPD_QUEUED or a refusal; LMTP: for each recipient. */
void smtpd_settle(struct smtpd *s, enum smtpd_answer a);
/* What was said of a recipient, in place of SMTPD_QUEUED; code 0: nothing. */
struct smtpd_said {
	int code;
	char enhanced[16];
};
/* The stored mail's answer as said; an array of as many as the mail has recipients, of which SMTP gives the first. */
void smtpd_settle_said(struct smtpd *s, const struct smtpd_said *said);
/* The handshake is done: everything that was said before is forgotten (RFC 3207 4.2). */
void smtpd_tls_started(struct smtpd *s);
/* The owner ends it: SMTPD_IDLE, SMTPD_SHUTDOWN. */
void smtpd_end(struct smtpd *s, enum smtpd_answer a);
void smtpd_free(struct smtpd *s);

#endif
