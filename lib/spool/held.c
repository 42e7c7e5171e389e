/*
 * held.c - which conversations wait in defer/ of an ordered queue: a later record of such a key must wait behind them.
 */
#include "spool/worker.h"
#include "base/hash.h"

#include <stdlib.h>

static struct held *place(struct held *table, size_t cap, const char *key)
{
	size_t i = hash64(0, key, NAME_UNIQ) & (cap - 1);
	while (table[i].key[0] && memcmp(table[i].key, key, NAME_UNIQ) != 0)
		i = (i + 1) & (cap - 1);
	return &table[i];
}

static void grow(struct spool_worker *w)
{
	size_t cap = w->held_cap ? w->held_cap * 2 : 64;
	struct held *table = xcalloc(cap, sizeof *table);
	size_t n = 0;
	for (size_t i = 0; i < w->held_cap; i++)
		if (w->held[i].key[0] && w->held[i].files) {
			*place(table, cap, w->held[i].key) = w->held[i];
			n++;
		}
	free(w->held);
	w->held = table;
	w->held_cap = cap;
	w->held_n = n;
}

void held_clear(struct spool_worker *w)
{
	free(w->held);
	w->held = NULL;
	w->held_n = w->held_cap = 0;
}

void held_add(struct spool_worker *w, const char *key, int64_t due)
{
	if (w->held_n * 2 >= w->held_cap)
		grow(w);
	struct held *h = place(w->held, w->held_cap, key);
	if (!h->key[0]) {
		memcpy(h->key, key, NAME_UNIQ + 1);
		w->held_n++;
	}
	/* the latest: who joins it comes behind all of them */
	if (!h->files++ || due > h->due)
		h->due = due;
}

void held_remove(struct spool_worker *w, const char *key)
{
	struct held *h = w->held_cap ? place(w->held, w->held_cap, key) : NULL;
	if (h && h->key[0] && h->files)
		h->files--;
}

const struct held *held_find(const struct spool_worker *w, const char *key)
{
	const struct held *h = w->held_cap ? place(w->held, w->held_cap, key) : NULL;
	return h && h->key[0] && h->files ? h : NULL;
}
