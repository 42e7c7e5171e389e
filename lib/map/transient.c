#include "map/transient.h"

#include "base/hash.h"

#include "conf/conf.h"

enum { ANSWER_MARGIN_MS = 3000 }; /* for the result to reach the one who waits */

bool transient_is_told(const struct conf *c, const struct conf_scope *scope, int64_t answer_by, int64_t now)
{
	enum { REJECT };
	return answer_by && now < answer_by - ANSWER_MARGIN_MS && conf_enum(c, "on_transient", scope) == REJECT;
}

static int64_t end(const struct conf *c, int64_t first)
{
	return first + conf_int(c, "queue_lifetime", NULL) * 1000;
}

int64_t transient_due_us(const struct conf *c, const char *id, int tries, int64_t first, int64_t now)
{
	static const int minutes[] = {1, 5, 15, 30, 60};
	int last = (int)(sizeof minutes / sizeof *minutes) - 1;
	int64_t wait = minutes[tries < last ? tries : last] * 60000;
	int64_t spread = (int64_t)(hash64((uint64_t)tries, id, strlen(id)) % 201) - 100;
	int64_t due = now + wait + wait * spread / 1000;
	return (due < end(c, first) ? due : end(c, first)) * 1000;
}

bool transient_is_over(const struct conf *c, int64_t first, int64_t now)
{
	return now >= end(c, first);
}
