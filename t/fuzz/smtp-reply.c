/* Fuzz target: what an SMTP server says, in pieces of any size, through the monitor and the reader of replies. */
#include "base/text.h"
#include "smtp/direct/direct.h"
#include "smtp/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct smtp_result *r)
{
	if (r->outcome == SMTP_OPEN)
		return;
	if (!utf8_valid(r->text, strlen(r->text)) || strpbrk(r->text, "\r\n\t\x1b") || strlen(r->text) > SMTP_TEXT_MAX)
		abort();
	if (!strchr("245", r->enhanced[0]) || r->enhanced[1] != '.' || r->enhanced[strspn(r->enhanced, "0123456789.")])
		abort();
}

/* What engine direct reads in an answer to EHLO: no limit is less than nothing, and each keyword is found again. */
static void offers(const struct buf *text)
{
	static const char *const words[] = {"PIPELINING", "8BITMIME", "DSN",	  "DELIVERBY",
					    "STARTTLS",	  "SIZE",     "SMTPUTF8", "CHUNKING"};
	static const unsigned bits[] = {KEYWORD_PIPELINING, KEYWORD_8BITMIME, KEYWORD_DSN,	KEYWORD_DELIVERBY,
					KEYWORD_STARTTLS,   KEYWORD_SIZE,     KEYWORD_SMTPUTF8, KEYWORD_CHUNKING};
	struct offers o = {0};
	offers_read(&o, slice_buf(text));
	if (o.size_limit < 0 || o.by_minimum < 0)
		abort();
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (offers_word(&o, words[i]) != ((o.keywords & bits[i]) != 0))
			abort();
	offers_free(&o);
}

/* The replies of the stream, read in pieces of `step` octets. */
static void replies(const char *p, size_t n, size_t step, struct buf *out)
{
	struct smtp_reader r = {0};
	for (size_t at = 0; at < n && !r.broken;) {
		bool done;
		at += smtp_reader_feed(&r, p + at, n - at < step ? n - at : step, &done);
		if (done) {
			buf_printf(out, "%d %zu %d\n", r.code, r.text.n, r.broken);
			offers(&r.text);
		}
	}
	smtp_reader_free(&r);
}

static void conversation(const char *p, size_t n, size_t step, enum smtp_at at)
{
	struct wire w = {.fd = 0x7fffffff, .at = at, .will_start_tls = step % 2, .reply_limit_us = 1000000};
	char piece[512];
	for (size_t i = 0; i < n && w.fault == WIRE_FINE;) {
		size_t k = n - i < step ? n - i : step;
		memcpy(piece, p + i, k); /* the library's buffer, in which words are masked */
		wire_monitor(piece, (int)k, 0, &w);
		i += k;
	}
	check(&w.refusal);
	check(&w.last);
	wire_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	const char *p = (const char *)data + 2;
	struct buf whole = {0}, pieces = {0};
	size_t step = data[0] + 1u;
	replies(p, n - 2, n, &whole);
	replies(p, n - 2, step, &pieces);
	if (whole.n != pieces.n || (whole.n && memcmp(whole.p, pieces.p, whole.n) != 0))
		abort();
	buf_free(&whole);
	buf_free(&pieces);
	conversation(p, n - 2, step, (enum smtp_at)(data[1] % (SMTP_AT_DATA + 1)));
	return 0;
}
