#include "smtp/direct/direct.h"

#include "base/hash.h"

#include <stdio.h>

/* A small table without chains: two that fall into one slot push each other out, which costs one more try. */
uint64_t trouble_id(const char *what, const char *name, int port)
{
	struct buf b = {0};
	buf_printf(&b, "%s %s %d", what, name, port);
	uint64_t id = hash_keyed(b.p, b.n);
	buf_free(&b);
	return id ? id : 1;
}

void trouble_set(struct trouble *t, uint64_t id, int64_t until_us)
{
	t->slot[id % TROUBLE_SLOTS].id = id;
	t->slot[id % TROUBLE_SLOTS].until_us = until_us;
}

bool trouble_is(const struct trouble *t, uint64_t id, int64_t now_us)
{
	return t->slot[id % TROUBLE_SLOTS].id == id && t->slot[id % TROUBLE_SLOTS].until_us > now_us;
}
