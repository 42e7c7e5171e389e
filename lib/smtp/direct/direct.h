/*
 * direct.h - engine `direct`: what its files share.
 *
 *   engine.c      the five calls of an engine, the loop, the clock
 *   destination.c the mails of one route, its hosts, which connections it gets
 *   letter.c      one mail: what each host said, what comes next, the end
 *   kept.c        connections that are kept
 *   connection.c  one socket: connecting, TLS, octets in and out, deadlines
 *   dialogue.c    replies and what they mean
 *   pipeline.c    commands, as many as may be on their way
 *   stream.c      the mail as the wire wants it
 *   hello.c       what the server offers
 *   trouble.c     destinations that were slow a short while ago
 *
 * Ownership: the engine owns destinations and their letters from deliver() to finish(), and connections for as long as
 * they are kept. A connection belongs to a destination while it works for it and keeps its own copy of all names, so it
 * outlives the route. Nothing is freed inside an event: dead connections are taken away by the loop.
 */
#ifndef CPMAIL_SMTP_DIRECT_H
#define CPMAIL_SMTP_DIRECT_H

#include <event2/event.h>
#include <openssl/ssl.h>

#include "smtp/prepare.h"
#include "smtp/tls.h"

struct direct;
struct destination;
struct connection;

/* ---- what the server offers (hello.c) ---- */
enum keyword {
	KEYWORD_PIPELINING = 1,
	KEYWORD_8BITMIME = 2,
	KEYWORD_DSN = 4,
	KEYWORD_DELIVERBY = 8,
	KEYWORD_STARTTLS = 16,
	KEYWORD_AUTH_PLAIN = 32,
	KEYWORD_SIZE = 64,
	KEYWORD_SMTPUTF8 = 128,
	KEYWORD_CHUNKING = 256
};

struct offers {
	unsigned keywords;
	int64_t size_limit; /* 0 = none told */
	int64_t by_minimum; /* 0 = none */
	struct buf text;    /* the reply, for keywords that are not in the table */
};

void offers_read(struct offers *o, struct slice reply);
bool offers_word(const struct offers *o, const char *keyword);
void offers_free(struct offers *o);

/* ---- one mail (letter.c) ---- */
enum addressee_state {
	ADDRESSEE_OUT,	   /* takes no part in this transaction */
	ADDRESSEE_ASKED,   /* RCPT is, or will be, sent */
	ADDRESSEE_TAKEN,   /* 2yz */
	ADDRESSEE_CROWDED, /* 452 4.5.3: decided at the end of the transaction */
	ADDRESSEE_ANSWERED
};

struct addressee {
	enum addressee_state state;
	size_t held_at;		 /* the host that spoke last about it, counted from 1 */
	struct smtp_result held; /* what the hosts said so far, in case none says better */
};

enum stage {
	STAGE_WAITING,	/* in the queue of a host */
	STAGE_ENVELOPE, /* MAIL, RCPT are being written */
	STAGE_GO_AHEAD, /* wait for 354, or (BDAT) for the replies to RCPT */
	STAGE_BODY,
	STAGE_FINAL,  /* written to the end */
	STAGE_DRAIN,  /* refused: what was pipelined is still to be answered */
	STAGE_DECIDED /* out of the engine's hands */
};

struct letter {
	struct destination *dest;
	struct smtp_mail *mail;
	struct smtp_body body; /* the mail's, or its 7-bit form */
	struct smtp_scan scan; /* of body */
	bool converted;	       /* body.fd is ours */
	bool no_dsn, no_by;    /* the server took offence at them */
	bool slow;	       /* a host was left for want of patience */
	size_t host;	       /* it waits for, or talks to */
	int restarts;	       /* how often it was thrown back before its turn had come */
	struct letter *next;   /* in the queue */
	/* of the transaction in progress */
	enum stage stage;
	size_t cursor;	/* 0 MAIL, 1.. RCPT */
	size_t pending; /* replies it waits for */
	size_t taken;
	bool answered; /* any reply came */
	bool odd;      /* MAIL was refused and RCPT taken all the same */
	bool refused, with_dsn, with_by, chunked;
	int64_t begun_us;
	int64_t offset; /* of body, written so far */
	int64_t end_at; /* octets of the connection up to and including the end of the mail */
	bool line_start;
	size_t naddressees;
	struct addressee to[];
};

struct letter *letter_new(struct destination *dest, struct smtp_mail *m);
void letter_free(struct letter *l);
/* Into the queue of the host that it wants, or of the next that is not down; decided when there is none left. front:
 * before the others. */
void letter_enqueue(struct letter *l, bool front);
/* Before MAIL: does the server offer what it needs? Makes the 7-bit form. false: it is decided, or waits elsewhere. */
bool letter_fits(struct letter *l, struct connection *c);
/* A transaction begins: who takes part. */
void letter_begin(struct letter *l);
/* A reply for addressee i, or for all that still take part. */
void letter_answer(struct letter *l, size_t i, enum smtp_at at, int code, const char *enhanced, const char *text,
		   const char *host);
void letter_answer_all(struct letter *l, enum smtp_at at, int code, const char *enhanced, const char *text,
		       const char *host);
/* Keep r for all that are open, as the word of the host that it wants. */
void letter_hold(struct letter *l, const struct smtp_result *r);
/* The transaction is over: again, the next host, or decided. */
void letter_end(struct letter *l);
/* The connection was lost while this one was in the middle of its transaction. lost: between the end of the mail and
 * the reply. */
void letter_interrupted(struct letter *l, const char *why, const char *host, bool lost);
/* The connection was lost before its turn had come. */
void letter_restart(struct letter *l);
/* Not to be tried further in this lane. */
void letter_give_up(struct letter *l, enum smtp_given_up why);
void letter_conclude(struct letter *l);

/* ---- the mails of one route (destination.c) ---- */
struct host {
	const struct smtp_host *at;
	char *key; /* of connections that may be used for it */
	struct letter *first, **last;
	size_t waiting;
	size_t address;	    /* to be tried */
	size_t connections; /* open or being opened */
	size_t ready;	    /* of them in use, or fit for it */
	size_t limit;	    /* the host itself set */
	size_t strikes;	    /* connections lost in a dialogue, none between them that carried a mail */
	bool clear;	    /* TLS failed: without it */
	bool down, slow;    /* down: nothing more goes there; slow: for want of patience */
	struct smtp_result trouble;
};

struct destination {
	struct direct *engine;
	const struct smtp_route *route;
	struct host *hosts;
	size_t nhosts;
	struct letter **letters;
	size_t nletters;
	bool session_ends;
	char *session;
	uint64_t id; /* for the table of slow ones */
	enum smtp_given_up given_up;
	struct destination *next;
};

void destination_add(struct direct *d, const struct smtp_route *route, struct smtp_mail *const *mails, size_t n);
void destination_free(struct destination *dest);
/* Give the waiting letters to connections, open more. */
void destination_schedule(struct destination *dest, size_t share);
bool destination_waits(const struct destination *dest);
/* Everything that waits goes to another lane, or back. */
void destination_give_up(struct destination *dest, enum smtp_given_up why);
/* An address of the host does not serve: the next one, else the host is down. slow: it was our patience that ended. */
/* A connection was lost in the dialogue before it carried a mail: after some in a row the host has failed. */
void host_strike(struct destination *dest, size_t host, const struct smtp_result *why);
void host_failed(struct destination *dest, size_t host, const struct smtp_result *why, bool slow);
/* The host refuses everybody. */
void host_down(struct destination *dest, size_t host, const struct smtp_result *why, bool slow);
/* It will not take anything from us, nor will another: 5yz to EHLO. */
void host_final(struct destination *dest, size_t host, const struct smtp_result *why);

/* ---- one socket (connection.c) ---- */
enum phase { PHASE_CONNECT, PHASE_HANDSHAKE, PHASE_HELLO, PHASE_READY, PHASE_QUIT, PHASE_DEAD };

enum step {
	STEP_GREETING,
	STEP_EHLO,
	STEP_HELO,
	STEP_STARTTLS,
	STEP_AUTH,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_END, /* the final dot, or the last BDAT */
	STEP_RSET,
	STEP_QUIT
};

struct expected {
	enum step step;
	struct letter *letter; /* NULL: of the connection */
	size_t rcpt;
};

struct connection {
	struct direct *engine;
	struct destination *dest; /* NULL: kept, idle */
	size_t host;
	char *key;
	char name[256];
	char address[64];
	int port;
	enum smtp_tls tls;
	bool session;
	enum phase phase;
	int fd;
	SSL *ssl;
	struct event *readable, *writable;
	bool writing; /* writable is armed */
	struct buf out;
	size_t out_done;
	int64_t put, sent; /* octets so far */
	struct smtp_reader reader;
	struct expected *expected; /* ring */
	size_t head, count, room;
	struct offers offers;
	struct letter *letter; /* that is being written */
	bool secure;	       /* TLS stands */
	bool reset;	       /* RSET before the next MAIL */
	bool closing;	       /* nothing new on it */
	bool alive;	       /* in engine.nconnections */
	bool counted;	       /* in host.ready */
	bool kept;	       /* from an earlier batch, and nothing was answered on it since */
	bool progress;	       /* a mail was answered on it */
	int64_t waiting_us;    /* since when the reply that is due, or room to write, is waited for */
	int64_t idle_us;       /* since when it is idle */
	struct connection *next;
};

/* Begin one for a host of dest; failures are reported through host_failed(). */
void connection_open(struct destination *dest, size_t host);
/* Put octets behind what is to be written; they go out with connection_flush(). */
void connection_flush(struct connection *c);
/* There is more to be written, after the others have had their turn. */
void connection_continue(struct connection *c);
void connection_expect(struct connection *c, enum step step, struct letter *l, size_t rcpt);
void connection_start_tls(struct connection *c);
/* It is over, for the reason why; letters on it are thrown back. slow: it was our patience that ended. */
void connection_lost(struct connection *c, const char *why, bool slow);
/* Over, and nobody is to be told. */
void connection_kill(struct connection *c);
/* Say QUIT, wait for the end a short while. */
void connection_quit(struct connection *c);
/* Once in a while: what has waited too long. */
void connection_watch(struct connection *c, int64_t now);
void connection_free(struct connection *c);

/* ---- replies (dialogue.c), commands (pipeline.c), the mail (stream.c) ---- */
/* Octets that came. */
void dialogue_read(struct connection *c, const char *p, size_t n);
/* TLS stands. */
void dialogue_secure(struct connection *c);
/* Write what may be written now. */
void pipeline_pump(struct connection *c);
/* Append a piece of the mail; 1: more to come, 0: that was all (with the end mark), -1: it cannot be read. */
int stream_put(struct letter *l, struct buf *out, char *piece, size_t size);

/* ---- connections that are kept (kept.c) ---- */
/* An idle one under the key, taken out of idleness; NULL if there is none that is alive. */
struct connection *kept_take(struct direct *d, const char *key);
/* Nothing to do at this moment. */
void kept_give(struct connection *c);
/* Close one idle connection to make room; false if there is none. */
bool kept_evict(struct direct *d);
/* Those that were idle too long say QUIT; milliseconds until the next is due, -1 = none is kept. */
int kept_expire(struct direct *d);
void kept_end_session(struct direct *d, const char *key);

/* ---- slow destinations (trouble.c) ---- */
enum { TROUBLE_SLOTS = 4096, TROUBLE_S = 120, REST_S = 15 };
struct trouble {
	struct {
		uint64_t id;
		int64_t until_us;
	} slot[TROUBLE_SLOTS];
};
uint64_t trouble_id(const char *what, const char *name, int port);
void trouble_set(struct trouble *t, uint64_t id, int64_t until_us);
bool trouble_is(const struct trouble *t, uint64_t id, int64_t now_us);

/* ---- the engine ---- */
struct direct {
	struct smtp_settings settings;
	struct smtp_tls_context *tls;
	struct event_base *base;
	struct event *tick;
	struct destination *destinations;
	size_t turn; /* which destination is served first */
	struct connection *connections;
	size_t nconnections;
	size_t open; /* letters that are not decided */
	int64_t begun_us;
	bool stopped;
	bool starving; /* a destination has no connection for want of room */
	size_t share;  /* connections that one destination may have now */
	char piece[64 << 10];
	struct trouble slow;
};

enum { CONNECT_S = 30, QUIT_MS = 1000, PIPE_ROOM = 128 << 10, BDAT_AT_ONCE = 64 << 10, SESSION_IDLE_S = 300 };

#endif
