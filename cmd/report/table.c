#include "table.h"

#include <string.h>

/* ---- 5.3: DSN Action ---- */

static const struct {
	const char *action;
	enum event_what what;
} T53_dsn[] = {
	{"delivered", EVENT_DELIVERED}, {"relayed", EVENT_RELAYED}, {"expanded", EVENT_EXPANDED},
	{"delayed", EVENT_DELAYED},	{"failed", EVENT_FAILED}, /* whatever the Status says: 5.2 */
};

enum event_what table_dsn(const char *action, const char *status)
{
	for (size_t i = 0; action && i < sizeof T53_dsn / sizeof *T53_dsn; i++)
		if (strcmp(action, T53_dsn[i].action) == 0)
			return T53_dsn[i].what;
	return status && status[0] == '5' ? EVENT_FAILED : EVENT_NONE; /* unknown: by the class */
}

/* ---- 5.3: MDN disposition; from the top, the first that fits ---- */

static const struct {
	const char *type, *modifier; /* NULL: any */
	enum event_what what;
} T53_mdn[] = {
	{NULL, "error", EVENT_DISPLAY_ERROR},  {"displayed", NULL, EVENT_DISPLAYED},
	{"processed", NULL, EVENT_NONE},       {"dispatched", NULL, EVENT_NONE},
	{"deleted", NULL, EVENT_DELETED},      {"denied", NULL, EVENT_DISPLAY_FORBIDDEN}, /* RFC 2298 */
	{"failed", NULL, EVENT_DISPLAY_ERROR},						  /* RFC 2298 */
};

enum event_what table_mdn(const char *type, const char *modifier)
{
	for (size_t i = 0; type && i < sizeof T53_mdn / sizeof *T53_mdn; i++)
		if ((!T53_mdn[i].type || strcmp(type, T53_mdn[i].type) == 0) &&
		    (!T53_mdn[i].modifier || (modifier && strcmp(modifier, T53_mdn[i].modifier) == 0)))
			return T53_mdn[i].what;
	return EVENT_NONE; /* missing or unknown */
}

/* ---- 5.3, 5.1: IMDN ---- */

/* clang-format off */
const struct table_imdn T53_imdn[] = {
	{EVENT_DELIVERED,         IMDN_POSITIVE_DELIVERY, IMDN_NOTE_DELIVERY,   IMDN_DELIVERED, NULL},
	{EVENT_EXPANDED,          IMDN_POSITIVE_DELIVERY, IMDN_NOTE_DELIVERY,   IMDN_DELIVERED, NULL},
	{EVENT_RELAYED,           IMDN_POSITIVE_DELIVERY, IMDN_NOTE_DELIVERY,   IMDN_DELIVERED, "relayed_is_delivered"},
	{EVENT_DELAYED,           IMDN_PROCESSING,        IMDN_NOTE_PROCESSING, IMDN_STORED,    NULL},
	{EVENT_FAILED,            IMDN_NEGATIVE_DELIVERY, IMDN_NOTE_DELIVERY,   IMDN_FAILED,    NULL},
	{EVENT_PROCESSED,         IMDN_PROCESSING,        IMDN_NOTE_PROCESSING, IMDN_PROCESSED, NULL},
	{EVENT_STORED,            IMDN_PROCESSING,        IMDN_NOTE_PROCESSING, IMDN_STORED,    NULL},
	{EVENT_ERROR,             IMDN_NEGATIVE_DELIVERY, IMDN_NOTE_DELIVERY,   IMDN_ERROR,     NULL},
	{EVENT_ERROR,             IMDN_PROCESSING,        IMDN_NOTE_PROCESSING, IMDN_ERROR,     NULL},
	{EVENT_DISPLAYED,         IMDN_DISPLAY,           IMDN_NOTE_DISPLAY,    IMDN_DISPLAYED, NULL},
	{EVENT_DISPLAY_ERROR,     IMDN_DISPLAY,           IMDN_NOTE_DISPLAY,    IMDN_ERROR,     NULL},
	{EVENT_DISPLAY_FORBIDDEN, IMDN_DISPLAY,           IMDN_NOTE_DISPLAY,    IMDN_FORBIDDEN, NULL},
	{EVENT_DELETED,           IMDN_DISPLAY,           IMDN_NOTE_DISPLAY,    IMDN_ERROR,     "mdn_deleted"},
};
/* clang-format on */
const size_t T53_imdn_rows = sizeof T53_imdn / sizeof *T53_imdn;

/* ---- 5.4: IMDN -> DSN, MDN ---- */

static const struct {
	enum imdn_notification notification;
	enum imdn_status status;
	enum event_what what;
} T54_imdn[] = {
	{IMDN_NOTE_DELIVERY, IMDN_DELIVERED, EVENT_DELIVERED},
	{IMDN_NOTE_DELIVERY, IMDN_FAILED, EVENT_FAILED},
	{IMDN_NOTE_DELIVERY, IMDN_FORBIDDEN, EVENT_FORBIDDEN},
	{IMDN_NOTE_DELIVERY, IMDN_ERROR, EVENT_ERROR},
	{IMDN_NOTE_PROCESSING, IMDN_PROCESSED, EVENT_PROCESSED},
	{IMDN_NOTE_PROCESSING, IMDN_STORED, EVENT_STORED},
	{IMDN_NOTE_PROCESSING, IMDN_FORBIDDEN, EVENT_NONE},
	{IMDN_NOTE_PROCESSING, IMDN_ERROR, EVENT_NONE},
	{IMDN_NOTE_DISPLAY, IMDN_DISPLAYED, EVENT_DISPLAYED},
	{IMDN_NOTE_DISPLAY, IMDN_FORBIDDEN, EVENT_DISPLAY_FORBIDDEN},
	{IMDN_NOTE_DISPLAY, IMDN_ERROR, EVENT_DISPLAY_ERROR},
};

enum event_what table_notification(enum imdn_notification n, enum imdn_status s)
{
	for (size_t i = 0; i < sizeof T54_imdn / sizeof *T54_imdn; i++)
		if (T54_imdn[i].notification == n && T54_imdn[i].status == s)
			return T54_imdn[i].what;
	return EVENT_NONE;
}

static const struct table_dsn T54_dsn[] = {
	{EVENT_DELIVERED, DSN_DELIVERED, "2.1.5", TABLE_SUCCESS},
	{EVENT_FAILED, DSN_FAILED, "5.0.0", TABLE_FAILURE_OR_ABSENT},
	{EVENT_FORBIDDEN, DSN_RELAYED, "2.0.0", TABLE_SUCCESS},
	{EVENT_ERROR, DSN_FAILED, "5.3.0", TABLE_FAILURE_OR_ABSENT},
	/* processed: none */
	{EVENT_STORED, DSN_DELAYED, "4.2.0", TABLE_DELAY},
	{EVENT_RELAYED, DSN_RELAYED, "2.0.0", TABLE_SUCCESS},	      /* imdn_wait is over */
	{EVENT_DELAYED, DSN_DELAYED, "4.4.0", TABLE_DELAY_OR_ABSENT}, /* delay_warning is over */
};

const struct table_dsn *table_to_dsn(enum event_what what)
{
	for (size_t i = 0; i < sizeof T54_dsn / sizeof *T54_dsn; i++)
		if (T54_dsn[i].what == what)
			return &T54_dsn[i];
	return NULL;
}

static const struct table_mdn T54_mdn[] = {
	{EVENT_DISPLAYED, "displayed", NULL, true, NULL},
	/* forbidden: none, the user refused */
	{EVENT_DISPLAY_ERROR, "processed", "error", false, "mdn_error"},
};

const struct table_mdn *table_to_mdn(enum event_what what)
{
	for (size_t i = 0; i < sizeof T54_mdn / sizeof *T54_mdn; i++)
		if (T54_mdn[i].what == what)
			return &T54_mdn[i];
	return NULL;
}
