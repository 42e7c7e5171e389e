/* Fuzz target: any octets as a resource list; what is taken keeps the limits. */
#include "cpim/lists.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char why[128];
	struct lists l;
	bool good = lists_read(&l, (struct slice){(const char *)data, n}, why);
	if (good != !why[0] || l.n > LISTS_ENTRIES_MAX)
		abort();
	for (size_t i = 0; i < l.n; i++)
		if (!l.v[i].uri[0] || l.v[i].count < 1 || l.v[i].count > LISTS_COUNT_MAX ||
		    (l.v[i].copy == COPY_BCC && l.v[i].anonymize))
			abort();
	lists_free(&l);
	return 0;
}
