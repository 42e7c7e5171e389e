/*
 * Fuzz target: names and header fields. Any octets as a URI, an address, a RCPT, a msg-id, a header value or a body;
 * what comes out must parse again, map back to where it came from, and hold nothing that ends a line early.
 */
#include "base/log.h"
#include "base/text.h"
#include "mail/address.h"
#include "mail/body.h"
#include "mail/header.h"
#include "map/address.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct map_names *names;
static struct token_keys keys;

static void check(bool good)
{
	if (!good)
		abort();
}

static void setup(void)
{
	static const char *const sip[] = {"ims.example.net", NULL};
	static const struct map_pair domains[] = {{"ims.example.net", "rcs.example.net"},
						  {"two.example.net", "rcs.example.net"},
						  {"corp.example", "mail.corp.example"},
						  {NULL, NULL}};
	char why[128];
	log_set_level(LOG_ERROR);
	token_keys_add(&keys, "0123456789abcdef0123456789abcdef", 32);
	struct map_settings s = {.gateway = "gw.example.net",
				 .mail_domain = "rcs.example.net",
				 .sip_domains = sip,
				 .domain_map = domains,
				 .default_cc = "44",
				 .keys = &keys,
				 .accept_foreign_domain = true,
				 .address_literals = true};
	names = map_names_make(&s, why);
	check(names != NULL);
}

/* ---- mapping ---- */

static void request_uri(const char *s)
{
	struct buf address = {0}, uri = {0}, again = {0};
	struct mail_address a;
	enum map_verdict v = map_from_request_uri(names, s, &address);
	check((v == MAP_OK || v == MAP_ENUM) == (address.n > 0));
	if (v == MAP_OK) { /* the SIP identity of the address leads back to it */
		check(mail_address_parse(slice_buf(&address), &a));
		check(map_sip_identity(names, address.p, &uri));
		check(map_from_request_uri(names, uri.p, &again) == MAP_OK && strcmp(address.p, again.p) == 0);
	}
	buf_free(&address), buf_free(&uri), buf_free(&again);
}

static void user(const char *s)
{
	struct buf normal = {0}, again = {0}, mail = {0}, back = {0};
	struct mail_address a;
	bool good = map_normalise_uri(names, s, &normal);
	if (good)
		check(map_normalise_uri(names, normal.p, &again) && strcmp(normal.p, again.p) == 0);
	if (map_to_mail(names, s, &mail)) {
		check(good && mail_address_parse(slice_buf(&mail), &a));
		if (!slice_istarts(slice_buf(&normal), "mailto:")) {
			check(a.ascii && !a.quoted && map_domain_ours(names, a.domain));
			if (token_local_form(a.local) != 'x')
				check(map_to_cpm(names, mail.p, NULL, &back) == MAP_RCPT_OK &&
				      strcmp(back.p, normal.p) == 0);
		}
	} else {
		check(mail.n == 0);
	}
	map_needs_tls(names, s);
	map_is_anonymous(s);
	buf_free(&normal), buf_free(&again), buf_free(&mail), buf_free(&back);
}

static void rcpt(const char *s)
{
	struct buf local = {0}, uri = {0}, again = {0};
	if (!strchr(s, '@'))
		buf_printf(&local, "%s@rcs.example.net", s);
	else
		buf_puts(&local, s);
	enum map_rcpt v = map_to_cpm(names, local.p, NULL, &uri);
	check((v == MAP_RCPT_OK) == (uri.n > 0));
	if (v == MAP_RCPT_OK)
		check(map_normalise_uri(names, uri.p, &again) && strcmp(uri.p, again.p) == 0);
	buf_free(&local), buf_free(&uri), buf_free(&again);
}

static void codes(struct slice s)
{
	for (unsigned rule = 0; rule < 4; rule++) {
		struct buf coded = {0}, back = {0};
		map_enc(&coded, s, rule);
		check(map_dec(&back, slice_buf(&coded)) && back.n == s.n && memcmp(back.p, s.p, s.n) == 0);
		check(!memchr(coded.p, '@', coded.n) && is_ascii(coded.p, coded.n));
		buf_free(&coded), buf_free(&back);
	}
	struct buf x = {0}, back = {0};
	xtext_put(&x, s);
	check(xtext_get(&back, slice_buf(&x)) && back.n == s.n && memcmp(back.p, s.p, s.n) == 0);
	buf_free(&x), buf_free(&back);
	map_dec(&x, s), buf_free(&x);
	xtext_get(&x, s), buf_free(&x);
}

static void msgid(const char *s, struct slice whole)
{
	struct token_message m = {.kind = TOKEN_SESSION, .conv = s, .contr = "c", .mail = s, .seq = 3};
	struct token_parsed t;
	struct buf id = {0};
	if (token_msgid_parse(&keys, whole, "rcs.example.net", &t))
		token_parsed_free(&t);
	token_msgid(&keys, &m, "rcs.example.net", &id);
	if (*s) {
		check(token_msgid_parse(&keys, slice_buf(&id), "rcs.example.net", &t));
		check(t.token.n || strcmp(buf_str(&t.conv), s) == 0);
		token_parsed_free(&t);
	}
	buf_free(&id);
}

/* ---- what is written into mails ---- */

/* Exactly one field: every CRLF but the last is followed by a blank and something visible; no other control. */
static void one_field(const struct buf *b, bool ascii)
{
	if (!b->n)
		return;
	check(b->n > 2 && memcmp(b->p + b->n - 2, "\r\n", 2) == 0);
	for (size_t i = 0, line = 0; i + 2 < b->n; i++, line++) {
		unsigned char c = (unsigned char)b->p[i];
		check(line < 998);
		if (c == '\r' && b->p[i + 1] == '\n') {
			check(b->p[i + 2] == ' ' && (unsigned char)b->p[i + 3] > ' ');
			i++;
			line = 0;
		} else {
			check(c >= ' ' && c != 127 && (!ascii || c < 127));
		}
	}
}

static void fields(struct slice s, struct slice other)
{
	struct buf b = {0};
	struct mail_field f;
	struct mail_address a;
	mail_header_put(&b, "Subject", s);
	one_field(&b, true), buf_clear(&b);
	mail_header_words(&b, "X-CPM-Gateway", s);
	one_field(&b, true), buf_clear(&b);
	mail_header_ids(&b, "References", (struct slice[]){s, other, SLICE("a@b")}, 3);
	one_field(&b, true), buf_clear(&b);
	mail_field_begin(&f, &b, "To");
	for (int i = 0; i < 3; i++)
		check(mail_field_address(&f, s, i == 1 ? SLICE("bob@example.org") : other) ==
		      (i == 1 || mail_address_parse(other, &a)));
	check(mail_field_end(&f));
	one_field(&b, mail_address_parse(other, &a) ? a.ascii : true), buf_clear(&b);
	mail_header_angle(&b, "Disposition-Notification-To", s);
	one_field(&b, false), buf_clear(&b);
	mail_field_begin(&f, &b, "Content-Disposition");
	mail_field_word(&f, SLICE("attachment"));
	mail_field_param(&f, "filename", s);
	mail_field_end(&f);
	one_field(&b, true), buf_free(&b);
}

static void trace(const char *s)
{
	struct buf b = {0};
	mail_header_received(&b, &(struct mail_received){.from = s, .by = s, .with = "SIP", .id = s, .ms = 1});
	one_field(&b, true);
	int64_t ms, same;
	int offset, same_offset;
	if (mail_date_parse(slice_of(s), &ms, &offset)) {
		buf_clear(&b);
		mail_date_put(&b, ms, offset);
		check(mail_date_parse(slice_buf(&b), &same, &same_offset) && same == ms && same_offset == offset);
	}
	buf_free(&b);
}

static void body(struct slice s, size_t step)
{
	for (int cte = MAIL_7BIT; cte <= MAIL_BASE64; cte++) {
		struct buf b = {0}, back = {0};
		struct mail_encoder e;
		mail_encode_begin(&e, (enum mail_cte)cte, cte != MAIL_BASE64);
		for (size_t at = 0; at < s.n; at += step)
			mail_encode(&e, (struct slice){s.p + at, s.n - at < step ? s.n - at : step}, &b);
		mail_encode_end(&e, &b);
		check(!b.n || (b.n >= 2 && memcmp(b.p + b.n - 2, "\r\n", 2) == 0));
		for (size_t i = 0, line = 0; i < b.n; i++, line++) {
			check((b.p[i] == '\r') == (i + 1 < b.n && b.p[i + 1] == '\n'));
			line = b.p[i] == '\r' ? 0 : line;
			check(cte < MAIL_QP || line <= 77);
		}
		if (cte == MAIL_BASE64) {
			check(mail_base64_size((int64_t)s.n) == (int64_t)b.n);
			size_t to = 0;
			for (size_t i = 0; i < b.n; i++)
				if (b.p[i] != '\r' && b.p[i] != '\n')
					b.p[to++] = b.p[i];
			check(!to || (base64_get(&back, b.p, to) && back.n == s.n && memcmp(back.p, s.p, s.n) == 0));
		}
		buf_free(&b), buf_free(&back);
	}
	struct mail_scan scan = {0};
	mail_scan(&scan, s);
	mail_text_cte(&scan, true);
}

static void file(struct slice s)
{
	struct buf b = {0};
	mail_file_name(&b, s, SLICE("image/jpeg"));
	check(b.n > 0 && b.n <= 128 && b.p[0] != '.' && utf8_valid(b.p, b.n) && !strpbrk(b.p, "/\\\"<>|\r\n"));
	check(strlen(b.p) == b.n);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (!names)
		setup();
	if (n < 1 || n > 4096)
		return 0;
	struct slice s = {(const char *)data + 1, n - 1}, second = s;
	bool more;
	struct slice first = slice_cut(&second, '\n', &more);
	char *text = slice_dup(s);
	request_uri(text);
	user(text);
	rcpt(text);
	codes(s);
	msgid(text, s);
	fields(first, second);
	trace(text);
	body(s, 1 + data[0]);
	file(s);
	free(text);
	return 0;
}
