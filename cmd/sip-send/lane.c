#include "send.h"
#include "base/clock.h"
#include "base/hash.h"

#include <stdlib.h>

static struct lane **bucket(struct send *s, const char *uri)
{
	return &s->lanes[hash_keyed(uri, strlen(uri)) % BUCKETS];
}

struct lane *lane_of(struct send *s, const char *uri)
{
	struct lane **at = bucket(s, uri);
	while (*at && strcmp((*at)->uri, uri) != 0)
		at = &(*at)->chain;
	if (!*at) {
		*at = xcalloc(1, sizeof **at);
		(*at)->uri = xstrdup(uri);
	}
	return *at;
}

void lane_leave(struct send *s, struct task *t)
{
	(void)s;
	struct task **at = &t->lane->first, *before = NULL;
	while (*at != t) {
		before = *at;
		at = &(*at)->behind;
	}
	*at = t->behind;
	if (t->lane->last == t)
		t->lane->last = before;
	t->lane = NULL;
}

/* Nobody waits for those behind: at the end of the batch they are deferred until the minute is over. */
void lane_block(struct send *s, struct lane *l, const struct task *head)
{
	l->blocked_until = clock_real_us() / 1000 + LANE_BLOCK_MS;
	memcpy(l->blocked_by, head->id, sizeof l->blocked_by);
	for (struct task *t = l->first; t; t = t->behind) {
		s->wanted -= t->fresh;
		t->fresh = false;
	}
}

void lanes_sweep(struct send *s, int64_t now_ms)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct lane **at = &s->lanes[i], *l; (l = *at);) {
			if (l->first || l->blocked_until > now_ms) {
				at = &l->chain;
			} else {
				*at = l->chain;
				free(l->uri);
				free(l);
			}
		}
}
