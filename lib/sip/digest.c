#include "sip/digest.h"
#include "sip/fields.h"
#include "base/log.h"
#include "base/text.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { VALUE_MAX = 1024 }; /* octets of one parameter of a challenge */

void sip_challenge_free(struct sip_challenge *c)
{
	free(c->realm);
	free(c->nonce);
	free(c->opaque);
	*c = (struct sip_challenge){0};
}

/* A token or a quoted string without its quotes and escapes; NULL if it is neither, too long, or holds controls. */
static char *plain_value(struct slice v)
{
	struct buf out = {0};
	bool quoted = v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"';
	bool good = v.n <= VALUE_MAX && (quoted || is_token(v.p, v.n));
	buf_puts(&out, "");
	for (size_t i = quoted ? 1 : 0; good && i < v.n - quoted; i++) {
		if (quoted && v.p[i] == '\\' && ++i == v.n - 1)
			good = false;
		else if ((unsigned char)v.p[i] < ' ' || v.p[i] == 127)
			good = false;
		else
			buf_putc(&out, v.p[i]);
	}
	if (good)
		return out.p;
	buf_free(&out);
	return NULL;
}

static bool qop_has_auth(const char *list)
{
	struct slice rest = slice_of(list);
	bool more = true, found = false;
	while (more)
		found |= slice_ieq(slice_trim(slice_cut(&rest, ',', &more)), "auth");
	return found;
}

static bool keep(char **to, char *text)
{
	if (*to)
		return false;
	*to = text;
	return true;
}

/* Takes over value. False: the challenge cannot be answered. */
static bool take_param(struct sip_challenge *c, struct slice name, char *value)
{
	bool good = true, kept = false;
	if (slice_ieq(name, "realm")) {
		good = kept = keep(&c->realm, value);
	} else if (slice_ieq(name, "nonce")) {
		good = kept = keep(&c->nonce, value);
	} else if (slice_ieq(name, "opaque")) {
		good = kept = keep(&c->opaque, value);
	} else if (slice_ieq(name, "stale")) {
		c->stale = strcasecmp(value, "true") == 0;
	} else if (slice_ieq(name, "algorithm")) {
		c->algorithm_named = true;
		c->algorithm = strcasecmp(value, "SHA-256") == 0 ? SIP_DIGEST_SHA256 : SIP_DIGEST_MD5;
		good = c->algorithm == SIP_DIGEST_SHA256 || strcasecmp(value, "MD5") == 0;
	} else if (slice_ieq(name, "qop")) {
		c->auth = qop_has_auth(value);
		good = c->auth;
	}
	if (!kept)
		free(value);
	return good;
}

bool sip_challenge_parse(struct sip_challenge *c, struct slice value)
{
	bool good = true;
	*c = (struct sip_challenge){0};
	value = slice_trim(value);
	if (!slice_istarts(value, "Digest") || value.n < 8 || (value.p[6] != ' ' && value.p[6] != '\t'))
		return false;
	value = (struct slice){value.p + 7, value.n - 7};
	while (good && value.n) {
		size_t end = sip_find_outside(value, ',');
		struct slice one = slice_trim((struct slice){value.p, end}), name;
		bool more;
		value = end < value.n ? (struct slice){value.p + end + 1, value.n - end - 1} : (struct slice){"", 0};
		if (!one.n)
			continue;
		name = slice_trim(slice_cut(&one, '=', &more));
		char *text = more ? plain_value(slice_trim(one)) : NULL;
		good = text && take_param(c, name, text);
	}
	if (good && c->realm && c->nonce)
		return true;
	sip_challenge_free(c);
	return false;
}

static void digest_hex(struct buf *out, enum sip_digest_algorithm a, struct slice in)
{
	unsigned char octets[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	if (EVP_Digest(in.p, in.n, octets, &n, a == SIP_DIGEST_SHA256 ? EVP_sha256() : EVP_md5(), NULL) != 1)
		die_temp("digest: the algorithm is not there");
	hex_put(out, octets, 2 * n);
}

void sip_digest_response(struct buf *out, const struct sip_challenge *c, const struct sip_credentials *who)
{
	struct buf all = {0}, part = {0};
	buf_printf(&part, "%s:%s:%s", who->user, c->realm, who->password);
	digest_hex(&all, c->algorithm, slice_buf(&part));
	buf_printf(&all, ":%s:", c->nonce);
	if (c->auth)
		buf_printf(&all, "%08x:%s:auth:", (unsigned)who->nc, who->cnonce);
	explicit_bzero(part.p, part.n);
	buf_clear(&part);
	buf_printf(&part, "%s:%s", who->method, who->uri);
	digest_hex(&all, c->algorithm, slice_buf(&part));
	digest_hex(out, c->algorithm, slice_buf(&all));
	buf_free(&part);
	buf_free(&all);
}

static void put_quoted(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *value);
	}
	buf_putc(out, '"');
}

void sip_digest_answer(struct buf *out, const struct sip_challenge *c, const struct sip_credentials *who)
{
	buf_puts(out, "Digest ");
	put_quoted(out, "username", who->user);
	put_quoted(out, ", realm", c->realm);
	put_quoted(out, ", nonce", c->nonce);
	put_quoted(out, ", uri", who->uri);
	buf_puts(out, ", response=\"");
	sip_digest_response(out, c, who);
	buf_putc(out, '"');
	if (c->algorithm_named)
		buf_printf(out, ", algorithm=%s", c->algorithm == SIP_DIGEST_SHA256 ? "SHA-256" : "MD5");
	if (c->opaque)
		put_quoted(out, ", opaque", c->opaque);
	if (c->auth) {
		put_quoted(out, ", cnonce", who->cnonce);
		buf_printf(out, ", qop=auth, nc=%08x", (unsigned)who->nc);
	}
}
