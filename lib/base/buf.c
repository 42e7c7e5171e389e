#include "base/buf.h"
#include "base/log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);
	if (!p)
		die_temp("out of memory");
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);
	if (!p)
		die_temp("out of memory");
	return p;
}

void *xcalloc_present(size_t n, size_t size)
{
	char *p = xcalloc(n, size);
#ifdef MADV_POPULATE_WRITE
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)p + page - 1) / page * page,
		  to = ((uintptr_t)p + n * size) / page * page;
	if (to > from)
		(void)madvise(p + (from - (uintptr_t)p), to - from, MADV_POPULATE_WRITE); /* an older kernel: as ever */
#endif
	return p;
}

void *xrealloc(void *old, size_t n)
{
	void *p = realloc(old, n ? n : 1);
	if (!p)
		die_temp("out of memory");
	return p;
}

char *xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(xmalloc(n), s, n);
}

char *xasprintf(const char *fmt, ...)
{
	char *s;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		die_temp("out of memory");
	return s;
}

char *buf_room(struct buf *b, size_t n)
{
	if (b->cap < b->n + n + 1) {
		size_t cap = b->cap ? b->cap : 64;
		while (cap < b->n + n + 1)
			cap *= 2;
		b->p = xrealloc(b->p, cap);
		b->cap = cap;
	}
	return b->p + b->n;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	char *to = buf_room(b, n);
	if (n)
		memcpy(to, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_slice(struct buf *b, struct slice s)
{
	buf_put(b, s.p, s.n);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	enum { LIKELY = 64 }; /* most are short: written at the first try */
	va_list again;
	va_copy(again, ap);
	char *to = buf_room(b, LIKELY);
	size_t room = b->cap - b->n;
	int n = vsnprintf(to, room, fmt, ap);
	if (n > 0 && (size_t)n >= room)
		vsnprintf(buf_room(b, (size_t)n), (size_t)n + 1, fmt, again);
	if (n > 0)
		b->n += (size_t)n;
	else
		to[0] = '\0';
	va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = '\0';
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.n && blank(s.p[0]))
		s.p++, s.n--;
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct slice slice_cut(struct slice *s, char c, bool *more)
{
	const char *at = s->n ? memchr(s->p, c, s->n) : NULL;
	struct slice head = *s;
	*more = at != NULL;
	if (at) {
		head.n = (size_t)(at - s->p);
		s->p = at + 1;
		s->n -= head.n + 1;
	} else if (s->n) {
		s->p += s->n;
		s->n = 0;
	}
	return head;
}

char *slice_dup(struct slice s)
{
	char *p = xmalloc(s.n + 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}
