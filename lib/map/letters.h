/*
 * letters.h - the tables that map a mail to a MESSAGE (E1, E3): their sources and conditions. How tables are walked is
 * in rows.h. Private to lib/map.
 */
#ifndef CPMAIL_MAP_LETTERS_H
#define CPMAIL_MAP_LETTERS_H

#include "map/letter.h"
#include "map/rows.h"

/* Where a value comes from. */
enum letter_source {
	OF_NOTHING, /* the converter knows */
	OF_RCPT,    /* the CPM user of the RCPT */
	OF_STATE,   /* what is remembered of the conversation */
	OF_FROM,
	OF_SENDER,
	OF_MAIL_FROM,
	OF_REPLY_TO,
	OF_DATE,
	OF_CLOCK,
	OF_SUBJECT,
	OF_MESSAGE_ID,
	OF_PARENT, /* the answered message */
	OF_RECEIVED,
	OF_X_PRIORITY,
	OF_IMPORTANCE,
	OF_PRIORITY,
	OF_BY,
	OF_NOTIFY, /* NOTIFY and Disposition-Notification-To */
	OF_LIST,   /* To and Cc */
	OF_CONTENT,
	LETTER_SOURCES
};

/* When a row holds. */
enum letter_when {
	IN_ANY_CASE,
	IF_KNOWN_USER, /* the conversation remembers the CPM user */
	IF_VERIFIED,
	IF_ONE_AUTHOR, /* header From names one address */
	IF_ANSWERS,    /* a known parent */
	IF_FIRST,      /* the first message of a conversation, or subject_in_text = always */
	IF_BY_R,       /* BY was given, mode R */
	IF_REPLY_TO,   /* map_reply_to */
	IF_LIST_SERVICE,
	IF_INVITE, /* never in a MESSAGE */
	LETTER_WHENS
};

/* Append the element's value; false: this row yields nothing. */
typedef bool letter_converter(struct letter *l, struct slice value, struct buf *out);
#define LETTER(f) MAP_CONVERT(letter_converter, f)

extern const struct map_family letter_family;
extern const struct map_row E1[], E3[];
extern const size_t E1_rows, E3_rows;

/* e2.c, for --print-map */
void letter_print_list(FILE *to);
/* Cut a text of UTF-8 to max characters. */
void letter_cut(struct buf *b, size_t max);

/* Converters that E1 and E3 share. */
letter_converter letter_uri_angle;

#endif
