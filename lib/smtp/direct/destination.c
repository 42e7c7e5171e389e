#include "smtp/direct/direct.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

/* ---- making ---- */

/* Connections under one key may be used for one another. */
static char *host_key(const struct destination *dest, const struct smtp_host *h)
{
	return xasprintf("%s:%d %d %s %s", h->name, h->port, (int)dest->route->tls,
			 dest->route->user ? dest->route->user : "", dest->session ? dest->session : "");
}

static void make_hosts(struct destination *dest)
{
	struct buf all = {0};
	dest->nhosts = dest->route->nhosts;
	dest->hosts = xcalloc(dest->nhosts ? dest->nhosts : 1, sizeof(*dest->hosts));
	for (size_t i = 0; i < dest->nhosts; i++) {
		struct host *h = &dest->hosts[i];
		h->at = &dest->route->hosts[i];
		h->key = host_key(dest, h->at);
		h->last = &h->first;
		buf_printf(&all, "%s ", h->key);
	}
	dest->id = trouble_id("destination", buf_str(&all), 0);
	buf_free(&all);
}

/* Mails of one session go over a connection of their own; those of none together. */
static bool same_session(const struct smtp_mail *m, const char *session)
{
	return session ? m->session && strcmp(m->session, session) == 0 : !m->session;
}

static void add(struct direct *d, const struct smtp_route *route, struct smtp_mail *const *mails, size_t n,
		size_t first)
{
	struct destination *dest = xcalloc(1, sizeof(*dest));
	bool known;
	dest->engine = d;
	dest->route = route;
	dest->session = mails[first]->session ? xstrdup(mails[first]->session) : NULL;
	make_hosts(dest);
	known = d->settings.patience_ms && trouble_is(&d->slow, dest->id, clock_mono_us());
	dest->letters = xcalloc(n, sizeof(struct letter *));
	dest->next = d->destinations;
	d->destinations = dest;
	for (size_t i = first; i < n; i++) {
		if (!same_session(mails[i], dest->session))
			continue;
		dest->session_ends = dest->session_ends || (dest->session && mails[i]->session_ends);
		struct letter *l = letter_new(dest, mails[i]);
		dest->letters[dest->nletters++] = l;
		d->open++;
		if (known && smtp_mail_open(mails[i]))
			letter_give_up(l, SMTP_SLOW);
		else if (smtp_mail_open(mails[i]))
			letter_enqueue(l, false);
		else
			letter_conclude(l);
	}
}

void destination_add(struct direct *d, const struct smtp_route *route, struct smtp_mail *const *mails, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool seen = false;
		for (size_t k = 0; k < i && !seen; k++)
			seen = same_session(mails[k], mails[i]->session);
		if (!seen)
			add(d, route, mails, n, i);
		if (!mails[i]->session) /* the usual case: nobody looks at them all again for each */
			while (i + 1 < n && !mails[i + 1]->session)
				i++;
	}
}

void destination_free(struct destination *dest)
{
	for (size_t i = 0; i < dest->nletters; i++)
		letter_free(dest->letters[i]);
	for (size_t i = 0; i < dest->nhosts; i++) {
		if (dest->session_ends)
			kept_end_session(dest->engine, dest->hosts[i].key);
		free(dest->hosts[i].key);
	}
	free(dest->hosts);
	free(dest->letters);
	free(dest->session);
	free(dest);
}

/* ---- giving up ---- */

/* Take all letters out of the queue of a host. */
static struct letter *empty_queue(struct host *h)
{
	struct letter *all = h->first;
	h->first = NULL;
	h->last = &h->first;
	h->waiting = 0;
	return all;
}

void destination_give_up(struct destination *dest, enum smtp_given_up why)
{
	struct direct *d = dest->engine;
	dest->given_up = why;
	if (why == SMTP_SLOW && d->settings.patience_ms)
		trouble_set(&d->slow, dest->id, clock_mono_us() + TROUBLE_S * 1000000LL);
	for (size_t i = 0; i < dest->nhosts; i++)
		for (struct letter *l = empty_queue(&dest->hosts[i]), *next; l; l = next) {
			next = l->next;
			letter_give_up(l, why);
		}
}

void host_down(struct destination *dest, size_t host, const struct smtp_result *why, bool slow)
{
	struct host *h = &dest->hosts[host];
	h->down = true;
	h->slow = slow;
	h->trouble = *why;
	for (struct letter *l = empty_queue(h), *next; l; l = next) {
		next = l->next;
		letter_enqueue(l, false); /* which holds the trouble and goes to the next */
	}
	/* All hosts out of reach: those that come in the next batches need not find out one by one. */
	for (size_t i = 0; slow && i < dest->nhosts; i++)
		if (!dest->hosts[i].down)
			return;
	if (slow && dest->engine->settings.patience_ms)
		trouble_set(&dest->engine->slow, dest->id, clock_mono_us() + TROUBLE_S * 1000000LL);
}

void host_final(struct destination *dest, size_t host, const struct smtp_result *why)
{
	struct host *h = &dest->hosts[host];
	for (struct letter *l = empty_queue(h), *next; l; l = next) {
		next = l->next;
		smtp_mail_decide(l->mail, SMTP_AT_HELLO, why->code, why->enhanced, why->text, why->host);
		letter_conclude(l);
	}
	h->down = true;
	h->trouble = *why;
}

void host_failed(struct destination *dest, size_t host, const struct smtp_result *why, bool slow)
{
	struct host *h = &dest->hosts[host];
	/* Others serve: the host sets a limit, it is not gone. */
	if (h->ready) {
		h->limit = h->connections ? h->connections : 1;
		return;
	}
	h->slow = h->slow || slow;
	if (++h->address >= h->at->naddresses && !h->down)
		host_down(dest, host, why, h->slow);
}

void host_strike(struct destination *dest, size_t host, const struct smtp_result *why)
{
	/* It answered EHLO: more likely the mail was the cause, and the others that wait for this host must not pay for it. */
	enum { STRIKES = 3 };
	if (++dest->hosts[host].strikes >= STRIKES)
		host_failed(dest, host, why, false);
}

/* ---- connections for letters ---- */

bool destination_waits(const struct destination *dest)
{
	for (size_t i = 0; i < dest->nhosts; i++)
		if (dest->hosts[i].waiting)
			return true;
	return false;
}

static bool attach(struct destination *dest, size_t host)
{
	struct host *h = &dest->hosts[host];
	struct connection *c = kept_take(dest->engine, h->key);
	if (!c)
		return false;
	c->dest = dest;
	c->host = host;
	c->counted = true;
	h->connections++;
	h->ready++;
	pipeline_pump(c);
	return true;
}

/* One connection finds out whether the host is there; more come when it is, one for each so many mails that wait. */
static bool wants_another(const struct destination *dest, const struct host *h, size_t share)
{
	enum { MAILS_A_CONNECTION = 8 };
	if (!h->waiting || h->down)
		return false;
	if (!h->connections)
		return true;
	if (!h->ready || dest->session || (h->limit && h->connections >= h->limit))
		return false;
	return h->connections < share && h->waiting > h->connections * MAILS_A_CONNECTION;
}

void destination_schedule(struct destination *dest, size_t share)
{
	struct direct *d = dest->engine;
	for (size_t i = 0; i < dest->nhosts; i++) {
		struct host *h = &dest->hosts[i];
		while (h->waiting && h->connections < share && attach(dest, i))
			continue;
		while (wants_another(dest, h, share)) {
			if (d->nconnections >= (size_t)d->settings.connections && !kept_evict(d)) {
				d->starving = d->starving || !h->connections;
				break;
			}
			size_t before = h->connections;
			connection_open(dest, i);
			if (h->connections <= before && (h->connections || !h->waiting))
				break;
		}
	}
}
