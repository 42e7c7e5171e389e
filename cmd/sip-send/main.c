/*
 * sip-send - sip.send in, requests out to the targets of their routes, sip.result out.
 */
#include "send.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

enum { TURN_MS = 100, IDLE_MS = 20 };

static void start(struct frame *f, void *ctx)
{
	struct send *s = ctx;
	static const struct wires_hooks hooks = {.received = tasks_received, .lost = tasks_lost, .progress = tasks_progress};
	struct wires_hooks mine = hooks;
	mine.ctx = s;
	mine.seen = frame_hep(f) ? send_seen : NULL;
	sip_init();
	s->frame = f;
	s->conf = frame_conf(f);
	s->patient = !frame_has_queue(f);
	s->wires = wires_open(s->conf, &mine);
	s->clients = sip_clients_new();
}

/* What is still under way when its patience is over goes on; its record comes back for the answer. */
static void come_back(struct task *t)
{
	struct frame_item *it = t->item;
	t->item = NULL;
	record_set_int(it->in->member, "asking", record_int(it->in->member, "asking", 0) + 1);
	item_defer(it, clock_real_us() + COME_BACK_US, "4.4.1", "%s has not answered yet", t->uri);
}

/* Behind one that is to be tried again: until that minute is over. */
static void hold_up(struct send *s, struct task *t)
{
	struct frame_item *it = t->item;
	int64_t until = t->lane->blocked_until;
	record_set_int(it->in->member, "asking", record_int(it->in->member, "asking", 0) + 1);
	item_defer(it, until * 1000, "4.2.0", "behind another message to %s", t->uri);
	lane_leave(s, t);
	s->under_way--;
	task_free(s, t);
}

/* The batch waits for what it began itself; what an earlier one began has a second of its own already. */
static void wait_for_answers(struct send *s)
{
	int64_t end = clock_mono_us() + PATIENCE_MS * 1000;
	while (s->patient ? s->under_way > 0 : s->wanted > 0 && clock_mono_us() < end) {
		tasks_run(s, TURN_MS);
		frame_alive(s->frame);
		if (frame_stopping(s->frame))
			break;
	}
	s->wanted = 0;
}

static void batch(struct frame_item *items, size_t n, void *ctx)
{
	struct send *s = ctx;
	struct task **tasks = xcalloc(n, sizeof *tasks);
	tasks_run(s, 0); /* what came in meanwhile */
	for (size_t i = 0; i < n; i++)
		tasks[i] = task_of(s, &items[i]);
	wait_for_answers(s);
	for (size_t i = 0; i < n; i++) {
		struct task *t = tasks[i];
		if (!t)
			continue;
		t->fresh = false;
		if (t->state == TASK_DONE && !t->ready) {
			task_conclude(s, t);
			task_free(s, t);
		} else if (t->state == TASK_WAITS && !t->ready && t->lane->blocked_until > clock_real_us() / 1000) {
			hold_up(s, t);
		} else {
			come_back(t);
		}
	}
	free(tasks);
}

static int idle(struct frame *f, void *ctx)
{
	struct send *s = ctx;
	(void)f;
	tasks_run(s, 0);
	tasks_sweep(s);
	lanes_sweep(s, clock_real_us() / 1000);
	if (s->under_way)
		return tasks_wait(s, IDLE_MS);
	return wires_busy(s->wires) ? 1000 : -1;
}

static void stop(struct frame *f, void *ctx)
{
	struct send *s = ctx;
	(void)f;
	tasks_end(s);
	quirks_end(s);
	wires_close(s->wires);
	sip_clients_free(s->clients);
	sip_message_free(&s->response);
	auth_forget(s);
}

static void reload(struct frame *f, void *ctx)
{
	stop(f, ctx);
	*(struct send *)ctx = (struct send){0};
	start(f, ctx);
}

int main(int argc, char **argv)
{
	static const char *const takes[] = {"sip.send", "sip.send.routed", NULL};
	static const char *const files[] = {"sip_auth", "tls_cert", "tls_key", "tls_ca", NULL};
	static const struct frame_program program = {
		.name = "sip-send",
		.summary = "send SIP requests (sip.send) and tell what came of them (sip.result)",
		.takes = takes,
		.schema = quirks_schema,
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
