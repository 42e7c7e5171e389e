#include "mail/phrases.h"
#include "mail/quote.h"
#include "mail/traits.h"

enum {
	SPAN_LINES = 5, /* lines that an attribution is wrapped over */
	SPAN_OCTETS = 600,
	WEAK_OCTETS = 120,
	NAME_OCTETS = 80, /* a name alone on the line before an address */
	COLONS_MAX = 6,
};

static bool row_matches(const struct phrase_attribution *row, struct slice s)
{
	if (!reply_begins(s, row->open))
		return false;
	return trait_behind_last(s, row->verb, row->last) >= 0;
}

enum lead_kind reply_classify(struct slice s, bool *opened, bool *exact)
{
	enum lead_kind kind = LEAD_NONE;
	bool date = trait_date(s), time = trait_time(s), address = trait_address(s);
	*exact = *opened = false;
	for (size_t i = 0; i < phrase_attributions_n; i++) {
		const struct phrase_attribution *row = &phrase_attributions[i];
		if (!row_matches(row, s))
			continue;
		if (*row->open && (date || (trait_digit(s) && (time || address)))) {
			*opened = true;
			*exact = time || address;
			return LEAD_ATTRIBUTION;
		}
		if (date && (time || address))
			kind = LEAD_ATTRIBUTION, *exact = address;
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
	return s.n && s.n <= REPLY_LINE_OCTETS && !l->v[i].quoted && !l->v[i].delimiter && !strchr("!?:", s.p[s.n - 1]);
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
	return text->n <= SPAN_OCTETS && trait_cut_colon(&s) ? reply_classify(s, opened, exact) : LEAD_NONE;
}

struct lead reply_attribution(const struct reply_lines *l, size_t first, size_t i)
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

bool reply_seems_attribution(const struct reply_lines *l, size_t from, size_t to)
{
	struct buf text = {0};
	fold_span(l, from, to, &text);
	struct slice s = slice_buf(&text);
	bool seems = text.n <= SPAN_OCTETS && trait_cut_colon(&s) && trait_digit(s) &&
		     (trait_address(s) || (trait_date(s) && trait_time(s)));
	buf_free(&text);
	return seems;
}

static bool opens(struct slice line)
{
	for (size_t i = 0; i < phrase_attributions_n; i++)
		if (*phrase_attributions[i].open && reply_begins(line, phrase_attributions[i].open))
			return true;
	return false;
}

bool reply_attribution_in_line(struct slice line)
{
	struct buf text = {0};
	bool leads = false, opened, exact;
	if (!trait_address(line) || !opens(slice_trim(line)))
		return false;
	reply_fold(&text, (struct slice){line.p, line.n > REPLY_LINE_OCTETS ? REPLY_LINE_OCTETS : line.n});
	int colons = 0;
	for (size_t i = 1; i + 1 < text.n && !leads && colons < COLONS_MAX; i++) {
		if (text.p[i] != ':' || text.p[i + 1] != ' ')
			continue;
		colons++;
		struct slice s = {text.p, i};
		leads = trait_address(s) && reply_classify(s, &opened, &exact) == LEAD_ATTRIBUTION && opened;
	}
	buf_free(&text);
	return leads;
}
