/*
 * transaction.h - the server transactions: what was asked, whether it was answered, and the answer again for whoever
 * asks again (RFC 3261 17.2; 1.16).
 *
 * Keyed by top-Via branch, sent-by and method under a keyed hash, as the network chooses the keys; requests of RFC 2543
 * by Request-URI, tags, Call-ID, CSeq and top Via. Every life has the same three lengths (100 at 3.5 s, the answer
 * deadline, 64*T1 after the answer), so each deadline queue is a plain list in order of arrival.
 *
 * Ownership: the table owns its transactions. A pointer to one lives until the next call of sip_transactions_due() or
 * until it is answered on a stream (such a transaction ends with its answer). Times: monotonic microseconds.
 */
#ifndef CPMAIL_SIP_TRANSACTION_H
#define CPMAIL_SIP_TRANSACTION_H

#include "sip/response.h"

enum { SIP_TRANSACTION_NAME = 40 };

struct sip_transactions;

enum sip_transaction_state { SIP_TRYING, SIP_PROCEEDING, SIP_COMPLETED };

struct sip_transaction {
	struct sip_transaction *next, *next_merge; /* chains of the two hash tables */
	struct sip_transaction *later, *sooner;	   /* the deadline queue of its state */
	uint64_t hash, merge_hash, serial;
	int64_t due, begun;
	struct sip_source source;
	union sip_addr target; /* where the response goes when no stream carries it */
	uint16_t status;       /* of the final response, 0 = none yet */
	uint8_t state;
	bool merges; /* in the second table: no To tag, in progress */
	bool tried;  /* a 100 was due */
	uint32_t to_end;
	uint32_t key_n, merge_n, text_n;
	char *text; /* the lines that every response repeats; once completed, the final response */
	char key[]; /* key, then merge key */
};

struct sip_transaction_limits {
	size_t count;	      /* live transactions */
	size_t octets;	      /* memory of all of them */
	int64_t trying_us;    /* when a 100 is due */
	int64_t answer_us;    /* when the answer is due; counted from the receipt; < 0: never */
	int64_t completed_us; /* how long an answer over UDP is repeated */
};

/* The figures of 1.2 and 1.16, with the answer deadline in seconds. */
struct sip_transaction_limits sip_transaction_limits_default(int64_t answer_deadline);

struct sip_transactions *sip_transactions_new(const struct sip_transaction_limits *limits);
void sip_transactions_free(struct sip_transactions *t);
size_t sip_transactions_count(const struct sip_transactions *t);
size_t sip_transactions_octets(const struct sip_transactions *t);
/* Would another one go over a limit? */
bool sip_transactions_full(const struct sip_transactions *t);

/* The transaction that a request belongs to, NULL if it is a new one. An ACK finds the INVITE's. */
struct sip_transaction *sip_transactions_match(struct sip_transactions *t, const struct sip_message *m);
/* Is the same request, come another way, still in progress (RFC 3261 8.2.2.2)? */
bool sip_transactions_merged(struct sip_transactions *t, const struct sip_message *m);
/* A new one for a request that matches none. */
struct sip_transaction *sip_transactions_add(struct sip_transactions *t, const struct sip_message *m,
					     const struct sip_source *src, int64_t now);
/* What makes the request this one on whatever branch it comes: From tag, Call-ID, CSeq. Octets, not text. */
struct slice sip_transaction_request(const struct sip_transaction *tr);
/* The name under which records speak of it; and back: NULL if it is gone, or of an earlier process. */
void sip_transaction_name(const struct sip_transaction *tr, char out[SIP_TRANSACTION_NAME]);
struct sip_transaction *sip_transactions_named(struct sip_transactions *t, const char *name);

/*
 * Answer: the octets to be sent (and repeated, if final) are appended to out. Only the first final response counts:
 * false, and nothing, for all that follow. extra: header lines. After a final answer over a stream the transaction is
 * gone.
 */
bool sip_transaction_answer(struct sip_transactions *t, struct sip_transaction *tr, int status, const char *reason,
			    struct slice extra, int64_t now, struct buf *out);
/* What a retransmission gets: the final response, or 100 if one was sent; empty: nothing yet. */
void sip_transaction_repeat(const struct sip_transaction *tr, struct buf *out);

/*
 * The next transaction whose time has come, NULL if none. Its due is still to come: a 100 is to be sent (once). Its due
 * is over: the final answer is, and it is handed out again until it has one. Completed ones end in silence.
 */
struct sip_transaction *sip_transactions_due(struct sip_transactions *t, int64_t now);
/* When sip_transactions_due() should be called next; -1: never. */
int64_t sip_transactions_next(const struct sip_transactions *t);

/* The To tag of a stateless answer: the same for each retransmission. */
void sip_tag_stateless(const struct sip_message *m, char out[SIP_TAG]);

#endif
