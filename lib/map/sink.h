/*
 * sink.h - where a finished mail goes: memory while it is small, a blob from RECORD_INLINE_MAX octets on; and how a map
 * reaches blobs at all.
 *
 * Ownership: a struct sink owns its buffer and its blob until sink_finish() hands them out as a body object, or
 * sink_drop() forgets them.
 */
#ifndef CPMAIL_MAP_SINK_H
#define CPMAIL_MAP_SINK_H

#include "record/record.h"

/* Blobs, as the program that runs the map has them. NULL functions: there are none. */
struct map_io {
	void *ctx;
	int (*open)(void *ctx, const json_t *body); /* a descriptor to be closed by the caller, -1 with errno */
	void *(*create)(void *ctx);		    /* NULL with errno */
	int (*write)(void *blob, const void *p, size_t n);
	json_t *(*finish)(void *blob, const char *type);
	void (*abort)(void *blob);
};

struct sink {
	const struct map_io *io;
	struct buf memory; /* all of it, or what is not yet in the blob */
	void *blob;
	int64_t size;
	int error; /* errno of the first failure; nothing is written after it */
};

void sink_put(struct sink *s, const void *p, size_t n);
void sink_puts(struct sink *s, const char *text);
void sink_buf(struct sink *s, const struct buf *b);
/* The body object of what was put; NULL if something failed (error says what). */
json_t *sink_finish(struct sink *s, const char *type);
void sink_drop(struct sink *s);

#endif
