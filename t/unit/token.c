/* Keyed derivation (3.12): the vectors of the protocol sheet's examples, under the key 00 01 .. 1f. */
#include "map/token.h"

#include "tap.h"

#define CONV  "1710887c7ca47dc2c1274c11673eb0df"
#define CONTR "477b66ae9662e3ad18549bf5dabf9d26"
#define MSGID "m." CONV "." CONTR ".0.06a3e87fdf@rcs.example.net"
#define HOST  "rcs.example.net"

static struct token_keys keys;

static void load_keys(void)
{
	char octets[32];
	for (int i = 0; i < 32; i++)
		octets[i] = (char)i;
	token_keys_add(&keys, octets, sizeof octets);
}

static void msgid(struct token_message m, const char *want)
{
	struct buf b = {0};
	token_msgid(&keys, &m, HOST, &b);
	is_str(b.p, want, want);
	buf_free(&b);
}

static void msgids(void)
{
	msgid((struct token_message){.kind = 'm', .conv = CONV, .contr = CONTR}, MSGID);
	msgid((struct token_message){.kind = 'm',
				     .conv = "5d3c1f0a9be24c7fa2f1e0b4c6d8a913",
				     .contr = "0c9a7e55d1f84b7bb0a4e2f9c3d6117e"},
	      "m.5d3c1f0a9be24c7fa2f1e0b4c6d8a913.0c9a7e55d1f84b7bb0a4e2f9c3d6117e.0.a53256f9ea@" HOST);
	struct token_message s = {.kind = 's',
				  .conv = "6b79b8bc937e4985b1dffd062b687bd7",
				  .contr = "d5e4121aeec2cc59546ebaef8966ef18",
				  .mail = "bob@example.org"};
	msgid(s, "s.6b79b8bc937e4985b1dffd062b687bd7.d5e4121aeec2cc59546ebaef8966ef18.0-29ef7b.13fa3cadc4@" HOST);
	s.seq = 1;
	msgid(s, "s.6b79b8bc937e4985b1dffd062b687bd7.d5e4121aeec2cc59546ebaef8966ef18.1-29ef7b.ab78581814@" HOST);
	msgid((struct token_message){.kind = 'r',
				     .conv = "d589161a70e28b6a9c3ee0c3449598c5",
				     .contr = "9a4faf4670824041d3cdf6a6ab4c012a",
				     .mail = "+14155550101@rcs.example.net",
				     .what = "delivered"},
	      "r.d589161a70e28b6a9c3ee0c3449598c5.9a4faf4670824041d3cdf6a6ab4c012a.81a6a0bc.f581696603@" HOST);
	/* private: nothing of the ids is left */
	msgid((struct token_message){.kind = 'm', .conv = CONV, .contr = CONTR, .hidden = true},
	      "m.ztbbm4prpbyzbfyqhbkuyp3owv.0.1fa513b25c@" HOST);
}

static void notice_differs(void)
{
	struct buf s = {0}, n = {0};
	struct token_message m = {.kind = 'n', .conv = "c", .contr = "d", .mail = "bob@example.org", .seq = 12};
	token_msgid(&keys, &m, HOST, &n);
	ok(strncmp(n.p, "n.c.d.12-29ef7b.", 16) == 0, "notice form");
	m.kind = TOKEN_SESSION;
	token_msgid(&keys, &m, HOST, &s);
	ok(strcmp(s.p + 16, n.p + 16) != 0, "the MAC covers the kind");
	buf_free(&s);
	buf_free(&n);
}

static bool parses(const struct token_keys *k, const char *id)
{
	struct token_parsed t;
	bool good = token_msgid_parse(k, slice_of(id), HOST, &t);
	token_parsed_free(&t);
	return good;
}

static void suffixes(void)
{
	struct buf b = {0}, local = {0};
	struct slice form;
	token_suffix(&keys, MSGID, "bob@example.org", &b);
	ok(b.n == TOKEN_SUFFIX, "13 characters");
	buf_printf(&local, "alice--%s", b.p);
	form = token_suffix_form(slice_buf(&local));
	ok(form.n == b.n && memcmp(form.p, b.p, b.n) == 0, "found behind the name");
	static const char *const none[] = {"", "alice", "--abcdefghijklm", "alice-abcdefghijklm", "alice--abcdefghijkl",
					   "alice--abcdefghijkl0", "alice--ABCDEFGHIJKLM", "abcdefghijklm"};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		ok(token_suffix_form(slice_of(none[i])).n == 0, "no suffix: %s", none[i]);
	is_int((int)token_of_msgid(SLICE(MSGID)).n, 0, "ids in clear have no token");
	form = token_of_msgid(SLICE("m.ztbbm4prpbyzbfyqhbkuyp3owv.0.1fa513b25c@" HOST));
	ok(slice_eq(form, "ztbbm4prpbyzbfyqhbkuyp3owv"), "a token");
	buf_free(&b), buf_free(&local);
}

static void verification(void)
{
	struct token_parsed t;
	ok(token_msgid_parse(&keys, SLICE(" <" MSGID "> "), HOST, &t), "ours");
	is_str(buf_str(&t.conv), CONV, "Conversation-ID");
	is_str(buf_str(&t.contr), CONTR, "Contribution-ID");
	is_str(buf_str(&t.seq), "0", "sequence");
	ok(t.kind == TOKEN_STANDALONE && !t.token.n, "kind");
	token_parsed_free(&t);
	ok(token_msgid_parse(&keys, SLICE("m.ztbbm4prpbyzbfyqhbkuyp3owv.0.1fa513b25c@RCS.example.net"), HOST, &t),
	   "hidden");
	is_str(buf_str(&t.token), "ztbbm4prpbyzbfyqhbkuyp3owv", "token");
	token_parsed_free(&t);
	ok(!parses(&keys, "m." CONV "." CONTR ".0.06a3e87fde@" HOST), "wrong MAC");
	ok(!parses(&keys, "s." CONV "." CONTR ".0.06a3e87fdf@" HOST), "wrong kind");
	ok(!parses(&keys, "m." CONTR "." CONV ".0.06a3e87fdf@" HOST), "ids exchanged");
	ok(!parses(&keys, "m." CONV "." CONTR ".0.06a3e87fdf@example.org"), "another domain");
	ok(!parses(&keys, "m." CONV "." CONTR ".0@" HOST), "no MAC");
	ok(!parses(&keys, "m." CONV "." CONTR ".0.06a3e87fdf.x@" HOST), "a part too many");
	ok(!parses(&keys, "m." CONV "." CONTR ".0.06a3e87fdf"), "no domain");
	ok(!parses(&keys, ""), "empty");
	ok(!parses(&keys, "<>"), "empty in <>");
	ok(!parses(&keys, "...@" HOST), "empty parts");
}

static void key_change(void)
{
	struct token_keys changed = {0}, other = {0};
	char fresh[32];
	memset(fresh, 'k', sizeof fresh);
	token_keys_add(&changed, fresh, sizeof fresh);
	token_keys_add(&changed, keys.key[0].octets, keys.key[0].n);
	token_keys_add(&other, fresh, sizeof fresh);
	ok(parses(&changed, MSGID), "the old key still verifies");
	ok(!parses(&other, MSGID), "a removed key does not");
	struct buf b = {0};
	token_msgid(&changed, &(struct token_message){.kind = 'm', .conv = CONV, .contr = CONTR}, HOST, &b);
	ok(strcmp(b.p, MSGID) != 0 && parses(&other, b.p) && !parses(&keys, b.p), "the first key signs");
	buf_free(&b);
}

static void odd_ids(void)
{
	static const char *const ids[] = {"a.b@c", "AbC", "x y", "\"<>\"", "=41", "..", "\xc3\xb6", "-", "a"};
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct buf b = {0};
		struct token_parsed t;
		token_msgid(&keys, &(struct token_message){.kind = 'm', .conv = ids[i], .contr = "q"}, HOST, &b);
		bool good = token_msgid_parse(&keys, slice_buf(&b), HOST, &t);
		ok(good && strcmp(buf_str(&t.conv), ids[i]) == 0 && strcmp(buf_str(&t.contr), "q") == 0,
		   "id %s comes back", ids[i]);
		token_parsed_free(&t);
		buf_free(&b);
	}
	struct buf b = {0};
	struct token_parsed t;
	char id[80];
	memset(id, 'a', 65);
	id[64] = '\0';
	token_msgid(&keys, &(struct token_message){.kind = 'm', .conv = id, .contr = "q"}, HOST, &b);
	ok(strlen(b.p) > 64 && token_msgid_parse(&keys, slice_buf(&b), HOST, &t) && !t.token.n, "64 octets stay");
	token_parsed_free(&t);
	buf_clear(&b);
	id[64] = 'a';
	id[65] = '\0';
	token_msgid(&keys, &(struct token_message){.kind = 'm', .conv = id, .contr = "q"}, HOST, &b);
	ok(token_msgid_parse(&keys, slice_buf(&b), HOST, &t) && t.token.n == TOKEN_B32, "65 octets become a token");
	token_parsed_free(&t);
	buf_free(&b);
}

#define IS(call, want, name)                                                                                           \
	do {                                                                                                           \
		struct buf b = {0};                                                                                    \
		call;                                                                                                  \
		is_str(b.p, want, name);                                                                               \
		buf_free(&b);                                                                                          \
	} while (0)

static void derivations(void)
{
	IS(token_envid(&keys, MSGID, "bob@example.org", &b), "t.6ph2vzcdcupotrcr4fptgjkeet", "ENVID");
	IS(token_group(&keys, "sip:conf-77@focus.ims.example.net", "6b79b8bc937e4985b1dffd062b687bd7",
		       "bob@example.org", &b),
	   "g-irlzyowxmah6qf7flzyuh4ppyb", "group address");
	IS(token_alias(&keys, "sip:alice@ims.example.net", "bob@example.org", CONTR, &b),
	   "a-uunftw4y5y4zhx4y6gdnq7u4um", "alias");
	IS(token_convid(&keys, &b, "park-9@mail.example.org", NULL), "d589161a70e28b6a9c3ee0c3449598c5", "convid");
	IS(token_contrid(&keys, &b, "park-9@mail.example.org", NULL), "9a4faf4670824041d3cdf6a6ab4c012a", "contrid");
	IS(token_contrid(&keys, &b, "3712948749@ue1.ims.example.net", "1", "1384874566", NULL),
	   "1a8d553554690e84c6d8e29a37a0c452", "contrid of three parts");
	IS(token_imdn(&keys, "park-9@mail.example.org", "+14155550101@rcs.example.net", &b), "6a61d0e0561f10ca",
	   "imdn id of a mail");
	IS(token_imdn(&keys, "CAF78.c34@mail.example.org", "alice@rcs.example.net", &b), "6231ab7bfae6cbc0",
	   "imdn id of a reply");
	IS(token_imdn_report(&keys, "d1@mx.example.org", "bob@example.org", "delivery", &b), "7e762e9d3b11c852",
	   "imdn id of a report");
	IS(token_contrid(&keys, &b, "7e762e9d3b11c852", NULL), "c9438c7c57e9a52163e0c603ad394924",
	   "contrid of a report");
	IS(token_boundary(&keys, "m@x", 1, 0, &b), "8ccff836f404118931d8a9b7", "boundary");
	ok(token_local_form(SLICE("g-irlzyowxmah6qf7flzyuh4ppyb")) == 'g', "g- form");
	ok(!token_local_form(SLICE("g-irlzyowxmah6qf7flzyuh4ppy1")), "no base32");
	ok(!token_local_form(SLICE("b-irlzyowxmah6qf7flzyuh4ppyb")) && !token_local_form(SLICE("g-abc")),
	   "other forms");
}

static bool key_text(const char *text)
{
	struct token_keys k = {0};
	return token_keys_parse(&k, text);
}

static void key_files(void)
{
	struct token_keys k = {0};
	ok(token_keys_parse(&k, "# of 2026\n000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n\n"
				"an older secret of some forty characters\n"),
	   "a file with two keys");
	ok(k.n == 2 && k.key[0].n == 32 && memcmp(k.key[0].octets, keys.key[0].octets, 32) == 0, "hex key");
	is_int((long long)k.key[1].n, 40, "text key");
	uint8_t h[SHA256_LEN], direct[SHA256_LEN];
	static const char long_key[] =
		"a key of more than sixty-four characters: one that HMAC itself would make shorter";
	struct token_keys one = {0};
	ok(token_keys_parse(&one, long_key), "a long key");
	token_hash(&one, h, "conv", NULL);
	hmac_sha256(slice_of(long_key), "conv", 4, direct);
	ok(memcmp(h, direct, sizeof h) == 0, "a long key counts in full");
	ok(!key_text(""), "no key");
	ok(!key_text("# nothing\n"), "only a comment");
	ok(!key_text("short"), "31 octets and less");
	ok(!key_text("00010203040506070809"), "hex, too short");
}

int main(void)
{
	load_keys();
	msgids();
	notice_differs();
	suffixes();
	verification();
	key_change();
	odd_ids();
	derivations();
	key_files();
	return tap_done();
}
