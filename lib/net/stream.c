#include "net/stream.h"
#include "base/clock.h"
#include "base/log.h"

#include <sys/socket.h>

static void flush(struct stream *st)
{
	struct buf *out = st->out;
	size_t done = 0;
	ssize_t n = 1;
	while (done < out->n && n > 0) {
		n = octets_write(&st->octets, out->p + done, out->n - done);
		if (n > 0)
			done += (size_t)n;
	}
	if (n == OCTETS_ENDED || n == OCTETS_BROKEN) {
		st->octets.broken = true;
		st->all->ops->lost(st->owner, "write failed");
		return;
	}
	if (done) {
		memmove(out->p, out->p + done, out->n - done);
		out->n -= done;
		st->progress = *st->all->now;
	}
	if (out->n) {
		event_add(st->writable, NULL);
	} else {
		event_del(st->writable);
		buf_free(out);
		if (!st->all->ops->sent(st->owner))
			return;
	}
	stream_listen(st, st->all->ops->wants_input(st->owner));
}

/* false: it cannot be reached, and was ended. */
static bool connected(struct stream *st)
{
	int err = 0;
	socklen_t len = sizeof err;
	if (getsockopt(st->octets.fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 || err) {
		st->octets.broken = true;
		st->all->ops->lost(st->owner, "the peer cannot be reached");
		return false;
	}
	st->connecting = false;
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *st = arg;
	(void)fd, (void)what;
	*st->all->now = clock_mono_us();
	st->all->ops->readable(st->owner);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *st = arg;
	(void)fd, (void)what;
	*st->all->now = clock_mono_us();
	if (st->connecting && !connected(st))
		return;
	if (octets_handshaking(&st->octets)) {
		event_del(st->writable);
		st->all->ops->readable(st->owner);
		return;
	}
	flush(st);
}

void stream_open(struct stream *st, struct streams *all, int fd, bool connecting, struct buf *out, void *owner)
{
	*st = (struct stream){.all = all, .octets.fd = fd, .out = out, .owner = owner, .connecting = connecting,
			      .progress = *all->now};
	st->readable = event_new(all->loop->base, fd, EV_READ | EV_PERSIST, on_readable, st);
	st->writable = event_new(all->loop->base, fd, EV_WRITE | EV_PERSIST, on_writable, st);
	if (!st->readable || !st->writable)
		die_temp("out of memory");
	if (connecting)
		event_add(st->writable, NULL);
}

static void unmark(struct stream *st)
{
	for (struct stream **at = &st->all->marked; st->marked && *at; at = &(*at)->next_marked)
		if (*at == st) {
			*at = st->next_marked;
			st->marked = false;
			return;
		}
}

void stream_close(struct stream *st)
{
	unmark(st);
	event_free(st->readable);
	event_free(st->writable);
	octets_close(&st->octets);
}

ssize_t stream_read(struct stream *st, char *p, size_t n)
{
	ssize_t k = octets_read(&st->octets, p, n);
	if (k > 0)
		st->progress = *st->all->now;
	else if (k == OCTETS_NONE_NOW && st->octets.wants_write)
		event_add(st->writable, NULL);
	return k;
}

int stream_handshake(struct stream *st)
{
	int k = octets_handshake(&st->octets);
	if (k == 1)
		st->progress = *st->all->now;
	else if (st->octets.wants_write)
		event_add(st->writable, NULL);
	return k;
}

void stream_listen(struct stream *st, bool wanted)
{
	if (wanted)
		event_add(st->readable, NULL);
	else
		event_del(st->readable);
}

void stream_again(struct stream *st)
{
	event_add(st->readable, NULL); /* first: one that is active is not added */
	event_active(st->readable, EV_READ, 0);
}

void stream_mark(struct stream *st)
{
	if (st->marked)
		return;
	st->marked = true;
	st->next_marked = st->all->marked;
	st->all->marked = st;
}

void streams_flush(struct streams *all)
{
	struct stream *st;
	while ((st = all->marked) != NULL) {
		all->marked = st->next_marked;
		st->marked = false;
		if (!st->connecting)
			flush(st);
	}
}
