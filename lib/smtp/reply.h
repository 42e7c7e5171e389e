/*
 * reply.h - what an SMTP server said, as code, enhanced code and text, and what it means for a recipient.
 *
 * Ownership: results hold copies of everything.
 */
#ifndef CPMAIL_SMTP_REPLY_H
#define CPMAIL_SMTP_REPLY_H

#include "base/buf.h"

#include <stdint.h>

enum { SMTP_TEXT_MAX = 200, SMTP_ENHANCED_MAX = 12 };

/* Where in the conversation a reply came. */
enum smtp_at {
	SMTP_AT_LOCAL, /* nothing was said: our own finding */
	SMTP_AT_GREETING,
	SMTP_AT_HELLO,
	SMTP_AT_TLS,
	SMTP_AT_AUTH,
	SMTP_AT_MAIL,
	SMTP_AT_RCPT,
	SMTP_AT_DATA /* DATA itself or the final dot */
};

enum smtp_outcome { SMTP_OPEN, SMTP_DONE, SMTP_TEMPORARY, SMTP_PERMANENT };

struct smtp_result {
	enum smtp_outcome outcome;
	int code;			  /* 0: no reply */
	char enhanced[SMTP_ENHANCED_MAX]; /* as seen, else as implied */
	char text[SMTP_TEXT_MAX + 1];	  /* sanitised UTF-8 */
	char host[256];			  /* that said it, "" = nobody */
};

/* Take "5.1.1 rest" apart: true if it begins with an enhanced code of the class of code (RFC 2034); *rest is what
 * follows. A code of another class (field: "550 4.2.2") does not count: the three digits decide. */
bool smtp_enhanced_parse(const char *text, int code, char enhanced[SMTP_ENHANCED_MAX], const char **rest);
/* The enhanced code that a bare three-digit code stands for at this place (5.1). */
const char *smtp_enhanced_implied(int code, enum smtp_at at);

/* Fill r. code 0 or enhanced non-NULL: our own finding, enhanced decides the outcome by its class; else enhanced comes
 * from the text or is implied. A NULL text is "". */
void smtp_result_set(struct smtp_result *r, enum smtp_at at, int code, const char *enhanced, const char *text,
		     const char *host);
const char *smtp_outcome_name(enum smtp_outcome o);

/*
 * Replies taken from the octets of the wire, across reads. Zeroed = fresh; ended by smtp_reader_free().
 */
struct smtp_reader {
	struct buf line; /* unfinished */
	struct buf text; /* of the lines so far, LF between them, without codes */
	int code;	 /* of the first line; 0 = none yet */
	int lines;
	bool ended;	/* the next octet begins a new reply */
	bool long_line; /* it has a line over 1000 octets, whose rest was left out */
	bool broken;	/* not a reply: syntax, codes that differ, more than 128 lines */
};

/* Feed octets; returns how many were used: up to and including the line end that ends a reply (then *done), else all.
 * After done, code and text stand until the next feed. */
size_t smtp_reader_feed(struct smtp_reader *r, const char *p, size_t n, bool *done);
void smtp_reader_free(struct smtp_reader *r);

#endif
