/*
 * decode.h - the body of one part, decoded piece by piece (RFC 2045 6); and whether a part may be touched at all.
 *
 * Ownership: nothing is kept; pieces live as long as the call of the sink.
 */
#ifndef CPMAIL_MAIL_DECODE_H
#define CPMAIL_MAIL_DECODE_H

#include "mail/extract.h"

/* Hand the decoded octets of the part to the sink. false: the sink or the stream refused, or the part has no body. */
bool mail_part_decode(GMimePart *part, mail_sink *sink, void *ctx);
/* Have the part and all parts in it only such parameter names as mail programs write? See mail_message_open(). */
bool mail_part_sane(GMimeObject *o);

#endif
