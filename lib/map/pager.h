/*
 * pager.h - one MESSAGE on its way to being a mail: what was read from the request, what the tables T1, T2 and 3.11
 * made of it.
 *
 * Ownership: struct pager owns all it holds but what pager_begin() was given, which must live as long; pager_end() ends
 * it. The order of calls is pager_begin(), pager_recipients(), pager_build(). Private to lib/map and the program that
 * runs it.
 */
#ifndef CPMAIL_MAP_PAGER_H
#define CPMAIL_MAP_PAGER_H

#include "conf/conf.h"
#include "cpim/cpim.h"
#include "cpim/lists.h"
#include "map/address.h"
#include "map/party.h"
#include "map/sink.h"

enum { PAGER_PAI_MAX = 8, PAGER_ADDRESSES_MAX = 600, PAGER_CPIM_DEPTH = 3 };
enum { PAGER_REFERENCES = 10 }; /* beside the root (T2) */

enum pager_verdict {
	PAGER_MAIL,   /* go on */
	PAGER_ANSWER, /* answer with status and reason; no mail */
	PAGER_ENUM,   /* the number in enum_wanted must be looked up first (2.7) */
	PAGER_TROUBLE /* a blob could not be read or written: again later; error holds errno */
};

/* What the program remembers of earlier mails, for In-Reply-To: false if there is none. */
typedef bool pager_thread_lookup(void *ctx, const char *contr, bool private, struct buf *msgid, struct buf *references);
/* The References of the next mail in a conversation with an e-mail user who has written in it, and the Subject of what
 * he wrote; false: unknown. */
typedef bool pager_conversation_lookup(void *ctx, const char *conv, const char *address, bool private,
				       struct buf *references, struct buf *subject);

/* What a map works with; the same for every message. */
struct map_tools {
	const struct conf *conf;
	const struct map_names *names;
	const struct map_io *io;
	pager_thread_lookup *thread;		 /* may be NULL */
	pager_conversation_lookup *conversation; /* may be NULL */
	void *thread_ctx;			 /* of both */
};

enum list_kind { LIST_NONE, LIST_HISTORY, LIST_EXPLODE };

/* A set of addresses in order; each is there once. */
struct address_set {
	char **v;
	size_t n;
};

struct refused {
	char *uri;
	const char *enhanced; /* RFC 3463 code */
};

struct part; /* content.h */

struct pager {
	const struct map_tools *tools;
	const struct record *in;
	const json_t *sip, *headers;
	int64_t now_ms, received_ms;

	/* who */
	struct party pai[PAGER_PAI_MAX], from, to, reply_to, referred_by;
	size_t npai;
	const char *originator; /* URI of one of the above */
	struct buf originator_uri; /* the same normalised; after pager_recipients() */
	bool private;

	/* ids */
	const char *call_id;
	char cseq[12];
	struct buf conv, contr, msgid;
	bool conv_given; /* Conversation-ID was in the request */
	const char *answered_contr; /* InReplyTo-Contribution-ID, NULL if there is none */
	struct buf in_reply_to, references;
	struct buf talk_references, talk_subject; /* of its conversation, once it was looked up */
	bool talk_asked, talk_known;

	/* content */
	struct source body;
	int body_fd;
	struct buf body_octets;
	struct buf *held; /* decoded composites that parts point into */
	size_t nheld;
	struct cpim cpim;
	bool wrapped;	   /* cpim was read */
	bool cpim_foreign; /* its From is another user than the request's */
	struct lists list;
	enum list_kind list_kind;
	struct part *content; /* NULL: nothing that a person could read */
	int nparts, nfiles;
	bool report; /* an IMDN report was seen */
	bool expired; /* Expires was over on arrival: answered, no mail (1.3) */
	bool eightbit;

	/* recipients */
	struct address_set rcpt, shown; /* shown: in To and Cc so far */
	size_t rcpt_at;			/* whose ORCPT is asked for */
	struct refused *refused;
	size_t nrefused;
	struct buf enum_wanted;
	bool utf8;  /* an address of the envelope is not ASCII: SMTPUTF8 */
	bool blind; /* the only recipient got a blind copy (1.4) */
	struct buf mail_from;
	struct buf author; /* MAIL FROM without its suffix (2.1, subaddress) */
	int64_t expires; /* seconds left at received_ms, -1: no Expires */

	/* outcome */
	enum pager_verdict verdict;
	int status;
	const char *reason;		   /* static */
	const char *header, *header_value; /* one header of the answer, static; NULL: none */
	char why[128];			   /* for the log */
	int error;
	int64_t size; /* of the finished mail */
};

/* Read and check the request (1.3 steps 1 and 2): identities, privacy, ids, content plan, Expires. */
enum pager_verdict pager_begin(struct pager *p, const struct map_tools *tools, const struct record *in, int64_t now_ms);
/* Who gets the mail (1.4, 2.4) and from whom it is (2.1, 2.6). */
enum pager_verdict pager_recipients(struct pager *p);
/* The mail: header by T2, content by 3.11. The body object for mail.body, NULL when the verdict is not PAGER_MAIL. */
json_t *pager_build(struct pager *p);
void pager_end(struct pager *p);

/* Fill the member of a mail.out record: envelope by T1, origin, body (adopted). key: the idempotence key. */
void pager_fill(struct pager *p, json_t *mail, json_t *body, const char *key);

/* Fill the member of a mail.result record about a message that had expired: refused for good, for the recipient of the
 * Request-URI, so that its sender gets the IMDN that he asked for. false: he asked for none, or has no recipient. */
bool pager_expired(struct pager *p, json_t *result);

/* The idempotence key (1.2), 64 hex digits; after pager_recipients(). */
void pager_key(const struct pager *p, struct buf *out);

/* Set the verdict to an answer; reason is static. Returns PAGER_ANSWER. */
enum pager_verdict pager_answer(struct pager *p, int status, const char *reason, const char *why);
enum pager_verdict pager_trouble(struct pager *p, int error);

/* A SIP header's first value, by its long or compact name; NULL if there is none. */
const char *pager_header(const struct pager *p, const char *name);
/* The same as UTF-8 text whatever octets it had; false if there is none. */
bool pager_header_text(const struct pager *p, const char *name, struct buf *out);
/* H("contr", Call-ID, CSeq number, From tag), 32 hex digits: what stands for ids that the request does not bring (1.1).
 */
void pager_derived_id(const struct pager *p, struct buf *out);

/* Add an address (domain in lower case); false if it is there already or the set is full. */
bool address_set_add(struct address_set *set, struct slice address);
bool address_set_has(const struct address_set *set, struct slice address);

#endif
