/*
 * gateway.h - the names of the gateway that targets of the maps map for. The key lives as long as the process.
 */
#ifndef CPMAIL_FUZZ_GATEWAY_H
#define CPMAIL_FUZZ_GATEWAY_H

#include "base/log.h"
#include "map/address.h"
#include "map/token.h"

static struct map_names *gateway_names(void)
{
	static const char *const domains[] = {"mailgw.ims.example.net", "ims.example.net", NULL};
	static const struct map_pair pairs[] = {{"ims.example.net", "rcs.example.net"}, {0}};
	static struct token_keys keys;
	char why[128];
	log_set_level(LOG_ERROR);
	token_keys_add(&keys, "0123456789abcdef0123456789abcdef", 32);
	struct map_settings s = {.gateway = "mailgw.ims.example.net",
				 .mail_domain = "rcs.example.net",
				 .sip_domains = domains,
				 .domain_map = pairs,
				 .keys = &keys,
				 .accept_foreign_domain = true};
	return map_names_make(&s, why);
}

#endif
