/*
 * table.h - the tables that map a MESSAGE to a mail (T1, T2): their sources and conditions. How tables are walked is in
 * rows.h.
 */
#ifndef CPMAIL_MAP_TABLE_H
#define CPMAIL_MAP_TABLE_H

#include "map/pager.h"
#include "map/rows.h"

/* Where a value comes from. */
enum map_source {
	FROM_NOWHERE, /* the converter knows */
	FROM_PAI,
	FROM_FROM,
	FROM_REQUEST_URI,
	FROM_TO,
	FROM_LIST,
	FROM_CPIM_CC,
	FROM_REFERRED_BY,
	FROM_REPLY_TO,
	FROM_CPIM_DATETIME,
	FROM_SIP_DATE,
	FROM_CLOCK,
	FROM_SIP_SUBJECT,
	FROM_CPIM_SUBJECT,
	FROM_RCPT,	     /* the recipient in turn */
	FROM_IN_REPLY_TO_ID, /* InReplyTo-Contribution-ID */
	FROM_CONVERSATION,
	FROM_PRIORITY,
	FROM_EXPIRES,
	FROM_IMDN_WANTED,
	FROM_PRIVACY,
	FROM_CONTENT,
	FROM_MAIL, /* the finished mail */
	MAP_SOURCES
};

/* When a row holds. */
enum map_when {
	ALWAYS,
	IF_OPEN, /* not private (2.6) */
	IF_PRIVATE,
	IF_LIST, /* a list part came with the request */
	IF_NO_LIST,
	IF_EXPLODE, /* the list is a request to explode */
	IF_NOT_EXPLODE,
	IF_GROUP_FROM, /* the mail's From is a group address, and not private */
	IF_DISPLAY_ASKED,
	IF_ANSWER, /* InReplyTo-Contribution-ID is present */
	IF_NO_ANSWER,
	MAP_WHENS
};

/* Append the element's value, or a whole header field, to out; false: this row yields nothing. */
typedef bool pager_converter(struct pager *p, struct slice value, struct buf *out);

#define MAPPED(f) MAP_CONVERT(pager_converter, f)

/* Walk the rows of one element; false: no row yields. */
bool map_element(struct pager *p, const struct map_row *rows, size_t n, const char *element, struct buf *out);
/* Walk all rows in order, each element once; false: an element that must be (M) has no value. */
bool map_walk(struct pager *p, const struct map_row *rows, size_t n, struct buf *out);
void map_print(FILE *to, const char *table, const struct map_row *rows, size_t n);

extern const struct map_row T1[], T2[];
extern const size_t T1_rows, T2_rows;

/* recipients.c: converters of the RCPT TO rows; they fill p->rcpt (and refused), out gets the addresses with commas
 * between. */
bool recipient_of_uri(struct pager *p, struct slice uri, struct buf *out);
bool recipients_of_list(struct pager *p, struct buf *out);

#endif
