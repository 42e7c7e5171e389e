/*
 * keyword.h - control keywords in answers (7.4): "accept", "no", "leave" as the whole first line of a mail.
 *
 * Ownership: nothing is kept.
 */
#ifndef CPMAIL_MAIL_KEYWORD_H
#define CPMAIL_MAIL_KEYWORD_H

#include "base/buf.h"

enum mail_keyword {
	MAIL_KEYWORD_NONE,  /* the first line is no keyword */
	MAIL_KEYWORD_LEAVE, /* the order where lists overlap */
	MAIL_KEYWORD_REJECT,
	MAIL_KEYWORD_ACCEPT,
	MAIL_KEYWORD_UNKNOWN, /* two different ones in the first two lines */
};

/* Lists of words in any letter case, NULL-terminated; each may be NULL. */
struct mail_keywords {
	const char *const *accept, *const *reject, *const *leave; /* kw_accept, kw_reject, kw_leave */
	bool active; /* the session is active: only leave is a command (7.4 rule 5) */
};

/*
 * text: the stripped text of the mail (reply.h); subject: decoded, or an empty slice (kw_subject off), looked at if the
 * text is blank. *rest: the lines behind the keyword without blank ones at either end (points into text); all of the
 * text if there is no keyword.
 */
enum mail_keyword mail_keyword_find(const struct mail_keywords *k, struct slice text, struct slice subject,
				    struct slice *rest);
/* The subject without its reply and forward prefixes ("Re:", "AW:", "RE[2]:", "回复：", ...), in any number. */
struct slice mail_subject_plain(struct slice subject);
/* The one form in which words are compared: white space, quotes and .!,;: at the ends off, case folded, NFC. */
void mail_keyword_fold(struct buf *out, struct slice word);

#endif
