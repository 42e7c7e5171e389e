/*
 * outcome.h - what the final response to a request of ours means for the mail that caused it: the SIP half of table
 * 5.4.
 *
 * Pure data and look-up; rows are static, nothing is owned.
 */
#ifndef CPMAIL_SIP_OUTCOME_H
#define CPMAIL_SIP_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Column "Retry?". */
enum sip_outcome_action {
	SIP_OUTCOME_DONE,
	SIP_OUTCOME_FAIL,
	SIP_OUTCOME_RETRY,	  /* later, by the schedule of 5.5 */
	SIP_OUTCOME_FOLLOW,	  /* one Contact inside the trust domain */
	SIP_OUTCOME_AUTHENTICATE, /* once; then the alarm */
	SIP_OUTCOME_PLAIN,	  /* once more as text/plain */
	SIP_OUTCOME_RENEW	  /* once more as a new request: other Call-ID and tag */
};

struct sip_outcome {
	const char *statuses; /* "400 493", "6xx", "other 4xx" */
	enum sip_outcome_action action;
	int smtp; /* reply where the answer is given inline */
	const char *smtp_enhanced;
	const char *enhanced; /* DSN status while it may change, or for good */
	const char *finally;  /* DSN status when the retries are used up; NULL: the same */
};

extern const struct sip_outcome sip_outcome_5_4[];
extern const size_t sip_outcome_5_4_rows;

/* The row of a status of 200..699; exact statuses come before classes. Timer F and transport errors: 408 and 503
 * (RFC 3261 8.1.3.1). Never NULL. with_contact: a 301 that has one is followed. */
const struct sip_outcome *sip_outcome(int status, bool with_contact);

/*
 * Schedule 5.5, in milliseconds since 1970: when a request that was tried again `tries` times so far is due again. 30
 * s, doubled up to 15 min, not before retry_after (seconds, 0: none); end: when its lifetime is over. -1: that would be
 * too late, it has failed now.
 */
int64_t sip_retry_due(int tries, int64_t now, int64_t retry_after, int64_t end);

#endif
