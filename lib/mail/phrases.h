/*
 * phrases.h - what mail programs write around the mails that they quote, language by language: the tables of reply.h.
 *
 * Static data. Words are in NFC; ASCII letters match in either case, others as they stand. A new client style or
 * language is a row here (docs/replies.md).
 */
#ifndef CPMAIL_MAIL_PHRASES_H
#define CPMAIL_MAIL_PHRASES_H

#include <stdbool.h>
#include <stddef.h>

/* "On <date>, <name> wrote:" */
struct phrase_attribution {
	const char *language;
	const char *open; /* first word, with its blank; "": the name or the date comes first */
	const char *verb;
	bool last; /* nothing but the colon stands behind the verb */
};
extern const struct phrase_attribution phrase_attributions[];
extern const size_t phrase_attributions_n;

/* "-----Original Message-----", without its dashes */
extern const char *const phrase_originals[];
/* "---------- Forwarded message ---------": what follows was meant to be read */
extern const char *const phrase_forwards[];

/* "From:", "Sent:", ... */
enum phrase_label { LABEL_NONE, LABEL_FROM, LABEL_SENT, LABEL_TO, LABEL_CC, LABEL_SUBJECT };
struct phrase_header {
	enum phrase_label label;
	const char *name;
};
extern const struct phrase_header phrase_headers[];
extern const size_t phrase_headers_n;

/* "Sent from my iPhone": a line that begins so, has the other word (may be NULL) in it, and names one of the products
 */
struct phrase_sent {
	const char *begin, *also;
};
extern const struct phrase_sent phrase_sent[];
extern const size_t phrase_sent_n;
extern const char *const phrase_products[];
/* footers that are known by their beginning, or by their end */
extern const char *const phrase_footers[];
extern const char *const phrase_footer_ends[];

/* "This e-mail and any attachments are confidential": a paragraph that begins so and holds one of the words */
extern const char *const phrase_disclaimers[];
extern const char *const phrase_secrets[];

#endif
