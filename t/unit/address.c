/* Address mapping, a table for each table of the protocol sheet (2.1 to 2.4). */
#include "map/address.h"

#include "conf/conf.h"
#include "mail/address.h"
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

static struct map_names *names;

static struct token_keys test_keys(void)
{
	struct token_keys keys = {0};
	char octets[32];
	for (int i = 0; i < 32; i++)
		octets[i] = (char)i;
	token_keys_add(&keys, octets, sizeof octets);
	return keys;
}

static const char *const sip_domains[] = {"IMS.example.net", "127.0.0.1", "2001:DB8:0::7", NULL};
static const char *const dotless[] = {"localhost", NULL};
static const struct map_pair addr_map[] = {
	{"sip:Boss@ims.example.net", "chief@rcs.example.net"},
	{"tel:+1-212-555-0199", "desk@example.com"},
	{"sip:paul@corp.example.com;transport=tcp", "Paul.Smith@company.example"},
	{NULL, NULL},
};
static const struct map_pair domain_map[] = {
	{"ims.example.net", "rcs.example.net"},
	{"second.example.net", "rcs.example.net"},
	{"corp.example.com", "mail.corp.example.com"},
	{NULL, NULL},
};

static struct map_names *make(void (*change)(struct map_settings *))
{
	char why[128] = "";
	static struct token_keys keys;
	keys = test_keys();
	struct map_settings s = {
		.gateway = "mailgw.ims.example.net",
		.mail_domain = "rcs.example.net",
		.sip_domains = sip_domains,
		.dotless_domains = dotless,
		.addr_map = addr_map,
		.domain_map = domain_map,
		.keys = &keys,
		.accept_foreign_domain = true,
		.sips_needs_tls = true,
	};
	if (change)
		change(&s);
	struct map_names *n = map_names_make(&s, why);
	if (!n)
		printf("# %s\n", why);
	return n;
}

static void to_mail(const struct map_names *n, const char *uri, const char *want)
{
	struct buf b = {0};
	char name[200];
	buf_puts(&b, "<"); /* results are appended; nothing is left behind where there is none */
	bool good = map_to_mail(n, uri, &b);
	snprintf(name, sizeof name, "2.1 %.150s", uri);
	is_str(b.n ? b.p + 1 : NULL, want ? want : "", name);
	ok(good == (want != NULL), "2.1 %.150s: verdict", uri);
	buf_free(&b);
}

#define A58 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *uri, *mail;
} table_2_1[] = {
	/* the rows of the sheet */
	{"sip:alice@ims.example.net", "alice@rcs.example.net"},
	{"sip:alice@other.example.com", "alice=40other.example.com@rcs.example.net"},
	{"tel:+1-415-555-0101", "+14155550101@rcs.example.net"},
	{"sip:+14155550101@ims.example.net;user=phone", "+14155550101@rcs.example.net"},
	{"sip:+14155550101@ims.example.net", "+14155550101@rcs.example.net"},
	{"tel:7042;phone-context=corp.example.com", "7042=3Bphone-context=3Dcorp.example.com@rcs.example.net"},
	{"sip:Al%20ice@ims.example.net", "=41l=20ice@rcs.example.net"},
	{"mailto:joe@x.example", "joe@x.example"},
	{"im:joe@x.example", "joe@x.example"},
	/* normalisation */
	{"\"Alice <a>\" <sip:alice@IMS.Example.NET:5060;gr=urn:x;ob?Subject=x>", "alice@rcs.example.net"},
	{"Alice <sips:alice@ims.example.net:5061>;tag=1", "alice@rcs.example.net"},
	{"sip:alice:secret@ims.example.net", "alice@rcs.example.net"},
	{"SIP:%61lice@ims.example.net", "alice@rcs.example.net"},
	{"sip:alice@ims.example.net:5070", "alice=40ims.example.net=3A5070@rcs.example.net"},
	{"sip:bob@[2001:DB8:0:0::1]", "bob=40=5B2001=3Adb8=3A=3A1=5D@rcs.example.net"},
	{"sip:bob@192.0.2.9", "bob=40192.0.2.9@rcs.example.net"},
	{"tel:+1(415)555.0101;ext=4", "+14155550101@rcs.example.net"},
	{"tel:7042;phone-context=+1-914", "7042=3Bphone-context=3D+1914@rcs.example.net"},
	{"sip:+1-415-555-0101@elsewhere.example;user=phone", "+14155550101@rcs.example.net"},
	{"sip:7042;phone-context=corp.example.com@pbx.example;user=phone",
	 "7042=3Bphone-context=3Dcorp.example.com@rcs.example.net"},
	{"mailto:Joe@X.Example?subject=a", "Joe@x.example"},
	/* rule 1 */
	{"sip:Boss@ims.example.net;user=x", "chief@rcs.example.net"},
	{"tel:+12125550199", "desk@example.com"},
	{"sip:+12125550199@ims.example.net;user=phone", "desk@example.com"},
	/* rule 2 and what it must leave to rule 3 */
	{"sip:eve@corp.example.com", "eve@mail.corp.example.com"},
	{"sip:eve@second.example.net", "eve=40second.example.net@rcs.example.net"},
	{"sip:4155@ims.example.net", "4155=40ims.example.net@rcs.example.net"},
	{"sip:a%40b@ims.example.net", "a=40b=40ims.example.net@rcs.example.net"},
	{"sip:1;phone-context=x@ims.example.net", "1=3Bphone-context=3Dx=40ims.example.net@rcs.example.net"},
	{"sip:postmaster@ims.example.net", "postmaster=40ims.example.net@rcs.example.net"},
	{"sip:Abuse@ims.example.net", "=41buse=40ims.example.net@rcs.example.net"},
	{"sip:mailer-daemon@ims.example.net", "mailer-daemon=40ims.example.net@rcs.example.net"},
	{"sip:a-abcdefghijklmnopqrstuvwxyz@ims.example.net",
	 "a-abcdefghijklmnopqrstuvwxyz=40ims.example.net@rcs.example.net"},
	{"sip:a-short@ims.example.net", "a-short@rcs.example.net"},
	/* enc() */
	{"sip:.a..b.@ims.example.net", "=2Ea.=2Eb=2E@rcs.example.net"},
	{"sip:j%C3%B6rg@ims.example.net", "j=C3=B6rg@rcs.example.net"},
	{"sip:a=b/c@ims.example.net", "a=3Db=2Fc@rcs.example.net"},
	{"sip:a--b@ims.example.net", "a--b@rcs.example.net"},
	{"sip:" A58 "@ims.example.net", A58 "@rcs.example.net"},
	/* no mapping */
	{"sip:ims.example.net", NULL},
	{"sip:al%00ice@ims.example.net", NULL},
	{"sip:al%0d%0aice@ims.example.net", NULL},
	{"sip:al%zzice@ims.example.net", NULL},
	{"sip:al ice@ims.example.net", NULL},
	{"sip:a@b@ims.example.net", NULL},
	{"sip:@ims.example.net", NULL},
	{"sip:alice@", NULL},
	{"sip:alice@-bad.example", NULL},
	{"sip:alice@ims.example.net:0", NULL},
	{"sip:alice@[::1", NULL},
	{"tel:7042", NULL},
	{"tel:+", NULL},
	{"tel:+1234567890123456", NULL},
	{"tel:12a;phone-context=^", NULL},
	{"mailto:a@x.example,b@x.example", NULL},
	{"mailto:", NULL},
	{"mailto:a%0d%0aRCPT%20TO:<x>@x.example", NULL},
	{"http://x.example/", NULL},
	{"alice", NULL},
	{"", NULL},
};

static const struct {
	const char *uri;
	enum map_verdict verdict;
	const char *address;
} table_2_4[] = {
	/* the rows of the sheet */
	{"mailto:bob@example.org", MAP_OK, "bob@example.org"},
	{"sip:bob%40example.org@mailgw.ims.example.net", MAP_OK, "bob@example.org"},
	{"sip:bob%40example.org@mailgw.ims.example.net:5060;transport=tcp;lr", MAP_OK, "bob@example.org"},
	{"sip:bob=40example.org@mailgw.ims.example.net", MAP_OK, "bob@example.org"},
	{"sip:bob@example.org", MAP_OK, "bob@example.org"},
	{"sips:bob%40example.org@mailgw.ims.example.net", MAP_OK, "bob@example.org"},
	{"sips:bob=40example.org@mailgw.ims.example.net", MAP_OK, "bob@example.org"},
	{"sips:bob@example.org", MAP_OK, "bob@example.org"},
	{"im:bob@example.org", MAP_OK, "bob@example.org"},
	{"tel:+441234567890", MAP_ENUM, "+441234567890"},
	{"sip:+44-1234-567890@ims.example.net;user=phone", MAP_ENUM, "+441234567890"},
	{"tel:+12125550199", MAP_OK, "desk@example.com"},
	/* 1 */
	{"mailto:bob@example.org?bcc=eve@evil.example&subject=%0d%0a", MAP_OK, "bob@example.org"},
	{"mailto:bob%2Btag@Example.ORG", MAP_OK, "bob+tag@example.org"},
	{"MAILTO:bob@example.org", MAP_OK, "bob@example.org"},
	{"mailto:bob@example.org,eve@example.org", MAP_BAD, ""},
	{"mailto:bob@example.org%2Ceve@example.org", MAP_NONE, ""},
	{"mailto:", MAP_BAD, ""},
	{"mailto:bob%4", MAP_BAD, ""},
	{"mailto:bob", MAP_NONE, ""},
	{"mailto:bob%0d%0a@example.org", MAP_NONE, ""},
	{"mailto:%40relay:bob@example.org", MAP_NONE, ""},
	{"mailto:bob@[192.0.2.1]", MAP_NONE, ""},
	{"mailto:bob@192.0.2.1", MAP_NONE, ""},
	{"mailto:bob@intranet", MAP_NONE, ""},
	{"mailto:bob@localhost", MAP_OK, "bob@localhost"},
	{"mailto:%22a%40b%22@example.org", MAP_OK, "\"a@b\"@example.org"},
	{"mailto:%22a%01b%22@example.org", MAP_NONE, ""},
	{"mailto:j%C3%B6rg@example.org", MAP_OK, "j\xc3\xb6rg@example.org"},
	{"mailto:j%F6rg@example.org", MAP_NONE, ""},
	{"mailto:a.@example.org", MAP_NONE, ""},
	{"mailto:" A58 "aaaaaa@example.org", MAP_OK, A58 "aaaaaa@example.org"},
	{"mailto:" A58 "aaaaaaa@example.org", MAP_NONE, ""},
	/* 2, 3 */
	{"sip:bob%40a%40example.org@mailgw.ims.example.net", MAP_NONE, ""},
	{"sip:%22a%40b%22%40example.org@mailgw.ims.example.net", MAP_OK, "\"a@b\"@example.org"},
	{"sip:bob%40example.org@ims.example.net", MAP_OK, "bob@example.org"},
	{"sip:bob%40example.org@127.0.0.1:5060", MAP_OK, "bob@example.org"},
	{"sip:bob%40example.org@[2001:db8::7]", MAP_OK, "bob@example.org"},
	{"sip:bob=40Example.org@mailgw.ims.example.net", MAP_OK, "bob@example.org"},
	{"sip:bob=3d1=40example.org@mailgw.ims.example.net", MAP_OK, "bob=1@example.org"},
	{"sip:bob=4@mailgw.ims.example.net", MAP_NONE, ""},
	{"sip:bob=0A=40example.org@mailgw.ims.example.net", MAP_NONE, ""},
	{"sip:bob@mailgw.ims.example.net", MAP_NONE, ""},
	{"sip:mailgw.ims.example.net", MAP_NONE, ""},
	{"sip:bob%40x%00.org@mailgw.ims.example.net", MAP_NONE, ""},
	{"sip:bob%40x.org%0D%0AData:@mailgw.ims.example.net", MAP_NONE, ""},
	{"sip:bob@example.org@mailgw.ims.example.net", MAP_BAD, ""},
	{"sip:bob%@mailgw.ims.example.net", MAP_BAD, ""},
	{"sip:bob%40example.org@mailgw.ims.example.net:99999", MAP_BAD, ""},
	/* 4 */
	{"sip:bob@example.org:5080;transport=udp", MAP_OK, "bob@example.org"},
	{"sip:carol@ims.example.net", MAP_NONE, ""},
	{"sip:carol@corp.example.com", MAP_NONE, ""},
	{"sip:bob@[2001:db8::1]", MAP_NONE, ""},
	{"sip:bob@192.0.2.1", MAP_NONE, ""},
	{"sip:paul@corp.example.com", MAP_OK, "Paul.Smith@company.example"},
	{"sip:Boss@ims.example.net", MAP_NONE, ""},
	/* 7 */
	{"sip:+14155550101@mailgw.ims.example.net", MAP_ENUM, "+14155550101"},
	{"sip:+14155550101@example.org", MAP_OK, "+14155550101@example.org"},
	{"tel:7042;phone-context=corp.example.com", MAP_NONE, ""},
	{"tel:7042", MAP_NONE, ""},
	{"tel:", MAP_BAD, ""},
	{"tel:+1415x", MAP_BAD, ""},
	/* schemes */
	{"http://example.org/", MAP_SCHEME, ""},
	{"urn:x:y", MAP_SCHEME, ""},
	{"bob@example.org", MAP_BAD, ""},
	{"", MAP_BAD, ""},
	{":x", MAP_BAD, ""},
};

static void request_uris(void)
{
	for (size_t i = 0; i < sizeof table_2_4 / sizeof *table_2_4; i++) {
		struct buf b = {0};
		enum map_verdict v = map_from_request_uri(names, table_2_4[i].uri, &b);
		bool same = v == table_2_4[i].verdict && strcmp(buf_str(&b), table_2_4[i].address) == 0;
		if (!ok(same, "2.4 %s", table_2_4[i].uri))
			printf("# got %d %s\n", (int)v, buf_str(&b));
		buf_free(&b);
	}
}

static enum map_alias find_alias(void *ctx, const char *local, struct buf *uri)
{
	(void)ctx;
	if (strcmp(local, "g-zzzzzzzzzzzzzzzzzzzzzzzzzz") == 0)
		return MAP_ALIAS_TROUBLE;
	if (strcmp(local, "g-irlzyowxmah6qf7flzyuh4ppyb") != 0)
		return MAP_ALIAS_NONE;
	buf_puts(uri, "sip:conf-77@focus.ims.example.net");
	return MAP_ALIAS_FOUND;
}

static const struct {
	const char *rcpt;
	enum map_rcpt verdict;
	const char *uri;
} table_2_2[] = {
	{"chief@rcs.example.net", MAP_RCPT_OK, "sip:Boss@ims.example.net"},
	{"CHIEF@RCS.example.net", MAP_RCPT_OK, "sip:Boss@ims.example.net"},
	{"Paul.Smith@Company.example", MAP_RCPT_OK, "sip:paul@corp.example.com"},
	{"g-irlzyowxmah6qf7flzyuh4ppyb@rcs.example.net", MAP_RCPT_OK, "sip:conf-77@focus.ims.example.net"},
	{"g-aaaaaaaaaaaaaaaaaaaaaaaaaa@rcs.example.net", MAP_RCPT_GONE, ""},
	{"g-zzzzzzzzzzzzzzzzzzzzzzzzzz@rcs.example.net", MAP_RCPT_LATER, ""},
	{"a-aaaaaaaaaaaaaaaaaaaaaaaaaa@rcs.example.net", MAP_RCPT_GONE, ""},
	{"x-aaaaaaaaaaaaaaaaaaaaaaaaaa@rcs.example.net", MAP_RCPT_UNKNOWN, ""},
	{"+14155550101@rcs.example.net", MAP_RCPT_OK, "tel:+14155550101"},
	{"0014155550101@rcs.example.net", MAP_RCPT_OK, "tel:+14155550101"},
	{"04155550101@rcs.example.net", MAP_RCPT_SYNTAX, ""},
	{"+14155550101/TYPE=PLMN@rcs.example.net", MAP_RCPT_OK, "tel:+14155550101"},
	{"alice=40other.example.com@rcs.example.net", MAP_RCPT_OK, "sip:alice@other.example.com"},
	{"ALICE=40other.example.com@rcs.example.net", MAP_RCPT_OK, "sip:alice@other.example.com"},
	{"a=40b=40ims.example.net@rcs.example.net", MAP_RCPT_OK, "sip:a%40b@ims.example.net"},
	{"7042=3Bphone-context=3Dcorp.example.com@rcs.example.net", MAP_RCPT_OK,
	 "tel:7042;phone-context=corp.example.com"},
	{"alice@rcs.example.net", MAP_RCPT_OK, "sip:alice@ims.example.net"},
	{"=41l=20ice@rcs.example.net", MAP_RCPT_OK, "sip:Al%20ice@ims.example.net"},
	{"\"alice\"@rcs.example.net", MAP_RCPT_OK, "sip:alice@ims.example.net"},
	{"eve@mail.corp.example.com", MAP_RCPT_OK, "sip:eve@corp.example.com"},
	{"al=4@rcs.example.net", MAP_RCPT_SYNTAX, ""},
	{"al=0D=0Aice@rcs.example.net", MAP_RCPT_SYNTAX, ""},
	{"al=00ice=40ims.example.net@rcs.example.net", MAP_RCPT_SYNTAX, ""},
	{"alice=40-x@rcs.example.net", MAP_RCPT_SYNTAX, ""},
	{"alice=40h=3Fsubject=3Dx@rcs.example.net", MAP_RCPT_SYNTAX, ""},
	{"alice=40h=3Blr@rcs.example.net", MAP_RCPT_SYNTAX, ""},
	{"postmaster@rcs.example.net", MAP_RCPT_ROLE, ""},
	{"MAILER-DAEMON@rcs.example.net", MAP_RCPT_ROLE, ""},
	{"bob@example.org", MAP_RCPT_FOREIGN, ""},
	{"@a:b@rcs.example.net", MAP_RCPT_SYNTAX, ""},
	{"b b@rcs.example.net", MAP_RCPT_SYNTAX, ""},
};

static void rcpts(void)
{
	static const struct map_aliases aliases = {find_alias, NULL};
	for (size_t i = 0; i < sizeof table_2_2 / sizeof *table_2_2; i++) {
		struct buf b = {0};
		enum map_rcpt v = map_to_cpm(names, table_2_2[i].rcpt, &aliases, &b);
		bool same = v == table_2_2[i].verdict && strcmp(buf_str(&b), table_2_2[i].uri) == 0;
		if (!ok(same, "2.2 %s", table_2_2[i].rcpt))
			printf("# got %s %s\n", map_rcpt_code(v), buf_str(&b));
		buf_free(&b);
	}
	is_str(map_rcpt_code(MAP_RCPT_UNKNOWN), "5.1.1", "unknown user");
	is_str(map_rcpt_code(MAP_RCPT_SYNTAX), "5.1.3", "bad escape");
	is_str(map_rcpt_code(MAP_RCPT_GONE), "5.1.6", "alias gone");
	is_str(map_rcpt_code(MAP_RCPT_FOREIGN), "5.7.1", "no relay");
}

/* 2.1 there and 2.2 back gives the normalised URI again, whatever the user's octets. */
static void round_trips(void)
{
	static const char *const hosts[] = {"ims.example.net", "second.example.net", "o.example.com",
					    "[2001:db8::1]:5070"};
	static const char odd[] = "aZ09._-+=/@;:%\"\\ \t\x7f\xc3\xb6\xff,&$?!*'()<>";
	unsigned seed = 7;
	int bad = 0;
	for (int i = 0; i < 20000; i++) {
		struct buf uri = {0}, normal = {0}, mail = {0}, back = {0};
		char user[12];
		size_t n = 1 + (seed >> 8) % 10;
		for (size_t k = 0; k < n; k++) {
			seed = seed * 1103515245u + 12345;
			user[k] = odd[(seed >> 16) % (sizeof odd - 1)];
		}
		buf_puts(&uri, "sip:");
		map_pct(&uri, (struct slice){user, n});
		buf_printf(&uri, "@%s", hosts[i % 4]);
		bool good = map_normalise_uri(names, uri.p, &normal) && map_to_mail(names, uri.p, &mail) &&
			    map_to_cpm(names, mail.p, NULL, &back) == MAP_RCPT_OK && strcmp(normal.p, back.p) == 0;
		if (!good && !bad++)
			printf("# %s -> %s -> %s\n", buf_str(&uri), buf_str(&mail), buf_str(&back));
		buf_free(&uri);
		buf_free(&normal);
		buf_free(&mail);
		buf_free(&back);
	}
	is_int(bad, 0, "20000 random users find the way back");
}

static void identity(const char *address, const char *want)
{
	struct buf b = {0}, back = {0};
	is_str(map_sip_identity(names, address, &b) ? b.p : NULL, want, "2.3");
	if (want) {
		ok(map_from_request_uri(names, want, &back) == MAP_OK, "2.3 comes back");
		struct mail_address a;
		struct buf normal = {0};
		if (mail_address_parse(slice_of(address), &a))
			mail_address_put(&normal, &a);
		is_str(buf_str(&back), buf_str(&normal), "2.3 comes back as the same address");
		buf_free(&normal);
	}
	buf_free(&b);
	buf_free(&back);
}

static void identities(void)
{
	identity("bob@example.org", "sip:bob%40example.org@mailgw.ims.example.net");
	identity("Bob.O'Neil+x@Example.ORG", "sip:Bob.O'Neil+x%40example.org@mailgw.ims.example.net");
	identity("a/b%c@example.org", "sip:a%2Fb%25c%40example.org@mailgw.ims.example.net");
	identity("j\xc3\xb6rg@example.org", "sip:j%C3%B6rg%40example.org@mailgw.ims.example.net");
	identity("\"a b\"@example.org", "sip:%22a%20b%22%40example.org@mailgw.ims.example.net");
	identity("bob", NULL);
	identity("bob@example.org\r\nX: y", NULL);
}

static void set_strict(struct map_settings *s)
{
	s->accept_foreign_domain = false;
	s->addr_map_only = true;
	s->prefer_tel = true;
	s->default_cc = "44";
	s->sips_needs_tls = false;
	s->address_literals = true;
}

static void set_phone(struct map_settings *s)
{
	s->uri_form = MAP_FORM_SIP_PHONE;
	s->default_cc = "44";
	s->subaddress = true;
}

static void from_uri(const struct map_names *n, const char *uri, enum map_verdict want, const char *address)
{
	struct buf b = {0};
	is_int(map_from_request_uri(n, uri, &b), want, uri);
	is_str(buf_str(&b), address, uri);
	buf_free(&b);
}

static void to_cpm(const struct map_names *n, const char *rcpt, enum map_rcpt want, const char *uri)
{
	struct buf b = {0};
	is_int(map_to_cpm(n, rcpt, NULL, &b), want, rcpt);
	is_str(buf_str(&b), uri, rcpt);
	buf_free(&b);
}

static void knobs(void)
{
	static const char *const pai[] = {"<sip:alice@ims.example.net>", "<tel:+14155550100>"};
	struct map_names *strict = make(set_strict), *phone = make(set_phone);
	from_uri(strict, "sip:bob@example.org", MAP_NONE, "");
	from_uri(strict, "mailto:bob@[192.0.2.1]", MAP_OK, "bob@[192.0.2.1]");
	from_uri(strict, "tel:02079460000", MAP_ENUM, "+442079460000");
	to_mail(strict, "sip:alice@ims.example.net", NULL);
	to_mail(strict, "sip:Boss@ims.example.net", "chief@rcs.example.net");
	to_cpm(strict, "alice@rcs.example.net", MAP_RCPT_UNKNOWN, "");
	to_cpm(strict, "chief@rcs.example.net", MAP_RCPT_OK, "sip:Boss@ims.example.net");
	to_cpm(strict, "+14155550101@rcs.example.net", MAP_RCPT_UNKNOWN, "");
	struct buf b = {0};
	static const struct map_aliases aliases = {find_alias, NULL};
	ok(map_to_cpm(strict, "g-irlzyowxmah6qf7flzyuh4ppyb@rcs.example.net", &aliases, &b) == MAP_RCPT_OK,
	   "addr_map_only leaves group addresses alone");
	buf_free(&b);
	ok(map_choose(names, pai, 2) == pai[0] && map_choose(strict, pai, 2) == pai[1], "prefer_tel");
	ok(map_choose(strict, pai, 1) == pai[0] && !map_choose(strict, pai, 0), "one identity, none");
	ok(map_needs_tls(names, "sips:bob@example.org") && !map_needs_tls(strict, "sips:bob@example.org") &&
		   !map_needs_tls(names, "sip:bob@example.org"),
	   "sips_needs_tls");
	to_cpm(phone, "02079460000@rcs.example.net", MAP_RCPT_OK, "sip:+442079460000@ims.example.net;user=phone");
	to_cpm(phone, "02079460000@mail.corp.example.com", MAP_RCPT_OK,
	       "sip:+442079460000@corp.example.com;user=phone");
	to_cpm(phone, "2079460000@rcs.example.net", MAP_RCPT_OK, "sip:+442079460000@ims.example.net;user=phone");
	to_cpm(phone, "123456789012345@rcs.example.net", MAP_RCPT_SYNTAX, "");
	to_cpm(phone, "alice--s7f3k2@rcs.example.net", MAP_RCPT_OK, "sip:alice@ims.example.net");
	to_cpm(phone, "a-=2Db--s7f3k2@rcs.example.net", MAP_RCPT_OK, "sip:a--b@ims.example.net");
	to_mail(phone, "sip:a--b@ims.example.net", "a-=2Db@rcs.example.net");
	to_mail(phone, "tel:020-7946", "+44207946@rcs.example.net");
	map_names_free(strict);
	map_names_free(phone);
}

static void wrong_tables(void)
{
	static const struct map_pair bad_uri[] = {{"sip:a@@b", "a@b.example"}, {NULL, NULL}};
	static const struct map_pair twice[] = {
		{"sip:a@b.example", "a@c.example"}, {"sips:a@B.example:5061", "d@c.example"}, {NULL, NULL}};
	struct token_keys keys = test_keys();
	char why[128] = "";
	struct map_settings s = {.gateway = "gw.example", .keys = &keys, .addr_map = bad_uri};
	ok(!map_names_make(&s, why), "a wrong URI in addr_map is refused");
	is_str(why, "addr_map: \"sip:a@@b\" is wrong", "with the reason");
	static const char *const no_host[] = {"a:5060", NULL};
	s.addr_map = NULL;
	s.sip_domains = no_host;
	ok(!map_names_make(&s, why), "a port in sip_domains is refused");
	s.sip_domains = NULL;
	s.addr_map = twice;
	ok(!map_names_make(&s, why), "two rows for one user are refused");
	s.addr_map = NULL;
	s.keys = NULL;
	ok(!map_names_make(&s, why), "no key is refused");
}

/* The same tables through a configuration file. */
static void configured(void)
{
	char file[] = "/tmp/cpmail-address-XXXXXX";
	FILE *f = fdopen(mkstemp(file), "w");
	fputs("gateway = \"gw.example.net\"; mail_domain = \"rcs.example.net\"; sip_domains = [\"ims.example.net\"];\n"
	      "domain_map = ((\"ims.example.net\", \"rcs.example.net\"));\n"
	      "addr_map = ((\"tel:+1-212-555-0199\", \"desk@example.com\"));\n"
	      "default_cc = \"44\"; uri_form = \"sip-phone\"; dotless_domains = [\"localhost\"];\n",
	      f);
	fclose(f);
	struct conf *c = conf_read(file);
	unlink(file);
	if (!ok(c != NULL, "configuration read"))
		return;
	struct map_names *n = map_names_new(c);
	conf_free(c);
	from_uri(n, "sip:bob%40localhost@gw.example.net", MAP_OK, "bob@localhost");
	from_uri(n, "tel:+12125550199", MAP_OK, "desk@example.com");
	to_mail(n, "sip:alice@ims.example.net", "alice@rcs.example.net");
	to_cpm(n, "02079460000@rcs.example.net", MAP_RCPT_OK, "sip:+442079460000@ims.example.net;user=phone");
	is_str(map_gateway(n), "gw.example.net", "gateway");
	is_str(map_mail_domain(n), "rcs.example.net", "mail_domain");
	ok(map_keys(n)->n == 1, "a key is always there");
	map_names_free(n);
}

static void listed(const char *uri, const char *want)
{
	struct buf b = {0};
	is_str(map_listed(names, uri, &b) ? b.p : NULL, want, uri);
	buf_free(&b);
}

int main(void)
{
	struct buf b = {0};
	names = make(NULL);
	for (size_t i = 0; i < sizeof table_2_1 / sizeof *table_2_1; i++)
		to_mail(names, table_2_1[i].uri, table_2_1[i].mail);
	request_uris();
	rcpts();
	round_trips();
	identities();
	knobs();
	wrong_tables();
	configured();
	listed("sip:bob%40example.org@mailgw.ims.example.net", "bob@example.org");
	listed("tel:+14155550101", "+14155550101@rcs.example.net");
	listed("sip:dave@ims.example.net", "dave@rcs.example.net");
	to_mail(names, "sip:" A58 "bbbbbbb@ims.example.net", "x-gww24pemfrbrqzpg7c4wksr5vq@rcs.example.net");
	ok(map_is_anonymous("\"Anonymous\" <sip:anonymous@Anonymous.invalid>;tag=1"), "anonymous.invalid");
	ok(!map_is_anonymous("sip:anonymous@example.org"), "another host");
	ok(map_normalise_uri(names, "\"A\" <sips:%41lice:pw@IMS.example.net:5061;lr?x=y>", &b), "normalise");
	is_str(buf_str(&b), "sip:Alice@ims.example.net", "normalised");
	buf_free(&b);
	map_names_free(names);
	return tap_done();
}
