#include "net/tls.h"
#include "base/log.h"

#include <openssl/err.h>
#include <string.h>

const char *net_tls_error(void)
{
	const char *text = ERR_reason_error_string(ERR_get_error());
	ERR_clear_error();
	return text ? text : "unknown error";
}

SSL_CTX *net_tls_context(const char *name)
{
	SSL_CTX *ctx = SSL_CTX_new(name ? TLS_server_method() : TLS_client_method());
	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		die_temp("TLS: %s", net_tls_error());
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	if (name)
		SSL_CTX_set_session_id_context(ctx, (const unsigned char *)name, (unsigned)strlen(name));
	return ctx;
}

bool net_tls_certificate(SSL_CTX *ctx, const char *cert, const char *key)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		log_msg(LOG_ERROR, "tls_cert %s: %s", cert, net_tls_error());
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		log_msg(LOG_ERROR, "tls_key %s: %s", key, net_tls_error());
	else
		return true;
	return false;
}

bool net_tls_authorities(SSL_CTX *ctx, const char *ca)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if ((ca ? SSL_CTX_load_verify_locations(ctx, ca, NULL) : SSL_CTX_set_default_verify_paths(ctx)) != 1) {
		log_msg(LOG_ERROR, "tls_ca %s: %s", ca ? ca : "of the system", net_tls_error());
		return false;
	}
	STACK_OF(X509_NAME) *names = ca ? SSL_load_client_CA_file(ca) : NULL;
	if (names)
		SSL_CTX_set_client_CA_list(ctx, names);
	return true;
}
