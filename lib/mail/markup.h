/*
 * markup.h - what elements of HTML mails tell by their names: here the quoted mail begins, here the signature. The
 * table behind the marks of html.h.
 *
 * Static data; nothing is owned.
 */
#ifndef CPMAIL_MAIL_MARKUP_H
#define CPMAIL_MAIL_MARKUP_H

#include "mail/html.h"

#include <gumbo.h>

/* Does the element begin one of the things of enum mail_mark_kind? *closes: its end is the end of that. */
bool markup_mark(const GumboElement *e, enum mail_mark_kind *kind, bool *closes);
/* The attribute's value, NULL if the element has it not. */
const char *markup_attribute(const GumboElement *e, const char *name);
/* Is it not shown: hidden, or display:none in its style? */
bool markup_hidden(const GumboElement *e);

#endif
