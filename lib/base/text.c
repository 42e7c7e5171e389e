#include "base/text.h"

#include <openssl/evp.h>

/* Length of the well-formed sequence at p, 0 if there is none (table 3-7 of the Unicode standard). */
static size_t sequence(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	unsigned char lo = 0x80, hi = 0xbf;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool utf8_valid(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	for (size_t i = 0, k; i < n; i += k) {
		uint64_t eight;
		if (n - i >= sizeof eight && (memcpy(&eight, p + i, sizeof eight), !(eight & UINT64_C(0x8080808080808080)))) {
			k = sizeof eight; /* all of them ASCII */
			continue;
		}
		k = sequence(p + i, n - i);
		if (!k)
			return false;
	}
	return true;
}

bool utf8_scrub(struct buf *out, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	bool clean = true;
	size_t from = 0; /* what is good goes in one piece */
	for (size_t i = 0; i < n;) {
		size_t k = p[i] ? sequence(p + i, n - i) : 0;
		if (k) {
			i += k;
			continue;
		}
		buf_put(out, p + from, i - from);
		buf_puts(out, "\xef\xbf\xbd");
		from = ++i;
		clean = false;
	}
	buf_put(out, n ? s + from : "", n - from);
	return clean;
}

void text_sanitise(struct buf *out, struct slice in, size_t max)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t start = out->n;
	bool gap = false;
	buf_put(out, "", 0);
	for (size_t i = 0; i < in.n;) {
		size_t k = sequence(p + i, in.n - i);
		bool control = k == 1 && (p[i] <= ' ' || p[i] == 127);
		control = control || (k == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0);
		if (control) {
			gap = out->n > start;
			i += k;
			continue;
		}
		size_t need = (k ? k : 3) + (gap ? 1 : 0);
		if (out->n - start + need > max)
			return;
		if (gap)
			buf_putc(out, ' ');
		gap = false;
		if (k)
			buf_put(out, p + i, k);
		else
			buf_puts(out, "\xef\xbf\xbd");
		i += k ? k : 1;
	}
}

bool is_ascii(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] >= 128)
			return false;
	return true;
}

bool is_token(const char *p, size_t n)
{
	static const char extra[] = "-.!%*_+`'~";
	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alnum && (c == '\0' || !strchr(extra, c)))
			return false;
	}
	return n > 0;
}

void hex_put(struct buf *out, const uint8_t *p, size_t digits)
{
	static const char tab[] = "0123456789abcdef";
	for (size_t i = 0; i < digits; i++)
		buf_putc(out, tab[(i % 2 ? p[i / 2] : p[i / 2] >> 4) & 15]);
}

void b32_put(struct buf *out, const uint8_t *p, size_t octets, size_t chars)
{
	static const char tab[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint32_t acc = 0;
	int bits = 0;
	for (size_t i = 0; chars; chars--) {
		if (bits < 5) {
			acc = (acc << 8) | (i < octets ? p[i] : 0);
			i++;
			bits += 8;
		}
		bits -= 5;
		buf_putc(out, tab[(acc >> bits) & 31]);
	}
}

void base64_put(struct buf *out, const void *p, size_t n)
{
	char *to = buf_room(out, (n + 2) / 3 * 4 + 1);
	out->n += (size_t)EVP_EncodeBlock((unsigned char *)to, p, (int)n);
}

bool base64_get(struct buf *out, const char *p, size_t n)
{
	if (n % 4)
		return false;
	size_t pad = n && p[n - 1] == '=' ? (p[n - 2] == '=' ? 2 : 1) : 0;
	for (size_t i = 0; i < n - pad; i++)
		if (p[i] == '=' || p[i] <= ' ')
			return false;
	char *to = buf_room(out, n / 4 * 3 + 3);
	int got = EVP_DecodeBlock((unsigned char *)to, (const unsigned char *)p, (int)n);
	if (got < 0)
		return false;
	out->n += (size_t)got - pad;
	out->p[out->n] = '\0';
	return true;
}

int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool percent_decode(struct buf *out, struct slice in)
{
	buf_put(out, "", 0);
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '%') {
			buf_putc(out, in.p[i]);
			continue;
		}
		int hi = i + 2 < in.n ? hex_value(in.p[i + 1]) : -1, lo = i + 2 < in.n ? hex_value(in.p[i + 2]) : -1;
		if (hi < 0 || lo < 0)
			return false;
		buf_putc(out, (char)(hi * 16 + lo));
		i += 2;
	}
	return true;
}
