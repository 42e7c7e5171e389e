#include "map/names.h"

#include "base/log.h"
#include "conf/conf.h"

#include <stdlib.h>

/* A pair list of the configuration, ended by {NULL}; its strings belong to the configuration. */
static struct map_pair *pairs(const struct conf *c, const char *knob)
{
	size_t n = 0;
	while (conf_item(c, knob, n, NULL))
		n++;
	struct map_pair *list = xcalloc(n + 1, sizeof *list);
	for (size_t i = 0; i < n; i++)
		list[i].cpm = conf_item(c, knob, i, &list[i].mail);
	return list;
}

static const char **items(const struct conf *c, const char *knob)
{
	size_t n = 0;
	while (conf_item(c, knob, n, NULL))
		n++;
	const char **list = xcalloc(n + 1, sizeof *list);
	for (size_t i = 0; i < n; i++)
		list[i] = conf_item(c, knob, i, NULL);
	return list;
}

static void read_keys(const struct conf *c, struct token_keys *keys)
{
	char *secret;
	for (size_t i = 0; (secret = conf_secret_item(c, "msgid_key", i)); i++) {
		if (!token_keys_parse(keys, secret))
			die_perm("msgid_key: at most %d keys, each of at least %d octets of text; a good one: openssl rand -hex 32", TOKEN_KEYS_MAX,
				 TOKEN_KEY_MIN);
		explicit_bzero(secret, strlen(secret));
		free(secret);
	}
}

struct map_names *map_names_new(const struct conf *c)
{
	char why[128] = "";
	struct token_keys keys = {0};
	read_keys(c, &keys);
	struct map_pair *addr_map = pairs(c, "addr_map"), *domain_map = pairs(c, "domain_map");
	const char **sip_domains = items(c, "sip_domains"), **dotless = items(c, "dotless_domains");
	struct map_settings s = {
		.gateway = conf_str(c, "gateway", NULL),
		.mail_domain = conf_str(c, "mail_domain", NULL),
		.sip_domains = sip_domains,
		.dotless_domains = dotless,
		.addr_map = addr_map,
		.domain_map = domain_map,
		.default_cc = conf_str(c, "default_cc", NULL),
		.keys = &keys,
		.uri_form = (enum map_uri_form)conf_enum(c, "uri_form", NULL),
		.prefer_tel = conf_bool(c, "prefer_tel", NULL),
		.accept_foreign_domain = conf_bool(c, "accept_foreign_domain", NULL),
		.addr_map_only = conf_bool(c, "addr_map_only", NULL),
		.sips_needs_tls = conf_bool(c, "sips_needs_tls", NULL),
		.subaddress = conf_bool(c, "subaddress", NULL),
		.address_literals = conf_bool(c, "address_literals", NULL),
	};
	struct map_names *names = map_names_make(&s, why);
	free(addr_map);
	free(domain_map);
	free(sip_domains);
	free(dotless);
	if (!names)
		die_perm("%s", why);
	return names;
}
