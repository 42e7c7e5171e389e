/* STARTTLS: our certificate. Clients of mail are not asked for theirs. */
#include "listen.h"
#include "base/log.h"
#include "net/tls.h"

#include <stdlib.h>

/* NULL: what the configuration names cannot be used; the reason is logged. */
static SSL_CTX *context(const char *cert, const char *key)
{
	SSL_CTX *ctx = net_tls_context("smtp-listen");
	if (net_tls_certificate(ctx, cert, key))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

void tls_read(struct server *s, bool again)
{
	const struct conf *c = frame_conf(s->frame);
	char *cert = conf_file(c, "tls_cert"), *key = conf_file(c, "tls_key");
	bool wanted = cert && key;
	SSL_CTX *fresh = wanted ? context(cert, key) : NULL;
	free(cert);
	free(key);
	if (wanted && !fresh) {
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
