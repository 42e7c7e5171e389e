/*
 * tls.h - contexts of TLS: versions, certificates, authorities.
 *
 * Ownership: contexts belong to the caller, SSL_CTX_free(). File names are paths.
 */
#ifndef CPMAIL_NET_TLS_H
#define CPMAIL_NET_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* An empty context for servers (name: of the program, for the sessions it keeps) or, name NULL, for clients: TLS 1.2 and
 * later. Ends the program where there is none. */
SSL_CTX *net_tls_context(const char *name);
/* Our certificate and key. false: they cannot be used, which is logged. */
bool net_tls_certificate(SSL_CTX *ctx, const char *cert, const char *key);
/* Whom the peer's certificate must be signed by; ca NULL: those that the system trusts. A peer without one is let in, one
 * with a bad one is not; clients are told whom we trust. false: they cannot be used, which is logged. */
bool net_tls_authorities(SSL_CTX *ctx, const char *ca);
/* The last error of the library; cleared. */
const char *net_tls_error(void);

#endif
