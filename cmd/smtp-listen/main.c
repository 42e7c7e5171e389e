/*
 * smtp-listen: ESMTP and LMTP sessions -> records.
 *
 * A turn of the loop: read all that waits, commit the mails that are complete at once, answer them, send. The commit is
 * the natural group commit: while one runs, the sockets collect what the next one carries.
 */
#include "listen.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SPARE_DESCRIPTORS = 64, SWEEP_US = 1000000 };

static void set_listen(void *ctx, const char *value)
{
	struct server *s = ctx;
	s->listen = xrealloc(s->listen, (s->nlisten + 1) * sizeof *s->listen);
	s->listen[s->nlisten++] = xstrdup(value);
}

static void set_ready(void *ctx, const char *value)
{
	char *end;
	long fd = strtol(value, &end, 10);
	if (*end || end == value || fd < 0 || fd > 1 << 20)
		die_perm("--ready-fd %s: no descriptor", value);
	((struct server *)ctx)->ready_fd = (int)fd;
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

static const char *const takes[] = {NULL};
static const char *const files[] = {"msgid_key", "tls_cert", "tls_key", NULL};

/* A session needs a descriptor for its socket. Every second one may be in the midst of a large mail, which needs another;
 * should there be more, they get 451. */
static int64_t sessions_allowed(const struct conf *c)
{
	struct rlimit r;
	int64_t want = conf_int(c, "max_sessions", NULL);
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		die_temp("getrlimit:");
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY &&
	    want + want / 2 + SPARE_DESCRIPTORS > (int64_t)r.rlim_cur) {
		int64_t can = ((int64_t)r.rlim_cur - SPARE_DESCRIPTORS) / 3 * 2;
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
};

/* ---- the loop ---- */

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg; /* the loop looks itself */
}

static void wait_for_something(struct server *s)
{
	int64_t wait = s->sessions || s->accept_paused ? SWEEP_US : -1;
	int tick = frame_tick(s->frame);
	if (tick >= 0 && (wait < 0 || (int64_t)tick * 1000 < wait))
		wait = (int64_t)tick * 1000;
	if (s->nwaiting)
		wait = 0;
	event_del(s->tick);
	if (wait >= 0) {
		struct timeval tv = {wait / 1000000, wait % 1000000};
		event_add(s->tick, &tv);
	}
	if (event_base_loop(s->base, EVLOOP_ONCE) < 0)
		die_temp("the event loop failed");
	s->now = clock_mono_us();
	s->full_known = false;
}

static void run(struct server *s)
{
	int64_t swept = s->now;
	while (!frame_stopping(s->frame)) {
		wait_for_something(s);
		session_commit(s);
		if (s->now - swept >= SWEEP_US) {
			connections_sweep(s);
			swept = s->now;
		}
		connections_flush(s);
		log_flush();
		frame_reload(s->frame);
	}
	log_event(LOG_INFO, NULL, "stopping", NULL);
	session_commit(s);
	connections_shutdown(s);
}

static void begin(struct server *s)
{
	settings(s);
	tls_read(s, false);
	s->rate = xcalloc(RATES, sizeof *s->rate);
	s->base = event_base_new();
	s->tick = s->base ? event_new(s->base, -1, 0, on_event, NULL) : NULL;
	s->signal = s->base ? event_new(s->base, frame_signal_fd(s->frame), EV_READ | EV_PERSIST, on_event, NULL) : NULL;
	if (!s->tick || !s->signal || event_add(s->signal, NULL) != 0)
		die_temp("no event loop");
	s->now = clock_mono_us();
	sockets_open(s);
	if (s->ready_fd < 0)
		return;
	if (write(s->ready_fd, "\n", 1) != 1)
		die_temp("--ready-fd %d:", s->ready_fd);
	close(s->ready_fd);
}

static void release(struct server *s)
{
	connections_close(s);
	sockets_close(s);
	event_free(s->signal);
	event_free(s->tick);
	event_base_free(s->base);
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
