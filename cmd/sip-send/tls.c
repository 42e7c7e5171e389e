#include "tls.h"
#include "base/buf.h"
#include "base/log.h"
#include "conf/conf.h"
#include "sip/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static bool numeric(const char *name)
{
	unsigned char octets[16];
	return inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;
}

static bool failed(const char *what)
{
	log_event(LOG_ERROR, NULL, "tls", "file", what, "error", ERR_reason_error_string(ERR_peek_last_error()), NULL);
	ERR_clear_error();
	return false;
}

static bool load_own(SSL_CTX *ctx, const struct conf *c)
{
	char *cert = conf_file(c, "tls_cert"), *key = conf_file(c, "tls_key");
	bool good = !cert || !key ||
		    (SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
		     SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1) ||
		    failed(cert);
	free(cert);
	free(key);
	return good;
}

static bool load_authorities(SSL_CTX *ctx, const struct conf *c)
{
	char *ca = conf_file(c, "tls_ca");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	bool good = (ca ? SSL_CTX_load_verify_locations(ctx, ca, NULL) : SSL_CTX_set_default_verify_paths(ctx)) == 1 ||
		    failed(ca ? ca : "certificates of the system");
	free(ca);
	return good;
}

static bool load(SSL_CTX *ctx, const struct conf *c)
{
	return load_own(ctx, c) && (!conf_bool(c, "cert_check", NULL) || load_authorities(ctx, c));
}

SSL_CTX *tls_client_open(const struct conf *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		die_temp("TLS is not there");
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (load(ctx, c))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

SSL *tls_client_connection(SSL_CTX *ctx, const char *name)
{
	SSL *ssl = SSL_new(ctx);
	if (!ssl)
		die_temp("out of memory");
	if (!numeric(name))
		SSL_set_tlsext_host_name(ssl, name);
	SSL_set_connect_state(ssl);
	return ssl;
}

bool tls_client_is(SSL *ssl, const char *name)
{
	if (SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
		return true;
	X509 *cert = SSL_get0_peer_certificate(ssl);
	if (!cert || SSL_get_verify_result(ssl) != X509_V_OK)
		return false;
	if (numeric(name))
		return X509_check_ip_asc(cert, name, 0) == 1;
	return sip_certificate_bears(cert, name);
}
