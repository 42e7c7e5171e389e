/*
 * tls.h - the client's side of TLS: our certificate if there is one, and the name that the peer's must bear (1.16, RFC
 * 5922 7).
 *
 * Ownership: the caller of tls_client_open() frees the context with SSL_CTX_free(), a connection with SSL_free().
 */
#ifndef CPMAIL_SIP_SEND_TLS_H
#define CPMAIL_SIP_SEND_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct conf;

/* NULL: what the configuration names cannot be used; logged. */
SSL_CTX *tls_client_open(const struct conf *c);
/* For octets_secure(). */
SSL *tls_client_connection(SSL_CTX *ctx, const char *name);
/* After the handshake: a certificate of somebody we trust (context), for that name, as URI:sip:NAME, DNS or address. */
bool tls_client_is(SSL *ssl, const char *name);

#endif
