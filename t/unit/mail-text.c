/* Small parts of reading a mail: keywords, subjects, flowed text, appointments, marks of HTML, OpenPGP in text, the
 * cutting of replies by its options. Whole answers are in t/reply, odd mails in t/mime. */
#include "mail/armor.h"
#include "mail/calendar.h"
#include "mail/flowed.h"
#include "mail/keyword.h"
#include "mail/lean.h"
#include "mail/reply.h"
#include "tap.h"

#include <stdlib.h>

/* ---- keywords (7.4) ---- */

static const char *const accept_words[] = {"accept", "yes", "join", "Straße", "はい", NULL};
static const char *const reject_words[] = {"reject", "decline", "no", "bye", NULL};
static const char *const leave_words[] = {"leave", "quit", "bye", "stop", "beëindigen", NULL};

static void keyword(const char *text, const char *subject, bool active, enum mail_keyword want, const char *want_rest)
{
	struct mail_keywords k = {accept_words, reject_words, leave_words, active};
	struct slice rest;
	enum mail_keyword got = mail_keyword_find(&k, slice_of(text), slice_of(subject), &rest);
	ok(got == want && slice_eq(rest, want_rest), "keyword in \"%s\"%s%s", text, *subject ? ", subject " : "",
	   subject);
}

static void keywords(void)
{
	keyword("accept", "", false, MAIL_KEYWORD_ACCEPT, "");
	keyword("  Accept!  ", "", false, MAIL_KEYWORD_ACCEPT, "");
	keyword("\n\n\"YES\".\nsee you", "", false, MAIL_KEYWORD_ACCEPT, "see you");
	keyword("„Ja“", "", false, MAIL_KEYWORD_NONE, "„Ja“");
	keyword("“join”", "", false, MAIL_KEYWORD_ACCEPT, "");
	keyword("no problem, I'll join", "", false, MAIL_KEYWORD_NONE, "no problem, I'll join");
	keyword("yes please", "", false, MAIL_KEYWORD_NONE, "yes please");
	keyword("STRASSE", "", false, MAIL_KEYWORD_ACCEPT, "");
	keyword("はい。", "", false, MAIL_KEYWORD_ACCEPT, "");
	keyword("BEE\xcc\x88INDIGEN", "", true, MAIL_KEYWORD_LEAVE, "");
	keyword("No;", "", false, MAIL_KEYWORD_REJECT, "");
	keyword("bye", "", false, MAIL_KEYWORD_LEAVE, "");
	keyword("yes", "", true, MAIL_KEYWORD_NONE, "yes");
	keyword("Leave,", "", true, MAIL_KEYWORD_LEAVE, "");
	keyword("yes\nno", "", false, MAIL_KEYWORD_UNKNOWN, "yes\nno");
	keyword("yes\n\nyes\nmore", "", false, MAIL_KEYWORD_ACCEPT, "yes\nmore");
	keyword("yes\nor\nno", "", false, MAIL_KEYWORD_ACCEPT, "or\nno");
	keyword("", "Re: ACCEPT", false, MAIL_KEYWORD_ACCEPT, "");
	keyword(" \n", "AW: Re[2]: no", false, MAIL_KEYWORD_REJECT, " \n");
	keyword("", "Re: your yes", false, MAIL_KEYWORD_NONE, "");
	keyword("hello", "Re: accept", false, MAIL_KEYWORD_NONE, "hello");
	keyword("", "", false, MAIL_KEYWORD_NONE, "");
	keyword("!!!", "", false, MAIL_KEYWORD_NONE, "!!!");
	keyword("\xff\xfe", "", false, MAIL_KEYWORD_NONE, "\xff\xfe");
	struct mail_keywords none = {0};
	struct slice rest;
	ok(mail_keyword_find(&none, SLICE("yes"), SLICE(""), &rest) == MAIL_KEYWORD_NONE, "no lists, no keyword");
}

static void subject(const char *in, const char *want)
{
	ok(slice_eq(mail_subject_plain(slice_of(in)), want), "plain subject of \"%s\"", in);
}

static void subjects(void)
{
	subject("Re: Parking", "Parking");
	subject("RE: re: AW: Parking", "Parking");
	subject("Re[3]: Parking", "Parking");
	subject("Re (2): Parking", "Re (2): Parking");
	subject("Re(2) : Parking", "Parking");
	subject("回复：会议", "会议");
	subject("答复: Fwd: x", "x");
	subject("SV: VS: Odp: YNT: Antw: RES: x", "x");
	subject("TR : x", "x");
	subject("Regards: x", "Regards: x");
	subject("Report", "Report");
	subject("  Re:  ", "");
	subject("", "");
}

/* ---- flowed (RFC 3676) ---- */

static void flowed(const char *in, bool delsp, const char *want)
{
	struct buf out = {0};
	buf_put(&out, "", 0);
	mail_unflow(&out, slice_of(in), delsp);
	is_str(buf_str(&out), want, "flowed");
	buf_free(&out);
}

static void flowed_texts(void)
{
	flowed("one \ntwo\nthree\n", false, "one two\nthree\n");
	flowed("one \ntwo", true, "onetwo");
	flowed(" From\n  indented\n", false, "From\n indented\n");
	flowed("> a \n> b\n>> c \nd\n", false, "> a b\n>> c \nd\n");
	flowed("text \n-- \nBob \nBrown\n", false, "text \n-- \nBob Brown\n");
	flowed("one \n\ntwo\n", false, "one \n\ntwo\n");
	flowed("last ", false, "last ");
	flowed("", false, "");
}

/* ---- appointments ---- */

static void calendar(const char *in, const char *want)
{
	struct buf out = {0};
	mail_calendar_put(&out, slice_of(in));
	is_str(buf_str(&out), want, "appointment");
	buf_free(&out);
}

static void calendars(void)
{
	calendar("", "[appointment]\n");
	calendar("BEGIN:VEVENT\r\nSUMMARY:A\r\nDTSTART:20260305T101500Z\r\nEND:VEVENT\r\n",
		 "[appointment: A]\nWhen: 2026-03-05 10:15 UTC\n");
	calendar("BEGIN:VEVENT\nSUMMARY;LANGUAGE=en:A\\;b\\\\c\n "
		 "d\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:other\nEND:VEVENT\n",
		 "[appointment: A;b\\cd]\n");
	calendar("BEGIN:VEVENT\nDTSTART:soon\nSTATUS:CANCELLED\nEND:VEVENT\n", "[appointment cancelled]\nWhen: soon\n");
	calendar("SUMMARY:outside\nBEGIN:VEVENT\nSUMMARY", "[appointment]\n");
}

/* ---- marks ---- */

static void marked(const char *html, const char *want)
{
	static const char letters[] = "AOSW"; /* attribution, original, signature, own */
	struct buf text = {0}, got = {0};
	struct mail_marks marks = {0};
	html_to_text(&text, slice_of(html), &marks);
	size_t from = 0;
	for (size_t i = 0; i < marks.n; i++) {
		buf_put(&got, text.p + from, marks.v[i].offset - from);
		buf_printf(&got, "{%c}", letters[marks.v[i].kind]);
		from = marks.v[i].offset;
	}
	buf_puts(&got, text.p + from);
	is_str(buf_str(&got), want, "marks of HTML");
	free(marks.v);
	buf_free(&text), buf_free(&got);
}

static void marks(void)
{
	marked("<p>a</p><div class='gmail_quote'><div class='gmail_attr'>x "
	       "wrote:</div><blockquote>q</blockquote></div>b",
	       "a\n{A}x wrote:\n{W}> q\nb\n");
	marked("a<div id=appendonsend></div><hr><div id=divRplyFwdMsg>From: b</div>c", "a\n{O}---\n{O}From: b\nc\n");
	marked("a<div class='gmail_signature extra'>me</div>b", "a\n{S}me\n{W}b\n");
	marked("a<div class=gmail_signature></div>b", "a\n{W}b\n");
	marked("<div class=yahoo_quoted>q</div>own", "{O}q\n{W}own\n");
	marked("<blockquote><div class=gmail_attr>inner</div></blockquote>", "> inner\n");
	marked("a<div style='BORDER-TOP: solid #E1E1E1 1pt; padding: 3.0pt 0cm 0cm 0cm'>Od: b</div>", "a\n{O}Od: b\n");
	marked("<div class=gmail_signatures>no</div>", "no\n");
}

/* ---- lean HTML ---- */

static void lean(const char *html, const char *want)
{
	struct buf out = {0};
	buf_put(&out, "", 0);
	ok(lean_html(&out, slice_of(html)), "no deep nesting");
	is_str(buf_str(&out), want, "lean");
	buf_free(&out);
}

static void lean_pages(void)
{
	lean("a<b class=x>b</b>c", "abc");
	lean("<STYLE>p {}</style >a<script>if (a</b) '</scripts>'</script>b<title>t</title>c", "abc");
	lean("<!-- a > b -->c<!DOCTYPE html>d<?xml x?>e<!-->f", "c<!DOCTYPE html>def");
	lean("<p style='color: red' class='a b' id=x onclick=\"a>b\">t", "<p class='a b' id=x>t");
	lean("<p style = 'DISPLAY: None'>t</p>", "<p style = 'DISPLAY: None'>t</p>");
	lean("<a href=x/y?a=b href=z>t</a >", "<a href=x/y?a=b>t</a>");
	lean("<span class=s>a<span style='color:red'>b</span>c</span>d</span>", "<span class=s>abc</span>d");
	lean("<a href='x>text", "");
	lean("1 < 2 <3 </ >", "1 < 2 <3 </ >");
	lean("<br/><div a/b>x</div>", "<br><div>x</div>");
	lean("<textarea><b>x</b></textarea>y", "<textarea><b>x</b></textarea>y");
	lean("<", "<");
	lean("<a", "");
	lean("<p =x class=y>", "<p class=y>");
	struct buf deep = {0}, out = {0};
	for (int i = 0; i <= HTML_DEPTH_MAX; i++)
		buf_puts(&deep, "<div/>");
	ok(!lean_html(&out, slice_buf(&deep)), "deep nesting is told");
	buf_free(&deep), buf_free(&out);
}

/* ---- OpenPGP ---- */

static void armor(void)
{
	ok(armor_encrypted(SLICE("\n-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----\n")),
	   "an encrypted block");
	ok(!armor_encrypted(SLICE("see:\n-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----\n")),
	   "text with a block in it");
	ok(!armor_encrypted(SLICE("-----BEGIN PGP MESSAGE-----")), "half a block");
	struct buf b = {0};
	buf_puts(&b,
		 "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\n- - one\ntwo\n-----BEGIN PGP SIGNATURE-----\nx\n");
	ok(armor_unsign(&b), "clear-signed");
	is_str(buf_str(&b), "- one\ntwo\n", "is what was signed");
	ok(!armor_unsign(&b), "and not twice");
	buf_free(&b);
}

/* ---- replies by their options ---- */

static void reply(const char *text, struct mail_reply_options o, enum mail_reply_result want, const char *want_text)
{
	struct buf out = {0};
	enum mail_reply_result got = mail_reply_strip(&out, slice_of(text), &o);
	ok(got == want, "result %d", want);
	is_str(buf_str(&out), want_text, "of the reply");
	buf_free(&out);
}

static void replies(void)
{
	struct mail_reply_options plain = {0}, files = {.may_be_empty = true}, line = {.marker = "### above ###"};
	reply("a\n", plain, MAIL_REPLY_WHOLE, "a");
	reply("a\r\n\r\n> b\r\n", plain, MAIL_REPLY_CUT, "a");
	reply("", plain, MAIL_REPLY_EMPTY, "");
	reply(" \n\t\n", plain, MAIL_REPLY_EMPTY, "");
	reply("> b\n", plain, MAIL_REPLY_FALLBACK_USED, "> b");
	reply("> b\n", files, MAIL_REPLY_EMPTY, "");
	reply("x\n### above ###\ny\n", line, MAIL_REPLY_CUT, "x");
	reply("x\n### above ###\ny\n", plain, MAIL_REPLY_WHOLE, "x\n### above ###\ny");
	reply("### above ###\ny\n", line, MAIL_REPLY_WHOLE, "### above ###\ny");
	struct buf text = {0};
	for (int i = 0; i < 400; i++)
		buf_puts(&text, "> äx");
	struct buf out = {0};
	mail_reply_strip(&out, slice_buf(&text), &plain);
	size_t chars = 0;
	for (size_t i = 0; i < out.n; i++)
		chars += ((unsigned char)out.p[i] & 0xc0) != 0x80;
	is_int((long long)chars, MAIL_REPLY_FALLBACK, "characters where nothing was left");
	buf_free(&text), buf_free(&out);
	mail_signature_strip(&out, SLICE("hello\n\nOn 5 March 2026 10:15 Bob <b@example.org> wrote:\n> x\n\n-- \nme\n"),
			     &plain);
	is_str(buf_str(&out), "hello\n\nOn 5 March 2026 10:15 Bob <b@example.org> wrote:\n> x",
	       "of a new mail only the signature goes");
	buf_free(&out);
}

int main(void)
{
	keywords();
	subjects();
	flowed_texts();
	calendars();
	marks();
	lean_pages();
	armor();
	replies();
	return tap_done();
}
