/*
 * The corpus of answers, scored: each CASE.eml through the walk over its parts and the cutting of replies, compared
 * with CASE.txt, what a person would have it be.
 *
 * usage: score DIRECTORY      TAP on standard output, with the share of exactly right ones: "# reply_score 0.993"
 *        score -p FILE.eml    print what comes out
 */
#include "mail/extract.h"
#include "mail/reply.h"
#include "mailfile.h"
#include "tap.h"

#include <glob.h>

static const char marker[] = "=== Please write above this line ===";
static const double goal = 0.97;

static bool run(const char *path, struct buf *out, enum mail_reply_result *how)
{
	const char *why = "cannot be read";
	struct buf octets = {0};
	GMimeMessage *m = mail_read(path, &octets) ? mail_message_open(octets.p, octets.n, -1, &why) : NULL;
	if (m) {
		struct mail_text t;
		mail_text_extract(m, NULL, &t);
		struct mail_reply_options o = {
			.marker = marker, .marks = t.marks, .n_marks = t.n_marks, .may_be_empty = t.n_attachments > 0};
		*how = mail_reply_strip(out, slice_buf(&t.text), &o);
		mail_text_free(&t);
		g_object_unref(m);
	} else {
		printf("# %s: %s\n", path, why);
	}
	buf_free(&octets);
	return m != NULL;
}

static void show(const char *what, const char *text)
{
	printf("# %s:\n#   |", what);
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			printf("#   |");
	}
	putchar('\n');
}

static bool eaten(const struct buf *got, struct slice want)
{
	return want.n && slice_trim(slice_buf(got)).n == 0;
}

static int score(const char *directory)
{
	char *pattern = xasprintf("%s/*.eml", directory);
	glob_t files;
	size_t right = 0, lost = 0;
	if (glob(pattern, 0, NULL, &files) != 0)
		files.gl_pathc = 0;
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct buf got = {0}, want = {0};
		enum mail_reply_result how;
		char *expected = expected_path(files.gl_pathv[i]);
		bool good = file_read(expected, &want) && run(files.gl_pathv[i], &got, &how);
		struct slice wanted = slice_trim(slice_buf(&want));
		bool same = good && got.n == wanted.n && memcmp(buf_str(&got), wanted.p, wanted.n) == 0;
		right += same;
		lost += !good || eaten(&got, wanted);
		if (!same) {
			printf("# not exact: %s\n", files.gl_pathv[i]);
			show("got", buf_str(&got));
			show("expected", buf_str(&want));
		}
		free(expected);
		buf_free(&got), buf_free(&want);
	}
	double share = files.gl_pathc ? (double)right / (double)files.gl_pathc : 0;
	ok(files.gl_pathc >= 130, "%zu answers in the corpus", files.gl_pathc);
	ok(share >= goal, "%zu of them exactly right", right);
	ok(lost == 0, "no whole mail is eaten (%zu)", lost);
	printf("# reply_score %.3f\n", share);
	globfree(&files);
	free(pattern);
	return tap_done();
}

int main(int argc, char **argv)
{
	struct buf out = {0};
	enum mail_reply_result how;
	if (argc == 2)
		return score(argv[1]);
	if (argc != 3 || strcmp(argv[1], "-p") != 0 || !run(argv[2], &out, &how))
		return 100;
	puts(buf_str(&out));
	buf_free(&out);
	return 0;
}
