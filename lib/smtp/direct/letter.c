#include "smtp/direct/direct.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>
#include <unistd.h>

struct letter *letter_new(struct destination *dest, struct smtp_mail *m)
{
	struct letter *l = xcalloc(1, sizeof(*l) + m->nrcpts * sizeof(l->to[0]));
	l->dest = dest;
	l->mail = m;
	l->body = m->body;
	l->naddressees = m->nrcpts;
	m->given_up = SMTP_KEPT;
	smtp_mail_check(m, true);
	smtp_mail_scan(m, &l->scan);
	return l;
}

void letter_free(struct letter *l)
{
	if (l->converted)
		close(l->body.fd);
	free(l);
}

/* ---- what a host said ---- */

/* "For now" beats "for good", as then it is worth another try. */
static void hold(struct letter *l, size_t i, const struct smtp_result *r)
{
	struct addressee *a = &l->to[i];
	if (a->held.outcome == SMTP_OPEN || a->held.outcome == SMTP_PERMANENT || r->outcome == SMTP_TEMPORARY)
		a->held = *r;
	a->held_at = l->host + 1;
}

void letter_hold(struct letter *l, const struct smtp_result *r)
{
	for (size_t i = 0; i < l->naddressees; i++)
		if (l->mail->rcpts[i].result.outcome == SMTP_OPEN)
			hold(l, i, r);
}

/* 455, 555 and their kin, or (DELIVERBY) any 55z that does not speak of something else: once more without them
 * (3.1, 5.1). */
static bool without_parameters(struct letter *l, enum smtp_at at, const struct smtp_result *r, const char *text)
{
	char seen[SMTP_ENHANCED_MAX] = "";
	const char *rest;
	bool about = smtp_result_of_parameters(r);
	bool silent = !smtp_enhanced_parse(text ? text : "", r->code, seen, &rest);
	bool by = l->with_by && !l->no_by && at == SMTP_AT_MAIL &&
		  (about || (r->code / 10 == 55 && (silent || strncmp(seen, "5.5.", 4) == 0)));
	bool dsn = !by && l->with_dsn && !l->no_dsn && about;
	if (!by && !dsn)
		return false;
	l->no_by = l->no_by || by;
	l->no_dsn = l->no_dsn || dsn;
	log_event(LOG_INFO, l->mail->trace, by ? "without-deliverby" : "without-dsn", "host", r->host, "text", r->text,
		  NULL);
	return true;
}

static bool last_host(const struct letter *l)
{
	size_t h = l->host + 1;
	while (h < l->dest->nhosts && l->dest->hosts[h].down)
		h++;
	return h >= l->dest->nhosts;
}

static void settle(struct letter *l, size_t i, const struct smtp_result *r)
{
	l->to[i].state = ADDRESSEE_ANSWERED;
	if (r->outcome == SMTP_TEMPORARY && !last_host(l))
		hold(l, i, r);
	else
		l->mail->rcpts[i].result = *r;
}

void letter_answer(struct letter *l, size_t i, enum smtp_at at, int code, const char *enhanced, const char *text,
		   const char *host)
{
	struct smtp_result r;
	if (l->mail->rcpts[i].result.outcome != SMTP_OPEN)
		return;
	/* Only the end of a mail can be answered by "done", and nothing that ends here by 3yz. */
	if (code && code < 400 && (at != SMTP_AT_DATA || code >= 300)) {
		code = 0;
		enhanced = "4.4.2";
	}
	smtp_result_set(&r, at, code, enhanced, text, host);
	/* A flag that is already set was set by an earlier reply of this transaction: the others of it are of the same
	 * kind. */
	if (without_parameters(l, at, &r, text)) {
		l->to[i].state = ADDRESSEE_OUT;
	} else if (r.code == 452 && strcmp(r.enhanced, "4.5.3") == 0 && at == SMTP_AT_RCPT) {
		l->to[i].state = ADDRESSEE_CROWDED;
		l->to[i].held = r;
	} else {
		settle(l, i, &r);
	}
}

void letter_answer_all(struct letter *l, enum smtp_at at, int code, const char *enhanced, const char *text,
		       const char *host)
{
	bool by = l->no_by, dsn = l->no_dsn;
	for (size_t i = 0; i < l->naddressees; i++) {
		if (l->to[i].state != ADDRESSEE_ASKED && l->to[i].state != ADDRESSEE_TAKEN)
			continue;
		letter_answer(l, i, at, code, enhanced, text, host);
		if (by != l->no_by || dsn != l->no_dsn)
			break; /* all of them once more, without the parameters */
	}
}

/* ---- queues ---- */

void letter_enqueue(struct letter *l, bool front)
{
	struct destination *dest = l->dest;
	l->stage = STAGE_WAITING;
	while (l->host < dest->nhosts && dest->hosts[l->host].down) {
		struct host *h = &dest->hosts[l->host];
		l->slow = l->slow || h->slow;
		letter_hold(l, &h->trouble);
		l->host++;
	}
	if (l->host >= dest->nhosts) {
		letter_conclude(l);
		return;
	}
	if (dest->given_up) {
		letter_give_up(l, dest->given_up);
		return;
	}
	struct host *h = &dest->hosts[l->host];
	l->next = NULL;
	if (front && h->first) {
		l->next = h->first;
		h->first = l;
	} else {
		*h->last = l;
		h->last = &l->next;
	}
	h->waiting++;
}

void letter_begin(struct letter *l)
{
	l->stage = STAGE_ENVELOPE;
	l->cursor = l->pending = l->taken = 0;
	l->answered = l->odd = l->refused = l->chunked = l->with_by = l->with_dsn = false;
	l->offset = 0;
	l->end_at = 0;
	l->begun_us = clock_mono_us();
	for (size_t i = 0; i < l->naddressees; i++) {
		bool part = l->mail->rcpts[i].result.outcome == SMTP_OPEN && l->to[i].held_at != l->host + 1;
		l->to[i].state = part ? ADDRESSEE_ASKED : ADDRESSEE_OUT;
	}
}

/* "Too many recipients": the rest in a further transaction if this one took any (1.2 step 4), else it is a refusal like
 * others. */
static void settle_crowded(struct letter *l)
{
	for (size_t i = 0; i < l->naddressees; i++) {
		struct smtp_result r = l->to[i].held;
		if (l->to[i].state != ADDRESSEE_CROWDED)
			continue;
		l->to[i].held = (struct smtp_result){0};
		if (!l->taken)
			settle(l, i, &r);
	}
}

void letter_end(struct letter *l)
{
	bool again = false;
	settle_crowded(l);
	for (size_t i = 0; i < l->naddressees; i++)
		again = again || (l->mail->rcpts[i].result.outcome == SMTP_OPEN && l->to[i].held_at != l->host + 1);
	if (!smtp_mail_open(l->mail)) {
		letter_conclude(l);
		return;
	}
	if (!again)
		l->host++;
	letter_enqueue(l, true);
}

/* ---- lost connections ---- */

void letter_interrupted(struct letter *l, const char *why, const char *host, bool lost)
{
	struct smtp_result r;
	smtp_result_set(&r, SMTP_AT_LOCAL, 0, "4.4.2", why, host);
	for (size_t i = 0; i < l->naddressees; i++) {
		enum addressee_state s = l->to[i].state;
		if (l->mail->rcpts[i].result.outcome != SMTP_OPEN || (s != ADDRESSEE_ASKED && s != ADDRESSEE_TAKEN))
			continue;
		/* After the end of the mail a second host might deliver it twice: the caller decides when to try again.
		 */
		if (lost && s == ADDRESSEE_TAKEN) {
			l->mail->rcpts[i].result = r;
			l->mail->duplicate_possible = true;
		} else {
			hold(l, i, &r);
		}
	}
	letter_end(l);
}

void letter_restart(struct letter *l)
{
	enum { RESTARTS = 5 };
	if (l->restarts++ < RESTARTS)
		letter_enqueue(l, true);
	else
		letter_interrupted(l, "the connection is lost again and again", l->dest->hosts[l->host].at->name,
				   false);
}

/* ---- the end ---- */

void letter_give_up(struct letter *l, enum smtp_given_up why)
{
	l->mail->given_up = smtp_mail_open(l->mail) ? why : SMTP_KEPT;
	l->stage = STAGE_DECIDED;
	l->dest->engine->open--;
	log_event(LOG_INFO, l->mail->trace, why == SMTP_SLOW ? "given-up-slow" : "stopped", "host",
		  l->dest->nhosts ? l->dest->hosts[0].at->name : NULL, NULL);
	if (l->dest->engine->settings.decided)
		l->dest->engine->settings.decided(l->mail, l->dest->engine->settings.ctx);
}

void letter_conclude(struct letter *l)
{
	struct direct *d = l->dest->engine;
	if (l->slow && smtp_mail_open(l->mail)) {
		letter_give_up(l, SMTP_SLOW);
		return;
	}
	for (size_t i = 0; i < l->naddressees; i++)
		if (l->mail->rcpts[i].result.outcome == SMTP_OPEN && l->to[i].held.outcome != SMTP_OPEN)
			l->mail->rcpts[i].result = l->to[i].held;
	smtp_mail_decide(l->mail, SMTP_AT_LOCAL, 0, "4.4.1", "no host to connect to", NULL);
	l->stage = STAGE_DECIDED;
	d->open--;
	if (d->settings.decided)
		d->settings.decided(l->mail, d->settings.ctx);
}

/* ---- does it fit? ---- */

static bool ascii(const char *s)
{
	return is_ascii(s, strlen(s));
}

static void refuse(struct letter *l, const char *enhanced, const char *text)
{
	smtp_mail_decide(l->mail, SMTP_AT_LOCAL, 0, enhanced, text, l->dest->hosts[l->host].at->name);
}

/* Needed but not offered: 5.6.7, and no DATA (1.2 step 3). */
static void check_utf8(struct letter *l, const struct offers *o)
{
	if (o->keywords & KEYWORD_SMTPUTF8)
		return;
	if (l->mail->smtputf8 || !ascii(l->mail->from))
		refuse(l, "5.6.7", "the address needs SMTPUTF8");
	for (size_t i = 0; i < l->naddressees; i++)
		if (l->mail->rcpts[i].result.outcome == SMTP_OPEN && !ascii(l->mail->rcpts[i].address))
			smtp_result_set(&l->mail->rcpts[i].result, SMTP_AT_LOCAL, 0, "5.6.7",
					"the address needs SMTPUTF8", l->dest->hosts[l->host].at->name);
}

static void check_params(struct letter *l, const struct offers *o)
{
	for (size_t i = 0; i < l->mail->nparams; i++) {
		const struct smtp_param *p = &l->mail->params[i];
		if (!smtp_word_valid(p->text, 500) || !smtp_word_valid(p->keyword, 64))
			refuse(l, "5.5.4", "a parameter of MAIL is malformed");
		else if (p->required && !offers_word(o, p->keyword))
			refuse(l, "5.5.4", "the server lacks a needed extension");
	}
}

static void make_seven_bit(struct letter *l)
{
	struct smtp_scan scan;
	struct smtp_body body;
	if (!smtp_mail_seven_bit(&l->dest->engine->settings, l->mail, &body, &scan))
		return;
	l->body = body;
	l->scan = scan;
	l->converted = true;
}

bool letter_fits(struct letter *l, struct connection *c)
{
	const struct offers *o = &c->offers;
	check_utf8(l, o);
	check_params(l, o);
	/* Returned when late (RFC 2852 4.2): it is late. */
	if (l->mail->by.mode == 'R' && l->mail->by.until_ms <= clock_real_us() / 1000)
		refuse(l, "5.4.7", "the delivery time is over");
	if (smtp_mail_open(l->mail) && !l->converted &&
	    (l->scan.long_line || (l->scan.eight_bit && !(o->keywords & KEYWORD_8BITMIME))))
		make_seven_bit(l);
	if (o->size_limit && l->scan.size > o->size_limit)
		refuse(l, "5.3.4", "larger than the server takes");
	if (smtp_mail_open(l->mail))
		return true;
	letter_conclude(l);
	return false;
}
