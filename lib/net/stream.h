/*
 * stream.h - connections of an edge: octets in as they come, octets out at the end of a turn of the loop.
 *
 * A struct stream is a member of what its owner keeps of a connection. The owner reads by stream_read() when it is told
 * to, appends what it has to say to a buffer of its own and marks the stream with stream_mark(); streams_flush() sends
 * what all of them say. Ownership: a stream owns descriptor, TLS state and events, the owner the rest.
 */
#ifndef CPMAIL_NET_STREAM_H
#define CPMAIL_NET_STREAM_H

#include "base/buf.h"
#include "net/loop.h"
#include "net/octets.h"

#include <stdint.h>

enum { STREAM_READ = 16 << 10 }; /* octets that are worth a system call */

struct stream;

/* What the owner is asked; owner: as given to stream_open(). Where the owner may end the connection it says so. */
struct stream_ops {
	/* Octets may be there, or the handshake can go on; may end it. */
	void (*readable)(void *owner);
	/* All is sent; false: it was ended. */
	bool (*sent)(void *owner);
	/* More is wanted from the peer. */
	bool (*wants_input)(const void *owner);
	/* It cannot be used any more: the owner ends it. */
	void (*lost)(void *owner, const char *why);
};

/* Those of one server. */
struct streams {
	struct loop *loop;
	const struct stream_ops *ops;
	int64_t *now;	       /* monotonic us of the turn, kept by the owner, renewed at each event */
	struct stream *marked; /* have something to send */
};

struct stream {
	struct streams *all;
	struct octets octets;
	struct event *readable, *writable;
	struct buf *out;
	void *owner;
	struct stream *next_marked;
	bool marked;
	bool connecting;  /* out of our own; nothing is sent before it is through */
	int64_t progress; /* monotonic us: octets moved */
};

/* Take over the connected (connecting: not yet) descriptor; it is read once stream_listen() says so. */
void stream_open(struct stream *st, struct streams *all, int fd, bool connecting, struct buf *out, void *owner);
void stream_close(struct stream *st);
/* As octets_read(), which the loop goes on with when it can. */
ssize_t stream_read(struct stream *st, char *p, size_t n);
/* As octets_handshake(). */
int stream_handshake(struct stream *st);
void stream_listen(struct stream *st, bool wanted);
/* Call readable() even if nothing comes: what is there already was not looked at. */
void stream_again(struct stream *st);
/* It has something to send, or its state has changed: looked at by the next streams_flush(). */
void stream_mark(struct stream *st);
/* Send what is there, and listen or not as the owner wants. */
void streams_flush(struct streams *all);

#endif
