/*
 * token.h - keyed derivation of every id that the gateway makes, and the signed msg-id (3.12).
 *
 * No clock and no random numbers: two programs, a restart and a test agree. All functions append to the buffer that
 * they are given. Form of the parts: msg-ids without <> and white space, case kept; e-mail addresses with the domain in
 * lower case; URIs normalised (map_normalise_uri).
 */
#ifndef CPMAIL_TOKEN_H
#define CPMAIL_TOKEN_H

#include "base/buf.h"
#include "base/hash.h"

enum { TOKEN_KEYS_MAX = 8, TOKEN_KEY_MIN = 32, TOKEN_KEY_MAX = 64, TOKEN_B32 = 26 };

/* The first key signs and derives, all of them verify (a key is changed by putting the new one in front). */
struct token_keys {
	size_t n;
	struct {
		size_t n;
		char octets[TOKEN_KEY_MAX];
	} key[TOKEN_KEYS_MAX];
};

/*
 * Add the keys of a file that msgid_key names: one key a line, of 64 hex digits or more (octets), or else of 32
 * characters or more taken as they are. Empty lines and lines that begin with # do not count. false: no key at all, too
 * many, or one too short.
 */
bool token_keys_parse(struct token_keys *keys, const char *text);
/* One key of n octets, at least TOKEN_KEY_MIN. */
bool token_keys_add(struct token_keys *keys, const void *octets, size_t n);

/* H(label, part, part, ... NULL) under the first key. */
void token_hash(const struct token_keys *keys, uint8_t out[SHA256_LEN], const char *label, ...)
	__attribute__((sentinel));

/* What a msg-id of ours says. */
enum token_kind { TOKEN_STANDALONE = 'm', TOKEN_SESSION = 's', TOKEN_NOTICE = 'n', TOKEN_REPORT = 'r' };

struct token_message {
	enum token_kind kind;
	const char *conv;  /* Conversation-ID */
	const char *contr; /* Contribution-ID */
	bool hidden;	   /* a private request: the ids go into a token that only the store resolves (2.6) */
	uint64_t seq;	   /* session, notice: running number of the session, 0 = the invitation */
	const char *mail;  /* session, notice: the e-mail user; report: the recipient that is reported */
	const char *what;  /* report: action or disposition */
};

/* The TOKEN of a msg-id of ours that has one; empty: it says its ids itself. msgid must come from token_msgid(). */
struct slice token_of_msgid(struct slice msgid);
/* K.CONV.CONTR.SEQ.MAC@domain, or K.TOKEN.SEQ.MAC@domain, without <>. conv and contr must not be empty. */
void token_msgid(const struct token_keys *keys, const struct token_message *m, const char *domain, struct buf *out);

/* A msg-id of ours that was taken apart. Ended by token_parsed_free(). */
struct token_parsed {
	enum token_kind kind;
	struct buf conv, contr; /* decoded; empty if hidden */
	struct buf token;	/* hidden: the 26 characters that the store knows */
	struct buf seq;		/* as written */
};

/* msgid with or without <>. false: not our form, another domain, or no key of ours made the MAC: it counts as unknown.
 */
bool token_msgid_parse(const struct token_keys *keys, struct slice msgid, const char *domain, struct token_parsed *out);
void token_parsed_free(struct token_parsed *t);

/* convid and contrid of the parts, NULL behind the last; 32 hex digits. A request without Conversation-ID or
 * Contribution-ID gets contrid of Call-ID, CSeq number and From tag for both. */
void token_convid(const struct token_keys *keys, struct buf *out, ...) __attribute__((sentinel));
void token_contrid(const struct token_keys *keys, struct buf *out, ...) __attribute__((sentinel));
/* imdn.Message-ID of a mail's message, 16 hex digits. */
void token_imdn(const struct token_keys *keys, const char *msgid, const char *rcpt, struct buf *out);
/* imdn.Message-ID of a report of the gateway's own; what = "delivery", "display" or "processing". */
void token_imdn_report(const struct token_keys *keys, const char *msgid, const char *rcpt, const char *what,
		       struct buf *out);
/* ENVID, 28 characters, fit for xtext as it is. */
void token_envid(const struct token_keys *keys, const char *msgid, const char *first_rcpt, struct buf *out);
/* Local parts: a group's address, an alias of a private originator, what stands for a local part that is too long. */
void token_group(const struct token_keys *keys, const char *focus, const char *conv, const char *mail, struct buf *out);
void token_alias(const struct token_keys *keys, const char *originator, const char *rcpt, const char *contr,
		 struct buf *out);
void token_long(const struct token_keys *keys, const char *user_at_host, struct buf *out);
/* What stands behind the "--" of a sub-address (2.1), 13 base32 characters: one a message and its (first) recipient. */
enum { TOKEN_SUFFIX = 13 };
void token_suffix(const struct token_keys *keys, const char *msgid, const char *rcpt, struct buf *out);
/* The suffix of a local part in lower case that ends in "--" and one; empty: none. */
struct slice token_suffix_form(struct slice local);
/* local has the form of one of these three ("g-", "a-", "x-" and 26 base32 characters): its letter, else 0. */
char token_local_form(struct slice local);
/* MIME boundary, 24 hex digits; the caller raises attempt until it does not occur in the content (8.5). */
void token_boundary(const struct token_keys *keys, const char *msgid, unsigned part, unsigned attempt, struct buf *out);

#endif
