/*
 * letter.h - one mail on its way to being CPM messages: what was read from it, and for the recipient in turn what the
 * tables E1, E2 and E3 make of it (7.3).
 *
 * Ownership: a struct letter owns all it holds but what letter_begin() was given, which must live as long;
 * letter_end() ends it. The order of calls is letter_begin(), then for each recipient letter_recipient(), the ids of
 * its conversation (letter_thread()), then values by the tables.
 */
#ifndef CPMAIL_MAP_LETTER_H
#define CPMAIL_MAP_LETTER_H

#include "base/hash.h"
#include "conf/conf.h"
#include "cpim/cpim.h"
#include "mail/head.h"
#include "map/address.h"
#include "map/automatic.h"
#include "map/correlate.h"
#include "map/sink.h"
#include "map/verify.h"

enum {
	LETTER_SUBJECT_MAX = 128, /* characters (E1) */
	LETTER_LISTED_MAX = 20,	  /* entries of a recipient list (E2) */
};

/* What a map works with; the same for every mail. */
struct letter_tools {
	const struct conf *conf;
	const struct map_names *names;
	const struct map_io *io;
	/* Is the peer that handed a mail in one whose Authentication-Results count (auth_results_from)? */
	bool (*trusts)(void *ctx, const json_t *peer);
	void *ctx;
};

/* Who is named in To and Cc. */
struct letter_listed {
	char *address;
	bool cc;
};

struct letter {
	const struct letter_tools *tools;
	const struct record *in;
	const json_t *mail;
	int64_t now_ms, received_ms;

	/* the mail */
	struct buf octets; /* all of it, or of a large one the first MAIL_HEAD_MAX octets */
	int fd;		   /* of a large one, else -1 */
	int64_t size;
	struct mail_head head;
	uint8_t digest[SHA256_LEN]; /* of the body */
	struct buf msgid;	    /* Message-ID without <>, or "none:" and a digest (3.12) */
	bool has_msgid;
	struct buf in_reply_to, references; /* values of the fields */
	struct buf from,
		display;       /* who wrote it: address (empty: nobody to be named), decoded name, not yet sanitised */
	bool from_header;      /* the address is of header From */
	const char *mail_from; /* "" = <> */
	struct buf subject;    /* decoded, sanitised */
	int64_t date_ms;       /* of Date; valid if has_date */
	int date_zone;	       /* minutes east */
	bool has_date, zone_known;
	unsigned received;	  /* Received fields */
	enum automatic automatic; /* 8.3 */
	struct verify results;	  /* what the front mail server found out (8.6) */
	bool wants_mdn;		  /* Disposition-Notification-To, on the conditions of 5.4 */
	struct letter_listed listed[LETTER_LISTED_MAX];
	size_t nlisted, nvisible; /* nvisible: all that To and Cc name */

	/* the recipient in turn */
	const json_t *to;
	const char *rcpt, *cpm;
	bool verified;
	struct buf uri;		/* remembered CPM user (7.2); empty: that of the RCPT */
	struct buf conv, contr; /* ids of the message (3.12) */
	struct buf answered;	/* InReplyTo-Contribution-ID, empty: none */
	bool known;		/* it answers something: not the first message of its conversation */
	struct buf imdn;	/* imdn.Message-ID */
	unsigned wanted;	/* set of enum imdn_wanted */
	unsigned part;		/* of several messages made of one mail, 0 = the text (letter_part()) */
	bool list_service;	/* it goes to list_service_uri, for all recipients (E2) */
	int error;		/* errno of a body that could not be read */
};

/* Read the mail: header, who wrote it, what kind it is, results. false: the body cannot be read (error). */
bool letter_begin(struct letter *l, const struct letter_tools *tools, const struct record *in, int64_t now_ms);
void letter_end(struct letter *l);
/* For whom a knob may be set: the mail's writer, his domain, and the CPM user in turn. */
struct conf_scope letter_scope(const struct letter *l);
/* The k-th recipient; false: there is none. */
bool letter_recipient(struct letter *l, size_t k);
/* What was found out about the conversation of the mail (7.2), for this recipient. */
void letter_thread(struct letter *l, const struct correlation *found);
/* The question for it; points into the letter. */
struct correlate_query letter_query(const struct letter *l);
/* Go on to a part of the mail that is a message of its own (7.7): its ids. Part 0 is the text. */
void letter_part(struct letter *l, unsigned part);
/* Has somebody to be told when it fails (5.4, 8.1)? Not where it came from <>, or from a robot, or is not from whom it
 * says. */
bool letter_backscatter(const struct letter *l);
/* sender_auth (8.6): mac: a valid MAC of ours bound to this e-mail user was found, or he wrote to his alias (7.2). */
bool letter_verified(const struct letter *l, bool mac);

/* Seconds that BY leaves, now; what is left may be negative. Only where there is a BY. */
int64_t letter_by_left(const struct letter *l);
/* Append the imdn.Message-ID of the part in turn (7.7). */
void letter_imdn_id(const struct letter *l, struct buf *out);
/* The Request-URI of the message. */
const char *letter_uri(const struct letter *l);
/* Append "Name" <uri> of the writer, for SIP (quoted-string) or for CPIM. false: there is none. */
bool letter_party(const struct letter *l, bool cpim, struct buf *out);
/* Append the address of the mail's writer as SIP URI (2.3). */
bool letter_identity(const struct letter *l, struct buf *out);

/* ---- the tables ---- */

/* Member `sip` of a sip.send: method, uri and headers by E1. */
bool letter_put_sip(struct letter *l, json_t *sip);
/* The message header of the CPIM by E3, up to and with its empty line. */
bool letter_put_cpim(struct letter *l, struct buf *out);
/* E2: is there a list to go with the message, and the list. */
enum letter_list { LETTER_LIST_NONE, LETTER_LIST_HISTORY, LETTER_LIST_SERVICE };
enum letter_list letter_list(const struct letter *l);
/* The part with its header, as it stands between the boundaries of a multipart. */
void letter_put_list(struct letter *l, enum letter_list kind, struct buf *out);

/* For --print-map. */
void letter_print(FILE *to);

#endif
