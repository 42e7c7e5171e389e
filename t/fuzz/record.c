/* Fuzz target: any octets as a line; what is read must write, and read again to the same octets. */
#include "base/log.h"
#include "record/record.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char why[128];
	struct buf one = {0}, two = {0}, octets = {0};
	log_set_level(LOG_ERROR);
	struct record *r = record_parse((const char *)data, n, why);
	if (!r)
		return 0;
	if (record_line(r, &one)) {
		struct record *again = record_parse(one.p, one.n, why);
		if (!again || !record_line(again, &two) || two.n != one.n || memcmp(one.p, two.p, one.n) != 0)
			abort();
		record_free(again);
	}
	json_t *body = record_get(r->member, "body");
	int64_t size = record_body_size(body);
	if (!record_body_blobid(body) && record_body_octets(body, &octets) && size != (int64_t)octets.n)
		abort();
	record_header(record_get(r->member, "headers"), "From", 0);
	record_time(r);
	record_free(r);
	buf_free(&one), buf_free(&two), buf_free(&octets);
	return 0;
}
