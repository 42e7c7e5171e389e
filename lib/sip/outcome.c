#include "sip/outcome.h"

#include <stdio.h>
#include <string.h>

/* Table 5.4, rows of SIP results; from the top, the first that fits. 410 stands with the 301 that names nobody. */
const struct sip_outcome sip_outcome_5_4[] = {
	{"2xx", SIP_OUTCOME_DONE, 250, "2.1.5", "2.0.0", NULL},
	{"410 301-", SIP_OUTCOME_FAIL, 550, "5.1.6", "5.1.6", NULL},
	{"301 302 305", SIP_OUTCOME_FOLLOW, 550, "5.1.6", "5.1.6", NULL},
	{"513 413", SIP_OUTCOME_FAIL, 552, "5.3.4", "5.3.4", NULL},
	{"400 493 505", SIP_OUTCOME_FAIL, 554, "5.6.0", "5.6.0", NULL},
	{"401 407", SIP_OUTCOME_AUTHENTICATE, 451, "4.7.0", "4.7.0", NULL},
	{"404 604", SIP_OUTCOME_FAIL, 550, "5.1.1", "5.1.1", NULL},
	{"405 501", SIP_OUTCOME_FAIL, 554, "5.3.3", "5.3.3", NULL},
	{"408 480 486 600 487", SIP_OUTCOME_RETRY, 450, "4.2.0", "4.2.0", "5.4.7"},
	{"414 416 484", SIP_OUTCOME_FAIL, 553, "5.1.3", "5.1.3", NULL},
	{"415 406 488 606", SIP_OUTCOME_PLAIN, 554, "5.6.1", "5.6.1", NULL},
	/* What we require is the list service alone: without it the others on the list would get nothing, and nobody would say
	 * so. And no extension that a server may demand (421) makes sense in a MESSAGE. */
	{"420 421", SIP_OUTCOME_FAIL, 554, "5.3.3", "5.3.3", NULL},
	{"481", SIP_OUTCOME_RENEW, 554, "5.5.0", "5.5.0", NULL},
	{"482 483", SIP_OUTCOME_FAIL, 554, "5.4.6", "5.4.6", NULL},
	{"485", SIP_OUTCOME_FAIL, 553, "5.1.4", "5.1.4", NULL},
	{"422 423 491 494", SIP_OUTCOME_RETRY, 451, "4.5.0", "4.5.0", NULL},
	{"403 433 603 6xx", SIP_OUTCOME_FAIL, 550, "5.7.1", "5.7.1", NULL},
	{"500 502 503 504 580 5xx", SIP_OUTCOME_RETRY, 451, "4.4.1", "4.4.1", NULL},
	{"3xx 4xx", SIP_OUTCOME_FAIL, 554, "5.0.0", "5.0.0", NULL},
};
const size_t sip_outcome_5_4_rows = sizeof sip_outcome_5_4 / sizeof *sip_outcome_5_4;

/* "404" as such, "4xx" as a class, "301-" for the one without Contact. */
static bool word_fits(const char *word, size_t n, int status, bool with_contact)
{
	char digits[8];
	snprintf(digits, sizeof digits, "%03d", status % 1000);
	if (n == 4)
		return !with_contact && memcmp(word, digits, 3) == 0;
	return word[0] == digits[0] && (word[1] == 'x' || memcmp(word, digits, 3) == 0);
}

static bool row_fits(const struct sip_outcome *row, int status, bool with_contact)
{
	for (const char *p = row->statuses; *p;) {
		size_t n = strcspn(p, " ");
		if (word_fits(p, n, status, with_contact))
			return true;
		p += n + (p[n] == ' ');
	}
	return false;
}

const struct sip_outcome *sip_outcome(int status, bool with_contact)
{
	for (size_t i = 0; i < sip_outcome_5_4_rows; i++)
		if (row_fits(&sip_outcome_5_4[i], status, with_contact))
			return &sip_outcome_5_4[i];
	return &sip_outcome_5_4[sip_outcome_5_4_rows - 1];
}

int64_t sip_retry_due(int tries, int64_t now, int64_t retry_after, int64_t end)
{
	int64_t wait = 30;
	while (tries-- > 0 && wait < 15 * 60)
		wait *= 2;
	if (wait > 15 * 60)
		wait = 15 * 60;
	if (retry_after > wait)
		wait = retry_after;
	return wait > (end - now) / 1000 ? -1 : now + wait * 1000;
}
