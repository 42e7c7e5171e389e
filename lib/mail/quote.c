#include "mail/quote.h"

#include "mail/phrases.h"

enum {
	LINE_LOOKED_AT = 400,	/* octets: no attribution or header line of a mail program is longer */
	SPAN_LINES = 5,		/* lines that an attribution is wrapped over */
	SPAN_OCTETS = 600,
	WEAK_OCTETS = 120,
	HEADER_LINES = 40,	/* lines of a header block, with long lists of recipients */
	HEADER_OTHER = 8,	/* lines in it without a label, in sequence */
	LABEL_OCTETS = 60,	/* the name of a header field with blanks around it, up to its colon */
	NAME_OCTETS = 80,	/* a name alone on the line before an address */
};

/* ---- what stands in a text ---- */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool word_octet(char c)
{
	return digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z') || (unsigned char)c >= 128;
}

/* The offset behind the last place of the words (ASCII in either case), -1 if there is none; ASCII words stand free.
 * last: only at the end of s. */
static ptrdiff_t behind_last(struct slice s, const char *words, bool last)
{
	size_t n = strlen(words), down = last && s.n >= n ? s.n - n : 0;
	bool ascii = (unsigned char)words[0] < 128;
	for (size_t i = s.n >= n ? s.n - n + 1 : 0; i-- > down;) {
		if (((s.p[i] ^ words[0]) & ~32) || strncasecmp(s.p + i, words, n) != 0)
			continue;
		if (ascii && ((i && word_octet(s.p[i - 1]) && (unsigned char)s.p[i - 1] < 128) ||
			      (i + n < s.n && word_octet(s.p[i + n]) && (unsigned char)s.p[i + n] < 128)))
			continue;
		return (ptrdiff_t)(i + n);
	}
	return -1;
}

/* A year from 1990 to 2099, or 05.03.26 and the like. */
static bool has_date(struct slice s)
{
	for (size_t i = 0; i + 4 <= s.n; i++) {
		if (!digit(s.p[i]) || (i && digit(s.p[i - 1])))
			continue;
		size_t n = 0;
		while (i + n < s.n && digit(s.p[i + n]))
			n++;
		if (n == 4 && (memcmp(s.p + i, "20", 2) == 0 || memcmp(s.p + i, "199", 3) == 0))
			return true;
		struct slice r = {s.p + i + n, s.n - i - n};
		if (n <= 2 && r.n >= 4 && strchr("./-", r.p[0]) && digit(r.p[1])) {
			size_t k = 2 + digit(r.p[2]);
			if (k + 2 < r.n + 1 && r.p[k] == r.p[0] && k + 2 < r.n && digit(r.p[k + 1]) && digit(r.p[k + 2]))
				return true;
		}
	}
	return false;
}

/* 10:15, 10.15, 10h15 */
static bool has_time(struct slice s)
{
	for (size_t i = 1; i + 2 < s.n; i++)
		if (strchr(":.h", s.p[i]) && digit(s.p[i - 1]) && digit(s.p[i + 1]) && digit(s.p[i + 2]) &&
		    (i + 3 >= s.n || !digit(s.p[i + 3])) && (i < 3 || !digit(s.p[i - 2]) || !digit(s.p[i - 3])))
			return true;
	return false;
}

static bool has_address(struct slice s)
{
	for (size_t i = 1; i + 1 < s.n; i++)
		if (s.p[i] == '@' && word_octet(s.p[i - 1]) && word_octet(s.p[i + 1]))
			return true;
	return false;
}

static bool has_digit(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (digit(s.p[i]))
			return true;
	return false;
}

/* Take a final ":" off. */
static bool cut_colon(struct slice *s)
{
	static const char *const colons[] = {":", "\xef\xbc\x9a", NULL};
	for (const char *const *c = colons; *c; c++) {
		size_t n = strlen(*c);
		if (s->n >= n && memcmp(s->p + s->n - n, *c, n) == 0) {
			s->n -= n;
			*s = slice_trim(*s);
			return true;
		}
	}
	return false;
}

/* ---- attributions ---- */

static bool row_matches(const struct phrase_attribution *row, struct slice s)
{
	if (!reply_begins(s, row->open))
		return false;
	return behind_last(s, row->verb, row->last) >= 0;
}

/* s: folded, without its colon. *opened: it begins with the opening word of its row. */
static enum lead_kind classify(struct slice s, bool *opened, bool *exact)
{
	enum lead_kind kind = LEAD_NONE;
	bool date = has_date(s), time = has_time(s), address = has_address(s);
	*exact = address;
	*opened = false;
	for (size_t i = 0; i < phrase_attributions_n; i++) {
		const struct phrase_attribution *row = &phrase_attributions[i];
		if (!row_matches(row, s))
			continue;
		if (*row->open && (date || (has_digit(s) && (time || address)))) {
			*opened = true;
			*exact = time || address;
			return LEAD_ATTRIBUTION;
		}
		if (date && (time || address))
			kind = LEAD_ATTRIBUTION;
		else if (kind == LEAD_NONE && s.n <= WEAK_OCTETS)
			kind = LEAD_WEAK;
	}
	if (kind != LEAD_ATTRIBUTION && date && time && address)
		kind = LEAD_ATTRIBUTION;
	return kind;
}

/* Could the line belong to what is wrapped, or is it the end of what the writer said? */
static bool joins(const struct reply_lines *l, size_t i)
{
	struct slice s = reply_line(l, i);
	return s.n && s.n <= LINE_LOOKED_AT && !l->v[i].quoted && !l->v[i].delimiter && !strchr("!?:", s.p[s.n - 1]);
}

static void fold_span(const struct reply_lines *l, size_t from, size_t to, struct buf *out)
{
	buf_clear(out);
	for (size_t i = from; i < to; i++) {
		struct slice s = reply_line(l, i);
		if (out->n)
			buf_putc(out, ' ');
		reply_fold(out, s);
	}
}

static enum lead_kind classify_span(const struct reply_lines *l, size_t from, size_t to, struct buf *text, bool *opened,
				    bool *exact)
{
	fold_span(l, from, to, text);
	struct slice s = slice_buf(text);
	*opened = *exact = false;
	return text->n <= SPAN_OCTETS && cut_colon(&s) ? classify(s, opened, exact) : LEAD_NONE;
}

/* The attribution that ends at line i: the shortest span of lines that is one; more of them if the opening word stands
 * further up. */
static struct lead attribution(const struct reply_lines *l, size_t first, size_t i)
{
	struct lead best = {.kind = LEAD_NONE};
	struct buf text = {0};
	bool opened, exact, best_opened = false;
	for (size_t k = 0; k < SPAN_LINES && i >= first + k && (k == 0 || joins(l, i - k)); k++) {
		enum lead_kind kind = classify_span(l, i - k, i + 1, &text, &opened, &exact);
		bool better = kind > best.kind || (kind == best.kind && kind != LEAD_NONE && opened && !best_opened);
		if (!better)
			continue;
		best = (struct lead){.kind = kind, .from = i - k, .to = i + 1, .exact = exact};
		best_opened = opened;
	}
	if (best.kind == LEAD_ATTRIBUTION && reply_line(l, best.from).p[0] == '<' && best.from > first &&
	    joins(l, best.from - 1) && reply_line(l, best.from - 1).n <= NAME_OCTETS)
		best.from--; /* the name before its address */
	buf_free(&text);
	return best;
}

static bool ends_with_colon(struct slice s)
{
	return s.n && (s.p[s.n - 1] == ':' || (s.n > 2 && memcmp(s.p + s.n - 3, "\xef\xbc\x9a", 3) == 0) ||
		       s.p[s.n - 1] == '*');
}

bool reply_seems_attribution(const struct reply_lines *l, size_t from, size_t to)
{
	struct buf text = {0};
	fold_span(l, from, to, &text);
	struct slice s = slice_buf(&text);
	bool seems = text.n <= SPAN_OCTETS && cut_colon(&s) && has_digit(s) && (has_address(s) || (has_date(s) && has_time(s)));
	buf_free(&text);
	return seems;
}

/* ---- separators ---- */

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
	return cut_colon(&words) && has_address(words) && classify(words, &opened, &exact) != LEAD_NONE;
}

static bool original_line(struct slice line)
{
	struct buf text = {0};
	bool is = false;
	if (line.n && line.n <= LINE_LOOKED_AT && (rule_at(line, 0) || line.p[0] == ' ')) {
		reply_fold(&text, line);
		struct slice words = between_rules(slice_buf(&text)), plain = words;
		cut_colon(&plain);
		is = words.n && (one_of(plain, phrase_originals) || writer(words));
	}
	buf_free(&text);
	return is;
}

bool reply_forward_line(struct slice line)
{
	struct buf text = {0};
	if (line.n > LINE_LOOKED_AT)
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
		size_t colon = rest.n && *rest.p == ':' ? 1 : rest.n > 2 && memcmp(rest.p, "\xef\xbc\x9a", 3) == 0 ? 3 : 0;
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
	b->address = b->address || has_address(value);
	b->date = b->date || (label == LABEL_SENT && has_date(value) && has_time(value));
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
		if (line.n <= LINE_LOOKED_AT)
			reply_fold(&text, line);
		enum phrase_label label = line.n <= LINE_LOOKED_AT ? label_of(slice_buf(&text), &value) : LABEL_NONE;
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

/* Notes: "Bob Brown ---05.03.2026 10:15:23---How about" */
static bool notes_line(struct slice s)
{
	const char *a = s.n <= LINE_LOOKED_AT ? memmem(s.p, s.n, "---", 3) : NULL;
	if (!a)
		return false;
	struct slice rest = {a + 3, s.n - (size_t)(a + 3 - s.p)};
	const char *b = memmem(rest.p, rest.n, "---", 3);
	return b && b - rest.p < 40 && has_date((struct slice){rest.p, (size_t)(b - rest.p)});
}

/* "----- Mail original -----", in whatever language. */
static bool titled_rule(struct slice s)
{
	return s.n > 4 && s.n <= LINE_LOOKED_AT && rule_at(s, 0) && rule_at(s, 1) && rule_at(s, s.n - 1) && between_rules(s).n;
}

/* What stands above the block and belongs to it; a forwarded mail was meant to be read. */
static struct lead above_block(const struct reply_lines *l, size_t first, size_t i)
{
	struct lead lead = {.kind = LEAD_SEPARATOR, .from = i, .to = i + 1};
	size_t before = i;
	for (int blanks = 0; before > first && blanks < 3; blanks++) {
		if (!reply_blank(l, --before))
			break;
	}
	if (before < i && !reply_blank(l, before)) {
		struct slice s = reply_line(l, before);
		if (reply_forward_line(s))
			lead.kind = LEAD_NONE;
		else if (reply_rule(s, 3) || notes_line(s) || titled_rule(s))
			lead.from = before;
	}
	return lead;
}

/* ---- all of them ---- */

static bool opens(struct slice line)
{
	for (size_t i = 0; i < phrase_attributions_n; i++)
		if (*phrase_attributions[i].open && reply_begins(line, phrase_attributions[i].open))
			return true;
	return false;
}

/* An attribution that the quoted text follows in the same line, as some telephones write it. */
static bool leads_in_line(struct slice line)
{
	struct buf text = {0};
	bool leads = false, opened, exact;
	if (!has_address(line) || !opens(slice_trim(line)))
		return false;
	reply_fold(&text, (struct slice){line.p, line.n > LINE_LOOKED_AT ? LINE_LOOKED_AT : line.n});
	int colons = 0;
	for (size_t i = 1; i + 1 < text.n && !leads && colons < 6; i++) {
		if (text.p[i] != ':' || text.p[i + 1] != ' ')
			continue;
		colons++;
		struct slice s = {text.p, i};
		leads = has_address(s) && classify(s, &opened, &exact) == LEAD_ATTRIBUTION && opened;
	}
	buf_free(&text);
	return leads;
}

struct lead reply_lead(const struct reply_lines *l, size_t first, size_t i, size_t end)
{
	struct slice line = reply_line(l, i);
	if (!line.n || l->v[i].quoted)
		return (struct lead){.kind = LEAD_NONE};
	if (original_line(line))
		return (struct lead){.kind = LEAD_SEPARATOR, .from = i, .to = i + 1};
	if (line.n <= LINE_LOOKED_AT && ends_with_colon(line)) {
		struct lead a = attribution(l, first, i);
		if (a.kind != LEAD_NONE)
			return a;
	}
	if (memchr(line.p, ':', line.n) && leads_in_line(line))
		return (struct lead){.kind = LEAD_SEPARATOR, .from = i, .to = i + 1};
	if (header_block(l, i, end))
		return above_block(l, first, i);
	return (struct lead){.kind = LEAD_NONE};
}
