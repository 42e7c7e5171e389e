/*
 * The quick form after a loss of power: wherever in its queue the input of the last transaction lies again, it is not
 * worked on a second time.
 */
#include "base/log.h"
#include "spool/control.h"
#include "spool/ready.h"
#include "spool/worker.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64], in[80], out[80], db[80];

static struct spool_worker *worker(void)
{
	struct spool_worker_options options = {.database = db};
	struct spool_worker *w = spool_worker_open(in, &options);
	if (!w)
		exit(111);
	return w;
}

/* Pass on what waits; how many records. */
static int work(struct spool_worker *w)
{
	struct spool_line *l;
	spool_tick(w);
	int n = spool_claim(w, &l);
	for (int i = 0; i < n; i++)
		spool_put(w, i, out, l[i].p, l[i].n, NULL, 0);
	if (n > 0)
		spool_commit(w);
	return n;
}

/* Two records; the second by the quick form, by a worker that is no more. */
static void two_records(void)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct spool_worker *w = worker();
		struct spool_producer *p = spool_producer_open(in);
		for (int i = 1; i <= 2; i++) {
			char line[40];
			spool_producer_put(p, line, (size_t)snprintf(line, sizeof line, "{\"n\":%d}", i), NULL, 0);
			spool_producer_commit(p);
			spool_producer_idle(p);
			work(w);
			if (i == 1)
				txn_idle(w);
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* The one file of DIR whose name ends so. */
static bool find(const char *queue, const char *dir, const char *end, char path[400])
{
	char at[100];
	bool found = false;
	snprintf(at, sizeof at, "%s/%s", queue, dir);
	DIR *d = opendir(at);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
		size_t n = strlen(e->d_name), m = strlen(end);
		if (e->d_name[0] != '.' && strcmp(e->d_name, "lock") != 0 && n >= m && strcmp(e->d_name + n - m, end) == 0) {
			found = true;
			snprintf(path, 400, "%s/%s", at, e->d_name);
		}
	}
	if (d)
		closedir(d);
	return found;
}

static int records(const char *queue)
{
	char at[100];
	int n = 0;
	snprintf(at, sizeof at, "%s/new", queue);
	DIR *d = opendir(at);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

/* As the producer made it: before P4 it has no NAME of its own. */
static void unpublish(const char *from, const char *name)
{
	struct buf records = {0}, octets = {0};
	char *to = xasprintf("%s/tmp/00000000001.0123456789abc.1r.%d", in, READY_OCTETS);
	buf_puts(&records, "{\"n\":2}\n");
	ready_seal(&octets, name, &records);
	int fd = open(from, O_WRONLY | O_CLOEXEC);
	ok(fd >= 0 && pwrite(fd, octets.p, octets.n, 0) == READY_OCTETS && rename(from, to) == 0, "in tmp/");
	close(fd);
	free(to);
	buf_free(&records);
	buf_free(&octets);
}

static void lost_claim(const char *dir)
{
	char from[400], to[400], name[NAME_SIZE];
	two_records();
	int before = records(out);
	if (!ok(find(in, "cur/1", "r,c", from), "%s: the quick form leaves its mark", dir))
		return;
	const char *base = strrchr(from, '/') + 1;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(base, ","), base);
	snprintf(to, sizeof to, "%s/%s/%s%s", in, dir, strcmp(dir, "defer") == 0 ? "00000000001." : "", name);
	if (strcmp(dir, "tmp") == 0)
		unpublish(from, name);
	else
		ok(rename(from, to) == 0, "the power takes it back to %s/", dir);
	struct spool_worker *w = worker();
	is_int(work(w), 0, "nothing is to be done");
	is_int(records(out), before, "nothing comes twice");
	spool_worker_close(w);
	static const char *const own[] = {"new", "tmp", "defer", "hold", "cur/1"};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		ok(!find(in, own[i], "", to), "nothing is left in %s/", own[i]);
}

static int disk_full(const struct spool_call *c)
{
	return c->op == OP_RENAME && strstr(c->dir2, "/out/new") ? ENOSPC : 0;
}

/* A start that cannot finish the recovery leaves the next one all that it needs. */
static void recovery_fails(void)
{
	struct spool_worker_options options = {.database = db};
	spool_sys_before = disk_full;
	ok(!spool_worker_open(in, &options) && errno == ENOSPC, "a start on a full disk fails");
	spool_sys_before = NULL;
}

/* COMMIT was durable, nothing else: the spare is where it was, and the input too: claimed, or waiting. */
static void lost_flush(bool waits, bool full)
{
	char part[400], mark[400], spare[400], claim[400];
	two_records();
	int before = records(out);
	struct spool_worker_options options = {.database = db};
	ok(find(in, "cur/1", "r,c", mark), "the mark");
	struct state *s = state_open(db);
	struct state_redo redo;
	if (!ok(s && state_redo(s, &redo), "the state store has its part"))
		return;
	snprintf(part, sizeof part, "%s/new/%s", out, redo.target);
	snprintf(spare, sizeof spare, "%s/cur/1/%s", in, redo.file);
	if (waits)
		snprintf(claim, sizeof claim, "%s/new/%s", in, redo.input);
	else
		snprintf(claim, sizeof claim, "%s/cur/1/%s,i,%s", in, redo.input, redo.input);
	ok(rename(part, spare) == 0 && rename(mark, claim) == 0 && truncate(spare, 0) == 0 && truncate(spare, READY_OCTETS) == 0,
	   "the power takes what it can");
	state_redo_free(&redo);
	state_close(s);
	if (full)
		recovery_fails();
	struct spool_worker *w = spool_worker_open(in, &options);
	is_int(w ? work(w) : -1, 0, "nothing is to be done");
	is_int(records(out), before, "the part is there");
	FILE *f = fopen(part, "re");
	char line[READY_OCTETS + 1] = "";
	ok(f && fgets(line, sizeof line, f) && strncmp(line, "{\"n\":2} ", 8) == 0, "and whole");
	if (f)
		fclose(f);
	spool_worker_close(w);
}

int main(void)
{
	static const char *const dirs[] = {"new", "tmp", "defer", "hold"};
	const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ".";
	char cmd[100];
	snprintf(root, sizeof root, "%s/quick.%d", where, (int)getpid());
	snprintf(in, sizeof in, "%s/in", root);
	snprintf(out, sizeof out, "%s/out", root);
	snprintf(db, sizeof db, "%s/state/t.db", root);
	spool_form = FORM_NORMAL;
	spool_ready_pause_us = 0;
	if (spool_make_queue(in) < 0 || spool_make_queue(out) < 0)
		return 111;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		lost_claim(dirs[i]);
	for (int i = 0; i < 4; i++)
		lost_flush(i & 1, i & 2);
	spool_control_close(spool_control_open(in));
	ok(fcntl(0, F_GETFD) >= 0, "a tool, which has no spare, closes nothing of others");
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	if (system(cmd) != 0)
		printf("# %s is left over\n", root);
	return tap_done();
}
