/*
 * status.h - what an SMTP outcome means for the sender on the CPM side: table 5.1.
 *
 * Pure data and look-up; rows are static, nothing is owned.
 */
#ifndef CPMAIL_MAP_STATUS_H
#define CPMAIL_MAP_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* How a row is reached: by what the mail side said, or by name. */
enum status_when {
	STATUS_SMTP,	 /* codes, enhanced */
	STATUS_QUEUED,	 /* queued by the gateway */
	STATUS_NO_REPLY, /* connection lost after the final dot */
	STATUS_DEADLINE, /* answer deadline passed, mail queued */
	STATUS_INTERNAL, /* fate unknown */
	STATUS_OVERLOAD	 /* nothing was taken */
};

/* Column IMDN: the delivery notification, sent if it was asked for and the answer had been positive. */
enum status_imdn {
	STATUS_IMDN_NONE,      /* none, or not yet */
	STATUS_IMDN_PROCESSED, /* none yet; processing: processed */
	STATUS_IMDN_STORED,    /* processing: stored */
	STATUS_IMDN_FAILED,
	STATUS_IMDN_FAILED_AFTER_RETRIES,
	STATUS_IMDN_RETRY_RESULT, /* of the repetition */
	STATUS_IMDN_LATER,	  /* the later result */
	STATUS_IMDN_ERROR
};

/* What the sending side does before the row is an answer. */
enum status_action {
	STATUS_ANSWER,
	STATUS_SPLIT, /* the rest of the recipients in a further transaction */
	STATUS_STRIP, /* once more without the parameters; the row never answers */
	STATUS_ALARM  /* a person has to see to it */
};

struct status_row {
	const char *outcome; /* as in table 5.1 */
	enum status_when when;
	const char *codes;    /* three-digit codes and ranges that mean the row where no enhanced code is known: "450",
				 "500-504"; "@rcpt": only as answer to    RCPT */
	const char *enhanced; /* "4.2.0 4.2.1", "5.7.x" */
	int message, invite, msrp; /* answers; 0: none */
	enum status_imdn imdn;
	int retry_after; /* seconds, 0: no Retry-After */
	enum status_action action;
};

extern const struct status_row status_5_1[];
extern const size_t status_5_1_rows;

/* The first row from the top that fits; the enhanced code decides before the three-digit one; an unknown enhanced code
 * by its class. enhanced NULL or "": none. rcpt: the reply was to RCPT. Never NULL; never a STATUS_STRIP row: that
 * retry is over when somebody asks. */
const struct status_row *status_smtp(int code, const char *enhanced, bool rcpt);
/* The row of a name other than STATUS_SMTP. */
const struct status_row *status_named(enum status_when when);
/* Standard reason phrase of a SIP status that the table gives; "" for others. */
const char *status_reason(int sip);

#endif
