/*
 * report.h - what the parts of report share: its stores, the names of both sides, how something is counted.
 *
 * Ownership: struct report belongs to main(); what the step is given lives until the batch is committed.
 */
#ifndef CPMAIL_REPORT_REPORT_H
#define CPMAIL_REPORT_REPORT_H

#include "asked.h"
#include "mailed.h"
#include "store.h"

#include "frame/frame.h"
#include "map/address.h"

struct report {
	struct store store;
	struct asked asked;
	struct mailed mailed;
	struct map_names *names;
	unsigned steps;
};

struct event;

/* ---- answer.c: mail.result and sip.join -> sip.response, sip.forget ---- */

void report_mail_result(struct report *r, struct frame_item *it);
void report_join(struct report *r, struct frame_item *it);

/* ---- smtp.c: mail.result -> events, for those who asked ---- */

/* The SIP answer of the message was positive, now or before: what became of each recipient, the table's column IMDN. */
void report_smtp(struct report *r, struct frame_item *it, const json_t *origin);

/* ---- receipt.c, result.c: what peers say -> events ---- */

void report_receipt(struct report *r, struct frame_item *it);
void report_sip_result(struct report *r, struct frame_item *it);

/* ---- imdn.c: events about mails of CPM users -> IMDN ---- */

/* Tells the originator, if he asked for it and was not told yet (1.1). row is changed: what was told. */
void report_to_cpm(struct report *r, struct frame_item *it, struct asked_row *row, const struct event *e);

/* ---- notice.c: events about messages of e-mail users -> DSN, MDN ---- */

/* Tells the sender of the mail, if he wants to know and was not told yet (5.4). row is changed: what was told. */
void report_to_mail(struct report *r, struct frame_item *it, struct mailed_row *row, const struct event *e);

/* ---- main.c ---- */

/* A receipt or result was used, or why not: one line in the log, one in the counters. about: msg-id or imdn id. */
void report_count(struct frame_item *it, const char *source, const char *result, const char *about);
/* A report of our own goes out: form is "imdn", "dsn" or "mdn". */
void report_sent(struct frame_item *it, const char *form, const char *what, const char *about, const char *to);

#endif
