/*
 * table.h - what a report of one side means, and what the other side is told: tables 5.2, 5.3 and 5.4, row for row.
 *
 * Pure data and look-up; rows are static, nothing is owned.
 */
#ifndef CPMAIL_REPORT_TABLE_H
#define CPMAIL_REPORT_TABLE_H

#include "event.h"

#include "cpim/imdn.h"
#include "map/dsn.h"

#include <stddef.h>

/* ---- 5.3 (and 5.2): what the mail side said ---- */

/* DSN action and Status; either may be NULL. */
enum event_what table_dsn(const char *action, const char *status);
/* MDN disposition-type and modifier; either may be NULL. */
enum event_what table_mdn(const char *type, const char *modifier);

/* ---- 5.1 (column IMDN), 5.3: what the CPM user is told ---- */

struct table_imdn {
	enum event_what what;
	enum imdn_wanted asked; /* nobody is told what he did not ask for */
	enum imdn_notification notification;
	enum imdn_status status;
	const char *knob; /* only if it is on; NULL: always */
};

extern const struct table_imdn T53_imdn[];
extern const size_t T53_imdn_rows;

/* ---- 5.4: what the CPM side said ---- */

enum event_what table_notification(enum imdn_notification n, enum imdn_status s);

/* ---- 5.4: what the sender of the mail is told ---- */

/* Which NOTIFY of the RCPT lets it through; NEVER stops all. */
enum table_notify { TABLE_SUCCESS, TABLE_FAILURE_OR_ABSENT, TABLE_DELAY, TABLE_DELAY_OR_ABSENT };

struct table_dsn {
	enum event_what what;
	enum dsn_action action;
	const char *status; /* where the event has none */
	enum table_notify notify;
};

/* The row of an event; NULL: no DSN. */
const struct table_dsn *table_to_dsn(enum event_what what);

struct table_mdn {
	enum event_what what;
	const char *type, *modifier;
	bool manual;
	const char *knob; /* only if it is on; NULL: always */
};

/* The row of an event; NULL: no MDN. */
const struct table_mdn *table_to_mdn(enum event_what what);

#endif
