/* A mail's header: fields, encoded words, mailboxes, msg-ids. */
#include "mail/head.h"
#include "tap.h"

#include <stdlib.h>
#include <time.h>

static void fields(void)
{
	struct mail_head h;
	struct slice mail =
		SLICE("From bob Thu Mar  5\nA: one\r\n two\r\n\tthree \r\nb : x\nEmpty:\r\nA:second\r\n\r\nbody");
	mail_head_read(&h, mail);
	is_int((long long)h.n, 4, "four fields");
	is_str(mail_head_get(&h, "a", 0).p, "one two\tthree", "folded lines are one, CRLF or LF");
	is_str(mail_head_get(&h, "A", 1).p, "second", "the second of a name");
	is_str(mail_head_get(&h, "B", 0).p, "x", "a blank before the colon");
	ok(mail_head_get(&h, "Empty", 0).p && !mail_head_get(&h, "Empty", 0).n, "an empty one is there");
	ok(!mail_head_get(&h, "C", 0).p, "another is not");
	is_int((long long)mail_head_count(&h, "a"), 2, "counted");
	is_str(mail.p + h.body, "body", "the body behind the empty line");
	mail_head_free(&h);
	mail_head_read(&h, SLICE("A: 1\r\nthis is no field\r\nB: 2\r\n"));
	ok(h.n == 1 && h.body == 6, "a line that is no field ends the header");
	mail_head_free(&h);
	mail_head_read(&h, SLICE(""));
	ok(h.n == 0 && h.body == 0, "nothing");
	mail_head_free(&h);
	mail_head_read(&h, SLICE(" A: 1"));
	ok(h.n == 0, "a continuation of nothing");
	mail_head_free(&h);
}

static void words(void)
{
	static const char *const row[][2] = {
		{"plain text", "plain text"},
		{"=?utf-8?Q?caf=C3=A9?= au lait", "caf\xc3\xa9 au lait"},
		{"=?utf-8?B?Y2Fmw6k=?=", "caf\xc3\xa9"},
		{"=?UTF-8?B?w?= =?utf-8?B?w6k=?=", "\xc3\xa9"},
		{"=?utf-8?Q?a=C3?=  =?UTF-8?Q?=A9b?=", "a\xc3\xa9"
						       "b"},
		{"=?iso-8859-1?Q?=E9?= =?utf-8?Q?=C3=A9?=", "\xc3\xa9\xc3\xa9"},
		{"=?utf-8*en?q?a_b?= c", "a b c"},
		{"=?x-nobody?Q?=80?=", "\xe2\x82\xac"},
		{"raw \xe9", "raw \xc3\xa9"},
		{"raw \xc3\xa9", "raw \xc3\xa9"},
		{"=?utf-8?Q?a b?=", "=?utf-8?Q?a b?="},
		{"=?utf-8?Q?", "=?utf-8?Q?"},
		{"=?utf-8?Q?=4?=", "=4"},
		{"1=2 =?", "1=2 =?"},
		{"=?utf-8?B?aGk=aGk=?=", "hihi"},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf out = {0};
		mail_words_decode(&out, slice_of(row[i][0]));
		is_str(buf_str(&out), row[i][1], row[i][0]);
		buf_free(&out);
	}
}

static void mailboxes(void)
{
	static const char *const row[][2] = {
		{"bob@Example.ORG", "|bob@example.org;"},
		{"Bob Brown <bob@example.org>", "Bob Brown|bob@example.org;"},
		{"\"Brown, Bob \\\"B\\\"\" <bob@example.org>", "Brown, Bob \"B\"|bob@example.org;"},
		{"bob@example.org (Bob (the one))", "Bob (the one)|bob@example.org;"},
		{"a@b.c, , <d@e.f>,", "|a@b.c;|d@e.f;"},
		{"Team: a@b.c, X <d@e.f>; g@h.i", "|a@b.c;X|d@e.f;|g@h.i;"},
		{"undisclosed-recipients:;", ""},
		{"\"a b\"@example.org", "|\"a b\"@example.org;"},
		{"<@one,@two:a@b.c>", "|a@b.c;"},
		{"nobody", "|;"},
		{"=?utf-8?Q?J=C3=B6rg?= <j@x.y>", "J\xc3\xb6rg|j@x.y;"},
		{"=?utf-8?Q?a:b,_(c)?= <j@x.y>", "a:b, (c)|j@x.y;"},
		{"<>", "|;"},
		{"\"unterminated <a@b.c>", "|;"},
		{"(((((", "((((|;"},
		{"X <a@b.c", "X|a@b.c;"},
		{"<a@[IPv6:2001:db8::1]>", "|a@[ipv6:2001:db8::1];"},
	};
	struct mail_mailbox m = {0};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf out = {0};
		struct slice list = slice_of(row[i][0]);
		while (mail_mailbox_next(&list, &m))
			buf_printf(&out, "%s|%s;", buf_str(&m.display), buf_str(&m.address));
		is_str(buf_str(&out), row[i][1], row[i][0]);
		buf_free(&out);
	}
	mail_mailbox_free(&m);
}

static void msgids(void)
{
	struct slice value = SLICE("junk <a@b> (c) <no good> <> <d@e>\t<f"), id;
	struct buf out = {0};
	while (mail_msgid_next(&value, &id))
		buf_printf(&out, "%.*s;", (int)id.n, id.p);
	is_str(buf_str(&out), "a@b;d@e;", "msg-ids");
	buf_free(&out);
}

/* Each of these once made a reader look at the same octets again and again. */
static void linear(void)
{
	static const char *const unit[] = {"=?a?Q?b?= ", "=?a?Q?", "(", "\"\\", "<a@", ",", "a:", "=?", "\"@", "x ("};
	clock_t start = clock();
	for (size_t i = 0; i < sizeof unit / sizeof *unit; i++) {
		struct buf s = {0}, out = {0};
		struct mail_mailbox m = {0};
		struct mail_head h;
		buf_puts(&s, "To: ");
		while (s.n < MAIL_HEAD_MAX - 16)
			buf_puts(&s, unit[i]);
		mail_head_read(&h, slice_buf(&s));
		struct slice list = mail_head_get(&h, "To", 0);
		mail_words_decode(&out, list);
		while (mail_mailbox_next(&list, &m))
			;
		mail_mailbox_free(&m);
		mail_head_free(&h);
		buf_free(&s), buf_free(&out);
	}
	ok((double)(clock() - start) / CLOCKS_PER_SEC < 5, "linear time");
}

int main(void)
{
	fields();
	words();
	mailboxes();
	msgids();
	linear();
	return tap_done();
}
