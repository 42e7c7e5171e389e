#include "router.h"
#include "base/clock.h"
#include "base/log.h"
#include "mail/address.h"
#include "map/transient.h"

#include <stdlib.h>

/* What becomes of one recipient. */
struct fate {
	const struct target *target; /* NULL: no domain */
	const char *enhanced;	     /* NULL: there is a way */
	const char *text;
	const char *outcome; /* of mail.result; NULL: none now */
	bool open;	     /* its domain is still being looked up */
	bool waits;	     /* tried again later */
	bool sent;	     /* its mail.out was made */
};

static bool recipient_domain(const json_t *rcpt, struct slice *domain)
{
	const char *address = record_str(rcpt, "address");
	struct mail_address a;
	if (!address || !mail_address_parse(slice_of(address), &a))
		return false;
	*domain = a.domain;
	return true;
}

void mail_ask(struct router *r, struct frame_item *it)
{
	size_t i;
	json_t *rcpt;
	struct slice domain;
	json_array_foreach (record_get(it->in->member, "to"), i, rcpt)
		if (recipient_domain(rcpt, &domain))
			target_find(r, domain);
}

/* How often the mail was tried: not counting the times it only came back for an answer that was still on its way. */
static int mail_tries(const struct frame_item *it)
{
	return item_retries(it) - (int)record_int(it->in->member, "asking", 0);
}

/* ---- temporary trouble: now an answer, or later another try (1.2, transient results) ---- */

static int64_t first_try(const struct frame_item *it)
{
	int64_t first = item_first_try_ms(it);
	return first ? first : frame_now_ms(it->frame);
}

static void temporary(const struct router *r, const struct frame_item *it, struct fate *f)
{
	struct conf_scope scope = {.domain = f->target->domain};
	int64_t answer_by = record_int(record_get(it->in->member, "origin"), "answer_by", 0);
	if (mail_tries(it) && transient_is_over(r->conf, first_try(it), frame_now_ms(it->frame))) {
		f->outcome = "permanent";
		f->enhanced = "4.4.7";
	} else if (transient_is_told(r->conf, &scope, answer_by, frame_now_ms(it->frame))) {
		f->outcome = "temporary";
	} else {
		f->waits = true;
		f->outcome = mail_tries(it) ? NULL : "queued";
	}
}

static struct fate recipient_fate(struct router *r, const struct frame_item *it, const json_t *rcpt)
{
	struct fate f = {0};
	struct slice domain;
	if (!recipient_domain(rcpt, &domain)) {
		f.enhanced = "5.1.3";
		f.text = "the address cannot be one";
	} else {
		f.target = target_find(r, domain);
		f.open = target_open(f.target);
		f.enhanced = target_failure(f.target, &f.text);
	}
	if (f.enhanced && f.enhanced[0] == '5')
		f.outcome = "permanent";
	else if (f.enhanced)
		temporary(r, it, &f);
	return f;
}

/* ---- output ---- */

/* All members of the mail but "to" and what is ours. Values are shared with the input: neither is changed any more. */
static void copy_mail(const json_t *from, json_t *to)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)from, key, value)
		if (strcmp(key, "to") != 0 && strcmp(key, "route") != 0 && strcmp(key, "asking") != 0)
			record_set_new(to, key, json_incref(value));
}

/* One mail.out.routed for all recipients of the domain of the k-th: one SMTP transaction each (1.2). */
static void emit_mail(struct frame_item *it, const json_t *to, struct fate *fate, size_t k)
{
	const struct target *t = fate[k].target;
	struct record *out = item_output(it, "mail.out.routed");
	json_t *rcpts = json_array();
	for (size_t i = k; i < json_array_size(to); i++)
		if (fate[i].target == t && !fate[i].enhanced) {
			json_array_append(rcpts, json_array_get(to, i));
			fate[i].sent = true;
		}
	const char *from = record_str(it->in->member, "from");
	record_set(out->member, "from", from);
	record_set_new(out->member, "to", rcpts);
	copy_mail(it->in->member, out->member);
	bool require_tls = record_bool(it->in->member, "require_tls");
	record_set_new(out->member, "route", target_route(t, slice_of(it->in->id), require_tls));
	log_event(LOG_INFO, it->in->trace, "routed", "id", out->id, "domain", t->domain, "host",
		  t->hop.maildir ? t->hop.maildir : t->dest->host[0].name, NULL);
	item_emit(it, out);
}

static void add_result(json_t *results, const json_t *rcpt, const struct fate *f)
{
	json_t *result = json_object();
	const char *address = record_str(rcpt, "address");
	record_set(result, "address", address ? address : "");
	record_set(result, "outcome", f->outcome);
	record_set_int(result, "code", 0);
	record_set(result, "enhanced", f->enhanced);
	record_set(result, "text", f->text);
	json_array_append_new(results, result);
}

static void emit_result(struct frame_item *it, const json_t *to, const struct fate *fate)
{
	json_t *results = json_array();
	for (size_t i = 0; i < json_array_size(to); i++)
		if (fate[i].outcome)
			add_result(results, json_array_get(to, i), &fate[i]);
	if (json_array_size(results) == 0) {
		json_decref(results);
		return;
	}
	struct record *out = item_output(it, "mail.result");
	json_t *origin = record_get(it->in->member, "origin");
	record_set_new(out->member, "results", results);
	record_set(out->member, "message_id", record_str(it->in->member, "message_id"));
	if (origin)
		record_set_new(out->member, "origin", json_incref(origin));
	record_set_bool(out->member, "duplicate_possible", false);
	item_emit(it, out);
}

static void log_failures(const struct frame_item *it, const json_t *to, const struct fate *fate)
{
	for (size_t i = 0; i < json_array_size(to); i++)
		if (fate[i].enhanced)
			log_event(LOG_INFO, it->in->trace, "unroutable", "id", it->in->id, "domain",
				  fate[i].target ? fate[i].target->domain : NULL, "code", fate[i].enhanced, "outcome",
				  fate[i].outcome, "why", fate[i].text, NULL);
}

/* What is left in the input: those recipients that nothing was said about for good. */
static void keep_waiting(struct frame_item *it, const json_t *to, const struct fate *fate)
{
	json_t *rest = json_array();
	for (size_t i = 0; i < json_array_size(to); i++)
		if (fate[i].open || fate[i].waits)
			json_array_append(rest, json_array_get(to, i));
	record_set_new(it->in->member, "to", rest);
}

static void defer_rest(const struct router *r, struct frame_item *it, const json_t *to, const struct fate *fate)
{
	size_t n = json_array_size(to), i = 0;
	while (i < n && !fate[i].waits)
		i++;
	if (i == n)
		return;
	int64_t due = transient_due_us(r->conf, it->in->id, mail_tries(it), first_try(it), frame_now_ms(it->frame));
	keep_waiting(it, to, fate);
	item_defer(it, due, fate[i].enhanced, "%s: %s", fate[i].target->domain, fate[i].text);
}

/* Some domain is still being looked up: what else is temporary waits with it, and is told when all is known. */
static bool come_back(struct frame_item *it, const json_t *to, struct fate *fate)
{
	size_t n = json_array_size(to), i = 0;
	while (i < n && !fate[i].open)
		i++;
	if (i == n)
		return false;
	for (size_t k = 0; k < n; k++)
		if (fate[k].enhanced && fate[k].enhanced[0] == '4') {
			fate[k].outcome = NULL;
			fate[k].waits = true;
		}
	keep_waiting(it, to, fate);
	record_set_int(it->in->member, "asking", record_int(it->in->member, "asking", 0) + 1);
	item_defer(it, frame_now_ms(it->frame) * 1000 + PATIENCE_MS * 1000 + COME_BACK_US, "4.4.3",
		   "%s: the name servers have not answered yet", fate[i].target->domain);
	return true;
}

void mail_answer(struct router *r, struct frame_item *it)
{
	json_t *to = record_get(it->in->member, "to");
	size_t n = json_array_size(to);
	if (n == 0) {
		item_fail(it, "5.1.3", "a mail without recipients");
		return;
	}
	json_incref(to);
	struct fate *fate = xcalloc(n, sizeof *fate);
	for (size_t i = 0; i < n; i++)
		fate[i] = recipient_fate(r, it, json_array_get(to, i));
	for (size_t i = 0; i < n; i++)
		if (!fate[i].enhanced && !fate[i].open && !fate[i].sent)
			emit_mail(it, to, fate, i);
	bool later = come_back(it, to, fate);
	emit_result(it, to, fate);
	if (!later) {
		log_failures(it, to, fate);
		defer_rest(r, it, to, fate);
	}
	free(fate);
	json_decref(to);
}
