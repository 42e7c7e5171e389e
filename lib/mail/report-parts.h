/*
 * report-parts.h - between report.c and the readers of its parts: machine part (report-machine.c), text of bounces
 * (report-bounce.c).
 */
#ifndef CPMAIL_MAIL_REPORT_PARTS_H
#define CPMAIL_MAIL_REPORT_PARTS_H

#include "mail/report.h"

/* One report in work. */
struct report_work {
	struct report *r;
	report_ours *ours;
	void *ctx;
	int parts; /* looked at so far */
	bool daemon, automatic, in_report, feedback;
	bool dsn, mdn; /* a machine part of this kind was read */
	bool prose;    /* the text may say who failed */
};

/* Clean text of a value, cut to max; NULL if nothing is left. */
char *report_text(struct slice value, size_t max);
/* Keep a msg-id (with or without <>) unless it is there already, is none, or there are too many. */
void report_add_id(struct report_work *w, enum report_place place, struct slice id);
/* The first msg-id of a value, or the value itself where no <> are. */
struct slice report_first_id(struct slice value);
/* A new block, zeroed; NULL if there are too many. */
struct report_recipient *report_add_recipient(struct report *r);
/* Address of a "type; address" field: type, blanks, comments and <> undone, utf-8-addr-xtext decoded; NULL: none. */
char *report_address(struct slice value);
/* RFC 3463 code at the start of a value; NULL: none. */
char *report_status(struct slice value);

/* The machine parts; values that make no sense are left out. */
void report_read_dsn(struct report_work *w, struct slice fields);
void report_read_mdn(struct report_work *w, struct slice fields);

/* Look for ids of ours in a text (transfer encoding undone), and (prose) for what it says of recipients. */
void report_scan_text(struct report_work *w, struct slice text);
/* Make the one block that says what a bounce says, if its text named none; warning: it is not the end yet. */
void report_bounced(struct report *r, struct slice failed_recipients, bool warning);
/* Does the text speak of a delay, not of a failure? And does the Subject speak of success? */
bool report_is_warning(struct slice subject, struct slice text);
bool report_is_success(struct slice subject);

#endif
