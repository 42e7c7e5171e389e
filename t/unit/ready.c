/*
 * The ready form: files made beforehand, their seal, and what is left when it is not whole.
 */
#include "base/hash.h"
#include "spool/batch.h"
#include "spool/list.h"
#include "spool/ready.h"
#include "spool/spool.h"
#include "spool/sys.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char root[64], in[80];

/* How many files DIR of the queue has; the last one's path. */
static int files(const char *dir, char path[400])
{
	char at[100];
	int n = 0;
	snprintf(at, sizeof at, "%s/%s", in, dir);
	DIR *d = opendir(at);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.') {
			snprintf(path, 400, "%s/%s", at, e->d_name);
			n++;
		}
	if (d)
		closedir(d);
	return n;
}

static struct spool_producer *producer(void)
{
	struct spool_producer *p = spool_producer_open(in);
	if (!p)
		exit(111);
	return p;
}

static void put(struct spool_producer *p, const char *line)
{
	spool_producer_put(p, line, strlen(line), NULL, 0);
	is_int(spool_producer_commit(p), 0, "committed");
}

/* What the queue holds, a blank behind each record; then it is gone. */
static const char *drain(void)
{
	static char text[16384];
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	struct spool_line *l;
	int n;
	text[0] = '\0';
	while ((n = spool_claim(w, &l)) > 0) {
		for (int i = 0; i < n; i++)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", l[i].p);
		spool_commit(w);
	}
	spool_worker_close(w);
	return text;
}

static void seals(void)
{
	struct buf records = {0}, file = {0};
	struct tmp_name n;
	char name[NAME_SIZE];
	name_make(name, 77, 99, 2, "r");
	buf_puts(&records, "{\"n\":1}\n{\"n\":2}\n");
	ready_seal(&file, name, &records);
	is_int((long)file.n, READY_OCTETS, "a file is full");
	ok(ready_sealed(slice_buf(&file), &n) && strcmp(n.name, name) == 0 && n.octets == 16, "its seal agrees");
	is_int(memchr(file.p, '\n', file.n) == file.p + 7 && file.p[file.n - 1] == '\n', 1, "it has lines");
	is_int((long)strspn(file.p + 15, " \t"), (long)file.n - 16, "and blanks");
	for (size_t i = 0; i < file.n; i += 7) {
		bool padding = i >= 16 && i < file.n - 1 - SEAL_OCTETS;
		file.p[i] ^= 1;
		if (ready_sealed(slice_buf(&file), &n) != padding) {
			ok(false, "octet %zu changed", i);
			break;
		}
		file.p[i] ^= 1;
	}
	file.n--;
	ok(!ready_sealed(slice_buf(&file), &n), "a shorter one is none");
	buf_clear(&records);
	while (records.n < READY_OCTETS - SEAL_OCTETS - 1)
		buf_putc(&records, 'x');
	buf_putc(&records, '\n');
	ready_seal(&file, name, &records);
	is_int(file.n == READY_OCTETS && ready_sealed(slice_buf(&file), &n), 1, "the longest");
	is_int(ready_records(&file, 0, name), READY_WHOLE, "is whole");
	is_str(buf_str(&file), buf_str(&records), "and comes back");
	ready_seal(&file, name, &records);
	name_make(name, 77, 98, 2, "r");
	is_int(ready_records(&file, 0, name), READY_DAMAGED, "another batch's");
	buf_free(&records);
	buf_free(&file);
}

static void names(void)
{
	struct spool_name n;
	struct tmp_name t;
	ok(name_parse("00000000001.0123456789abc.3r", &n) && n.ready && !n.blobs && n.records == 3, "in new/");
	ok(name_parse("00000000001.0123456789abc.3b", &n) && !n.ready && n.blobs, "no blobs in it");
	ok(!name_parse("00000000001.0123456789abc.3br", &n), "not both");
	ok(name_parse_tmp("00000000001.0123456789abc.1r.4096", &t) && t.form == TMP_READY && t.octets == 4096, "in tmp/");
}

static void comes_and_goes(void)
{
	char path[400], line[READY_OCTETS];
	struct spool_producer *p = producer();
	is_int(spool_producer_idle(p), -1, "nothing is made ready before a first batch");
	put(p, "{\"n\":1}");
	ok(files("new", path) == 1 && path[strlen(path) - 1] == '1', "the first is none");
	spool_ready_pause_us = 5000000;
	ok(spool_producer_idle(p) > 4000 && files("tmp", path) == 0, "not at once");
	spool_ready_pause_us = 0;
	is_int(spool_producer_idle(p), -1, "then");
	is_int(files("tmp", path), 1, "a file is ready");
	is_int(spool_producer_idle(p), -1, "one");
	put(p, "{\"n\":2}");
	ok(files("new", path) == 2 && files("tmp", path) == 0, "and is used");
	put(p, "{\"n\":3}");
	spool_producer_idle(p);
	memset(line, 'x', sizeof line);
	memcpy(line + sizeof line - SEAL_OCTETS, "", 1);
	put(p, line);
	is_int(files("tmp", path), 1, "not for one octet too many");
	put(p, "{\"n\":4}");
	ok(files("tmp", path) == 0 && files("new", path) == 5, "for the next");
	spool_producer_idle(p);
	files("tmp", path);
	unlink(path);
	put(p, "{\"n\":5}");
	is_int(files("new", path), 6, "somebody cleaned up by hand");
	spool_producer_idle(p);
	spool_producer_close(p);
	is_int(files("tmp", path), 0, "it goes with its producer");
	const char *text = drain(), *end = strrchr(text, 'x');
	is_int(strncmp(text, "{\"n\":1} {\"n\":2} {\"n\":3} xxx", 27), 0, "in order, without blanks");
	is_str(end ? end + 1 : "", " {\"n\":4} {\"n\":5} ", "and so on");
}

static int flushes;

static void count_flush(const struct spool_call *c, long result)
{
	flushes += c->op == OP_FSYNC && result == 0;
}

/* What is shown can be read, and is not durable before somebody asks for it, or a while later. */
static void shown(void)
{
	char path[400];
	struct spool_producer *p = producer();
	put(p, "{\"n\":1}");
	spool_producer_idle(p);
	spool_sys_after = count_flush;
	for (int n = 2; n <= 4; n++) {
		char line[16];
		snprintf(line, sizeof line, "{\"n\":%d}", n);
		flushes = 0;
		spool_producer_put(p, line, strlen(line), NULL, 0);
		is_int(spool_producer_show(p), 0, "shown");
		ok(files("new", path) == n && !flushes, "in new/, without a flush");
		spool_ready_pause_us = 5000000;
		if (n == 2)
			spool_producer_settle(p);
		else if (n == 3)
			while (!flushes && spool_producer_idle(p) == 1)
				usleep(1000);
		else
			spool_producer_close(p);
		is_int(flushes, 1, n == 2 ? "then settled" : n == 3 ? "it settles by itself" : "or at the end");
		flushes = 0;
		if (n < 4) {
			spool_producer_settle(p);
			is_int(flushes, 0, "once");
			spool_ready_pause_us = 0;
			spool_producer_idle(p);
		}
	}
	spool_ready_pause_us = 0;
	p = producer();
	flushes = 0;
	spool_producer_put(p, "{\"n\":5}", 7, NULL, 0);
	ok(spool_producer_show(p) == 0 && flushes == 1, "what is not in the ready form is durable at once");
	spool_producer_idle(p);
	for (int n = 6; n <= 7; n++) {
		char line[16];
		snprintf(line, sizeof line, "{\"n\":%d}", n);
		flushes = 0;
		spool_producer_put(p, line, strlen(line), NULL, 0);
		ok(spool_producer_show(p) == 0 && flushes == (n == 6 ? 0 : 2), "the next one settles the last one");
	}
	spool_producer_close(p);
	spool_sys_after = NULL;
	is_str(drain(), "{\"n\":1} {\"n\":2} {\"n\":3} {\"n\":4} {\"n\":5} {\"n\":6} {\"n\":7} ", "all are there");
}

/* A batch in the ready form in new/; its path. */
static void one(const char *line, char path[400])
{
	struct spool_producer *p = producer();
	put(p, "{}");
	drain();
	spool_producer_idle(p);
	put(p, line);
	spool_producer_close(p);
	ok(files("new", path) == 1 && path[strlen(path) - 1] == 'r', "in the ready form");
}

static void write_at(const char *path, off_t at, const char *octets, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, octets, n, at) != (ssize_t)n || close(fd) != 0)
		exit(111);
}

static void not_whole(void)
{
	char path[400], blank[READY_OCTETS];
	memset(blank, ' ', sizeof blank);
	blank[sizeof blank - 1] = '\n';
	one("{\"n\":1}", path);
	write_at(path, 0, blank, sizeof blank);
	is_str(drain(), "", "the power took all of it");
	one("{\"n\":2}", path);
	write_at(path, READY_OCTETS / 2, blank + READY_OCTETS / 2, READY_OCTETS / 2);
	is_str(drain(), "", "or half of it");
	is_int(files("fail", path) + files("new", path) + files("cur/1", path), 1, "and nothing is left but the lock");
	one("{\"n\":3}", path);
	write_at(path, 5, "4", 1);
	is_str(drain(), "", "somebody wrote into it");
	is_int(files("fail", path), 1, "it is kept to be looked at");
	unlink(path);
	one("{\"n\":5}", path);
	struct spool_file f = {.path = path};
	struct buf text = {0};
	ok(spool_file_read(&f, &text) && strcmp(buf_str(&text), "{\"n\":5}\n") == 0, "tools show no blanks");
	buf_free(&text);
	is_str(drain(), "{\"n\":5} ", "whole");
}

static int unreadable(const struct spool_call *c)
{
	return c->op == OP_READ ? EIO : 0;
}

/* What a dead producer left in tmp/. */
static void swept(void)
{
	char path[400], name[NAME_SIZE];
	struct buf records = {0}, file = {0};
	struct spool_producer *p = producer();
	put(p, "{\"n\":1}");
	spool_producer_idle(p);
	drain();
	is_int(files("tmp", path), 1, "a sweep leaves it to its producer");
	name_make(name, 77, 99, 1, "r");
	buf_puts(&records, "{\"n\":7}\n");
	ready_seal(&file, name, &records);
	char *dead = xasprintf("%s/tmp/%s.%d", in, name, READY_OCTETS);
	int fd = open(dead, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, file.p, file.n) != (ssize_t)file.n || close(fd) != 0)
		exit(111);
	struct queue *q = queue_open(in, QUEUE_WHOLE);
	spool_sys_before = unreadable;
	queue_sweep(q);
	spool_sys_before = NULL;
	queue_close(q);
	ok(access(dead, F_OK) == 0, "what cannot be read is nobody's to remove");
	is_str(drain(), "{\"n\":7} ", "a sealed one goes on");
	spool_producer_close(p);
	buf_free(&file);
	buf_free(&records);
	free(dead);
	is_int(files("tmp", path), 0, "tmp/ is empty");
}

int main(void)
{
	const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ".";
	char cmd[100];
	snprintf(root, sizeof root, "%s/ready.%d", where, (int)getpid());
	snprintf(in, sizeof in, "%s/in", root);
	spool_form = FORM_NORMAL;
	spool_ready_pause_us = 0;
	if (spool_make_queue(in) < 0)
		return 111;
	seals();
	names();
	comes_and_goes();
	shown();
	not_whole();
	swept();
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	if (system(cmd) != 0)
		printf("# %s is left over\n", root);
	return tap_done();
}
