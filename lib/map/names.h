/*
 * names.h - the tables behind address mapping. Private to lib/map.
 */
#ifndef CPMAIL_MAP_NAMES_H
#define CPMAIL_MAP_NAMES_H

#include "map/address.h"
#include "map/uri.h"

/* A row of addr_map: URI normalised, address with everything that is compared in lower case. Owned by the table. */
struct map_row {
	char *cpm;
	char *mail;
};

struct map_table {
	struct map_row *rows;
	size_t n;
};

struct map_names {
	char *gateway;
	char *mail_domain;
	char *default_cc;
	struct map_table sip_domains;	  /* cpm only */
	struct map_table dotless_domains; /* mail only */
	struct map_table by_cpm, by_mail; /* addr_map, sorted each way; by_mail owns nothing */
	struct map_table domains;	  /* domain_map in the order of the configuration */
	struct token_keys keys;
	enum map_uri_form uri_form;
	bool prefer_tel, accept_foreign_domain, addr_map_only, sips_needs_tls, subaddress, address_literals;
	void (*long_made)(void *ctx, const char *local, const char *uri);
	void *long_ctx;
};

/* The other half of an addr_map row; NULL if there is none. */
const char *names_mail_of(const struct map_names *names, const char *cpm);
const char *names_cpm_of(const struct map_names *names, const char *mail);
/* A SIP host of the gateway itself or of sip_domains; lower case. */
bool names_host_ours(const struct map_names *names, const char *host);
/* A SIP domain: one of ours, or in domain_map. */
bool names_sip_served(const struct map_names *names, const char *host);
/* domain_map: the mail domain for a SIP domain, only where the way back leads to the same one; and that way back. NULL
 * if none. */
const char *names_mail_domain_of(const struct map_names *names, const char *sip);
const char *names_sip_domain_of(const struct map_names *names, const char *mail);
/* Where the number is a telephone number: in a tel URI, with user=phone, or global at a domain of ours (2.1). */
bool names_is_phone(const struct map_names *names, const struct map_uri *u);
/* Append the normalised form of a parsed URI; false if it has none. */
bool names_put_uri(const struct map_names *names, const struct map_uri *u, struct buf *out);
/* A national or international number of digits, made global with default_cc; false if that is not possible (2.2 rule
 * 3). */
bool names_put_number(const struct map_names *names, struct slice digits, struct buf *out);
/* local is postmaster, abuse or mailer-daemon. */
bool names_role(struct slice local);

#endif
