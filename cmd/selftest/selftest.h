/*
 * selftest.h - selftest: a message of its own through a running gateway, and where it is.
 *
 * Ownership: a struct probe owns its texts and socket.
 */
#ifndef CPMAIL_SELFTEST_H
#define CPMAIL_SELFTEST_H

#include "base/buf.h"
#include "record/record.h"

#include <stdint.h>

struct probe {
	const char *gateway; /* HOST:PORT or [IPV6]:PORT */
	const char *from, *to;
	int fd;
	char token[33];		/* stands in the text, Call-ID, tag and branch */
	char trace[RECORD_ID];	/* of all records it causes */
	struct buf request;
	int64_t sent_us;	/* monotonic */
	int status;		/* final answer; 0: none */
	char reason[64];
};

/* ---- message.c: SIP ---- */
/* Open the socket and write the request; the process ends with 100 if the address is none. */
void probe_open(struct probe *p);
/* Send it, again as long as nothing comes back (RFC 3261 17.1.2), until the final answer or the deadline (monotonic us). False: no answer. */
bool probe_ask(struct probe *p, int64_t deadline_us);
void probe_close(struct probe *p);

/* ---- where.c: the queues ---- */
struct where {
	bool found, failed;
	char text[400]; /* "mail.out waits for smtp-send: 4.4.1 no connection" */
};
/* Look for records of the trace that are in a queue of the spool now. */
void where_look(const char *root, const char *trace, struct where *w);
/* Does a file of the Maildir hold the token? */
bool where_in_maildir(const char *maildir, const char *token);

#endif
