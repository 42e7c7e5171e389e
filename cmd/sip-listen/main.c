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
#include <sys/stat.h>
#include <unistd.h>

enum { SPARE_DESCRIPTORS = 64, DRAIN_US = 1000000, SWEEP_US = 1000000 };

/* Where answers come from. */
struct input {
	struct server *s;
	struct event *event;
	bool ready, file, end;
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
	((struct server *)ctx)->ready_fd = listen_ready_option(value);
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
	int64_t want = conf_int(c, "max_connections", NULL), most = listen_descriptors();
	if (want + SPARE_DESCRIPTORS > most) {
		want = most > 2 * SPARE_DESCRIPTORS ? most - SPARE_DESCRIPTORS : SPARE_DESCRIPTORS;
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
	((struct input *)arg)->ready = true;
}

static void watch_input(struct input *in)
{
	struct server *s = in->s;
	int fd = frame_fd(s->frame);
	if (fd < 0) {
		in->end = true;
		return;
	}
	struct stat st;
	if (fd == 0 && fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); /* nothing but the event loop may wait */
	in->event = event_new(s->loop.base, fd, EV_READ | EV_PERSIST, on_input, in);
	in->file = !in->event || event_add(in->event, NULL) != 0; /* a plain file is always ready */
	in->ready = fd != 0;
}

static void take_input(struct input *in)
{
	struct server *s = in->s;
	if (in->end || !(in->ready || in->file || frame_timeout_ms(s->frame) == 0))
		return;
	int n = frame_dispatch(s->frame);
	in->ready = n > 0 && !isatty(frame_fd(s->frame)); /* there may be another batch */
	if (n >= 0)
		return;
	in->end = true;
	if (in->event)
		event_del(in->event);
}

/* Until when nothing needs to be done unless a socket says so. */
static void wait_for_something(struct input *in)
{
	struct server *s = in->s;
	int64_t due = sip_transactions_next(s->transactions), wait = due < 0 ? -1 : due > s->now ? due - s->now : 0;
	if (!in->end && frame_timeout_ms(s->frame) >= 0)
		wait = loop_sooner(wait, (int64_t)frame_timeout_ms(s->frame) * 1000);
	int tick = frame_tick(s->frame);
	if (tick >= 0)
		wait = loop_sooner(wait, (int64_t)tick * 1000);
	if (s->connections || s->accept_paused)
		wait = loop_sooner(wait, SWEEP_US);
	if (!in->end && (in->file || in->ready))
		wait = 0;
	loop_wait(&s->loop, wait);
	s->now = clock_mono_us();
	s->full_known = false;
}

static void send_all(struct server *s)
{
	streams_flush(&s->streams);
	datagrams_flush(s);
	log_flush();
}

static void turn(struct input *in)
{
	struct server *s = in->s;
	wait_for_something(in);
	answer_commit(s);
	take_input(in);
	answer_due(s);
	if (s->now - in->swept >= SWEEP_US) {
		connections_sweep(s);
		in->swept = s->now;
	}
	send_all(s);
	frame_reload(s->frame);
}

/* What is decided is still told; what is not will be asked again. */
static void drain(struct input *in)
{
	struct server *s = in->s;
	log_event(LOG_INFO, NULL, "stopping", NULL);
	answer_commit(s);
	if (!in->end && (in->ready || frame_fd(s->frame) != 0))
		frame_dispatch(s->frame);
	answer_due(s);
	send_all(s);
	for (int64_t end = s->now + DRAIN_US; connections_unsent(s) && s->now < end; s->now = clock_mono_us()) {
		usleep(10000);
		send_all(s);
	}
}

static void release(struct input *in)
{
	struct server *s = in->s;
	server_ended(s);
	connections_close(s);
	sockets_close(s);
	if (in->event)
		event_free(in->event);
	loop_close(&s->loop);
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
	struct input in = {.s = &s};
	sip_init();
	s.frame = frame_open(argc, argv, &program, &s);
	configure(&s);
	loop_open(&s.loop, frame_signal_fd(s.frame));
	s.streams = (struct streams){.loop = &s.loop, .ops = &connection_ops, .now = &s.now};
	s.now = clock_mono_us();
	sockets_open(&s);
	watch_input(&in);
	listen_ready(s.ready_fd);
	frame_ready(s.frame);
	while (!frame_stopping(s.frame))
		turn(&in);
	drain(&in);
	release(&in);
	return frame_close(s.frame);
}
