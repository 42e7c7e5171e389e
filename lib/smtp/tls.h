/*
 * tls.h - one TLS context of a process for outgoing SMTP; the name that is asked for and checked changes from
 * connection to connection.
 *
 * Ownership: the context belongs to the caller of smtp_tls_new(). smtp_tls_prepare(): one connection at a time;
 * smtp_tls_connection(): any number.
 */
#ifndef CPMAIL_SMTP_TLS_H
#define CPMAIL_SMTP_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct smtp_tls_context;

/* NULL if the certificates cannot be read (logged). ca_file NULL: those of the system, loaded at the first connection
 * that checks. */
struct smtp_tls_context *smtp_tls_new(const char *ca_file);
/* For the next connection: SNI, and with check the name that the certificate must bear (host name or numeric address).
 * NULL if that cannot be set up. ticket(ctx) is called when the server sends a session ticket behind the handshake
 * (TLS 1.3). The SSL_CTX stays owned by t. */
SSL_CTX *smtp_tls_prepare(struct smtp_tls_context *t, const char *name, bool check, void (*ticket)(void *ctx),
			  void *ctx);
/* TLS 1.2 at most for the next connections, or no such limit. */
void smtp_tls_limit(struct smtp_tls_context *t, bool tls12);
/* One connection, with its name and check in itself; to be freed by the caller. NULL if that cannot be set up. */
SSL *smtp_tls_connection(struct smtp_tls_context *t, const char *name, bool check);
void smtp_tls_free(struct smtp_tls_context *t);

#endif
