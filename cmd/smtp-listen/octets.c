/* Octets of a connection, in clear and under TLS. */
#include "listen.h"

#include <errno.h>
#include <openssl/err.h>
#include <unistd.h>

static int tls_result(struct connection *c, int n)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return -1;
	case SSL_ERROR_WANT_WRITE:
		event_add(c->writable, NULL);
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		c->broken = true;
		ERR_clear_error();
		return -2;
	}
}

ssize_t octets_read(struct connection *c, char *p, size_t n)
{
	if (c->ssl) {
		ERR_clear_error();
		int k = SSL_read(c->ssl, p, (int)n);
		return k > 0 ? k : tls_result(c, k);
	}
	ssize_t k = read(c->fd, p, n);
	if (k >= 0)
		return k;
	return errno == EAGAIN || errno == EINTR ? -1 : -2;
}

ssize_t octets_write(struct connection *c, const char *p, size_t n)
{
	if (c->ssl) {
		ERR_clear_error();
		int k = SSL_write(c->ssl, p, (int)(n < 65536 ? n : 65536));
		return k > 0 ? k : tls_result(c, k);
	}
	ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL);
	if (k >= 0)
		return k;
	return errno == EAGAIN || errno == EINTR ? -1 : -2;
}

int octets_handshake(struct connection *c)
{
	ERR_clear_error();
	int k = SSL_accept(c->ssl);
	if (k == 1)
		return 1;
	k = tls_result(c, k);
	return k == 0 ? -2 : k;
}
