/* Listen elements, addresses, the trust domain. */
#include "sip/net.h"
#include "sip/trust.h"
#include "tap.h"

static void element(const char *text, const char *want)
{
	enum sip_transport t;
	bool both, every;
	union sip_addr a;
	const char *why = NULL;
	char got[128] = "no", host[SIP_ADDR_TEXT];
	if (sip_listen_parse(text, &t, &both, &every, &a, &why))
		snprintf(got, sizeof got, "%s %s %d%s%s", sip_transport_name(t), sip_addr_text(&a, host),
			 sip_addr_port(&a), both ? " both" : "", every ? " every" : "");
	else
		ok(why != NULL, "%s: a reason is given", text);
	is_str(got, want, text);
}

static void elements(void)
{
	element("udp:127.0.0.1:5060", "udp 127.0.0.1 5060");
	element("tcp:127.0.0.1", "tcp 127.0.0.1 5060");
	element("tls:192.0.2.1", "tls 192.0.2.1 5061");
	element("tls:[2001:db8::1]:5071", "tls 2001:db8::1 5071");
	element("udp:[::1]", "udp ::1 5060");
	element("udp:2001:db8::1", "udp 2001:db8::1 5060");
	element("tcp:*:5062", "tcp 0.0.0.0 5062 every");
	element("127.0.0.1:5070", "udp 127.0.0.1 5070 both");
	element("*", "udp 0.0.0.0 5060 both every");
	element("udp:localhost:5060", "no");
	element("udp:127.0.0.1:65536", "no");
	element("udp:127.0.0.1:", "no");
	element("udp:127.0.0.1:5x", "no");
	element("udp:[::1]x5060", "no");
	element("sctp:127.0.0.1:5060", "no");
	element("", "no");
}

static bool holds(void *ctx, const char *name)
{
	return strcmp(ctx, name) == 0;
}

static void trusted(const struct sip_trust *t, const char *address, const char *label)
{
	union sip_addr a;
	sip_addr_parse(&a, slice_of(address), 5060);
	const struct sip_trust_element *e = sip_trust_address(t, &a);
	is_str(e ? e->label ? e->label : "-" : "no", label, address);
}

static void trust(void)
{
	struct sip_trust t = {0};
	ok(sip_trust_add(&t, "192.0.2.7", "core") && sip_trust_add(&t, "198.51.100.64/26", NULL) &&
		   sip_trust_add(&t, "2001:db8::/33", "six") && sip_trust_add(&t, "core.example.net", NULL) &&
		   sip_trust_add(&t, "edge.example.net", "edge"),
	   "addresses, networks, names");
	ok(!sip_trust_add(&t, "192.0.2.7/33", NULL) && !sip_trust_add(&t, "192.0.2.7/", NULL) &&
		   !sip_trust_add(&t, "", NULL) && !sip_trust_add(&t, "core.example.net/24", NULL) &&
		   !sip_trust_add(&t, "192.0.2", NULL) && !sip_trust_add(&t, "a b", NULL),
	   "nothing else");
	trusted(&t, "192.0.2.7", "core");
	trusted(&t, "192.0.2.8", "no");
	trusted(&t, "::ffff:192.0.2.7", "core");
	trusted(&t, "198.51.100.63", "no");
	trusted(&t, "198.51.100.64", "-");
	trusted(&t, "198.51.100.127", "-");
	trusted(&t, "198.51.100.128", "no");
	trusted(&t, "2001:db8:7fff::1", "six");
	trusted(&t, "2001:db8:8000::1", "no");
	char edge[] = "edge.example.net", core[] = "core.example.net", other[] = "other.example.net";
	const struct sip_trust_element *e = sip_trust_name(&t, holds, edge);
	is_str(e ? e->label : NULL, "edge", "a certificate's name");
	e = sip_trust_name(&t, holds, core);
	is_str(e ? e->label : NULL, "core.example.net", "a name is its own label");
	ok(!sip_trust_name(&t, holds, other), "another name");
	sip_trust_free(&t);
	ok(!sip_trust_address(&t, &(union sip_addr){.sa.sa_family = AF_INET}), "an empty list trusts nobody");
}

int main(void)
{
	elements();
	trust();
	return tap_done();
}
