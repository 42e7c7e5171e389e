/*
 * smtp.h - what the mail side said when the mail was handed over (mail.result): the row of table 5.1, and its column
 * IMDN for those who asked.
 */
#ifndef CPMAIL_REPORT_SMTP_H
#define CPMAIL_REPORT_SMTP_H

#include "report.h"

#include "map/status.h"

/* outcome: "done" or "queued". */
bool smtp_accepted(const char *outcome);
/* The row of one element of mail.results. */
const struct status_row *smtp_row(const json_t *result);

/*
 * The SIP answer was positive, now or before: what became of each recipient is told as IMDN, if it was asked for.
 * request: its name in the store when it is answered just now, so that those who were refused before are told of as
 * well (1.4); else NULL. Without a report asked for nothing is done and nothing kept.
 */
void smtp_report(struct report *r, struct frame_item *it, json_t *origin, const char *request);

#endif
