/*
 * Fuzz target: any values in a DSN and an MDN of the gateway. Whatever they hold, the mail is one that a mail server
 * takes, and our own reader finds in it what was put there.
 */
#include "base/log.h"
#include "base/text.h"
#include "mail/report.h"
#include "map/dsn.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct map_names *names;

static void check(bool good)
{
	if (!good)
		abort();
}

static void setup(void)
{
	static struct token_keys keys;
	char why[128];
	log_set_level(LOG_ERROR);
	token_keys_add(&keys, "0123456789abcdef0123456789abcdef", 32);
	names = map_names_make(&(struct map_settings){.gateway = "mailgw.ims.example.net",
						      .mail_domain = "rcs.example.net",
						      .keys = &keys},
			       why);
	check(names != NULL);
}

/* Values as records hold them: UTF-8 without NUL. */
static char *next(struct slice *in)
{
	struct buf clean = {0};
	bool more;
	struct slice s = slice_cut(in, '\n', &more);
	utf8_scrub(&clean, s.p, s.n);
	buf_put(&clean, "", 0);
	for (size_t i = 0; i < clean.n; i++) /* a line end may stand in a value, but not in this input */
		if (clean.p[i] == '\v')
			clean.p[i] = '\n';
	return clean.p;
}

static void mail_lines(struct slice mail, bool eightbit, bool utf8)
{
	bool more = true;
	check(mail.n > 2 && mail.p[mail.n - 1] == '\n' && !memchr(mail.p, '\0', mail.n));
	while (mail.n && more) {
		struct slice line = slice_cut(&mail, '\n', &more);
		check(line.n && line.p[line.n - 1] == '\r' && line.n <= 999 && !memchr(line.p, '\r', line.n - 1));
		for (size_t i = 0; i + 1 < line.n; i++)
			check((unsigned char)line.p[i] < 128 || eightbit || utf8);
	}
}

static void read_back(const json_t *mail, enum report_kind kind, const char *action)
{
	struct buf octets = {0};
	struct report r;
	check(record_body_octets(record_get(mail, "body"), &octets));
	mail_lines(slice_buf(&octets), record_bool(mail, "eightbit"), record_bool(mail, "smtputf8"));
	check(report_read(&r, slice_buf(&octets), (struct slice){"", 0}, NULL, NULL) == kind);
	if (kind == REPORT_DSN)
		check(r.nrecipients == 1 && strcmp(r.recipients[0].action, action) == 0 && r.recipients[0].status);
	else
		check(r.disposition.type && strcmp(r.disposition.type, action) == 0);
	check(r.message_id && strcmp(r.message_id, record_str(mail, "message_id")) == 0);
	report_free(&r);
	buf_free(&octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const statuses[] = {"5.1.1", "4.4.0", "2.1.5", "2.0.0"};
	struct slice in = {(const char *)data + 1, n - 1};
	char *v[7];
	int error;
	if (!names)
		setup();
	if (n < 2 || n > 60000)
		return 0;
	enum dsn_action action = (enum dsn_action)(data[0] & 3);
	for (int i = 0; i < 7; i++)
		v[i] = next(&in);
	struct dsn_about about = {.rcpt = v[0][0] ? v[0] : "alice@rcs.example.net",
				  .mail_from = v[1][0] ? v[1] : "bob@example.org",
				  .msg_id = v[2][0] ? v[2] : NULL,
				  .subject = v[3],
				  .envid = v[4][0] ? v[4] : NULL,
				  .orcpt = v[5][0] ? v[5] : NULL,
				  .returned = in,
				  .returned_full = data[0] & 4,
				  .arrived_ms = 1772705702000};
	struct dsn d = {.action = action, .status = statuses[action], .diagnostic = v[6], .now_ms = 1772705709000};
	struct mdn m = {.type = "displayed", .manual = true, .now_ms = 1772705709000};
	json_t *mail = json_object();
	if (dsn_fill(mail, names, NULL, "01jc0000000000000000000000", &about, &d, &error) && about.rcpt[0] != ' ')
		read_back(mail, REPORT_DSN, dsn_action_name(action));
	json_decref(mail);
	mail = json_object();
	if (mdn_fill(mail, names, NULL, "01jc0000000000000000000000", &about, &m, &error))
		read_back(mail, REPORT_MDN, "displayed");
	json_decref(mail);
	for (int i = 0; i < 7; i++)
		free(v[i]);
	return 0;
}
