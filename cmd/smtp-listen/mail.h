/*
 * mail.h - what smtp-listen and mail-inject share: whose address it is, where the content goes, the mail.in record.
 *
 * Ownership: a struct mail_store owns what it keeps until mail_store_body() or mail_store_forget().
 */
#ifndef CPMAIL_MAIL_IN_H
#define CPMAIL_MAIL_IN_H

#include "frame/frame.h"
#include "map/alias.h"
#include "smtp/server/server.h"

/* Who the users are: from the configuration, which must outlive it, and the alias table of mail2cpm. */
struct mail_users {
	struct map_names *names;
	struct alias_reader *aliases;
	int64_t grace_ms; /* group_addr_grace */
	char **opt_out; /* normalised URIs of users who take no mail; ended by NULL */
	const char *postmaster;
};
/* aliases: the file with the table, NULL: where the spool of f has it. */
void mail_users_read(struct mail_users *u, struct frame *f, const char *aliases);
void mail_users_free(struct mail_users *u);
/* The row of table 5.6 for a reverse-path, "" = null. */
enum smtpd_answer mail_users_sender(const struct mail_users *u, struct slice address);
/* The row for a RCPT (2.2); sets cpm and role. "postmaster" alone is the one of the mail domain (RFC 5321 4.5.1). */
enum smtpd_answer mail_users_recipient(const struct mail_users *u, struct smtpd_recipient *to);

/* The content: inline up to 64 KiB, above it a blob. */
struct mail_store {
	struct frame *frame;
	struct buf octets;
	struct frame_blob *blob;
};
/* false: it cannot be kept. */
bool mail_store_put(struct mail_store *s, const char *p, size_t n);
/* The body object; NULL: it cannot be kept. The store is empty then. */
json_t *mail_store_body(struct mail_store *s);
void mail_store_forget(struct mail_store *s);

/* From where, and how. */
struct mail_origin {
	const char *protocol;  /* smtp, lmtp, local */
	const char *transport; /* tcp, unix, pipe */
	const char *address;   /* numeric; NULL: none */
	int port;
	bool tls;
	const char *helo; /* may be NULL */
};
/* The record. Its id is made from reverse-path, recipients, Message-ID and digest: the same mail again is the same
 * record. body is adopted. */
struct record *mail_record(const struct mail_users *u, const struct smtpd_mail *m, const struct smtpd_content *c,
			   const struct mail_origin *from, json_t *body);

#endif
