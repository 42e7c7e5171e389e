#include "record/record.h"
#include "base/hash.h"

/* base32hex digits in byte order: ids made from a time sort by it. */
static const char digit[] = "0123456789abcdefghijklmnopqrstuv";

static void put_bits(char *out, const uint8_t *p, size_t chars)
{
	uint32_t acc = 0;
	int bits = 0;
	for (size_t i = 0, k = 0; i < chars; i++) {
		if (bits < 5) {
			acc = (acc << 8) | p[k++];
			bits += 8;
		}
		bits -= 5;
		out[i] = digit[(acc >> bits) & 31];
	}
}

void record_id_new(int64_t time_us, char out[RECORD_ID])
{
	uint8_t random[10];
	for (int i = 10; i >= 0; i--, time_us >>= 5)
		out[i] = digit[time_us & 31];
	random_octets(random, sizeof random);
	put_bits(out + 11, random, 15);
	out[26] = '\0';
}

void record_id_derived(struct slice octets, char out[RECORD_ID])
{
	uint8_t sum[SHA256_LEN];
	sha256(octets.p, octets.n, sum);
	put_bits(out, sum, 26);
	out[26] = '\0';
}

void record_id_child(const struct record *in, const char *type, int k, char out[RECORD_ID])
{
	struct buf b = {0};
	buf_printf(&b, "%s\n%s\n%d", in->id, type, k);
	record_id_derived(slice_buf(&b), out);
	buf_free(&b);
}
