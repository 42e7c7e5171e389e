#include "base/log.h"
#include "conf/conf.h"
#include "dns/dns.h"

struct dns *dns_open_configured(const struct conf *c)
{
	struct buf servers = {0};
	const char *item;
	for (size_t i = 0; (item = conf_item(c, "dns_server", i, NULL)); i++)
		buf_printf(&servers, "%s%s", i ? "," : "", item);
	struct dns *d = dns_open(buf_str(&servers));
	if (!d)
		die_perm("dns_server: \"%s\" is not a list of numeric addresses", buf_str(&servers));
	buf_free(&servers);
	return d;
}
