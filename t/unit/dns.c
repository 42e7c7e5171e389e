/* Replies made by hand: what dns_message_parse() reads out of them, names, and the cache. */
#include "dns/cache.h"
#include "dns/message.h"
#include "tap.h"

#include <stdlib.h>

/* ---- a reply under construction ---- */

static struct buf pkt;

static void put16(unsigned v)
{
	buf_putc(&pkt, (char)(v >> 8));
	buf_putc(&pkt, (char)v);
}

static void put_name(const char *name)
{
	struct slice rest = slice_of(name);
	bool more = *name != '\0' && strcmp(name, ".") != 0;
	while (more) {
		struct slice label = slice_cut(&rest, '.', &more);
		buf_putc(&pkt, (char)label.n);
		buf_slice(&pkt, label);
	}
	buf_putc(&pkt, '\0');
}

static void put_string(struct slice s)
{
	buf_putc(&pkt, (char)s.n);
	buf_slice(&pkt, s);
}

static void reply(unsigned rcode, const char *question, unsigned type, unsigned answers, unsigned authority)
{
	buf_clear(&pkt);
	put16(4711), put16(0x8180 | rcode), put16(1), put16(answers), put16(authority), put16(0);
	put_name(question), put16(type), put16(1);
}

static size_t rr_begin(const char *owner, unsigned type, unsigned ttl)
{
	put_name(owner), put16(type), put16(1), put16(ttl >> 16), put16(ttl & 0xffff), put16(0);
	return pkt.n;
}

static void rr_end(size_t at)
{
	pkt.p[at - 2] = (char)((pkt.n - at) >> 8);
	pkt.p[at - 1] = (char)(pkt.n - at);
}

static void mx(const char *owner, unsigned ttl, unsigned preference, const char *host)
{
	size_t at = rr_begin(owner, 15, ttl);
	put16(preference), put_name(host);
	rr_end(at);
}

static void alias(const char *owner, unsigned ttl, const char *target)
{
	size_t at = rr_begin(owner, 5, ttl);
	put_name(target);
	rr_end(at);
}

static void naptr(const char *owner, unsigned order, unsigned preference, struct slice regexp, const char *replacement)
{
	size_t at = rr_begin(owner, 35, 300);
	put16(order), put16(preference);
	put_string(SLICE("u")), put_string(SLICE("E2U+email:mailto")), put_string(regexp), put_name(replacement);
	rr_end(at);
}

static struct dns_answer *parsed(enum dns_type type, const char *name)
{
	uint8_t *exact = malloc(pkt.n); /* so that a sanitizer sees an octet too many */
	memcpy(exact, pkt.p, pkt.n);
	struct dns_answer *a = dns_message_parse(exact, pkt.n, type, name);
	free(exact);
	return a;
}

static void want_status(enum dns_type type, const char *name, enum dns_status status, const char *what)
{
	struct dns_answer *a = parsed(type, name);
	is_int(a->status, status, what);
	dns_answer_drop(a);
}

/* ---- tests ---- */

static void mail_exchangers(void)
{
	reply(0, "example.org", 15, 3, 0);
	mx("Example.ORG", 600, 20, "b.example.org");
	mx("other.example", 5, 1, "stranger.example");
	mx("example.org", 300, 10, "a.example.org");
	struct dns_answer *a = parsed(DNS_MX, "example.org");
	ok(a->status == DNS_OK && a->n == 2, "two of three MX have the owner asked for");
	is_str(a->rr[0].name, "a.example.org", "sorted by preference");
	is_int(a->ttl, 300, "the shortest TTL counts");
	dns_answer_drop(a);

	reply(0, "example.org", 15, 1, 0);
	mx("example.org", 300, 0, ".");
	a = parsed(DNS_MX, "example.org");
	is_str(a->rr[0].name, ".", "null MX");
	dns_answer_drop(a);
}

static void aliases(void)
{
	reply(0, "www.example.org", 15, 3, 0);
	alias("www.example.org", 60, "x.example.org");
	alias("x.example.org", 30, "y.example.org");
	mx("y.example.org", 600, 10, "mx.example.org");
	struct dns_answer *a = parsed(DNS_MX, "www.example.org");
	ok(a->status == DNS_OK && a->ttl == 30, "aliases are followed, their TTL counts");
	dns_answer_drop(a);

	reply(0, "a.example", 15, 2, 0);
	alias("a.example", 60, "b.example"), alias("b.example", 60, "a.example");
	want_status(DNS_MX, "a.example", DNS_FAILED, "an alias loop is garbage");
	reply(0, "a.example", 1, 1, 0);
	alias("a.example", 60, "b.example");
	want_status(DNS_A, "a.example", DNS_NODATA, "an alias to nothing is no data");
}

static void negative(void)
{
	reply(3, "no.example", 15, 0, 1);
	size_t at = rr_begin("example", 6, 500);
	put_name("ns.example"), put_name("host.example");
	for (int i = 0; i < 5; i++)
		put16(0), put16(100 + (unsigned)i);
	rr_end(at);
	struct dns_answer *a = parsed(DNS_MX, "no.example");
	ok(a->status == DNS_NXDOMAIN && a->ttl == 104, "NXDOMAIN lives as long as the SOA says");
	dns_answer_drop(a);
	reply(0, "no.example", 15, 0, 0);
	want_status(DNS_MX, "no.example", DNS_NODATA, "no records");
	reply(2, "no.example", 15, 0, 0);
	want_status(DNS_MX, "no.example", DNS_FAILED, "SERVFAIL");
}

static void rules(void)
{
	reply(0, "1.e164.arpa", 35, 3, 0);
	naptr("1.e164.arpa", 100, 20, SLICE("!^.*$!mailto:b@example.org!"), ".");
	naptr("1.e164.arpa", 100, 10, SLICE("!^.*$!mailto:a\0@example.org!"), ".");
	naptr("1.e164.arpa", 50, 90, SLICE(""), "next.example");
	struct dns_answer *a = parsed(DNS_NAPTR, "1.e164.arpa");
	is_int((long long)a->n, 2, "a rule with a NUL is left out");
	is_str(a->rr[0].name, "next.example", "order comes before preference");
	is_str(a->rr[1].regexp, "!^.*$!mailto:b@example.org!", "regexp");
	is_str(a->rr[1].service, "E2U+email:mailto", "service");
	dns_answer_drop(a);
}

/* Every cut of a good reply, and every octet of it turned over, is read without harm. */
static void damage(void)
{
	reply(0, "1.e164.arpa", 35, 2, 0);
	naptr("1.e164.arpa", 100, 20, SLICE("!^.*$!mailto:b@example.org!"), ".");
	naptr("1.e164.arpa", 100, 10, SLICE("!^.*$!mailto:a@example.org!"), "x.example");
	size_t whole = pkt.n;
	int good = 0;
	for (pkt.n = 0; pkt.n < whole; pkt.n++) {
		struct dns_answer *a = parsed(DNS_NAPTR, "1.e164.arpa");
		good += a->status != DNS_FAILED;
		dns_answer_drop(a);
	}
	is_int(good, 0, "no cut reply is taken");
	for (size_t i = 0; i < whole; i++) {
		char was = pkt.p[i];
		for (int bit = 0; bit < 8; bit++) {
			pkt.p[i] = (char)(was ^ 1 << bit);
			dns_answer_drop(parsed(DNS_NAPTR, "1.e164.arpa"));
		}
		pkt.p[i] = was;
	}
	want_status(DNS_NAPTR, "1.e164.arpa", DNS_OK, "the undamaged reply is taken");

	reply(0, "a.example", 1, 1, 0);
	size_t at = rr_begin("a.example", 1, 60);
	put16(0x7f00), put16(1), put16(1);
	rr_end(at);
	want_status(DNS_A, "a.example", DNS_FAILED, "an address of six octets");
}

static void names(void)
{
	struct buf b = {0};
	ok(dns_name_ascii(&b, SLICE("B\xc3\xbc" "cher.Example.")), "IDN");
	is_str(buf_str(&b), "xn--bcher-kva.example", "A-label");
	buf_clear(&b);
	ok(dns_name_ascii(&b, SLICE("fa\xc3\x9f.de")), "sharp s");
	is_str(buf_str(&b), "xn--fa-hia.de", "non-transitional");
	buf_clear(&b);
	ok(dns_name_ascii(&b, SLICE("My_Host.Example")) && slice_eq(slice_buf(&b), "my_host.example"), "lower case, underscore");
	ok(!dns_name_ascii(&b, SLICE("")) && !dns_name_ascii(&b, SLICE(".")) && !dns_name_ascii(&b, SLICE("a..b")), "empty labels");
	ok(!dns_name_ascii(&b, SLICE("a b.example")) && !dns_name_ascii(&b, SLICE("a\0b")), "blank and NUL");
	ok(!dns_name_ascii(&b, SLICE("\xff.example")), "not UTF-8");
	char label[70];
	memset(label, 'a', sizeof label);
	label[64] = '\0';
	ok(!dns_name_valid(label), "label of 64");
	ok(dns_name_valid(label + 1), "label of 63");
	ok(dns_name_same("A.example.", "a.EXAMPLE") && !dns_name_same("a", "a.b") && dns_name_same(".", "."), "same name");
	buf_free(&b);
}

static void cache(void)
{
	struct dns_cache *c = calloc(1, sizeof *c);
	struct dns_answer *a = dns_answer_new(DNS_NODATA, 5), *failed = dns_answer_new(DNS_FAILED, 0);
	struct dns_answer *none = dns_answer_new(DNS_OK, 0);
	dns_cache_put(c, DNS_MX, "a.example", a, 1000000);
	ok(dns_cache_get(c, DNS_MX, "a.example", 5999999) == a, "kept");
	ok(!dns_cache_get(c, DNS_A, "a.example", 1000000), "another type");
	ok(!dns_cache_get(c, DNS_MX, "a.example", 6000000), "gone after its TTL");
	dns_cache_put(c, DNS_MX, "b.example", none, 0);
	ok(!dns_cache_get(c, DNS_MX, "b.example", 0), "TTL 0 is not kept");
	dns_cache_put(c, DNS_MX, "c.example", failed, 0);
	ok(dns_cache_get(c, DNS_MX, "c.example", DNS_FAILURE_TTL * 1000000 - 1) == failed &&
		   !dns_cache_get(c, DNS_MX, "c.example", DNS_FAILURE_TTL * 1000000),
	   "a failure is kept for a moment");
	for (int i = 0; i < 10 * DNS_CACHE_SETS; i++) {
		char name[32];
		snprintf(name, sizeof name, "n%d.example", i);
		dns_cache_put(c, DNS_MX, name, a, i);
	}
	is_int(a->refs <= 1 + DNS_CACHE_SETS * DNS_CACHE_WAYS && a->refs > DNS_CACHE_SETS, true, "bounded");
	dns_cache_clear(c);
	is_int(a->refs, 1, "cleared");
	dns_answer_drop(a), dns_answer_drop(failed), dns_answer_drop(none);
	free(c);
}

int main(void)
{
	mail_exchangers();
	aliases();
	negative();
	rules();
	damage();
	names();
	cache();
	buf_free(&pkt);
	return tap_done();
}
