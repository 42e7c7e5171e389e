/*
 * part.h - the parts of a mail that is held in memory: types, parameters, children of a multipart.
 *
 * For readers that look for something in a mail and can do without what is broken in it. Nothing is copied: slices
 * point into the mail; time is linear in it.
 */
#ifndef CPMAIL_MAIL_PART_H
#define CPMAIL_MAIL_PART_H

#include "base/buf.h"

enum { MAIL_BOUNDARY_MAX = 200, MAIL_TYPE_MAX = 80 };

/* "text/plain" of a Content-Type, in lower case; "text/plain" itself where there is none or it is none (RFC 2045 5.2).
 */
void mail_type_read(struct slice value, char out[MAIL_TYPE_MAX]);
/* A parameter: quoted-string undone, RFC 2231 continuations joined, no charset conversion; controls become blanks.
 * false: absent. */
bool mail_param_read(struct slice value, const char *name, struct buf *out);
/*
 * Cut the next part off the body of a multipart: *rest begins as the whole body and goes on. A delimiter stands at the
 * start of a line with nothing but blanks behind it; the line end before it is not of the part. A missing close
 * delimiter is tolerated. false: no more parts (the first call: no delimiter at all).
 */
bool mail_part_next(struct slice *rest, struct slice boundary, struct slice *part);

#endif
