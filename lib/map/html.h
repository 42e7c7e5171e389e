/*
 * html.h - HTML to plain text (7.6): a walk over the tree that gumbo makes.
 *
 * Bounded: at most HTML_OCTETS_MAX of the input are looked at, the tree lives in an arena of HTML_ARENA_MAX octets (a
 * page of misnested tags can make a tree that grows with the square of its size); where it does not fit or is deeper
 * than HTML_DEPTH_MAX, tags are just cut out. Nothing is ever fetched.
 */
#ifndef CPMAIL_MAP_HTML_H
#define CPMAIL_MAP_HTML_H

#include "base/buf.h"

enum { HTML_OCTETS_MAX = 64 << 10, HTML_ARENA_MAX = 12 << 20, HTML_DEPTH_MAX = 200 };

/* Append the text of html (UTF-8) with LF line ends, the last line ended. */
void html_to_text(struct buf *out, struct slice html);

#endif
