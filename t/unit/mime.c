#include "base/charset.h"
#include "cpim/lists.h"
#include "cpim/mime.h"
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

static void param(const char *value, const char *name, const char *want)
{
	struct buf b = {0};
	bool found = mime_param(slice_of(value), name, &b);
	is_str(found ? buf_str(&b) : NULL, want, value);
	buf_free(&b);
}

static void params(void)
{
	param("text/plain; charset=utf-8", "charset", "utf-8");
	param("text/plain;CHARSET = \"utf\\-8\" ; x=y", "charset", "utf-8");
	param("multipart/mixed; x=\"a;boundary=no\"; boundary=yes", "boundary", "yes");
	param("attachment; filename*=UTF-8'en'na%C3%AFve.txt; filename=naive.txt", "filename", "na\xc3\xafve.txt");
	param("attachment; filename*=iso-8859-1''caf%E9", "filename", "caf\xc3\xa9");
	param("attachment; filename*0*=utf-8''a%20; filename*1=\"b c\"; filename*2*=%2e", "filename", "a b c.");
	param("attachment; filename=\"caf\xe9\"", "filename", "caf\xc3\xa9");
	param("attachment", "filename", NULL);
	param("attachment;;;=;", "filename", NULL);
	param("text/plain; charset", "charset", "");
	struct buf b = {0};
	ok(mime_word(SLICE(" Text/HTML ; x=y"), &b), "a type");
	is_str(buf_str(&b), "text/html", "in lower case");
	ok(!mime_word(SLICE("text/pl ain"), &b) && !b.n, "not a token");
	ok(!mime_word(SLICE("text/"), &b), "half a type");
	buf_free(&b);
}

static void fields(void)
{
	static const char block[] = "Content-Type: multipart/mixed;\r\n boundary=b\r\nX:\r\nY : z\n\nbody";
	struct mime_fields f;
	size_t body;
	ok(mime_fields_read(&f, slice_of(block), &body), "a header block");
	struct slice v = mime_field(&f, "content-type");
	ok(slice_eq(v, "multipart/mixed; boundary=b"), "unfolded");
	ok(slice_eq(mime_field(&f, "y"), "z") && f.n == 3, "blank before the colon");
	is_str(block + body, "body", "what follows");
	mime_fields_free(&f);
	ok(mime_fields_read(&f, SLICE("\r\nbody"), &body) && body == 2 && !f.n, "an empty block");
	mime_fields_free(&f);
	ok(!mime_fields_read(&f, SLICE(" folded first\r\n\r\n"), &body), "folding nothing");
	mime_fields_free(&f);
	ok(!mime_fields_read(&f, SLICE("no field\r\n\r\n"), &body), "no field");
	mime_fields_free(&f);
}

static void split(const char *text, const char *boundary, int want, const char *first, const char *name)
{
	struct source s;
	struct span part[4];
	source_memory(&s, slice_of(text));
	int n = multipart_split(&s, (struct span){0, s.size}, slice_of(boundary), part, 4);
	if (!ok(n == want, "%s", name))
		printf("# got %d parts\n", n);
	if (n > 0 && first) {
		char *got = slice_dup((struct slice){text + part[0].from, (size_t)(part[0].to - part[0].from)});
		is_str(got, first, "its first part");
		free(got);
	}
	source_end(&s);
}

static void multiparts(void)
{
	split("preamble\r\n--b\r\nA: 1\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nepilogue", "b", 2, "A: 1\r\n\r\none",
	      "two parts");
	split("--b\n\none\n--b--", "b", 1, "\none", "LF only, at the very start");
	split("--b\r\n\r\none\r\n--bb\r\n--b--", "b", 1, "\r\none\r\n--bb", "a boundary that begins with ours");
	split("--b \t\r\n\r\none\r\n--b--", "b", 1, "\r\none", "blanks behind the delimiter");
	split("--b\r\n\r\none --b\r\n--b--", "b", 1, "\r\none --b", "not at the start of a line");
	split("--b\r\n\r\none", "b", 1, "\r\none", "no close delimiter");
	split("--b\r\n--b\r\n--b--", "b", 2, "", "empty parts");
	split("nothing", "b", 0, NULL, "no delimiter");
	split("--b\n--b\n--b\n--b\n--b\n--b--", "b", -1, NULL, "too many parts");
	split("--b--\r\n--b\r\n\r\nlate\r\n--b--", "b", 0, NULL, "closed before it began");
	split("--b\r\n", "", -1, NULL, "empty boundary");
}

static void fill(FILE *f, char c, long upto)
{
	static char octets[4 * SOURCE_WINDOW];
	size_t n = (size_t)(upto - ftell(f));
	memset(octets, c, n);
	fwrite(octets, 1, n, f);
}

/* The same through a file, with delimiters laid across the edges of the read window. */
static void large(void)
{
	for (int shift = -40; shift <= 40; shift++) {
		FILE *f = tmpfile();
		struct source s;
		struct span part[8];
		long first = SOURCE_WINDOW + shift, at[3];
		fprintf(f, "--bound\r\n\r\n");
		fill(f, 'x', first);
		at[0] = ftell(f);
		fprintf(f, "\r\n--bound\r\n\r\n");
		fill(f, '-', first + SOURCE_WINDOW);
		at[1] = ftell(f);
		fprintf(f, "\r\n--bound--\r\n");
		fflush(f);
		source_file(&s, fileno(f), ftell(f));
		int n = multipart_split(&s, (struct span){0, s.size}, SLICE("bound"), part, 8);
		if (n != 2 || part[0].to != at[0] || part[1].to != at[1] || shift == 40)
			ok(n == 2 && part[0].to == at[0] && part[1].to == at[1], "split across windows, shift %d",
			   shift);
		source_end(&s);
		fclose(f);
	}
}

static void charsets(void)
{
	static const struct {
		const char *in, *charset, *out;
		bool clean;
	} row[] = {
		{"caf\xc3\xa9", "", "caf\xc3\xa9", true},
		{"caf\xe9", "", "caf\xc3\xa9", true},
		{"caf\xe9", "utf-8", "caf\xef\xbf\xbd", false},
		{"caf\xe9", "ISO-8859-1", "caf\xc3\xa9", true},
		{"\x93q\x94", "windows-1252", "\xe2\x80\x9cq\xe2\x80\x9d", true},
		{"caf\xe9", "no-such-charset", "caf\xc3\xa9", true},
		{"caf\xc3\xa9", "us-ascii", "caf\xc3\xa9", true},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf b = {0};
		bool clean = charset_to_utf8(&b, slice_of(row[i].in), slice_of(row[i].charset));
		is_str(buf_str(&b), row[i].out, row[i].charset);
		ok(clean == row[i].clean, "told whether something was lost");
		buf_free(&b);
	}
}

#define LIST(s)                                                                                                        \
	"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists' xmlns:c='urn:ietf:params:xml:ns:copycontrol'>"  \
	"<list>" s "</list></resource-lists>"

static void lists(void)
{
	struct lists l;
	char why[128];
	ok(lists_read(&l,
		      SLICE(LIST("<entry uri='sip:a@x' c:copyControl='cc'/><entry uri='sip:b@x'/>"
				 "<entry uri='sip:a@x' c:copyControl='to' c:anonymize='true'/>"
				 "<list><entry uri='sip:d&amp;e@x' "
				 "c:copyControl='to'><display-name>D</display-name></entry></list>"
				 "<entry uri='sip:f@x' c:copyControl='bcc' c:anonymize='true'/>"
				 "<entry uri='sip:anonymous@anonymous.invalid' c:copyControl='cc' c:count='2'/>"
				 "<entry uri='sip:anonymous@anonymous.invalid' c:copyControl='cc' c:count='3'/>")),
		      why),
	   "a list");
	is_int((int)l.n, 6, "entries without doubles");
	ok(l.v[0].copy == COPY_TO && l.v[0].anonymize, "to beats cc");
	ok(l.v[1].copy == COPY_BCC, "no copyControl is bcc");
	is_str(l.v[2].uri, "sip:d&e@x", "nested list, entity decoded");
	ok(l.v[3].copy == COPY_BCC && !l.v[3].anonymize, "bcc beats anonymize");
	ok(lists_is_hidden(&l.v[4]) && l.v[4].count == 2 && l.v[5].count == 3, "hidden entries with their counts");
	ok(!lists_is_hidden(&l.v[0]), "an open one");
	lists_free(&l);
}

static void bad_lists(void)
{
	struct lists l;
	char why[128];
	struct buf b = {0};
	static const struct {
		const char *xml, *why;
	} row[] = {
		{"<!DOCTYPE x [<!ENTITY a \"aaaa\">]><resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'/>",
		 "document type"},
		{"<resource-lists/>", "root is not"},
		{"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'>", "no element"},
		{"", "no element"},
		{"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'>&undefined;</resource-lists>",
		 "undefined entity"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		bool good = lists_read(&l, slice_of(row[i].xml), why);
		if (!ok(!good && strstr(why, row[i].why), "refused: %s", row[i].why))
			printf("# %s\n", why);
		lists_free(&l);
	}
	buf_puts(&b, "<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'>");
	for (int i = 0; i < 100000 / 6; i++)
		buf_puts(&b, "<list>");
	ok(!lists_read(&l, slice_buf(&b), why) && strstr(why, "deeper"), "refused: depth");
	lists_free(&l);
	buf_clear(&b);
	buf_puts(&b, "<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list>");
	for (int i = 0; i < 501; i++)
		buf_printf(&b, "<entry uri='sip:%d@x'/>", i);
	buf_puts(&b, "</list></resource-lists>");
	ok(!lists_read(&l, slice_buf(&b), why) && strstr(why, "500"), "refused: entries");
	lists_free(&l);
	buf_room(&b, LISTS_OCTETS_MAX);
	b.n = LISTS_OCTETS_MAX + 1;
	ok(!lists_read(&l, slice_buf(&b), why) && strstr(why, "256 KiB"), "refused: octets");
	lists_free(&l);
	buf_free(&b);
}

int main(void)
{
	params();
	fields();
	multiparts();
	large();
	charsets();
	lists();
	bad_lists();
	return tap_done();
}
