/*
 * smtp-send - mail.out in, mail out by the engine of its route, mail.result out.
 */
#include "send.h"

#include "base/clock.h"
#include "base/log.h"
#include "mail/seven.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static void set_host(void *ctx, const char *value)
{
	((struct send *)ctx)->host_option = value;
}

static void set_maildir(void *ctx, const char *value)
{
	((struct send *)ctx)->maildir_option = value;
}

static void set_timeout(void *ctx, const char *value)
{
	char *end;
	long n = strtol(value, &end, 10);
	if (*end || end == value || n < 1 || n > 3600)
		die_perm("--timeout %s: not 1 to 3600 seconds", value);
	((struct send *)ctx)->timeout_s = (int)n;
}

static void set_engine(void *ctx, const char *value)
{
	struct send *s = ctx;
	s->engine_option = smtp_engine_find(value);
	if (!s->engine_option || s->engine_option == &smtp_maildir)
		die_perm("--engine %s: not direct or submit", value);
}

static void set_lane(void *ctx, const char *value)
{
	struct send *s = ctx;
	if (strcmp(value, "main") == 0)
		s->lane = LANE_MAIN;
	else if (strcmp(value, "slow") == 0)
		s->lane = LANE_SLOW;
	else
		die_perm("--lane %s: not main or slow", value);
}

static void print_engines(void *ctx, const char *value)
{
	struct buf table = {0};
	(void)ctx, (void)value;
	smtp_engine_table(&table);
	bool good = fputs(buf_str(&table), stdout) >= 0 && fflush(stdout) == 0;
	buf_free(&table);
	exit(good ? 0 : EXIT_TEMP);
}

/* Asked often while an engine is at work: the watchdog hears that we are alive. */
static bool stopping(void *ctx)
{
	struct send *s = ctx;
	frame_alive(s->frame);
	return frame_stopping(s->frame);
}

static int seven_bit(const struct smtp_body *body, const char **why)
{
	return mail_seven_bit(body->p, body->n, body->fd, why);
}

/* An answer was read: it must survive our death, else the mail would be sent again. */
static void decided(struct smtp_mail *m, void *ctx)
{
	struct parcel *p = m->data;
	struct buf note = {0};
	(void)ctx;
	parcel_note(p, &note);
	item_note(p->item, buf_str(&note));
	buf_free(&note);
}

/* A batch may hold a thousand mails that are blobs, each an open file. */
static void raise_file_limit(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max < 16384 ? r.rlim_max : 16384;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void start(struct frame *f, void *ctx)
{
	struct send *s = ctx;
	const char *user;
	raise_file_limit();
	s->conf = frame_conf(f);
	s->ca_file = conf_file(s->conf, "tls_ca");
	s->settings = (struct smtp_settings){.hostname = conf_str(s->conf, "gateway", NULL),
					     .ca_file = s->ca_file,
					     .timeout_s = s->timeout_s,
					     .seven_bit = seven_bit,
					     .decided = decided,
					     .idle_s = (int)conf_int(s->conf, "smtp_idle", NULL),
					     .connections = (int)conf_int(s->conf, "smtp_connections", NULL),
					     .connections_per_host =
						     (int)conf_int(s->conf, "smtp_connections_per_host", NULL),
					     .stopping = stopping,
					     .ctx = s};
	if (s->lane == LANE_MAIN)
		s->settings.patience_ms = (int)conf_int(s->conf, "smtp_patience", NULL) * 1000;
	s->frame = f;
	user = conf_item(s->conf, "smarthost_auth", 0, NULL);
	if (user) {
		s->user = xstrdup(user);
		s->password = conf_secret(s->conf, "smarthost_auth");
	}
	if (s->host_option && s->maildir_option)
		die_perm("-h and -m exclude each other");
	if (s->host_option || s->maildir_option) {
		s->fixed = route_fixed(s, false);
		s->fixed_tls = route_fixed(s, true);
	}
}

/* Engines are opened when the first mail needs them: TLS and its certificates cost time. */
static void *engine_state(struct send *s, const struct smtp_engine *e)
{
	size_t i = 0;
	while (s->engines[i].engine && s->engines[i].engine != e)
		i++;
	if (!s->engines[i].engine) {
		s->engines[i].engine = e;
		s->engines[i].state = e->open(&s->settings);
	}
	return s->engines[i].state;
}

static bool to_be_given(const struct parcel *p)
{
	return p->route && !p->bad && !p->given && (smtp_mail_open(&p->mail) || p->mail.session_ends);
}

/* Everything that goes the way of the first parcel that is not on its way yet. */
static void deliver_group(struct send *s, struct parcel *parcels, size_t n, size_t first)
{
	struct smtp_mail **mails = xcalloc(n - first, sizeof(*mails));
	struct route *r = parcels[first].route;
	size_t count = 0;
	for (size_t i = first; i < n; i++)
		if (to_be_given(&parcels[i]) && (parcels[i].route == r || strcmp(parcels[i].route->key, r->key) == 0))
			mails[count++] = &parcels[i].mail;
	for (size_t i = 0; i < count; i++)
		((struct parcel *)mails[i]->data)->given = true;
	/* The library waits inside its calls, for up to ten minutes behind the final dot (RFC 5321 4.5.3.2.6). */
	if (!r->engine->finish)
		frame_patience(parcels[first].item->frame, s->timeout_s ? 2 * s->timeout_s + 30 : 660);
	r->engine->deliver(engine_state(s, r->engine), &r->smtp, mails, count);
	parcels[first].group = mails;
}

/* Engines that do many things at once begin when all is handed over. */
static void finish(struct send *s)
{
	for (size_t i = 0; i < sizeof(s->engines) / sizeof(s->engines[0]); i++)
		if (s->engines[i].engine && s->engines[i].engine->finish)
			s->engines[i].engine->finish(s->engines[i].state);
}

static void batch(struct frame_item *items, size_t n, void *ctx)
{
	struct send *s = ctx;
	struct parcel *parcels = xcalloc(n ? n : 1, sizeof(*parcels));
	s->batch_mono_us = clock_mono_us();
	for (size_t i = 0; i < n; i++)
		parcel_open(s, &parcels[i], &items[i]);
	for (size_t i = 0; i < n; i++)
		if (to_be_given(&parcels[i]))
			deliver_group(s, parcels, n, i);
	finish(s);
	for (size_t i = 0; i < n; i++) {
		if (!parcels[i].bad)
			parcel_conclude(s, &parcels[i]);
		parcel_free(&parcels[i]);
	}
	free(parcels);
}

static int idle(struct frame *f, void *ctx)
{
	struct send *s = ctx;
	int soonest = -1;
	(void)f;
	for (size_t i = 0; i < sizeof(s->engines) / sizeof(s->engines[0]); i++) {
		bool keeps = s->engines[i].engine && s->engines[i].engine->idle;
		int ms = keeps ? s->engines[i].engine->idle(s->engines[i].state) : -1;
		if (ms >= 0 && (soonest < 0 || ms < soonest))
			soonest = ms;
	}
	return soonest;
}

static void stop(struct frame *f, void *ctx)
{
	struct send *s = ctx;
	(void)f;
	for (size_t i = 0; i < sizeof(s->engines) / sizeof(s->engines[0]); i++)
		if (s->engines[i].engine)
			s->engines[i].engine->close(s->engines[i].state);
	route_free(s->fixed);
	route_free(s->fixed_tls);
	free(s->ca_file);
	free(s->user);
	if (s->password)
		explicit_bzero(s->password, strlen(s->password));
	free(s->password);
}

static void reload(struct frame *f, void *ctx)
{
	const struct send *old = ctx;
	struct send fresh = {.host_option = old->host_option,
			     .maildir_option = old->maildir_option,
			     .timeout_s = old->timeout_s,
			     .engine_option = old->engine_option,
			     .lane = old->lane};
	stop(f, ctx);
	*(struct send *)ctx = fresh;
	start(f, ctx);
}

int main(int argc, char **argv)
{
	static const char *const takes[] = {"mail.out", "mail.out.routed", NULL};
	static const char *const files[] = {"smarthost_auth", "tls_ca", NULL};
	static const struct frame_option options[] = {
		{"host", 'h', "HOST[:PORT]", "send everything to this mail server, whatever the route says", set_host},
		{"maildir", 'm', "DIR", "write everything into this Maildir, whatever the route says", set_maildir},
		{"timeout", 't', "SECONDS", "most for any single wait for the server; default: those of RFC 5321",
		 set_timeout},
		{"engine", 'e', "NAME", "use this engine for every mail server: direct or submit", set_engine},
		{"engines", 0, NULL, "print what each engine can, and end", print_engines},
		{"lane", 0, "NAME", "main: hand slow destinations on (-o mail.out=QUEUE); slow: be their lane",
		 set_lane},
		{0},
	};
	static const struct frame_program program = {
		.name = "smtp-send",
		.summary = "send mails (mail.out) and tell what came of them (mail.result)",
		.takes = takes,
		.options = options,
		.effects = true,
		.start = start,
		.batch = batch,
		.files = files,
		.metrics = send_metrics,
		.reload = reload,
		.idle = idle,
		.stop = stop,
	};
	static struct send s;
	return frame_run(argc, argv, &program, &s);
}
