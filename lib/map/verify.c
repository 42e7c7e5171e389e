#include "map/verify.h"

#include <stdlib.h>

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Without comments, blanks collapsed; what is quoted loses its quotes. */
static void plain(struct buf *out, struct slice s)
{
	size_t depth = 0;
	bool quoted = false;
	buf_put(out, "", 0);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\' && (quoted || depth)) {
			i++;
			if (!depth && i < s.n)
				buf_putc(out, s.p[i]);
		} else if (c == '"' && !depth) {
			quoted = !quoted;
		} else if (c == '(' && !quoted) {
			depth++;
		} else if (c == ')' && depth) {
			depth--;
		} else if (!depth) {
			buf_putc(out, blank(c) ? ' ' : c);
		}
	}
}

/* The next word of s: cut at blanks, blanks around "=" do not count. */
static bool next_word(struct slice *s, struct slice *name, struct slice *value)
{
	*s = slice_trim(*s);
	size_t n = 0;
	while (n < s->n && s->p[n] != ' ' && s->p[n] != '=')
		n++;
	*name = (struct slice){s->p, n};
	*value = (struct slice){"", 0};
	s->p += n, s->n -= n;
	struct slice rest = slice_trim(*s);
	if (!rest.n || rest.p[0] != '=')
		return name->n > 0;
	rest = slice_trim((struct slice){rest.p + 1, rest.n - 1});
	for (n = 0; n < rest.n && rest.p[n] != ' ';)
		n++;
	*value = (struct slice){rest.p, n};
	*s = (struct slice){rest.p + n, rest.n - n};
	return name->n > 0 || value->n > 0;
}

static struct slice domain_of(struct slice address)
{
	const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;
	return at ? (struct slice){at + 1, address.n - (size_t)(at + 1 - address.p)} : address;
}

/* The same domain, or one is below the other and the upper one has a dot. */
static bool aligned(struct slice a, struct slice b)
{
	struct slice upper = a.n < b.n ? a : b, lower = a.n < b.n ? b : a;
	if (!upper.n || !memchr(upper.p, '.', upper.n))
		return upper.n && upper.n == lower.n && strncasecmp(upper.p, lower.p, upper.n) == 0;
	struct slice end = {lower.p + lower.n - upper.n, upper.n};
	return strncasecmp(end.p, upper.p, upper.n) == 0 && (lower.n == upper.n || end.p[-1] == '.');
}

/* Which property names the domain of a method. */
static const struct {
	const char *method, *property;
	size_t offset;
} methods[] = {
	{"spf", "smtp.mailfrom", offsetof(struct verify, spf)},
	{"dkim", "header.d", offsetof(struct verify, dkim)},
	{"dkim", "header.i", offsetof(struct verify, dkim)},
	{"dmarc", "header.from", offsetof(struct verify, dmarc)},
};

static enum verify_result judge(struct slice result, struct slice domain, struct slice from)
{
	if (slice_ieq(result, "pass"))
		return aligned(domain, from) ? VERIFY_PASS : VERIFY_UNALIGNED;
	if (slice_ieq(result, "fail") || slice_ieq(result, "hardfail"))
		return VERIFY_FAIL;
	return VERIFY_NONE;
}

/* One "method=result property=value ...": the best of several results of a method counts (DKIM has one a signature). */
static void take(struct verify *v, struct slice one, struct slice from)
{
	struct slice method, result, name, value;
	if (!next_word(&one, &method, &result))
		return;
	bool more;
	method = slice_cut(&method, '/', &more); /* a version */
	enum verify_result *to = NULL, found = VERIFY_NONE;
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (slice_ieq(method, methods[i].method))
			to = (enum verify_result *)(void *)((char *)v + methods[i].offset);
	if (!to)
		return;
	found = judge(result, (struct slice){"", 0}, from);
	while (next_word(&one, &name, &value))
		for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
			if (slice_ieq(method, methods[i].method) && slice_ieq(name, methods[i].property) &&
			    found != VERIFY_PASS)
				found = judge(result, domain_of(value), from);
	static const int rank[] = {[VERIFY_NONE] = 0, [VERIFY_FAIL] = 1, [VERIFY_UNALIGNED] = 2, [VERIFY_PASS] = 3};
	if (rank[found] > rank[*to])
		*to = found;
}

struct verify verify_read(const struct mail_head *h, const char *authserv_id, struct slice from)
{
	struct verify v = {0};
	struct slice value;
	for (size_t k = 0; (value = mail_head_get(h, "Authentication-Results", k)).p; k++) {
		struct buf text = {0};
		bool more, found;
		plain(&text, value);
		struct slice rest = slice_buf(&text), id = slice_trim(slice_cut(&rest, ';', &more));
		struct slice name = slice_cut(&id, ' ', &found); /* a version behind it */
		found = slice_ieq(name, authserv_id);
		while (found && more)
			take(&v, slice_cut(&rest, ';', &more), domain_of(from));
		buf_free(&text);
		if (found)
			break;
	}
	return v;
}

bool verify_passed(const struct verify *v, enum verify_method by, bool mac)
{
	switch (by) {
	case VERIFY_BY_NONE:
		return true;
	case VERIFY_BY_SPF:
		return v->spf == VERIFY_PASS;
	case VERIFY_BY_DKIM:
		return v->dkim == VERIFY_PASS;
	case VERIFY_BY_DMARC:
		return v->dmarc == VERIFY_PASS;
	case VERIFY_BY_MAC:
		return mac;
	case VERIFY_BY_DMARC_OR_MAC:
		return mac || v->dmarc == VERIFY_PASS;
	}
	return false;
}

bool verify_forged(const struct verify *v)
{
	return v->spf == VERIFY_FAIL || v->dmarc == VERIFY_FAIL;
}
