#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "tap.h"

static void sanitise(const char *in, size_t n, size_t max, const char *want)
{
	struct buf b = {0};
	text_sanitise(&b, (struct slice){in, n}, max);
	is_str(buf_str(&b), want, "sanitised");
	buf_free(&b);
}

static void text(void)
{
	sanitise("  a\r\n\tb  ", 9, 100, "a b");
	sanitise("a\0b", 3, 100, "a b");
	sanitise("a\xc2\x85z", 4, 100, "a z");
	sanitise("\xe9", 1, 100, "\xef\xbf\xbd");
	sanitise("ab\xc3\xa9", 4, 3, "ab");
	ok(!utf8_valid("\xed\xa0\x80", 3), "surrogate");
	ok(!utf8_valid("\xc0\x80", 2), "overlong");
	ok(!utf8_valid("\xf4\x90\x80\x80", 4), "beyond U+10FFFF");
	ok(utf8_valid("\xf0\x9f\x98\x80", 4), "emoji");
	struct buf b = {0};
	ok(percent_decode(&b, SLICE("bob%40x")) && strcmp(b.p, "bob@x") == 0, "percent");
	ok(!percent_decode(&b, SLICE("bob%4")), "percent cut");
	ok(!percent_decode(&b, SLICE("bob%zz")), "percent bad");
	buf_clear(&b);
	ok(!base64_get(&b, "aGk=aGk=", 8), "padding inside");
	ok(base64_get(&b, "aGk=", 4) && b.n == 2, "base64");
	buf_clear(&b);
	b32_put(&b, (const uint8_t *)"foobar", 6, 10);
	is_str(b.p, "mzxw6ytboi", "base32");
	buf_free(&b);
}

static void clocks(void)
{
	int64_t ms, s;
	int off;
	ok(clock_parse_iso("2026-03-05T09:30:00+01:00", &ms, &off) && ms == 1772699400000 && off == 60, "RFC 3339");
	ok(clock_parse_iso("2026-03-05T08:30:00.125Z", &ms, &off) && ms == 1772699400125 && off == 0, "fraction");
	ok(!clock_parse_iso("2026-02-29T08:30:00Z", &ms, &off), "no such day");
	ok(!clock_parse_iso("2026-02-28T08:30:00", &ms, &off), "no zone");
	ok(clock_parse_duration("4h", &s) && s == 14400, "duration");
	ok(!clock_parse_duration("4x", &s), "bad duration");
}

static void sums(void)
{
	uint8_t out[SHA256_LEN];
	is_int(crc32c(0, "123456789", 9), 0xe3069283u, "CRC-32C");
	struct buf b = {0};
	hmac_sha256(SLICE("key"), "The quick brown fox jumps over the lazy dog", 43, out);
	hex_put(&b, out, 10);
	is_str(b.p, "f7bc83f430", "HMAC-SHA256");
	buf_free(&b);
}

int main(void)
{
	text();
	clocks();
	sums();
	return tap_done();
}
