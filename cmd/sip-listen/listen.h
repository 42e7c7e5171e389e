/*
 * listen.h - the inside of sip-listen: sockets and connections on one side, transactions and records on the other.
 *
 * One struct server is everything. A turn of its loop reads all that waits, commits it once, answers what the commit
 * and the deadlines decide, and sends. Ownership: the server owns all; a connection is named by its id, as it may end
 * at any time.
 */
#ifndef CPMAIL_SIP_LISTEN_H
#define CPMAIL_SIP_LISTEN_H

#include "frame/frame.h"
#include "map/address.h"
#include "net/listen.h"
#include "net/stream.h"
#include "sip/check.h"
#include "sip/transaction.h"
#include "sip/trust.h"

enum {
	DATAGRAMS = 64,		     /* read in one system call */
	DATAGRAM_MAX = 65536,	     /* octets */
	TURN_REQUESTS = 1024,	     /* committed at once */
	PEER_CONNECTIONS = 64,	     /* of one untrusted address */
	CAPTURE_MAX = 16 << 10,	       /* octets of a body that a capture server gets from a stream */
	OUT_PAUSE = 64 << 10,	     /* octets unsent: nothing more is read from the peer */
	OUT_MAX = 256 << 10,	     /* octets unsent: the connection ends */
	STREAMS_HELD_MAX = 64 << 20, /* octets of unfinished messages, all connections */
	HANDSHAKE_SECONDS = 10,	     /* TLS, and connecting out */
	HEAD_SECONDS = 10,	     /* from its first octet to its last */
	STALL_SECONDS = 20,	     /* without an octet of a body, or of an answer taken */
	MESSAGE_SECONDS = 300,	     /* a whole message */
	IDLE_SECONDS = 900,	     /* between messages */
	CROWDED_IDLE_SECONDS = 30,   /* the same when three quarters of the connections are taken */
	RETRY_LEAST = 5,
	RETRY_SPAN = 26, /* Retry-After 5..30 (1.16) */
};

struct server;
struct connection;

struct socket_of {
	struct server *server;
	enum sip_transport transport;
	union sip_addr addr;
	int fd;
	struct event *readable;
	uint16_t index;
};

/* A datagram on its way out, flushed at the end of the turn. */
struct parcel {
	union sip_addr to;
	const struct socket_of *socket;
	uint8_t local_n, local[16]; /* as in struct sip_source */
	size_t at, n;		    /* in server.out */
};

/* Handed out, not committed yet. */
struct waiting {
	struct sip_transaction *transaction;
	char id[RECORD_ID];
};

struct server {
	struct frame *frame;
	struct loop loop;
	struct streams streams;
	struct socket_of *socket;
	size_t sockets;
	struct sip_transactions *transactions;
	struct sip_trust trust;
	struct sip_policy policy;
	struct map_names *names;
	struct buf recipient;	    /* address of the Request-URI in hand */
	struct sip_message message; /* the request in hand */

	struct waiting *waiting;
	size_t nwaiting, waiting_room;

	struct connection **slot;
	uint32_t slots, connections, generation;
	size_t held;
	bool accept_paused;
	SSL_CTX *tls;

	struct buf out;
	struct parcel *parcel;
	size_t parcels, parcel_room;

	/* from options and configuration */
	char **listen; /* -l, -p */
	size_t nlisten;
	const char *port;
	int index, ready_fd;
	int success;
	int64_t answer_deadline, max_sip_size;
	bool verify_certificates;
	/* of this turn */
	int64_t now; /* monotonic µs */
	bool full, full_known;
	int refusals; /* logged in this second */
	int64_t refusals_since;
};

/* ---- request.c: what a request head deserves ---- */

struct arrival {
	struct sip_source source;
	bool trusted;
	const char *label; /* of the peer, from trusted_peers; may be NULL */
};

/*
 * Judge the head in s->message: true if its body is wanted (then request_take() follows); else it was answered,
 * repeated or dropped. fault: what the framing found wrong (400, 413), 0 = nothing.
 */
bool request_judge(struct server *s, struct sip_message *m, const struct arrival *a, int64_t body_size, int fault,
		   const char *why);
/* The request is complete: a transaction and a record. body may be NULL (adopted). */
void request_take(struct server *s, struct sip_message *m, const struct arrival *a, json_t *body);
/* 503 with Retry-After. */
void request_busy(struct server *s, const struct sip_message *m, const struct arrival *a);
void request_policy(struct server *s);

/* ---- record.c ---- */
/* The same request gives the same id, on whatever branch and after whatever restart it comes again (1.16). */
void record_id_of(const struct sip_transaction *tr, char id[RECORD_ID]);
struct record *record_of_request(struct server *s, struct sip_message *m, const struct arrival *a,
				 const struct sip_transaction *tr, json_t *body);

/* ---- answer.c: answers and deadlines ---- */
void answer_stateless(struct server *s, const struct sip_message *m, const struct sip_source *src, int status,
		      const char *reason, struct slice headers);
void answer_repeat(struct server *s, const struct sip_transaction *tr);
/* Commit what was handed out and answer what that decides. */
void answer_commit(struct server *s);
/* 100, and the final answers that are due. */
void answer_due(struct server *s);
/* The step: a sip.response record. */
void answer_record(struct frame_item *it, void *ctx);

/* ---- capture.c: copies for a capture server ---- */
void capture_in(struct server *s, const struct sip_source *src, struct slice octets);
void capture_out(struct server *s, const struct sip_source *src, const union sip_addr *target, struct slice octets);

/* ---- count.c ---- */
extern const struct metric server_metrics[];
void server_measure(struct frame *f, void *ctx);
/* The gauges of a server that has stopped. */
void server_ended(struct server *s);
void server_count_answer(struct server *s, int status);
void server_count_repeat(struct server *s);

/* ---- socket.c ---- */
void sockets_open(struct server *s);
void sockets_close(struct server *s);
/* Queue octets for the peer: on its connection, on a new one to target, or as a datagram. */
void source_send(struct server *s, const struct sip_source *src, const union sip_addr *target, struct slice octets);

/* ---- datagram.c ---- */
void datagram_readable(evutil_socket_t fd, short what, void *arg);
void datagram_send(struct server *s, const struct sip_source *src, const union sip_addr *to, struct slice octets);
void datagrams_flush(struct server *s);

/* ---- connection.c ---- */
extern const struct stream_ops connection_ops;
void connections_init(struct server *s, uint32_t most);
void connection_acceptable(evutil_socket_t fd, short what, void *arg);
/* By id; false if it is gone. */
bool connection_send(struct server *s, uint32_t id, struct slice octets);
/* A new one, for an answer whose connection is gone. */
void connection_open(struct server *s, uint16_t index, const union sip_addr *to, struct slice octets);
/* Once a second: ends those that are slow, stalled or idle. */
void connections_sweep(struct server *s);
/* Does any connection still have something to send? The next streams_flush() tries again. */
bool connections_unsent(struct server *s);
void connections_close(struct server *s);

/* ---- tls.c ---- */
void tls_init(struct server *s);
/* Certificate and authorities anew, for connections to come; if they cannot be used, the old ones stay. */
void tls_again(struct server *s);
/* The element of the trust domain that the peer's certificate names, NULL: none. */
const struct sip_trust_element *tls_trusted(struct server *s, SSL *ssl);

#endif
