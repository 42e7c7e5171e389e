#include "tls.h"
#include "base/log.h"
#include "conf/conf.h"
#include "net/tls.h"
#include "sip/certificate.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static bool numeric(const char *name)
{
	unsigned char octets[16];
	return inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;
}

static bool load_own(SSL_CTX *ctx, const struct conf *c)
{
	char *cert = conf_file(c, "tls_cert"), *key = conf_file(c, "tls_key");
	bool good = !cert || !key || net_tls_certificate(ctx, cert, key);
	free(cert);
	free(key);
	return good;
}

static bool load_authorities(SSL_CTX *ctx, const struct conf *c)
{
	char *ca = conf_file(c, "tls_ca");
	bool good = net_tls_authorities(ctx, ca);
	free(ca);
	return good;
}

SSL_CTX *tls_client_open(const struct conf *c)
{
	SSL_CTX *ctx = net_tls_context(NULL);
	if (load_own(ctx, c) && (!conf_bool(c, "cert_check", NULL) || load_authorities(ctx, c)))
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
