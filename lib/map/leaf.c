#include "base/text.h"
#include "base/charset.h"
#include "map/content.h"
#include "mail/html.h"
#include "map/rcs.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	LINE_MAX_OCTETS = 998, /* RFC 5322 2.1.1 */
	TYPE_MAX = 900
};

bool content_octets(struct pager *p, const struct entity *e, struct buf *out)
{
	struct decoder d = {.from = transfer_read(e->cte)};
	for (int64_t at = e->span.from; at < e->span.to;) {
		int64_t left = e->span.to - at;
		struct slice in = source_at(e->source, at, left < SOURCE_WINDOW ? (size_t)left : SOURCE_WINDOW);
		if (!in.n)
			break;
		decoder_feed(&d, in, out);
		at += (int64_t)in.n;
	}
	decoder_end(&d, out);
	buf_put(out, "", 0);
	if (e->source->error)
		pager_trouble(p, e->source->error);
	return !e->source->error;
}

/* ---- text ---- */

/* Bare CR or LF -> CRLF, NUL -> U+FFFD, the last line ended. */
static void canonical(struct buf *out, struct slice in)
{
	for (size_t i = 0; i < in.n;) {
		size_t n = 0;
		while (i + n < in.n && in.p[i + n] != '\r' && in.p[i + n] != '\n' && in.p[i + n] != '\0')
			n++;
		buf_put(out, in.p + i, n);
		i += n;
		if (i == in.n)
			break;
		if (in.p[i] == '\0')
			buf_puts(out, "\xef\xbf\xbd");
		else
			buf_puts(out, "\r\n");
		i += in.p[i] == '\r' && i + 1 < in.n && in.p[i + 1] == '\n' ? 2 : 1;
	}
	if (!out->n || out->p[out->n - 1] != '\n')
		buf_puts(out, "\r\n");
}

static enum mail_cte encoding_of(const struct buf *text)
{
	struct mail_scan scan = {0};
	mail_scan(&scan, slice_buf(text));
	return mail_text_cte(&scan, true);
}

static struct part *text_part(struct pager *p, const char *type, struct slice utf8)
{
	struct part *part = part_new(PART_TEXT, type);
	part_param(part, "charset", SLICE("UTF-8"));
	canonical(&part->text, utf8);
	part->encoding = encoding_of(&part->text);
	p->eightbit = p->eightbit || part->encoding == MAIL_8BIT;
	return part;
}

/* The octets of a text leaf as UTF-8. */
static bool text_of(struct pager *p, const struct entity *e, struct buf *utf8)
{
	struct buf raw = {0}, charset = {0};
	bool good = content_octets(p, e, &raw);
	mime_param(e->type, "charset", &charset);
	if (good)
		charset_to_utf8(utf8, slice_buf(&raw), slice_buf(&charset));
	buf_free(&raw), buf_free(&charset);
	return good;
}

bool content_alternative(struct pager *p, const struct entity *e, const char *type, struct place at, struct part **out)
{
	struct buf html = {0}, text = {0};
	(void)type, (void)at;
	if (text_of(p, e, &html)) {
		html_to_text(&text, slice_buf(&html), NULL);
		*out = part_new(PART_MULTI, "multipart/alternative");
		(*out)->number = ++p->nparts;
		(*out)->child = text_part(p, "text/plain", slice_buf(&text));
		(*out)->child->next = text_part(p, "text/html", slice_buf(&html));
	}
	buf_free(&html), buf_free(&text);
	return true;
}

/* ---- files ---- */

static void name_file(struct part *part, const struct entity *e, const char *type)
{
	struct buf raw = {0}, name = {0};
	if (!mime_param(e->disposition, "filename", &raw))
		mime_param(e->type, "name", &raw);
	mail_file_name(&name, slice_buf(&raw), slice_of(type));
	part->filename = xstrdup(buf_str(&name));
	buf_free(&raw), buf_free(&name);
}

bool content_attached(const struct entity *e)
{
	struct buf word = {0};
	mime_word(e->disposition, &word);
	bool yes = strcmp(buf_str(&word), "attachment") == 0;
	buf_free(&word);
	return yes;
}

static struct part *file_part(struct pager *p, const struct entity *e, const char *type)
{
	if (++p->nfiles > conf_int(p->tools->conf, "max_attachments", NULL)) {
		pager_answer(p, 413, "Request Entity Too Large", "more than max_attachments attachments");
		return NULL;
	}
	/* Composite types may not be encoded (RFC 2045 6.4), so what is left of them here is octets. */
	if (strncmp(type, "message/", 8) == 0 || strncmp(type, "multipart/", 10) == 0)
		type = "application/octet-stream";
	struct part *part = part_new(PART_FILE, type);
	struct buf charset = {0};
	part->encoding = MAIL_BASE64;
	part->source = e->source;
	part->span = e->span;
	part->decoder.from = transfer_read(e->cte);
	if (strncmp(type, "text/", 5) == 0 && mime_param(e->type, "charset", &charset))
		part_param(part, "charset", slice_buf(&charset));
	buf_free(&charset);
	/* A part that its multipart shows by reference stays where it is shown. */
	part->disposition = xstrdup(e->id.n && !content_attached(e) ? "inline" : "attachment");
	name_file(part, e, type);
	return part;
}

bool content_file(struct pager *p, const struct entity *e, const char *type, struct place at, struct part **out)
{
	(void)at;
	*out = file_part(p, e, type);
	return true;
}

bool content_text(struct pager *p, const struct entity *e, const char *type, struct place at, struct part **out)
{
	struct buf utf8 = {0};
	(void)at;
	if (text_of(p, e, &utf8)) {
		*out = text_part(p, type, slice_buf(&utf8));
		if (content_attached(e)) {
			(*out)->disposition = xstrdup("attachment");
			name_file(*out, e, type);
		}
	}
	buf_free(&utf8);
	return true;
}

/* A text too long to be held is still the text of the message: streamed with the charset it came in. */
bool content_long_text(struct pager *p, const struct entity *e, const char *type, struct place at, struct part **out)
{
	struct part *part = *out = file_part(p, e, type);
	(void)at;
	if (!part || content_attached(e))
		return true;
	free(part->disposition), free(part->filename);
	part->disposition = part->filename = NULL;
	if (!part->nparams)
		part_param(part, "charset", SLICE("UTF-8"));
	return true;
}

/* ---- what no person reads ---- */

bool content_drop(struct pager *p, const struct entity *e, const char *type, struct place at, struct part **out)
{
	(void)p, (void)e, (void)type, (void)at, (void)out;
	return true;
}

bool content_report(struct pager *p, const struct entity *e, const char *type, struct place at, struct part **out)
{
	(void)e, (void)type, (void)at, (void)out;
	p->report = true;
	return true;
}

/* ---- RCS documents ---- */

/* Told as text (1.12); false: it is no such document. */
bool content_rcs(struct pager *p, const struct entity *e, const char *type, struct place at, struct part **out)
{
	struct buf xml = {0}, text = {0};
	(void)at;
	bool read = e->span.to - e->span.from <= RCS_OCTETS_MAX * 2 && content_octets(p, e, &xml);
	bool told = read && (strcmp(type, RCS_FT_TYPE) == 0 ? rcs_file_text(&text, slice_buf(&xml))
							    : rcs_location_text(&text, slice_buf(&xml)));
	if (told)
		*out = text_part(p, "text/plain", slice_buf(&text));
	buf_free(&xml), buf_free(&text);
	return told || p->verdict != PAGER_MAIL;
}

/* ---- what goes through untouched ---- */

/* Can these octets stand in a mail as they are? Lines of at most 998 octets, ended by CRLF, no NUL; *eight: some are
 * above 127. */
static bool fits_mail(const struct entity *e, bool *eight)
{
	size_t line = 0;
	char last = 0;
	*eight = false;
	for (int64_t at = e->span.from; at < e->span.to;) {
		int64_t left = e->span.to - at;
		struct slice in = source_at(e->source, at, left < SOURCE_WINDOW ? (size_t)left : SOURCE_WINDOW);
		if (!in.n)
			return false;
		for (size_t i = 0; i < in.n; i++) {
			char c = in.p[i];
			if (c == '\0' || (last == '\r') != (c == '\n') ||
			    (c != '\n' && c != '\r' && ++line > LINE_MAX_OCTETS))
				return false;
			if (c == '\n')
				line = 0;
			*eight = *eight || (unsigned char)c >= 128;
			last = c;
		}
		at += (int64_t)in.n;
	}
	return last != '\r';
}

/* Can a type with all its parameters be written as it came? */
static bool type_fits(struct slice type)
{
	for (size_t i = 0; i < type.n; i++)
		if (type.p[i] < ' ' || type.p[i] == 127)
			return false;
	return type.n <= TYPE_MAX && is_ascii(type.p, type.n);
}

bool content_exact(struct pager *p, const struct entity *e, const char *type, struct place at, struct part **out)
{
	bool eight;
	(void)at;
	bool fits = transfer_read(e->cte) == TRANSFER_IDENTITY && type_fits(e->type) && fits_mail(e, &eight);
	if (e->source->error) {
		pager_trouble(p, e->source->error);
		return true;
	}
	if (!fits) { /* a mail cannot carry it byte for byte but as a file */
		*out = file_part(p, e, "application/octet-stream");
		return true;
	}
	struct part *part = part_new(PART_RAW, type);
	struct buf value = {0};
	text_sanitise(&value, e->type, LINE_MAX_OCTETS);
	free(part->type);
	part->type = xstrdup(buf_str(&value));
	part->whole_type = true;
	buf_free(&value);
	part->source = e->source;
	part->span = e->span;
	part->encoding = eight ? MAIL_8BIT : MAIL_7BIT;
	p->eightbit = p->eightbit || eight;
	*out = part;
	return true;
}

/* S/MIME: the type with its parameters says how to read it. */
bool content_smime(struct pager *p, const struct entity *e, const char *type, struct place at, struct part **out)
{
	struct part *part = file_part(p, e, type);
	struct buf value = {0};
	(void)at;
	*out = part;
	if (part && type_fits(e->type)) {
		text_sanitise(&value, e->type, LINE_MAX_OCTETS);
		free(part->type);
		part->type = xstrdup(buf_str(&value));
		part->whole_type = true;
		buf_free(&value);
	}
	return true;
}
