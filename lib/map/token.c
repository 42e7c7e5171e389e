#include "map/token.h"

#include "base/text.h"
#include "map/address.h"
#include "mail/address.h"

#include <stdarg.h>
#include <stdio.h>

bool token_keys_add(struct token_keys *keys, const void *octets, size_t n)
{
	uint8_t digest[SHA256_LEN];
	if (n < TOKEN_KEY_MIN || keys->n == TOKEN_KEYS_MAX)
		return false;
	if (n > TOKEN_KEY_MAX) { /* what HMAC does with a key longer than its block (RFC 2104 2) */
		sha256(octets, n, digest);
		octets = digest;
		n = sizeof digest;
	}
	memcpy(keys->key[keys->n].octets, octets, n);
	keys->key[keys->n++].n = n;
	return true;
}

static bool add_line(struct token_keys *keys, struct slice line)
{
	struct buf raw = {0};
	bool hex = line.n >= 2 * TOKEN_KEY_MIN && line.n % 2 == 0;
	for (size_t i = 0; hex && i < line.n; i += 2) {
		int hi = hex_value(line.p[i]), lo = hex_value(line.p[i + 1]);
		hex = hi >= 0 && lo >= 0;
		buf_putc(&raw, (char)(hi * 16 + lo));
	}
	bool good = hex ? token_keys_add(keys, raw.p, raw.n) : token_keys_add(keys, line.p, line.n);
	buf_free(&raw);
	return good;
}

bool token_keys_parse(struct token_keys *keys, const char *text)
{
	struct slice rest = slice_of(text);
	bool more = true, good = true;
	while (more && good) {
		struct slice line = slice_trim(slice_cut(&rest, '\n', &more));
		if (line.n && line.p[0] != '#')
			good = add_line(keys, line);
	}
	return good && keys->n > 0;
}

static void derive(const struct token_keys *keys, size_t k, uint8_t out[SHA256_LEN], const char *label, va_list parts)
{
	struct buf b = {0};
	const char *part;
	buf_puts(&b, label);
	while ((part = va_arg(parts, const char *))) {
		buf_putc(&b, '\0');
		buf_puts(&b, part);
	}
	hmac_sha256((struct slice){keys->key[k].octets, keys->key[k].n}, b.p, b.n, out);
	buf_free(&b);
}

void token_hash(const struct token_keys *keys, uint8_t out[SHA256_LEN], const char *label, ...)
{
	va_list ap;
	va_start(ap, label);
	derive(keys, 0, out, label, ap);
	va_end(ap);
}

/* hex(n) and b32 of H(label, ...) */
static void __attribute__((sentinel))
put_hex(const struct token_keys *keys, struct buf *out, size_t digits, const char *label, ...)
{
	uint8_t h[SHA256_LEN];
	va_list ap;
	va_start(ap, label);
	derive(keys, 0, h, label, ap);
	va_end(ap);
	hex_put(out, h, digits);
}

static void __attribute__((sentinel)) put_b32(const struct token_keys *keys, struct buf *out, const char *label, ...)
{
	uint8_t h[SHA256_LEN];
	va_list ap;
	va_start(ap, label);
	derive(keys, 0, h, label, ap);
	va_end(ap);
	b32_put(out, h, SHA256_LEN, TOKEN_B32);
}

static void put_mac(const struct token_keys *keys, size_t k, struct slice signed_part, struct buf *out)
{
	struct buf b = {0};
	uint8_t h[SHA256_LEN];
	buf_put(&b, "mac", 4); /* the 00 octet between the parts included */
	buf_slice(&b, signed_part);
	hmac_sha256((struct slice){keys->key[k].octets, keys->key[k].n}, b.p, b.n, h);
	hex_put(out, h, 10);
	buf_free(&b);
}

static void put_seq(const struct token_keys *keys, const struct token_message *m, struct buf *out)
{
	switch (m->kind) {
	case TOKEN_STANDALONE:
		buf_putc(out, '0');
		break;
	case TOKEN_SESSION:
	case TOKEN_NOTICE:
		buf_printf(out, "%llu-", (unsigned long long)m->seq);
		put_hex(keys, out, 6, "u", m->mail, NULL);
		break;
	case TOKEN_REPORT:
		put_hex(keys, out, 8, "rep", m->mail, m->what, NULL);
		break;
	}
}

void token_msgid(const struct token_keys *keys, const struct token_message *m, const char *domain, struct buf *out)
{
	struct buf id = {0}, conv = {0}, contr = {0};
	map_enc(&conv, slice_of(m->conv), MAP_ENC_DOT);
	map_enc(&contr, slice_of(m->contr), MAP_ENC_DOT);
	buf_putc(&id, (char)m->kind);
	buf_putc(&id, '.');
	if (m->hidden || conv.n > MAIL_LOCAL_MAX || contr.n > MAIL_LOCAL_MAX) {
		put_b32(keys, &id, "tok", m->conv, m->contr, NULL);
		buf_putc(&id, '.');
	} else {
		buf_printf(&id, "%s.%s.", conv.p, contr.p);
	}
	put_seq(keys, m, &id);
	buf_slice(out, slice_buf(&id));
	buf_putc(out, '.');
	put_mac(keys, 0, slice_buf(&id), out);
	buf_putc(out, '@');
	buf_puts(out, domain);
	buf_free(&id);
	buf_free(&conv);
	buf_free(&contr);
}

struct slice token_of_msgid(struct slice msgid)
{
	bool more;
	struct slice left = slice_cut(&msgid, '@', &more), part[5];
	size_t n = 0;
	for (more = true; more && n < 5; n++)
		part[n] = slice_cut(&left, '.', &more);
	return n == 4 ? part[1] : (struct slice){"", 0};
}

static bool mac_good(const struct token_keys *keys, struct slice signed_part, struct slice mac)
{
	bool good = false;
	for (size_t k = 0; k < keys->n && mac.n == 10; k++) {
		struct buf want = {0};
		unsigned differ = 0;
		put_mac(keys, k, signed_part, &want);
		for (size_t i = 0; i < 10; i++) /* the same time whatever differs */
			differ |= (unsigned)(want.p[i] ^ mac.p[i]);
		good = good || !differ;
		buf_free(&want);
	}
	return good;
}

static bool base32_text(struct slice s, size_t chars)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '2' && s.p[i] <= '7')))
			return false;
	return s.n == chars;
}

bool token_msgid_parse(const struct token_keys *keys, struct slice msgid, const char *domain, struct token_parsed *out)
{
	enum { PARTS = 5 };
	struct slice part[PARTS], left;
	size_t n = 0;
	bool more = true, at;
	*out = (struct token_parsed){0};
	msgid = slice_trim(msgid);
	if (msgid.n >= 2 && msgid.p[0] == '<' && msgid.p[msgid.n - 1] == '>')
		msgid.p++, msgid.n -= 2;
	left = slice_cut(&msgid, '@', &at);
	if (!at || !slice_ieq(msgid, domain))
		return false;
	struct slice rest = left;
	while (more && n < PARTS)
		part[n++] = slice_cut(&rest, '.', &more);
	if (more || n < 4 || part[0].n != 1 || !strchr("msnr", part[0].p[0]))
		return false;
	struct slice signed_part = {left.p, left.n - part[n - 1].n - 1};
	if (!mac_good(keys, signed_part, part[n - 1]))
		return false;
	out->kind = (enum token_kind)part[0].p[0];
	buf_slice(&out->seq, part[n - 2]);
	bool good;
	if (n == 4) {
		good = base32_text(part[1], TOKEN_B32);
		buf_slice(&out->token, part[1]);
	} else {
		good = map_dec(&out->conv, part[1]) && map_dec(&out->contr, part[2]);
	}
	if (!good)
		token_parsed_free(out);
	return good;
}

void token_parsed_free(struct token_parsed *t)
{
	buf_free(&t->conv);
	buf_free(&t->contr);
	buf_free(&t->token);
	buf_free(&t->seq);
}

void token_convid(const struct token_keys *keys, struct buf *out, ...)
{
	uint8_t h[SHA256_LEN];
	va_list ap;
	va_start(ap, out);
	derive(keys, 0, h, "conv", ap);
	va_end(ap);
	hex_put(out, h, 32);
}

void token_contrid(const struct token_keys *keys, struct buf *out, ...)
{
	uint8_t h[SHA256_LEN];
	va_list ap;
	va_start(ap, out);
	derive(keys, 0, h, "contr", ap);
	va_end(ap);
	hex_put(out, h, 32);
}

void token_imdn(const struct token_keys *keys, const char *msgid, const char *rcpt, struct buf *out)
{
	put_hex(keys, out, 16, "imdn", msgid, rcpt, NULL);
}

void token_imdn_report(const struct token_keys *keys, const char *msgid, const char *rcpt, const char *what,
		       struct buf *out)
{
	put_hex(keys, out, 16, "imdn", msgid, rcpt, what, NULL);
}

void token_envid(const struct token_keys *keys, const char *msgid, const char *first_rcpt, struct buf *out)
{
	buf_puts(out, "t.");
	put_b32(keys, out, "env", msgid, first_rcpt, NULL);
}

void token_group(const struct token_keys *keys, const char *focus, const char *conv, const char *mail, struct buf *out)
{
	buf_puts(out, "g-");
	put_b32(keys, out, "g", focus, conv, mail, NULL);
}

void token_alias(const struct token_keys *keys, const char *originator, const char *rcpt, const char *contr,
		 struct buf *out)
{
	buf_puts(out, "a-");
	put_b32(keys, out, "a", originator, rcpt, contr, NULL);
}

void token_long(const struct token_keys *keys, const char *user_at_host, struct buf *out)
{
	buf_puts(out, "x-");
	put_b32(keys, out, "x", user_at_host, NULL);
}

void token_suffix(const struct token_keys *keys, const char *msgid, const char *rcpt, struct buf *out)
{
	uint8_t h[SHA256_LEN];
	token_hash(keys, h, "sub", msgid, rcpt, NULL);
	b32_put(out, h, SHA256_LEN, TOKEN_SUFFIX);
}

struct slice token_suffix_form(struct slice local)
{
	size_t at = local.n > TOKEN_SUFFIX + 2 ? local.n - TOKEN_SUFFIX : 0;
	struct slice suffix = {local.p + at, TOKEN_SUFFIX};
	bool good = at && local.p[at - 1] == '-' && local.p[at - 2] == '-' && base32_text(suffix, TOKEN_SUFFIX);
	return good ? suffix : (struct slice){"", 0};
}

char token_local_form(struct slice local)
{
	if (local.n != TOKEN_B32 + 2 || local.p[1] != '-' || !strchr("gax", local.p[0]))
		return 0;
	return base32_text((struct slice){local.p + 2, TOKEN_B32}, TOKEN_B32) ? local.p[0] : 0;
}

void token_boundary(const struct token_keys *keys, const char *msgid, unsigned part, unsigned attempt, struct buf *out)
{
	char p[16], a[16];
	snprintf(p, sizeof p, "%u", part);
	snprintf(a, sizeof a, "%u", attempt);
	put_hex(keys, out, 24, "bnd", msgid, p, a, NULL);
}
