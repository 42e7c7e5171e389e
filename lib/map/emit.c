#include "mail/header.h"
#include "map/content.h"

#include <stdio.h>
#include <stdlib.h>

static void head_lines(const struct part *part, struct buf *out)
{
	struct mail_field f;
	mail_field_begin(&f, out, "Content-Type");
	mail_field_word(&f, slice_of(part->type));
	for (int i = 0; i < part->nparams; i++)
		mail_field_param(&f, part->params[i].name, slice_of(part->params[i].value));
	if (part->kind == PART_MULTI)
		mail_field_param(&f, "boundary", slice_of(part->boundary));
	mail_field_end(&f);
	if (part->kind != PART_MULTI) {
		mail_field_begin(&f, out, "Content-Transfer-Encoding");
		mail_field_word(&f, slice_of(mail_cte_name(part->encoding)));
		mail_field_end(&f);
	}
	if (part->disposition) {
		mail_field_begin(&f, out, "Content-Disposition");
		mail_field_word(&f, slice_of(part->disposition));
		if (part->filename)
			mail_field_param(&f, "filename", slice_of(part->filename));
		mail_field_end(&f);
	}
	if (part->id) {
		mail_field_begin(&f, out, "Content-ID");
		mail_field_word(&f, slice_of(part->id));
		mail_field_end(&f);
	}
}

/* A complete type of the sender's own (S/MIME, signed): its words may be folded at their blanks, its parameters are not
 * read again. */
static void whole_type(const struct part *part, struct buf *out)
{
	if (!mail_header_words(out, "Content-Type", slice_of(part->type)))
		buf_puts(out, "Content-Type: application/octet-stream\r\n");
	struct mail_field f;
	mail_field_begin(&f, out, "Content-Transfer-Encoding");
	mail_field_word(&f, slice_of(mail_cte_name(part->encoding)));
	mail_field_end(&f);
	if (part->filename && part->disposition) {
		mail_field_begin(&f, out, "Content-Disposition");
		mail_field_word(&f, slice_of(part->disposition));
		mail_field_param(&f, "filename", slice_of(part->filename));
		mail_field_end(&f);
	}
}

void content_head(const struct part *part, struct buf *out)
{
	if (part->whole_type)
		whole_type(part, out);
	else
		head_lines(part, out);
}

static void write_text(const struct part *part, struct sink *out)
{
	struct buf coded = {0};
	struct mail_encoder e;
	mail_encode_begin(&e, part->encoding, true);
	mail_encode(&e, slice_buf(&part->text), &coded);
	mail_encode_end(&e, &coded);
	sink_buf(out, &coded);
	buf_free(&coded);
}

static void write_span(struct pager *p, struct part *part, struct sink *out)
{
	struct buf plain = {0}, coded = {0};
	struct mail_encoder e;
	bool raw = part->kind == PART_RAW, ended = false;
	mail_encode_begin(&e, MAIL_BASE64, false);
	for (int64_t at = part->span.from; at < part->span.to && !out->error;) {
		int64_t left = part->span.to - at;
		struct slice in = source_at(part->source, at, left < SOURCE_WINDOW ? (size_t)left : SOURCE_WINDOW);
		if (!in.n) {
			pager_trouble(p, part->source->error);
			break;
		}
		at += (int64_t)in.n;
		if (raw) {
			sink_put(out, in.p, in.n);
			ended = in.p[in.n - 1] == '\n';
			continue;
		}
		buf_clear(&plain), buf_clear(&coded);
		decoder_feed(&part->decoder, in, &plain);
		mail_encode(&e, slice_buf(&plain), &coded);
		sink_buf(out, &coded);
	}
	buf_clear(&plain), buf_clear(&coded);
	if (raw) {
		if (part != p->content || !ended) /* within a multipart it belongs to the delimiter */
			sink_puts(out, "\r\n");
	} else {
		decoder_end(&part->decoder, &plain);
		mail_encode(&e, slice_buf(&plain), &coded);
		mail_encode_end(&e, &coded);
		if (!out->error && !coded.n && part->span.from == part->span.to)
			buf_puts(&coded, "\r\n");
		sink_buf(out, &coded);
	}
	buf_free(&plain), buf_free(&coded);
}

static void write_multi(struct pager *p, struct part *part, struct sink *out)
{
	for (struct part *child = part->child; child; child = child->next) {
		struct buf head = {0};
		buf_printf(&head, "--%s\r\n", part->boundary); /* what stands before it ends with CRLF */
		content_head(child, &head);
		buf_puts(&head, "\r\n");
		sink_buf(out, &head);
		buf_free(&head);
		content_write(p, child, out);
	}
	sink_puts(out, "--");
	sink_puts(out, part->boundary);
	sink_puts(out, "--\r\n");
}

void content_write(struct pager *p, struct part *part, struct sink *out)
{
	switch (part->kind) {
	case PART_MULTI:
		write_multi(p, part, out);
		break;
	case PART_TEXT:
		write_text(part, out);
		break;
	case PART_FILE:
	case PART_RAW:
		write_span(p, part, out);
		break;
	}
}

/* ---- boundaries ---- */

/* Does the boundary occur in what is written as it is? Base64 holds no "--". */
static bool occurs(struct pager *p, const struct part *part, struct slice boundary)
{
	for (; part; part = part->next) {
		if (part->child && occurs(p, part->child, boundary))
			return true;
		if (part->kind == PART_TEXT && memmem(part->text.p, part->text.n, boundary.p, boundary.n))
			return true;
		if (part->kind == PART_MULTI && strcmp(part->boundary, boundary.p) == 0)
			return true;
		if (part->kind != PART_RAW)
			continue;
		for (int64_t at = part->span.from; at < part->span.to;) {
			int64_t left = part->span.to - at;
			struct slice in =
				source_at(part->source, at, left < SOURCE_WINDOW ? (size_t)left : SOURCE_WINDOW);
			if (memmem(in.p, in.n, boundary.p, boundary.n))
				return true;
			if (in.n <= boundary.n || (int64_t)in.n == left)
				break;
			at += (int64_t)(in.n - boundary.n);
		}
	}
	return false;
}

static void choose(struct pager *p, struct part *part)
{
	for (; part; part = part->next) {
		choose(p, part->child);
		if (part->kind != PART_MULTI)
			continue;
		struct buf text = {0};
		part->boundary[0] = '\0';
		for (unsigned attempt = 0; attempt < 100; attempt++) {
			buf_clear(&text);
			token_boundary(map_keys(p->tools->names), buf_str(&p->msgid), (unsigned)part->number, attempt,
				       &text);
			if (!occurs(p, p->content, slice_buf(&text)))
				break;
		}
		snprintf(part->boundary, sizeof part->boundary, "%s", buf_str(&text));
		buf_free(&text);
	}
}

enum pager_verdict content_boundaries(struct pager *p)
{
	choose(p, p->content);
	return p->verdict;
}
