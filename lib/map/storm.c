#include "map/storm.h"
#include "base/hash.h"

#include <stdlib.h>

enum { SETS = 4096, WAYS = 4 };

/* A kind, and when its last messages were seen. The table is a cache of SETS sets: a flood of other kinds can at worst
 * push an entry out, never make the table grow. */
struct storm_entry {
	uint64_t kind;
	int64_t at[STORM_LIMIT + 1]; /* newest first; 0 = never */
	uint64_t id[STORM_LIMIT + 1];
};

static struct storm_entry *find(struct storm *s, uint64_t kind)
{
	struct storm_entry *set = s->entry + (kind % SETS) * WAYS, *oldest = set;
	for (int i = 0; i < WAYS; i++) {
		if (set[i].kind == kind)
			return &set[i];
		if (set[i].at[0] < oldest->at[0])
			oldest = &set[i];
	}
	*oldest = (struct storm_entry){.kind = kind};
	return oldest;
}

static bool counted(const struct storm_entry *e, uint64_t id)
{
	for (int i = 0; i <= STORM_LIMIT; i++)
		if (e->at[i] && e->id[i] == id)
			return true;
	return false;
}

bool storm_rages(struct storm *s, uint64_t kind, const char *id, int64_t now_ms)
{
	if (!s->entry)
		s->entry = xcalloc_present((size_t)SETS * WAYS, sizeof *s->entry);
	struct storm_entry *e = find(s, kind);
	uint64_t h = hash64(0, id, strlen(id));
	if (!counted(e, h)) {
		memmove(e->at + 1, e->at, STORM_LIMIT * sizeof *e->at);
		memmove(e->id + 1, e->id, STORM_LIMIT * sizeof *e->id);
		e->at[0] = now_ms;
		e->id[0] = h;
	}
	return e->at[STORM_LIMIT] && e->at[STORM_LIMIT] > now_ms - STORM_WINDOW_S * 1000;
}

uint64_t storm_kind(uint64_t kind, struct slice part)
{
	kind = hash64(kind, &part.n, sizeof part.n);
	return hash64(kind, part.p, part.n);
}

void storm_end(struct storm *s)
{
	free(s->entry);
	*s = (struct storm){0};
}
