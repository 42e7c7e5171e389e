/*
 * loop.h - the event loop of an edge: sockets, a time to wait at most, a descriptor that tells of signals.
 *
 * An edge's turn is: loop_wait(), which calls what the sockets bring, then commit, answer and send what came of it.
 * Ownership: a struct loop owns its events but for those of loop_watch(), which their owner frees.
 */
#ifndef CPMAIL_NET_LOOP_H
#define CPMAIL_NET_LOOP_H

#include <event2/event.h>
#include <stdint.h>

struct loop {
	struct event_base *base;
	struct event *tick, *signal;
};

/* signal_fd: readable when the loop shall return; nothing is read from it. Ends the program where there is no loop. */
void loop_open(struct loop *l, int signal_fd);
void loop_close(struct loop *l);
/* Call f whenever fd is readable. Ends the program where it cannot be watched. */
struct event *loop_watch(struct loop *l, int fd, event_callback_fn f, void *ctx);
/* Until something has happened, for at most us microseconds, < 0: for ever. */
void loop_wait(struct loop *l, int64_t us);
/* The sooner of two times to wait, < 0: for ever. */
int64_t loop_sooner(int64_t a, int64_t b);

#endif
