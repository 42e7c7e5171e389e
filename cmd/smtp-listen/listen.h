/*
 * listen.h - the inside of smtp-listen: sockets and connections on one side, sessions and records on the other.
 *
 * One struct server is everything. A turn of its loop reads all that waits, commits the mails that are complete at once,
 * answers them, and sends. Ownership: the server owns all; connection_end() frees a connection.
 */
#ifndef CPMAIL_SMTP_LISTEN_H
#define CPMAIL_SMTP_LISTEN_H

#include "mail.h"
#include "net/listen.h"
#include "net/stream.h"
#include "sip/net.h"
#include "sip/trust.h"

enum {
	READS_A_TURN = 8,
	OUT_PAUSE = 64 << 10,	/* octets unsent: nothing more is read from the peer */
	HANDSHAKE_SECONDS = 30, /* TLS */
	STALL_SECONDS = 60,	/* without an octet of an answer taken */
	DATA_SECONDS = 3600,	/* a whole mail */
	CROWDED_SECONDS = 30,	/* idle, when three quarters of the sessions are taken */
	LOGGED_A_SECOND = 50,	/* refusals */
	RATES = 8192,		/* originators that are counted at a time */
};

struct server;

struct socket_of {
	struct server *server;
	int fd;
	bool lmtp, local; /* local: a Unix socket */
	char *path;	  /* of our own making; removed at the end */
	struct event *readable;
};

struct connection {
	struct server *server;
	struct connection *next, *prev;
	struct stream stream;
	bool lmtp, local;
	union sip_addr peer;
	char name[SIP_ADDR_TEXT]; /* of the peer, for people */
	struct smtpd smtp;
	struct mail_store store;
	struct buf in; /* octets that the session has not taken yet */
	char id[RECORD_ID]; /* of the mail that waits for the commit */
	int64_t command;    /* monotonic µs: a command was completed */
	unsigned commands;
	size_t waiting; /* its place in server.waiting, + 1; 0: none */
	/* inline_result: the mail is stored, its answer waits for what is said of each recipient */
	bool asking, ask; /* ask: that is what shall be done when it is stored */
	struct smtpd_said *said;
	size_t unsaid;
	int64_t ask_until; /* monotonic µs */
};

/* How many mails an originator has sent of late. */
struct rate {
	uint64_t who;
	int64_t since; /* s, monotonic */
	int count;
};

struct server {
	struct frame *frame;
	struct loop loop;
	struct streams streams;
	struct socket_of **socket;
	size_t sockets;
	struct mail_users users;
	struct sip_trust blocked;
	struct smtpd_rules rules;
	const char *gateway;
	SSL_CTX *tls;
	struct connection *connections;
	size_t sessions;
	struct connection **waiting; /* to be answered by the commit; NULL: gone */
	size_t nwaiting, waiting_room;
	bool accept_paused;
	struct rate *rate;
	/* from options and configuration */
	char **listen;
	size_t nlisten;
	int ready_fd;
	const char *aliases; /* --aliases */
	int64_t sessions_most, sessions_peer, idle_seconds, rate_most;
	bool inline_result;
	struct event *input; /* smtp.reply records; NULL: there is no queue of them */
	bool input_ready;
	/* of this turn */
	int64_t now; /* monotonic µs */
	bool full, full_known;
	int refusals; /* logged in this second */
	int64_t refusals_since;
};

/* ---- connection.c ---- */
extern const struct stream_ops connection_ops;
void connection_acceptable(evutil_socket_t fd, short what, void *arg);
void connection_end(struct connection *c, const char *why);
/* The session can go on with what is there. */
void connection_go_on(struct connection *c);
/* Once a second: ends those that are slow, stalled or idle. */
void connections_sweep(struct server *s);
/* Tell everybody that we end. */
void connections_shutdown(struct server *s);
void connections_close(struct server *s);

/* ---- session.c: what a session asks, and the commit ---- */
extern const struct smtpd_ops session_ops;
void session_commit(struct server *s);
bool server_full(struct server *s);
bool server_may_log(struct server *s);

/* ---- inline.c: answers that wait for the SIP side ---- */
bool inline_wanted(const struct connection *c);
/* Until when, ms since 1970: for the record. */
int64_t inline_answer_by(int64_t now_ms);
/* The mail is stored: wait. */
void inline_begin(struct connection *c);
/* Answer with what was said; of whom nothing was said, it is queued. */
void inline_settle(struct connection *c);
void inline_settle_all(struct server *s);
/* The step: a smtp.reply record. */
void inline_take(struct frame_item *it, void *server);

/* ---- socket.c ---- */
void sockets_open(struct server *s);
void sockets_close(struct server *s);

/* ---- tls.c ---- */
/* Certificate and key as configured; none: STARTTLS is not offered. At a reload what cannot be used changes nothing. */
void tls_read(struct server *s, bool again);

/* ---- count.c ---- */
extern const struct metric server_metrics[];
void server_measure(struct frame *f, void *ctx);
void server_count_answer(struct server *s, enum smtpd_answer a);

#endif
