/* Replies taken apart, mails looked over, addresses checked. */
#include "../lib/tap.h"

#include "smtp/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void test_enhanced(void)
{
	static const struct {
		const char *text;
		int code;
		const char *enhanced, *rest;
	} cases[] = {
		{"5.1.1 no such user", 550, "5.1.1", "no such user"},
		{"5.1.10  null MX", 556, "5.1.10", "null MX"},
		{"2.0.0", 250, "2.0.0", ""},
		{"4.2.2 full", 550, NULL, "4.2.2 full"},
		{"5.1.1x", 550, NULL, "5.1.1x"},
		{"5.1 x", 550, NULL, "5.1 x"},
		{"5.1234.1 x", 550, NULL, "5.1234.1 x"},
		{"5..1 x", 550, NULL, "5..1 x"},
		{"", 550, NULL, ""},
		{"3.0.0 go on", 354, NULL, "3.0.0 go on"},
		{"5.123.456 x", 550, "5.123.456", "x"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char e[SMTP_ENHANCED_MAX] = "";
		const char *rest;
		bool got = smtp_enhanced_parse(cases[i].text, cases[i].code, e, &rest);
		ok(got == (cases[i].enhanced != NULL) && (!got || strcmp(e, cases[i].enhanced) == 0) &&
			   strcmp(rest, cases[i].rest) == 0,
		   "enhanced code of \"%s\"", cases[i].text);
	}
}

static void test_result(void)
{
	static const struct {
		enum smtp_at at;
		int code;
		const char *given, *text;
		enum smtp_outcome outcome;
		const char *enhanced, *clean;
	} cases[] = {
		{SMTP_AT_DATA, 250, NULL, "2.0.0 Ok: queued as 1", SMTP_DONE, "2.0.0", "Ok: queued as 1"},
		{SMTP_AT_DATA, 250, NULL, "Ok", SMTP_DONE, "2.0.0", "Ok"},
		{SMTP_AT_RCPT, 550, NULL, "no such user", SMTP_PERMANENT, "5.1.1", "no such user"},
		{SMTP_AT_MAIL, 550, NULL, "go away", SMTP_PERMANENT, "5.7.1", "go away"},
		{SMTP_AT_DATA, 554, NULL, "spam", SMTP_PERMANENT, "5.7.1", "spam"},
		{SMTP_AT_GREETING, 554, NULL, "no mail here", SMTP_PERMANENT, "5.3.2", "no mail here"},
		{SMTP_AT_RCPT, 552, NULL, "full", SMTP_PERMANENT, "5.2.2", "full"},
		{SMTP_AT_MAIL, 552, NULL, "big", SMTP_PERMANENT, "5.3.4", "big"},
		{SMTP_AT_RCPT, 452, NULL, "many", SMTP_TEMPORARY, "4.5.3", "many"},
		{SMTP_AT_DATA, 452, NULL, "disk", SMTP_TEMPORARY, "4.3.1", "disk"},
		{SMTP_AT_RCPT, 450, NULL, "4.7.1 greylisted", SMTP_TEMPORARY, "4.7.1", "greylisted"},
		{SMTP_AT_RCPT, 450, NULL, "5.7.1 odd", SMTP_TEMPORARY, "4.2.0", "5.7.1 odd"},
		{SMTP_AT_RCPT, 571, NULL, "x", SMTP_PERMANENT, "5.0.0", "x"},
		{SMTP_AT_LOCAL, 0, "4.4.1", "no connection", SMTP_TEMPORARY, "4.4.1", "no connection"},
		{SMTP_AT_DATA, 550, NULL, "5.7.1 line\r\n\x1b[31mtwo \xff", SMTP_PERMANENT, "5.7.1",
		 "line [31mtwo \xef\xbf\xbd"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_result r;
		smtp_result_set(&r, cases[i].at, cases[i].code, cases[i].given, cases[i].text, "mx.example.org");
		ok(r.outcome == cases[i].outcome && strcmp(r.enhanced, cases[i].enhanced) == 0 &&
			   strcmp(r.text, cases[i].clean) == 0,
		   "%d %s: %s %s", cases[i].code, cases[i].clean, smtp_outcome_name(r.outcome), r.enhanced);
	}
}

static void test_reader(void)
{
	static const char wire[] = "220 hi\r\n250-one\r\n250-two\r\n250 three\r\n354\r\n";
	struct smtp_reader r = {0};
	for (size_t step = 1; step < sizeof(wire); step += 3) {
		struct buf got = {0};
		for (size_t at = 0; at < sizeof(wire) - 1;) {
			bool done;
			size_t n = sizeof(wire) - 1 - at < step ? sizeof(wire) - 1 - at : step;
			at += smtp_reader_feed(&r, wire + at, n, &done);
			if (done)
				buf_printf(&got, "%d[%s]", r.code, buf_str(&r.text));
		}
		is_str(buf_str(&got), "220[hi]250[one\ntwo\nthree]354[]", "replies in pieces");
		buf_free(&got);
	}
	smtp_reader_free(&r);

	static const char *const bad[] = {"hello\r\n", "25 x\r\n",  "250-a\r\n550 b\r\n", "250xok\r\n",
					  "-50 x\r\n", "199 x\r\n", "600 x\r\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bool done;
		struct smtp_reader b = {0};
		smtp_reader_feed(&b, bad[i], strlen(bad[i]), &done);
		ok(done && b.broken, "not a reply: %.*s", (int)strcspn(bad[i], "\r"), bad[i]);
		smtp_reader_free(&b);
	}
	bool done;
	struct buf big = {0};
	buf_puts(&big, "250 ");
	for (int i = 0; i < 5000; i++)
		buf_putc(&big, 'x');
	buf_puts(&big, "\r\n");
	struct smtp_reader b = {0};
	smtp_reader_feed(&b, big.p, big.n, &done);
	ok(done && !b.broken && b.long_line && b.code == 250 && b.text.n < 1000,
	   "a line of 5000 octets: the code stands, the text is cut");
	smtp_reader_free(&b);
	b = (struct smtp_reader){0};
	for (int i = 0; i < 200 && !b.broken; i++)
		smtp_reader_feed(&b, "250-x\r\n", 7, &done);
	ok(b.broken, "a reply without end");
	smtp_reader_free(&b);
	buf_free(&big);
}

static void test_scan(void)
{
	static const struct {
		const char *text;
		bool bare, unterminated, eight_bit, headers;
	} cases[] = {
		{"A: b\r\n\r\ntext\r\n", false, false, false, true},
		{"A: b\n\ntext\n", true, false, false, true},
		{"A: b\r\n\r\n.\n.\r\n", true, false, false, true},
		{"A: b\r\n\r\na\rb\r\n", true, false, false, true},
		{"A: b\r\n\r\ntext", false, true, false, true},
		{"A: b\r\n\r\ntext\r", true, true, false, true},
		{"A: b\r\n\r\ncaf\xc3\xa9\r\n", false, false, true, true},
		{"no header\r\n", false, false, false, false},
		{": empty\r\n", false, false, false, false},
		{"", false, false, false, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_body b = {.p = cases[i].text, .n = (int64_t)strlen(cases[i].text), .fd = -1};
		struct smtp_scan s;
		ok(smtp_scan_body(&b, &s) && s.bare == cases[i].bare && s.unterminated == cases[i].unterminated &&
			   s.eight_bit == cases[i].eight_bit && s.headers == cases[i].headers && s.size == b.n,
		   "scan %zu", i);
	}
	struct smtp_scan s;
	struct smtp_body nul = {.p = "A: b\r\n\0\r\n", .n = 9, .fd = -1};
	ok(smtp_scan_body(&nul, &s) && s.bare, "a NUL is refused");

	/* CR at the end of one piece and LF at the start of the next, in a file; and a long line. */
	FILE *f = tmpfile();
	fputs("A: b\r\n\r\n", f);
	for (int i = 0; i < 40000; i++)
		fputs("x\r\n", f);
	fflush(f);
	struct smtp_body file = {.fd = fileno(f)};
	ok(smtp_scan_body(&file, &s) && !s.bare && !s.long_line && s.size == 8 + 120000, "a file over several pieces");
	for (int i = 0; i < 999; i++)
		fputc('y', f);
	fputs("\r\n", f);
	fflush(f);
	ok(smtp_scan_body(&file, &s) && s.long_line, "a line of 999 octets");
	fclose(f);
}

static void test_paths(void)
{
	static const char *const good[] = {"a@b.example", "\"a b\"@c.example", "\"<x>\"@c.example",
					   "\"q\\\"\"@c.example", "a+b=c@[192.0.2.1]"};
	static const char *const bad[] = {
		"a@b\r\nRCPT TO:<x@y>", "a b@c",  "<a@b>", "a@b>", "\"a@b", "\"a\\", "a\x01@b",
		"caf\xc3\xa9@b",	"a\x7f@b"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(smtp_path_valid(good[i], false), "%s is a path", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!smtp_path_valid(bad[i], false), "bad path %zu is refused", i);
	ok(smtp_path_valid("", true) && !smtp_path_valid("", false), "<> only as reverse path");
	ok(smtp_word_valid("t.abc", 80) && !smtp_word_valid("a b", 80) && !smtp_word_valid("", 80) &&
		   !smtp_word_valid("a\r", 80) && !smtp_word_valid("abc", 2),
	   "words");
	ok(smtp_engine_find("maildir") == &smtp_maildir && smtp_engine_find("submit") == &smtp_submit &&
		   !smtp_engine_find("pigeon"),
	   "engines by name");
}

int main(void)
{
	test_enhanced();
	test_result();
	test_reader();
	test_scan();
	test_paths();
	return tap_done();
}
