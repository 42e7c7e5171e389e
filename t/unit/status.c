/* Table 5.1, row by row: what the mail side says, and the answer on each of the three sides. */
#include "../lib/tap.h"

#include "map/status.h"

static const struct {
	int code;
	const char *enhanced;
	bool rcpt;
	int message, invite, msrp;
	enum status_imdn imdn;
	int retry_after;
	const char *row;
} cases[] = {
	{250, "2.0.0", false, 202, 200, 200, STATUS_IMDN_PROCESSED, 0, "250 after"},
	{250, "2.1.5", false, 202, 200, 200, STATUS_IMDN_PROCESSED, 0, "250 after"},
	{250, "", false, 202, 200, 200, STATUS_IMDN_PROCESSED, 0, "250 after"},
	{0, "5.1.2", false, 404, 404, 403, STATUS_IMDN_FAILED, 0, "domain"},
	{0, "5.1.10", false, 404, 404, 403, STATUS_IMDN_FAILED, 0, "null MX"},
	{556, "", true, 404, 404, 403, STATUS_IMDN_FAILED, 0, "null MX"},
	{0, "4.4.3", false, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "DNS"},
	{0, "4.4.1", false, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "no connection"},
	{0, "4.7.5", false, 480, 480, 408, STATUS_IMDN_FAILED, 0, "TLS"},
	{550, "5.7.10", false, 403, 403, 403, STATUS_IMDN_FAILED, 0, "TLS"},
	{554, "5.3.2", false, 480, 488, 403, STATUS_IMDN_FAILED, 0, "greeting"},
	{521, "", false, 480, 488, 403, STATUS_IMDN_FAILED, 0, "greeting"},
	{421, "4.3.2", false, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "421"},
	{421, "", true, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "421"},
	{450, "4.2.0", true, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "450 mailbox"},
	{450, "4.2.1", true, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "450 mailbox"},
	{450, NULL, true, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "450 mailbox"},
	{450, "4.7.1", true, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 300, "450/451 grey"},
	{451, "4.7.1", true, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 300, "450/451 grey"},
	{451, "4.3.0", false, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "451"},
	{451, "", false, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "451"},
	{452, "4.3.1", false, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "452"},
	{452, "4.2.2", true, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "452"},
	{452, "4.5.3", true, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "452"},
	{452, "", true, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "452"},
	{455, "4.5.4", false, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0,
	 "451"}, /* the retry without them was refused as well */
	{555, "5.5.4", false, 500, 500, 403, STATUS_IMDN_FAILED, 0, "500-504"},
	{500, "", false, 500, 500, 403, STATUS_IMDN_FAILED, 0, "500-504"},
	{504, "", false, 500, 500, 403, STATUS_IMDN_FAILED, 0, "500-504"},
	{501, "5.5.2", false, 500, 500, 403, STATUS_IMDN_FAILED, 0, "500-504"},
	{530, "5.7.0", false, 500, 500, 403, STATUS_IMDN_FAILED, 0, "530"},
	{535, "5.7.8", false, 500, 500, 403, STATUS_IMDN_FAILED, 0, "530"},
	{534, "5.7.9", false, 500, 500, 403, STATUS_IMDN_FAILED, 0, "530"},
	{538, "5.7.11", false, 500, 500, 403, STATUS_IMDN_FAILED, 0, "530"},
	{535, "", false, 500, 500, 403, STATUS_IMDN_FAILED, 0, "530"},
	{0, "5.6.7", false, 404, 404, 403, STATUS_IMDN_FAILED, 0, "non-ASCII"},
	{550, "5.1.1", true, 404, 404, 403, STATUS_IMDN_FAILED, 0, "550 unknown"},
	{550, "", true, 404, 404, 403, STATUS_IMDN_FAILED, 0, "550 unknown"},
	{553, "5.1.3", true, 404, 404, 403, STATUS_IMDN_FAILED, 0, "550/553"},
	{550, "5.1.3", true, 404, 404, 403, STATUS_IMDN_FAILED, 0, "550/553"},
	{553, "", true, 404, 404, 403, STATUS_IMDN_FAILED, 0, "550/553"},
	{551, "5.1.6", true, 410, 410, 403, STATUS_IMDN_FAILED, 0, "551"},
	{550, "5.1.6", true, 410, 410, 403, STATUS_IMDN_FAILED, 0, "551"},
	{551, "", true, 410, 410, 403, STATUS_IMDN_FAILED, 0, "551"},
	{550, "5.2.1", true, 404, 404, 403, STATUS_IMDN_FAILED, 0, "550 mailbox disabled"},
	{552, "5.2.2", true, 480, 480, 403, STATUS_IMDN_FAILED, 0, "552/550"},
	{550, "5.2.2", true, 480, 480, 403, STATUS_IMDN_FAILED, 0, "552/550"},
	{552, "", true, 480, 480, 403, STATUS_IMDN_FAILED, 0, "552/550"},
	{552, "5.2.3", false, 413, 413, 413, STATUS_IMDN_FAILED, 0, "552 too"},
	{552, "5.3.4", false, 413, 413, 413, STATUS_IMDN_FAILED, 0, "552 too"},
	{552, "", false, 413, 413, 413, STATUS_IMDN_FAILED, 0, "552 too"},
	{554, "5.6.0", false, 415, 415, 415, STATUS_IMDN_FAILED, 0, "554 content"},
	{554, "5.6.1", false, 415, 415, 415, STATUS_IMDN_FAILED, 0, "554 content"},
	{554, "5.6.3", false, 415, 415, 415, STATUS_IMDN_FAILED, 0, "554 content"},
	{550, "5.7.1", false, 403, 403, 403, STATUS_IMDN_FAILED, 0, "550/554"},
	{554, "5.7.26", false, 403, 403, 403, STATUS_IMDN_FAILED, 0, "550/554"},
	{550, "", false, 403, 403, 403, STATUS_IMDN_FAILED, 0, "550/554"},
	{554, "", true, 403, 403, 403, STATUS_IMDN_FAILED, 0, "550/554"},
	{554, "5.4.6", false, 482, 482, 403, STATUS_IMDN_FAILED, 0, "554/550 routing"},
	{550, "5.0.0", true, 403, 403, 403, STATUS_IMDN_FAILED, 0, "other"},
	{571, "", true, 403, 403, 403, STATUS_IMDN_FAILED, 0, "other"},
	{0, "4.4.2", false, 480, 480, 408, STATUS_IMDN_RETRY_RESULT, 0, "connection lost before"},
	/* unknown enhanced codes by their class, whatever the three digits say */
	{450, "4.9.9", true, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "451"},
	{550, "5.9.9", true, 403, 403, 403, STATUS_IMDN_FAILED, 0, "other"},
	{550, "5.1.8", true, 403, 403, 403, STATUS_IMDN_FAILED, 0, "other"},
	{250, "2.9.9", false, 202, 200, 200, STATUS_IMDN_PROCESSED, 0, "250 after"},
	{454, "", false, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "451"},
	{0, "", false, 480, 480, 408, STATUS_IMDN_FAILED_AFTER_RETRIES, 0, "451"},
};

static const struct {
	enum status_when when;
	int message, invite, msrp;
	enum status_imdn imdn;
} named[] = {
	{STATUS_QUEUED, 202, 0, 200, STATUS_IMDN_STORED},    {STATUS_NO_REPLY, 202, 480, 200, STATUS_IMDN_RETRY_RESULT},
	{STATUS_DEADLINE, 202, 480, 200, STATUS_IMDN_LATER}, {STATUS_INTERNAL, 500, 500, 408, STATUS_IMDN_ERROR},
	{STATUS_OVERLOAD, 503, 503, 408, STATUS_IMDN_NONE},
};

int main(void)
{
	bool used[64] = {false};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct status_row *r = status_smtp(cases[i].code, cases[i].enhanced, cases[i].rcpt);
		used[r - status_5_1] = true;
		ok(r->message == cases[i].message && r->invite == cases[i].invite && r->msrp == cases[i].msrp &&
			   r->imdn == cases[i].imdn && r->retry_after == cases[i].retry_after &&
			   strncmp(r->outcome, cases[i].row, strlen(cases[i].row)) == 0,
		   "%d %s%s: %d (row \"%s\")", cases[i].code, cases[i].enhanced ? cases[i].enhanced : "-",
		   cases[i].rcpt ? " to RCPT" : "", r->message, r->outcome);
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		const struct status_row *r = status_named(named[i].when);
		used[r - status_5_1] = true;
		ok(r->when == named[i].when && r->message == named[i].message && r->invite == named[i].invite &&
			   r->msrp == named[i].msrp && r->imdn == named[i].imdn,
		   "%s", r->outcome);
	}
	for (size_t i = 0; i < status_5_1_rows; i++) {
		const struct status_row *r = &status_5_1[i];
		ok(used[i] || r->action == STATUS_STRIP, "row \"%s\" is reached by a test", r->outcome);
		ok(r->message != 408 && (r->message != 503 || r->when == STATUS_OVERLOAD),
		   "row \"%s\": no 408, no 503 for remote trouble", r->outcome);
		ok(!r->message || *status_reason(r->message), "row \"%s\": a reason phrase", r->outcome);
	}
	is_str(status_reason(299), "", "no reason for a code that is not in the table");
	return tap_done();
}
