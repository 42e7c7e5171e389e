/*
 * buf.h - growable octet strings and slices.
 *
 * Ownership: a struct buf owns its octets; a zeroed one is valid and empty; buf_free() makes it so again.
 * A struct slice owns nothing: it points into something that lives longer.
 * Memory: allocation failure ends the process with status 111 (the environment's fault, try again).
 */
#ifndef CPMAIL_BUF_H
#define CPMAIL_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct buf {
	char *p; /* always NUL-terminated behind n octets once something was put; NULL when fresh */
	size_t n;
	size_t cap;
};

struct slice {
	const char *p;
	size_t n;
};

#define SLICE(lit) ((struct slice){"" lit, sizeof(lit) - 1})

static inline struct slice slice_of(const char *s)
{
	return (struct slice){s, s ? strlen(s) : 0};
}
static inline struct slice slice_buf(const struct buf *b)
{
	return (struct slice){b->p ? b->p : "", b->n};
}
static inline bool slice_eq(struct slice a, const char *s)
{
	size_t n = strlen(s);
	return a.n == n && memcmp(a.p, s, n) == 0;
}
/* ASCII case-insensitive comparison. */
static inline bool slice_ieq(struct slice a, const char *s)
{
	size_t n = strlen(s);
	return a.n == n && strncasecmp(a.p, s, n) == 0;
}
static inline bool slice_istarts(struct slice a, const char *s)
{
	size_t n = strlen(s);
	return a.n >= n && strncasecmp(a.p, s, n) == 0;
}
/* The slice without leading and trailing SP, HTAB, CR, LF. */
struct slice slice_trim(struct slice s);
/* Cut s at the first c: returns what stands before it, leaves what follows in *s (empty if there is none: *more=false). */
struct slice slice_cut(struct slice *s, char c, bool *more);
/* A NUL-terminated copy; the caller frees it. */
char *slice_dup(struct slice s);

void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_slice(struct buf *b, struct slice s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Room for n more octets behind the end; returns where they go (then add to b->n what was written). */
char *buf_room(struct buf *b, size_t n);
static inline void buf_putc(struct buf *b, char c)
{
	if (b->n + 1 < b->cap) {
		b->p[b->n++] = c;
		b->p[b->n] = '\0';
	} else {
		buf_put(b, &c, 1);
	}
}
/* Forget the contents, keep the memory. */
void buf_clear(struct buf *b);
void buf_free(struct buf *b);
/* The NUL-terminated contents, "" if empty; owned by b. */
static inline const char *buf_str(const struct buf *b)
{
	return b->p ? b->p : "";
}

/* malloc, realloc, strdup that never return NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
/* xcalloc for a table whose entries are hit at random: its pages are there from the start, so that a message that comes
 * alone does not wait for the two page faults that the first use of each page costs. */
void *xcalloc_present(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
