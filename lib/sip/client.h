/*
 * client.h - non-INVITE client transactions (RFC 3261 17.1.2): timers E, F and K, and which response belongs to which.
 *
 * A machine without sockets and without a clock: the owner sends, and says what time it is. Keyed by branch and method
 * under a keyed hash. Ownership: the table owns its transactions; a pointer to one lives until sip_client_end(), or
 * until it was completed: a completed one only absorbs (timer K) and is no longer the owner's. Times: monotonic
 * microseconds.
 */
#ifndef CPMAIL_SIP_CLIENT_H
#define CPMAIL_SIP_CLIENT_H

#include "sip/message.h"

enum {
	SIP_T1_US = 500000,
	SIP_T2_US = 4000000,
	SIP_T4_US = 5000000,
	SIP_CLIENT_BRANCH = 40 /* octets of a branch and its NUL, at most */
};

enum sip_client_state { SIP_CLIENT_TRYING, SIP_CLIENT_PROCEEDING, SIP_CLIENT_COMPLETED };

struct sip_client {
	struct sip_client *next; /* chain */
	enum sip_client_state state;
	bool reliable;	      /* a stream: no E, K is 0 */
	int64_t due, timeout; /* next timer; timer F */
	int64_t interval;     /* of timer E */
	size_t place;	      /* in the heap */
	int sent;	      /* how often the request went out */
	void *data;	      /* the owner's; NULL once it is completed */
	char method[16];
	char branch[SIP_CLIENT_BRANCH];
};

enum sip_client_event {
	SIP_CLIENT_NOTHING,
	SIP_CLIENT_PROGRESS, /* a provisional response */
	SIP_CLIENT_FINAL,    /* the first final response: the transaction is no longer the owner's */
	SIP_CLIENT_RESEND,   /* timer E: send the request again */
	SIP_CLIENT_TIMEOUT   /* timer F: no final response; the owner ends it */
};

struct sip_clients;

struct sip_clients *sip_clients_new(void);
void sip_clients_free(struct sip_clients *t);
/* All of them, those that only absorb included. */
size_t sip_clients_count(const struct sip_clients *t);

/* The request goes out now (the owner sends it). branch and method are copied. */
struct sip_client *sip_client_start(struct sip_clients *t, const char *branch, const char *method, bool reliable,
				    void *data, int64_t now);
/* The request is still going out, on a stream: timer F begins anew. */
void sip_client_postpone(struct sip_clients *t, struct sip_client *c, int64_t now);
/* The transaction that a response belongs to, by the branch of its top Via and the method of its CSeq; NULL: none. */
struct sip_client *sip_clients_match(struct sip_clients *t, const struct sip_message *response);
/* What a response with this status means to it: NOTHING, PROGRESS or FINAL. */
enum sip_client_event sip_client_response(struct sip_clients *t, struct sip_client *c, int status, int64_t now);
/* The next timer that is over: RESEND or TIMEOUT and *c; NOTHING: none is, those that ended were removed. */
enum sip_client_event sip_clients_due(struct sip_clients *t, int64_t now, struct sip_client **c);
/* When sip_clients_due() should be called next; -1: never. */
int64_t sip_clients_next(const struct sip_clients *t);
/* It is over: a transport error, timer F, or nobody wants it any more. */
void sip_client_end(struct sip_clients *t, struct sip_client *c);

#endif
