/* TLS: our certificate, and what the peer's says of it (1.16, RFC 5922). */
#include "listen.h"
#include "base/log.h"
#include "sip/certificate.h"

#include <openssl/err.h>
#include <stdlib.h>

static const char *tls_error(void)
{
	const char *text = ERR_reason_error_string(ERR_get_error());
	ERR_clear_error();
	return text ? text : "unknown error";
}

static bool load_certificate(SSL_CTX *ctx, const struct conf *c)
{
	char *cert = conf_file(c, "tls_cert"), *key = conf_file(c, "tls_key");
	bool good = false;
	if (!cert || !key)
		log_msg(LOG_ERROR, "sip_listen has a tls element: tls_cert and tls_key are needed");
	else if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		log_msg(LOG_ERROR, "tls_cert %s: %s", cert, tls_error());
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		log_msg(LOG_ERROR, "tls_key %s: %s", key, tls_error());
	else
		good = true;
	free(cert);
	free(key);
	return good;
}

/* A client may come without a certificate (then its address decides), but not with a bad one. */
static bool load_authorities(SSL_CTX *ctx, const struct conf *c)
{
	char *ca = conf_file(c, "tls_ca");
	bool good = (ca ? SSL_CTX_load_verify_locations(ctx, ca, NULL) : SSL_CTX_set_default_verify_paths(ctx)) == 1;
	STACK_OF(X509_NAME) *names = good && ca ? SSL_load_client_CA_file(ca) : NULL;
	if (!good)
		log_msg(LOG_ERROR, "tls_ca %s: %s", ca ? ca : "", tls_error());
	if (names)
		SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	free(ca);
	return good;
}

/* NULL: what the configuration names cannot be used; the reason is logged. */
static SSL_CTX *context(struct server *s)
{
	const struct conf *c = frame_conf(s->frame);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		die_temp("TLS: %s", tls_error());
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"sip-listen", 10);
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
