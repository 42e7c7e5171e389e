#include "smtp/direct/direct.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/socket.h>

static bool is_idle(const struct connection *c)
{
	return c->phase == PHASE_READY && !c->dest && !c->closing;
}

/* Has the server closed it, or said something that nobody asked for (421)? Under TLS session tickets may have come,
 * which say nothing. */
static bool is_alive(struct connection *c)
{
	char octet;
	if (!c->ssl) {
		ssize_t n = recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	}
	int n = SSL_peek(c->ssl, &octet, 1);
	return n <= 0 && SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ;
}

struct connection *kept_take(struct direct *d, const char *key)
{
	for (struct connection *c = d->connections; c; c = c->next) {
		if (!is_idle(c) || strcmp(c->key, key) != 0)
			continue;
		if (is_alive(c)) {
			c->kept = true;
			c->progress = false;
			return c;
		}
		connection_kill(c);
	}
	return NULL;
}

static int64_t limit_us(const struct connection *c)
{
	int64_t s = c->engine->settings.idle_s;
	return (c->session && s < SESSION_IDLE_S && s > 0 ? SESSION_IDLE_S : s) * 1000000LL;
}

void kept_give(struct connection *c)
{
	if (c->dest) {
		struct host *h = &c->dest->hosts[c->host];
		h->connections--;
		h->ready -= c->counted;
	}
	c->dest = NULL;
	c->counted = false;
	c->idle_us = clock_mono_us();
	if (!limit_us(c))
		connection_quit(c);
}

bool kept_evict(struct direct *d)
{
	struct connection *oldest = NULL;
	for (struct connection *c = d->connections; c; c = c->next)
		if (is_idle(c) && (!oldest || c->idle_us < oldest->idle_us))
			oldest = c;
	if (oldest)
		connection_quit(oldest);
	return oldest != NULL;
}

int kept_expire(struct direct *d)
{
	int64_t now = clock_mono_us(), soonest = -1;
	for (struct connection *c = d->connections; c; c = c->next) {
		int64_t end = c->idle_us + limit_us(c);
		if (!is_idle(c))
			continue;
		if (end <= now || !is_alive(c))
			connection_quit(c);
		else if (soonest < 0 || end < soonest)
			soonest = end;
	}
	return soonest < 0 ? -1 : (int)((soonest - now) / 1000 + 1);
}

void kept_end_session(struct direct *d, const char *key)
{
	for (struct connection *c = d->connections; c; c = c->next)
		if (is_idle(c) && strcmp(c->key, key) == 0)
			connection_quit(c);
}
