#include "map/rcs.h"
#include "base/text.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUE_MAX = 2048 };

/* What both documents may hold; empty where they do not. */
enum value { FILE_NAME, FILE_SIZE, FILE_TYPE, FILE_URL, FILE_UNTIL, GEO_LABEL, GEO_POS, GEO_RADIUS, GEO_ROOT, NVALUES };

struct reader {
	XML_Parser expat;
	struct buf value[NVALUES];
	int into; /* value that character data goes to, -1: none */
	int depth;
	bool thumbnail; /* within file-info of the thumbnail: not told */
	bool failed;
};

static void set(struct reader *r, enum value which, const char *text)
{
	if (!text || r->thumbnail)
		return;
	buf_clear(&r->value[which]);
	text_sanitise(&r->value[which], slice_of(text), VALUE_MAX);
}

static const char *attribute(const XML_Char **attr, const char *name)
{
	for (; attr[0]; attr += 2)
		if (strcmp(attr[0], name) == 0)
			return attr[1];
	return NULL;
}

/* The local name: what stands behind the namespace. */
static const char *local(const char *name)
{
	const char *colon = strrchr(name, '\n');
	return colon ? colon + 1 : name;
}

static int text_element(const char *name)
{
	static const struct {
		const char *name;
		enum value value;
	} row[] = {
		{"file-name", FILE_NAME}, {"file-size", FILE_SIZE}, {"content-type", FILE_TYPE},
		{"pos", GEO_POS},	  {"radius", GEO_RADIUS},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (strcmp(name, row[i].name) == 0)
			return (int)row[i].value;
	return -1;
}

static void XMLCALL on_start(void *ctx, const XML_Char *full, const XML_Char **attr)
{
	struct reader *r = ctx;
	const char *name = local(full);
	if (++r->depth > RCS_DEPTH_MAX) {
		r->failed = true;
		XML_StopParser(r->expat, XML_FALSE);
		return;
	}
	r->into = r->thumbnail ? -1 : text_element(name);
	if (r->into >= 0)
		buf_clear(&r->value[r->into]);
	if (strcmp(name, "file-info") == 0) {
		const char *type = attribute(attr, "type");
		r->thumbnail = type && strcmp(type, "file") != 0;
	} else if (strcmp(name, "data") == 0) {
		set(r, FILE_URL, attribute(attr, "url"));
		set(r, FILE_UNTIL, attribute(attr, "until"));
	} else if (strcmp(name, "rcspushlocation") == 0) {
		set(r, GEO_LABEL, attribute(attr, "label"));
		set(r, GEO_ROOT, "1");
	}
}

static void XMLCALL on_end(void *ctx, const XML_Char *full)
{
	struct reader *r = ctx;
	r->depth--;
	r->into = -1;
	if (strcmp(local(full), "file-info") == 0)
		r->thumbnail = false;
}

static void XMLCALL on_text(void *ctx, const XML_Char *s, int n)
{
	struct reader *r = ctx;
	if (r->into >= 0 && r->value[r->into].n + (size_t)n <= VALUE_MAX)
		buf_put(&r->value[r->into], s, (size_t)n);
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid,
			       int internal)
{
	struct reader *r = ctx;
	(void)name, (void)sysid, (void)pubid, (void)internal;
	r->failed = true;
	XML_StopParser(r->expat, XML_FALSE);
}

static bool read_xml(struct reader *r, struct slice xml)
{
	r->into = -1;
	if (xml.n > RCS_OCTETS_MAX)
		return false;
	r->expat = XML_ParserCreateNS(NULL, '\n');
	if (!r->expat)
		return false;
	XML_SetUserData(r->expat, r);
	XML_SetElementHandler(r->expat, on_start, on_end);
	XML_SetCharacterDataHandler(r->expat, on_text);
	XML_SetStartDoctypeDeclHandler(r->expat, on_doctype);
	bool good = XML_Parse(r->expat, xml.p, (int)xml.n, 1) == XML_STATUS_OK && !r->failed;
	XML_ParserFree(r->expat);
	return good;
}

static void end(struct reader *r)
{
	for (int i = 0; i < NVALUES; i++)
		buf_free(&r->value[i]);
}

static void line(struct buf *out, const char *name, const struct buf *value)
{
	if (!value->n)
		return;
	buf_printf(out, "%s: ", name);
	text_sanitise(out, slice_buf(value), VALUE_MAX);
	buf_putc(out, '\n');
}

bool rcs_file_text(struct buf *out, struct slice xml)
{
	struct reader r = {0};
	bool good = read_xml(&r, xml) && r.value[FILE_URL].n;
	if (good) {
		line(out, "File", &r.value[FILE_NAME]);
		line(out, "Type", &r.value[FILE_TYPE]);
		line(out, "Size", &r.value[FILE_SIZE]);
		line(out, "Available until", &r.value[FILE_UNTIL]);
		line(out, "URL", &r.value[FILE_URL]);
	}
	end(&r);
	return good;
}

bool rcs_location_text(struct buf *out, struct slice xml)
{
	struct reader r = {0};
	double lat, lon, radius;
	bool good = read_xml(&r, xml) && r.value[GEO_ROOT].n &&
		    sscanf(buf_str(&r.value[GEO_POS]), "%lf %lf", &lat, &lon) == 2 && lat >= -90 && lat <= 90 &&
		    lon >= -180 && lon <= 180;
	if (good) {
		line(out, "Location", &r.value[GEO_LABEL]);
		buf_printf(out, "geo:%.10g,%.10g", lat, lon);
		if (sscanf(buf_str(&r.value[GEO_RADIUS]), "%lf", &radius) == 1 && radius > 0 && radius < 1e7)
			buf_printf(out, ";u=%.10g", radius);
		buf_putc(out, '\n');
	}
	end(&r);
	return good;
}
