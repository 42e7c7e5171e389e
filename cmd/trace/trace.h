/*
 * trace.h - trace: the events of one message, the steps they tell of, and the ways to show them.
 *
 * Ownership: the search owns its events; steps own their texts, steps_free() ends them.
 */
#ifndef CPMAIL_TRACE_H
#define CPMAIL_TRACE_H

#include "base/buf.h"
#include "spool/list.h"

#include <stdint.h>
#include <stdio.h>

struct event {
	int64_t ms;
	int rank;	   /* of two at the same time the earlier on the way of a message goes first */
	char *trace;
	char *line;	   /* a log line; NULL: a place */
	char *queue, *why; /* a record that is there now */
	enum spool_state state;
	int64_t due_us;
	char *id, *type;
};

/* Who takes part, from left to right: the SIP side, what maps, the mail side. */
enum lane {
	LANE_PEER,
	LANE_SIP_LISTEN,
	LANE_SIP_SEND,
	LANE_SIP_ROUTE,
	LANE_REPORT,
	LANE_CPM2MAIL,
	LANE_MAIL2CPM,
	LANE_MAIL_ROUTE,
	LANE_SMTP_SEND,
	LANE_SMTP_LISTEN,
	LANE_HOST,
	LANES
};

enum step_kind { STEP_SIP, STEP_RECORD, STEP_SMTP, STEP_NOTE, STEP_WAIT, STEP_BAD };

/* An arrow between two lanes, or a note on one. */
struct step {
	int64_t ms;
	enum lane from, to; /* the same: a note */
	enum step_kind kind;
	char *label;
	const struct event *event;
};

struct steps {
	struct step *step;
	size_t n;
	bool used[LANES];
	char *peer, *host; /* names under the outer lanes; NULL: unknown */
	int status;	   /* the SIP sender's answer; 0: none yet */
	int sent;	   /* what the CPM user's side answered to a message of ours; 0: none yet */
	bool from_mail;	   /* it began as a mail */
	int delivered, refused, waiting;
};

extern const char *const lane_name[LANES];

/* ---- steps.c ---- */
/* Events of one trace, in order of time, to steps. */
void steps_make(struct steps *s, const struct event *e, size_t n);
void steps_free(struct steps *s);
/* What became of it, in a sentence. */
void steps_verdict(const struct steps *s, struct buf *out);

/* ---- text.c ---- */
/* ladder false: the log lines and places alone. */
void text_trace(const struct event *e, size_t n, bool ladder);
void json_trace(const struct event *e, size_t n);
/* "waits for", ...: between a record's type and its queue. */
extern const char *const place_says[SPOOL_STATES];

/* ---- html.c: one page without anything from outside ---- */
void html_begin(FILE *out, const char *id);
void html_trace(FILE *out, const struct event *e, size_t n);
void html_end(FILE *out);

#endif
