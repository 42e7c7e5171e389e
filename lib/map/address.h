/*
 * address.h - who is who on the other side: SIP, tel, mailto URIs and e-mail addresses (section 2).
 *
 * Pure functions over a struct map_names, which is made once from the configuration and then only read. Addresses and
 * URIs are taken apart and put together again, never pasted; all results are appended to a buffer, which is left as it
 * was when the answer is no.
 */
#ifndef CPMAIL_MAP_ADDRESS_H
#define CPMAIL_MAP_ADDRESS_H

#include "map/token.h"

struct conf;
struct map_names;

enum map_uri_form { MAP_FORM_TEL, MAP_FORM_SIP_PHONE };

struct map_pair {
	const char *cpm;  /* URI or SIP domain */
	const char *mail; /* address or mail domain */
};

/* The knobs of section 6 that address mapping reads. Lists end with NULL / {NULL}; a NULL list is empty. */
struct map_settings {
	const char *gateway;		    /* SIP host of the e-mail users */
	const char *mail_domain;	    /* mail domain of the CPM users */
	const char *const *sip_domains;	    /* served by SIP: not mail domains */
	const char *const *dotless_domains; /* mail domains without a dot that are let through */
	const struct map_pair *addr_map;
	const struct map_pair *domain_map;
	const char *default_cc; /* digits, NULL = unset */
	const struct token_keys *keys;
	enum map_uri_form uri_form;
	bool prefer_tel, accept_foreign_domain, addr_map_only, sips_needs_tls, subaddress, address_literals;
};

/* From the configuration; a wrong entry of addr_map or domain_map ends the process with status 100. */
struct map_names *map_names_new(const struct conf *c);
/* From settings; NULL and a reason in why[128] if an entry is wrong. Everything is copied. */
struct map_names *map_names_make(const struct map_settings *s, char why[128]);
void map_names_free(struct map_names *names);
const struct token_keys *map_keys(const struct map_names *names);
const char *map_gateway(const struct map_names *names);
const char *map_mail_domain(const struct map_names *names);

/* 2.4: the e-mail user of a Request-URI, a To or a list entry. */
enum map_verdict {
	MAP_OK,	    /* address holds local@domain */
	MAP_ENUM,   /* a telephone number that needs ENUM (2.7); address holds "+number" */
	MAP_SCHEME, /* 416 */
	MAP_BAD,    /* 400 */
	MAP_NONE    /* 404 */
};
enum map_verdict map_from_request_uri(const struct map_names *names, const char *uri, struct buf *address);

/*
 * 2.1: the mail address of a CPM user; "Display" <uri> is taken too. false: no mapping (From, P-Asserted-Identity:
 * 400). An address whose local part has the form "x-" (token_local_form) stands for a URI that is too long: the caller
 * keeps both in the alias table.
 */
bool map_to_mail(const struct map_names *names, const char *uri, struct buf *address);
/* Tell of every long local part that map_to_mail() and map_listed() make from now on: "x-...", and the URI it stands
 * for, normalised; strings of the call. NULL: nobody. */
void map_watch_long(struct map_names *names, void (*made)(void *ctx, const char *local, const char *uri), void *ctx);
/* What a list entry or CPIM cc is shown as: the e-mail user of the URI (2.4) if it has one, else the CPM user's address
 * (2.1). */
bool map_listed(const struct map_names *names, const char *uri, struct buf *address);
/* Which of a user's n URIs is mapped: the first SIP one, or the first tel one with prefer_tel; NULL if n is 0. */
const char *map_choose(const struct map_names *names, const char *const *uris, size_t n);
/* The URI is sips and sips_needs_tls is on: the mail may travel under TLS only. */
bool map_needs_tls(const struct map_names *names, const char *uri);
/* The host is anonymous.invalid: a user who asks for privacy (2.6). */
bool map_is_anonymous(const char *uri);

/* The one form of a URI (2.1 "normalise first"): what tables, tokens and comparisons use. false: not a URI that can be
 * mapped. */
bool map_normalise_uri(const struct map_names *names, const char *uri, struct buf *out);

/* 2.2: the CPM user behind a RCPT. */
enum map_rcpt {
	MAP_RCPT_OK,
	MAP_RCPT_ROLE,	  /* postmaster, abuse, mailer-daemon: the gateway's keeper */
	MAP_RCPT_UNKNOWN, /* 550 5.1.1 */
	MAP_RCPT_SYNTAX,  /* 550 5.1.3 */
	MAP_RCPT_GONE,	  /* 550 5.1.6: a group address or alias that is no more */
	MAP_RCPT_FOREIGN, /* 550 5.7.1: not a domain of ours */
	MAP_RCPT_LATER	  /* 451 4.3.0: the alias table cannot be read now */
};
/* The alias table (2.5, 2.6): the CPM URI behind a g-, a- or x- local part (in lower case). */
enum map_alias { MAP_ALIAS_NONE, MAP_ALIAS_FOUND, MAP_ALIAS_TROUBLE };
struct map_aliases {
	enum map_alias (*find)(void *ctx, const char *local, struct buf *uri);
	void *ctx;
};
/* aliases may be NULL: an empty table. */
enum map_rcpt map_to_cpm(const struct map_names *names, const char *rcpt, const struct map_aliases *aliases,
			 struct buf *uri);
/* 2.1, sub-addresses: append what stands behind the last "--" of a local part in lower case. false: the knob is off, or
 * nothing stands there. */
bool map_suffix(const struct map_names *names, struct slice local, struct buf *out);
/* "5.1.1" and so on; "2.1.5" for MAP_RCPT_OK and MAP_RCPT_ROLE. */
const char *map_rcpt_code(enum map_rcpt verdict);
/* Is this mail domain (any case) one that the gateway maps to CPM users? */
bool map_domain_ours(const struct map_names *names, struct slice domain);

/* 2.3: the SIP identity of an e-mail user: sip:bob%40example.org@gateway. false: not an address. */
bool map_sip_identity(const struct map_names *names, const char *address, struct buf *uri);

/* The octet rule of 2.1: a-z 0-9 . _ - + stay, all else is =HH. */
enum map_enc_rule {
	MAP_ENC_LOCAL = 0,  /* a local part: first, last and doubled dots are escaped too */
	MAP_ENC_DOT = 1,    /* ids in a msg-id: every dot is escaped */
	MAP_ENC_HYPHEN = 2, /* sub-addresses are in use: a hyphen behind a hyphen is escaped */
};
void map_enc(struct buf *out, struct slice s, unsigned rule);
/* false on a bad escape. */
bool map_dec(struct buf *out, struct slice s);
/* The user part of a SIP URI in its one form (2.2): alnum - _ . ! ~ * ' ( ) + = stay, all else is %HH. */
void map_pct(struct buf *out, struct slice s);

#endif
