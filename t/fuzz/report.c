/*
 * Fuzz target: any octets as a mail that may be a DSN, MDN or bounce (as in t/bounce: MAIL FROM, RCPT TO, an empty
 * line, the mail). Whatever it holds, what comes out can stand in a record.
 */
#include "base/log.h"
#include "base/text.h"
#include "map/receipt.h"

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
	char octets[32], why[128];
	for (int i = 0; i < 32; i++)
		octets[i] = (char)i;
	log_set_level(LOG_ERROR);
	token_keys_add(&keys, octets, sizeof octets);
	names = map_names_make(&(struct map_settings){.gateway = "mailgw.ims.example.net",
						      .mail_domain = "rcs.example.net",
						      .keys = &keys},
			       why);
	check(names != NULL);
}

/* Text of one line. */
static void line(const char *s, size_t max)
{
	if (!s)
		return;
	size_t n = strlen(s);
	check(n > 0 && n <= max && utf8_valid(s, n));
	for (size_t i = 0; i < n; i++)
		check((unsigned char)s[i] >= ' ' && s[i] != 127);
}

static void word(const char *s)
{
	check(!s || (*s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0'));
}

static void values(const struct report *r)
{
	bool foreign = false;
	line(r->from, REPORT_ADDRESS_MAX);
	line(r->envid, REPORT_ADDRESS_MAX);
	line(r->message_id, REPORT_ID_MAX);
	check(r->nids <= 2 * REPORT_IDS_MAX && r->nrecipients <= REPORT_RECIPIENTS_MAX);
	for (size_t i = 0; i < r->nids; i++) {
		line(r->ids[i].id, REPORT_ID_MAX);
		check(!strpbrk(r->ids[i].id, " <>") && is_ascii(r->ids[i].id, strlen(r->ids[i].id)));
		check(r->ids[i].ours == receipt_ours(names, slice_of(r->ids[i].id)));
		check(!(foreign && r->ids[i].ours)); /* ours first */
		foreign = !r->ids[i].ours;
		for (size_t k = 0; k < i; k++)
			check(strcmp(r->ids[i].id, r->ids[k].id) != 0);
	}
	for (size_t i = 0; i < r->nrecipients; i++) {
		const struct report_recipient *b = &r->recipients[i];
		line(b->original, REPORT_ADDRESS_MAX), line(b->final, REPORT_ADDRESS_MAX);
		line(b->diagnostic, REPORT_TEXT_MAX);
		check(b->action != NULL);
		word(b->action);
		check(!b->status || (strlen(b->status) >= 5 && strchr("245", b->status[0]) && b->status[1] == '.'));
	}
	word(r->disposition.type), word(r->disposition.modifier);
	line(r->disposition.final, REPORT_ADDRESS_MAX), line(r->disposition.original, REPORT_ADDRESS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice rest = {(const char *)data, n};
	struct report r;
	bool more;
	if (!names)
		setup();
	struct slice from = slice_cut(&rest, '\n', &more), open = slice_cut(&from, '<', &more);
	from = slice_cut(&from, '>', &more);
	(void)open;
	slice_cut(&rest, '\n', &more);
	slice_cut(&rest, '\n', &more);
	enum report_kind kind = report_read(&r, rest, from, receipt_ours, names);
	check(kind == r.kind);
	values(&r);
	json_t *receipt = json_object();
	if (receipt_of_report(receipt, &r, "alice@rcs.example.net")) {
		check(kind != REPORT_NONE && json_object_size(record_get(receipt, "about")) > 0);
		check((kind == REPORT_MDN) == (record_get(receipt, "disposition") != NULL));
		check(kind == REPORT_MDN || json_array_size(record_get(receipt, "reports")) > 0);
		char *text = json_dumps(receipt, JSON_COMPACT);
		check(text != NULL);
		free(text);
	} else {
		check(json_object_size(receipt) == 0);
	}
	json_decref(receipt);
	report_free(&r);
	return 0;
}
