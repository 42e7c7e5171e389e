#include "mail/tail.h"

#include "mail/phrases.h"

enum {
	SIGNATURE_LINES = 30, /* behind "-- " */
	LOOSE_SIGNATURE = 10, /* behind "--", which people also write between two thoughts */
	RULED_LINES = 8,
	FOOTER_LINES = 3,
	FOOTER_OCTETS = 240,
	PRODUCT_OCTETS = 90,
	DISCLAIMER_LINES = 60,
	DISCLAIMER_OCTETS = 60, /* at least */
	LIST_FOOTER_LINES = 6,
	CARD_LINES = 12,
	ROUNDS = 16, /* things below each other at the end of a mail */
};

size_t reply_trim(const struct reply_lines *l, size_t first, size_t end)
{
	while (end > first && reply_blank(l, end - 1))
		end--;
	return end;
}

/* The paragraph that ends before end: from its first line, or from the one that makes it longer than max lines. */
static size_t paragraph(const struct reply_lines *l, size_t first, size_t end, size_t max)
{
	size_t from = end;
	while (from > first && end - from <= max && !reply_blank(l, from - 1) && !l->v[from - 1].quoted)
		from--;
	return from;
}

static bool contains(struct slice s, const char *words)
{
	size_t n = strlen(words);
	for (size_t i = 0; i + n <= s.n; i++)
		if (!((s.p[i] ^ words[0]) & ~32) && strncasecmp(s.p + i, words, n) == 0)
			return true;
	return false;
}

static bool letter(char c)
{
	return ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool contains_one(struct slice s, const char *const *list)
{
	for (; *list; list++)
		if (contains(s, *list))
			return true;
	return false;
}

static bool begins_one(struct slice s, const char *const *list)
{
	for (; *list; list++)
		if (reply_begins(s, *list))
			return true;
	return false;
}

static bool ends_one(struct slice s, const char *const *list)
{
	for (; *list; list++) {
		size_t n = strlen(*list);
		if (s.n >= n && memcmp(s.p + s.n - n, *list, n) == 0)
			return true;
	}
	return false;
}

/* ---- signature ---- */

/* A "-- " line with nothing but unquoted lines behind it. */
static size_t signature(const struct reply_lines *l, size_t first, size_t end)
{
	for (size_t i = end, seen = 0; i > first && seen <= SIGNATURE_LINES; seen++) {
		const struct reply_line *line = &l->v[--i];
		bool loose = line->n == 2 && (line->at + 2 == l->v[end - 1].at || l->text[line->at + 2] != ' ');
		if (line->quoted)
			return end;
		if (line->delimiter && (!loose || seen < LOOSE_SIGNATURE))
			return i;
	}
	return end;
}

/* A name or an address under a line of dashes, below the quote or alone at the end: the signature of programs and
 * people who do not know of "-- ". */
static size_t ruled_signature(const struct reply_lines *l, size_t first, size_t end)
{
	size_t i = end;
	while (i > first && end - i < RULED_LINES && !l->v[i - 1].quoted && !reply_rule(reply_line(l, i - 1), 3))
		i--;
	if (i == first || i == end || !reply_rule(reply_line(l, i - 1), 3))
		return end;
	size_t above = reply_trim(l, first, i - 1);
	struct slice name = reply_line(l, i);
	bool address = end - i == 1 && memchr(name.p, '@', name.n) && !memchr(name.p, ' ', name.n);
	return above > first && (l->v[above - 1].quoted || address) ? i - 1 : end;
}

/* What HTML calls the signature, if nothing of the writer's stands behind it. */
static size_t marked_signature(const struct reply_lines *l, size_t first, size_t end)
{
	bool own = false; /* what was seen belongs to the writer */
	size_t seen = 0;
	for (size_t i = end; i > first && seen < SIGNATURE_LINES; seen++) {
		const struct reply_line *line = &l->v[--i];
		if (line->quoted)
			return end;
		if (line->mark == MAIL_MARK_SIGNATURE + 1)
			return own ? end : i;
		if (line->mark == MAIL_MARK_OWN + 1)
			own = reply_trim(l, i, end) > i;
	}
	return end;
}

/* ---- footers ---- */

/* One of the products near the beginning, as a word: "Mac" is not in "machine". */
static bool names_product(struct slice s)
{
	if (s.n > PRODUCT_OCTETS)
		s.n = PRODUCT_OCTETS;
	for (const char *const *product = phrase_products; *product; product++) {
		size_t n = strlen(*product);
		for (size_t i = 0; i + n <= s.n; i++) {
			bool begins = i == 0 || !letter(s.p[i - 1]);
			bool ends = n > 3 || i + n == s.n || !letter(s.p[i + n]);
			if (begins && ends && strncasecmp(s.p + i, *product, n) == 0)
				return true;
		}
	}
	return false;
}

static bool footer_line(struct slice folded)
{
	if (begins_one(folded, phrase_footers) || ends_one(folded, phrase_footer_ends))
		return true;
	for (size_t i = 0; i < phrase_sent_n; i++) {
		const struct phrase_sent *row = &phrase_sent[i];
		if (reply_begins(folded, row->begin) && (!row->also || contains(folded, row->also)))
			return names_product(folded);
	}
	return false;
}

/* "Sent from my iPhone" as a paragraph, alone or with its link on the next line; also as the last line of one. */
static size_t footer(const struct reply_lines *l, size_t first, size_t end)
{
	size_t from = paragraph(l, first, end, FOOTER_LINES);
	struct buf text = {0};
	for (size_t i = from; i < end; i++)
		reply_fold(&text, reply_line(l, i));
	bool is = end > from && end - from <= FOOTER_LINES && text.n <= FOOTER_OCTETS && footer_line(slice_buf(&text));
	if (!is && end > from) { /* no empty line before it: then the line itself must be short and end no sentence */
		struct slice last = reply_line(l, end - 1);
		buf_clear(&text);
		reply_fold(&text, last);
		is = last.n <= 60 && !strchr("?!", last.p[last.n - 1]) && footer_line(slice_buf(&text));
		from = end - 1;
	}
	buf_free(&text);
	return is ? from : end;
}

static void fold_lines(const struct reply_lines *l, size_t from, size_t end, struct buf *out)
{
	buf_clear(out);
	for (size_t i = from; i < end; i++) {
		buf_putc(out, ' ');
		reply_fold(out, reply_line(l, i));
	}
}

/* "This e-mail is confidential ...", with the paragraphs that follow it. */
static size_t disclaimer(const struct reply_lines *l, size_t first, size_t end)
{
	struct buf text = {0};
	size_t found = end;
	for (size_t to = end; to > first && end - to < DISCLAIMER_LINES;) {
		size_t above = paragraph(l, first, to, DISCLAIMER_LINES);
		if (above == to)
			break;
		size_t from = above + reply_rule(reply_line(l, above), 3);
		fold_lines(l, from, from < to ? from + 1 : to, &text);
		if (begins_one(slice_trim(slice_buf(&text)), phrase_disclaimers)) {
			fold_lines(l, from, to, &text);
			if (text.n >= DISCLAIMER_OCTETS && contains_one(slice_buf(&text), phrase_secrets))
				found = from;
		}
		to = reply_trim(l, first, above);
	}
	buf_free(&text);
	return found;
}

/* A line of underscores, then what the list says about itself. */
static size_t list_footer(const struct reply_lines *l, size_t first, size_t end)
{
	bool list = false;
	for (size_t i = end, seen = 0; i > first && seen <= LIST_FOOTER_LINES; seen++) {
		struct slice s = reply_line(l, --i);
		if (l->v[i].quoted)
			return end;
		if (s.n >= 20 && s.p[0] == '_' && s.p[s.n - 1] == '_')
			return list ? i : end;
		list = list || contains(s, "mailing list") || contains(s, "mailman") || contains(s, "/listinfo");
	}
	return end;
}

/* A line of dashes or underscores that parted what was cut from the rest. */
static size_t rule_above(const struct reply_lines *l, size_t first, size_t end)
{
	return end > first && reply_rule(reply_line(l, end - 1), 3) ? end - 1 : end;
}

/* A business card as a table of nothing but bars: "| |", name, "|", "|", address, "|". */
static size_t card(const struct reply_lines *l, size_t first, size_t end)
{
	size_t found = end;
	if (!slice_eq(reply_line(l, end - 1), "|"))
		return end;
	for (size_t i = end; i > first && end - i < CARD_LINES && !reply_blank(l, i - 1);)
		if (slice_eq(reply_line(l, --i), "| |"))
			found = i;
	return found;
}

size_t reply_tail(const struct reply_lines *l, size_t first, size_t end)
{
	for (int round = 0; round < ROUNDS; round++) {
		size_t before = end = reply_trim(l, first, end);
		if (end > first)
			end = marked_signature(l, first, end);
		if (end > first)
			end = signature(l, first, end);
		if (end == before && end > first)
			end = footer(l, first, end);
		if (end == before && end > first)
			end = disclaimer(l, first, end);
		if (end == before && end > first)
			end = list_footer(l, first, end);
		if (end == before && end > first)
			end = card(l, first, end);
		if (end == before && end > first)
			end = ruled_signature(l, first, end);
		if (end == before)
			break;
		end = rule_above(l, first, reply_trim(l, first, end));
	}
	return reply_trim(l, first, end);
}
