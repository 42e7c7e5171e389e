/*
 * head.h - reading a mail's header: fields, encoded words (RFC 2047), mailboxes, msg-ids, in linear time and bounded.
 *
 * Ownership: a struct mail_head owns its arena, which its slices point into; mail_head_free() ends it. A struct
 * mail_mailbox owns its buffers, used again by each mail_mailbox_next(); mail_mailbox_free() ends it. Zeroed ones are
 * valid and empty. Values may hold any octet but CR and LF: sanitise what crosses into another protocol (8.5).
 */
#ifndef CPMAIL_MAIL_HEAD_H
#define CPMAIL_MAIL_HEAD_H

#include "base/buf.h"

enum {
	MAIL_HEAD_MAX = 256 << 10, /* octets of a header that are looked at */
	MAIL_HEAD_FIELDS = 2000,
};

struct mail_head_field {
	struct slice name, value; /* value: unfolded and trimmed, octets as they stand; NUL-terminated */
};

struct mail_head {
	struct mail_head_field *v;
	size_t n;
	size_t body; /* where the body begins: octets from the start of the mail */
	char *arena;
};

/*
 * Read the header from the start of in (the mail, or at least its first MAIL_HEAD_MAX octets). It ends at the empty
 * line, or before the first line that is no field. LF line ends are taken; an mbox "From " line at the start is
 * skipped; what passes a limit is left out.
 */
void mail_head_read(struct mail_head *h, struct slice in);
void mail_head_free(struct mail_head *h);
/* The value of the k-th field (from 0) of a name, case-insensitive; p is NULL if there is none. */
struct slice mail_head_get(const struct mail_head *h, const char *name, size_t k);
size_t mail_head_count(const struct mail_head *h, const char *name);

/*
 * Append an unstructured value as UTF-8: encoded words decoded (those that stand side by side and have the same charset
 * are joined before their charset is, so that a character split between two comes out whole), raw octets taken for
 * UTF-8, else windows-1252.
 */
void mail_words_decode(struct buf *out, struct slice value);

/* Octets of the encoded word at the start of s, 0: there is none. */
size_t mail_word_octets(struct slice s);

struct mail_mailbox {
	struct buf display; /* decoded, UTF-8; empty if there is none */
	struct buf address; /* local@domain, the domain in lower case; empty: what stood there is no address */
};

/* Cut the next mailbox off a list (From, To, Cc, ...): groups are entered, comments skipped (one behind a bare address
 * is its display name). false at the end. */
bool mail_mailbox_next(struct slice *list, struct mail_mailbox *m);
void mail_mailbox_free(struct mail_mailbox *m);

/* Cut the next msg-id off a value (In-Reply-To, References, Message-ID): what stands between < and >, without blanks
 * in it. false at the end. */
bool mail_msgid_next(struct slice *value, struct slice *id);

#endif
