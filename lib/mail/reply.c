#include "mail/reply.h"

#include "mail/quote.h"
#include "mail/tail.h"

#include <stdlib.h>

enum { MARKER_LINES = 3 /* that a marker may be wrapped over */, RESIDUE_LINES = 4, ROUNDS = 16, COLONS_MAX = 2000 };

/* ---- step 1: the marker ---- */

/* What counts of a line when it is compared with the marker: no quote signs, no blanks. */
static void marker_form(struct buf *out, struct slice line)
{
	bool begun = false;
	for (size_t i = 0; i < line.n; i++) {
		if (strchr(" \t\r", line.p[i]) ||
		    (!begun && (line.p[i] == '>' || line.p[i] == '|' || line.p[i] == '*')))
			continue;
		if ((unsigned char)line.p[i] == 0xc2 && i + 1 < line.n && (unsigned char)line.p[i + 1] == 0xa0) {
			i++;
			continue;
		}
		begun = true;
		buf_putc(out, line.p[i]);
	}
}

/* The line where the marker begins; l->n if there is none. */
static size_t find_marker(const struct reply_lines *l, const char *marker)
{
	struct buf want = {0}, have = {0};
	struct slice word = slice_trim(slice_of(marker)); /* a line without its first word is not looked at closer */
	size_t found = l->n;
	word.n = strcspn(word.p, " \t\r\n");
	marker_form(&want, slice_of(marker));
	for (size_t i = 0; want.n && i < l->n && found == l->n; i++) {
		if (!memmem(l->text + l->v[i].at, l->v[i].n, word.p, word.n))
			continue;
		buf_clear(&have);
		for (size_t k = i; k < l->n && k < i + MARKER_LINES && found == l->n; k++) {
			size_t one = have.n;
			marker_form(&have, reply_line(l, k));
			char *at = have.n >= want.n ? memmem(have.p, have.n, want.p, want.n) : NULL;
			if (at && (k == i || (size_t)(at - have.p) < one))
				found = i;
			if (have.n > 4 * want.n + 4096)
				break; /* no wrapped line is that long */
		}
	}
	buf_free(&want), buf_free(&have);
	return found;
}

/* ---- step 2: attribution and separator lines ---- */

/* Of the lines before end, what the whole decision needs. */
struct view {
	const struct reply_lines *l;
	size_t end;
	size_t last_own; /* the last line that is the writer's: not blank, not quoted, no signature or footer; end: none
			  */
	size_t last_own_mark; /* the last line marked MAIL_MARK_OWN; 0: none */
	bool marker;	      /* end is where the marker stood: what is above it leads in the quote */
};

static void look(struct view *v)
{
	size_t tail = reply_tail(v->l, 0, v->end);
	v->last_own = v->end;
	v->last_own_mark = 0;
	for (size_t i = 0; i < v->end; i++) {
		if (i < tail && !reply_blank(v->l, i) && !v->l->v[i].quoted)
			v->last_own = i;
		if (v->l->v[i].mark == MAIL_MARK_OWN + 1)
			v->last_own_mark = i;
	}
}

static bool own_from(const struct view *v, size_t i)
{
	return v->last_own != v->end && v->last_own >= i;
}

/* Is all that follows the lead a quote? */
static bool quote_below(const struct view *v, const struct lead *lead)
{
	size_t next = reply_next(v->l, lead->to, v->end);
	switch (lead->kind) {
	case LEAD_SEPARATOR:
		return true;
	case LEAD_ATTRIBUTION:
	case LEAD_WEAK:
		if (next == v->end)
			return v->marker || lead->kind == LEAD_ATTRIBUTION;
		if (v->l->v[next].quoted)
			return !own_from(v, next);
		return lead->kind == LEAD_ATTRIBUTION && lead->exact;
	default:
		return false;
	}
}

/* What HTML marked at line i. */
static struct lead marked_lead(const struct view *v, size_t i)
{
	struct lead lead = {.kind = LEAD_NONE, .from = i, .to = i + 1, .exact = true};
	const struct reply_lines *l = v->l;
	if (l->v[i].mark == MAIL_MARK_ORIGINAL + 1 && !(v->last_own_mark > i && own_from(v, v->last_own_mark)))
		lead.kind = LEAD_SEPARATOR;
	if (l->v[i].mark == MAIL_MARK_ATTRIBUTION + 1 &&
	    !reply_forward_line(reply_line(l, reply_next(l, i, v->end - 1)))) {
		while (lead.to < v->end && lead.to < i + RESIDUE_LINES && !l->v[lead.to].quoted && !l->v[lead.to].mark)
			lead.to++;
		lead.kind = LEAD_ATTRIBUTION;
	}
	return lead;
}

/* The line of dashes or underscores that parts the original from what is above it. */
static size_t with_rule(const struct reply_lines *l, size_t from)
{
	size_t above = reply_trim(l, 0, from);
	return above > 0 && reply_rule(reply_line(l, above - 1), 3) ? above - 1 : from;
}

/* The first line of what leads in the quote; end if nothing does. */
static size_t find_quote(const struct view *v)
{
	size_t colons = 0; /* a mail with more lines that could be one is no answer */
	for (size_t i = 0; i < v->end && colons < COLONS_MAX; i++) {
		struct slice line = reply_line(v->l, i);
		colons += memchr(line.p, ':', line.n) != NULL;
		struct lead lead = marked_lead(v, i);
		if (lead.kind != LEAD_NONE && quote_below(v, &lead))
			return lead.kind == LEAD_SEPARATOR ? with_rule(v->l, lead.from) : lead.from;
		lead = reply_lead(v->l, 0, i, v->end);
		if (lead.kind != LEAD_NONE && quote_below(v, &lead))
			return lead.from;
	}
	return v->end;
}

/* ---- step 3: quoted lines at the end ---- */

static size_t paragraph_above(const struct reply_lines *l, size_t end)
{
	size_t from = end;
	while (from > 0 && end - from < RESIDUE_LINES && !reply_blank(l, from - 1) && !l->v[from - 1].quoted)
		from--;
	return from;
}

static size_t drop_quotes(const struct reply_lines *l, size_t end)
{
	size_t before = end = reply_trim(l, 0, end);
	while (end > 0 && (l->v[end - 1].quoted || reply_blank(l, end - 1)))
		end--;
	if (end == before)
		return end;
	for (size_t from = paragraph_above(l, end); from < end; from++) /* its attribution, in a language not listed */
		if (reply_seems_attribution(l, from, end) && (from == 0 || end - from == 1 || reply_blank(l, from - 1)))
			return reply_trim(l, 0, from);
	return end;
}

/* ---- all steps ---- */

static size_t strip(const struct reply_lines *l, size_t end, bool marker)
{
	struct view v = {.l = l, .end = end, .marker = marker};
	look(&v);
	size_t to = find_quote(&v);
	if (marker && to == end) { /* what stands directly above the marker */
		to = reply_trim(l, 0, to);
		size_t from = paragraph_above(l, to);
		if (from < to && reply_seems_attribution(l, from, to))
			to = from;
	}
	for (size_t before = to + 1, round = 0; to < before && round < ROUNDS; round++) {
		before = to;
		to = drop_quotes(l, reply_tail(l, 0, to));
	}
	return to;
}

/* Lines [0, end) without blank lines at the ends. */
static bool put_lines(struct buf *out, const struct reply_lines *l, size_t end)
{
	size_t from = reply_next(l, 0, end);
	end = reply_trim(l, from, end);
	for (size_t i = from; i < end; i++) {
		if (i > from)
			buf_putc(out, '\n');
		buf_slice(out, i > from ? reply_line(l, i) : slice_trim(reply_line(l, i)));
	}
	buf_put(out, "", 0);
	return end > from;
}

static void put_fallback(struct buf *out, const struct reply_lines *l)
{
	struct buf whole = {0};
	put_lines(&whole, l, l->n);
	size_t chars = 0, i = 0;
	for (; i < whole.n; i++)
		if (((unsigned char)whole.p[i] & 0xc0) != 0x80 && chars++ == MAIL_REPLY_FALLBACK)
			break;
	buf_put(out, buf_str(&whole), i);
	while (out->n && strchr(" \t\n", out->p[out->n - 1]))
		out->p[--out->n] = '\0';
	buf_free(&whole);
}

static enum mail_reply_result put_result(struct buf *out, const struct reply_lines *l, size_t end,
					 const struct mail_reply_options *o)
{
	if (put_lines(out, l, end))
		return end < reply_trim(l, 0, l->n) ? MAIL_REPLY_CUT : MAIL_REPLY_WHOLE;
	if (o->may_be_empty || reply_next(l, 0, l->n) == l->n)
		return MAIL_REPLY_EMPTY;
	put_fallback(out, l);
	return MAIL_REPLY_FALLBACK_USED;
}

enum mail_reply_result mail_reply_strip(struct buf *out, struct slice text, const struct mail_reply_options *options)
{
	struct reply_lines l;
	reply_lines_split(&l, text, options->marks, options->n_marks);
	size_t marker = options->marker ? find_marker(&l, options->marker) : l.n;
	size_t end = strip(&l, marker, marker < l.n);
	if (marker < l.n && reply_next(&l, 0, end) >= end) /* the answer stands below */
		end = strip(&l, l.n, false);
	enum mail_reply_result result = put_result(out, &l, end, options);
	reply_lines_free(&l);
	return result;
}

enum mail_reply_result mail_signature_strip(struct buf *out, struct slice text,
					    const struct mail_reply_options *options)
{
	struct reply_lines l;
	reply_lines_split(&l, text, options->marks, options->n_marks);
	enum mail_reply_result result = put_result(out, &l, reply_tail(&l, 0, l.n), options);
	reply_lines_free(&l);
	return result;
}
