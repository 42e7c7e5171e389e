/* The small machines behind table 3.11: HTML to text, transfer encodings undone, name-addr, RCS documents. */
#include "base/transfer.h"
#include "mail/html.h"
#include "map/party.h"
#include "map/rcs.h"
#include "tap.h"

#include <stdlib.h>

static void html(const char *in, const char *want)
{
	struct buf b = {0};
	html_to_text(&b, slice_of(in), NULL);
	is_str(buf_str(&b), want, in);
	buf_free(&b);
}

static void pages(void)
{
	html("", "");
	html("plain", "plain\n");
	html("<p>one</p><p>two</p>", "one\ntwo\n");
	html("a  b\n\tc", "a b c\n");
	html("a<br>b<br><br><br><br><br>c", "a\nb\n\n\nc\n");
	html("<b>bo</b>ld <i>it</i>", "bold it\n");
	html("<head><style>x{}</style><title>t</title></head><script>alert(1)</script>text<!-- c -->", "text\n");
	html("<div hidden>x</div><p style='color:red; DISPLAY : none'>y</p>z", "z\n");
	html("<ul><li>a<li><p>b</p></ul><ol><li>x</li><li>y</li></ol>", "- a\n- b\n1. x\n2. y\n");
	html("<ul><li></li><li>b</li></ul>", "- \n- b\n");
	html("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\tb\nc\n");
	html("<p>x</p><blockquote>quo<br>ted</blockquote><p>y", "x\n> quo\n> ted\ny\n");
	html("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n> > b\n");
	html("<hr>a<hr>b", "---\na\n---\nb\n");
	html("<pre>a  b\n  c</pre>", "a  b\n  c\n");
	html("<a href='https://x.example/'>x</a> <a href='https://y.example/'>https://y.example/</a>",
	     "x <https://x.example/> https://y.example/\n");
	html("<a href='javascript:x'>bad</a> <a href='mailto:b@x.example'>b@x.example</a>", "bad b@x.example\n");
	html("<img src=a alt='pic'><img src=b alt=spy width=1 height=1><img src=c>", "[pic]\n");
	html("&lt;b&gt; &amp;amp; &#228;", "<b> &amp; \xc3\xa4\n");
}

/* Pages made to grow the tree or the stack: an answer in bounded memory, whatever it is. */
static void bombs(void)
{
	struct buf in = {0}, out = {0};
	for (int i = 0; i < 3000; i++)
		buf_printf(&in, "<font c=%d>", i);
	for (int i = 0; i < 6000; i++)
		buf_puts(&in, "<p>x");
	html_to_text(&out, slice_buf(&in), NULL);
	ok(out.n > 0, "formatting elements opened again in every paragraph: %zu octets of text", out.n);
	buf_clear(&in), buf_clear(&out);
	for (int i = 0; i < 13000; i++)
		buf_puts(&in, "<div>");
	buf_puts(&in, "deep");
	html_to_text(&out, slice_buf(&in), NULL);
	ok(strstr(buf_str(&out), "deep") != NULL, "13000 elements deep");
	buf_clear(&in), buf_clear(&out);
	for (int i = 0; i < 9000; i++)
		buf_puts(&in, "<p><b>");
	buf_puts(&in, "text");
	html_to_text(&out, slice_buf(&in), NULL);
	ok(strstr(buf_str(&out), "text") != NULL, "never closed");
	buf_free(&in), buf_free(&out);
}

static void decode(enum transfer from, const char *in, const char *want, const char *name)
{
	for (size_t step = 1; step <= strlen(in); step += step) { /* in pieces of 1, 2, 4, ... octets */
		struct decoder d = {.from = from};
		struct buf b = {0};
		for (size_t i = 0; i < strlen(in); i += step) {
			size_t left = strlen(in) - i;
			decoder_feed(&d, (struct slice){in + i, left < step ? left : step}, &b);
		}
		decoder_end(&d, &b);
		if (strcmp(buf_str(&b), want) != 0 || step * 2 > strlen(in))
			is_str(buf_str(&b), want, name);
		buf_free(&b);
	}
}

static void transfers(void)
{
	decode(TRANSFER_BASE64, "aGVsbG8=", "hello", "base64");
	decode(TRANSFER_BASE64, "aGVs\r\nbG8=\r\n", "hello", "base64 in lines");
	decode(TRANSFER_BASE64, "aGk=aGk=", "hihi", "data behind padding");
	decode(TRANSFER_BASE64, "aG*k", "hi", "foreign octets are skipped");
	decode(TRANSFER_QP, "a=3Db=C3=A4", "a=b\xc3\xa4", "quoted-printable");
	decode(TRANSFER_QP, "long=\r\nline", "longline", "soft line end");
	decode(TRANSFER_QP, "long= \t\r\nline", "longline", "with blanks before it");
	decode(TRANSFER_QP, "blank  \r\nnext \n", "blank\r\nnext\n", "blanks at the end of a line");
	decode(TRANSFER_QP, "in side", "in side", "blanks within");
	decode(TRANSFER_QP, "bad =zz and =4", "bad =zz and =4", "broken escapes stand for themselves");
	decode(TRANSFER_QP, "end=", "end", "soft end at the end");
	decode(TRANSFER_IDENTITY, "=41", "=41", "8bit");
}

static void party(const char *in, const char *display, const char *uri, const char *tag)
{
	struct party p;
	bool good = party_read(&p, slice_of(in));
	ok(good == (uri != NULL), "%s", in);
	if (good) {
		is_str(p.display, display, "display name");
		is_str(p.uri, uri, "URI");
		is_str(p.tag, tag, "tag");
		party_free(&p);
	}
}

static void parties(void)
{
	party("\"A \\\"B\\\" <x>\" <sip:a@x;lr?h=1>;tag=7;x=y", "A \"B\" <x>", "sip:a@x;lr?h=1", "7");
	party("Alice Liddell <sip:a@x>", "Alice Liddell", "sip:a@x", NULL);
	party("sip:a@x;tag=9", NULL, "sip:a@x", "9");
	party("<sip:a@x>; Tag = q", NULL, "sip:a@x", "q");
	party("\"open <sip:a@x>", NULL, NULL, NULL);
	party("<sip:a@x", NULL, NULL, NULL);
	party("", NULL, NULL, NULL);
	party("<>", NULL, NULL, NULL);
	struct slice list = SLICE(" , \"a,b\" <sip:a,b@x>,<tel:+1> ,,sip:c@x,\"never ends, <x>"), one;
	static const char *const want[] = {"\"a,b\" <sip:a,b@x>", "<tel:+1>", "sip:c@x", "\"never ends, <x>"};
	int n = 0;
	while (party_next(&list, &one) && n < 4) {
		char *s = slice_dup(one);
		is_str(s, want[n++], "element of a list");
		free(s);
	}
	is_int(n, 4, "all elements");
}

static void documents(void)
{
	struct buf b = {0};
	ok(!rcs_file_text(&b, SLICE("<file><file-info type='file'><file-size>1</file-size></file-info></file>")),
	   "no URL");
	ok(!rcs_file_text(&b,
			  SLICE("<!DOCTYPE x [<!ENTITY a 'b'>]><file><file-info><data url='&a;'/></file-info></file>")),
	   "DOCTYPE");
	ok(!rcs_location_text(&b, SLICE("<x><pos>1 2</pos></x>")), "no push location");
	ok(!rcs_location_text(&b, SLICE("<rcspushlocation><pos>100 2</pos></rcspushlocation>")),
	   "latitude out of bounds");
	ok(rcs_location_text(&b, SLICE("<rcspushlocation label='a&#10;b'><pos> 1.5  -2 </pos></rcspushlocation>")),
	   "a place");
	is_str(buf_str(&b), "Location: a b\ngeo:1.5,-2\n", "as text");
	buf_free(&b);
}

int main(void)
{
	pages();
	bombs();
	transfers();
	parties();
	documents();
	return tap_done();
}
