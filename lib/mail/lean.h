/*
 * lean.h - HTML without what its text does not need: a pass over the tags before the tree is made of them.
 *
 * Most of a mail's HTML is styles, and making the tree costs time for every octet. The pass also says whether the tree may
 * be made at all.
 */
#ifndef CPMAIL_MAIL_LEAN_H
#define CPMAIL_MAIL_LEAN_H

#include "base/buf.h"

/*
 * Append html without comments, style, script and title elements, and attributes that nobody looks at (html.c,
 * markup.c); of two attributes of one name the first stays. false: elements are nested deeper than HTML_DEPTH_MAX, and
 * the parser's time grows with the square of the depth; out then holds some of it. Elements that end without an end tag
 * (p, li, td, ...) do not count.
 */
bool lean_html(struct buf *out, struct slice html);

#endif
