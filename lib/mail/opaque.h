/*
 * opaque.h - what an opaque-signed S/MIME part (RFC 8551 3.5.2) wraps: the signature is not looked at, only what was
 * signed.
 *
 * Ownership: the object that is returned is the caller's.
 */
#ifndef CPMAIL_MAIL_OPAQUE_H
#define CPMAIL_MAIL_OPAQUE_H

#include <gmime/gmime.h>

enum { OPAQUE_MAX = 2 << 20 /* octets: it must be held whole */ };

/* The MIME part within application/pkcs7-mime, as a tree of its own. NULL: it is encrypted, longer than OPAQUE_MAX, no
 * CMS, or holds no MIME part. */
GMimeObject *opaque_open(GMimePart *part);

#endif
