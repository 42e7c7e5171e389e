#include "cpim/cpim.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

struct binding {
	struct slice prefix; /* empty: names without a prefix */
	struct slice uri;
};

struct reader {
	struct cpim *c;
	struct binding bound[CPIM_NAMESPACES_MAX];
	int nbound;
	size_t used; /* octets of the arena */
	struct slice required[CPIM_HEADERS_MAX];
	int nrequired;
	char *why;
};

/* One header line, taken apart. */
struct header {
	struct slice ns, name, params, value; /* params and value still escaped */
};

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 127)
			return false;
	return s.n > 0;
}

/* The last declaration of a prefix wins; none: NULL uri. */
static struct slice namespace_of(const struct reader *r, struct slice prefix)
{
	for (int i = r->nbound - 1; i >= 0; i--)
		if (r->bound[i].prefix.n == prefix.n && memcmp(r->bound[i].prefix.p, prefix.p, prefix.n) == 0)
			return r->bound[i].uri;
	return prefix.n ? (struct slice){NULL, 0} : SLICE(CPIM_NAMESPACE);
}

/* "imdn.Message-ID" -> namespace URI and local name. */
static void resolve(const struct reader *r, struct slice full, struct slice *ns, struct slice *name)
{
	bool dotted;
	struct slice rest = full, prefix = slice_cut(&rest, '.', &dotted);
	*name = dotted ? rest : full;
	*ns = namespace_of(r, dotted ? prefix : (struct slice){"", 0});
}

static struct slice keep(struct reader *r, struct slice escaped)
{
	char *to = r->c->arena + r->used;
	size_t n = cpim_unescape(to, escaped);
	r->used += n;
	return (struct slice){to, n};
}

/* Octets of the parameters in front of a value: from the first ';' to the blank behind the last, quoted strings
 * skipped. */
static size_t params_length(struct slice s)
{
	bool quoted = false;
	size_t i;
	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && quoted)
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && (s.p[i] == ' ' || s.p[i] == '\t'))
			break;
	}
	return i < s.n ? i : s.n;
}

static bool take_apart(const struct reader *r, struct slice line, struct header *h)
{
	bool colon;
	struct slice full = slice_cut(&line, ':', &colon);
	if (!colon || !is_name(full))
		return false;
	resolve(r, full, &h->ns, &h->name);
	h->params = (struct slice){"", 0};
	if (line.n && line.p[0] == ';') {
		size_t n = params_length(line);
		h->params = (struct slice){line.p, n};
		line.p += n;
		line.n -= n;
	}
	h->value = slice_trim(line);
	return true;
}

static struct slice lang_of(struct slice params)
{
	bool more = true;
	while (more) {
		struct slice p = slice_cut(&params, ';', &more);
		if (slice_istarts(p, "lang="))
			return slice_trim((struct slice){p.p + 5, p.n - 5});
	}
	return (struct slice){"", 0};
}

/* [name] <URI>, the name quoted or bare words; a bare URI is tolerated. */
static struct cpim_address address_of(struct reader *r, struct slice v)
{
	struct cpim_address a = {{"", 0}, {"", 0}};
	if (v.n && v.p[0] == '"') {
		size_t i = 1;
		while (i < v.n && v.p[i] != '"')
			i += v.p[i] == '\\' ? 2 : 1;
		if (i < v.n) {
			a.name = keep(r, (struct slice){v.p + 1, i - 1});
			v = slice_trim((struct slice){v.p + i + 1, v.n - i - 1});
		}
	}
	const char *open = v.n ? memchr(v.p, '<', v.n) : NULL;
	if (!open) {
		a.uri = keep(r, v);
		return a;
	}
	struct slice words = slice_trim((struct slice){v.p, (size_t)(open - v.p)});
	if (words.n && !a.name.n)
		a.name = keep(r, words);
	bool closed;
	struct slice rest = {open + 1, v.n - (size_t)(open + 1 - v.p)};
	a.uri = keep(r, slice_trim(slice_cut(&rest, '>', &closed)));
	return a;
}

static void add_address(struct cpim_address **list, size_t *n, struct cpim_address a)
{
	if ((*n & (*n - 1)) == 0) /* grown at powers of two */
		*list = xrealloc(*list, (*n ? *n * 2 : 1) * sizeof **list);
	(*list)[(*n)++] = a;
}

/* NS: [prefix] <URI>; a missing blank before < is a habit of the field (A.4). */
static bool declare(struct reader *r, struct slice v)
{
	bool open, close;
	struct slice rest = v, prefix = slice_trim(slice_cut(&rest, '<', &open));
	struct slice uri = slice_trim(slice_cut(&rest, '>', &close));
	if (!open || !close || r->nbound == CPIM_NAMESPACES_MAX)
		return false;
	r->bound[r->nbound++] = (struct binding){prefix, uri};
	return true;
}

static bool require(struct reader *r, struct slice v)
{
	bool more = true;
	while (more) {
		struct slice name = slice_trim(slice_cut(&v, ',', &more));
		if (name.n && r->nrequired == CPIM_HEADERS_MAX)
			return false;
		if (name.n)
			r->required[r->nrequired++] = name;
	}
	return true;
}

static void core_subject(struct reader *r, const struct header *h)
{
	struct cpim *c = r->c;
	if ((c->nsubjects & (c->nsubjects - 1)) == 0)
		c->subjects = xrealloc(c->subjects, (c->nsubjects ? c->nsubjects * 2 : 1) * sizeof *c->subjects);
	c->subjects[c->nsubjects++] = (struct cpim_subject){keep(r, lang_of(h->params)), keep(r, h->value)};
}

static bool core_header(struct reader *r, const struct header *h)
{
	struct cpim *c = r->c;
	if (slice_eq(h->name, "From")) {
		if (!c->from.uri.n)
			c->from = address_of(r, h->value);
	} else if (slice_eq(h->name, "To")) {
		add_address(&c->to, &c->nto, address_of(r, h->value));
	} else if (slice_eq(h->name, "cc")) {
		add_address(&c->cc, &c->ncc, address_of(r, h->value));
	} else if (slice_eq(h->name, "DateTime")) {
		if (!c->datetime.n)
			c->datetime = keep(r, h->value);
	} else if (slice_eq(h->name, "Subject")) {
		core_subject(r, h);
	} else if (slice_eq(h->name, "NS")) {
		return declare(r, h->value);
	} else if (slice_eq(h->name, "Require")) {
		return require(r, h->value);
	}
	return true;
}

static void add_uri(struct reader *r, struct slice **list, size_t *n, struct slice value)
{
	if ((*n & (*n - 1)) == 0)
		*list = xrealloc(*list, (*n ? *n * 2 : 1) * sizeof **list);
	(*list)[(*n)++] = address_of(r, value).uri;
}

static void imdn_header(struct reader *r, const struct header *h)
{
	struct cpim *c = r->c;
	if (slice_eq(h->name, "Message-ID")) {
		if (!c->message_id.n)
			c->message_id = keep(r, h->value);
	} else if (slice_eq(h->name, "Disposition-Notification")) {
		c->wanted |= imdn_wanted_read(h->value);
	} else if (slice_eq(h->name, "Original-To")) {
		if (!c->original_to.n)
			c->original_to = address_of(r, h->value).uri;
	} else if (slice_eq(h->name, "IMDN-Record-Route")) {
		add_uri(r, &c->record_route, &c->nrecord_route, h->value);
	} else if (slice_eq(h->name, "IMDN-Route")) {
		add_uri(r, &c->route, &c->nroute, h->value);
	}
}

static bool known(struct slice ns, struct slice name)
{
	static const char *const core[] = {"From", "To", "cc", "DateTime", "Subject", "NS", "Require", NULL};
	static const char *const imdn[] = {
		"Message-ID", "Disposition-Notification", "Original-To", "IMDN-Record-Route", "IMDN-Route", NULL};
	const char *const *names = slice_ieq(ns, CPIM_NAMESPACE) ? core : slice_ieq(ns, IMDN_NAMESPACE) ? imdn : NULL;
	for (; names && *names; names++)
		if (slice_eq(name, *names))
			return true;
	return false;
}

static enum cpim_verdict check_required(struct reader *r)
{
	for (int i = 0; i < r->nrequired; i++) {
		struct slice ns, name;
		resolve(r, r->required[i], &ns, &name);
		if (!known(ns, name)) {
			struct buf clean = {0};
			text_sanitise(&clean, r->required[i], 64);
			snprintf(r->why, 128, "CPIM requires %s", buf_str(&clean));
			buf_free(&clean);
			return CPIM_UNKNOWN_REQUIRED;
		}
	}
	return CPIM_OK;
}

static enum cpim_verdict bad(struct reader *r, const char *what)
{
	snprintf(r->why, 128, "%s", what);
	return CPIM_BAD;
}

/* The CPIM header block: *at goes behind its empty line, or to the first Content-* line where the blocks are merged. */
static const char *read_block(struct reader *r, struct slice in, size_t *at)
{
	int lines = 0;
	while (*at < in.n) {
		const char *nl = memchr(in.p + *at, '\n', in.n - *at);
		if (!nl)
			return "CPIM header block does not end";
		size_t next = (size_t)(nl - in.p) + 1;
		struct slice line = {in.p + *at, next - 1 - *at};
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (slice_istarts(line, "Content-"))
			return lines ? NULL : "no CPIM header";
		*at = next;
		if (!line.n)
			return NULL;
		struct header h;
		if (++lines > CPIM_HEADERS_MAX)
			return "too many CPIM headers";
		if (!take_apart(r, line, &h))
			return "CPIM line is no header";
		if (slice_ieq(h.ns, CPIM_NAMESPACE)) {
			if (!core_header(r, &h))
				return "bad NS or Require in CPIM";
		} else if (slice_ieq(h.ns, IMDN_NAMESPACE)) {
			imdn_header(r, &h);
		}
	}
	return "CPIM header block does not end";
}

enum cpim_verdict cpim_read(struct cpim *c, struct slice in, char why[128])
{
	struct reader r = {.c = c, .why = why};
	size_t at = 0, took;
	*c = (struct cpim){0};
	why[0] = '\0';
	if (in.n > CPIM_HEAD_MAX)
		in.n = CPIM_HEAD_MAX;
	c->arena = xmalloc(in.n + 1);
	const char *fault = read_block(&r, in, &at);
	if (fault)
		return bad(&r, fault);
	if (!mime_fields_read(&c->content, (struct slice){in.p + at, in.n - at}, &took))
		return bad(&r, "bad MIME header in CPIM");
	c->body = at + took;
	return check_required(&r);
}

void cpim_free(struct cpim *c)
{
	mime_fields_free(&c->content);
	free(c->to);
	free(c->cc);
	free(c->subjects);
	free(c->record_route);
	free(c->route);
	free(c->arena);
	*c = (struct cpim){0};
}
