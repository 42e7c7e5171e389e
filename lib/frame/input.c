#include "frame/private.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_SIZE = 256 << 10 };

/* What is left of the lines handed out last time moves to the front. */
static void keep_rest(struct frame *f)
{
	if (!f->in_done)
		return;
	memmove(f->in.p, f->in.p + f->in_done, f->in.n - f->in_done);
	f->in.n -= f->in_done;
	f->in_done = 0;
}

static bool wait_readable(struct frame *f)
{
	struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.fd = f->signal_fd, .events = POLLIN}};
	while (poll(p, 2, frame_wait_ms(f, -1)) < 0)
		if (errno != EINTR)
			die_temp("poll:");
	return p[0].revents != 0;
}

static void read_more(struct frame *f)
{
	char *to = buf_room(&f->in, READ_SIZE);
	ssize_t n = read(0, to, READ_SIZE);
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		die_temp("standard input:");
	if (n == 0)
		f->in_end = true;
	if (n > 0)
		f->in.n += (size_t)n;
	f->in.p[f->in.n] = '\0';
}

static void add_line(struct frame *f, size_t *count, char *p, size_t n, bool whole)
{
	if (*count == f->room) {
		f->room = f->room ? f->room * 2 : 256;
		f->line = xrealloc(f->line, f->room * sizeof *f->line);
	}
	p[n] = '\0';
	f->line[(*count)++] = (struct spool_line){.p = p, .n = n, .batch = "", .kills = whole ? 0 : LINE_CUT};
}

/* Cut whole lines out of what was read; an overlong one is handed out cut (and refused by the parser), its rest skipped. */
static size_t cut_lines(struct frame *f)
{
	size_t count = 0, at = 0;
	while (at < f->in.n && count < SPOOL_BATCH_RECORDS) {
		char *start = f->in.p + at, *lf = memchr(start, '\n', f->in.n - at);
		size_t n = lf ? (size_t)(lf - start) : f->in.n - at;
		if (!lf && !f->in_end && n <= RECORD_LINE_MAX)
			break;
		if (f->in_skip)
			f->in_skip = !lf;
		else if (lf && n)
			add_line(f, &count, start, n, true);
		else if (!lf) { /* too long, or the input ends inside it: what was cut off is no record */
			f->in_skip = !f->in_end;
			add_line(f, &count, start, n, false);
		}
		at += n + (lf ? 1 : 0);
	}
	f->in_done = at;
	return count;
}

int frame_read_lines(struct frame *f, struct spool_line **lines, bool wait)
{
	for (;;) {
		keep_rest(f);
		size_t count = cut_lines(f);
		*lines = f->line;
		if (count)
			return (int)count;
		if (f->in_end)
			return -1;
		if (wait && !wait_readable(f))
			return 0;
		keep_rest(f);
		read_more(f);
		if (!wait && !memchr(buf_str(&f->in), '\n', f->in.n) && !f->in_end && f->in.n <= RECORD_LINE_MAX)
			return 0;
	}
}
