#include "cpim/mime.h"

enum {
	DELIMITER_MAX = 2 + MIME_BOUNDARY_MAX,
	TRAIL_MAX = 80 /* close dashes, blanks and line end behind a delimiter */
};

struct split {
	struct span whole;
	struct span *parts;
	int n, max;
	int64_t open; /* where the part under way starts, -1: none is */
	bool closed;
};

/* What follows a delimiter, at most to its line end: *skip octets; *last: it is the close delimiter. false: it is
 * another text. */
static bool trail(struct slice s, bool at_end, size_t *skip, bool *last)
{
	size_t i = 0;
	*last = s.n >= 2 && s.p[0] == '-' && s.p[1] == '-';
	if (*last)
		i = 2;
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	if (i == s.n) {
		*skip = i;
		return at_end;
	}
	if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
		i++;
	if (s.p[i] != '\n' && !(*last && s.p[i] == '\r'))
		return false;
	*skip = i + 1;
	return true;
}

/* A delimiter starts at at, its line's content goes on behind it at next; before: the two octets in front of it. */
static bool delimiter(struct split *sp, int64_t at, int64_t next, struct slice before, bool last)
{
	if (sp->open >= 0) {
		int64_t end = at;
		if (end > sp->open && before.n && before.p[before.n - 1] == '\n')
			end--;
		if (end > sp->open && before.n > 1 && before.p[before.n - 2] == '\r')
			end--;
		if (sp->n == sp->max)
			return false;
		sp->parts[sp->n++] = (struct span){sp->open, end};
	}
	sp->open = last ? -1 : next;
	sp->closed = last;
	return true;
}

/* All delimiters that start in w (which lies at off); *done: how far w was looked through. */
static bool scan(struct split *sp, struct slice w, int64_t off, struct slice mark, bool at_end, size_t *done)
{
	size_t i = 0;
	while (!sp->closed && i + mark.n <= w.n) {
		const char *hit = memmem(w.p + i, w.n - i, mark.p, mark.n);
		if (!hit)
			break;
		size_t at = (size_t)(hit - w.p), skip;
		if (!at_end && at + mark.n + TRAIL_MAX > w.n) { /* its line may go on behind the window */
			*done = at;
			return true;
		}
		bool last;
		struct slice rest = {hit + mark.n, w.n - at - mark.n};
		if (rest.n > TRAIL_MAX)
			rest.n = TRAIL_MAX;
		bool starts = off + (int64_t)at == sp->whole.from || (at > 0 && hit[-1] == '\n');
		if (starts && trail(rest, at_end && rest.n < TRAIL_MAX, &skip, &last)) {
			size_t nbefore = at < 2 ? at : 2;
			if (!delimiter(sp, off + (int64_t)at, off + (int64_t)(at + mark.n + skip),
				       (struct slice){hit - nbefore, nbefore}, last))
				return false;
			i = at + mark.n + skip;
		} else {
			i = at + 1;
		}
	}
	*done = w.n > mark.n ? w.n - mark.n : 0;
	if (*done < i)
		*done = i;
	return true;
}

int multipart_split(struct source *s, struct span whole, struct slice boundary, struct span *parts, int max)
{
	char text[DELIMITER_MAX] = "--";
	if (!boundary.n || boundary.n > MIME_BOUNDARY_MAX)
		return -1;
	memcpy(text + 2, boundary.p, boundary.n);
	struct slice mark = {text, boundary.n + 2};
	struct split sp = {.whole = whole, .parts = parts, .max = max, .open = -1};
	for (int64_t at = whole.from; at < whole.to && !sp.closed;) {
		int64_t back =
			at - whole.from < 2 ? at - whole.from : 2; /* the line end in front is looked at as well */
		size_t want = whole.to - at + back > SOURCE_WINDOW ? SOURCE_WINDOW : (size_t)(whole.to - at + back);
		struct slice w = source_at(s, at - back, want);
		size_t done;
		bool at_end = at - back + (int64_t)w.n >= whole.to;
		if (s->error || !w.n || !scan(&sp, w, at - back, mark, at_end, &done))
			return -1;
		if (at_end)
			break;
		at += (int64_t)done - back;
	}
	if (sp.open >= 0 && !delimiter(&sp, whole.to, whole.to, (struct slice){"", 0}, true))
		return -1;
	return sp.n;
}
