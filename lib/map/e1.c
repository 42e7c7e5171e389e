#include "map/letters.h"

#include "mail/header.h"

#include <stdlib.h>
#include <time.h>

#define SERVICE	    "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg"
#define SERVICE_TAG "urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"

/* ---- converters ---- */

static bool uri(struct letter *l, struct slice value, struct buf *out)
{
	(void)l;
	buf_slice(out, value);
	return true;
}

static bool author(struct letter *l, struct slice address, struct buf *out)
{
	(void)address;
	return letter_party(l, false, out);
}

static bool service(struct letter *l, struct slice unused, struct buf *out)
{
	(void)unused;
	buf_puts(out, SERVICE);
	if (l->list_service)
		buf_puts(out, ".group");
	return true;
}

static bool accept_contact(struct letter *l, struct slice unused, struct buf *out)
{
	(void)unused;
	buf_puts(out, "*;+g.3gpp.icsi-ref=\"" SERVICE_TAG);
	buf_puts(out, l->list_service ? ".group\";require;explicit" : "\";require;explicit");
	return true;
}

static bool conversation(struct letter *l, struct slice msgid, struct buf *out)
{
	(void)msgid;
	buf_slice(out, slice_buf(&l->conv));
	return l->conv.n > 0;
}

static bool contribution(struct letter *l, struct slice msgid, struct buf *out)
{
	(void)msgid;
	buf_slice(out, slice_buf(&l->contr));
	return l->contr.n > 0;
}

static bool parent(struct letter *l, struct slice contr, struct buf *out)
{
	(void)l;
	buf_slice(out, contr);
	return true;
}

/* What the mail has behind it counts, so that a ring comes to its end (8.2). */
static bool forwards(struct letter *l, struct slice unused, struct buf *out)
{
	(void)unused;
	buf_printf(out, "%u", l->received < 69 ? 70 - l->received : 1);
	return true;
}

/* RFC 3261 20.17: GMT and nothing else. */
static bool date_now(struct letter *l, struct slice unused, struct buf *out)
{
	(void)unused;
	mail_date_put(out, l->now_ms, 0);
	out->n -= 5;
	buf_puts(out, "GMT");
	return true;
}

static bool x_priority(struct letter *l, struct slice value, struct buf *out)
{
	static const char *const words[] = {"urgent", "urgent", "normal", "non-urgent", "non-urgent"};
	size_t n = strcspn(value.p, "0123456789"); /* "1 (Highest)" */
	(void)l;
	if (n >= value.n || value.p[n] < '1' || value.p[n] > '5')
		return false;
	buf_puts(out, words[value.p[n] - '1']);
	return true;
}

static bool word_of(struct slice value, const char *const (*rows)[2], size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		if (slice_ieq(value, rows[i][0])) {
			buf_puts(out, rows[i][1]);
			return true;
		}
	return false;
}

static bool importance(struct letter *l, struct slice value, struct buf *out)
{
	static const char *const rows[][2] = {{"high", "urgent"}, {"normal", "normal"}, {"low", "non-urgent"}};
	(void)l;
	return word_of(value, rows, 3, out);
}

static bool priority(struct letter *l, struct slice value, struct buf *out)
{
	static const char *const rows[][2] = {{"urgent", "urgent"}, {"normal", "normal"}, {"non-urgent", "non-urgent"}};
	(void)l;
	return word_of(value, rows, 3, out);
}

static bool by_left(struct letter *l, struct slice unused, struct buf *out)
{
	int64_t left = letter_by_left(l);
	(void)unused;
	buf_printf(out, "%lld", (long long)left);
	return left > 0;
}

/* One address only, and never one that says it is another. */
static bool reply_to(struct letter *l, struct slice list, struct buf *out)
{
	struct mail_mailbox m = {0}, more = {0};
	struct buf sip = {0};
	bool good = mail_mailbox_next(&list, &m) && m.address.n && !mail_mailbox_next(&list, &more) &&
		    map_sip_identity(l->tools->names, buf_str(&m.address), &sip);
	if (good)
		buf_printf(out, "<%s>", buf_str(&sip));
	mail_mailbox_free(&m), mail_mailbox_free(&more);
	buf_free(&sip);
	return good;
}

static bool list_message(struct letter *l, struct slice unused, struct buf *out)
{
	(void)l, (void)unused;
	buf_puts(out, "recipient-list-message");
	return true;
}

/* ---- E1 (7.3): mail -> SIP MESSAGE; in the order in which the fields are written. What is said to be sip-send's is
 * new for each try (5.5). ---- */

#define SIP_SEND NULL, "sip-send"
#define NEVER	 NULL, NULL

/* clang-format off */
const struct map_row E1[] = {
	{"Request-URI",               'M', OF_STATE,      IF_KNOWN_USER,   LETTER(uri),              "7.2"},
	{"Request-URI",               'M', OF_RCPT,       IN_ANY_CASE,     LETTER(uri),              "2.2"},
	{"Max-Forwards",              'M', OF_RECEIVED,   IN_ANY_CASE,     LETTER(forwards),         "8.2"},
	{"From",                      'M', OF_FROM,       IF_ONE_AUTHOR,   LETTER(author),           "2.3"},
	{"From",                      'M', OF_SENDER,     IN_ANY_CASE,     LETTER(author),           "7.3"},
	{"From",                      'M', OF_MAIL_FROM,  IN_ANY_CASE,     LETTER(author),           "7.3"},
	{"To",                        'M', OF_STATE,      IF_KNOWN_USER,   LETTER(letter_uri_angle), "7.2"},
	{"To",                        'M', OF_RCPT,       IN_ANY_CASE,     LETTER(letter_uri_angle), "2.2"},
	{"Call-ID",                   'M', OF_NOTHING,    IN_ANY_CASE,     SIP_SEND,                 "5.5"},
	{"CSeq",                      'M', OF_NOTHING,    IN_ANY_CASE,     SIP_SEND,                 "5.5"},
	{"Date",                      'O', OF_CLOCK,      IN_ANY_CASE,     LETTER(date_now),         "RFC 3261"},
	{"P-Asserted-Identity",       'C', OF_FROM,       IF_VERIFIED,     LETTER(author),           "8.6"},
	{"P-Asserted-Service",        'M', OF_NOTHING,    IN_ANY_CASE,     LETTER(service),          "1.1"},
	{"Accept-Contact",            'M', OF_NOTHING,    IN_ANY_CASE,     LETTER(accept_contact),   "1.1"},
	{"Conversation-ID",           'M', OF_MESSAGE_ID, IN_ANY_CASE,     LETTER(conversation),     "3.12"},
	{"Contribution-ID",           'M', OF_MESSAGE_ID, IN_ANY_CASE,     LETTER(contribution),     "3.12"},
	{"InReplyTo-Contribution-ID", 'C', OF_PARENT,     IF_ANSWERS,      LETTER(parent),           "3.12"},
	{"Priority",                  'O', OF_X_PRIORITY, IN_ANY_CASE,     LETTER(x_priority),       "7.3"},
	{"Priority",                  'O', OF_IMPORTANCE, IN_ANY_CASE,     LETTER(importance),       "7.3"},
	{"Priority",                  'O', OF_PRIORITY,   IN_ANY_CASE,     LETTER(priority),         "RFC 2156"},
	{"Expires",                   'C', OF_BY,         IF_BY_R,         LETTER(by_left),          "RFC 2852"},
	{"Reply-To",                  'O', OF_REPLY_TO,   IF_REPLY_TO,     LETTER(reply_to),         "7.3"},
	{"Require",                   'C', OF_LIST,       IF_LIST_SERVICE, LETTER(list_message),     "RFC 5365"},
	{"Content-Type",              'M', OF_CONTENT,    IN_ANY_CASE,     SIP_SEND,                 "7.7"},
	{"Subject",                   'O', OF_SUBJECT,    IF_INVITE,       NEVER,                    "7.3"},
	{"Contact",                   '-', OF_NOTHING,    IF_INVITE,       NEVER,                    "RFC 3428"},
	{"Privacy",                   '-', OF_NOTHING,    IN_ANY_CASE,     NEVER,                    "2.6"},
};
/* clang-format on */
const size_t E1_rows = sizeof E1 / sizeof *E1;

static void put(void *ctx, const struct map_row *row, struct slice value)
{
	json_t *sip = ctx;
	if (strcmp(row->element, "Request-URI") == 0)
		record_set_octets(sip, "uri", value.p, value.n);
	else
		record_header_add(record_get(sip, "headers"), slice_of(row->element), value);
}

bool letter_put_sip(struct letter *l, json_t *sip)
{
	record_set(sip, "method", "MESSAGE");
	record_array(sip, "headers");
	return rows_each(&letter_family, l, E1, E1_rows, put, sip);
}
