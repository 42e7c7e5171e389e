/*
 * event.h - the one form between what is reported to us and what we report: who reads N kinds of reports makes it, who
 * writes M kinds takes it.
 *
 * Strings are borrowed and live as long as the record they came from.
 */
#ifndef CPMAIL_REPORT_EVENT_H
#define CPMAIL_REPORT_EVENT_H

enum event_source { EVENT_SMTP, EVENT_DSN, EVENT_MDN, EVENT_BOUNCE, EVENT_IMDN, EVENT_SIP, EVENT_TIMER };

enum event_what {
	EVENT_NONE, /* nothing that anybody is told */
	/* of the message */
	EVENT_DELIVERED,
	EVENT_EXPANDED,
	EVENT_RELAYED,
	EVENT_DELAYED,
	EVENT_FAILED,
	EVENT_ERROR,	 /* the fate is unknown */
	EVENT_FORBIDDEN, /* the report was refused, the fate is unknown */
	EVENT_PROCESSED,
	EVENT_STORED,
	/* of its display */
	EVENT_DISPLAYED,
	EVENT_DELETED,
	EVENT_DISPLAY_FORBIDDEN,
	EVENT_DISPLAY_ERROR
};

struct event {
	enum event_source source;
	enum event_what what;
	const char *status;	/* RFC 3463; NULL: what the table says */
	const char *diagnostic; /* "404 Not Found", NULL: none */
	const char *part;	/* name of the attachment that it happened to, "": it has none; NULL: to the message */
	const char *id;		/* msg-id of the report it came with; NULL: that of the mail itself */
};

#endif
