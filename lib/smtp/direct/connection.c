#include "smtp/direct/direct.h"

#include "base/clock.h"
#include "base/log.h"
#include "smtp/connect.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_FLIGHT_MAX = 16 };

/* ---- the end of one ---- */

static void leave_host(struct connection *c)
{
	if (!c->dest)
		return;
	c->dest->hosts[c->host].connections--;
	c->dest->hosts[c->host].ready -= c->counted;
	c->counted = false;
}

static void uncount(struct connection *c)
{
	c->engine->nconnections -= c->alive;
	c->alive = false;
}

void connection_kill(struct connection *c)
{
	if (c->phase == PHASE_DEAD)
		return;
	leave_host(c);
	uncount(c);
	c->phase = PHASE_DEAD;
	c->dest = NULL;
	c->letter = NULL;
	c->count = 0;
	if (c->readable)
		event_del(c->readable);
	if (c->writable)
		event_del(c->writable);
}

void connection_free(struct connection *c)
{
	if (c->readable)
		event_free(c->readable);
	if (c->writable)
		event_free(c->writable);
	SSL_free(c->ssl);
	if (c->fd >= 0)
		close(c->fd);
	smtp_reader_free(&c->reader);
	offers_free(&c->offers);
	buf_free(&c->out);
	free(c->expected);
	free(c->key);
	free(c);
}

/* The letters that are on the connection, the one whose turn it is first. */
static size_t in_flight(struct connection *c, struct letter *list[IN_FLIGHT_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < c->count; i++) {
		struct letter *l = c->expected[(c->head + i) % c->room].letter;
		if (l && (!n || list[n - 1] != l) && n < IN_FLIGHT_MAX)
			list[n++] = l;
	}
	if (c->letter && (!n || list[n - 1] != c->letter) && n < IN_FLIGHT_MAX)
		list[n++] = c->letter;
	return n;
}

static void throw_back(struct connection *c, struct letter *l, bool first, const char *why, bool slow)
{
	/* Servers end connections after so many mails, or so much time: its turn had not really come. */
	bool blameless = !l->answered && (c->kept || c->progress);
	bool sent = l->end_at && c->sent >= l->end_at;
	if (sent && l->taken)
		letter_interrupted(l, "connection lost after the final dot, no reply", c->name, true);
	else if (slow && first)
		letter_give_up(l, c->engine->stopped ? SMTP_STOPPED : SMTP_SLOW);
	else if (first && !blameless)
		letter_interrupted(l, why, c->name, false);
	else
		letter_restart(l);
}

void connection_lost(struct connection *c, const char *why, bool slow)
{
	struct letter *list[IN_FLIGHT_MAX];
	size_t n = in_flight(c, list);
	struct destination *dest = c->dest;
	bool ready = c->phase == PHASE_READY, connecting = c->phase == PHASE_CONNECT;
	/* A connection that was kept may be gone before we use it: it is opened again, silently (1.2 step 6). */
	bool blameless = c->kept && !c->progress && !slow;
	if (c->phase == PHASE_DEAD)
		return;
	if (c->phase != PHASE_QUIT && dest && !blameless)
		log_event(LOG_WARN, NULL, connecting ? "connect" : "lost", "host", c->name, "address", c->address,
			  "error", why, NULL);
	connection_kill(c);
	if (!dest)
		return;
	struct smtp_result r;
	smtp_result_set(&r, SMTP_AT_LOCAL, 0, connecting ? "4.4.1" : "4.4.2", why, c->name);
	if (slow)
		trouble_set(&c->engine->slow, trouble_id("address", c->address, c->port),
			    clock_mono_us() + REST_S * 1000000LL);
	if (!ready)
		host_failed(dest, c->host, &r, slow);
	else if (!c->progress && !blameless && !slow)
		host_strike(dest, c->host, &r);
	else if (slow && !c->engine->stopped)
		destination_give_up(dest, SMTP_SLOW);
	for (size_t i = n; i-- > 0;) /* from the back: each goes to the front of its queue */
		throw_back(c, list[i], i == 0, why, slow);
}

void connection_quit(struct connection *c)
{
	leave_host(c);
	uncount(c);
	c->dest = NULL;
	c->phase = PHASE_QUIT;
	c->waiting_us = clock_mono_us();
	buf_puts(&c->out, "QUIT\r\n");
	connection_expect(c, STEP_QUIT, NULL, 0);
	connection_flush(c);
}

/* ---- expectations ---- */

void connection_expect(struct connection *c, enum step step, struct letter *l, size_t rcpt)
{
	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 16;
		struct expected *e = xcalloc(room, sizeof(*e));
		for (size_t i = 0; i < c->count; i++)
			e[i] = c->expected[(c->head + i) % c->room];
		free(c->expected);
		c->expected = e;
		c->head = 0;
		c->room = room;
	}
	if (!c->count)
		c->waiting_us = clock_mono_us();
	c->expected[(c->head + c->count++) % c->room] = (struct expected){step, l, rcpt};
	if (l)
		l->pending++;
}

/* ---- octets out ---- */

static ssize_t write_some(struct connection *c, const char *p, size_t n)
{
	if (!c->ssl)
		return send(c->fd, p, n, MSG_NOSIGNAL);
	ERR_clear_error();
	int k = SSL_write(c->ssl, p, n > 1 << 20 ? 1 << 20 : (int)n);
	if (k > 0)
		return k;
	int e = SSL_get_error(c->ssl, k);
	errno = e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ ? EAGAIN : EPIPE;
	return -1;
}

static void arm(struct connection *c, bool on)
{
	if (on == c->writing)
		return;
	c->writing = on;
	if (on)
		event_add(c->writable, NULL);
	else
		event_del(c->writable);
}

/* A long mail passes through a short buffer. */
static void forget_written(struct connection *c)
{
	if (c->out_done < PIPE_ROOM / 2)
		return;
	memmove(c->out.p, c->out.p + c->out_done, c->out.n - c->out_done);
	c->out.n -= c->out_done;
	c->out_done = 0;
}

void connection_continue(struct connection *c)
{
	arm(c, true);
}

void connection_flush(struct connection *c)
{
	if (c->phase < PHASE_HELLO || c->phase == PHASE_DEAD)
		return;
	while (c->out_done < c->out.n) {
		ssize_t n = write_some(c, c->out.p + c->out_done, c->out.n - c->out_done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			forget_written(c);
			arm(c, true);
			return;
		}
		if (n < 0) {
			/* What the server said last may still be there to be read; the end of it tells us. */
			c->closing = true;
			c->out_done = c->out.n;
			break;
		}
		c->out_done += (size_t)n;
		c->sent += n;
		c->waiting_us = clock_mono_us();
	}
	buf_clear(&c->out);
	c->out_done = 0;
	arm(c, false);
}

/* ---- octets in ---- */

static void end_of_file(struct connection *c)
{
	if (c->phase == PHASE_QUIT || !c->dest)
		connection_kill(c);
	else
		connection_lost(c,
				c->phase == PHASE_CONNECT ? strerror(errno) : "connection lost before the final reply",
				false);
}

static void read_plain(struct connection *c)
{
	char in[16 << 10];
	ssize_t n = recv(c->fd, in, sizeof(in), 0);
	if (n > 0)
		dialogue_read(c, in, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end_of_file(c);
}

static void read_secure(struct connection *c)
{
	char in[16 << 10];
	while (c->ssl && c->phase != PHASE_DEAD) {
		ERR_clear_error();
		int n = SSL_read(c->ssl, in, sizeof(in));
		if (n > 0) {
			dialogue_read(c, in, (size_t)n);
			continue;
		}
		int e = SSL_get_error(c->ssl, n);
		if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
			end_of_file(c);
		return;
	}
}

/* ---- TLS ---- */

static void tls_failed(struct connection *c, const char *why)
{
	struct destination *dest = c->dest;
	size_t host = c->host;
	struct smtp_result r;
	log_event(LOG_WARN, NULL, "tls-failed", "host", c->name, "error", why, NULL);
	smtp_result_set(&r, SMTP_AT_TLS, 0, "4.7.5", why, c->name);
	bool once_more = c->tls == SMTP_TLS_OPPORTUNISTIC && dest;
	connection_kill(c);
	if (once_more)
		dest->hosts[host].clear = true;
	else if (dest)
		host_down(dest, host, &r, false);
}

static void handshake(struct connection *c)
{
	ERR_clear_error();
	int rc = SSL_do_handshake(c->ssl);
	int e = rc == 1 ? 0 : SSL_get_error(c->ssl, rc);
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
		arm(c, e == SSL_ERROR_WANT_WRITE);
		return;
	}
	if (rc != 1) {
		long verdict = SSL_get_verify_result(c->ssl);
		const char *reason = ERR_reason_error_string(ERR_peek_last_error());
		char why[256];
		snprintf(why, sizeof(why), "%s%s%s", reason ? reason : "the TLS handshake failed",
			 verdict != X509_V_OK ? ": " : "",
			 verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : "");
		tls_failed(c, why);
		return;
	}
	arm(c, false);
	c->secure = true;
	c->phase = PHASE_HELLO;
	dialogue_secure(c);
}

void connection_start_tls(struct connection *c)
{
	c->ssl = smtp_tls_connection(c->engine->tls, c->name, c->tls >= SMTP_TLS_REQUIRED);
	if (!c->ssl || !SSL_set_fd(c->ssl, c->fd)) {
		tls_failed(c, "TLS cannot be set up");
		return;
	}
	c->phase = PHASE_HANDSHAKE;
	c->waiting_us = clock_mono_us();
	handshake(c);
}

/* ---- events ---- */

static void connected(struct connection *c)
{
	int error = smtp_connect_error(c->fd);
	arm(c, false);
	if (error) {
		connection_lost(c, strerror(error), false);
		return;
	}
	event_add(c->readable, NULL);
	c->phase = PHASE_HELLO;
	c->waiting_us = clock_mono_us();
	connection_expect(c, STEP_GREETING, NULL, 0);
	if (c->tls == SMTP_TLS_IMPLICIT)
		connection_start_tls(c);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	(void)fd;
	if (c->phase == PHASE_DEAD)
		return;
	if (c->phase == PHASE_CONNECT) {
		connected(c);
		return;
	}
	if (c->phase == PHASE_HANDSHAKE) {
		handshake(c);
		if (c->phase != PHASE_HELLO)
			return;
	}
	if (what & EV_WRITE)
		connection_flush(c);
	if (c->ssl)
		read_secure(c);
	else if (what & EV_READ)
		read_plain(c);
	if (c->phase == PHASE_READY)
		pipeline_pump(c);
	else
		connection_flush(c);
}

static bool is_resting(struct direct *d, const char *address, int port)
{
	return trouble_is(&d->slow, trouble_id("address", address, port), clock_mono_us());
}

void connection_open(struct destination *dest, size_t host)
{
	struct direct *d = dest->engine;
	struct host *h = &dest->hosts[host];
	const char *address = h->at->addresses[h->address];
	struct connection *c = xcalloc(1, sizeof(*c));
	bool pending = false, resting = d->settings.patience_ms && is_resting(d, address, h->at->port);
	c->engine = d;
	c->dest = dest;
	c->host = host;
	c->key = xstrdup(h->key);
	c->session = dest->session != NULL;
	snprintf(c->name, sizeof(c->name), "%s", h->at->name);
	snprintf(c->address, sizeof(c->address), "%s", address);
	c->port = h->at->port;
	c->tls = h->clear ? SMTP_TLS_OFF : dest->route->tls;
	if (c->tls != SMTP_TLS_OFF && c->port == 465)
		c->tls = SMTP_TLS_IMPLICIT;
	c->waiting_us = clock_mono_us();
	c->next = d->connections;
	d->connections = c;
	d->nconnections++;
	c->alive = true;
	h->connections++;
	errno = ETIMEDOUT;
	c->fd = resting ? -1 : smtp_connect_start(address, c->port, &pending);
	if (c->fd < 0) {
		connection_lost(c, strerror(errno), resting);
		return;
	}
	c->readable = event_new(d->base, c->fd, EV_READ | EV_PERSIST, on_event, c);
	c->writable = event_new(d->base, c->fd, EV_WRITE | EV_PERSIST, on_event, c);
	if (!c->readable || !c->writable)
		die_temp("no event");
	arm(c, true);
}

/* ---- deadlines (1.2 step 7, RFC 5321 4.5.3.2) ---- */

static const int step_s[] = {
	[STEP_GREETING] = 300, [STEP_EHLO] = 300, [STEP_HELO] = 300, [STEP_STARTTLS] = 300,
	[STEP_AUTH] = 300,     [STEP_MAIL] = 300, [STEP_RCPT] = 300, [STEP_DATA] = 120,
	[STEP_END] = 600,      [STEP_RSET] = 300, [STEP_QUIT] = 2,
};
enum { BLOCK_S = 180, HANDSHAKE_S = 60 };

static int64_t limit_us(const struct connection *c)
{
	int64_t most = c->engine->settings.timeout_s;
	int64_t s = c->phase == PHASE_CONNECT		  ? CONNECT_S
		    : c->phase == PHASE_HANDSHAKE	  ? HANDSHAKE_S
		    : c->count && c->out_done == c->out.n ? step_s[c->expected[c->head].step]
							  : BLOCK_S;
	return (most && most < s ? most : s) * 1000000LL;
}

/* Is the reply that is due the one after the end of a mail? Then there is nothing to be given up: it may be delivered
 * already. */
static bool beyond(const struct connection *c)
{
	const struct expected *e = c->count ? &c->expected[c->head] : NULL;
	return e && e->step == STEP_END && e->letter && c->sent >= e->letter->end_at;
}

static void be_impatient(struct connection *c, int64_t now)
{
	enum { STOP_MS = 1000 };
	int64_t patience = (c->engine->stopped ? STOP_MS : c->engine->settings.patience_ms) * 1000LL;
	bool slow = now - c->waiting_us > patience;
	bool long_mail = c->letter && c->letter->stage == STAGE_BODY && now - c->letter->begun_us > 5 * patience;
	if (!slow && !long_mail)
		return;
	if (beyond(c) && !c->dest->given_up)
		destination_give_up(c->dest, SMTP_SLOW);
	else if (!beyond(c))
		connection_lost(c, "slow", true);
}

void connection_watch(struct connection *c, int64_t now)
{
	int64_t waited = now - c->waiting_us;
	if (c->phase == PHASE_QUIT) {
		if (waited > QUIT_MS * 1000LL)
			connection_kill(c);
		return;
	}
	if (c->phase == PHASE_DEAD || !c->dest)
		return;
	if (waited > limit_us(c) && c->phase == PHASE_HANDSHAKE)
		tls_failed(c, "the TLS handshake took too long");
	else if (waited > limit_us(c))
		connection_lost(c, c->phase == PHASE_CONNECT ? strerror(ETIMEDOUT) : "the reply took too long", false);
	else if (c->engine->settings.patience_ms || c->engine->stopped)
		be_impatient(c, now);
}
