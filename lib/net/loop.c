#include "net/loop.h"
#include "base/log.h"

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg; /* the turn looks itself */
}

/* Milliseconds count here: by its coarse clock the loop would come back up to 4 ms late, in turns of 1 ms each. */
static struct event_base *base_new(void)
{
	struct event_config *c = event_config_new();
	struct event_base *b = NULL;
	if (c && event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		b = event_base_new_with_config(c);
	if (c)
		event_config_free(c);
	return b;
}

void loop_open(struct loop *l, int signal_fd)
{
	l->base = base_new();
	l->tick = l->base ? event_new(l->base, -1, 0, on_event, NULL) : NULL;
	if (!l->tick)
		die_temp("no event loop");
	l->signal = loop_watch(l, signal_fd, on_event, NULL);
}

void loop_close(struct loop *l)
{
	event_free(l->signal);
	event_free(l->tick);
	event_base_free(l->base);
}

struct event *loop_watch(struct loop *l, int fd, event_callback_fn f, void *ctx)
{
	struct event *e = event_new(l->base, fd, EV_READ | EV_PERSIST, f, ctx);
	if (!e || event_add(e, NULL) != 0)
		die_temp("the event loop takes no descriptor:");
	return e;
}

void loop_wait(struct loop *l, int64_t us)
{
	event_del(l->tick);
	if (us >= 0) {
		struct timeval tv = {us / 1000000, us % 1000000};
		event_add(l->tick, &tv);
	}
	if (event_base_loop(l->base, EVLOOP_ONCE) < 0)
		die_temp("the event loop failed");
}

int64_t loop_sooner(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}
