/*
 * verify.h - is a mail from whom it says (8.6)? What the front mail server found out, as it stands in
 * Authentication-Results (RFC 8601).
 *
 * Pure functions; nothing is owned.
 */
#ifndef CPMAIL_MAP_VERIFY_H
#define CPMAIL_MAP_VERIFY_H

#include "mail/head.h"

/* Of one method. */
enum verify_result {
	VERIFY_NONE,	  /* no result */
	VERIFY_PASS,	  /* and the domain it is for is that of header From, or one above or below it */
	VERIFY_UNALIGNED, /* passed, for another domain */
	VERIFY_FAIL,
};

struct verify {
	enum verify_result spf, dkim, dmarc;
};

/* sender_auth, in the order of its words. */
enum verify_method {
	VERIFY_BY_NONE,
	VERIFY_BY_SPF,
	VERIFY_BY_DKIM,
	VERIFY_BY_DMARC,
	VERIFY_BY_MAC,
	VERIFY_BY_DMARC_OR_MAC
};

/*
 * The results of the topmost Authentication-Results whose authserv-id is this one. from: address of header From. The
 * caller asks only for mails that a peer of auth_results_from handed in: from any other the header is a forgery.
 */
struct verify verify_read(const struct mail_head *h, const char *authserv_id, struct slice from);
/* mac: a msg-id of ours with a valid MAC is named, and header From is its bound e-mail user. */
bool verify_passed(const struct verify *v, enum verify_method by, bool mac);
/* SPF or DMARC failed: nobody is to be told of the mail's fate (5.4). */
bool verify_forged(const struct verify *v);

#endif
