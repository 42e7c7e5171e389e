#include "mail/phrases.h"
#include "mail/quote.h"
#include "mail/traits.h"

enum {
	HEADER_LINES = 40, /* lines of a header block, with long lists of recipients */
	HEADER_OTHER = 8,  /* lines in it without a label, in sequence */
	UNLISTED_LINES = 6,
	UNLISTED_OCTETS = 40, /* of the name of a field in a language not listed */
	RULE_MIN = 20,	      /* underscores of a line that a program draws */
	LABEL_OCTETS = 60,    /* the name of a header field with blanks around it, up to its colon */
};

/* Octets of the rule character at p: - _ = * ~ and the hyphens and dashes of Unicode. */
static size_t rule_at(struct slice s, size_t i)
{
	if (strchr("-_=*~", s.p[i]))
		return 1;
	if (i + 2 < s.n && memcmp(s.p + i, "\xe2\x80", 2) == 0 && (unsigned char)s.p[i + 2] >= 0x90 &&
	    (unsigned char)s.p[i + 2] <= 0x95)
		return 3;
	return i + 2 < s.n && memcmp(s.p + i, "\xe2\x94\x80", 3) == 0 ? 3 : 0;
}

bool reply_rule(struct slice s, size_t min)
{
	size_t count = 0;
	for (size_t i = 0, k; i < s.n; i += k, count++)
		if (!(k = rule_at(s, i)))
			return false;
	return count >= min;
}

/* "-----Original Message-----": the words between the dashes; empty if there are none. */
static struct slice between_rules(struct slice s)
{
	size_t dashes = 0, k;
	while (s.n && ((k = rule_at(s, 0)) || (*s.p == ' ' && (k = 1)))) {
		dashes += *s.p != ' ';
		s.p += k, s.n -= k;
	}
	for (bool more = true; more && s.n;) {
		more = s.p[s.n - 1] == ' ' || rule_at(s, s.n - 1) == 1;
		if (more)
			s.n--;
		else if (s.n >= 3 && rule_at(s, s.n - 3) == 3)
			s.n -= 3, more = true;
	}
	return dashes >= 2 ? s : (struct slice){"", 0};
}

static bool one_of(struct slice s, const char *const *list)
{
	for (; *list; list++)
		if (slice_ieq(s, *list))
			return true;
	return false;
}

/* "-----"Bob Brown" <bob@example.org> wrote: -----" */
static bool writer(struct slice words)
{
	bool opened, exact;
	return trait_cut_colon(&words) && trait_address(words) && reply_classify(words, &opened, &exact) != LEAD_NONE;
}

bool reply_original_line(struct slice line)
{
	struct buf text = {0};
	bool is = false;
	if (line.n && line.n <= REPLY_LINE_OCTETS && (rule_at(line, 0) || line.p[0] == ' ')) {
		reply_fold(&text, line);
		struct slice words = between_rules(slice_buf(&text)), plain = words;
		trait_cut_colon(&plain);
		is = words.n && (one_of(plain, phrase_originals) || writer(words));
	}
	buf_free(&text);
	return is;
}

bool reply_forward_line(struct slice line)
{
	struct buf text = {0};
	if (line.n > REPLY_LINE_OCTETS)
		return false;
	reply_fold(&text, line);
	struct slice words = between_rules(slice_buf(&text));
	bool is = one_of(words.n ? words : slice_buf(&text), phrase_forwards);
	buf_free(&text);
	return is;
}

/* ---- header blocks ---- */

/* Which field of a header the line is: "From: ...", "发件人：..."; the value in *value. */
static enum phrase_label label_of(struct slice folded, struct slice *value)
{
	for (size_t i = 0; i < phrase_headers_n; i++) {
		struct slice rest = folded;
		size_t n = strlen(phrase_headers[i].name);
		if (!reply_begins(folded, phrase_headers[i].name))
			continue;
		rest.p += n, rest.n -= n;
		while (rest.n && *rest.p == ' ')
			rest.p++, rest.n--;
		size_t colon = rest.n && *rest.p == ':'				      ? 1
			       : rest.n > 2 && memcmp(rest.p, "\xef\xbc\x9a", 3) == 0 ? 3
										      : 0;
		if (!colon)
			continue;
		*value = slice_trim((struct slice){rest.p + colon, rest.n - colon});
		return phrase_headers[i].label;
	}
	return LABEL_NONE;
}

struct block {
	bool seen[LABEL_SUBJECT + 1];
	bool address, date;
	int labels;
	size_t to;
};

static void block_line(struct block *b, enum phrase_label label, struct slice value)
{
	b->labels += !b->seen[label];
	b->seen[label] = true;
	b->address = b->address || trait_address(value);
	b->date = b->date || (label == LABEL_SENT && trait_date(value) && trait_time(value));
}

static void read_block(const struct reply_lines *l, size_t i, size_t end, struct block *b)
{
	struct buf text = {0};
	size_t other = 0, blanks = 0;
	*b = (struct block){0};
	for (size_t k = i; k < end && k < i + HEADER_LINES && other <= HEADER_OTHER && blanks <= 1; k++) {
		struct slice line = reply_line(l, k), value = {"", 0};
		if (l->v[k].quoted)
			break;
		if (!line.n) {
			blanks++;
			continue;
		}
		buf_clear(&text);
		if (line.n <= REPLY_LINE_OCTETS)
			reply_fold(&text, line);
		enum phrase_label label = line.n <= REPLY_LINE_OCTETS ? label_of(slice_buf(&text), &value) : LABEL_NONE;
		if (label == LABEL_NONE && (blanks || k == i))
			break;
		if (label == LABEL_NONE) {
			other++;
			continue;
		}
		other = blanks = 0;
		block_line(b, label, value);
		b->to = k + 1;
	}
	buf_free(&text);
}

/* From and at least one other field, and something that only a mail program writes there. */
static bool header_block(const struct reply_lines *l, size_t i, size_t end)
{
	struct block b;
	struct slice line = reply_line(l, i);
	size_t look = line.n < LABEL_OCTETS ? line.n : LABEL_OCTETS;
	if (!memchr(line.p, ':', look) && !memmem(line.p, look, "\xef\xbc\x9a", 3))
		return false;
	read_block(l, i, end, &b);
	return b.seen[LABEL_FROM] && b.labels >= 2 && (b.seen[LABEL_SUBJECT] || b.address || b.date);
}

static size_t last_above(const struct reply_lines *l, size_t first, size_t i);

/* A field of a language that is not listed: a few words, a colon, a value. */
static bool field_like(struct slice line)
{
	const char *colon = memchr(line.p, ':', line.n < LABEL_OCTETS ? line.n : LABEL_OCTETS);
	return colon && colon > line.p && colon - line.p <= UNLISTED_OCTETS &&
	       !trait_digit((struct slice){line.p, (size_t)(colon - line.p)});
}

/* Three or more such lines with an address and a date with a time of day, under a long line or begun by a From. */
static bool unlisted_block(const struct reply_lines *l, size_t first, size_t i, size_t end)
{
	struct buf text = {0};
	struct slice value;
	bool address = false, date = false;
	size_t k = i, above = last_above(l, first, i);
	for (; k < end && k < i + UNLISTED_LINES && !l->v[k].quoted && field_like(reply_line(l, k)); k++) {
		struct slice line = reply_line(l, k);
		address = address || trait_address(line);
		date = date || (trait_date(line) && trait_time(line));
	}
	if (k < i + 3 || !address || !date)
		return false;
	if (above < i && reply_rule(reply_line(l, above), RULE_MIN))
		return true;
	reply_fold(&text, reply_line(l, i));
	bool from = label_of(slice_buf(&text), &value) == LABEL_FROM;
	buf_free(&text);
	return from;
}

/* Notes: "Bob Brown ---05.03.2026 10:15:23---How about" */
static bool notes_line(struct slice s)
{
	const char *a = s.n <= REPLY_LINE_OCTETS ? memmem(s.p, s.n, "---", 3) : NULL;
	if (!a)
		return false;
	struct slice rest = {a + 3, s.n - (size_t)(a + 3 - s.p)};
	const char *b = memmem(rest.p, rest.n, "---", 3);
	return b && b - rest.p < 40 && trait_date((struct slice){rest.p, (size_t)(b - rest.p)});
}

/* "----- Mail original -----", in whatever language. */
static bool titled_rule(struct slice s)
{
	return s.n > 4 && s.n <= REPLY_LINE_OCTETS && rule_at(s, 0) && rule_at(s, 1) && rule_at(s, s.n - 1) &&
	       between_rules(s).n;
}

/* The line above i that is not blank, if it is near; i: there is none. */
static size_t last_above(const struct reply_lines *l, size_t first, size_t i)
{
	size_t before = i;
	for (int blanks = 0; before > first && blanks < 3; blanks++)
		if (!reply_blank(l, --before))
			return before;
	return i;
}

/* What stands above the block and belongs to it; a forwarded mail was meant to be read. */
static struct lead above_block(const struct reply_lines *l, size_t first, size_t i)
{
	struct lead lead = {.kind = LEAD_SEPARATOR, .from = i, .to = i + 1};
	size_t before = last_above(l, first, i);
	if (before < i) {
		struct slice s = reply_line(l, before);
		if (reply_forward_line(s))
			lead.kind = LEAD_NONE;
		else if (reply_rule(s, 3) || notes_line(s) || titled_rule(s))
			lead.from = before;
	}
	return lead;
}

struct lead reply_block(const struct reply_lines *l, size_t first, size_t i, size_t end)
{
	bool block = header_block(l, i, end) || unlisted_block(l, first, i, end);
	return block ? above_block(l, first, i) : (struct lead){.kind = LEAD_NONE};
}
