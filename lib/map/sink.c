#include "map/sink.h"

#include <errno.h>

static void fail(struct sink *s)
{
	s->error = errno ? errno : EIO;
}

static void spill(struct sink *s)
{
	errno = 0;
	if (!s->blob) {
		if (!s->io || !s->io->create) {
			s->error = EFBIG;
			return;
		}
		s->blob = s->io->create(s->io->ctx);
	}
	if (!s->blob || s->io->write(s->blob, s->memory.p, s->memory.n) != 0)
		fail(s);
	buf_clear(&s->memory);
}

void sink_put(struct sink *s, const void *p, size_t n)
{
	if (s->error || !n)
		return;
	s->size += (int64_t)n;
	buf_put(&s->memory, p, n);
	if (s->memory.n > RECORD_INLINE_MAX)
		spill(s);
}

void sink_puts(struct sink *s, const char *text)
{
	sink_put(s, text, strlen(text));
}

void sink_buf(struct sink *s, const struct buf *b)
{
	sink_put(s, b->p, b->n);
}

json_t *sink_finish(struct sink *s, const char *type)
{
	json_t *body = NULL;
	if (!s->error && s->blob) {
		spill(s);
		if (!s->error) {
			errno = 0;
			body = s->io->finish(s->blob, type);
			s->blob = NULL;
			if (!body)
				fail(s);
		}
	} else if (!s->error) {
		body = record_body_inline(type, buf_str(&s->memory), s->memory.n);
	}
	sink_drop(s);
	return body;
}

void sink_drop(struct sink *s)
{
	if (s->blob)
		s->io->abort(s->blob);
	s->blob = NULL;
	buf_free(&s->memory);
}
