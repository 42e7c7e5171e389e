/* STARTTLS: our certificate. Clients of mail are not asked for theirs. */
#include "listen.h"
#include "base/log.h"

#include <openssl/err.h>

static const char *tls_error(void)
{
	const char *text = ERR_reason_error_string(ERR_get_error());
	ERR_clear_error();
	return text ? text : "unknown error";
}

/* NULL: what the configuration names cannot be used; the reason is logged. */
static SSL_CTX *context(const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		die_temp("TLS: %s", tls_error());
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"smtp-listen", 11);
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		log_msg(LOG_ERROR, "tls_cert %s: %s", cert, tls_error());
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		log_msg(LOG_ERROR, "tls_key %s: %s", key, tls_error());
	else
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

void tls_read(struct server *s, bool again)
{
	const struct conf *c = frame_conf(s->frame);
	const char *cert = conf_str(c, "tls_cert", NULL), *key = conf_str(c, "tls_key", NULL);
	SSL_CTX *fresh = cert && key ? context(cert, key) : NULL;
	if (cert && key && !fresh) {
		if (!again)
			die_perm("TLS cannot be offered");
		log_msg(LOG_ERROR, "the old certificate is kept");
		s->rules.starttls = s->tls != NULL;
		return;
	}
	SSL_CTX_free(s->tls); /* connections hold on to it */
	s->tls = fresh;
	s->rules.starttls = fresh != NULL;
	if (s->rules.require_tls && !fresh && !again)
		die_perm("require_tls_in needs tls_cert and tls_key");
}
