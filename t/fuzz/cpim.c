/* Fuzz target: any octets as message/cpim; what is read must write, and read again to the same values. */
#include "cpim/cpim.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void same(struct slice a, struct slice b)
{
	if (a.n != b.n || memcmp(a.p ? a.p : "", b.p ? b.p : "", a.n) != 0)
		abort();
}

static bool blank_end(struct slice s)
{
	return s.n && (s.p[0] == ' ' || s.p[s.n - 1] == ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char why[128];
	struct cpim c, again;
	struct slice in = {(const char *)data, n};
	if (cpim_read(&c, in, why) == CPIM_OK) {
		struct buf out = {0};
		if (c.body > n)
			abort();
		cpim_write(&out, &c, SLICE("Content-Type: text/plain\r\n"), (struct slice){in.p + c.body, n - c.body});
		/* A language tag and a URI go out as they came: blanks or brackets in them are the reader's business.
		 */
		bool plain = !memchr(out.p, '\0', out.n) && !c.nsubjects && !c.nto && !c.ncc && !c.nrecord_route &&
			     !c.nroute && !c.original_to.n && !c.from.uri.n && !blank_end(c.datetime) &&
			     !blank_end(c.message_id);
		if (plain && cpim_read(&again, slice_buf(&out), why) != CPIM_OK)
			abort();
		if (plain) {
			same(c.datetime, again.datetime);
			same(c.message_id, again.message_id);
			if (c.wanted != again.wanted)
				abort();
			cpim_free(&again);
		}
		buf_free(&out);
	}
	cpim_free(&c);
	return 0;
}
