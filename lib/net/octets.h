/*
 * octets.h - octets over a connected socket that does not block, in clear or under TLS.
 *
 * Ownership: a struct octets owns its descriptor and its TLS state; octets_close() ends both.
 */
#ifndef CPMAIL_NET_OCTETS_H
#define CPMAIL_NET_OCTETS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/types.h>

struct octets {
	int fd;
	SSL *ssl;	  /* NULL: in clear */
	bool wants_write; /* TLS cannot go on before the socket takes octets */
	bool broken;
};

enum { OCTETS_ENDED = 0, OCTETS_NONE_NOW = -1, OCTETS_BROKEN = -2 };

/* > 0: so many; else OCTETS_...: the peer has ended, none can be had or sent now, the connection is of no use any more. */
ssize_t octets_read(struct octets *o, char *p, size_t n);
ssize_t octets_write(struct octets *o, const char *p, size_t n);
/* TLS from here on, as the server's side or the client's; ssl is adopted. false: it cannot be. */
bool octets_secure(struct octets *o, SSL *ssl, bool server);
/* 1: done, else OCTETS_NONE_NOW or OCTETS_BROKEN. */
int octets_handshake(struct octets *o);
/* Under TLS and not yet through with the handshake. */
bool octets_handshaking(const struct octets *o);
/* Octets that the socket does not tell of, because TLS has read them already. */
bool octets_pending(const struct octets *o);
/* Tell the end, as far as it can be told without waiting, and close. */
void octets_close(struct octets *o);

#endif
