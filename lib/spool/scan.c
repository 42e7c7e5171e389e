#include "spool/scan.h"

#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void room(struct scan *s)
{
	if (s->n < s->cap)
		return;
	if (s->head) {
		memmove(s->v, s->v + s->head, (s->n - s->head) * sizeof *s->v);
		s->n -= s->head;
		s->head = 0;
		if (s->n < s->cap - s->cap / 4)
			return;
	}
	s->cap = s->cap ? s->cap * 2 : 64;
	s->v = xrealloc(s->v, s->cap * sizeof *s->v);
}

struct reading {
	struct scan *scan;
	bool (*valid)(void *ctx, const char *name);
	void *ctx;
};

/* While reading, v is a heap with the largest name on top as soon as it is full. */
static void sift_down(struct scan *s, size_t i)
{
	for (;;) {
		size_t big = i, l = 2 * i + 1, r = l + 1;
		if (l < s->n && strcmp(s->v[l], s->v[big]) > 0)
			big = l;
		if (r < s->n && strcmp(s->v[r], s->v[big]) > 0)
			big = r;
		if (big == i)
			return;
		char t[SCAN_NAME_SIZE];
		memcpy(t, s->v[i], sizeof t);
		memcpy(s->v[i], s->v[big], sizeof t);
		memcpy(s->v[big], t, sizeof t);
		i = big;
	}
}

static bool seen(void *ctx, const char *name)
{
	struct reading *r = ctx;
	struct scan *s = r->scan;
	if (strlen(name) >= SCAN_NAME_SIZE || !r->valid(r->ctx, name))
		return true;
	s->total++;
	if (s->n < SCAN_NAMES) {
		room(s);
		snprintf(s->v[s->n++], SCAN_NAME_SIZE, "%s", name);
		if (s->n == SCAN_NAMES)
			for (size_t i = s->n / 2; i-- > 0;)
				sift_down(s, i);
	} else {
		s->cut = true;
		if (strcmp(name, s->v[0]) < 0) {
			snprintf(s->v[0], SCAN_NAME_SIZE, "%s", name);
			sift_down(s, 0);
		}
	}
	return true;
}

int scan_read(struct scan *s, const struct spool_dir *d, bool (*valid)(void *ctx, const char *name), void *ctx)
{
	struct reading r = {s, valid, ctx};
	s->head = s->n = 0;
	s->total = 0;
	s->cut = false;
	int result = dir_list(d, seen, &r);
	if (s->n)
		qsort(s->v, s->n, sizeof *s->v, compare);
	return result;
}

void scan_add(struct scan *s, const char *name)
{
	if (strlen(name) >= SCAN_NAME_SIZE)
		return;
	size_t lo = s->head, hi = s->n;
	/* new names are nearly always the largest */
	if (lo < hi && strcmp(name, s->v[hi - 1]) > 0)
		lo = hi;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(name, s->v[mid]);
		if (c == 0)
			return;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	if (lo == s->n && s->cut)
		return; /* there are smaller ones on disk that are not here */
	size_t from_head = lo - s->head;
	room(s);
	lo = s->head + from_head;
	memmove(s->v + lo + 1, s->v + lo, (s->n - lo) * sizeof *s->v);
	snprintf(s->v[lo], SCAN_NAME_SIZE, "%s", name);
	s->n++;
	if (scan_count(s) > SCAN_NAMES) {
		s->n--;
		s->cut = true;
	}
}

const char *scan_first(const struct scan *s)
{
	return s->head < s->n ? s->v[s->head] : NULL;
}

const char *scan_last(const struct scan *s)
{
	return s->head < s->n ? s->v[s->n - 1] : NULL;
}

void scan_drop_first(struct scan *s)
{
	if (s->head < s->n)
		s->head++;
	if (s->head == s->n)
		s->head = s->n = 0;
}

void scan_drop_last(struct scan *s)
{
	if (s->head < s->n)
		s->n--;
	if (s->head == s->n)
		s->head = s->n = 0;
}

void scan_free(struct scan *s)
{
	free(s->v);
	*s = (struct scan){0};
}
