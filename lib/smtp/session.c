#include <openssl/err.h>
#include <openssl/ssl.h>

#include <auth-client.h>

#include "smtp/session.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * libesmtp makes its connection by itself: without a deadline, without IPv6 literals, and without a way to get at the
 * socket. So it is given a listener of ours on the loopback to connect to, and in its SMTP_EV_CONNECT event, before the
 * first octet, the socket that is connected to the server takes the place of that one (dup2).
 */
int session_listen(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 16) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool same_address(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_family == b->sin_family && a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

static bool leads_to(int fd, const struct sockaddr_in *listener)
{
	struct sockaddr_in peer = {0};
	socklen_t n = sizeof(peer);
	return getpeername(fd, (struct sockaddr *)&peer, &n) == 0 && n == sizeof(peer) && same_address(&peer, listener);
}

/* The library's socket: the one whose peer is the listener. Most likely it got the descriptor that was the next. */
static int find_socket(const struct sockaddr_in *listener, int likely)
{
	enum { HIGHEST = 65536 };
	if (leads_to(likely, listener))
		return likely;
	for (int fd = 0; fd < HIGHEST; fd++)
		if (leads_to(fd, listener))
			return fd;
	return -1;
}

static int next_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd;
}

static void adopt(struct session *s, int listener)
{
	struct sockaddr_in a = {0};
	socklen_t n = sizeof(a);
	int fd = getsockname(listener, (struct sockaddr *)&a, &n) == 0 ? find_socket(&a, s->likely) : -1;
	if (fd < 0)
		return;
	s->adopted = dup3(s->fd, fd, O_CLOEXEC) == fd;
	if (!s->adopted)
		return;
	close(s->fd);
	s->wire.fd = s->fd = fd;
}

/* ---- the mail, in pieces ---- */

/* Has the peer gone while we send? The library would not notice, and we would wait for the answer to a mail that never
 * arrived. */
static bool peer_gone(int fd)
{
	struct pollfd p = {fd, POLLRDHUP, 0};
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

struct reading {
	struct session *session;
	struct job *job;
};

static const char *read_message(void **ctx, int *len, void *arg)
{
	struct reading *r = arg;
	struct job *j = r->job;
	(void)ctx;
	if (!len) {
		j->offset = 0;
		return NULL;
	}
	ssize_t got = 0;
	*len = 0;
	if (peer_gone(r->session->fd)) {
		j->cut = true;
		errno = EPIPE;
		return NULL;
	}
	got = smtp_body_read(&j->body, j->offset, r->session->piece, sizeof(r->session->piece));
	if (got < 0) {
		j->cut = true;
		return NULL;
	}
	if (got == 0) {
		j->sent = true;
		r->session->wire.at = SMTP_AT_DATA; /* the next reply is the final one */
		r->session->wire.last = (struct smtp_result){0};
		errno = 0;
		return NULL;
	}
	j->offset += got;
	*len = (int)got;
	return r->session->piece;
}

/* ---- answers ---- */

static void result_of(struct session *s, struct smtp_result *r, enum smtp_at at, const smtp_status_t *st)
{
	char enhanced[40];
	bool seen = st->enh_class == st->code / 100 && st->enh_subject >= 0 && st->enh_subject < 1000 &&
		    st->enh_detail >= 0 && st->enh_detail < 1000;
	if (seen)
		snprintf(enhanced, sizeof(enhanced), "%d.%d.%d", st->enh_class, st->enh_subject, st->enh_detail);
	smtp_result_set(r, at, st->code, seen ? enhanced : NULL, st->text, s->host);
}

/* One answer for all recipients that take part. */
static void answer_all(struct session *s, struct job *j, const struct smtp_result *r)
{
	for (size_t i = 0; i < j->mail->nrcpts; i++) {
		struct smtp_result copy = *r;
		if (j->rcpts[i])
			s->answered(j, i, &copy, s->ctx);
	}
	j->final = true;
	s->finished(j, s->ctx);
}

static void mail_refused(struct session *s, struct job *j)
{
	const smtp_status_t *st = smtp_reverse_path_status(j->message);
	struct smtp_result r;
	j->started = true;
	if (!st || st->code < 300)
		return;
	result_of(s, &r, SMTP_AT_MAIL, st);
	answer_all(s, j, &r);
}

/* The final answer was read: each recipient's own refusal, else that answer. */
static void message_final(struct session *s, struct job *j, const struct smtp_result *final)
{
	for (size_t i = 0; i < j->mail->nrcpts; i++) {
		const smtp_status_t *st = j->rcpts[i] ? smtp_recipient_status(j->rcpts[i]) : NULL;
		struct smtp_result r = *final;
		if (!st)
			continue;
		if (st->code >= 300)
			result_of(s, &r, SMTP_AT_RCPT, st);
		else if (st->code < 200)
			continue;
		s->answered(j, i, &r, s->ctx);
	}
	j->final = true;
	s->finished(j, s->ctx);
}

static void message_sent(struct session *s, struct job *j)
{
	const smtp_status_t *st = smtp_message_transfer_status(j->message);
	struct smtp_result r;
	if (!st || st->code < 200 || (st->code >= 300 && st->code < 400))
		return;
	result_of(s, &r, SMTP_AT_DATA, st);
	message_final(s, j, &r);
}

/* The connection is gone. A job in the middle of its transaction: refusals of recipients that were read stand; the rest
 * is open. */
static void after_loss(struct session *s, struct job *j)
{
	/* The library could not digest the final answer, the wire has it. */
	if (j->sent && !j->cut && s->wire.last.outcome != SMTP_OPEN) {
		snprintf(s->wire.last.host, sizeof(s->wire.last.host), "%s", s->host);
		message_final(s, j, &s->wire.last);
		return;
	}
	for (size_t i = 0; i < j->mail->nrcpts; i++) {
		const smtp_status_t *st = j->rcpts[i] ? smtp_recipient_status(j->rcpts[i]) : NULL;
		struct smtp_result r;
		if (!st || st->code < 400)
			continue;
		result_of(s, &r, SMTP_AT_RCPT, st);
		s->answered(j, i, &r, s->ctx);
	}
	if (j->sent && !j->cut) {
		bool open = smtp_mail_open(j->mail);
		struct smtp_result r;
		smtp_result_set(&r, SMTP_AT_LOCAL, 0, "4.4.2", "connection lost after the final dot, no reply",
				s->host);
		j->mail->duplicate_possible = j->mail->duplicate_possible || open;
		answer_all(s, j, &r);
	}
}

/* ---- events ---- */

static int listener_of_event = -1; /* libesmtp runs one session at a time in this thread */

static void on_certificate(struct session *s, const char *what, int *ok)
{
	/* Name and chain were checked by OpenSSL in the handshake where that was asked for; the library compares with
	 * the loopback address. */
	*ok = 1;
	if (s->tls_mode == SMTP_TLS_REQUIRED && strcmp(what, "name") != 0) {
		snprintf(s->tls_error, sizeof(s->tls_error), "certificate: %s", what);
		*ok = 0;
	}
}

/*
 * TLS 1.3 servers send tickets behind the handshake. If they are there before the library polls for the first time, it
 * finds the socket readable, and reads, and waits for the answer to its EHLO, which it has not sent yet: until the
 * timeout. The ticket tells: it came while EHLO was not out.
 */
static void on_ticket(void *ctx)
{
	struct session *s = ctx;
	if (s->wire.tls && !s->draining && s->wire.at == SMTP_AT_TLS)
		wire_cut(&s->wire, WIRE_STUCK);
}

static void on_tls(struct session *s, SSL *ssl)
{
	char c;
	s->wire.tls = s->draining = true;
	SSL_peek(ssl, &c, 1); /* tickets that are here already do no harm */
	ERR_clear_error();
	s->draining = false;
	if (s->auth) {
		smtp_auth_set_context(s->library, s->auth);
		s->wire.want_auth = true;
	}
}

static void on_event(smtp_session_t library, int event, void *arg, ...)
{
	struct session *s = arg;
	va_list ap;
	(void)library;
	va_start(ap, arg);
	switch (event) {
	case SMTP_EV_CONNECT:
		adopt(s, listener_of_event);
		break;
	case SMTP_EV_MAILSTATUS:
		(void)va_arg(ap, const char *);
		mail_refused(s, smtp_message_get_application_data(va_arg(ap, smtp_message_t)));
		break;
	case SMTP_EV_MESSAGESENT:
		message_sent(s, smtp_message_get_application_data(va_arg(ap, smtp_message_t)));
		break;
	case SMTP_EV_STARTTLS_OK:
		on_tls(s, va_arg(ap, SSL *));
		break;
	case SMTP_EV_INVALID_PEER_CERTIFICATE:
		(void)va_arg(ap, long);
		on_certificate(s, "not valid", va_arg(ap, int *));
		break;
	case SMTP_EV_WRONG_PEER_CERTIFICATE:
		on_certificate(s, "name", va_arg(ap, int *));
		break;
	case SMTP_EV_NO_PEER_CERTIFICATE:
		on_certificate(s, "none", va_arg(ap, int *));
		break;
	case SMTP_EV_WEAK_CIPHER:
		(void)va_arg(ap, int);
		*va_arg(ap, int *) = s->tls_mode != SMTP_TLS_REQUIRED;
		break;
	case SMTP_EV_EXTNA_STARTTLS:
		snprintf(s->tls_error, sizeof(s->tls_error), "STARTTLS is not offered");
		break;
	default:
		break;
	}
	va_end(ap);
}

/* ---- making a session ---- */

static int give_credentials(auth_client_request_t request, char **result, int fields, void *arg)
{
	struct session *s = arg;
	for (int i = 0; i < fields; i++) {
		if (request[i].flags & AUTH_USER)
			result[i] = (char *)(uintptr_t)s->user;
		else if (request[i].flags & AUTH_PASS)
			result[i] = (char *)(uintptr_t)s->password;
		else
			result[i] = NULL;
	}
	return 1;
}

static enum notify_flags notify_flags(unsigned notify)
{
	int f = Notify_NOTSET;
	if (notify & SMTP_NOTIFY_NEVER)
		return Notify_NEVER;
	f |= notify & SMTP_NOTIFY_SUCCESS ? Notify_SUCCESS : 0;
	f |= notify & SMTP_NOTIFY_FAILURE ? Notify_FAILURE : 0;
	f |= notify & SMTP_NOTIFY_DELAY ? Notify_DELAY : 0;
	return (enum notify_flags)f;
}

/* The library makes xtext of it, and prints "(null)" when that is over 255 octets: such a one is left out. */
static void add_orcpt(smtp_recipient_t r, const char *orcpt)
{
	size_t octets = 0;
	bool good = *orcpt != '\0';
	for (const char *p = orcpt; *p; p++) {
		octets += *p == '+' || *p == '=' || *p == ' ' ? 3 : 1;
		good = good && *p >= ' ' && *p < 127;
	}
	if (good && octets <= 250)
		smtp_dsn_set_orcpt(r, "rfc822", orcpt);
}

static void add_job(struct session *s, struct job *j, struct reading *reading)
{
	struct smtp_mail *m = j->mail;
	smtp_message_t message = smtp_add_message(s->library);
	*reading = (struct reading){s, j};
	j->message = message;
	j->started = j->sent = j->final = j->cut = false;
	smtp_message_set_application_data_release(message, j, NULL);
	smtp_set_reverse_path(message, m->from);
	smtp_set_messagecb(message, read_message, reading);
	/* Our header is complete; the library would number a mail without Message-ID by the clock. */
	if (j->size)
		smtp_size_set_estimate(message, (unsigned long)j->size);
	if (!j->no_dsn) {
		if (m->ret != SMTP_RET_NONE)
			smtp_dsn_set_ret(message, m->ret == SMTP_RET_FULL ? Ret_FULL : Ret_HDRS);
		if (m->envid && smtp_word_valid(m->envid, 80))
			smtp_dsn_set_envid(message, m->envid);
	}
	for (size_t i = 0; i < m->nrcpts; i++) {
		if (!j->rcpts[i]) /* set to a mark by the caller for those that take part */
			continue;
		j->rcpts[i] = smtp_add_recipient(message, m->rcpts[i].address);
		if (j->no_dsn)
			continue;
		if (m->rcpts[i].notify)
			smtp_dsn_set_notify(j->rcpts[i], notify_flags(m->rcpts[i].notify));
		if (m->rcpts[i].orcpt)
			add_orcpt(j->rcpts[i], m->rcpts[i].orcpt);
	}
}

/* MAIL is next and the keywords are known: BODY=8BITMIME may be asked for. Not earlier, as the library ends the whole
 * run where it is missing. */
static void on_ready(void *ctx)
{
	struct session *s = ctx;
	for (size_t i = 0; i < s->njobs; i++)
		if (s->jobs[i]->eight_bit && (s->wire.keywords & WIRE_8BITMIME))
			smtp_8bitmime_set_body(s->jobs[i]->message, E8bitmime_8BITMIME);
}

/* RFC 5321 4.5.3.2, or what the caller allows at most. */
static void set_timeouts(struct session *s)
{
	static const struct {
		int which, seconds;
	} waits[] = {
		{Timeout_GREETING, 300}, {Timeout_ENVELOPE, 300}, {Timeout_DATA, 120},
		{Timeout_TRANSFER, 180}, {Timeout_DATA2, 600},
	};
	int most = s->settings->timeout_s;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		int seconds = most && most < waits[i].seconds ? most : waits[i].seconds;
		smtp_set_timeout(s->library, waits[i].which | Timeout_OVERRIDE_RFC2822_MINIMUM, seconds * 1000L);
	}
	s->wire.reply_limit_us = (most ? most : 600) * 1000000LL;
}

static bool set_up(struct session *s, int listener)
{
	struct sockaddr_in a = {0};
	socklen_t n = sizeof(a);
	char server[40];
	SSL_CTX *ctx = NULL;
	if (getsockname(listener, (struct sockaddr *)&a, &n) != 0)
		return false;
	if (s->tls_mode != SMTP_TLS_OFF) {
		ctx = s->tls ? smtp_tls_prepare(s->tls, s->host, s->tls_mode == SMTP_TLS_REQUIRED, on_ticket, s) : NULL;
		if (!ctx)
			return false;
	}
	s->library = smtp_create_session();
	if (!s->library)
		return false;
	snprintf(server, sizeof(server), "127.0.0.1:%d", ntohs(a.sin_port));
	smtp_set_server(s->library, server);
	smtp_set_hostname(s->library, s->settings->hostname);
	smtp_set_eventcb(s->library, on_event, s);
	smtp_set_monitorcb(s->library, wire_monitor, &s->wire, 0);
	set_timeouts(s);
	smtp_starttls_enable(s->library, s->tls_mode == SMTP_TLS_OFF	    ? Starttls_DISABLED
					 : s->tls_mode == SMTP_TLS_REQUIRED ? Starttls_REQUIRED
									    : Starttls_ENABLED);
	if (ctx) /* never without: the library's own is freed at the end of the first session and used in the second */
		smtp_starttls_set_ctx(s->library, ctx);
	if (s->user && s->password && s->tls_mode != SMTP_TLS_OFF) {
		s->auth = auth_create_context();
		auth_set_mechanism_flags(s->auth, AUTH_PLUGIN_PLAIN, 0);
		auth_set_interact_cb(s->auth, give_credentials, s);
	}
	return true;
}

static enum session_end verdict(struct session *s)
{
	struct wire *w = &s->wire;
	if (!s->adopted) {
		errno = ENOTCONN;
		return SESSION_LOCAL;
	}
	if (w->fault == WIRE_INJECTED)
		return SESSION_NO_TLS;
	if (w->fault != WIRE_FINE)
		return SESSION_RAN;
	if (w->refusal.outcome != SMTP_OPEN && (w->refused_at == SMTP_AT_GREETING || w->refused_at == SMTP_AT_HELLO))
		return SESSION_REFUSED;
	if (s->tls_error[0] || w->at == SMTP_AT_TLS || w->refused_at == SMTP_AT_TLS) {
		const char *why = ERR_reason_error_string(ERR_peek_last_error());
		if (!s->tls_error[0])
			snprintf(s->tls_error, sizeof(s->tls_error), "%s",
				 w->refusal.outcome != SMTP_OPEN ? w->refusal.text
				 : why				 ? why
								 : "handshake");
		return SESSION_NO_TLS;
	}
	return SESSION_RAN;
}

enum session_end session_run(struct session *s, int listener, int fd)
{
	struct reading *readings = xcalloc(s->njobs ? s->njobs : 1, sizeof(*readings));
	s->fd = fd;
	s->adopted = false;
	s->wire.fd = fd;
	s->wire.at = SMTP_AT_GREETING;
	s->wire.ready = on_ready;
	s->wire.ctx = s;
	s->wire.will_start_tls = s->tls_mode != SMTP_TLS_OFF;
	if (!set_up(s, listener)) {
		close(fd);
		free(readings);
		return s->library ? SESSION_LOCAL : (errno = errno ? errno : EIO, SESSION_LOCAL);
	}
	for (size_t i = 0; i < s->njobs; i++) {
		add_job(s, s->jobs[i], &readings[i]);
		s->wire.needs_eight_bit = s->wire.needs_eight_bit || s->jobs[i]->eight_bit;
	}
	listener_of_event = listener;
	s->likely = next_descriptor();
	ERR_clear_error();
	/* What it returns says that the engine ran, nothing more. */
	smtp_start_session(s->library);
	/* The connection that the library made to the listener. */
	int unused = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (unused >= 0)
		close(unused);
	if (!s->adopted)
		close(fd);
	s->wire.fd = -1; /* closed by the library */
	if (s->wire.fault != WIRE_INJECTED)
		for (size_t i = 0; i < s->njobs; i++)
			if (s->jobs[i]->started && !s->jobs[i]->final)
				after_loss(s, s->jobs[i]);
	free(readings);
	return verdict(s);
}

void session_free(struct session *s)
{
	if (s->library)
		smtp_destroy_session(s->library);
	if (s->auth)
		auth_destroy_context(s->auth);
	wire_free(&s->wire);
}
