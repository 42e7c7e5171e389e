/* Addresses, header fields, dates, encodings and file names of mails; what is written is read back by gmime. */
#include "mail/address.h"
#include "mail/body.h"
#include "mail/header.h"

#include "base/text.h"
#include "tap.h"

#include <gmime/gmime.h>
#include <stdlib.h>

/* A value as the name of a test: on one line. */
static const char *shown(const char *s)
{
	static char text[100];
	size_t n = 0;
	for (; *s && n < sizeof text - 1; s++)
		text[n++] = *s > ' ' && *s != '#' ? *s : '_';
	text[n] = '\0';
	return text;
}

/* ---- addresses ---- */

static void address(const char *s, const char *want)
{
	struct mail_address a;
	struct buf b = {0};
	if (mail_address_parse(slice_of(s), &a))
		mail_address_put(&b, &a);
	is_str(b.p, want, shown(s));
	buf_free(&b);
}

static void addresses(void)
{
	address("bob@example.org", "bob@example.org");
	address("Bob@Example.ORG", "Bob@example.org");
	address("\"a b\\\"@c\"@example.org", "\"a b\\\"@c\"@example.org");
	address("bob@[192.0.2.1]", "bob@[192.0.2.1]");
	address("bob@[IPv6:2001:db8::1]", "bob@[ipv6:2001:db8::1]");
	address("j\xc3\xb6rg@b\xc3\xbc"
		"cher.example",
		"j\xc3\xb6rg@b\xc3\xbc"
		"cher.example");
	static const char *const bad[] = {
		"",	     "bob",	      "@example.org", "bob@",	       "bob@@example.org",
		"a@b@c",     ".a@b.c",	      "a.@b.c",	      "a..b@b.c",      "a b@b.c",
		" a@b.c",    "a@b.c ",	      "a@b..c",	      "a@.b",	       "a@b.",
		"a@-b.c",    "a@b-.c",	      "a@b_c.d",      "a@192.0.2.1",   "a@[300.1.1.1]",
		"a@[x]",     "a@[]",	      "a(c)@b.c",     "<a@b.c>",       "a@b.c>",
		"@r:a@b.c",  "\"a@b.c",	      "\"a\"b@c.d",   "\"a\r\n\"@b.c", "\"a\\\r\"@b.c",
		"a\r\n@b.c", "a@b.c\r\nX: y", "\xff@b.c",     "a\xc2\x85@b.c"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		address(bad[i], NULL);
	struct buf b = {0};
	struct mail_address a;
	for (int i = 0; i < 64; i++)
		buf_putc(&b, 'a');
	buf_puts(&b, "@b.c");
	ok(mail_address_parse(slice_buf(&b), &a), "local part of 64");
	ok(!mail_address_parse((struct slice){"a@b\0.c", 6}, &a), "NUL");
	buf_clear(&b);
	ok(mail_address_parse(SLICE("\"a\\\"b\"@c.d"), &a) && a.quoted && a.ascii, "quoted");
	mail_local_plain(&b, &a);
	is_str(b.p, "a\"b", "unquoted");
	buf_free(&b);
}

static void xtexts(void)
{
	struct buf b = {0}, back = {0}, all = {0};
	ok(mail_orcpt_put(&b, SLICE("+14155550101@rcs.example.net")), "ORCPT");
	is_str(b.p, "rfc822;+2B14155550101@rcs.example.net", "ORCPT of a number");
	for (int i = 0; i < 256; i++)
		buf_putc(&all, (char)i);
	buf_clear(&b);
	xtext_put(&b, slice_buf(&all));
	ok(xtext_get(&back, slice_buf(&b)) && back.n == 256 && memcmp(back.p, all.p, 256) == 0,
	   "every octet comes back");
	ok(is_ascii(b.p, b.n) && !strpbrk(b.p, " \r\n="), "xtext octets only");
	ok(!xtext_get(&back, SLICE("a+2")) && !xtext_get(&back, SLICE("a=")) && !xtext_get(&back, SLICE("a b")) &&
		   !xtext_get(&back, SLICE("+zz")),
	   "no xtext");
	buf_clear(&b);
	ok(!mail_orcpt_put(&b, SLICE("j\xc3\xb6rg@x.example")) && b.n == 0, "no ORCPT for a non-ASCII address");
	buf_clear(&all);
	for (int i = 0; i < 165; i++)
		buf_putc(&all, '+');
	ok(!mail_orcpt_put(&b, slice_buf(&all)) && b.n == 0, "no ORCPT over 500");
	buf_free(&b);
	buf_free(&back);
	buf_free(&all);
}

/* ---- fields ---- */

/* One field: CRLF at its end and before folded lines only, lines of at most 76, ASCII. */
static bool well_formed(const char *field)
{
	size_t line = 0;
	for (size_t i = 0; field[i]; i++) {
		unsigned char c = (unsigned char)field[i];
		if (c == '\r' && field[i + 1] == '\n') {
			bool folded = field[i + 2] == ' ' && field[i + 3] > ' ';
			if (line > MAIL_FOLD || (field[i + 2] && !folded))
				return false;
			line = 0;
			i++;
			continue;
		}
		if (c < ' ' || c > 126)
			return false;
		line++;
	}
	return line == 0;
}

static void text_field(const char *in, const char *want)
{
	struct buf b = {0};
	bool some = mail_header_put(&b, "Subject", slice_of(in));
	is_str(b.p ? buf_str(&b) : "", want, "Subject");
	ok(some == (*want != 0), "verdict");
	buf_free(&b);
}

static void decodes(const char *in, const char *want)
{
	struct buf b = {0};
	mail_header_put(&b, "Subject", slice_of(in));
	ok(well_formed(b.p), "well formed: %.40s", want);
	char *flat = g_strdup(b.p + 8), *to = flat;
	for (const char *from = flat; *from; from++)
		if (*from != '\r' && *from != '\n')
			*to++ = *from;
	*to = '\0';
	char *text = g_mime_utils_header_decode_text(NULL, flat);
	is_str(g_strstrip(text), want, "read back");
	g_free(text);
	g_free(flat);
	buf_free(&b);
}

static void texts(void)
{
	text_field("Lunch?", "Subject: Lunch?\r\n");
	text_field("", "");
	text_field(" \r\n ", "");
	text_field("a\r\nBcc: eve@evil.example", "Subject: a Bcc: eve@evil.example\r\n");
	text_field("caf\xc3\xa9", "Subject: =?UTF-8?Q?caf=C3=A9?=\r\n");
	text_field("one two three four five six seven eight nine ten eleven twelve thirteen",
		   "Subject: one two three four five six seven eight nine ten eleven twelve\r\n thirteen\r\n");
	decodes("caf\xc3\xa9 \xe2\x80\x93 na\xc3\xafve", "caf\xc3\xa9 \xe2\x80\x93 na\xc3\xafve");
	decodes("=?UTF-8?Q?not_encoded?=", "=?UTF-8?Q?not_encoded?=");
	decodes("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, \xd0\xbc\xd0\xb8\xd1\x80! \xd0\x9a\xd0\xb0\xd0\xba "
		"\xd0\xb4\xd0\xb5\xd0\xbb\xd0\xb0 \xd1\x81\xd0\xb5\xd0\xb3\xd0\xbe\xd0\xb4\xd0\xbd\xd1\x8f?",
		"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, \xd0\xbc\xd0\xb8\xd1\x80! \xd0\x9a\xd0\xb0\xd0\xba "
		"\xd0\xb4\xd0\xb5\xd0\xbb\xd0\xb0 \xd1\x81\xd0\xb5\xd0\xb3\xd0\xbe\xd0\xb4\xd0\xbd\xd1\x8f?");
	struct buf b = {0};
	for (int i = 0; i < 300; i++)
		buf_putc(&b, 'x');
	decodes(b.p, b.p);
	buf_clear(&b);
	for (int i = 0; i < 100; i++)
		buf_puts(&b, i % 7 ? "\xf0\x9f\x98\x80" : " a");
	decodes(b.p, b.p + 1);
	buf_free(&b);
}

static void list(const char *display, const char *mail, const char *want)
{
	struct buf b = {0};
	struct mail_field f;
	mail_field_begin(&f, &b, "To");
	bool good = mail_field_address(&f, slice_of(display), slice_of(mail));
	ok(mail_field_end(&f) == good, "ends");
	is_str(buf_str(&b), want, shown(want));
	buf_free(&b);
}

static void parties(void)
{
	list("", "bob@example.org", "To: bob@example.org\r\n");
	list("Alice A.", "alice@rcs.example.net", "To: \"Alice A.\" <alice@rcs.example.net>\r\n");
	list("A\\\"B", "a@b.example", "To: \"A\\\\\\\"B\" <a@b.example>\r\n");
	list("J\xc3\xb6rg", "j@b.example", "To: =?UTF-8?Q?J=C3=B6rg?= <j@b.example>\r\n");
	list("Eve\r\nBcc: x@y.example", "eve@b.example", "To: eve@b.example\r\n");
	list("Eve\r\nBcc: x", "eve@b.example", "To: \"Eve Bcc: x\" <eve@b.example>\r\n");
	list("x", "not an address", "");
	list("", "a@b.example>\r\nX: y", "");
	list("ceo@bank.example", "x@y.example", "To: x@y.example\r\n");
	list("x@y.example", "x@y.example", "To: \"x@y.example\" <x@y.example>\r\n");
	ok(mail_display_lies(SLICE("The CEO *ceo@bank.example*"), SLICE("x@y.example")), "stars");
	ok(mail_display_lies(SLICE("<ceo @ bank.example>"), SLICE("x@y.example")), "blanks");
	ok(mail_display_lies(SLICE("ceo\xef\xbc\xa0"
				   "bank.example"),
			     SLICE("x@y.example")),
	   "full-width @");
	ok(mail_display_lies(SLICE("sip:ceo@bank.example."), SLICE("x@y.example")), "URI");
	ok(!mail_display_lies(SLICE("X@Y.example, home"), SLICE("x@y.example")), "its own");
	ok(!mail_display_lies(SLICE("@bob"), SLICE("x@y.example")), "a handle");
	ok(!mail_display_lies(SLICE("Bob @ work"), SLICE("x@y.example")), "at work");
	ok(!mail_display_lies(SLICE(""), SLICE("x@y.example")), "nothing");
}

static void long_list(void)
{
	struct buf b = {0};
	struct mail_field f;
	mail_field_begin(&f, &b, "Cc");
	for (int i = 0; i < 40; i++) {
		char mail[40];
		snprintf(mail, sizeof mail, "user%d@example.org", i);
		mail_field_address(&f,
				   i % 3 == 0	? SLICE("Zo\xc3\xab, the \"First\"")
				   : i % 3 == 1 ? SLICE("A, B")
						: SLICE(""),
				   slice_of(mail));
	}
	mail_field_group(&f, "2 undisclosed recipients");
	mail_field_end(&f);
	ok(well_formed(b.p), "long list folded");
	InternetAddressList *parsed = internet_address_list_parse(NULL, b.p + 3);
	is_int(internet_address_list_length(parsed), 41, "41 items");
	InternetAddress *first = internet_address_list_get_address(parsed, 39);
	is_str(internet_address_get_name(first), "Zo\xc3\xab, the \"First\"", "display name");
	is_str(internet_address_mailbox_get_addr((InternetAddressMailbox *)first), "user39@example.org", "address");
	g_object_unref(parsed);
	buf_clear(&b);
	mail_field_begin(&f, &b, "To");
	mail_field_group(&f, "undisclosed-recipients");
	mail_field_end(&f);
	is_str(b.p, "To: undisclosed-recipients:;\r\n", "nobody");
	buf_free(&b);
}

static void ids(void)
{
	struct buf b = {0};
	const struct slice some[] = {SLICE("a@b"), SLICE("bad id@x"), SLICE("c@d>\r\nX: y"), SLICE("e@f"), SLICE("")};
	ok(mail_header_ids(&b, "References", some, 5), "some ids");
	is_str(b.p, "References: <a@b> <e@f>\r\n", "bad ones left out");
	buf_clear(&b);
	ok(!mail_header_ids(&b, "In-Reply-To", some + 1, 2) && b.n == 0, "none left");
	struct slice many[12];
	for (int i = 0; i < 12; i++)
		many[i] = SLICE("m.1710887c7ca47dc2c1274c11673eb0df.0@rcs.example.net");
	mail_header_ids(&b, "References", many, 12);
	ok(well_formed(b.p), "references folded");
	buf_clear(&b);
	ok(mail_header_angle(&b, "Disposition-Notification-To", SLICE("alice@rcs.example.net")), "angle");
	is_str(b.p, "Disposition-Notification-To: <alice@rcs.example.net>\r\n", "angle");
	ok(!mail_header_angle(&b, "X", SLICE("a")), "no address");
	buf_clear(&b);
	ok(mail_header_words(&b, "X-CPM-Gateway", SLICE("mailgw.ims.example.net")), "words");
	ok(!mail_header_words(&b, "X", SLICE("a\r\nb: c")) && !mail_header_words(&b, "X", SLICE("\xc3\xb6")) &&
		   !mail_header_words(&b, "X", SLICE("")),
	   "not words");
	is_str(b.p, "X-CPM-Gateway: mailgw.ims.example.net\r\n", "X-CPM-Gateway");
	buf_free(&b);
}

static void received(void)
{
	struct buf b = {0};
	struct mail_received r = {"scscf.ims.example.net", "mailgw.ims.example.net", "SIP", "0f31", 1772699401000, 0};
	mail_header_received(&b, &r);
	is_str(b.p,
	       "Received: from scscf.ims.example.net by mailgw.ims.example.net with SIP\r\n"
	       " id 0f31; Thu, 05 Mar 2026 08:30:01 +0000\r\n",
	       "Received");
	buf_clear(&b);
	r.from = r.id = NULL;
	mail_header_received(&b, &r);
	is_str(b.p, "Received: by mailgw.ims.example.net with SIP;\r\n Thu, 05 Mar 2026 08:30:01 +0000\r\n", "private");
	buf_clear(&b);
	r.from = "a;b\r\nX: (y";
	mail_header_received(&b, &r);
	ok(strncmp(b.p, "Received: from a_b__X:__y by ", 29) == 0, "harmless");
	buf_free(&b);
}

/* ---- dates ---- */

static void date(const char *in, int64_t want_ms, int want_offset)
{
	int64_t ms = -1;
	int offset = 0;
	bool good = mail_date_parse(slice_of(in), &ms, &offset);
	ok(want_ms < 0 ? !good : good && ms == want_ms && offset == want_offset, "%s", shown(in));
}

static void dates(void)
{
	struct buf b = {0};
	mail_header_date(&b, "Date", 1772699400999, 60);
	is_str(b.p, "Date: Thu, 05 Mar 2026 09:30:00 +0100\r\n", "offset kept, fraction cut");
	buf_clear(&b);
	mail_date_put(&b, 1772699400000, -210);
	is_str(b.p, "Thu, 05 Mar 2026 05:00:00 -0330", "west");
	buf_clear(&b);
	mail_date_put(&b, -1, 0);
	is_str(b.p, "Wed, 31 Dec 1969 23:59:59 +0000", "before 1970");
	buf_clear(&b);
	mail_date_put(&b, INT64_MAX, 0);
	is_str(b.p, "Thu, 01 Jan 1970 00:00:00 +0000", "beyond every calendar");
	buf_free(&b);
	date("Thu, 05 Mar 2026 09:30:00 +0100", 1772699400000, 60);
	date("Thu, 05 Mar 2026 08:30:00 GMT", 1772699400000, 0);
	date("5 mar 2026 08:30 UT", 1772699400000, 0);
	date("Thu, 05 Mar 2026 08:30:00 +0000 (UTC)", 1772699400000, 0);
	date("Sun, 29 Feb 2032 00:00:00 -0330", 1961638200000, -210);
	date("Tue, 30 Jun 2015 23:59:60 GMT", 1435708800000, 0);
	static const char *const bad[] = {"",
					  "now",
					  "Thu, 05 Mar 2026 08:30:00",
					  "Thu, 05 Mar 2026 08:30:00 CEST",
					  "Thu, 29 Feb 2026 08:30:00 GMT",
					  "Thu, 31 Apr 2026 08:30:00 GMT",
					  "Thu, 05 Mar 26 08:30:00 GMT",
					  "Thu, 05 Xxx 2026 08:30:00 GMT",
					  "Thu, 05 Mar 2026 24:30:00 GMT",
					  "Thu, 05 Mar 2026 08:60:00 GMT",
					  "Thu, 00 Mar 2026 08:30:00 GMT",
					  "Thu, 05 Mar 2026 08:30:00 +01000",
					  "Thu, 05 Mar 2026 08:30:00 GMT x"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		date(bad[i], -1, 0);
}

/* ---- bodies ---- */

static void encode(enum mail_cte cte, bool text, struct slice in, size_t step, struct buf *out)
{
	struct mail_encoder e;
	mail_encode_begin(&e, cte, text);
	for (size_t at = 0; at < in.n; at += step)
		mail_encode(&e, (struct slice){in.p + at, in.n - at < step ? in.n - at : step}, out);
	mail_encode_end(&e, out);
}

static void encoded(enum mail_cte cte, const char *in, const char *want)
{
	for (size_t step = 1; step < 8; step += 3) { /* the same in pieces of any size */
		struct buf b = {0};
		encode(cte, true, slice_of(in), step, &b);
		is_str(buf_str(&b), want, mail_cte_name(cte));
		buf_free(&b);
	}
}

static enum mail_cte chosen(const char *in, size_t n, bool eightbit)
{
	struct mail_scan s = {0};
	mail_scan(&s, (struct slice){in, n / 2});
	mail_scan(&s, (struct slice){in + n / 2, n - n / 2});
	return mail_text_cte(&s, eightbit);
}

/* What a reader makes of it; gmime decodes. */
static void comes_back(enum mail_cte cte, bool text, struct slice in)
{
	struct buf b = {0}, want = {0};
	encode(cte, text, in, 1000, &b);
	GMimeEncoding d;
	g_mime_encoding_init_decode(&d, cte == MAIL_QP ? GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE
						       : GMIME_CONTENT_ENCODING_BASE64);
	char *plain = malloc(b.n + 16);
	size_t n = g_mime_encoding_step(&d, b.p, b.n, plain);
	if (text) {
		struct buf copy = {0};
		encode(MAIL_8BIT, true, in, 1000, &want);
		if (cte == MAIL_BASE64 && (!in.n || in.p[in.n - 1] != '\n'))
			want.n -= 2;
		buf_free(&copy);
	} else {
		buf_slice(&want, in);
	}
	ok(n == want.n && memcmp(plain, want.p, n) == 0, "%s of %zu octets comes back", mail_cte_name(cte), in.n);
	bool lines = b.n >= 2 && memcmp(b.p + b.n - 2, "\r\n", 2) == 0;
	size_t col = 0;
	for (size_t i = 0; i < b.n; i++) {
		bool end = b.p[i] == '\r' || b.p[i] == '\n';
		lines = lines && (b.p[i] != '\n' || b.p[i - 1] == '\r') && (unsigned char)b.p[i] < 127;
		lines = lines && !(b.p[i] == '\r' && i && (b.p[i - 1] == ' ' || b.p[i - 1] == '\t'));
		col = end ? 0 : col + 1;
		lines = lines && col <= 76;
	}
	ok(lines, "in lines of 76 with CRLF");
	free(plain);
	buf_free(&b);
	buf_free(&want);
}

static void bodies(void)
{
	encoded(MAIL_7BIT, "a", "a\r\n");
	encoded(MAIL_7BIT, "a\r\nb\nc\rd\r\n", "a\r\nb\r\nc\r\nd\r\n");
	encoded(MAIL_7BIT, "a\n\r\r\nb", "a\r\n\r\n\r\nb\r\n");
	encoded(MAIL_7BIT, "", "");
	encoded(MAIL_7BIT, "a\r", "a\r\n");
	encoded(MAIL_8BIT, "\xc3\xb6\n", "\xc3\xb6\r\n");
	encoded(MAIL_QP, "caf\xc3\xa9=1 \nx\t", "caf=C3=A9=3D1=20\r\nx=09\r\n");
	encoded(MAIL_QP, ".a\nFrom b\n.", "=2Ea\r\n=46rom b\r\n=2E\r\n");
	encoded(MAIL_BASE64, "hi\n", "aGkNCg==\r\n");
	struct buf text = {0}, longline = {0};
	unsigned seed = 3;
	for (int i = 0; i < 40000; i++) {
		seed = seed * 1103515245u + 12345;
		buf_putc(&text, i % 5 ? "ab .=\t\n\r"[(seed >> 16) % 8] : (char)(seed >> 16));
	}
	comes_back(MAIL_QP, true, slice_buf(&text));
	comes_back(MAIL_BASE64, true, slice_buf(&text));
	for (size_t n = 1; n < 130; n += 7)
		comes_back(MAIL_BASE64, false, (struct slice){text.p, n});
	comes_back(MAIL_BASE64, false, slice_buf(&text));
	for (size_t n = 55; n < 60; n++) {
		struct buf b = {0};
		encode(MAIL_BASE64, false, (struct slice){text.p, n}, 10, &b);
		is_int(mail_base64_size((int64_t)n), (long long)b.n, "size is known before");
		buf_free(&b);
	}
	is_int(mail_base64_size(0), 0, "nothing is nothing");
	for (int i = 0; i < 999; i++)
		buf_putc(&longline, 'a');
	is_int(chosen("plain\r\n", 7, true), MAIL_7BIT, "ASCII");
	is_int(chosen("caf\xc3\xa9", 5, true), MAIL_8BIT, "8 bit offered");
	is_int(chosen("caf\xc3\xa9 and much more Latin text", 30, false), MAIL_QP, "8 bit not offered");
	is_int(chosen("\xd0\x9f\xd1\x80\xd0\xb8", 6, false), MAIL_BASE64, "not Latin");
	is_int(chosen(longline.p, 999, true), MAIL_QP, "a line of 999");
	is_int(chosen(longline.p, 998, true), MAIL_7BIT, "a line of 998");
	is_int(chosen("a\0b", 3, true), MAIL_QP, "NUL");
	buf_free(&text);
	buf_free(&longline);
}

static void file_name(const char *in, const char *type, const char *want)
{
	struct buf b = {0};
	mail_file_name(&b, slice_of(in), slice_of(type));
	is_str(b.p, want, shown(want));
	buf_free(&b);
}

static void file_names(void)
{
	file_name("photo.jpg", "image/jpeg", "photo.jpg");
	file_name("../../etc/passwd", "text/plain", "passwd");
	file_name("C:\\temp\\a.txt", "text/plain", "a.txt");
	file_name(".bashrc", "text/plain", "bashrc");
	file_name("", "image/JPEG", "file.jpg");
	file_name("...", "application/x-unheard", "file.bin");
	file_name("a\r\nb\"c.png", "image/png", "a b_c.png");
	file_name("invoice\xe2\x80\xae"
		  "fdp.exe",
		  "application/pdf", "invoicefdp.exe");
	file_name("\xc3\xb6.txt. ", "text/plain", "\xc3\xb6.txt");
	struct buf b = {0}, out = {0};
	for (int i = 0; i < 100; i++)
		buf_puts(&b, "\xc3\xb6");
	buf_puts(&b, ".jpeg");
	mail_file_name(&out, slice_buf(&b), SLICE("image/jpeg"));
	ok(out.n <= 128 && out.n > 120 && strcmp(out.p + out.n - 5, ".jpeg") == 0 && utf8_valid(out.p, out.n),
	   "cut, extension kept");
	buf_free(&b);
	buf_free(&out);
}

static void param(const char *value, const char *want)
{
	struct buf b = {0};
	struct mail_field f;
	mail_field_begin(&f, &b, "Content-Disposition");
	mail_field_word(&f, SLICE("attachment"));
	mail_field_param(&f, "filename", slice_of(value));
	mail_field_end(&f);
	ok(well_formed(b.p), "well formed");
	if (want)
		is_str(b.p, want, shown(value));
	GMimeContentDisposition *d = g_mime_content_disposition_parse(NULL, b.p + 21);
	is_str(g_mime_content_disposition_get_parameter(d, "filename"), value, "read back");
	g_object_unref(d);
	buf_free(&b);
}

static void params(void)
{
	param("a.txt", "Content-Disposition: attachment; filename=a.txt\r\n");
	param("a b\\\"c.txt", "Content-Disposition: attachment; filename=\"a b\\\\\\\"c.txt\"\r\n");
	param("caf\xc3\xa9.txt", "Content-Disposition: attachment; filename*=UTF-8''caf%C3%A9.txt\r\n");
	param("\xd0\x9e\xd1\x87\xd0\xb5\xd0\xbd\xd1\x8c \xd0\xb4\xd0\xbb\xd0\xb8\xd0\xbd\xd0\xbd\xd0\xbe\xd0\xb5 "
	      "\xd0\xb8\xd0\xbc\xd1\x8f \xd1\x84\xd0\xb0\xd0\xb9\xd0\xbb\xd0\xb0.pdf",
	      NULL);
	param("a-very-long-file-name-of-plain-letters-that-does-not-fit-in-one-segment-at-all.tar.gz", NULL);
}

/* A whole mail, octet for octet. */
static void whole_mail(void)
{
	static const char text[] = "Are you free at noon? \xe2\x80\x93 Alice";
	static const char want[] =
		"Received: from scscf.ims.example.net by mailgw.ims.example.net with SIP\r\n"
		" id 0f31; Thu, 05 Mar 2026 08:30:01 +0000\r\n"
		"Date: Thu, 05 Mar 2026 09:30:00 +0100\r\n"
		"From: \"Alice A.\" <alice@rcs.example.net>\r\n"
		"To: bob@example.org\r\n"
		"Subject: Lunch?\r\n"
		"Message-ID: "
		"<m.1710887c7ca47dc2c1274c11673eb0df.477b66ae9662e3ad18549bf5dabf9d26.0.06a3e87fdf@rcs.example.net>\r\n"
		"X-Priority: 1\r\n"
		"Importance: high\r\n"
		"Disposition-Notification-To: <alice@rcs.example.net>\r\n"
		"X-CPM-Gateway: mailgw.ims.example.net\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=UTF-8\r\n"
		"Content-Transfer-Encoding: 8bit\r\n"
		"\r\n"
		"Are you free at noon? \xe2\x80\x93 Alice\r\n";
	struct buf b = {0};
	struct mail_field f;
	struct mail_received r = {"scscf.ims.example.net", "mailgw.ims.example.net", "SIP", "0f31", 1772699401000, 0};
	struct slice id = SLICE(
		"m.1710887c7ca47dc2c1274c11673eb0df.477b66ae9662e3ad18549bf5dabf9d26.0.06a3e87fdf@rcs.example.net");
	mail_header_received(&b, &r);
	mail_header_date(&b, "Date", 1772699400000, 60);
	mail_field_begin(&f, &b, "From");
	mail_field_address(&f, SLICE("Alice A."), SLICE("alice@rcs.example.net"));
	mail_field_end(&f);
	mail_field_begin(&f, &b, "To");
	mail_field_address(&f, SLICE(""), SLICE("bob@example.org"));
	mail_field_end(&f);
	mail_header_put(&b, "Subject", SLICE("Lunch?"));
	mail_header_ids(&b, "Message-ID", &id, 1);
	mail_header_words(&b, "X-Priority", SLICE("1"));
	mail_header_words(&b, "Importance", SLICE("high"));
	mail_header_angle(&b, "Disposition-Notification-To", SLICE("alice@rcs.example.net"));
	mail_header_words(&b, "X-CPM-Gateway", SLICE("mailgw.ims.example.net"));
	mail_header_words(&b, "MIME-Version", SLICE("1.0"));
	mail_field_begin(&f, &b, "Content-Type");
	mail_field_word(&f, SLICE("text/plain"));
	mail_field_param(&f, "charset", SLICE("UTF-8"));
	mail_field_end(&f);
	mail_header_words(&b, "Content-Transfer-Encoding", slice_of(mail_cte_name(chosen(text, strlen(text), true))));
	buf_puts(&b, "\r\n");
	encode(MAIL_8BIT, true, slice_of(text), 7, &b);
	is_int((long long)b.n, 601, "size of the mail");
	ok(strcmp(b.p, want) == 0, "the mail, octet for octet");
	buf_free(&b);
}

int main(void)
{
	g_mime_init();
	addresses();
	xtexts();
	texts();
	parties();
	long_list();
	ids();
	received();
	dates();
	bodies();
	file_names();
	params();
	whole_mail();
	g_mime_shutdown();
	return tap_done();
}
