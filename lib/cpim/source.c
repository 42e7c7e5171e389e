#include "cpim/mime.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void source_memory(struct source *s, struct slice octets)
{
	*s = (struct source){.memory = octets.p ? octets.p : "", .fd = -1, .size = (int64_t)octets.n};
}

void source_file(struct source *s, int fd, int64_t size)
{
	*s = (struct source){.fd = fd, .size = size};
}

void source_end(struct source *s)
{
	free(s->window);
	s->window = NULL;
	s->n = 0;
}

static void fill(struct source *s, int64_t off)
{
	if (!s->window)
		s->window = xmalloc(SOURCE_WINDOW);
	s->at = off;
	s->n = 0;
	while (s->n < SOURCE_WINDOW && off + (int64_t)s->n < s->size) {
		ssize_t r = pread(s->fd, s->window + s->n, SOURCE_WINDOW - s->n, off + (int64_t)s->n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) { /* a file shorter than its record says is as bad as one that cannot be read */
			s->error = r < 0 ? errno : EIO;
			return;
		}
		s->n += (size_t)r;
	}
}

struct slice source_at(struct source *s, int64_t off, size_t max)
{
	if (off < 0 || off >= s->size || s->error)
		return (struct slice){"", 0};
	if ((int64_t)max > s->size - off)
		max = (size_t)(s->size - off);
	if (s->memory)
		return (struct slice){s->memory + off, max};
	if (max > SOURCE_WINDOW)
		max = SOURCE_WINDOW;
	if (off < s->at || off + (int64_t)max > s->at + (int64_t)s->n)
		fill(s, off);
	size_t skip = (size_t)(off - s->at);
	size_t have = s->n > skip ? s->n - skip : 0;
	return (struct slice){s->window + skip, have < max ? have : max};
}
