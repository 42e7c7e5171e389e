/*
 * mode.h - by which means a message goes to the CPM user: the choice of 7.7, made here and nowhere else.
 *
 * Pure functions; nothing is owned.
 */
#ifndef CPMAIL_MAIL2CPM_MODE_H
#define CPMAIL_MAIL2CPM_MODE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum mode {
	MODE_PAGER,  /* MESSAGE, by whatever hop */
	MODE_STREAM, /* MESSAGE that has to go by TCP or TLS */
	MODE_NOTE,   /* without what is too large: it is named in the text; then choose again */
	MODE_REFUSE, /* 5.3.4 */
};

struct mode_question {
	bool files;	   /* something besides text is to be sent with the message */
	int64_t request;   /* octets of the complete request as it leaves */
	int64_t content;   /* octets of its body */
	int64_t pager_max; /* less pager_reserve */
	int64_t large_max; /* max_large_in */
	bool stream;	   /* the peer takes a large MESSAGE (message_over_tcp) */
};

enum mode mode_choose(const struct mode_question *q);
const char *mode_name(enum mode m);
void mode_print(FILE *to);

#endif
