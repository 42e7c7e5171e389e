/*
 * transfer.h - Content-Transfer-Encoding undone piece by piece, so that a body of any size passes through a window.
 *
 * Ownership: a zeroed struct decoder is ready to use and owns nothing.
 */
#ifndef CPMAIL_BASE_TRANSFER_H
#define CPMAIL_BASE_TRANSFER_H

#include "base/buf.h"

enum transfer { TRANSFER_IDENTITY, TRANSFER_BASE64, TRANSFER_QP };

/* 7bit, 8bit, binary, none and unknown ones are identity. */
enum transfer transfer_read(struct slice cte);

struct decoder {
	enum transfer from;
	unsigned bits;
	int nbits;
	char held[80]; /* quoted-printable: an escape or blanks whose end is not known yet */
	size_t nheld;
};

/* Append what the octets stand for. Liberal: foreign octets in base64 are skipped and data goes on behind padding; a
 * broken escape stands for itself. */
void decoder_feed(struct decoder *d, struct slice in, struct buf *out);
void decoder_end(struct decoder *d, struct buf *out);

#endif
