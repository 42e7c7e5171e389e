/*
 * header.h - writing mail header fields: sanitised, encoded (RFC 2047, RFC 2231) and folded at 76 columns, CRLF line
 * ends.
 *
 * Whatever the octets of a value: what is written is one field, pure ASCII (but for the local part and domain of a
 * SMTPUTF8 address), without control characters. Names are constants of the program. Nothing is folded right behind the
 * colon: some readers take such a field for empty.
 */
#ifndef CPMAIL_MAIL_HEADER_H
#define CPMAIL_MAIL_HEADER_H

#include "base/buf.h"

#include <stdint.h>

enum {
	MAIL_FOLD = 76,
	MAIL_TEXT_MAX = 2048,	/* octets of an unstructured value before encoding; more is cut */
	MAIL_DISPLAY_MAX = 128, /* characters of a display name (2.3) */
};

/* ---- whole fields ---- */

/* Unstructured text (Subject, ...): UTF-8, decoded. An empty value writes nothing: false. */
bool mail_header_put(struct buf *out, const char *name, struct slice text);
/* A structured value of our own making, ASCII words that may be folded at its blanks. false, nothing written: it is
 * empty, not ASCII or holds a control character. */
bool mail_header_words(struct buf *out, const char *name, struct slice value);
/* One address in <>, as in Disposition-Notification-To. false, nothing written: not an address. */
bool mail_header_angle(struct buf *out, const char *name, struct slice address);
/* msg-ids (without <>), one or many (References). One that is none (blanks, <>, controls, not ASCII, over 900 octets)
 * is left out; false, nothing written: none was left. */
bool mail_header_ids(struct buf *out, const char *name, const struct slice *ids, size_t n);
/* RFC 5322 date-time: ms since 1970, shown with an offset in minutes east. */
void mail_header_date(struct buf *out, const char *name, int64_t ms, int offset_min);

struct mail_received {
	const char *from; /* name or address of the peer; NULL: left out */
	const char *by;	  /* the gateway */
	const char *with; /* "SIP", "MSRP" */
	const char *id;	  /* transaction */
	int64_t ms;
	int offset_min;
};
/* Each value is cut down to the octets that may stand there. */
void mail_header_received(struct buf *out, const struct mail_received *r);

/* ---- fields made of pieces ---- */

struct mail_field {
	struct buf *out;
	size_t start; /* of the field in out */
	size_t col;
	size_t items;
};

void mail_field_begin(struct mail_field *f, struct buf *out, const char *name);
/* A piece that is not broken, with a blank or a fold before it. ASCII without controls: the caller vouches. */
void mail_field_word(struct mail_field *f, struct slice word);
/*
 * The next address of a list, with its display name (raw UTF-8, may be empty). A display name that names another
 * address than this one is dropped (8.5). false, nothing written: not an address.
 */
bool mail_field_address(struct mail_field *f, struct slice display, struct slice address);
/* The next item: a group without members, "2 undisclosed recipients:;". */
void mail_field_group(struct mail_field *f, const char *phrase);
/* "; name=value", quoted or by RFC 2231 as the value needs. The value is sanitised; name is a token. */
void mail_field_param(struct mail_field *f, const char *name, struct slice value);
/* Ends the field. If nothing stands in it, it is taken back: false. */
bool mail_field_end(struct mail_field *f);

/* ---- pieces ---- */

/* Does the text name an e-mail address other than this one? */
bool mail_display_lies(struct slice display, struct slice address);
/* "Thu, 05 Mar 2026 09:30:00 +0100" */
void mail_date_put(struct buf *out, int64_t ms, int offset_min);
/* RFC 5322 or RFC 1123 date-time, as in mail Date and SIP Date; GMT, UT and the like are +0000. */
bool mail_date_parse(struct slice s, int64_t *ms, int *offset_min);

#endif
