#include "mail/extract.h"

#include "base/charset.h"
#include "base/text.h"
#include "mail/armor.h"
#include "mail/attachment.h"
#include "mail/calendar.h"
#include "mail/decode.h"
#include "mail/flowed.h"
#include "mail/head.h"
#include "mail/opaque.h"

#include <stdlib.h>

enum { HEAD_VALUE_MAX = 500, CALENDAR_MAX = 256 << 10 };

const struct mail_text_limits mail_text_defaults = {.parts = 200, .depth = 10, .attachments = 20, .text = 1 << 20};

/* What the texts of a branch are for. */
enum purpose { TEXT_BODY, TEXT_NONE };

struct walk {
	const struct mail_text_limits *limits;
	struct mail_text *out;
	struct buf *into; /* out->text, or out->appended within a message/rfc822 */
	int parts;
	bool body;    /* a text was taken */
	bool related; /* within multipart/related, behind its root */
};

static void part(struct walk *w, GMimeObject *o, enum purpose purpose, int depth);

/* ---- one text ---- */

struct collected {
	struct buf raw;
	size_t max;
	bool cut;
};

static bool collect(void *ctx, struct slice piece)
{
	struct collected *c = ctx;
	size_t room = c->max - c->raw.n;
	c->cut = piece.n > room;
	buf_put(&c->raw, piece.p, c->cut ? room : piece.n);
	return !c->cut;
}

/* LF line ends; NUL becomes U+FFFD, other controls go: none of them means anything to a person. */
static void put_clean(struct buf *out, struct slice s)
{
	if (slice_istarts(s, "\xef\xbb\xbf")) /* byte order mark */
		s.p += 3, s.n -= 3;
	size_t from = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c >= ' ' && c != 127) || c == '\n' || c == '\t')
			continue;
		buf_put(out, s.p + from, i - from);
		from = i + 1;
		if (c == '\0')
			buf_puts(out, "\xef\xbf\xbd");
		else if (c == '\f' || c == '\v' || (c == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n')))
			buf_putc(out, '\n');
	}
	buf_put(out, s.p + from, s.n - from);
}

/* Cut at a character's edge. */
static bool cut_text(struct buf *b, size_t max)
{
	if (b->n <= max)
		return false;
	while (max && ((unsigned char)b->p[max] & 0xc0) == 0x80)
		max--;
	b->p[b->n = max] = '\0';
	return true;
}

/* The text of a leaf as UTF-8. false: it is longer than the limit. */
static bool read_text(struct walk *w, GMimeObject *o, size_t max, struct buf *utf8)
{
	struct collected c = {.max = max};
	const char *charset = g_mime_object_get_content_type_parameter(o, "charset");
	mail_part_decode(GMIME_PART(o), collect, &c);
	struct buf wide = {0};
	if (!charset_to_utf8(&wide, slice_buf(&c.raw), slice_trim(slice_of(charset ? charset : ""))))
		w->out->loss |= MAIL_LOSS_CHARSET;
	buf_free(&c.raw);
	put_clean(utf8, slice_buf(&wide));
	buf_free(&wide);
	return !c.cut;
}

static bool parameter_is(GMimeObject *o, const char *name, const char *value)
{
	const char *v = g_mime_object_get_content_type_parameter(o, name);
	return v && strcasecmp(v, value) == 0;
}

static void keep_marks(struct walk *w, struct mail_marks *marks)
{
	if (w->into == &w->out->text && marks->n) {
		struct mail_text *t = w->out;
		t->marks = xrealloc(t->marks, (t->n_marks + marks->n) * sizeof *t->marks);
		memcpy(t->marks + t->n_marks, marks->v, marks->n * sizeof *marks->v);
		t->n_marks += marks->n;
	}
	free(marks->v);
}

static void encrypted(struct walk *w, GMimeObject *leaf);

/* Append a text part to the text: what is there already ends with an empty line. */
static void take_text(struct walk *w, GMimeObject *o, bool html)
{
	struct buf utf8 = {0}, *into = w->into;
	struct mail_marks marks = {0};
	size_t max = w->limits->text;
	bool whole = read_text(w, o, html ? HTML_OCTETS_MAX : max, &utf8);
	size_t before = into->n;
	if (!html && armor_encrypted(slice_buf(&utf8))) {
		encrypted(w, o);
		buf_free(&utf8);
		return;
	}
	if (!html)
		armor_unsign(&utf8);
	if (before)
		buf_puts(into, "\n");
	size_t start = into->n;
	if (html)
		html_to_text(into, slice_buf(&utf8), &marks);
	else if (parameter_is(o, "format", "flowed"))
		mail_unflow(into, slice_buf(&utf8), parameter_is(o, "delsp", "yes"));
	else
		buf_slice(into, slice_buf(&utf8));
	if (slice_trim((struct slice){buf_str(into) + start, into->n - start}).n == 0) {
		into->n = before; /* nothing in it */
		marks.n = 0;
	} else if (into->p[into->n - 1] != '\n') {
		buf_putc(into, '\n');
	}
	buf_put(into, "", 0);
	if (cut_text(into, max))
		whole = false;
	if (!whole) {
		w->out->loss |= MAIL_LOSS_CUT;
		mail_attachment_add(w->out, w->limits, o, false);
	}
	if (into == &w->out->text)
		w->out->from_html = w->out->from_html || html;
	keep_marks(w, &marks);
	buf_free(&utf8);
}

/* ---- leaves ---- */

/* A Content-Type that names no type ("text") counts as text/plain (RFC 2045 5.2); the library makes octets of it. */
static bool no_type(GMimeObject *o)
{
	GMimeHeader *field = g_mime_header_list_get_header(g_mime_object_get_header_list(o), "Content-Type");
	const char *raw = field ? g_mime_header_get_raw_value(field) : NULL;
	return raw && !memchr(raw, '/', strcspn(raw, ";"));
}

static bool is_type(GMimeObject *o, const char *type, const char *subtype)
{
	GMimeContentType *t = g_mime_object_get_content_type(o);
	if (t && g_mime_content_type_is_type(t, "application", "octet-stream") && no_type(o))
		return strcmp(type, "text") == 0 && strcmp(subtype, "plain") == 0;
	return t && g_mime_content_type_is_type(t, type, subtype);
}

static void append_line(struct mail_text *t, const char *line)
{
	buf_puts(&t->appended, line);
	buf_putc(&t->appended, '\n');
}

static void encrypted(struct walk *w, GMimeObject *leaf)
{
	if (!(w->out->loss & MAIL_LOSS_ENCRYPTED))
		append_line(w->out, "[encrypted message, it cannot be read here]");
	w->out->loss |= MAIL_LOSS_ENCRYPTED;
	if (leaf && GMIME_IS_PART(leaf))
		mail_attachment_add(w->out, w->limits, leaf, false);
}

/* S/MIME in one piece: signed, then its content is read; or encrypted. */
static void smime(struct walk *w, GMimeObject *o, enum purpose purpose, int depth)
{
	GMimeObject *inner = depth < w->limits->depth ? opaque_open(GMIME_PART(o)) : NULL;
	if (inner) {
		part(w, inner, purpose, depth + 1);
		g_object_unref(inner);
	} else {
		encrypted(w, o);
	}
}

static void calendar(struct walk *w, GMimeObject *o)
{
	struct buf utf8 = {0};
	read_text(w, o, CALENDAR_MAX, &utf8);
	mail_calendar_put(&w->out->appended, slice_buf(&utf8));
	mail_attachment_add(w->out, w->limits, o, false);
	buf_free(&utf8);
}

/* Text that stands in the mail, and not a file that happens to be text. */
static bool inline_text(const struct walk *w, GMimeObject *o)
{
	const char *disposition = g_mime_object_get_disposition(o);
	const char *name = GMIME_IS_PART(o) ? g_mime_part_get_filename(GMIME_PART(o)) : NULL;
	if (!is_type(o, "text", "plain") && !is_type(o, "text", "html"))
		return false;
	if (disposition && strcasecmp(disposition, "attachment") == 0)
		return false;
	return !name || !w->body;
}

static void leaf(struct walk *w, GMimeObject *o, enum purpose purpose, int depth)
{
	if (is_type(o, "text", "calendar")) {
		calendar(w, o);
	} else if (is_type(o, "application", "pkcs7-mime") || is_type(o, "application", "x-pkcs7-mime")) {
		smime(w, o, purpose, depth);
	} else if (is_type(o, "application", "pgp-signature") || is_type(o, "application", "pkcs7-signature") ||
		   is_type(o, "application", "x-pkcs7-signature")) {
		return;
	} else if (!inline_text(w, o)) {
		mail_attachment_add(w->out, w->limits, o, w->related);
	} else if (purpose == TEXT_BODY) {
		take_text(w, o, is_type(o, "text", "html"));
		w->body = true;
	}
}

/* ---- composites ---- */

static bool blank_text(struct walk *w, GMimeObject *o)
{
	struct buf utf8 = {0};
	unsigned loss = w->out->loss;
	read_text(w, o, 4096, &utf8);
	w->out->loss = loss;
	bool blank = slice_trim(slice_buf(&utf8)).n == 0;
	buf_free(&utf8);
	return blank;
}

enum usable { NO_TEXT, SOME_TEXT, PLAIN_TEXT };

/* The text that a branch of an alternative would give. */
static enum usable usable(struct walk *w, GMimeObject *o, int depth)
{
	enum usable best = NO_TEXT;
	if (depth > w->limits->depth)
		return NO_TEXT;
	if (is_type(o, "text", "plain"))
		return blank_text(w, o) ? NO_TEXT : PLAIN_TEXT;
	if (is_type(o, "text", "html"))
		return SOME_TEXT;
	if (!GMIME_IS_MULTIPART(o) || GMIME_IS_MULTIPART_ENCRYPTED(o))
		return NO_TEXT;
	int n = g_mime_multipart_get_count(GMIME_MULTIPART(o));
	for (int i = 0; i < n && i < w->limits->parts && best == NO_TEXT; i++)
		best = usable(w, g_mime_multipart_get_part(GMIME_MULTIPART(o), i), depth + 1);
	return best;
}

static void alternative(struct walk *w, GMimeMultipart *m, enum purpose purpose, int depth)
{
	int n = g_mime_multipart_get_count(m), chosen = -1;
	enum usable best = NO_TEXT;
	for (int i = 0; purpose == TEXT_BODY && i < n && i < w->limits->parts; i++) {
		enum usable u = usable(w, g_mime_multipart_get_part(m, i), depth);
		if (u != NO_TEXT && u >= best && !(best == PLAIN_TEXT)) {
			best = u;
			chosen = i;
		}
	}
	for (int i = 0; i < n; i++)
		part(w, g_mime_multipart_get_part(m, i), i == chosen ? purpose : TEXT_NONE, depth);
}

static void related(struct walk *w, GMimeMultipart *m, enum purpose purpose, int depth)
{
	const char *start = g_mime_object_get_content_type_parameter(GMIME_OBJECT(m), "start");
	int n = g_mime_multipart_get_count(m), root = 0;
	for (int i = 0; start && i < n && i < w->limits->parts; i++) {
		const char *id = g_mime_object_get_content_id(g_mime_multipart_get_part(m, i));
		struct slice s = slice_trim(slice_of(start));
		if (s.n > 1 && s.p[0] == '<' && s.p[s.n - 1] == '>')
			s.p++, s.n -= 2;
		if (id && slice_eq(s, id))
			root = i;
	}
	if (root < n)
		part(w, g_mime_multipart_get_part(m, root), purpose, depth);
	bool outer = w->related;
	w->related = true;
	for (int i = 0; i < n; i++)
		if (i != root)
			part(w, g_mime_multipart_get_part(m, i), TEXT_NONE, depth);
	w->related = outer;
}

/* A multipart whose boundary never comes: what stands in it is the text. */
static void no_parts(struct walk *w, GMimeMultipart *m, enum purpose purpose)
{
	const char *prologue = g_mime_multipart_get_prologue(m);
	if (purpose != TEXT_BODY || !prologue)
		return;
	struct buf utf8 = {0};
	if (!charset_to_utf8(&utf8, slice_of(prologue), SLICE("")))
		w->out->loss |= MAIL_LOSS_CHARSET;
	put_clean(w->into, slice_buf(&utf8));
	if (cut_text(w->into, w->limits->text))
		w->out->loss |= MAIL_LOSS_CUT;
	buf_free(&utf8);
}

static void multipart(struct walk *w, GMimeMultipart *m, enum purpose purpose, int depth)
{
	GMimeObject *o = GMIME_OBJECT(m);
	int n = g_mime_multipart_get_count(m);
	bool report = is_type(o, "multipart", "report"), is_signed = is_type(o, "multipart", "signed");
	if (depth > w->limits->depth) {
		w->out->loss |= MAIL_LOSS_PARTS;
	} else if (!n) {
		no_parts(w, m, purpose);
	} else if (is_type(o, "multipart", "encrypted")) {
		encrypted(w, g_mime_multipart_get_part(m, n > 1));
	} else if (report || is_signed) {
		if (is_signed || w->limits->human_report)
			part(w, g_mime_multipart_get_part(m, 0), purpose, depth + 1);
	} else if (is_type(o, "multipart", "alternative")) {
		alternative(w, m, purpose, depth + 1);
	} else if (is_type(o, "multipart", "related")) {
		related(w, m, purpose, depth + 1);
	} else {
		for (int i = is_type(o, "multipart", "appledouble") && n > 1; i < n; i++)
			part(w, g_mime_multipart_get_part(m, i), purpose, depth + 1);
	}
}

static void put_field(struct buf *out, const char *name, GMimeObject *m)
{
	GMimeHeader *field = g_mime_header_list_get_header(g_mime_object_get_header_list(m), name);
	const char *raw = field ? g_mime_header_get_raw_value(field) : NULL;
	struct buf line = {0}, value = {0}, clean = {0};
	text_sanitise(&line, slice_of(raw ? raw : ""), MAIL_HEAD_MAX); /* folds become blanks */
	mail_words_decode(&value, slice_buf(&line));
	text_sanitise(&clean, slice_buf(&value), HEAD_VALUE_MAX);
	if (clean.n)
		buf_printf(out, "%s: %s\n", name, buf_str(&clean));
	buf_free(&line), buf_free(&value), buf_free(&clean);
}

/* A message within the mail: who, when, what about, and its text. */
static void message(struct walk *w, GMimeMessage *m, int depth)
{
	GMimeObject *inner = m ? g_mime_message_get_mime_part(m) : NULL;
	struct buf *into = w->into;
	if (depth > w->limits->depth)
		w->out->loss |= MAIL_LOSS_PARTS;
	if (!inner || depth > w->limits->depth)
		return;
	w->into = &w->out->appended;
	if (w->into->n)
		buf_putc(w->into, '\n');
	put_field(w->into, "From", GMIME_OBJECT(m));
	put_field(w->into, "Date", GMIME_OBJECT(m));
	put_field(w->into, "Subject", GMIME_OBJECT(m));
	bool body = w->body;
	w->body = false;
	part(w, inner, TEXT_BODY, depth + 1);
	w->body = body;
	w->into = into;
}

static void part(struct walk *w, GMimeObject *o, enum purpose purpose, int depth)
{
	if (w->parts++ >= w->limits->parts) {
		w->out->loss |= MAIL_LOSS_PARTS;
		return;
	}
	if (GMIME_IS_MULTIPART(o))
		multipart(w, GMIME_MULTIPART(o), purpose, depth);
	else if (GMIME_IS_MESSAGE_PART(o))
		message(w, g_mime_message_part_get_message(GMIME_MESSAGE_PART(o)), depth);
	else if (GMIME_IS_PART(o))
		leaf(w, o, purpose, depth);
}

void mail_text_extract(GMimeMessage *m, const struct mail_text_limits *limits, struct mail_text *out)
{
	GMimeObject *root = g_mime_message_get_mime_part(m);
	*out = (struct mail_text){0};
	struct walk w = {.limits = limits ? limits : &mail_text_defaults, .out = out, .into = &out->text};
	if (root)
		part(&w, root, TEXT_BODY, 0);
	buf_put(&out->text, "", 0);
	buf_put(&out->appended, "", 0);
}

void mail_text_free(struct mail_text *t)
{
	for (size_t i = 0; i < t->n_attachments; i++)
		mail_attachment_free(&t->attachments[i]);
	free(t->attachments);
	free(t->marks);
	buf_free(&t->text);
	buf_free(&t->appended);
	*t = (struct mail_text){0};
}
