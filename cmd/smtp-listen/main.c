/*
 * smtp-listen: ESMTP and LMTP sessions -> records.
 *
 * A turn of the loop: read all that waits, commit the mails that are complete at once, answer them, send. The commit is
 * the natural group commit: while one runs, the sockets collect what the next one carries.
 */
#include "listen.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

enum { SPARE_DESCRIPTORS = 64, SWEEP_US = 1000000 };

static void set_listen(void *ctx, const char *value)
{
	struct server *s = ctx;
	s->listen = xrealloc(s->listen, (s->nlisten + 1) * sizeof *s->listen);
	s->listen[s->nlisten++] = xstrdup(value);
}

static void set_ready(void *ctx, const char *value)
{
	((struct server *)ctx)->ready_fd = listen_ready_option(value);
}

static void set_aliases(void *ctx, const char *value)
{
	((struct server *)ctx)->aliases = value;
}

static const struct frame_option options[] = {
	{"listen", 'l', "ELEMENT", "listen here instead of smtp_listen (an element of it); may be repeated", set_listen},
	{"aliases", 0, "FILE", "the alias table (default: that of mail2cpm in the spool)", set_aliases},
	{"ready-fd", 0, "FD", "write a line end to this descriptor when the sockets are open", set_ready},
	{0},
};

static const char *const takes[] = {"smtp.reply", NULL};
static const char *const files[] = {"msgid_key", "tls_cert", "tls_key", NULL};

/* A session needs a descriptor for its socket. Every second one may be in the midst of a large mail, which needs another;
 * should there be more, they get 451. */
static int64_t sessions_allowed(const struct conf *c)
{
	int64_t want = conf_int(c, "max_sessions", NULL), most = listen_descriptors();
	if (want + want / 2 + SPARE_DESCRIPTORS > most) {
		int64_t can = (most - SPARE_DESCRIPTORS) / 3 * 2;
		want = can > 8 ? can : 8;
		log_msg(LOG_WARN, "max_sessions is cut to %lld: no more descriptors", (long long)want);
	}
	return want;
}

static void settings(struct server *s)
{
	const struct conf *c = frame_conf(s->frame);
	const char *peer;
	mail_users_read(&s->users, s->frame, s->aliases);
	s->gateway = map_gateway(s->users.names);
	s->rules = (struct smtpd_rules){
		.host = s->gateway,
		.smtputf8 = conf_bool(c, "smtputf8", NULL),
		.deliverby = conf_bool(c, "deliverby_in", NULL),
		.require_tls = conf_bool(c, "require_tls_in", NULL),
		.max_size = conf_int(c, "max_mail_in", NULL),
		.max_rcpt = (int)conf_int(c, "max_rcpt_in", NULL),
		.max_received = (int)conf_int(c, "max_received", NULL),
	};
	s->sessions_peer = conf_int(c, "max_sessions_per_peer", NULL);
	s->sessions_most = sessions_allowed(c);
	s->idle_seconds = conf_int(c, "smtp_timeout_in", NULL);
	s->rate_most = conf_int(c, "rate_mail", NULL);
	s->inline_result = conf_bool(c, "inline_result", NULL) && frame_has_queue(s->frame);
	for (size_t i = 0; (peer = conf_item(c, "blocked_peers", i, NULL)); i++)
		if (!sip_trust_add(&s->blocked, peer, NULL))
			die_perm("blocked_peers \"%s\": no address or network", peer);
}

/* Sessions keep what they began with; the name that they were greeted with lives on in the new users. */
static void reload(struct frame *f, void *ctx)
{
	struct server *s = ctx;
	struct mail_users old = s->users;
	(void)f;
	sip_trust_free(&s->blocked);
	s->blocked = (struct sip_trust){0};
	settings(s);
	for (struct connection *c = s->connections; c; c = c->next) {
		c->smtp.rules.host = s->gateway;
		c->smtp.content.gateway = s->gateway;
	}
	mail_users_free(&old);
	tls_read(s, true);
}

static const struct frame_program program = {
	.name = "smtp-listen",
	.summary = "Take mail by SMTP and LMTP, hand it on as records.",
	.takes = takes,
	.options = options,
	.edge = true,
	.files = files,
	.metrics = server_metrics,
	.reload = reload,
	.measure = server_measure,
	.step = inline_take,
};

/* ---- the loop ---- */

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	((struct server *)arg)->input_ready = true;
}

/* One batch of smtp.reply records; there may be another. */
static void take_input(struct server *s)
{
	if (s->input && (s->input_ready || frame_timeout_ms(s->frame) == 0))
		s->input_ready = frame_dispatch(s->frame) > 0;
}

static void wait_for_something(struct server *s)
{
	int64_t wait = s->sessions || s->accept_paused ? SWEEP_US : -1;
	if (s->input && frame_timeout_ms(s->frame) >= 0)
		wait = loop_sooner(wait, (int64_t)frame_timeout_ms(s->frame) * 1000);
	if (s->input_ready)
		wait = 0;
	int tick = frame_tick(s->frame);
	if (tick >= 0)
		wait = loop_sooner(wait, (int64_t)tick * 1000);
	loop_wait(&s->loop, s->nwaiting ? 0 : wait);
	s->now = clock_mono_us();
	s->full_known = false;
}

static void run(struct server *s)
{
	int64_t swept = s->now;
	while (!frame_stopping(s->frame)) {
		wait_for_something(s);
		session_commit(s);
		take_input(s);
		if (s->now - swept >= SWEEP_US) {
			connections_sweep(s);
			swept = s->now;
		}
		streams_flush(&s->streams);
		log_flush();
		frame_reload(s->frame);
	}
	log_event(LOG_INFO, NULL, "stopping", NULL);
	session_commit(s);
	inline_settle_all(s);
	connections_shutdown(s);
}

static void begin(struct server *s)
{
	settings(s);
	tls_read(s, false);
	s->rate = xcalloc(RATES, sizeof *s->rate);
	loop_open(&s->loop, frame_signal_fd(s->frame));
	s->streams = (struct streams){.loop = &s->loop, .ops = &connection_ops, .now = &s->now};
	s->now = clock_mono_us();
	sockets_open(s);
	if (frame_has_queue(s->frame)) {
		s->input = loop_watch(&s->loop, frame_fd(s->frame), on_input, s);
		s->input_ready = true;
	}
	listen_ready(s->ready_fd);
}

static void release(struct server *s)
{
	connections_close(s);
	sockets_close(s);
	if (s->input)
		event_free(s->input);
	loop_close(&s->loop);
	SSL_CTX_free(s->tls);
	sip_trust_free(&s->blocked);
	mail_users_free(&s->users);
	for (size_t i = 0; i < s->nlisten; i++)
		free(s->listen[i]);
	free(s->listen);
	free(s->waiting);
	free(s->rate);
}

int main(int argc, char **argv)
{
	struct server s = {.ready_fd = -1};
	s.frame = frame_open(argc, argv, &program, &s);
	begin(&s);
	frame_ready(s.frame);
	run(&s);
	release(&s);
	return frame_close(s.frame);
}
