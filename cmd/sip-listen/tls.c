/* TLS: our certificate, and what the peer's says of it (1.16, RFC 5922). */
#include "listen.h"
#include "base/log.h"
#include "net/tls.h"
#include "sip/certificate.h"

#include <stdlib.h>

static bool load_certificate(SSL_CTX *ctx, const struct conf *c)
{
	char *cert = conf_file(c, "tls_cert"), *key = conf_file(c, "tls_key");
	if (!cert || !key)
		log_msg(LOG_ERROR, "sip_listen has a tls element: tls_cert and tls_key are needed");
	bool good = cert && key && net_tls_certificate(ctx, cert, key);
	free(cert);
	free(key);
	return good;
}

/* A client may come without a certificate (then its address decides), but not with a bad one. */
static bool load_authorities(SSL_CTX *ctx, const struct conf *c)
{
	char *ca = conf_file(c, "tls_ca");
	bool good = net_tls_authorities(ctx, ca);
	free(ca);
	return good;
}

/* NULL: what the configuration names cannot be used; the reason is logged. */
static SSL_CTX *context(struct server *s)
{
	const struct conf *c = frame_conf(s->frame);
	SSL_CTX *ctx = net_tls_context("sip-listen");
	if (load_certificate(ctx, c) && (!s->verify_certificates || load_authorities(ctx, c)))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

void tls_init(struct server *s)
{
	s->tls = context(s);
	if (!s->tls)
		die_perm("TLS cannot be offered");
}

void tls_again(struct server *s)
{
	SSL_CTX *fresh = context(s);
	if (!fresh) {
		log_msg(LOG_ERROR, "the old certificate is kept");
		return;
	}
	SSL_CTX_free(s->tls); /* connections hold on to it */
	s->tls = fresh;
}

static bool holds(void *ctx, const char *name)
{
	return sip_certificate_bears(ctx, name);
}

const struct sip_trust_element *tls_trusted(struct server *s, SSL *ssl)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	if (!cert || !s->verify_certificates || SSL_get_verify_result(ssl) != X509_V_OK)
		return NULL;
	return sip_trust_name(&s->trust, holds, cert);
}
