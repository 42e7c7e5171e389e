/*
 * check.h - the checks a request passes before it becomes a record: the table of 1.3, in its order, and what other
 * methods get (1.1, 1.16).
 *
 * What only others can know (addresses, deny lists) is asked through the policy's functions. Nothing is kept.
 */
#ifndef CPMAIL_SIP_CHECK_H
#define CPMAIL_SIP_CHECK_H

#include "sip/message.h"

struct sip_policy {
	bool refuse_untrusted; /* untrusted = 403 */
	int64_t max_body;      /* max_pager_in */
	/* Does sent-by host:port (port 0: none written) mean this gateway? */
	bool (*is_own)(void *ctx, struct slice host, int port);
	/* Does the Request-URI yield an e-mail address (2.4)? 0, or the status to answer (400, 404, 416). NULL: not
	 * asked. */
	int (*address)(void *ctx, struct slice uri);
	/* Deny lists, opt-outs, bars: 0 or 403. identity: the originator's URI. NULL: not asked. */
	int (*barred)(void *ctx, struct slice identity, struct slice uri);
	void *ctx;
};

/* What is known of the request beside its head. */
struct sip_question {
	const struct sip_message *m;
	const struct sip_policy *policy;
	struct slice identity; /* the originator's URI: asserted, else From */
	bool trusted;
	bool merged; /* the same request is in progress on another branch */
	int64_t body_size;
};

struct sip_verdict {
	int status;	    /* 0: go on; 200 means answer and drop */
	const char *reason; /* NULL: the standard phrase */
	const char *check;  /* which row said so */
	struct buf headers; /* lines that go into the answer; the caller frees it */
};

/* First failing row answers. m->status (malformed) is row one. */
void sip_check_message(const struct sip_question *q, struct sip_verdict *v);
/* Every other method but ACK: OPTIONS 200 (its headers filled in), CANCEL, BYE, UPDATE, NOTIFY 481, the rest 405. */
void sip_check_other(const struct sip_question *q, struct sip_verdict *v);

/*
 * The originator: the first sip(s) URI of P-Asserted-Identity if the peer is trusted (else its tel URI), else From.
 * Looked for once: it belongs to the message, and so does the answer to trusted.
 */
const struct sip_party *sip_identity(struct sip_message *m, bool trusted);

/* The service a request names (1.1): P-Asserted-Service (trusted peers), P-Preferred-Service, Accept-Contact; a value
 * that is not in the table is skipped. */
enum sip_service {
	SIP_SERVICE_NONE,
	SIP_SERVICE_MSG,
	SIP_SERVICE_MSG_GROUP,
	SIP_SERVICE_LARGE,
	SIP_SERVICE_LARGE_GROUP,
	SIP_SERVICE_SESSION,
	SIP_SERVICE_SESSION_GROUP,
	SIP_SERVICE_FILE,
	SIP_SERVICE_FILE_GROUP,
	SIP_SERVICE_DEFERRED,
	SIP_SERVICE_SYSTEM
};
enum sip_service sip_service_of(const struct sip_message *m, bool trusted);

#endif
