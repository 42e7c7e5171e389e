/* The order of 1.2 from NAPTR to addresses, with answers from a table in the place of the resolver. */
#include "dns/destination.h"
#include "dns/message.h"
#include "dns/sip.h"
#include "tap.h"

#include <stdlib.h>

/* One record, or one negative answer. NAPTR: text is "FLAGS SERVICE REPLACEMENT". */
struct entry {
	enum dns_type type;
	const char *name;
	const char *text; /* target or address; NULL: status says it all */
	enum dns_status status;
	uint16_t priority, weight, port;
};

static const struct entry *table;
static size_t entries;
static int asked[0x10000];

struct pending {
	dns_done *done;
	void *arg;
	struct dns_answer *answer;
	struct pending *next;
};
static struct pending *pending;

static void fill(struct dns_answer *a, const struct entry *e)
{
	a->status = e->status;
	if (!e->text)
		return;
	struct dns_rr *rr = dns_answer_add(a);
	rr->priority = e->priority;
	rr->weight = e->weight;
	rr->port = e->port;
	if (e->type == DNS_NAPTR) {
		struct slice rest = slice_of(e->text);
		bool more;
		rr->flags = slice_dup(slice_cut(&rest, ' ', &more));
		rr->service = slice_dup(slice_cut(&rest, ' ', &more));
		rr->name = slice_dup(slice_cut(&rest, ' ', &more));
		rr->regexp = slice_dup(rest);
	} else if (e->type == DNS_A || e->type == DNS_AAAA) {
		snprintf(rr->address, sizeof rr->address, "%s", e->text);
	} else {
		rr->name = xstrdup(e->text);
	}
}

void dns_ask(struct dns *d, enum dns_type type, const char *name, dns_done *done, void *arg)
{
	(void)d;
	struct pending *p = calloc(1, sizeof *p);
	bool exists = false;
	*p = (struct pending){done, arg, dns_answer_new(DNS_NXDOMAIN, 0), pending};
	for (size_t i = 0; i < entries; i++) {
		if (!dns_name_same(table[i].name, name))
			continue;
		exists = true;
		if (table[i].type == type)
			fill(p->answer, &table[i]);
	}
	if (exists && p->answer->n == 0 && p->answer->status == DNS_NXDOMAIN)
		p->answer->status = DNS_NODATA;
	asked[type]++;
	pending = p;
}

void dns_wait(struct dns *d)
{
	(void)d;
	while (pending) {
		struct pending *p = pending;
		pending = p->next;
		p->done(p->arg, p->answer);
		dns_answer_drop(p->answer);
		free(p);
	}
}

static const char *const services[] = {"SMTP+D2T", NULL};
static const char *const own_addresses[] = {"192.0.2.80", NULL};
static const struct destination_policy policy = {true, services, 2525, "mailgw.example.net", own_addresses};

static struct destination *got;

static void done(void *arg, struct destination *dest)
{
	(void)arg;
	got = dest;
}

/* The result as one line: "5.1.2", or "rank-order name:port=addr,addr name..." by the seed "x". */
static void find(const struct entry *t, size_t n, const struct destination_policy *p, const char *want, const char *what)
{
	struct buf b = {0};
	size_t order[DESTINATION_HOSTS_MAX];
	table = t;
	entries = n;
	memset(asked, 0, sizeof asked);
	got = NULL;
	destination_find(NULL, "example.org", p, done, NULL);
	dns_wait(NULL);
	if (got->enhanced) {
		buf_puts(&b, got->enhanced);
	} else {
		destination_order(got, SLICE("x"), order);
		for (size_t i = 0; i < got->n; i++) {
			const struct destination_host *h = &got->host[order[i]];
			buf_printf(&b, "%s%s:%d", i ? " " : "", h->name, h->port);
			for (size_t k = 0; k < h->n; k++)
				buf_printf(&b, "%c%s", k ? ',' : '=', h->address[k]);
		}
	}
	is_str(buf_str(&b), want, what);
	destination_free(got);
	buf_free(&b);
}

#define FIND(t, want, what) find(t, sizeof(t) / sizeof *(t), &policy, want, what)
#define D "example.org"

static void exchangers(void)
{
	static const struct entry mx[] = {
		{DNS_MX, D, "b.example.org", 0, 20}, {DNS_MX, D, "a.example.org.", 0, 10},
		{DNS_A, "a.example.org", "192.0.2.1"}, {DNS_A, "a.example.org", "192.0.2.2"},
		{DNS_AAAA, "a.example.org", "2001:db8::1"}, {DNS_AAAA, "b.example.org", "2001:db8::2"},
	};
	FIND(mx, "a.example.org:2525=2001:db8::1,192.0.2.1,192.0.2.2 b.example.org:2525=2001:db8::2", "MX by preference, every address");
	static const struct entry null_mx[] = {{DNS_MX, D, "."}, {DNS_A, D, "192.0.2.1"}};
	FIND(null_mx, "5.1.10", "null MX");
	static const struct entry implicit[] = {{DNS_A, D, "192.0.2.1"}};
	FIND(implicit, "example.org:2525=192.0.2.1", "implicit MX");
	static const struct entry empty[] = {{DNS_SRV, D, "x"}};
	FIND(empty, "5.1.2", "neither MX nor address");
	find(NULL, 0, &policy, "5.1.2", "NXDOMAIN");
	static const struct entry unresolvable[] = {{DNS_MX, D, "gone.example.org"}, {DNS_A, D, "192.0.2.1"}};
	FIND(unresolvable, "4.4.3", "MX without address is never the implicit MX");
	static const struct entry servfail[] = {{DNS_MX, D, NULL, DNS_FAILED}, {DNS_A, D, "192.0.2.1"}};
	FIND(servfail, "4.4.3", "SERVFAIL at MX");
	static const struct entry half[] = {{DNS_AAAA, D, NULL, DNS_FAILED}};
	FIND(half, "4.4.3", "failure at the only address");
	static const struct entry one_family[] = {{DNS_AAAA, D, NULL, DNS_FAILED}, {DNS_A, D, "192.0.2.1"}};
	FIND(one_family, "example.org:2525=192.0.2.1", "failure at one family only");
	static const struct entry odd[] = {{DNS_MX, D, "."}, {DNS_MX, D, "a.example.org", 0, 5}, {DNS_A, "a.example.org", "192.0.2.1"}};
	FIND(odd, "a.example.org:2525=192.0.2.1", "a root among others is passed over");
}

static void loops(void)
{
	static const struct entry first[] = {
		{DNS_MX, D, "mailgw.example.net", 0, 10}, {DNS_MX, D, "b.example.org", 0, 10}, {DNS_MX, D, "c.example.org", 0, 20},
		{DNS_A, "b.example.org", "192.0.2.2"}, {DNS_A, "c.example.org", "192.0.2.3"},
	};
	FIND(first, "5.4.6", "own name among the best");
	static const struct entry second[] = {
		{DNS_MX, D, "a.example.org", 0, 10}, {DNS_MX, D, "MAILGW.example.net.", 0, 20}, {DNS_MX, D, "c.example.org", 0, 30},
		{DNS_A, "a.example.org", "192.0.2.1"}, {DNS_A, "c.example.org", "192.0.2.3"},
	};
	FIND(second, "a.example.org:2525=192.0.2.1", "only what is better than we are");
	static const struct entry address[] = {
		{DNS_MX, D, "a.example.org", 0, 10}, {DNS_MX, D, "b.example.org", 0, 20},
		{DNS_A, "a.example.org", "192.0.2.1"}, {DNS_A, "b.example.org", "192.0.2.80"},
	};
	FIND(address, "a.example.org:2525=192.0.2.1", "own address");
	static const struct entry better_dead[] = {
		{DNS_MX, D, "a.example.org", 0, 10}, {DNS_MX, D, "mailgw.example.net", 0, 20},
	};
	FIND(better_dead, "4.4.3", "a better one without address is waited for");
	static const struct entry implicit[] = {{DNS_A, D, "192.0.2.80"}};
	FIND(implicit, "5.4.6", "implicit MX is ours");
}

static void rules(void)
{
	static const struct entry srv[] = {
		{DNS_NAPTR, D, "s SMTP+D2T _smtp._tcp.example.org", 0, 10, 10},
		{DNS_NAPTR, D, "a smtp+d2t late.example.org", 0, 20, 10},
		{DNS_NAPTR, D, "s SIP+D2T _sip._tcp.example.org", 0, 5, 10},
		{DNS_SRV, "_smtp._tcp.example.org", "b.example.org", 0, 20, 0, 26},
		{DNS_SRV, "_smtp._tcp.example.org", "a.example.org", 0, 10, 0, 587},
		{DNS_A, "a.example.org", "192.0.2.1"}, {DNS_A, "b.example.org", "192.0.2.2"},
		{DNS_A, "late.example.org", "192.0.2.9"}, {DNS_MX, D, "mx.example.org"},
	};
	FIND(srv, "a.example.org:587=192.0.2.1 b.example.org:26=192.0.2.2 late.example.org:2525=192.0.2.9", "NAPTR, SRV, order");
	is_int(asked[DNS_MX], 0, "MX is not asked");
	static const struct entry root[] = {
		{DNS_NAPTR, D, "s SMTP+D2T _smtp._tcp.example.org"}, {DNS_SRV, "_smtp._tcp.example.org", "."},
		{DNS_MX, D, "mx.example.org"}, {DNS_A, "mx.example.org", "192.0.2.1"},
	};
	FIND(root, "mx.example.org:2525=192.0.2.1", "SRV target . : MX");
	static const struct entry unusable[] = {
		{DNS_NAPTR, D, "a SMTP+D2T x.example.org !.*!y!"}, {DNS_NAPTR, D, "u SMTP+D2T x.example.org"},
		{DNS_NAPTR, D, "a SMTP+D2U x.example.org"}, {DNS_A, "x.example.org", "192.0.2.7"},
		{DNS_MX, D, "mx.example.org"}, {DNS_A, "mx.example.org", "192.0.2.1"},
	};
	FIND(unusable, "mx.example.org:2525=192.0.2.1", "regexp, flag u, other service: skipped");
	static const struct entry silent[] = {
		{DNS_NAPTR, D, NULL, DNS_FAILED}, {DNS_MX, D, "mx.example.org"}, {DNS_A, "mx.example.org", "192.0.2.1"},
	};
	FIND(silent, "mx.example.org:2525=192.0.2.1", "NAPTR fails: MX");
	static const struct entry ours[] = {
		{DNS_NAPTR, D, "a SMTP+D2T mailgw.example.net"}, {DNS_A, "mailgw.example.net", "192.0.2.80"},
	};
	FIND(ours, "5.4.6", "NAPTR leads to us");
	struct destination_policy off = policy;
	off.naptr = false;
	find(srv, sizeof srv / sizeof *srv, &off, "4.4.3", "naptr_lookup off");
	is_int(asked[DNS_NAPTR], 0, "NAPTR is not asked");
}

/* How often each of three hosts comes first over 3000 seeds. */
static void lots(const struct destination_host host[3], int first[3])
{
	struct destination dest = {.n = 3, .host = (struct destination_host *)(uintptr_t)host};
	size_t order[DESTINATION_HOSTS_MAX];
	memset(first, 0, 3 * sizeof *first);
	for (int i = 0; i < 3000; i++) {
		char seed[16];
		snprintf(seed, sizeof seed, "id%d", i);
		destination_order(&dest, slice_of(seed), order);
		first[order[0]]++;
	}
}

static void chance(void)
{
	static char a[] = "a", b[] = "b", c[] = "c";
	struct destination_host host[3] = {{a, 25, 10, 1}, {b, 25, 10, 1}, {c, 25, 10, 1}};
	int first[3];
	lots(host, first);
	ok(first[0] > 850 && first[1] > 850 && first[2] > 850, "equal preference: %d %d %d", first[0], first[1], first[2]);
	host[0].weight = 60, host[1].weight = 30, host[2].weight = 10;
	lots(host, first);
	ok(first[0] > 1650 && first[0] < 1950 && first[2] > 200 && first[2] < 400, "weights: %d %d %d", first[0], first[1], first[2]);
	host[2].weight = 0, host[2].rank = 5;
	lots(host, first);
	is_int(first[2], 3000, "rank before weight");
	host[0].weight = host[1].weight = host[2].weight = 0;
	host[2].rank = 10;
	lots(host, first);
	ok(first[0] > 850 && first[1] > 850 && first[2] > 850, "no weights: %d %d %d", first[0], first[1], first[2]);

	struct destination dest = {.n = 3, .host = host};
	struct destination_host turned[3] = {host[2], host[0], host[1]};
	struct destination other = {.n = 3, .host = turned};
	size_t one[DESTINATION_HOSTS_MAX], two[DESTINATION_HOSTS_MAX];
	bool same = true;
	for (int i = 0; i < 100; i++) {
		char seed[16];
		snprintf(seed, sizeof seed, "id%d", i);
		destination_order(&dest, slice_of(seed), one);
		destination_order(&other, slice_of(seed), two);
		for (int k = 0; k < 3; k++)
			same &= host[one[k]].name == turned[two[k]].name;
	}
	ok(same, "the order in the answer does not count");
}

static void literals(void)
{
	struct destination *d = destination_literal("[192.0.2.1]", &policy);
	ok(d && d->n == 1 && strcmp(d->host[0].address[0], "192.0.2.1") == 0, "IPv4 literal");
	destination_free(d);
	d = destination_literal("[ipv6:2001:DB8::1]", &policy);
	ok(d && strcmp(d->host[0].address[0], "2001:db8::1") == 0, "IPv6 literal");
	destination_free(d);
	d = destination_literal("[192.0.2.80]", &policy);
	is_str(d ? d->enhanced : NULL, "5.4.6", "our own");
	destination_free(d);
	ok(!destination_literal("[]", &policy) && !destination_literal("[a]", &policy) && !destination_literal("[2001:db8::1]", &policy) &&
		   !destination_literal("192.0.2.1", &policy),
	   "no literals");
}

/* ---- SIP servers (RFC 3263) ---- */

/* "udp name:port=addr ..." by the seed "x", or the code of the failure. */
static void sip(const struct entry *t, size_t n, struct dns_sip_question q, const char *want, const char *what)
{
	static const char *const transport[] = {"udp", "tcp", "tls"};
	struct buf b = {0};
	size_t order[DESTINATION_HOSTS_MAX];
	table = t;
	entries = n;
	memset(asked, 0, sizeof asked);
	got = NULL;
	dns_sip_find(NULL, &q, done, NULL);
	dns_wait(NULL);
	if (got->enhanced) {
		buf_puts(&b, got->enhanced);
	} else {
		destination_order(got, SLICE("x"), order);
		for (size_t i = 0; i < got->n; i++) {
			const struct destination_host *h = &got->host[order[i]];
			buf_printf(&b, "%s%s %s:%d=%s", i ? " " : "", transport[h->transport], h->name, h->port, h->address[0]);
		}
	}
	is_str(buf_str(&b), want, what);
	destination_free(got);
	buf_free(&b);
}

#define SIP(t, want, what, ...) \
	sip(t, sizeof(t) / sizeof *(t), (struct dns_sip_question){__VA_ARGS__}, want, what)
#define A_HOSTS {DNS_A, "a.x", "192.0.2.1"}, {DNS_A, "b.x", "192.0.2.2"}, {DNS_A, "c.x", "192.0.2.3"}, {DNS_A, D, "192.0.2.9"}

static void sip_servers(void)
{
	static const struct entry plain[] = {A_HOSTS};
	SIP(plain, "udp " D ":5060=192.0.2.9", "neither NAPTR nor SRV: UDP", D, 0, DNS_SIP_NONE, false);
	is_int(asked[DNS_NAPTR] + asked[DNS_SRV], 4, "after NAPTR and three SRV");
	SIP(plain, "tls " D ":5061=192.0.2.9", "sips: TLS", D, 0, DNS_SIP_NONE, true);
	SIP(plain, "udp " D ":5070=192.0.2.9", "explicit port: addresses only", D, 5070, DNS_SIP_NONE, false);
	is_int(asked[DNS_NAPTR] + asked[DNS_SRV], 0, "no other question");
	SIP(plain, "tcp " D ":5060=192.0.2.9", "transport=tcp", D, 0, DNS_SIP_TCP, false);
	is_int(asked[DNS_NAPTR], 0, "no NAPTR then");
	is_int(asked[DNS_SRV], 1, "one SRV");
	SIP(plain, "udp 192.0.2.77:5060=192.0.2.77", "numeric host", "192.0.2.77", 0, DNS_SIP_NONE, false);
	is_int(asked[DNS_NAPTR] + asked[DNS_SRV] + asked[DNS_A], 0, "no question at all");
	SIP(plain, "tls 2001:db8::7:5061=2001:db8::7", "IPv6", "2001:db8::7", 0, DNS_SIP_NONE, true);
	SIP(plain, "5.1.3", "sips over UDP", D, 0, DNS_SIP_UDP, true);
	SIP(plain, "5.1.2", "no such host", "gone.x", 0, DNS_SIP_NONE, false);
	static const struct entry naptr[] = {
		{DNS_NAPTR, D, "s SIP+D2U _sip._udp.n", DNS_OK, 20, 10},	{DNS_NAPTR, D, "s SIP+D2T _sip._tcp.n", DNS_OK, 10, 20},
		{DNS_NAPTR, D, "s SIPS+D2T _sips._tcp.n", DNS_OK, 10, 30}, {DNS_NAPTR, D, "s SIP+D2S _sip._sctp.n", DNS_OK, 1, 1},
		{DNS_SRV, "_sip._udp.n", "a.x", DNS_OK, 0, 1, 5062},	{DNS_SRV, "_sip._tcp.n", "b.x", DNS_OK, 20, 1, 5063},
		{DNS_SRV, "_sip._tcp.n", "c.x", DNS_OK, 10, 1, 5064},	{DNS_SRV, "_sips._tcp.n", "a.x", DNS_OK, 0, 1, 5065},
		A_HOSTS,
	};
	SIP(naptr, "tcp c.x:5064=192.0.2.3 tcp b.x:5063=192.0.2.2 tls a.x:5065=192.0.2.1 udp a.x:5062=192.0.2.1",
	    "NAPTR by order and preference, SRV by priority, a service that is not ours passed over", D, 0, DNS_SIP_NONE, false);
	SIP(naptr, "tls a.x:5065=192.0.2.1", "sips: its NAPTR alone", D, 0, DNS_SIP_NONE, true);
	static const struct entry srv[] = {
		{DNS_SRV, "_sip._udp." D, "a.x", DNS_OK, 0, 1, 5060}, {DNS_SRV, "_sip._tcp." D, "b.x", DNS_OK, 5, 1, 5060},
		{DNS_SRV, "_sip._tcp." D, ".", DNS_OK, 1, 1, 5060},	 A_HOSTS,
	};
	SIP(srv, "tcp b.x:5060=192.0.2.2 udp a.x:5060=192.0.2.1", "no NAPTR: SRV, TCP before UDP, a root passed over", D, 0, DNS_SIP_NONE, false);
	SIP(srv, "udp a.x:5060=192.0.2.1", "transport=udp: its SRV alone", D, 0, DNS_SIP_UDP, false);
	static const struct entry failing[] = {{DNS_SRV, "_sip._udp." D, NULL, DNS_FAILED}, A_HOSTS};
	SIP(failing, "4.4.3", "a failure at SRV does not lead to the bare host", D, 0, DNS_SIP_NONE, false);
	static const struct entry broken[] = {{DNS_A, D, NULL, DNS_FAILED}};
	SIP(broken, "4.4.3", "a failure at the address", D, 0, DNS_SIP_NONE, false);
}

static void sip_weights(void)
{
	static const struct entry srv[] = {{DNS_SRV, "_sip._tcp." D, "a.x", DNS_OK, 0, 30, 5060},
					   {DNS_SRV, "_sip._tcp." D, "b.x", DNS_OK, 0, 10, 5060}, A_HOSTS};
	size_t order[DESTINATION_HOSTS_MAX];
	int first = 0, differs = 0;
	table = srv;
	entries = sizeof srv / sizeof *srv;
	dns_sip_find(NULL, &(struct dns_sip_question){.host = D, .transport = DNS_SIP_TCP}, done, NULL);
	dns_wait(NULL);
	for (int i = 0; i < 2000; i++) {
		char id[32];
		size_t again[DESTINATION_HOSTS_MAX];
		snprintf(id, sizeof id, "record %d", i);
		destination_order(got, slice_of(id), order);
		destination_order(got, slice_of(id), again);
		first += strcmp(got->host[order[0]].name, "a.x") == 0;
		differs += order[0] != again[0];
	}
	ok(first > 1400 && first < 1600, "weights 30 and 10: %d of 2000 go to the first", first);
	is_int(differs, 0, "the same record goes the same way");
	destination_free(got);
}

int main(void)
{
	exchangers();
	loops();
	rules();
	chance();
	literals();
	sip_servers();
	sip_weights();
	return tap_done();
}
