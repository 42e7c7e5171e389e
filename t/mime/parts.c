/*
 * Odd mails, each CASE.eml with what the walk over its parts makes of it in CASE.txt: text, appended text, attachments
 * (name, type, octets, CRC-32C of them), what was lost. Each is read from memory and from a file.
 *
 * usage: parts DIRECTORY      TAP on standard output
 *        parts -p FILE.eml    print what comes out
 */
#include "base/hash.h"
#include "mail/extract.h"
#include "mailfile.h"
#include "tap.h"

#include <glob.h>
#include <unistd.h>

static const char *const blocked[] = {"exe", "js", "application/x-msdownload", NULL};
static const struct mail_text_limits limits = {
	.parts = 30, .depth = 5, .attachments = 4, .text = 4096, .blocked = blocked};

static bool add_crc(void *ctx, struct slice piece)
{
	*(uint32_t *)ctx = crc32c(*(uint32_t *)ctx, piece.p, piece.n);
	return true;
}

static void put_attachment(const struct mail_attachment *a, struct buf *out)
{
	uint32_t crc = 0;
	bool read = mail_attachment_read(a, add_crc, &crc);
	buf_printf(out, "attachment: %s | %s | %lld | %08x", a->name, a->type, (long long)a->size, read ? crc : 0);
	if (a->charset)
		buf_printf(out, " | charset %s", a->charset);
	if (a->cid)
		buf_printf(out, " | cid %s", a->cid);
	buf_puts(out, a->is_inline ? " | inline" : "");
	buf_puts(out, a->blocked ? " | blocked\n" : "\n");
}

static void put_text(struct buf *out, const char *name, const struct buf *text)
{
	struct slice s = slice_buf(text);
	bool more = s.n > 0;
	if (!s.n)
		return;
	buf_printf(out, "%s:\n", name);
	while (more && s.n) {
		struct slice line = slice_cut(&s, '\n', &more);
		buf_putc(out, '|');
		buf_slice(out, line);
		buf_putc(out, '\n');
	}
}

static void put_result(const struct mail_text *t, struct buf *out)
{
	static const char *const losses[] = {"charset", "cut", "parts", "attachments", "encrypted"};
	put_text(out, "text", &t->text);
	put_text(out, "appended", &t->appended);
	for (size_t i = 0; i < t->n_attachments; i++)
		put_attachment(&t->attachments[i], out);
	if (t->n_left_out)
		buf_printf(out, "left out: %zu\n", t->n_left_out);
	for (unsigned i = 0; i < sizeof losses / sizeof *losses; i++)
		if (t->loss & 1u << i)
			buf_printf(out, "loss: %s\n", losses[i]);
}

static void run(struct slice octets, int fd, struct buf *out)
{
	const char *why;
	struct mail_text t;
	GMimeMessage *m = mail_message_open(octets.p, octets.n, fd, &why);
	if (!m) {
		buf_printf(out, "refused: %s\n", why);
		return;
	}
	mail_text_extract(m, &limits, &t);
	put_result(&t, out);
	mail_text_free(&t);
	g_object_unref(m);
}

static int file_of(struct slice octets)
{
	FILE *f = tmpfile();
	int fd = f ? dup(fileno(f)) : -1;
	if (f)
		fclose(f);
	return fd >= 0 && write(fd, octets.p, octets.n) == (ssize_t)octets.n ? fd : -1;
}

static void check(const char *path)
{
	struct buf octets = {0}, got = {0}, from_file = {0}, want = {0};
	char *expected = expected_path(path);
	if (!mail_read(path, &octets) || !file_read(expected, &want))
		buf_puts(&got, "cannot be read");
	run(slice_buf(&octets), -1, &got);
	is_str(buf_str(&got), buf_str(&want), path);
	int fd = file_of(slice_buf(&octets));
	run((struct slice){NULL, 0}, fd, &from_file);
	is_str(buf_str(&from_file), buf_str(&got), "the same from a file");
	close(fd);
	free(expected);
	buf_free(&octets), buf_free(&got), buf_free(&from_file), buf_free(&want);
}

int main(int argc, char **argv)
{
	alarm(60); /* a mail that the library never ends with ends the test */
	if (argc == 3 && strcmp(argv[1], "-p") == 0) {
		struct buf octets = {0}, out = {0};
		mail_read(argv[2], &octets);
		run(slice_buf(&octets), -1, &out);
		fputs(buf_str(&out), stdout);
		buf_free(&octets), buf_free(&out);
		return 0;
	}
	if (argc != 2)
		return 100;
	char *pattern = xasprintf("%s/*.eml", argv[1]);
	glob_t files;
	ok(glob(pattern, 0, NULL, &files) == 0 && files.gl_pathc >= 60, "there are odd mails");
	for (size_t i = 0; i < files.gl_pathc; i++)
		check(files.gl_pathv[i]);
	globfree(&files);
	free(pattern);
	return tap_done();
}
