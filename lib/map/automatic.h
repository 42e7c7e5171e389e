/*
 * automatic.h - mail that no person wrote for this occasion (8.3): recognised by its header, its reverse-path and its
 * sender.
 *
 * Pure functions over a header that was read; nothing is owned.
 */
#ifndef CPMAIL_MAP_AUTOMATIC_H
#define CPMAIL_MAP_AUTOMATIC_H

#include "mail/head.h"

enum automatic {
	AUTOMATIC_NO,	     /* a person's */
	AUTOMATIC_GENERATED, /* alerts, lists, newsletters: wanted by somebody */
	AUTOMATIC_REPLIED,   /* an answer of a robot, or from nobody: never to be answered */
};

/* mail_from: "" = <>; from: address of the header From, "" = none. */
enum automatic automatic_kind(const struct mail_head *h, struct slice mail_from, struct slice from);
/* "no", "generated", "replied" */
const char *automatic_name(enum automatic a);
/* Of a mailing list, or bulk: gets no MDN (RFC 8098 8.3). */
bool automatic_bulk(const struct mail_head *h);

#endif
