#include "dns/naptr.h"
#include "base/text.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>

enum {
	GROUPS = 10,	     /* \0 is the whole match and cannot be named */
	REPEAT_MAX = 32,     /* largest number in an interval: the C library copies the repeated part so often */
	ATOMS_MAX = 64,	     /* numbers of intervals added */
	REPETITIONS_MAX = 8, /* of any kind */
	ALTERNATIVES_MAX = 8,
	ANCHORS_MAX = 4
};

bool enum_domain(struct buf *out, const char *number, const char *suffix)
{
	size_t digits = *number == '+' ? strspn(number + 1, "0123456789") : 0;
	if (digits < 3 || digits > ENUM_DIGITS_MAX || number[1 + digits])
		return false;
	while (digits)
		buf_printf(out, "%c.", number[digits--]);
	buf_puts(out, suffix);
	return true;
}

bool enum_service(const char *field, const char *service)
{
	struct slice rest = slice_of(field);
	bool more;
	if (!slice_ieq(slice_cut(&rest, '+', &more), "E2U"))
		return false;
	while (more)
		if (slice_ieq(slice_cut(&rest, '+', &more), service))
			return true;
	return false;
}

/* The parts of !ERE!replacement!flags. A delimiter inside a part is written with a backslash before it. */
struct rule {
	struct buf ere, replacement;
	bool icase;
};

/* Everything up to the next bare delimiter; an escaped one loses its backslash. */
static bool cut_part(const char **at, char delimiter, struct buf *out)
{
	const char *p = *at;
	for (; *p && *p != delimiter; p++) {
		if (*p == '\\' && p[1]) {
			if (p[1] != delimiter)
				buf_putc(out, *p);
			p++;
		}
		buf_putc(out, *p);
	}
	*at = p + 1;
	return *p == delimiter;
}

static bool rule_read(struct rule *r, const char *regexp)
{
	const char *at = regexp + 1;
	char delimiter = *regexp;
	if (!delimiter || isdigit((unsigned char)delimiter) || strchr("i\\", delimiter)) /* RFC 3402 3.2 */
		return false;
	if (!cut_part(&at, delimiter, &r->ere) || !cut_part(&at, delimiter, &r->replacement) || r->ere.n == 0)
		return false;
	r->icase = strcasecmp(at, "i") == 0;
	return *at == '\0' || r->icase;
}

/* What a pattern may cost, counted along it. */
struct cost {
	int depth, atoms, repetitions, alternatives, anchors;
	bool loose[GROUPS]; /* by depth: something in the open group is repeated, or can be empty */
	bool closed_loose;  /* the same of the group that was just closed */
	char before;	    /* what stands before: one of "(|)^*", or x for any other atom */
};

/* Behind a bracket expression; NULL if it has no end. */
static const char *skip_bracket(const char *p)
{
	p++;
	if (*p == '^')
		p++;
	if (*p == ']')
		p++;
	for (; *p && *p != ']'; p++)
		if (*p == '[' && p[1] && strchr(".=:", p[1])) {
			char end[3] = {p[1], ']', 0};
			p = strstr(p + 2, end);
			if (!p)
				return NULL;
			p++;
		}
	return *p ? p + 1 : NULL;
}

/* "{m}", "{m,}", "{m,n}" with small numbers; NULL otherwise. */
static const char *skip_interval(const char *p, struct cost *c)
{
	for (p++; *p != '}'; p++) {
		if (isdigit((unsigned char)*p)) {
			char *end;
			unsigned long times = strtoul(p, &end, 10);
			if (times > REPEAT_MAX)
				return NULL;
			c->atoms += (int)times;
			p = end - 1;
		} else if (*p != ',') {
			return NULL;
		}
	}
	return p + 1;
}

/*
 * A repetition of a group that repeats something itself, or in which something can be empty, can take exponential time
 * or memory: glibc's regcomp wants 12 GB for "((.?|.?|.?){1,3}){1,32}". An interval behind a group copies all of it.
 */
static const char *skip_repetition(const char *p, struct cost *c)
{
	bool heavy = c->before == ')' && (*p == '{' || (*p != '?' && c->closed_loose));
	if (heavy || strchr("(|^*", c->before) || ++c->repetitions > REPETITIONS_MAX)
		return NULL;
	c->loose[c->depth] = true;
	return *p == '{' ? skip_interval(p, c) : p + 1;
}

/* An empty group or alternative is undefined in POSIX, and 200 of them in "(|||.)+" take regcomp half a minute. */
static bool empty(const struct cost *c)
{
	return strchr("(|", c->before);
}

static const char *skip_group(const char *p, struct cost *c)
{
	if (*p == '(') {
		if (++c->depth == GROUPS)
			return NULL;
		c->loose[c->depth] = false;
		return p + 1;
	}
	if (c->depth == 0 || empty(c))
		return NULL;
	c->closed_loose = c->loose[c->depth--];
	c->loose[c->depth] |= c->closed_loose;
	return p + 1;
}

static const char *skip_atom(const char *p, struct cost *c)
{
	switch (*p) {
	case '\\':
		/* \1 inside the pattern is no ERE, and GNU's \w and \` are nobody's */
		return p[1] && !isalnum((unsigned char)p[1]) && !strchr("`'<>", p[1]) ? p + 2 : NULL;
	case '[':
		return skip_bracket(p);
	case '*':
	case '+':
	case '?':
	case '{':
		return skip_repetition(p, c);
	case '(':
	case ')':
		return skip_group(p, c);
	case '|':
		return empty(c) || ++c->alternatives > ALTERNATIVES_MAX ? NULL : p + 1;
	case '^':
	case '$':
		c->loose[c->depth] = true;
		return ++c->anchors > ANCHORS_MAX ? NULL : p + 1;
	default:
		return p + 1;
	}
}

/* The class of an atom: what counts for the next one. */
static char atom_class(char c)
{
	if (strchr("*+?{", c))
		return '*';
	return strchr("(|)", c) ? c : c == '^' || c == '$' ? '^' : 'x';
}

/* Is the pattern one whose time and memory stay small whatever the zone's owner had in mind? Within these limits the
 * worst that a search by mutation has found takes 28 ms and 13 MB. */
static bool pattern_cheap(const char *ere)
{
	struct cost c = {.before = '('};
	for (const char *p = ere; *p;) {
		char class = atom_class(*p);
		p = skip_atom(p, &c);
		if (!p)
			return false;
		c.before = class;
		c.atoms += class == 'x';
	}
	return c.depth == 0 && c.atoms <= ATOMS_MAX && !empty(&c);
}

static bool substitute(struct buf *out, const char *replacement, const char *subject, const regmatch_t group[GROUPS])
{
	size_t start = out->n;
	for (const char *p = replacement; *p && out->n - start <= NAPTR_RESULT_MAX; p++) {
		if (*p != '\\') {
			buf_putc(out, *p);
			continue;
		}
		p++;
		if (*p >= '1' && *p <= '9') {
			regmatch_t g = group[*p - '0'];
			if (g.rm_so >= 0)
				buf_put(out, subject + g.rm_so, (size_t)(g.rm_eo - g.rm_so));
		} else if (*p == '\\') {
			buf_putc(out, *p);
		} else {
			return false; /* \0, or an escape that means nothing */
		}
	}
	return out->n - start <= NAPTR_RESULT_MAX;
}

bool naptr_rewrite(struct buf *out, const char *regexp, const char *subject)
{
	struct rule rule = {0};
	regex_t re;
	regmatch_t group[GROUPS];
	size_t start = out->n;
	bool done = false;
	if (rule_read(&rule, regexp) && pattern_cheap(rule.ere.p) &&
	    regcomp(&re, rule.ere.p, REG_EXTENDED | (rule.icase ? REG_ICASE : 0)) == 0) {
		done = regexec(&re, subject, GROUPS, group, 0) == 0 &&
		       substitute(out, buf_str(&rule.replacement), subject, group);
		regfree(&re);
	}
	if (!done && out->p) {
		out->n = start;
		out->p[start] = '\0';
	}
	buf_free(&rule.ere);
	buf_free(&rule.replacement);
	return done;
}

static bool address_plain(struct slice a)
{
	const char *at = a.n ? memrchr(a.p, '@', a.n) : NULL;
	if (!at || !utf8_valid(a.p, a.n))
		return false;
	for (const char *p = a.p; p < a.p + a.n; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("<>,;:\"\\()", *p) || (*p == '@' && p != at))
			return false;
	size_t local = (size_t)(at - a.p), domain = a.n - local - 1;
	return local >= 1 && local <= 64 && domain >= 1 && domain <= 255;
}

bool naptr_mailto(struct buf *out, const char *uri)
{
	struct slice rest = slice_of(uri), address;
	bool more;
	size_t start = out->n;
	if (!slice_istarts(rest, "mailto:"))
		return false;
	rest.p += 7;
	rest.n -= 7;
	address = slice_cut(&rest, '?', &more);
	if (percent_decode(out, address) && address_plain((struct slice){buf_str(out) + start, out->n - start}))
		return true;
	if (out->p) {
		out->n = start;
		out->p[start] = '\0';
	}
	return false;
}
