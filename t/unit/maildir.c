/* Engine maildir: a real Maildir in a scratch directory. */
#include "../lib/tap.h"

#include "smtp/smtp.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int noted;

static void decided(struct smtp_mail *m, void *ctx)
{
	(void)ctx;
	if (!smtp_mail_open(m))
		noted++;
}

static int count(const char *dir, char *name, size_t size)
{
	int n = 0;
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.') {
			n++;
			snprintf(name, size, "%s", e->d_name);
		}
	if (d)
		closedir(d);
	return n;
}

static void deliver(const struct smtp_engine *e, const char *path, struct smtp_mail *mails, size_t n)
{
	struct smtp_settings s = {.hostname = "mailgw.example.net", .decided = decided};
	struct smtp_route route = {.path = path};
	struct smtp_mail **list = malloc(n * sizeof(*list));
	void *engine = e->open(&s);
	for (size_t i = 0; i < n; i++)
		list[i] = &mails[i];
	e->deliver(engine, &route, list, n);
	e->close(engine);
	free(list);
}

static struct smtp_mail mail(const char *id, struct smtp_rcpt *rcpts, size_t n, const char *text)
{
	return (struct smtp_mail){.id = id,
				  .time_ms = 1700000000123,
				  .from = "alice@rcs.example.net",
				  .rcpts = rcpts,
				  .nrcpts = n,
				  .body = {.p = text, .n = (int64_t)strlen(text), .fd = -1}};
}

int main(void)
{
	char dir[] = "/tmp/cpmail-maildir.XXXXXX", path[64], new[80], cur[80], tmp[80], name[300] = "", from[500],
	     to[500], content[1000];
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/Maildir", dir);
	snprintf(new, sizeof(new), "%s/new", path);
	snprintf(cur, sizeof(cur), "%s/cur", path);
	snprintf(tmp, sizeof(tmp), "%s/tmp", path);

	struct smtp_rcpt two[2] = {{.address = "bob@example.org"}, {.address = "carol@example.org"}};
	struct smtp_mail m = mail("id1", two, 2, "Subject: x\r\n\r\n.dot\r\nline\r\n");
	deliver(&smtp_maildir, path, &m, 1);
	ok(two[0].result.outcome == SMTP_DONE && two[1].result.outcome == SMTP_DONE && two[0].result.code == 250 &&
		   noted == 1,
	   "both recipients are done");
	is_int(count(new, name, sizeof(name)), 1, "one file for one mail");
	is_str(name, "1700000000.Rid1.mailgw.example.net", "its name comes from the record");
	is_int(count(tmp, to, sizeof(to)), 0, "nothing stays in tmp/");
	snprintf(from, sizeof(from), "%s/%s", new, name);
	FILE *f = fopen(from, "r");
	content[fread(content, 1, sizeof(content) - 1, f)] = '\0';
	fclose(f);
	is_str(content,
	       "Return-Path: <alice@rcs.example.net>\nDelivered-To: bob@example.org\nX-Original-To: bob@example.org\n"
	       "Delivered-To: carol@example.org\nX-Original-To: carol@example.org\nSubject: x\n\n.dot\nline\n",
	       "envelope in front, LF line ends, dots as they are");

	two[0].result.outcome = two[1].result.outcome = SMTP_OPEN;
	deliver(&smtp_maildir, path, &m, 1);
	ok(two[0].result.outcome == SMTP_DONE && count(new, name, sizeof(name)) == 1,
	   "the same record again: no second file");
	snprintf(to, sizeof(to), "%s/%s:2,S", cur, name);
	rename(from, to);
	two[0].result.outcome = two[1].result.outcome = SMTP_OPEN;
	deliver(&smtp_maildir, path, &m, 1);
	ok(two[0].result.outcome == SMTP_DONE && count(new, name, sizeof(name)) == 0,
	   "nor when a reader has moved it to cur/");

	struct smtp_rcpt r[5] = {{.address = "a@x.example"},
				 {.address = "b@x.example"},
				 {.address = "c\r\nx@x.example"},
				 {.address = "d@x.example"},
				 {.address = "e@x.example"}};
	struct smtp_mail batch[5];
	char ids[5][8];
	for (int i = 0; i < 5; i++) {
		snprintf(ids[i], sizeof(ids[i]), "b%d", i);
		batch[i] = mail(ids[i], &r[i], 1, i == 3 ? "Subject: x\n\nbare\n" : "Subject: x\r\n\r\ny\r\n");
	}
	batch[4].from = "x\ny";
	noted = 0;
	deliver(&smtp_maildir, path, batch, 5);
	ok(count(new, name, sizeof(name)) == 2 && r[0].result.outcome == SMTP_DONE && r[1].result.outcome == SMTP_DONE,
	   "a batch: the good ones are written");
	ok(r[2].result.outcome == SMTP_PERMANENT && strcmp(r[2].result.enhanced, "5.1.3") == 0,
	   "an address with a line break is refused");
	ok(r[3].result.outcome == SMTP_PERMANENT && strcmp(r[3].result.enhanced, "5.6.0") == 0, "bare LF is refused");
	ok(r[4].result.outcome == SMTP_PERMANENT && strcmp(r[4].result.enhanced, "5.1.7") == 0,
	   "a reverse path with a line break is refused");
	is_int(noted, 5, "each was reported");

	/* A place where no directory can be made. */
	snprintf(path, sizeof(path), "%s/plain/Maildir", dir);
	snprintf(from, sizeof(from), "%s/plain", dir);
	f = fopen(from, "w");
	fclose(f);
	r[0].result.outcome = SMTP_OPEN;
	deliver(&smtp_maildir, path, batch, 1);
	ok(r[0].result.outcome == SMTP_TEMPORARY && strcmp(r[0].result.enhanced, "4.3.0") == 0, "no Maildir: temporary");

	int rc = tap_done();
	fflush(stdout);
	if (rc == 0)
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
	return rc;
}
