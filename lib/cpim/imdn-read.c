#include "base/text.h"
#include "base/transfer.h"
#include "cpim/imdn.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>

enum { ID_AND_URIS = 4, STATUS_TEXT = ID_AND_URIS, VALUES };

static const char *const value_names[ID_AND_URIS] = {"message-id", "datetime", "recipient-uri",
						     "original-recipient-uri"};

struct reader {
	XML_Parser expat;
	int depth;
	bool rooted;
	struct buf root; /* namespace of the root */
	struct imdn *i;
	struct buf value[VALUES];
	bool closed[VALUES]; /* the first element of a name counts */
	int open;	     /* the value whose text is read, -1: none */
	int open_depth;
	bool in_disposition; /* the shape of the drafts */
	int status_depth;    /* of an open <status>, 0: none */
	enum imdn_status status;
	const char *fault;
};

static void stop(struct reader *r, const char *fault)
{
	if (!r->fault)
		r->fault = fault;
	XML_StopParser(r->expat, XML_FALSE);
}

/* Local name of an element that is the document's: in the root's namespace, in the one of RFC 5438, or in none. NULL:
 * an extension. */
static const char *local_name(const struct reader *r, const char *name)
{
	static const char *const known[] = {"urn:ietf:params:xml:ns:imdn", IMDN_NAMESPACE};
	const char *local = strchr(name, '\n');
	if (!local) /* without namespaces, or not to be told apart because a prefix is bound to nothing */
		return strrchr(name, ':') ? strrchr(name, ':') + 1 : name;
	struct slice ns = {name, (size_t)(local - name)};
	local++;
	if (!r->depth || slice_eq(ns, buf_str(&r->root)) || slice_eq(ns, known[0]) || slice_eq(ns, known[1]))
		return local;
	return NULL;
}

static enum imdn_notification notification_element(const char *local)
{
	static const char suffix[] = "-notification";
	char word[32];
	size_t n = strlen(local);
	if (n < sizeof suffix || n >= sizeof word || strcmp(local + n - (sizeof suffix - 1), suffix) != 0)
		return IMDN_NOTE_NONE;
	snprintf(word, sizeof word, "%.*s", (int)(n - (sizeof suffix - 1)), local);
	return imdn_notification_of(word);
}

static void root(struct reader *r, const char *name, const char *local)
{
	const char *end = strchr(name, '\n');
	r->rooted = local && strcmp(local, "imdn") == 0;
	if (!r->rooted)
		stop(r, "root is not imdn");
	else if (end)
		buf_put(&r->root, name, (size_t)(end - name));
}

static void child(struct reader *r, const char *local)
{
	enum imdn_notification note = notification_element(local);
	for (int k = 0; k < ID_AND_URIS; k++)
		if (strcmp(local, value_names[k]) == 0 && !r->closed[k]) {
			r->open = k;
			r->open_depth = r->depth;
		}
	if (note != IMDN_NOTE_NONE && r->i->notification == IMDN_NOTE_NONE)
		r->i->notification = note;
	r->in_disposition = strcmp(local, "disposition") == 0;
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attr)
{
	struct reader *r = ctx;
	const char *local = local_name(r, name);
	(void)attr;
	if (++r->depth > IMDN_DEPTH_MAX) {
		stop(r, "nested deeper than 20");
		return;
	}
	if (r->depth == 1) {
		root(r, name, local);
		return;
	}
	if (!local)
		return;
	if (r->depth == 2)
		child(r, local);
	if (r->depth == 3 && r->in_disposition && r->i->notification == IMDN_NOTE_NONE)
		r->i->notification = imdn_notification_of(local);
	if (r->status_depth && r->depth == r->status_depth + 1 && r->status == IMDN_STATUS_NONE)
		r->status = imdn_status_of(local);
	if (strcmp(local, "status") == 0 && !r->status_depth) {
		r->status_depth = r->depth;
		r->open = STATUS_TEXT;
		r->open_depth = r->depth;
	}
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	struct reader *r = ctx;
	(void)name;
	if (r->open >= 0 && r->depth == r->open_depth) {
		r->closed[r->open] = true;
		r->open = -1;
	}
	if (r->depth == r->status_depth)
		r->status_depth = 0;
	if (r->depth == 2)
		r->in_disposition = false;
	r->depth--;
}

static void XMLCALL on_text(void *ctx, const XML_Char *s, int n)
{
	struct reader *r = ctx;
	if (r->open < 0 || r->depth != r->open_depth)
		return;
	if (r->value[r->open].n + (size_t)n > IMDN_VALUE_MAX)
		stop(r, "value over 2048 octets");
	else
		buf_put(&r->value[r->open], s, (size_t)n);
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid,
			       int internal)
{
	(void)name, (void)sysid, (void)pubid, (void)internal;
	stop(ctx, "document type is refused");
}

/* One pass; namespaces: tell them apart. Returns what expat says. */
static enum XML_Error parse(struct reader *r, struct slice xml, bool namespaces)
{
	enum XML_Error error = XML_ERROR_NONE;
	r->expat = namespaces ? XML_ParserCreateNS(NULL, '\n') : XML_ParserCreate(NULL);
	if (!r->expat)
		return XML_ERROR_NO_MEMORY;
	XML_SetUserData(r->expat, r);
	XML_SetElementHandler(r->expat, on_start, on_end);
	XML_SetCharacterDataHandler(r->expat, on_text);
	XML_SetStartDoctypeDeclHandler(r->expat, on_doctype);
	if (XML_Parse(r->expat, xml.p, (int)xml.n, 1) != XML_STATUS_OK)
		error = XML_GetErrorCode(r->expat);
	XML_ParserFree(r->expat);
	return error;
}

static void reader_begin(struct reader *r, struct imdn *i)
{
	*r = (struct reader){.i = i, .open = -1};
	*i = (struct imdn){0};
}

static void reader_end(struct reader *r)
{
	for (int k = 0; k < VALUES; k++)
		buf_free(&r->value[k]);
	buf_free(&r->root);
}

static char *taken(const struct buf *value)
{
	struct buf clean = {0};
	text_sanitise(&clean, slice_buf(value), IMDN_VALUE_MAX);
	char *s = clean.n ? xstrdup(clean.p) : NULL;
	buf_free(&clean);
	return s;
}

static void take_values(struct reader *r, struct imdn *i)
{
	char **const to[ID_AND_URIS] = {&i->message_id, &i->datetime, &i->recipient, &i->original_recipient};
	for (int k = 0; k < ID_AND_URIS; k++)
		*to[k] = taken(&r->value[k]);
	char *word = taken(&r->value[STATUS_TEXT]);
	if (r->status == IMDN_STATUS_NONE && word)
		r->status = imdn_status_of(word);
	free(word);
	i->status = imdn_status_fits(i->notification, r->status) ? r->status : IMDN_STATUS_NONE;
}

/* Blanks before the XML declaration, and blanks or NULs behind the root, come from careless transports. UTF-16, told by
 * its mark, is left alone: half of its octets may be NULs. */
static struct slice stripped(struct slice xml)
{
	if (xml.n >= 2 && (memcmp(xml.p, "\xff\xfe", 2) == 0 || memcmp(xml.p, "\xfe\xff", 2) == 0))
		return xml;
	while (xml.n && (xml.p[xml.n - 1] == '\0' || strchr(" \t\r\n", xml.p[xml.n - 1])))
		xml.n--;
	return slice_trim(xml);
}

bool imdn_read(struct imdn *i, struct slice xml, char why[128])
{
	struct reader r;
	why[0] = '\0';
	xml = stripped(xml);
	reader_begin(&r, i);
	if (xml.n > IMDN_OCTETS_MAX) {
		snprintf(why, 128, "IMDN over 256 KiB");
		return false;
	}
	enum XML_Error error = parse(&r, xml, true);
	if (error == XML_ERROR_UNBOUND_PREFIX && !r.fault) {
		reader_end(&r);
		reader_begin(&r, i);
		error = parse(&r, xml, false);
	}
	bool good = error == XML_ERROR_NONE && !r.fault && r.rooted;
	if (good) {
		take_values(&r, i);
		good = i->message_id != NULL;
		if (!good)
			snprintf(why, 128, "IMDN: no message-id");
	} else {
		snprintf(why, 128, "IMDN: %s", r.fault ? r.fault : XML_ErrorString(error));
	}
	reader_end(&r);
	return good;
}

void imdn_free(struct imdn *i)
{
	free(i->message_id);
	free(i->datetime);
	free(i->recipient);
	free(i->original_recipient);
	*i = (struct imdn){0};
}

/* ---- documents in a body ---- */

struct walk {
	void (*each)(void *ctx, struct slice xml, const struct cpim *around);
	void *ctx;
	int n;
	int aggregates; /* open ones */
};

enum { WALK_DEPTH = 4 };

static void walk(struct walk *w, struct slice type, struct slice disposition, struct slice encoding, struct slice body,
		 const struct cpim *around, int depth);

static void walk_cpim(struct walk *w, struct slice body, int depth)
{
	struct cpim c;
	char why[128];
	if (cpim_read(&c, body, why) == CPIM_OK)
		walk(w, mime_field(&c.content, "Content-Type"), mime_field(&c.content, "Content-Disposition"),
		     mime_field(&c.content, "Content-Transfer-Encoding"),
		     (struct slice){body.p + c.body, body.n - c.body}, &c, depth + 1);
	cpim_free(&c);
}

static void walk_multi(struct walk *w, struct slice type, struct slice body, const struct cpim *around, int depth)
{
	struct buf boundary = {0};
	struct source source;
	struct span parts[IMDN_DOCUMENTS_MAX];
	int n = 0;
	source_memory(&source, body);
	if (mime_param(type, "boundary", &boundary))
		n = multipart_split(&source, (struct span){0, (int64_t)body.n}, slice_buf(&boundary), parts,
				    IMDN_DOCUMENTS_MAX);
	for (int k = 0; k < n; k++) {
		struct mime_fields f;
		size_t head;
		struct slice part = {body.p + parts[k].from, (size_t)(parts[k].to - parts[k].from)};
		if (mime_fields_read(&f, part, &head))
			walk(w, mime_field(&f, "Content-Type"), mime_field(&f, "Content-Disposition"),
			     mime_field(&f, "Content-Transfer-Encoding"), (struct slice){part.p + head, part.n - head},
			     around, depth + 1);
		mime_fields_free(&f);
	}
	source_end(&source);
	buf_free(&boundary);
}

static void walk(struct walk *w, struct slice type, struct slice disposition, struct slice encoding, struct slice body,
		 const struct cpim *around, int depth)
{
	struct buf word = {0}, plain = {0};
	struct decoder d = {.from = transfer_read(encoding)};
	if (depth > WALK_DEPTH || body.n > IMDN_OCTETS_MAX * 2 || w->n >= IMDN_DOCUMENTS_MAX)
		return;
	mime_word(type, &word);
	if (d.from != TRANSFER_IDENTITY) {
		decoder_feed(&d, body, &plain);
		decoder_end(&d, &plain);
		body = slice_buf(&plain);
	}
	if (strcmp(buf_str(&word), "message/imdn+xml") == 0) {
		w->n++;
		w->each(w->ctx, body, around);
	} else if (strcmp(buf_str(&word), "message/cpim") == 0) {
		walk_cpim(w, body, depth);
	} else if (slice_istarts(slice_buf(&word), "multipart/") &&
		   (w->aggregates || imdn_is_report(type, disposition))) {
		w->aggregates++;
		walk_multi(w, type, body, around, depth);
		w->aggregates--;
	}
	buf_free(&word), buf_free(&plain);
}

int imdn_documents(struct slice content_type, struct slice disposition, struct slice encoding, struct slice body,
		   void (*each)(void *ctx, struct slice xml, const struct cpim *around), void *ctx)
{
	struct walk w = {.each = each, .ctx = ctx};
	walk(&w, content_type, disposition, encoding, body, NULL, 0);
	return w.n;
}
