/*
 * connection.h - one connection: private to connection.c and parts.c.
 *
 * Ownership: by the server's slot table; connection_end() frees it, after which the pointer is gone.
 */
#ifndef CPMAIL_SIP_LISTEN_CONNECTION_H
#define CPMAIL_SIP_LISTEN_CONNECTION_H

#include "listen.h"

enum { READS_A_TURN = 8 };

struct connection {
	struct server *server;
	uint32_t id;
	struct stream wire;
	struct arrival arrival;
	struct sip_stream stream;
	struct buf out;
	int64_t begun, message_begun;		/* monotonic µs; message_begun 0: between messages */
	size_t held;				/* accounted in server.held */
	const char *closing;			/* to end once out is empty, and why */
	unsigned awaited;			/* final answers it is still to get */
	bool half;				/* the peer sends no more, but may listen */
	bool in_body;
	bool known; /* its certificate was looked at, where there is one */
	/* the message whose body is coming */
	struct sip_message *message; /* NULL: its body is skipped */
	struct buf body;
	struct buf seen; /* for a capture server: the head and the first octets of the body */
	struct frame_blob *blob;
};

void connection_end(struct connection *c, const char *why);
/* Queue octets for it; sent at the end of the turn. */
void connection_put(struct connection *c, struct slice octets);
/* Work off what the stream has; false: the connection has ended. */
bool connection_parts(struct connection *c);
void connection_forget_message(struct connection *c);
/* Bring server.held up to date; over the limit the connection ends. */
void connection_account(struct connection *c);

#endif
