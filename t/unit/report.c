/* Reports by mail: limits, and time that does not run away, whatever the mail. What real ones look like: t/bounce. */
#include "base/clock.h"
#include "mail/part.h"
#include "mail/report.h"
#include "tap.h"

#include <stdlib.h>
#include <time.h>

/* Ours: what begins with "ours". */
static bool ours(void *ctx, struct slice id)
{
	(void)ctx;
	return slice_istarts(id, "ours") && id.n > 4 && memchr(id.p, '@', id.n);
}

static int64_t cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum report_kind read(struct report *r, const char *mail, const char *from)
{
	return report_read(r, slice_of(mail), slice_of(from), ours, NULL);
}

/* ---- parts ---- */

static void type(const char *value, const char *want)
{
	char out[MAIL_TYPE_MAX];
	mail_type_read(slice_of(value), out);
	is_str(out, want, value);
}

static void param(const char *value, const char *name, const char *want)
{
	struct buf out = {0};
	bool found = mail_param_read(slice_of(value), name, &out);
	is_str(found ? buf_str(&out) : NULL, want, value);
	buf_free(&out);
}

static void parts_of(const char *body, const char *boundary, const char *want)
{
	struct slice rest = slice_of(body), part;
	struct buf out = {0};
	while (mail_part_next(&rest, slice_of(boundary), &part)) {
		buf_putc(&out, '[');
		buf_slice(&out, part);
		buf_putc(&out, ']');
	}
	is_str(buf_str(&out), want, want);
	buf_free(&out);
}

static void parts(void)
{
	type("Multipart/REPORT; x=y", "multipart/report");
	type("", "text/plain");
	type("text", "text/plain");
	type("text/", "text/plain");
	type("/plain", "text/plain");
	type("a/b/c", "text/plain");
	param("m/r; boundary=abc", "boundary", "abc");
	param("m/r; boundary=\"a;\\\"b\" ; x=1", "boundary", "a;\"b");
	param("m/r; x=\"; boundary=no\"; Boundary = yes", "boundary", "yes");
	param("m/r; boundary*0=\"a b\"; boundary*1=c", "boundary", "a bc");
	param("m/r; boundary=\"open", "boundary", "open");
	param("m/r; boundaryx=1; boundary", "boundary", "");
	param("m/r", "boundary", NULL);
	parts_of("pre\r\n--b\r\nA\r\n--b\r\nB\r\n--b--\r\nepilogue\r\n--b\r\nC", "b", "[A][B]");
	parts_of("--b \nA\n\n--b\n--b--", "b", "[A\n][]");
	parts_of("--b\nA\n--bb\nB\n", "b", "[A\n--bb\nB\n]");
	parts_of("no delimiter", "b", "");
	parts_of("--b--\n--b\nA", "b", "");
	parts_of("--b\nA", "", "");
}

/* ---- limits ---- */

static void limits(void)
{
	struct buf mail = {0};
	struct report r;
	buf_puts(&mail, "From: a@x.example\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
			"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n");
	for (int i = 0; i < 2 * REPORT_RECIPIENTS_MAX; i++)
		buf_printf(&mail, "Final-Recipient: rfc822;u%d@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n",
			   i);
	buf_puts(&mail, "--b--\r\n");
	ok(read(&r, buf_str(&mail), "") == REPORT_DSN && r.nrecipients == REPORT_RECIPIENTS_MAX,
	   "a hundred recipients are taken");
	is_str(r.recipients[99].final, "u99@x.example", "the first hundred");
	report_free(&r);
	buf_clear(&mail);

	buf_puts(&mail, "From: a@x.example\r\nReferences: <ours.older@x>\r\n <ours.last@x>\r\nIn-Reply-To:");
	for (int i = 0; i < 3 * REPORT_IDS_MAX; i++)
		buf_printf(&mail, "\r\n <%s%d@x>", i % 3 ? "other" : "ours", i);
	buf_puts(&mail, "\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
			"Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822;u@x.example\r\n"
			"Action: failed\r\nStatus: 5.1.1\r\n--b--\r\n");
	ok(read(&r, buf_str(&mail), "") == REPORT_DSN && r.nids == REPORT_IDS_MAX + 1, "so many ids are taken");
	is_str(r.ids[0].id, "ours0@x", "ours first, in their order");
	bool last = false, older = false;
	for (size_t i = 0; i < r.nids; i++) {
		last |= strcmp(r.ids[i].id, "ours.last@x") == 0;
		older |= strcmp(r.ids[i].id, "ours.older@x") == 0;
	}
	ok(last && !older, "of References the last one alone");
	report_free(&r);
	buf_clear(&mail);

	buf_puts(&mail, "From: a@x.example\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
			"Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822;");
	for (int i = 0; i < REPORT_ADDRESS_MAX; i++)
		buf_putc(&mail, 'u');
	buf_puts(&mail, "@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; ");
	for (int i = 0; i < 2 * REPORT_TEXT_MAX; i++)
		buf_putc(&mail, 'd');
	buf_puts(&mail, "\r\n--b--\r\n");
	ok(read(&r, buf_str(&mail), "") == REPORT_DSN && !r.recipients[0].final &&
		   strlen(r.recipients[0].diagnostic) == REPORT_TEXT_MAX,
	   "an address that is too long is none; a diagnostic is cut");
	report_free(&r);
	ok(read(&r, "", "") == REPORT_NONE, "an empty mail");
	report_free(&r);
	buf_free(&mail);
}

/* ---- time ---- */

/* A mail over the limit, made of one piece again and again: at most so many milliseconds of this process. */
static void costs(const char *name, const char *head, const char *piece)
{
	struct buf mail = {0};
	struct report r;
	buf_puts(&mail, head);
	while (mail.n < REPORT_OCTETS_MAX + 1000)
		buf_puts(&mail, piece);
	int64_t begin = cpu_ms();
	report_read(&r, slice_buf(&mail), (struct slice){"", 0}, ours, NULL);
	report_free(&r);
	int64_t took = cpu_ms() - begin;
	if (!ok(took < 1500, "%s: linear", name))
		printf("# %lld ms\n", (long long)took);
	buf_free(&mail);
}

static void deep(void)
{
	struct buf mail = {0};
	struct report r;
	for (int i = 0; i < 5000; i++)
		buf_printf(&mail, "Content-Type: multipart/report; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	int64_t begin = cpu_ms();
	ok(read(&r, buf_str(&mail), "") == REPORT_NONE && cpu_ms() - begin < 1500, "nested 5000 deep");
	report_free(&r);
	buf_free(&mail);
}

#define DSN_HEAD                                                                                                       \
	"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
#define MDN_HEAD                                                                                                       \
	"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: "                                      \
	"message/disposition-notification\r\n\r\n"

static void times(void)
{
	costs("junk lines in a machine part", DSN_HEAD, "x\n");
	costs("blocks of one field", DSN_HEAD, "a:b\n\n");
	costs("recipients", DSN_HEAD, "Final-Recipient: rfc822;a@b\nAction: failed\n\n");
	costs("one endless field", DSN_HEAD "Final-Recipient: ", " (");
	costs("blank lines", DSN_HEAD, "\r\n");
	costs("junk lines in an MDN", MDN_HEAD, "x\n");
	costs("modifiers", MDN_HEAD "Disposition: a; b/", "c,");
	costs("delimiters", "Content-Type: multipart/report; boundary=b\r\n\r\n", "--b\n");
	costs("half delimiters", "Content-Type: multipart/report; boundary=b\r\n\r\n", "--bx\n--");
	costs("at signs", "From: a@b\r\n\r\n", "@");
	costs("addresses", "From: a@b\r\n\r\n", "a=b@c ");
	costs("ids that look like ours", "From: a@b\r\n\r\n", "<ours=x@y>\n");
	costs("one long word", "From: a@b\r\n\r\n", "abcdefgh=");
	costs("quote marks", "From: a@b\r\n\r\n", ">");
	costs("paragraphs of qmail", "From: a@b\r\n\r\n", "<a@b.example>:\nno\n");
	costs("one paragraph of qmail", "From: a@b\r\n\r\n<a@b.example>:\n", "no\n");
	costs("a header without end", "", "References: <a@b> <c@d>\r\n");
	costs("an address list without end", "X-Failed-Recipients: ", "a@b,");
	costs("a parameter without end", "Content-Type: multipart/report; ", "boundary*0=a;");
	deep();
}

int main(void)
{
	parts();
	limits();
	times();
	return tap_done();
}
