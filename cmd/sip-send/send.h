/*
 * send.h - sip-send: what its files share.
 *
 * A task is one sip.send in work: it lives until its record is concluded, which may be several batches later. A record
 * whose answer is still awaited at the end of a batch is deferred for a moment; its task goes on and is found again by
 * the record's id. Tasks to one URI stand in a lane, of which the first alone is under way (RFC 3428 8).
 */
#ifndef CPMAIL_SIP_SEND_H
#define CPMAIL_SIP_SEND_H

#include "frame/frame.h"
#include "sip/client.h"
#include "sip/digest.h"
#include "sip/net.h"
#include "wires.h"

enum {
	HOPS_MAX = 16,
	UDP_MAX = 1300,		/* octets of a request that may go by UDP (RFC 3261 18.1.1) */
	PATIENCE_MS = 1000,	/* how long a batch waits for its own requests */
	COME_BACK_US = 1000000, /* when a record that is still under way is looked at again */
	LANE_BLOCK_MS = 60000,	/* how long one that waits for its next try holds up those behind it (7.8) */
	REST_DEFAULT_S = 30,	/* a target that said 503 without Retry-After (1.16) */
	REST_MAX_S = 600,
	BUCKETS = 1024,
	RESTS_MAX = 64,
	NONCES_MAX = 16
};

/* What a peer cannot do (A.4). */
enum quirk {
	QUIRK_TEXT_ONLY = 1,
	QUIRK_NO_DATETIME = 2,
	QUIRK_FROM_SAME = 4,
	QUIRK_PLAIN_CPIM = QUIRK_NO_DATETIME | QUIRK_FROM_SAME
};

struct hop {
	struct wire_target target;
	char *name;
};

enum task_state { TASK_WAITS, TASK_ACTIVE, TASK_DONE };

struct task {
	struct task *chain, *behind; /* of its bucket; in its lane */
	struct task *next_ready;
	bool ready;    /* stands in the list of those to be gone on with */
	char lost[64]; /* why its way is gone; empty: it is not */
	int64_t done_at;
	struct lane *lane;
	struct frame_item *item; /* NULL between batches */
	char id[RECORD_ID];
	char *trace;
	int tries;
	json_t *member;
	const char *method, *uri; /* in member */
	struct buf body;       /* or, of a blob, its beginning */
	struct wire_rest rest; /* and what follows; fd -1: nothing */
	enum task_state state;
	bool fresh; /* its batch waits for it */

	struct hop hops[HOPS_MAX];
	size_t nhops, hop;
	struct wire_target now; /* where it is going: the hop, or the same by TCP */
	bool by_tcp, no_tcp;	/* too large for UDP; and refused there */
	char call_id[24], tag[20];
	uint32_t cseq;
	int sends; /* transactions so far */
	struct sip_client *client;
	uint64_t link;
	struct buf wire;
	char branch[SIP_CLIENT_BRANCH];

	int auths;
	bool by_proxy; /* the challenge was a 407 */
	struct sip_challenge challenge;
	unsigned quirks;
	bool fell_back, learnt, renewed;

	int status; /* of the final result, 0: none yet */
	char *reason, *product, *contact;
	json_t *headers;
	int64_t retry_after;
	char target[SIP_ADDR_TEXT + 8];
	const char *transport;
};

struct lane {
	struct lane *chain;
	char *uri;
	struct task *first, *last;
	int64_t blocked_until; /* ms; by the record blocked_by */
	char blocked_by[RECORD_ID];
};

struct nonce {
	struct sip_challenge challenge;
	bool by_proxy;
	union sip_addr peer;
	uint32_t count;
};

struct send {
	struct frame *frame;
	const struct conf *conf;
	bool patient; /* there is no queue to come back from */
	struct wires *wires;
	struct sip_clients *clients;
	struct sip_message response;
	struct task *tasks[BUCKETS];
	struct lane *lanes[BUCKETS];
	struct task *ready, **ready_end;
	size_t under_way; /* tasks not done */
	size_t wanted;	  /* of this batch, not done */
	struct {
		union sip_addr peer;
		int64_t until; /* monotonic */
	} rests[RESTS_MAX];
	struct nonce nonces[NONCES_MAX];
	struct sqlite3 *peers; /* the state store that find is prepared for */
	struct sqlite3_stmt *find;
};

/* task.c */
/* The task of an item's record, made if there is none; NULL: the item has failed, or was deferred. */
struct task *task_of(struct send *s, struct frame_item *it);
/* Call-ID, tag and CSeq of this try. */
void task_make_ids(struct task *t);
void task_free(struct send *s, struct task *t);
int task_tries(const struct frame_item *it);
/* Start what may start, take what came in within ms, and look at the timers. */
void tasks_run(struct send *s, int ms);
/* Milliseconds until a timer is due, at most most. */
int tasks_wait(const struct send *s, int most);
void tasks_lost(void *ctx, uint64_t link, const union sip_addr *peer, const char *why);
void tasks_progress(void *ctx, uint64_t link);
void tasks_received(void *ctx, const union sip_addr *peer, struct slice head);
/* Nobody came back for these: their records were taken away by hand. */
void tasks_sweep(struct send *s);
void tasks_end(struct send *s);

/* capture.c */
/* A copy for the capture server (hep_address). */
void send_seen(void *ctx, const struct wire_seen *m);

/* answer.c */
void task_answered(struct send *s, struct task *t, const struct sip_message *m, const char *reason);
void task_timed_out(struct send *s, struct task *t);
void task_lost(struct send *s, struct task *t, const char *why);
/* Is the target of this hop not to be asked for a while? */
bool target_rests(const struct send *s, const union sip_addr *peer);
/* The result is known. */
void task_done(struct send *s, struct task *t, int status, const char *reason);
/* It can go on: looked at in the next tasks_run(). */
void task_ready(struct send *s, struct task *t);

/* lane.c */
struct lane *lane_of(struct send *s, const char *uri);
void lane_leave(struct send *s, struct task *t);
/* This one has to be tried again, and holds up those behind it. */
void lane_block(struct send *s, struct lane *l, const struct task *head);
void lanes_sweep(struct send *s, int64_t now_ms);

/* request.c */
/* The octets of the next transaction into t->wire, with branch, for t->now. */
void request_build(struct send *s, struct task *t);

/* auth.c */
/* A 401 or 407: true if there is an answer, which the next request carries. */
bool auth_challenged(struct send *s, struct task *t, const struct sip_message *m);
/* Append the header with credentials: for the challenge of this task, or ahead for a peer that asked before. */
void auth_put(struct send *s, struct task *t, struct buf *out);
void auth_forget(struct send *s);

/* quirks.c */
extern const char quirks_schema[];
/* What is known about the peer behind the task's URI. */
unsigned quirks_find(struct send *s, const struct task *t);
/* Remember what was found out: product, and that only text, or only a plain CPIM got through. */
void quirks_learn(struct send *s, const struct task *t);
/* Let go of the state store. */
void quirks_end(struct send *s);
/* The body and its type as the peer can take them. */
void quirks_apply(const struct task *t, struct buf *type, struct buf *body);
bool quirks_is_cpim(const struct task *t);
/* Is there a text inside that the peer could take instead? */
bool quirks_has_text(const struct task *t);

/* result.c */
extern const struct metric send_metrics[];
void task_note(const struct task *t, struct frame_item *it);
/* The answer that was noted before a crash; false: the note cannot be read. */
bool task_take_note(struct task *t, const char *note);
void task_conclude(struct send *s, struct task *t);

#endif
