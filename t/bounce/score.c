/*
 * score - reports in the styles of many mail systems: NAME.eml (envelope, empty line, mail) must give the receipt of
 * NAME.json; what lies in other/ is no report and must give none. Every one has to be right.
 *
 * usage: score DIRECTORY [NAME...]
 */
#include "base/log.h"
#include "map/receipt.h"
#include "tap.h"

#include <dirent.h>
#include <stdlib.h>

static struct map_names *names;
static int right, all;

static void setup(void)
{
	static struct token_keys keys;
	char octets[32], why[128];
	for (int i = 0; i < 32; i++)
		octets[i] = (char)i;
	token_keys_add(&keys, octets, sizeof octets);
	names = map_names_make(&(struct map_settings){.gateway = "mailgw.ims.example.net",
						      .mail_domain = "rcs.example.net",
						      .keys = &keys},
			       why);
	if (!names)
		abort();
}

static bool read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "r");
	size_t n;
	if (!f)
		return false;
	do {
		n = fread(buf_room(out, 65536), 1, 65536, f);
		out->n += n;
	} while (n > 0);
	buf_put(out, "", 0);
	fclose(f);
	return true;
}

/* "MAIL FROM:<x>" -> x */
static char *path_of(struct slice *rest)
{
	bool more;
	struct slice line = slice_cut(rest, '\n', &more);
	slice_cut(&line, '<', &more);
	return slice_dup(slice_cut(&line, '>', &more));
}

/* The mail of a file, with the line ends of the wire. */
static void mail_of(struct slice rest, struct buf *mail)
{
	for (bool more = rest.n > 0; more && rest.n;) {
		buf_slice(mail, slice_cut(&rest, '\n', &more));
		buf_puts(mail, "\r\n");
	}
}

/* What the mail in a file becomes: the receipt, or NULL. */
static json_t *receipt_of_file(const char *path)
{
	struct buf file = {0}, mail = {0};
	struct report r;
	json_t *got = json_object();
	bool more;
	if (!read_file(path, &file))
		abort();
	struct slice rest = slice_buf(&file);
	char *from = path_of(&rest), *rcpt = path_of(&rest);
	slice_cut(&rest, '\n', &more);
	mail_of(rest, &mail);
	report_read(&r, slice_buf(&mail), slice_of(from), receipt_ours, names);
	if (!receipt_of_report(got, &r, rcpt)) {
		json_decref(got);
		got = NULL;
	}
	report_free(&r);
	free(from), free(rcpt);
	buf_free(&file), buf_free(&mail);
	return got;
}

static void one(const char *directory, const char *name, bool other)
{
	char path[1024];
	json_error_t error;
	snprintf(path, sizeof path, "%s/%s.eml", directory, name);
	json_t *got = receipt_of_file(path), *want = NULL;
	if (!other) {
		snprintf(path, sizeof path, "%s/%s.json", directory, name);
		want = json_load_file(path, 0, &error);
	}
	bool same = other ? !got : want && got && json_equal(got, want);
	right += same;
	all++;
	if (!ok(same, "%s%s", name, other ? " is no receipt" : "")) {
		char *g = got ? json_dumps(got, JSON_INDENT(1)) : NULL,
		     *w = want ? json_dumps(want, JSON_INDENT(1)) : NULL;
		printf("# got\n%s\n# expected\n%s\n", g ? g : "nothing", w ? w : "nothing");
		free(g), free(w);
	}
	json_decref(got), json_decref(want);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int run(const char *directory, bool other)
{
	char *list[1000];
	size_t n = 0;
	DIR *d = opendir(directory);
	if (!d)
		abort();
	for (struct dirent *e; n < 1000 && (e = readdir(d));) {
		size_t len = strlen(e->d_name);
		if (len > 4 && strcmp(e->d_name + len - 4, ".eml") == 0)
			list[n++] = slice_dup((struct slice){e->d_name, len - 4});
	}
	closedir(d);
	qsort(list, n, sizeof *list, by_name);
	for (size_t i = 0; i < n; i++) {
		one(directory, list[i], other);
		free(list[i]);
	}
	return (int)n;
}

int main(int argc, char **argv)
{
	char other[1024];
	log_set_level(LOG_ERROR);
	setup();
	if (argc < 2)
		return 2;
	snprintf(other, sizeof other, "%s/other", argv[1]);
	if (argc > 2)
		for (int i = 2; i < argc; i++)
			one(argv[1], argv[i], false);
	else
		ok(run(argv[1], false) >= 28 && run(other, true) > 0, "there is a corpus");
	printf("# %d of %d right\n", right, all);
	map_names_free(names);
	return tap_done();
}
