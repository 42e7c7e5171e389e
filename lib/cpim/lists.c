#include "cpim/lists.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>

#define LISTS_NS "urn:ietf:params:xml:ns:resource-lists\n"
#define COPY_NS	 "urn:ietf:params:xml:ns:copycontrol\n"

struct reader {
	struct lists *l;
	XML_Parser expat;
	int depth;
	bool rooted;
	const char *fault;
};

static void stop(struct reader *r, const char *fault)
{
	if (!r->fault)
		r->fault = fault;
	XML_StopParser(r->expat, XML_FALSE);
}

static bool same_uri(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static void add(struct reader *r, const struct lists_entry *e)
{
	struct lists *l = r->l;
	if (!lists_is_hidden(e))
		for (size_t i = 0; i < l->n; i++)
			if (same_uri(l->v[i].uri, e->uri)) {
				if (e->copy < l->v[i].copy) {
					l->v[i].copy = e->copy;
					l->v[i].anonymize = e->anonymize;
				}
				return;
			}
	if (l->n == LISTS_ENTRIES_MAX) {
		stop(r, "more than 500 entries");
		return;
	}
	if ((l->n & (l->n - 1)) == 0)
		l->v = xrealloc(l->v, (l->n ? l->n * 2 : 1) * sizeof *l->v);
	l->v[l->n] = *e;
	l->v[l->n++].uri = xstrdup(e->uri);
}

static int count_of(const char *s)
{
	char *end;
	long n = strtol(s, &end, 10);
	return *end || n < 1 ? 1 : n > LISTS_COUNT_MAX ? LISTS_COUNT_MAX : (int)n;
}

static void entry(struct reader *r, const XML_Char **attr)
{
	struct lists_entry e = {.copy = COPY_BCC, .count = 1};
	for (; attr[0]; attr += 2) {
		if (strcmp(attr[0], "uri") == 0)
			e.uri = (char *)attr[1];
		else if (strcmp(attr[0], COPY_NS "copyControl") == 0)
			e.copy = strcmp(attr[1], "to") == 0 ? COPY_TO : strcmp(attr[1], "cc") == 0 ? COPY_CC : COPY_BCC;
		else if (strcmp(attr[0], COPY_NS "anonymize") == 0)
			e.anonymize = strcmp(attr[1], "true") == 0 || strcmp(attr[1], "1") == 0;
		else if (strcmp(attr[0], COPY_NS "count") == 0)
			e.count = count_of(attr[1]);
	}
	if (e.copy == COPY_BCC)
		e.anonymize = false;
	if (e.uri && *e.uri)
		add(r, &e);
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attr)
{
	struct reader *r = ctx;
	if (++r->depth > LISTS_DEPTH_MAX) {
		stop(r, "nested deeper than 20");
	} else if (r->depth == 1) {
		r->rooted = strcmp(name, LISTS_NS "resource-lists") == 0;
		if (!r->rooted)
			stop(r, "root is not resource-lists");
	} else if (strcmp(name, LISTS_NS "entry") == 0) {
		entry(r, attr);
	}
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	struct reader *r = ctx;
	(void)name;
	r->depth--;
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid,
			       int internal)
{
	(void)name, (void)sysid, (void)pubid, (void)internal;
	stop(ctx, "document type is refused");
}

bool lists_read(struct lists *l, struct slice xml, char why[128])
{
	struct reader r = {.l = l};
	*l = (struct lists){0};
	why[0] = '\0';
	if (xml.n > LISTS_OCTETS_MAX) {
		snprintf(why, 128, "resource list over 256 KiB");
		return false;
	}
	r.expat = XML_ParserCreateNS(NULL, '\n');
	if (!r.expat) {
		snprintf(why, 128, "no XML parser");
		return false;
	}
	XML_SetUserData(r.expat, &r);
	XML_SetElementHandler(r.expat, on_start, on_end);
	XML_SetStartDoctypeDeclHandler(r.expat, on_doctype);
	bool good = XML_Parse(r.expat, xml.p, (int)xml.n, 1) == XML_STATUS_OK && !r.fault && r.rooted;
	if (!good)
		snprintf(why, 128, "resource list: %s", r.fault ? r.fault : XML_ErrorString(XML_GetErrorCode(r.expat)));
	XML_ParserFree(r.expat);
	return good;
}

void lists_free(struct lists *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].uri);
	free(l->v);
	*l = (struct lists){0};
}

bool lists_is_hidden(const struct lists_entry *e)
{
	static const char host[] = "anonymous.invalid";
	const char *at = strrchr(e->uri, '@');
	at = at ? at + 1 : e->uri;
	return strncasecmp(at, host, sizeof host - 1) == 0 && strchr(":;?>", at[sizeof host - 1]);
}
