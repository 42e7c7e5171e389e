/* A mail with an attachment of 30 MiB in a file: listed and read in constant memory; one with a text of 8 MiB: cut, and
 * whole as an attachment. */
#include "mail/extract.h"
#include "tap.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ATTACHED = 30 << 20, TEXT = 8 << 20, GROWTH_KIB = 12 << 10 };

static const char head[] = "From: bob@example.org\r\nSubject: large\r\nMIME-Version: 1.0\r\n";
static const char line[] =
	"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4\r\n"; /* 57 octets */

static long peak_kib(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static bool count(void *ctx, struct slice piece)
{
	*(int64_t *)ctx += (int64_t)piece.n;
	return true;
}

static FILE *with_attachment(void)
{
	FILE *f = tmpfile();
	fprintf(f, "%sContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee the film\r\n", head);
	fputs("--x\r\nContent-Type: video/mp4; name=film.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n", f);
	for (int i = 0; i < ATTACHED / 57; i++)
		fputs(line, f);
	fputs("--x--\r\n", f);
	fflush(f);
	return f;
}

static FILE *with_text(void)
{
	FILE *f = tmpfile();
	fprintf(f, "%sContent-Type: text/plain\r\n\r\n", head);
	for (int i = 0; i < TEXT / 16; i++)
		fputs("fourteen octet\r\n", f);
	fflush(f);
	return f;
}

static void read_mail(FILE *f, const char *text, int64_t size, unsigned loss)
{
	const char *why;
	struct mail_text t;
	int64_t octets = 0;
	long before = peak_kib();
	GMimeMessage *m = mail_message_open(NULL, 0, fileno(f), &why);
	if (!ok(m != NULL, "it is a mail"))
		return;
	mail_text_extract(m, NULL, &t);
	ok(t.text.n >= strlen(text) && memcmp(t.text.p, text, strlen(text)) == 0, "its text begins with \"%s\"", text);
	is_int(t.loss, loss, "what is lost");
	if (ok(t.n_attachments == 1, "one attachment")) {
		is_int(t.attachments[0].size, size, "of so many octets");
		ok(mail_attachment_read(&t.attachments[0], count, &octets) && octets == size,
		   "all of them can be read");
	}
	ok(peak_kib() - before < GROWTH_KIB, "in less than %d KiB more (%ld)", GROWTH_KIB, peak_kib() - before);
	mail_text_free(&t);
	g_object_unref(m);
	fclose(f);
}

int main(void)
{
	read_mail(with_attachment(), "see the film", (int64_t)(ATTACHED / 57) * 57, 0);
	read_mail(with_text(), "fourteen octet\n", TEXT, MAIL_LOSS_CUT);
	return tap_done();
}
