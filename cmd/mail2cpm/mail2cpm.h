/*
 * mail2cpm.h - what the files of the program share.
 *
 * Ownership: struct mail2cpm is the program's own and lives as long as it; a struct work lives for one mail.
 */
#ifndef CPMAIL_MAIL2CPM_H
#define CPMAIL_MAIL2CPM_H

#include "frame/frame.h"
#include "map/enclose.h"
#include "map/storm.h"
#include "memory.h"
#include "sip/trust.h"

struct mail2cpm {
	const struct conf *conf;
	struct map_names *names;
	struct map_io io;
	struct letter_tools tools;
	struct alias_table aliases;
	const char *sent_file; /* --sent */
	struct peek *sent;
	struct correlate correlate;
	struct memory memory;
	struct storm storm;
	struct sip_trust results_from; /* auth_results_from */
	bool results_local;
};

/* One mail in work. */
struct work {
	struct mail2cpm *program;
	struct frame_item *it;
	struct letter letter;
	struct enclose enclose;
	bool opened, unreadable; /* enclose_begin() was called; and failed */
};

extern const struct metric mail2cpm_metrics[];

/* triage.c: 7.1 c to f, for the recipient in turn. false: a blob failed, the mail is to be tried again. */
bool triage_recipient(struct work *w);

/* send.c */
/* The messages of the mail for the recipient in turn, by 7.7. false as above. */
bool send_messages(struct work *w);
/* It cannot be: a sip.result, of which the report makes a DSN where one is due. */
void send_failure(struct work *w, int status, const char *reason, const char *enhanced);
/* No message comes of it for this recipient, and that is right: who waits for the SIP side's word (inline_result) is told
 * so at once. */
void send_settled(struct frame_item *it, const char *rcpt);
/* It is dropped: said in the log and counted. why is static. */
void send_nothing(struct work *w, const char *why);

/* forward.c: mail for postmaster and the like goes on to postmaster_target (5.6). false as above. */
bool forward_mail(struct work *w);

#endif
