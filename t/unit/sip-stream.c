/* Framing: every split point, several messages at once, keep-alives, bad lengths, bounds. */
#include "sip/stream.h"
#include "tap.h"

#include <stdlib.h>

static const char message[] =
	"MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nContent-Length: 5\r\n\r\nhello";
static const char empty[] = "OPTIONS sip:a@b SIP/2.0\r\nl : 0\r\n\r\n";

/* What a stream said, as text: P ping, H<length> head, B<octets> body, E end, X<status> bad. */
static void drain(struct sip_stream *s, struct buf *said)
{
	for (;;) {
		struct sip_part p = sip_stream_next(s);
		switch (p.kind) {
		case SIP_PART_MORE:
			return;
		case SIP_PART_PING:
			buf_puts(said, "P");
			break;
		case SIP_PART_HEAD:
			buf_printf(said, "H%lld(%zu)", (long long)p.length, p.octets.n);
			break;
		case SIP_PART_BODY:
			buf_slice(said, p.octets);
			break;
		case SIP_PART_END:
			buf_puts(said, "E");
			break;
		case SIP_PART_BAD:
			buf_printf(said, "X%d", p.status);
			return;
		}
	}
}

static void feed(struct sip_stream *s, const char *p, size_t n, struct buf *said)
{
	memcpy(sip_stream_room(s, n + 1), p, n);
	sip_stream_added(s, n);
	drain(s, said);
}

static void every_split(void)
{
	struct buf all = {0}, want = {0}, got = {0};
	buf_printf(&all, "\r\n%s\r\n\r\n%s%s", message, empty, message);
	size_t head = sizeof message - 1 - 5;
	buf_printf(&want, "H5(%zu)helloEPH0(%zu)EH5(%zu)helloE", head, sizeof empty - 1, head);
	size_t wrong = 0;
	for (size_t a = 0; a <= all.n; a++)
		for (size_t b = a; b <= all.n; b++) {
			struct sip_stream s = {.max_size = 4096};
			buf_clear(&got);
			feed(&s, all.p, a, &got);
			feed(&s, all.p + a, b - a, &got);
			feed(&s, all.p + b, all.n - b, &got);
			wrong += strcmp(buf_str(&got), want.p) != 0 || sip_stream_inside(&s);
			sip_stream_free(&s);
		}
	is_int((long long)wrong, 0, "three reads, split at every pair of points");
	struct sip_stream s = {.max_size = 4096};
	buf_clear(&got);
	for (size_t i = 0; i < all.n; i++)
		feed(&s, all.p + i, 1, &got), sip_stream_shrink(&s);
	is_str(buf_str(&got), want.p, "octet by octet");
	is_int((long long)sip_stream_held(&s), 0, "between messages nothing is held");
	sip_stream_free(&s);
	buf_free(&all);
	buf_free(&want);
	buf_free(&got);
}

static void one(const char *name, const char *in, const char *want)
{
	struct sip_stream s = {.max_size = 4096};
	struct buf got = {0};
	feed(&s, in, strlen(in), &got);
	is_str(buf_str(&got), want, name);
	feed(&s, empty, sizeof empty - 1, &got);
	ok(want[0] != 'X' || strcmp(buf_str(&got), want) == 0, "%s: nothing is read from a lost stream", name);
	sip_stream_free(&s);
	buf_free(&got);
}

#define LENGTH(value) "MESSAGE sip:a@b SIP/2.0\r\nContent-Length: " value "\r\n\r\n"

static void lengths(void)
{
	one("no Content-Length", "MESSAGE sip:a@b SIP/2.0\r\nA: b\r\n\r\n", "X400");
	one("negative", LENGTH("-1"), "X400");
	one("plus sign", LENGTH("+1"), "X400");
	one("garbage", LENGTH("2junk"), "X400");
	one("nothing", LENGTH(""), "X400");
	one("hexadecimal", LENGTH("0x10"), "X400");
	one("two numbers", LENGTH("1 5"), "X400");
	one("would wrap 32 bits", LENGTH("4294967297"), "X413");
	one("would wrap 64 bits", LENGTH("18446744073709551617"), "X400");
	one("one octet too large", LENGTH("4096"), "X413");
	one("twice", "M sip:a SIP/2.0\r\nContent-Length: 0\r\nl: 0\r\n\r\n", "X400");
	one("folded number", "M sip:a SIP/2.0\r\nContent-Length: 1\r\n 5\r\n\r\n", "X400");
	one("folded before the number", "M sip:a SIP/2.0\r\nContent-Length:\r\n 0\r\n\r\n", "H0(40)E");
	one("other names", "M sip:a SIP/2.0\r\nContent-Lengthy: 7\r\nLl: 9\r\nl\t:0\r\n\r\n", "H0(52)E");
}

static void bounds(void)
{
	struct sip_stream s = {.max_size = 64 << 20};
	struct buf got = {0}, big = {0};
	buf_puts(&big, "MESSAGE sip:a@b SIP/2.0\r\nX: ");
	while (big.n < 1 << 20)
		buf_puts(&big, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	size_t most = 0;
	for (size_t i = 0; i + 1000 < big.n; i += 1000) {
		feed(&s, big.p + i, 1000, &got);
		if (got.n)
			break;
		most = sip_stream_held(&s) > most ? sip_stream_held(&s) : most;
	}
	is_str(buf_str(&got), "X400", "a header of 1 MB is refused");
	ok(most <= 2 * SIP_HEAD_MAX + 4096, "and never held: %zu octets", most);
	sip_stream_free(&s);

	buf_clear(&got);
	buf_clear(&big);
	buf_puts(&big, LENGTH("10000000"));
	feed(&s, big.p, big.n, &got);
	buf_clear(&got);
	char piece[16384];
	memset(piece, 'x', sizeof piece);
	size_t left = 10000000, seen = 0;
	most = 0;
	while (left) {
		size_t n = left < sizeof piece ? left : sizeof piece;
		feed(&s, piece, n, &got);
		left -= n;
		seen += got.n;
		buf_clear(&got);
		most = sip_stream_held(&s) > most ? sip_stream_held(&s) : most;
	}
	is_int((long long)seen, 10000001, "a body of 10 MB passes in pieces");
	ok(most <= 65536, "and is never held: %zu octets", most);
	sip_stream_free(&s);
	buf_free(&got);
	buf_free(&big);
}

static void datagram(const char *name, const char *in, size_t n, int want, const char *want_body)
{
	struct slice head = {"", 0}, body = {"", 0};
	const char *why;
	int got = sip_datagram_cut((struct slice){in, n}, &head, &body, &why);
	is_int(got, want, name);
	if (want == 0)
		ok(slice_eq(body, want_body), "%s: body", name);
}

static void datagrams(void)
{
	datagram("no length: the rest", "A b SIP/2.0\r\n\r\nrest", 19, 0, "rest");
	datagram("shorter: cut", "A b SIP/2.0\r\nl: 2\r\n\r\nrest", 25, 0, "re");
	datagram("longer", "A b SIP/2.0\r\nl: 5\r\n\r\nrest", 25, 400, NULL);
	datagram("negative", "A b SIP/2.0\r\nl: -5\r\n\r\nrest", 26, 400, NULL);
	datagram("no empty line", "A b SIP/2.0\r\nl: 5\r\n", 19, 400, NULL);
	datagram("keep-alive CRLF", "\r\n\r\n", 4, -1, NULL);
	datagram("keep-alive NUL", "\0\0\0\0", 4, -1, NULL);
	datagram("empty", "", 0, -1, NULL);
	datagram("CRLF first", "\r\nA b SIP/2.0\r\n\r\nx", 18, 0, "x");
}

int main(void)
{
	every_split();
	lengths();
	bounds();
	datagrams();
	return tap_done();
}
