/*
 * html.h - HTML to plain text (7.6): a walk over the tree that gumbo makes.
 *
 * Bounded: at most HTML_OCTETS_MAX of the input are looked at; the tree lives in an arena of HTML_ARENA_MAX octets (a
 * page of misnested tags can make a tree that grows with the square of its size). Where it does not fit, or elements
 * are nested deeper than HTML_DEPTH_MAX, tags are just cut out. Nothing is ever fetched.
 */
#ifndef CPMAIL_MAIL_HTML_H
#define CPMAIL_MAIL_HTML_H

#include "base/buf.h"

enum { HTML_OCTETS_MAX = 1 << 20, HTML_ARENA_MAX = 8 << 20, HTML_DEPTH_MAX = 400 };

/* What the markup says about the line that begins at an offset: mail programs put quoted mails in elements that have
 * names of their own. */
enum mail_mark_kind {
	MAIL_MARK_ATTRIBUTION, /* this line says who wrote what is quoted below */
	MAIL_MARK_ORIGINAL,    /* from this line on all is the mail that is answered */
	MAIL_MARK_SIGNATURE,   /* the signature begins */
	MAIL_MARK_OWN,	       /* what was marked before ends with the line before this one */
};

struct mail_mark {
	size_t offset; /* in the text */
	enum mail_mark_kind kind;
};

struct mail_marks {
	struct mail_mark *v; /* freed by the caller */
	size_t n;
};

/* Append the text of html (UTF-8) with LF line ends, the last line ended. marks: appended to, by rising offset; may be
 * NULL. */
void html_to_text(struct buf *out, struct slice html, struct mail_marks *marks);

#endif
