#include "map/party.h"

#include <stdlib.h>

/* Octets of a quoted string at the start of s, its quotes included; 0 if it does not end. */
static size_t quoted(struct slice s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return 0;
}

static char *unquote(struct slice s)
{
	char *out = xmalloc(s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		out[n++] = s.p[i];
	}
	out[n] = '\0';
	return out;
}

static char *tag_of(struct slice params)
{
	bool more = true;
	while (more) {
		bool value;
		struct slice p = slice_cut(&params, ';', &more), name = slice_trim(slice_cut(&p, '=', &value));
		if (value && slice_ieq(name, "tag"))
			return slice_dup(slice_trim(p));
	}
	return NULL;
}

bool party_read(struct party *p, struct slice v)
{
	*p = (struct party){0};
	v = slice_trim(v);
	if (v.n && v.p[0] == '"') {
		size_t n = quoted(v);
		if (!n)
			return false;
		p->display = unquote((struct slice){v.p + 1, n - 2});
		v = slice_trim((struct slice){v.p + n, v.n - n});
	}
	const char *open = v.n ? memchr(v.p, '<', v.n) : NULL;
	bool more;
	if (open) {
		struct slice words = slice_trim((struct slice){v.p, (size_t)(open - v.p)});
		struct slice rest = {open + 1, v.n - (size_t)(open + 1 - v.p)};
		if (words.n && !p->display)
			p->display = slice_dup(words);
		p->uri = slice_dup(slice_trim(slice_cut(&rest, '>', &more)));
		p->tag = tag_of(rest);
	} else {
		more = true;
		p->uri = slice_dup(slice_trim(slice_cut(&v, ';', &more)));
		p->tag = tag_of(v);
		more = true;
	}
	if (more && p->uri[0])
		return true;
	party_free(p);
	return false;
}

void party_free(struct party *p)
{
	free(p->display);
	free(p->uri);
	free(p->tag);
	*p = (struct party){0};
}

bool party_next(struct slice *list, struct slice *one)
{
	bool bracket = false;
	struct slice s = *list;
	while (s.n && (s.p[0] == ',' || s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	if (!s.n)
		return false;
	size_t i;
	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '"' && !bracket) {
			size_t n = quoted((struct slice){s.p + i, s.n - i});
			i += n ? n - 1 : s.n - i - 1;
		} else if (s.p[i] == '<') {
			bracket = true;
		} else if (s.p[i] == '>') {
			bracket = false;
		} else if (s.p[i] == ',' && !bracket) {
			break;
		}
	}
	if (i > s.n)
		i = s.n;
	*one = slice_trim((struct slice){s.p, i});
	list->p = s.p + i;
	list->n = s.n - i;
	return true;
}
