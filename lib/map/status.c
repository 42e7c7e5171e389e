#include "map/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
const struct status_row status_5_1[] = {
/* outcome                                        when             codes              enhanced                     MESSAGE INVITE MSRP IMDN                 Retry-After action */
{"250 after final dot",                           STATUS_SMTP,     "200-299",         "2.x.x",                         202, 200, 200, STATUS_IMDN_PROCESSED},
{"queued by the gateway",                         STATUS_QUEUED,   "",                "",                              202,   0, 200, STATUS_IMDN_STORED},
{"domain does not exist",                         STATUS_SMTP,     "",                "5.1.2",                         404, 404, 403, STATUS_IMDN_FAILED},
{"null MX, 556",                                  STATUS_SMTP,     "556",             "5.1.10",                        404, 404, 403, STATUS_IMDN_FAILED},
{"DNS temporary failure",                         STATUS_SMTP,     "",                "4.4.3",                         480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES},
{"no connection to any host",                     STATUS_SMTP,     "",                "4.4.1",                         480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES},
{"TLS required but not possible",                 STATUS_SMTP,     "",                "4.7.5",                         480, 480, 408, STATUS_IMDN_FAILED},
{"TLS required but not possible",                 STATUS_SMTP,     "",                "5.7.10",                        403, 403, 403, STATUS_IMDN_FAILED},
{"greeting 554 or 521 (all hosts)",               STATUS_SMTP,     "521",             "5.3.2",                         480, 488, 403, STATUS_IMDN_FAILED},
{"421 at any time",                               STATUS_SMTP,     "421",             "4.3.2",                         480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES},
{"450 mailbox busy",                              STATUS_SMTP,     "450",             "4.2.0 4.2.1",                   480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES},
{"450/451 greylisting",                           STATUS_SMTP,     "",                "4.7.1",                         480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 300},
{"451 local error",                               STATUS_SMTP,     "451",             "4.3.0",                         480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES},
{"452 storage / too many recipients",             STATUS_SMTP,     "452",             "4.3.1 4.2.2 4.5.3",             480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, STATUS_SPLIT},
{"455, 555 on BY/DSN parameters",                 STATUS_SMTP,     "455 555",         "4.5.4 5.5.4",                     0,   0,   0, STATUS_IMDN_NONE, 0, STATUS_STRIP},
{"500-504 syntax",                                STATUS_SMTP,     "500-504",         "5.5.x",                         500, 500, 403, STATUS_IMDN_FAILED},
{"530, 534, 535, 538 authentication",             STATUS_SMTP,     "530 534 535 538", "5.7.0 5.7.8 5.7.9 5.7.11",      500, 500, 403, STATUS_IMDN_FAILED, 0, STATUS_ALARM},
{"non-ASCII address, no SMTPUTF8",                STATUS_SMTP,     "",                "5.6.7",                         404, 404, 403, STATUS_IMDN_FAILED},
{"550 unknown user",                              STATUS_SMTP,     "550@rcpt",        "5.1.1",                         404, 404, 403, STATUS_IMDN_FAILED},
{"550/553 bad address syntax",                    STATUS_SMTP,     "553",             "5.1.3",                         404, 404, 403, STATUS_IMDN_FAILED},
{"551, or 550 moved",                             STATUS_SMTP,     "551",             "5.1.6",                         410, 410, 403, STATUS_IMDN_FAILED},
{"550 mailbox disabled",                          STATUS_SMTP,     "",                "5.2.1",                         404, 404, 403, STATUS_IMDN_FAILED},
{"552/550 mailbox full",                          STATUS_SMTP,     "552@rcpt",        "5.2.2",                         480, 480, 403, STATUS_IMDN_FAILED},
{"552 too large; SIZE limit or max_mail_out",     STATUS_SMTP,     "552",             "5.2.3 5.3.4",                   413, 413, 413, STATUS_IMDN_FAILED},
{"554 content refused / conversion",              STATUS_SMTP,     "",                "5.6.0 5.6.1 5.6.3",             415, 415, 415, STATUS_IMDN_FAILED},
{"550/554 policy, spam, not authorised",          STATUS_SMTP,     "550 554",         "5.7.x",                         403, 403, 403, STATUS_IMDN_FAILED},
{"554/550 routing loop",                          STATUS_SMTP,     "",                "5.4.6",                         482, 482, 403, STATUS_IMDN_FAILED},
{"other 5yz",                                     STATUS_SMTP,     "500-599",         "5.0.0",                         403, 403, 403, STATUS_IMDN_FAILED},
{"connection lost before final reply",            STATUS_SMTP,     "",                "4.4.2",                         480, 480, 408, STATUS_IMDN_RETRY_RESULT},
{"connection lost after final dot, no reply",     STATUS_NO_REPLY, "",                "4.4.2",                         202, 480, 200, STATUS_IMDN_RETRY_RESULT},
{"answer deadline passed, mail queued",           STATUS_DEADLINE, "",                "",                              202, 480, 200, STATUS_IMDN_LATER},
{"gateway internal error, fate unknown",          STATUS_INTERNAL, "",                "",                              500, 500, 408, STATUS_IMDN_ERROR},
{"gateway overload, no disk",                     STATUS_OVERLOAD, "",                "",                              503, 503, 408, STATUS_IMDN_NONE, 30},
};
/* clang-format on */
const size_t status_5_1_rows = sizeof(status_5_1) / sizeof(status_5_1[0]);

/* "4.2.0 4.2.1", "5.7.x", "2.x.x": an x is any number. */
static bool enhanced_fits(const char *patterns, const char *enhanced)
{
	for (const char *p = patterns; *p; p += strspn(p, " ")) {
		const char *e = enhanced;
		while (*p && *p != ' ' && *e) {
			if (*p == 'x' && *e >= '0' && *e <= '9') {
				e += strspn(e, "0123456789");
				p++;
			} else if (*p == *e) {
				p++;
				e++;
			} else {
				break;
			}
		}
		if (!*e && (!*p || *p == ' '))
			return true;
		p += strcspn(p, " ");
	}
	return false;
}

/* "500-504", "550@rcpt", "450 451". */
static bool code_fits(const char *codes, int code, bool rcpt)
{
	for (const char *p = codes; *p; p += strspn(p, " ")) {
		char *end;
		long from = strtol(p, &end, 10), to = *end == '-' ? strtol(end + 1, &end, 10) : from;
		if (code >= from && code <= to && (*end != '@' || rcpt))
			return true;
		p = end + strcspn(end, " ");
	}
	return false;
}

static const struct status_row *by_enhanced(const char *enhanced)
{
	for (size_t i = 0; i < status_5_1_rows; i++)
		if (status_5_1[i].when == STATUS_SMTP && status_5_1[i].action != STATUS_STRIP &&
		    enhanced_fits(status_5_1[i].enhanced, enhanced))
			return &status_5_1[i];
	return NULL;
}

static const struct status_row *by_code(int code, bool rcpt)
{
	for (size_t i = 0; i < status_5_1_rows; i++)
		if (status_5_1[i].when == STATUS_SMTP && status_5_1[i].action != STATUS_STRIP &&
		    code_fits(status_5_1[i].codes, code, rcpt))
			return &status_5_1[i];
	return NULL;
}

const struct status_row *status_smtp(int code, const char *enhanced, bool rcpt)
{
	bool known = enhanced && *enhanced;
	const struct status_row *row = known ? by_enhanced(enhanced) : by_code(code, rcpt);
	if (row)
		return row;
	/* By class: 4.x as 451 local error, 5.x as other 5yz. */
	char class = known ? enhanced[0] : (char)('0' + code / 100);
	return by_enhanced(class == '5' ? "5.0.0" : class == '2' ? "2.0.0" : "4.3.0");
}

const struct status_row *status_named(enum status_when when)
{
	for (size_t i = 0; i < status_5_1_rows; i++)
		if (status_5_1[i].when == when && when != STATUS_SMTP)
			return &status_5_1[i];
	return status_named(STATUS_INTERNAL);
}

const char *status_reason(int sip)
{
	static const struct {
		int code;
		const char *reason;
	} reasons[] = {
		{200, "OK"},
		{202, "Accepted"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{410, "Gone"},
		{413, "Request Entity Too Large"},
		{415, "Unsupported Media Type"},
		{480, "Temporarily Unavailable"},
		{482, "Loop Detected"},
		{488, "Not Acceptable Here"},
		{500, "Server Internal Error"},
		{503, "Service Unavailable"},
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].code == sip)
			return reasons[i].reason;
	return "";
}
