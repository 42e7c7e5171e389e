/*
 * Fuzz target: any octets as a line. Our reader and writer beside jansson's: the same is accepted, read and written. What
 * is a record must write, and read again to the same octets.
 */
#include "base/log.h"
#include "record/json.h"
#include "record/record.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What a record may not hold though JSON may: real numbers, deep nesting, a number of 63 digits, a key with a NUL. */
static bool beyond(const char *why)
{
	return strstr(why, "no integer") || strstr(why, "nested") || strstr(why, "too big");
}

static void beside_jansson(const char *p, size_t n)
{
	const char *why = "";
	size_t at;
	struct buf out = {0};
	json_error_t err;
	json_t *ours = json_read(p, n, RECORD_DEPTH_MAX, &why, &at);
	json_t *theirs = json_loadb(p, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &err);
	/* jansson takes a NUL behind a value for the end of the text */
	bool nul = n && memchr(p, '\0', n);
	if (!ours != !theirs && !(theirs && (nul || beyond(why))))
		abort();
	if (ours) {
		char *text = json_dumps(theirs, JSON_COMPACT | JSON_ENCODE_ANY);
		if (!json_equal(ours, theirs) || !json_write(ours, &out) || !text || strcmp(text, buf_str(&out)) != 0)
			abort();
		free(text);
	}
	json_decref(ours);
	json_decref(theirs);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char why[128];
	beside_jansson((const char *)data, n);
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
