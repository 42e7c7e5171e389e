/*
 * rcs.h - RCS bodies that are told as text (1.12): HTTP file transfer and location push.
 */
#ifndef CPMAIL_MAP_RCS_H
#define CPMAIL_MAP_RCS_H

#include "base/buf.h"

enum { RCS_OCTETS_MAX = 64 << 10, RCS_DEPTH_MAX = 20 };

#define RCS_FT_TYPE  "application/vnd.gsma.rcs-ft-http+xml"
#define RCS_GEO_TYPE "application/vnd.gsma.rcspushlocation+xml"

/* Append file name, size, type, until-date and URL, a line each (LF). false: not such a document, or a document type in
 * it. */
bool rcs_file_text(struct buf *out, struct slice xml);
/* Append label, geo: URI (RFC 5870) and what else says where, a line each. false as above. */
bool rcs_location_text(struct buf *out, struct slice xml);

#endif
