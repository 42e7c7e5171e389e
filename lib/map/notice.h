/*
 * notice.h - the frame that DSN and MDN mails have in common: header, multipart/report, human part, machine part,
 * returned part. Between dsn.c, mdn.c and notice.c.
 *
 * Ownership: a struct notice owns its buffers; notice_end() frees them.
 */
#ifndef CPMAIL_MAP_NOTICE_H
#define CPMAIL_MAP_NOTICE_H

#include "map/dsn.h"

struct notice {
	const struct map_names *names;
	const struct dsn_about *about;
	const char *kind;	 /* origin.kind */
	const char *what;	 /* action or disposition: a part of the Message-ID */
	const char *subject;	 /* first word of the Subject */
	const char *report_type; /* "delivery-status" */
	const char *from_name;	 /* display name, may be empty */
	const char *from;	 /* address */
	bool full;		 /* return the whole mail if it may be */
	int64_t now_ms;
	struct buf text, machine; /* CRLF line ends */
};

/* Append who the mail was for, as a person reads it: a telephone number alone, else the address. */
void notice_put_recipient(struct buf *out, const char *rcpt);
/* Fields of the machine part; one that cannot be written in ASCII on one line is left out. */
void notice_field(struct buf *out, const char *name, const char *prefix, struct slice value);
void notice_final_recipient(struct buf *out, const char *rcpt);
void notice_original_recipient(struct buf *out, const char *orcpt);
void notice_date(struct buf *out, const char *name, int64_t ms);

/* See dsn_fill(). */
bool notice_fill(json_t *mail, const struct notice *n, const struct map_io *io, const char *id, int *error);
void notice_end(struct notice *n);

#endif
