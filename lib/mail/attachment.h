/*
 * attachment.h - the list of what is attached to a mail: used by the walk of extract.h.
 *
 * Ownership: the struct mail_text owns its list.
 */
#ifndef CPMAIL_MAIL_ATTACHMENT_H
#define CPMAIL_MAIL_ATTACHMENT_H

#include "mail/extract.h"

enum { MAIL_SMALL_IMAGE = 5 << 10 /* octets: smaller images within HTML are logos (7.7) */ };

/* Put the part at the end of the list, if there is room in it and it is not a small image that HTML shows. related: it
 * stands beside the HTML that refers to it. */
void mail_attachment_add(struct mail_text *t, const struct mail_text_limits *limits, GMimeObject *o, bool related);
void mail_attachment_free(struct mail_attachment *a);

#endif
