/*
 * quote.h - the lines of an answer, and which of them lead in a quoted mail: the finding part of reply.h.
 *
 * Ownership: struct reply_lines owns its array (reply_lines_free()); the lines point into the text.
 */
#ifndef CPMAIL_MAIL_QUOTE_H
#define CPMAIL_MAIL_QUOTE_H

#include "mail/html.h"

#include <stdint.h>

struct reply_line {
	uint32_t at, n;	   /* octets in the text, without line end and trailing blanks */
	uint8_t quoted;	   /* it begins with ">", or is the wrapped rest of such a line */
	uint8_t delimiter; /* "-- " or "--" */
	uint8_t mark;	   /* enum mail_mark_kind + 1; 0: none */
};

struct reply_lines {
	const char *text;
	struct reply_line *v;
	size_t n;
};

/* Take the text (below 4 GiB) apart; marks: of this text, may be none. */
void reply_lines_split(struct reply_lines *l, struct slice text, const struct mail_mark *marks, size_t n_marks);
void reply_lines_free(struct reply_lines *l);
static inline struct slice reply_line(const struct reply_lines *l, size_t i)
{
	return (struct slice){l->text + l->v[i].at, l->v[i].n};
}
static inline bool reply_blank(const struct reply_lines *l, size_t i)
{
	return l->v[i].n == 0;
}
/* The next line from i that is not blank, before end; end if there is none. */
size_t reply_next(const struct reply_lines *l, size_t i, size_t end);

/* Append a line as it is compared: blanks of all kinds as one, invisible characters and "*" gone, NFC. */
void reply_fold(struct buf *out, struct slice line);
/* Does the folded text begin with the words (ASCII in either case)? */
bool reply_begins(struct slice text, const char *words);

/* ---- what leads in a quote ---- */

enum { REPLY_LINE_OCTETS = 400 /* no attribution or header line of a mail program is longer */ };

enum lead_kind {
	LEAD_NONE,
	LEAD_WEAK,	  /* "Bob wrote:": only if a quote follows */
	LEAD_ATTRIBUTION, /* with a date, in a form that programs write */
	LEAD_SEPARATOR,	  /* what follows is the original, marked or not */
};

struct lead {
	enum lead_kind kind;
	size_t from, to; /* lines */
	bool exact; /* an attribution that nobody writes by hand: an address in it, or its opening word and a time of
		       day */
};

/* Does a lead end (attribution) or begin (separator) at line i? Looks at a bounded number of lines around it, from line
 * first on, before end. */
struct lead reply_lead(const struct reply_lines *l, size_t first, size_t i, size_t end);

/* The attribution that ends at line i: the shortest span of lines that is one; more of them if the opening word stands
 * further up. */
struct lead reply_attribution(const struct reply_lines *l, size_t first, size_t i);
/* Text, folded and without its colon: is it an attribution? *opened: it begins with the opening word of its row. */
enum lead_kind reply_classify(struct slice s, bool *opened, bool *exact);
/* An attribution that the quoted text follows in the same line, as some telephones write it. */
bool reply_attribution_in_line(struct slice line);
/* Is [from, to) an attribution in whatever language: ends with a colon, has a date or an address? */
bool reply_seems_attribution(const struct reply_lines *l, size_t from, size_t to);
/* "-----Original Message-----" */
bool reply_original_line(struct slice line);
/* A header block of a quoted mail that begins at line i, with what stands above it and belongs to it. */
struct lead reply_block(const struct reply_lines *l, size_t first, size_t i, size_t end);
/* A line made of dashes, underscores and the like only, at least min of them. */
bool reply_rule(struct slice line, size_t min);
/* "---------- Forwarded message ---------" */
bool reply_forward_line(struct slice line);

#endif
