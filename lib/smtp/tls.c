#include "smtp/tls.h"

#include "base/buf.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct smtp_tls_context {
	SSL_CTX *ctx;
	char *name; /* of the connection that is being made */
	bool numeric, loaded;
	void (*ticket)(void *ctx);
	void *ticket_ctx;
};

static void message(int write, int version, int type, const void *buf, size_t n, SSL *ssl, void *arg)
{
	struct smtp_tls_context *t = arg;
	(void)ssl;
	if (!write && version == TLS1_3_VERSION && type == SSL3_RT_HANDSHAKE && n &&
	    *(const unsigned char *)buf == SSL3_MT_NEWSESSION_TICKET && t->ticket)
		t->ticket(t->ticket_ctx);
}

/* The name for SNI belongs to a connection, which somebody else makes from the context: it is set when its handshake
 * begins. */
static void handshake(const SSL *ssl, int where, int ret)
{
	(void)ret;
	struct smtp_tls_context *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	if ((where & SSL_CB_HANDSHAKE_START) && t->name && !t->numeric)
		SSL_set_tlsext_host_name((SSL *)(uintptr_t)ssl, t->name);
}

static void log_failure(const char *what)
{
	log_event(LOG_ERROR, NULL, "tls", "msg", what, "error", ERR_reason_error_string(ERR_peek_last_error()), NULL);
	ERR_clear_error();
}

struct smtp_tls_context *smtp_tls_new(const char *ca_file)
{
	struct smtp_tls_context *t = xcalloc(1, sizeof(*t));
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (!t->ctx || !SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) ||
	    (ca_file && !SSL_CTX_load_verify_locations(t->ctx, ca_file, NULL))) {
		log_failure(ca_file ? ca_file : "no TLS");
		smtp_tls_free(t);
		return NULL;
	}
	t->loaded = ca_file != NULL;
	SSL_CTX_set_app_data(t->ctx, t);
	SSL_CTX_set_info_callback(t->ctx, handshake);
	SSL_CTX_set_msg_callback(t->ctx, message);
	SSL_CTX_set_msg_callback_arg(t->ctx, t);
	return t;
}

/* Reading the certificates of the system costs some 20 ms: not before they are needed. */
static bool load(struct smtp_tls_context *t)
{
	if (!t->loaded && !SSL_CTX_set_default_verify_paths(t->ctx)) {
		log_failure("certificates of the system");
		return false;
	}
	t->loaded = true;
	return true;
}

SSL *smtp_tls_connection(struct smtp_tls_context *t, const char *name, bool check)
{
	unsigned char octets[16];
	bool numeric = inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;
	SSL *ssl = !check || load(t) ? SSL_new(t->ctx) : NULL;
	if (!ssl)
		return NULL;
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	bool good = numeric || SSL_set_tlsext_host_name(ssl, name);
	SSL_set_verify(ssl, check ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (check)
		good = good && (numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, name)
					: X509_VERIFY_PARAM_set1_host(param, name, 0));
	if (!good) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_connect_state(ssl);
	return ssl;
}

void smtp_tls_limit(struct smtp_tls_context *t, bool tls12)
{
	SSL_CTX_set_max_proto_version(t->ctx, tls12 ? TLS1_2_VERSION : 0);
}

SSL_CTX *smtp_tls_prepare(struct smtp_tls_context *t, const char *name, bool check, void (*ticket)(void *ctx),
			  void *ctx)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(t->ctx);
	unsigned char octets[16];
	t->ticket = ticket;
	t->ticket_ctx = ctx;
	free(t->name);
	t->name = xstrdup(name);
	t->numeric = inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;
	SSL_CTX_set_verify(t->ctx, check ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (!X509_VERIFY_PARAM_set1_host(param, NULL, 0) || !X509_VERIFY_PARAM_set1_ip(param, NULL, 0))
		return NULL;
	if (!check)
		return t->ctx;
	if (!load(t))
		return NULL;
	if (t->numeric ? !X509_VERIFY_PARAM_set1_ip_asc(param, name) : !X509_VERIFY_PARAM_set1_host(param, name, 0))
		return NULL;
	return t->ctx;
}

void smtp_tls_free(struct smtp_tls_context *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t->name);
	free(t);
}
