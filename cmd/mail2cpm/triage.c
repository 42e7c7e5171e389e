/* What becomes of a mail for one recipient: 7.1 c to f, in their order. Reports (a, b) never come here. */
#include "mail2cpm.h"
#include "base/log.h"
#include "mail/address.h"
#include "mail/keyword.h"

#include <stdlib.h>

/* c: auto_mail, in the order of its words. */
static bool automatic_wanted(const struct work *w)
{
	enum { GENERATED, NONE, ALL };
	const struct letter *l = &w->letter;
	const struct conf_scope scope = letter_scope(l);
	int policy = conf_enum(w->program->conf, "auto_mail", &scope);
	return !l->automatic || policy == ALL || (policy == GENERATED && l->automatic == AUTOMATIC_GENERATED);
}

/* c again: what is generated is delivered, but is no answer to one of ours; an old vacation program says "Precedence:
 * bulk" and no more. Those of a list are by people. */
static bool automatic_answer(const struct work *w)
{
	enum { ALL = 2 };
	const struct letter *l = &w->letter;
	const struct conf_scope scope = letter_scope(l);
	return l->automatic && l->known && l->answered.n && !mail_head_get(&l->head, "List-Id", 0).p &&
	       conf_enum(w->program->conf, "auto_mail", &scope) != ALL;
}

/* d: what smtp-listen refuses comes in by other ways all the same (8.2). */
static const char *loop(const struct work *w)
{
	const struct letter *l = &w->letter;
	struct slice mark = mail_head_get(&l->head, "X-CPM-Gateway", 0);
	if (mark.p && slice_ieq(mark, map_gateway(w->program->names)))
		return "our own mark";
	if (l->received > conf_int(w->program->conf, "max_received", NULL))
		return "too many Received fields";
	return NULL;
}

/* Written by another gateway for somebody who is himself behind a gateway: "bob=40example.org=40gw" or, too long for
 * that, a token. */
static bool behind_gateways(const struct letter *l)
{
	struct buf local = {0};
	int ats = 0;
	if (!mail_head_get(&l->head, "X-CPM-Gateway", 0).p)
		return false;
	mail_put_lower(&local, (struct slice){buf_str(&l->from), strcspn(buf_str(&l->from), "@")});
	for (const char *p = buf_str(&local); (p = strstr(p, "=40")); p += 3)
		ats++;
	bool token = token_local_form(slice_buf(&local)) == 'x';
	buf_free(&local);
	return token || ats > 1;
}

/* 8.2: the same sender, recipient and text for the sixth time in ten minutes: two robots talk to each other. In a ring
 * of gateways the sender is another at each turn, as each of them wraps the one before: there he does not count. */
static bool storm(struct work *w)
{
	const struct letter *l = &w->letter;
	struct buf id = {0};
	uint64_t kind =
		storm_kind(0, behind_gateways(l) ? mail_head_get(&l->head, "X-CPM-Gateway", 0) : slice_buf(&l->from));
	kind = storm_kind(kind, slice_of(l->rcpt));
	kind = storm_kind(kind, (struct slice){(const char *)l->digest, sizeof l->digest});
	buf_printf(&id, "%s %s", w->it->in->id, l->rcpt);
	bool rages = storm_rages(&w->program->storm, kind, buf_str(&id), l->now_ms);
	buf_free(&id);
	return rages;
}

/* A group's address or an alias is for its e-mail user alone, who has to be it (2.5, 8.6). */
static bool stranger(const struct letter *l, const struct correlation *found)
{
	struct buf local = {0};
	mail_put_lower(&local, (struct slice){l->rcpt, strcspn(l->rcpt, "@")});
	char form = token_local_form(slice_buf(&local));
	buf_free(&local);
	return (form == 'g' || form == 'a') && (found->kind == CORRELATE_NONE || !l->verified);
}

/* sender_auth did not pass: what unverified says (8.6). false: the mail goes no further. */
static bool unverified(struct work *w)
{
	enum { REJECT, MARK, DROP };
	const struct letter *l = &w->letter;
	const struct conf_scope scope = letter_scope(l);
	switch (conf_enum(w->program->conf, "unverified", &scope)) {
	case REJECT:
		send_failure(w, 403, "the sender could not be verified", "5.7.1");
		return false;
	case DROP:
		send_nothing(w, "unverified");
		return false;
	default:
		return true;
	}
}

/* Who may write, and whether it is worth it. false: the mail goes no further. */
static bool admitted(struct work *w, const struct correlation *found)
{
	struct letter *l = &w->letter;
	if (found->blind && found->rcpt == CORRELATE_NO) {
		send_nothing(w, "blind copy"); /* the others must not learn of it (1.4) */
		return false;
	}
	if (stranger(l, found)) {
		if (l->results.spf == VERIFY_PASS || l->results.dmarc == VERIFY_PASS)
			send_failure(w, 403, "the address is for another sender", "5.7.1");
		else
			send_nothing(w, "stranger");
		return false;
	}
	if (!l->from.n) {
		send_nothing(w, "no sender");
		return false;
	}
	if (!l->verified && !unverified(w))
		return false;
	if (storm(w)) {
		send_failure(w, 482, "the same message more than 5 times in 10 minutes", "5.4.6");
		return false;
	}
	return true;
}

/* ---- control keywords (7.4) ---- */

static const char **words(const struct work *w, const char *knob)
{
	const struct conf_scope scope = letter_scope(&w->letter);
	size_t n = 0;
	while (conf_item_in(w->program->conf, knob, &scope, n, NULL))
		n++;
	const char **list = xcalloc(n + 1, sizeof *list);
	for (size_t i = 0; i < n; i++)
		list[i] = conf_item_in(w->program->conf, knob, &scope, i, NULL);
	return list;
}

/* In a conversation of standalone messages a keyword is a text like any other (7.2); it is noted all the same. */
static const char *keyword(const struct work *w)
{
	static const char *const names[] = {NULL, "leave", "reject", "accept", "unknown"};
	const char **accept = words(w, "kw_accept"), **reject = words(w, "kw_reject"), **leave = words(w, "kw_leave");
	struct mail_keywords k = {.accept = accept, .reject = reject, .leave = leave};
	struct slice rest, subject = {"", 0};
	if (conf_bool(w->program->conf, "kw_subject", NULL))
		subject = slice_buf(&w->letter.subject);
	enum mail_keyword found = mail_keyword_find(&k, slice_buf(&w->enclose.said), subject, &rest);
	free(accept), free(reject), free(leave);
	return names[found];
}

/* ---- content ---- */

static bool readable(struct work *w)
{
	struct letter *l = &w->letter;
	const struct conf_scope scope = letter_scope(l);
	if (!w->opened) {
		w->opened = true;
		w->unreadable = !enclose_begin(&w->enclose, l);
	}
	if (w->unreadable) {
		send_failure(w, 400, w->enclose.why ? w->enclose.why : "the mail cannot be read", "5.6.0");
		return false;
	}
	if (w->enclose.walk.loss & MAIL_LOSS_PARTS) { /* 5.6: nothing of a mail is lost without a word */
		send_failure(w, 400, "the mail has too many parts, or they are nested too deep", "5.6.0");
		return false;
	}
	if ((w->enclose.walk.loss & MAIL_LOSS_ENCRYPTED) && conf_enum(w->program->conf, "encrypted_mode", &scope)) {
		send_failure(w, 415, "the mail is encrypted", "5.6.1");
		return false;
	}
	return true;
}

/* Attachments that went as messages of their own: whoever answers one of them answers the mail. */
static void put_parts(struct work *w, json_t *thread)
{
	struct letter *l = &w->letter;
	unsigned sent = w->enclose.mode == ENCLOSE_SEPARATE ? (unsigned)enclose_sent(&w->enclose) : 0;
	json_t *parts = sent ? record_array(thread, "parts") : NULL;
	for (unsigned k = 1; k <= sent; k++) {
		letter_part(l, k);
		json_array_append_new(parts, json_string(buf_str(&l->contr)));
	}
	letter_part(l, 0);
}

static void tell_thread(struct work *w, const struct correlate_query *q, const struct correlation *found)
{
	struct letter *l = &w->letter;
	json_t *member = correlate_thread(q, found, l->subject.n ? buf_str(&l->subject) : NULL, l->now_ms);
	if (!member)
		return;
	struct record *out = item_output(w->it, "thread");
	json_object_update(out->member, member);
	json_decref(member);
	put_parts(w, out->member);
	item_emit(w->it, out);
}

/* e and f: to its conversation, or into a new one. */
static bool deliver(struct work *w, const struct correlate_query *q, const struct correlation *found)
{
	struct letter *l = &w->letter;
	if (!admitted(w, found) || !readable(w))
		return true;
	enclose_recipient(&w->enclose);
	log_event(LOG_INFO, w->it->in->trace, "read", "id", w->it->in->id, "rcpt", l->rcpt, "mid", buf_str(&l->msgid),
		  "conv", buf_str(&l->conv), "answers", l->answered.n ? buf_str(&l->answered) : NULL, "keyword",
		  l->known ? keyword(w) : NULL, "verified", l->verified ? NULL : "no", "automatic",
		  l->automatic ? automatic_name(l->automatic) : NULL, NULL);
	if (!send_messages(w))
		return false;
	correlate_remember(&w->program->correlate, q, found, l->now_ms);
	tell_thread(w, q, found);
	return true;
}

bool triage_recipient(struct work *w)
{
	struct mail2cpm *prog = w->program;
	struct letter *l = &w->letter;
	struct correlation found = {0};
	uint8_t key[MEMORY_KEY];
	const char *why;
	bool good = true;
	memory_key(buf_str(&l->msgid), l->rcpt, l->digest, key);
	if (memory_find(&prog->memory, key, l->now_ms - 1000 * conf_int(prog->conf, "dedupe_window", NULL)) &&
	    !memory_expected(&prog->memory, buf_str(&l->imdn))) {
		send_nothing(w, "duplicate");
		return true;
	}
	struct correlate_query q = letter_query(l);
	if (record_bool(l->to, "role")) {
		good = forward_mail(w);
	} else if (!automatic_wanted(w)) {
		send_nothing(w, l->automatic == AUTOMATIC_REPLIED ? "automatic answer" : "automatic mail");
	} else if ((why = loop(w))) {
		send_failure(w, 482, why, "5.4.6");
	} else if (!correlate_find(&prog->correlate, &q, &found)) {
		good = false;
	} else {
		letter_thread(l, &found);
		if (automatic_answer(w))
			send_nothing(w, "automatic answer");
		else
			good = deliver(w, &q, &found);
	}
	correlation_free(&found);
	if (good)
		memory_add(&prog->memory, key, l->now_ms);
	return good;
}
