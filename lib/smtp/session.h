/*
 * session.h - one connection through libesmtp: some mails to one address of one host (engine `submit`).
 *
 * Ownership: jobs and what they point to belong to the caller.
 */
#ifndef CPMAIL_SMTP_SESSION_H
#define CPMAIL_SMTP_SESSION_H

#include "smtp/scan.h"
#include "smtp/tls.h"
#include "smtp/wire.h"

#include <libesmtp.h>

/* A mail and how far it came. */
struct job {
	struct smtp_mail *mail;
	struct smtp_body body; /* what is sent: the mail's, or its 7-bit form */
	int64_t size;
	bool eight_bit, converted; /* body has 8-bit octets; body.fd is ours */
	bool strip, no_dsn; /* the server took offence at the parameters (5.1: 455, 555): from the next transaction on
			       without them */
	struct smtp_result
		*held;	 /* one per recipient: what the hosts so far said, for the case that no other says better */
	size_t *held_at; /* the host that said it, counted from 1 */
	/* of the connection in progress */
	smtp_message_t message;
	smtp_recipient_t *rcpts; /* NULL where a recipient does not take part */
	int64_t offset;
	bool started, sent, final, cut;
};

enum session_end {
	SESSION_RAN, /* to its end, or until the connection was lost or cut (fault): what is still open was not reached
		      */
	SESSION_REFUSED, /* greeting or EHLO: refusal */
	SESSION_NO_TLS,	 /* STARTTLS not offered, refused, failed, or the certificate is wrong */
	SESSION_LOCAL	 /* trouble of our own: errno */
};

struct session {
	const struct smtp_settings *settings;
	struct smtp_tls_context *tls;
	enum smtp_tls tls_mode;
	const char *host; /* its name */
	const char *user, *password;
	struct job **jobs;
	size_t njobs;
	/* An answer for a recipient of j: r is filled. Called from inside the conversation. */
	void (*answered)(struct job *j, size_t rcpt, struct smtp_result *r, void *ctx);
	/* All answers for j are in. */
	void (*finished)(struct job *j, void *ctx);
	void *ctx;
	/* out */
	struct wire wire;
	char tls_error[256];
	/* private */
	int fd, likely;
	char piece[32 << 10];
	bool adopted, draining;
	smtp_session_t library;
	struct auth_context *auth;
};

/* The listener that libesmtp connects to in place of the server; see session.c. -1 with errno. */
int session_listen(void);
/* fd: connected socket, adopted. The wire of s stands until session_end(). */
enum session_end session_run(struct session *s, int listener, int fd);
void session_free(struct session *s);

#endif
