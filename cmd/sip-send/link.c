#include "link.h"
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ = 16 << 10 };

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
	l->fd = socket(t->addr.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0) {
		dead(l, "no socket");
		return l;
	}
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (t->transport == SIP_TLS) {
		l->ssl = tls_client_connection(tls, l->name);
		SSL_set_fd(l->ssl, l->fd);
	}
	if (connect(l->fd, &t->addr.sa, sip_addr_len(&t->addr)) != 0 && errno != EINPROGRESS)
		dead(l, strerror(errno));
	return l;
}

void link_free(struct link *l)
{
	SSL_free(l->ssl);
	if (l->fd >= 0)
		close(l->fd);
	sip_stream_free(&l->in);
	buf_free(&l->head);
	buf_free(&l->out);
	free(l->name);
	free(l);
}

short link_events(const struct link *l)
{
	bool write = l->state == LINK_CONNECTING || l->wants_write || (l->state == LINK_OPEN && l->written < l->out.n);
	return (short)(write ? POLLIN | POLLOUT : POLLIN);
}

/* What a TLS call that did not go through wants. */
static void tls_trouble(struct link *l, int r, const char *what)
{
	int e = SSL_get_error(l->ssl, r);
	l->wants_write = e == SSL_ERROR_WANT_WRITE;
	if (e != SSL_ERROR_WANT_WRITE && e != SSL_ERROR_WANT_READ)
		dead(l, what);
	ERR_clear_error();
}

static void connected(struct link *l)
{
	int error = 0;
	socklen_t n = sizeof error;
	struct pollfd p = {l->fd, POLLOUT, 0};
	if (poll(&p, 1, 0) != 1)
		return;
	getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &n);
	if (error)
		dead(l, strerror(error));
	else
		l->state = l->ssl ? LINK_HANDSHAKE : LINK_OPEN;
}

static void handshake(struct link *l)
{
	int r = SSL_do_handshake(l->ssl);
	l->wants_write = false;
	if (r != 1)
		tls_trouble(l, r, "TLS handshake failed");
	else if (!tls_client_is(l->ssl, l->name))
		dead(l, "the certificate is for somebody else");
	else
		l->state = LINK_OPEN;
}

static void write_out(struct link *l)
{
	while (l->state == LINK_OPEN && l->written < l->out.n) {
		const char *p = l->out.p + l->written;
		size_t n = l->out.n - l->written;
		if (l->ssl) {
			int r = SSL_write(l->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
			if (r <= 0) {
				tls_trouble(l, r, "TLS connection lost");
				return;
			}
			l->written += (size_t)r;
		} else {
			ssize_t r = send(l->fd, p, n, MSG_NOSIGNAL);
			if (r < 0 && (errno == EAGAIN || errno == EINTR))
				return;
			if (r < 0)
				dead(l, strerror(errno));
			else
				l->written += (size_t)r;
		}
	}
	if (l->written == l->out.n) {
		buf_clear(&l->out);
		l->written = 0;
	}
}

static void take_parts(struct link *l, void (*received)(void *ctx, struct link *l, struct slice head), void *ctx)
{
	for (;;) {
		struct sip_part part = sip_stream_next(&l->in);
		switch (part.kind) {
		case SIP_PART_MORE:
			return;
		case SIP_PART_PING:
			buf_puts(&l->out, "\r\n");
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
		ssize_t r = l->ssl ? SSL_read(l->ssl, p, READ) : recv(l->fd, p, READ, 0);
		if (r > 0) {
			sip_stream_added(&l->in, (size_t)r);
			take_parts(l, received, ctx);
		} else if (l->ssl) {
			tls_trouble(l, (int)r, "TLS connection closed");
			return;
		} else {
			if (r == 0)
				dead(l, "connection closed");
			else if (errno != EAGAIN && errno != EINTR)
				dead(l, strerror(errno));
			return;
		}
	}
}

void link_run(struct link *l, void (*received)(void *ctx, struct link *l, struct slice head), void *ctx)
{
	if (l->state == LINK_CONNECTING)
		connected(l);
	if (l->state == LINK_HANDSHAKE)
		handshake(l);
	if (l->state == LINK_OPEN)
		read_in(l, received, ctx);
	if (l->state == LINK_OPEN)
		write_out(l);
}
