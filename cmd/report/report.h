/*
 * report.h - what the parts of report share: its stores, the names of both sides, how something is counted.
 *
 * Ownership: struct report belongs to main(); what the step is given lives until the batch is committed.
 */
#ifndef CPMAIL_REPORT_REPORT_H
#define CPMAIL_REPORT_REPORT_H

#include "asked.h"
#include "event.h"
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

/* ---- answer.c: mail.result and sip.join -> sip.response, sip.forget ---- */

void report_mail_result(struct report *r, struct frame_item *it);
void report_join(struct report *r, struct frame_item *it);

/* ---- receipt.c, result.c: what peers say -> events ---- */

void report_receipt(struct report *r, struct frame_item *it);
void report_sip_result(struct report *r, struct frame_item *it);

/* ---- inline.c: the SMTP client waits for the result (inline_result) ---- */

/* Answer it, if there is time: true if that was a refusal, which is then told by its server and not by a DSN. */
bool inline_answer(struct frame_item *it, const json_t *origin, const char *outcome);
/* smtp.unsaid: the refusal reached nobody, a DSN has to tell it. */
void report_unsaid(struct report *r, struct frame_item *it);

/* ---- imdn.c: events about mails of CPM users -> IMDN ---- */

/* Tells the originator, if he asked for it and was not told yet (1.1): true then. row is changed: what was told. */
bool report_to_cpm(struct report *r, struct frame_item *it, struct asked_row *row, const struct event *e);

/* ---- notice.c: events about messages of e-mail users -> DSN, MDN ---- */

/* Tells the sender of the mail, if he wants to know and was not told yet (5.4): true then. row is changed: what was
 * told. */
bool report_to_mail(struct report *r, struct frame_item *it, struct mailed_row *row, const struct event *e);
/* Note that something was told (a set of enum mailed_told), or with on false that it was not. */
void notice_note(struct report *r, struct mailed_row *row, unsigned told, bool on);
/* Can anybody ever be told anything about this mail, if anything happens? */
bool notice_possible(const json_t *origin);
/* Would its sender get a DSN of this event? */
bool notice_wanted(const json_t *origin, enum event_what what);
/* "404 Not Found"; a reason phrase with an identity in it goes no further (2.6). */
void notice_diagnostic(int status, const char *reason, char out[128]);
/* Only an attachment failed: 5.6.x, and its name (7.7). */
void notice_part_failed(const struct mailed_part *part, struct event *e);

/* ---- main.c ---- */

/* A receipt or result was used, or why not: one line in the log, one in the counters. about: msg-id or imdn id. */
void report_count(struct frame_item *it, const char *source, const char *result, const char *about);
/* An output record about a message that came long before: trace is the message's (NULL: the input's). */
struct record *report_output(struct frame_item *it, const char *type, const char *trace);
/* A report of our own goes out: form is "imdn", "dsn" or "mdn"; what it says, about which msg-id, to whom. out is
 * emitted. */
void report_emit(struct frame_item *it, struct record *out, const char *form, const char *what, const char *about,
		 const char *to);

#endif
