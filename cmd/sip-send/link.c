#include "link.h"
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ = 16 << 10, WINDOW = 64 << 10 };

static void dead(struct link *l, const char *why)
{
	l->state = LINK_DEAD;
	l->why = why;
}

struct link *link_new(const struct wire_target *t, SSL_CTX *tls, uint64_t number, int64_t now)
{
	struct link *l = xcalloc(1, sizeof *l);
	int one = 1;
	l->number = number;
	l->transport = t->transport;
	l->peer = t->addr;
	l->name = xstrdup(t->name ? t->name : "");
	l->used = now;
	l->in.max_size = LINK_RESPONSE_MAX;
	l->out_end = &l->out;
	l->octets.fd = socket(t->addr.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->octets.fd < 0) {
		dead(l, "no socket");
		return l;
	}
	setsockopt(l->octets.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (t->transport == SIP_TLS && !octets_secure(&l->octets, tls_client_connection(tls, l->name), false))
		dead(l, "TLS cannot be started");
	else if (connect(l->octets.fd, &t->addr.sa, sip_addr_len(&t->addr)) != 0 && errno != EINPROGRESS)
		dead(l, strerror(errno));
	return l;
}

static void drop_piece(struct link *l)
{
	struct link_piece *p = l->out;
	l->out = p->next;
	if (!l->out)
		l->out_end = &l->out;
	if (p->rest.fd >= 0)
		close(p->rest.fd);
	buf_free(&p->octets);
	free(p);
	l->written = 0;
}

static void add_piece(struct link *l, struct slice octets, struct wire_rest rest)
{
	struct link_piece *p = xcalloc(1, sizeof *p);
	buf_slice(&p->octets, octets);
	p->rest = rest;
	*l->out_end = p;
	l->out_end = &p->next;
}

bool link_put(struct link *l, struct slice octets, const struct wire_rest *rest, const char **why)
{
	struct wire_rest own = {-1, 0, 0};
	if (rest) {
		own = *rest;
		own.fd = fcntl(rest->fd, F_DUPFD_CLOEXEC, 3);
		if (own.fd < 0) {
			*why = "no descriptor left";
			return false;
		}
	}
	add_piece(l, octets, own);
	return true;
}

void link_free(struct link *l)
{
	octets_close(&l->octets);
	sip_stream_free(&l->in);
	buf_free(&l->head);
	buf_free(&l->window);
	while (l->out)
		drop_piece(l);
	free(l->name);
	free(l);
}

short link_events(const struct link *l)
{
	bool write = l->state == LINK_CONNECTING || l->octets.wants_write || (l->state == LINK_OPEN && l->out);
	return (short)(write ? POLLIN | POLLOUT : POLLIN);
}

static void connected(struct link *l)
{
	int error = 0;
	socklen_t n = sizeof error;
	struct pollfd p = {l->octets.fd, POLLOUT, 0};
	if (poll(&p, 1, 0) != 1)
		return;
	getsockopt(l->octets.fd, SOL_SOCKET, SO_ERROR, &error, &n);
	if (error)
		dead(l, strerror(error));
	else
		l->state = l->octets.ssl ? LINK_HANDSHAKE : LINK_OPEN;
}

static void handshake(struct link *l)
{
	int r = octets_handshake(&l->octets);
	if (r == OCTETS_BROKEN)
		dead(l, "TLS handshake failed");
	else if (r == 1 && !tls_client_is(l->octets.ssl, l->name))
		dead(l, "the certificate is for somebody else");
	else if (r == 1)
		l->state = LINK_OPEN;
}

/* Nothing came of reading or writing. */
static void trouble(struct link *l, ssize_t r, const char *what)
{
	if (r == OCTETS_ENDED)
		dead(l, "connection closed");
	else if (r == OCTETS_BROKEN)
		dead(l, l->octets.ssl ? what : strerror(errno));
}

/* Octets of memory from where the last call ended. false: the socket takes no more until it is writable again, or is lost. */
static bool write_octets(struct link *l, const struct buf *b)
{
	while (l->written < b->n) {
		ssize_t r = octets_write(&l->octets, b->p + l->written, b->n - l->written);
		if (r <= 0) {
			trouble(l, r, "TLS connection lost");
			return false;
		}
		l->written += (size_t)r;
	}
	return true;
}

/* The file through the window. *some: octets went out. */
static bool write_rest(struct link *l, struct wire_rest *rest, bool *some)
{
	for (;;) {
		size_t before = l->written;
		bool all = write_octets(l, &l->window);
		*some = *some || l->written > before;
		if (!all)
			return false;
		buf_clear(&l->window);
		l->written = 0;
		if (rest->from >= rest->to)
			return true;
		int64_t left = rest->to - rest->from;
		ssize_t r = pread(rest->fd, buf_room(&l->window, WINDOW), left < WINDOW ? (size_t)left : WINDOW,
				  (off_t)rest->from);
		if (r <= 0) { /* what was said about the length cannot be taken back */
			dead(l, "the body cannot be read");
			return false;
		}
		l->window.n = (size_t)r;
		rest->from += r;
	}
}

static bool write_out(struct link *l)
{
	bool some = false;
	while (l->state == LINK_OPEN && l->out) {
		struct link_piece *p = l->out;
		if (p->octets.n) {
			if (!write_octets(l, &p->octets))
				return some;
			buf_free(&p->octets);
			l->written = 0;
		}
		if (p->rest.fd >= 0 && !write_rest(l, &p->rest, &some))
			return some;
		drop_piece(l);
	}
	return some;
}

static void take_parts(struct link *l, void (*received)(void *ctx, struct link *l, struct slice head), void *ctx)
{
	for (;;) {
		struct sip_part part = sip_stream_next(&l->in);
		switch (part.kind) {
		case SIP_PART_MORE:
			return;
		case SIP_PART_PING:
			add_piece(l, SLICE("\r\n"), (struct wire_rest){-1, 0, 0});
			break;
		case SIP_PART_HEAD:
			buf_clear(&l->head);
			buf_slice(&l->head, part.octets);
			break;
		case SIP_PART_BODY:
			break;
		case SIP_PART_END:
			received(ctx, l, slice_buf(&l->head));
			break;
		case SIP_PART_BAD:
			dead(l, "what came is not SIP");
			return;
		}
	}
}

static void read_in(struct link *l, void (*received)(void *ctx, struct link *l, struct slice head), void *ctx)
{
	while (l->state == LINK_OPEN) {
		char *p = sip_stream_room(&l->in, READ);
		ssize_t r = octets_read(&l->octets, p, READ);
		if (r <= 0) {
			trouble(l, r, "TLS connection lost");
			return;
		}
		sip_stream_added(&l->in, (size_t)r);
		take_parts(l, received, ctx);
	}
}

bool link_run(struct link *l, void (*received)(void *ctx, struct link *l, struct slice head), void *ctx)
{
	if (l->state == LINK_CONNECTING)
		connected(l);
	if (l->state == LINK_HANDSHAKE)
		handshake(l);
	if (l->state == LINK_OPEN)
		read_in(l, received, ctx);
	return l->state == LINK_OPEN && write_out(l);
}
