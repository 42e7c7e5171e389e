/*
 * wire.h - listens to what libesmtp reads and writes, for all that its interface does not tell: the greeting, the
 * keywords of EHLO, refused AUTH, octets in clear behind the answer to STARTTLS, a final reply that it could not
 * digest, a peer that dribbles.
 *
 * Ownership: a struct wire owns its buffers; ended by wire_free(). It knows the descriptor, does not own it.
 */
#ifndef CPMAIL_SMTP_WIRE_H
#define CPMAIL_SMTP_WIRE_H

#include "smtp/reply.h"

enum wire_keyword {
	WIRE_8BITMIME = 1,
	WIRE_DSN = 2,
	WIRE_DELIVERBY = 4,
	WIRE_STARTTLS = 8,
	WIRE_AUTH = 16,
	WIRE_SIZE = 32
};

/* Why the connection was cut by us. */
enum wire_fault {
	WIRE_FINE,
	WIRE_INJECTED, /* octets in clear behind the answer to STARTTLS */
	WIRE_SLOW,     /* one reply took too long */
	WIRE_BROKEN,   /* not SMTP */
	WIRE_STUCK,    /* the library waits for the answer to what it has not sent (session.c, on_ticket) */
	WIRE_NO_AUTH,  /* AUTH was wanted and did not succeed */
	WIRE_SEVEN_BIT /* the server has no 8BITMIME and a mail needs it */
};

struct wire {
	int fd;
	int64_t reply_limit_us;
	enum smtp_at at;
	unsigned keywords;    /* of the last EHLO */
	bool tls, want_auth;  /* TLS stands; credentials were handed over */
	bool needs_eight_bit; /* a mail of this connection has 8-bit content */
	bool authenticated;
	enum wire_fault fault;
	struct smtp_result refusal; /* of the greeting, EHLO, STARTTLS or AUTH; outcome SMTP_OPEN = none */
	enum smtp_at refused_at;
	struct smtp_result last; /* the last reply after that */
	/* The keywords are known and no STARTTLS follows: MAIL is next. */
	void (*ready)(void *ctx);
	void *ctx;
	bool will_start_tls;
	/* private */
	struct smtp_reader reader;
	int64_t reply_since_us;
	bool was_ready;
};

/* smtp_monitorcb_t; arg is the struct wire. */
void wire_monitor(const char *buf, int n, int writing, void *arg);
/* End the conversation from inside a callback: the library finds the connection closed. */
void wire_cut(struct wire *w, enum wire_fault why);
void wire_free(struct wire *w);

#endif
