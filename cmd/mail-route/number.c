#include "router.h"
#include "base/log.h"
#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>

/* A number that records ask for. One that is still open at the end of the batch goes on, and is there when they come
 * back. */
struct question {
	struct router *router;
	bool open;
	bool counted; /* as one of router.wanted */
	enum enum_result result;
	char *number; /* "" = none */
	char *address;
	struct question *next;
};

static void got_address(void *arg, enum enum_result result, const char *address)
{
	struct question *q = arg;
	q->open = false;
	q->result = result;
	q->address = address ? xstrdup(address) : NULL;
	if (q->counted)
		q->router->wanted--;
	q->counted = false;
}

static struct question *question_find(struct router *r, const char *number)
{
	struct question *q = r->questions;
	while (q && strcmp(q->number, number) != 0)
		q = q->next;
	return q;
}

static struct question *question_new(struct router *r, const char *number)
{
	const char *suffix = conf_str(r->conf, "enum_suffix", NULL);
	struct question *q = xcalloc(1, sizeof *q);
	*q = (struct question){.router = r, .result = ENUM_NONE, .number = xstrdup(number), .next = r->questions};
	r->questions = q;
	if (*number && suffix && *suffix) {
		q->open = q->counted = true;
		r->wanted++;
		enum_find(r->dns, q->number, suffix, got_address, q);
	}
	return q;
}

void numbers_clear(struct router *r)
{
	for (struct question **at = &r->questions, *q; (q = *at);) {
		if (q->open) {
			q->counted = false;
			at = &q->next;
		} else {
			*at = q->next;
			free(q->number);
			free(q->address);
			free(q);
		}
	}
}

/* "tel:+1-415-555-0101;x=y" or "sip:+14155550101@host": the number in global form, malloced; NULL if there is none. */
static char *uri_number(const char *uri)
{
	struct buf plain = {0}, number = {0};
	struct slice s = slice_of(uri);
	bool more;
	slice_cut(&s, ':', &more);
	if (!more || !percent_decode(&plain, (struct slice){s.p, strcspn(s.p, ";@?")}) || plain.n == 0 ||
	    *plain.p != '+') {
		buf_free(&plain);
		return NULL;
	}
	buf_putc(&number, '+');
	for (const char *p = plain.p + 1; *p; p++)
		if (isdigit((unsigned char)*p))
			buf_putc(&number, *p);
		else if (!strchr("-.()", *p)) /* visual separators, RFC 3966 3 */
			buf_putc(&number, '?');
	buf_free(&plain);
	return number.p;
}

/* Who asks says the number, or leaves it to the Request-URI. */
static char *wanted_number(const json_t *sip)
{
	const char *number = record_str(sip, "enum_wanted");
	if (number)
		return xstrdup(number);
	number = record_str(record_get(sip, "enum"), "number");
	if (number)
		return xstrdup(number);
	const char *uri = record_str(sip, "uri");
	return uri ? uri_number(uri) : NULL;
}

void number_ask(struct router *r, struct frame_item *it)
{
	json_t *wanted = record_get(it->in->member, "enum_wanted");
	it->data = NULL;
	if (!wanted || json_is_false(wanted))
		return;
	char *number = wanted_number(it->in->member);
	struct question *q = question_find(r, number ? number : "");
	it->data = q ? q : question_new(r, number ? number : "");
	free(number);
}

/* The request as it came, with the answer in the place of the question. */
static void emit_request(struct frame_item *it, const struct question *q)
{
	struct record *out = item_output(it, "sip.request");
	const char *key;
	json_t *value;
	json_object_foreach (it->in->member, key, value)
		if (strcmp(key, "enum_wanted") != 0 && strcmp(key, "enum") != 0)
			record_set_new(out->member, key, json_incref(value));
	json_t *answer = record_object(out->member, "enum");
	record_set(answer, "number", q->number);
	record_set(answer, "address", q->address);
	item_emit(it, out);
}

/* 2.7: no such number 404, no answer 480. */
static void emit_response(struct frame_item *it, enum enum_result result)
{
	struct record *out = item_output(it, "sip.response");
	bool unknown = result == ENUM_UNKNOWN;
	record_set(out->member, "transaction", record_str(it->in->member, "transaction"));
	record_set_int(out->member, "status", unknown ? 480 : 404);
	record_set(out->member, "reason", unknown ? "Temporarily Unavailable" : "Not Found");
	record_array(out->member, "headers");
	item_emit(it, out);
}

void number_answer(struct frame_item *it)
{
	static const char *const word[] = {[ENUM_FOUND] = "found", [ENUM_NONE] = "none", [ENUM_UNKNOWN] = "unknown"};
	struct question *q = it->data;
	if (!q) {
		item_pass(it);
		return;
	}
	if (q->open) {
		item_defer(it, frame_now_ms(it->frame) * 1000 + PATIENCE_MS * 1000 + COME_BACK_US, "4.4.3",
			   "%s: the name servers have not answered yet", q->number);
		return;
	}
	log_event(LOG_INFO, it->in->trace, "enum", "id", it->in->id, "number", q->number, "result", word[q->result],
		  NULL);
	if (q->result == ENUM_FOUND)
		emit_request(it, q);
	else
		emit_response(it, q->result);
}
