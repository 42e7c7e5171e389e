#include "net/octets.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WRITE_MOST = 65536 };

static int tls_result(struct octets *o, int n)
{
	switch (SSL_get_error(o->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return OCTETS_NONE_NOW;
	case SSL_ERROR_WANT_WRITE:
		o->wants_write = true;
		return OCTETS_NONE_NOW;
	case SSL_ERROR_ZERO_RETURN:
		return OCTETS_ENDED;
	default:
		o->broken = true;
		ERR_clear_error();
		return OCTETS_BROKEN;
	}
}

static ssize_t plain_result(struct octets *o, ssize_t k)
{
	if (k >= 0)
		return k;
	if (errno == EAGAIN || errno == EINTR)
		return OCTETS_NONE_NOW;
	o->broken = true;
	return OCTETS_BROKEN;
}

ssize_t octets_read(struct octets *o, char *p, size_t n)
{
	if (!o->ssl)
		return plain_result(o, read(o->fd, p, n));
	ERR_clear_error();
	o->wants_write = false;
	int k = SSL_read(o->ssl, p, (int)n);
	return k > 0 ? k : tls_result(o, k);
}

ssize_t octets_write(struct octets *o, const char *p, size_t n)
{
	if (!o->ssl)
		return plain_result(o, send(o->fd, p, n, MSG_NOSIGNAL));
	ERR_clear_error();
	o->wants_write = false;
	int k = SSL_write(o->ssl, p, (int)(n < WRITE_MOST ? n : WRITE_MOST));
	return k > 0 ? k : tls_result(o, k);
}

bool octets_secure(struct octets *o, SSL *ssl, bool server)
{
	o->ssl = ssl;
	if (!ssl || SSL_set_fd(ssl, o->fd) != 1)
		return false;
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return true;
}

int octets_handshake(struct octets *o)
{
	ERR_clear_error();
	o->wants_write = false;
	int k = SSL_do_handshake(o->ssl);
	if (k == 1)
		return 1;
	return tls_result(o, k) == OCTETS_NONE_NOW ? OCTETS_NONE_NOW : OCTETS_BROKEN;
}

bool octets_handshaking(const struct octets *o)
{
	return o->ssl && !SSL_is_init_finished(o->ssl);
}

bool octets_pending(const struct octets *o)
{
	return o->ssl && SSL_pending(o->ssl);
}

void octets_close(struct octets *o)
{
	if (o->ssl) {
		if (SSL_is_init_finished(o->ssl) && !o->broken)
			SSL_shutdown(o->ssl); /* one way: the peer's answer is not waited for */
		SSL_free(o->ssl);
		ERR_clear_error();
	}
	if (o->fd >= 0)
		close(o->fd);
	*o = (struct octets){.fd = -1};
}
