/*
 * sip-listen: SIP server transactions <-> records.
 *
 * A turn of the loop: read all that waits, commit it at once, take answers that came as records, answer what is due,
 * send. The commit is the natural group commit: while one runs, the sockets collect what the next one carries.
 */
#include "listen.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SPARE_DESCRIPTORS = 64, DRAIN_US = 1000000, SWEEP_US = 1000000 };

struct loop {
	struct server *s;
	struct event *input, *signal;
	bool input_ready, input_file, input_end;
	int64_t swept;
};

static void set_listen(void *ctx, const char *value)
{
	struct server *s = ctx;
	s->listen = xrealloc(s->listen, (s->nlisten + 1) * sizeof *s->listen);
	s->listen[s->nlisten++] = xstrdup(value);
}

static int number(const char *option, const char *value, int most)
{
	char *end;
	errno = 0;
	long n = strtol(value, &end, 10);
	if (errno || *end || end == value || n < 0 || n > most)
		die_perm("--%s %s: 0 to %d", option, value, most);
	return (int)n;
}

static void set_port(void *ctx, const char *value)
{
	number("port", value, 65535);
	((struct server *)ctx)->port = value;
}

static void set_index(void *ctx, const char *value)
{
	((struct server *)ctx)->index = number("number", value, 63);
}

static void set_ready(void *ctx, const char *value)
{
	((struct server *)ctx)->ready_fd = number("ready-fd", value, 1 << 20);
}

static const struct frame_option options[] = {
	{"port", 'p', "PORT", "listen on this port, UDP and TCP, instead of sip_listen", set_port},
	{"listen", 'l', "ADDRESS",
	 "listen on this address (default 127.0.0.1), or element of sip_listen; may be repeated", set_listen},
	{"number", 'n', "INDEX", "number of this process among those that share the port (0..63)", set_index},
	{"ready-fd", 0, "FD", "write a line end to this descriptor when the sockets are open", set_ready},
	{0},
};

static const char *const takes[] = {"sip.response", NULL};
static const char *const files[] = {"msgid_key", "tls_cert", "tls_key", "tls_ca", NULL};

static uint32_t connections_allowed(const struct conf *c)
{
	struct rlimit r;
	int64_t want = conf_int(c, "max_connections", NULL);
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		die_temp("getrlimit:");
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY &&
	    want + SPARE_DESCRIPTORS > (int64_t)r.rlim_cur) {
		want = (int64_t)r.rlim_cur > 2 * SPARE_DESCRIPTORS ? (int64_t)r.rlim_cur - SPARE_DESCRIPTORS
								   : SPARE_DESCRIPTORS;
		log_msg(LOG_WARN, "max_connections is cut to %lld: no more descriptors", (long long)want);
	}
	return (uint32_t)want;
}

/* What may change while the program runs. */
static void settings(struct server *s)
{
	const struct conf *c = frame_conf(s->frame);
	const char *peer, *label;
	s->names = map_names_new(c);
	s->success = conf_enum(c, "message_success_code", NULL) == 0 ? 202 : 200;
	s->max_sip_size = conf_int(c, "max_sip_size", NULL);
	s->verify_certificates = conf_bool(c, "cert_check", NULL);
	request_policy(s);
	for (size_t i = 0; (peer = conf_item(c, "trusted_peers", i, &label)); i++)
		if (!sip_trust_add(&s->trust, peer, label))
			die_perm("trusted_peers \"%s\": no address, network or host name", peer);
}

static void configure(struct server *s)
{
	const struct conf *c = frame_conf(s->frame);
	settings(s);
	s->answer_deadline = conf_int(c, "answer_deadline_message", NULL);
	struct sip_transaction_limits limits = sip_transaction_limits_default(s->answer_deadline);
	limits.count = (size_t)conf_int(c, "max_transactions", NULL);
	s->transactions = sip_transactions_new(&limits);
	connections_init(s, connections_allowed(c));
}

/* Sockets, the answer deadline and the sizes of the tables stay as they were at start; the certificate is read again.
 */
static void reload(struct frame *f, void *ctx)
{
	struct server *s = ctx;
	struct map_names *old = s->names;
	(void)f;
	sip_trust_free(&s->trust);
	s->trust = (struct sip_trust){0};
	settings(s);
	map_names_free(old);
	if (s->tls)
		tls_again(s);
}

static const struct frame_program program = {
	.name = "sip-listen",
	.summary = "Take SIP requests, hand them on as records, answer with what comes back.",
	.takes = takes,
	.options = options,
	.edge = true,
	.files = files,
	.metrics = server_metrics,
	.reload = reload,
	.measure = server_measure,
	.step = answer_record,
};

/* ---- the loop ---- */

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	((struct loop *)arg)->input_ready = true;
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg; /* the loop looks itself */
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void watch_input(struct loop *l)
{
	struct server *s = l->s;
	int fd = frame_fd(s->frame);
	l->signal = event_new(s->base, frame_signal_fd(s->frame), EV_READ | EV_PERSIST, on_signal, l);
	if (!l->signal || event_add(l->signal, NULL) != 0)
		die_temp("the event loop takes no signals");
	if (fd < 0) {
		l->input_end = true;
		return;
	}
	struct stat st;
	if (fd == 0 && fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); /* nothing but the event loop may wait */
	l->input = event_new(s->base, fd, EV_READ | EV_PERSIST, on_input, l);
	l->input_file = !l->input || event_add(l->input, NULL) != 0; /* a plain file is always ready */
	l->input_ready = fd != 0;
}

static void take_input(struct loop *l)
{
	struct server *s = l->s;
	if (l->input_end || !(l->input_ready || l->input_file || frame_timeout_ms(s->frame) == 0))
		return;
	int n = frame_dispatch(s->frame);
	l->input_ready = n > 0 && !isatty(frame_fd(s->frame)); /* there may be another batch */
	if (n >= 0)
		return;
	l->input_end = true;
	if (l->input)
		event_del(l->input);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* Until when nothing needs to be done unless a socket says so. */
static void wait_for_something(struct loop *l)
{
	struct server *s = l->s;
	int64_t due = sip_transactions_next(s->transactions), wait = due < 0 ? -1 : due > s->now ? due - s->now : 0;
	if (!l->input_end && frame_timeout_ms(s->frame) >= 0)
		wait = sooner(wait, (int64_t)frame_timeout_ms(s->frame) * 1000);
	int tick = frame_tick(s->frame);
	if (tick >= 0)
		wait = sooner(wait, (int64_t)tick * 1000);
	if (s->connections || s->accept_paused)
		wait = sooner(wait, SWEEP_US);
	if (!l->input_end && (l->input_file || l->input_ready))
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

static void send_all(struct server *s)
{
	connections_flush(s);
	datagrams_flush(s);
	log_flush();
}

static void turn(struct loop *l)
{
	struct server *s = l->s;
	wait_for_something(l);
	answer_commit(s);
	take_input(l);
	answer_due(s);
	if (s->now - l->swept >= SWEEP_US) {
		connections_sweep(s);
		l->swept = s->now;
	}
	send_all(s);
	frame_reload(s->frame);
}

/* What is decided is still told; what is not will be asked again. */
static void drain(struct loop *l)
{
	struct server *s = l->s;
	log_event(LOG_INFO, NULL, "stopping", NULL);
	answer_commit(s);
	if (!l->input_end && (l->input_ready || frame_fd(s->frame) != 0))
		frame_dispatch(s->frame);
	answer_due(s);
	send_all(s);
	for (int64_t end = s->now + DRAIN_US; connections_unsent(s) && s->now < end; s->now = clock_mono_us()) {
		usleep(10000);
		send_all(s);
	}
}

static void ready(struct server *s)
{
	if (s->ready_fd < 0)
		return;
	if (write(s->ready_fd, "\n", 1) != 1)
		die_temp("--ready-fd %d:", s->ready_fd);
	close(s->ready_fd);
}

static void release(struct loop *l)
{
	struct server *s = l->s;
	server_ended(s);
	connections_close(s);
	sockets_close(s);
	event_free(l->signal);
	if (l->input)
		event_free(l->input);
	event_free(s->tick);
	event_base_free(s->base);
	SSL_CTX_free(s->tls);
	sip_transactions_free(s->transactions);
	sip_trust_free(&s->trust);
	sip_message_free(&s->message);
	map_names_free(s->names);
	buf_free(&s->recipient);
	buf_free(&s->out);
	for (size_t i = 0; i < s->nlisten; i++)
		free(s->listen[i]);
	free(s->listen);
	free(s->waiting);
	free(s->parcel);
}

int main(int argc, char **argv)
{
	struct server s = {.ready_fd = -1};
	struct loop l = {.s = &s};
	sip_init();
	s.frame = frame_open(argc, argv, &program, &s);
	configure(&s);
	s.base = event_base_new();
	s.tick = s.base ? event_new(s.base, -1, 0, on_tick, NULL) : NULL;
	if (!s.tick)
		die_temp("no event loop");
	s.now = clock_mono_us();
	sockets_open(&s);
	watch_input(&l);
	ready(&s);
	frame_ready(s.frame);
	while (!frame_stopping(s.frame))
		turn(&l);
	drain(&l);
	release(&l);
	return frame_close(s.frame);
}
