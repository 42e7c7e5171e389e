/*
 * Many workers killed at random, sweeps against producers, recoverers against returning owners; records that kill;
 * order.
 */
#include "base/clock.h"
#include "base/log.h"
#include "spool/queue.h"
#include "spool/ready.h"
#include "spool/spool.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILL_MS = 50, WORKERS = 4, RECORDS_MAX = 200000, IDLE_TRIES = 20 };

static char root[64], in[100], out[100];

static struct tally {
	int answered; /* records the producers were told yes for */
	int next;     /* number of the next record */
	uint8_t yes[RECORDS_MAX];
} * tally;

static void queues(void)
{
	const char *where = getenv("CRASH_DIR");
	if (!where)
		where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ".";
	snprintf(root, sizeof root, "%.30s/race.%d", where, (int)getpid());
	snprintf(in, sizeof in, "%s/in", root);
	snprintf(out, sizeof out, "%s/out", root);
	spool_form = FORM_NORMAL;
	spool_ready_pause_us = 0;
	if (spool_make_queue(in) < 0 || spool_make_queue(out) < 0)
		die_temp("%s:", root);
}

static void queues_end(void)
{
	char cmd[100];
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	if (system(cmd) != 0)
		printf("# %s is left over\n", root);
}

static pid_t start(void (*what)(int), int arg)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		if (!getenv("CRASH_VERBOSE"))
			dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
		what(arg);
		_exit(0);
	}
	return pid;
}

/* Bunches of 1 to 30 records until `total` are given. */
static void producer(int total)
{
	struct spool_producer *p = spool_producer_open(in);
	unsigned int seed = (unsigned int)getpid();
	if (!p)
		die_temp("%s:", in);
	for (;;) {
		int n = 1 + (int)(rand_r(&seed) % 30), first = __atomic_fetch_add(&tally->next, n, __ATOMIC_SEQ_CST);
		if (first >= total)
			break;
		for (int i = first; i < first + n; i++) {
			char line[40];
			int len = snprintf(line, sizeof line, "{\"n\":%d}", i);
			spool_producer_put(p, line, (size_t)len, NULL, 0);
		}
		if (spool_producer_commit(p) == 0)
			for (int i = first; i < first + n; i++)
				tally->yes[i] = 1;
		poll(NULL, 0, (int)(rand_r(&seed) % 3));
		if (first % 3)
			spool_producer_idle(p);
	}
	spool_producer_close(p);
}

/* Passes on; now and then defers. Ends when nothing was there for a while. */
static void worker(int arg)
{
	struct spool_line *l;
	unsigned int seed = (unsigned int)getpid();
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	if (!w)
		die_temp("%s:", in);
	for (int idle = 0; idle < IDLE_TRIES * (arg ? 1 : 5);) {
		int n = spool_claim(w, &l);
		for (int i = 0; i < n; i++)
			if (rand_r(&seed) % 50 == 0)
				spool_defer(w, i, clock_real_us() + 1000, NULL, l[i].p, l[i].n, NULL, 0);
			else
				spool_put(w, i, out, l[i].p, l[i].n, NULL, 0);
		if (n > 0)
			spool_commit(w);
		idle = n > 0 ? 0 : idle + 1;
		if (n <= 0) {
			poll(&(struct pollfd){.fd = spool_fd(w), .events = POLLIN}, 1, 10);
			spool_tick(w);
		}
	}
	spool_worker_close(w);
}

/* How often each record lies in the output queue's files; files of other directories are counted as left over. */
static int gather(const char *queue, const char *dir, uint8_t *times)
{
	char path[256];
	int files = 0;
	snprintf(path, sizeof path, "%s/%s", queue, dir);
	DIR *d = opendir(path);
	if (!d)
		die_temp("%s:", path);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "lock") == 0)
			continue;
		files++;
		char *file = xasprintf("%s/%s", path, e->d_name);
		if (!times)
			printf("# left over: %s\n", file);
		FILE *f = times ? fopen(file, "re") : NULL;
		int n;
		while (f && fscanf(f, "{\"n\":%d}\n", &n) == 1)
			if (n >= 0 && n < RECORDS_MAX && times[n] < 255)
				times[n]++;
		if (f)
			fclose(f);
		free(file);
	}
	closedir(d);
	return files;
}

static void report(int total, int kills)
{
	static uint8_t times[RECORDS_MAX];
	int lost = 0, twice = 0, answered = 0, left = 0;
	memset(times, 0, sizeof times);
	gather(out, "new", times);
	for (int i = 0; i < RECORDS_MAX; i++) {
		answered += tally->yes[i];
		lost += tally->yes[i] && !times[i];
		twice += times[i] > 1;
	}
	for (int s = 1; s <= WORKERS * 2; s++) {
		char slot[16], path[120];
		snprintf(slot, sizeof slot, "cur/%d", s);
		snprintf(path, sizeof path, "%s/%s", in, slot);
		if (access(path, F_OK) == 0)
			left += gather(in, slot, NULL);
	}
	left += gather(in, "new", NULL) + gather(in, "defer", NULL) + gather(in, "tmp", NULL) +
		gather(in, "fail", NULL);
	ok(answered >= total / 2, "%d of %d records were answered, %d processes killed", answered, total, kills);
	is_int(lost, 0, "none is lost");
	is_int(twice, 0, "none is there twice");
	is_int(left, 0, "nothing is left over");
}

/* Two producers, four workers, one of the six killed every 50 ms and started again. */
static void race(int total)
{
	pid_t pid[WORKERS + 2];
	int kills = 0, status;
	unsigned int seed = 1;
	for (int i = 0; i < WORKERS + 2; i++)
		pid[i] = start(i < 2 ? producer : worker, total);
	while (__atomic_load_n(&tally->next, __ATOMIC_SEQ_CST) < total) {
		poll(NULL, 0, KILL_MS);
		int i = (int)(rand_r(&seed) % (WORKERS + 2));
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
		kills += WIFSIGNALED(status);
		pid[i] = start(i < 2 ? producer : worker, total);
	}
	for (int i = 0; i < WORKERS + 2; i++)
		waitpid(pid[i], &status, 0);
	waitpid(start(worker, 0), &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the last worker ends well");
	report(total, kills);
}

/* ---- poison ---- */

/* Passes on; number 5 aborts, number 8 hangs until the CPU limit, as the frame sets one. */
static void deadly(int ordered)
{
	struct spool_line *l;
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){.ordered = ordered});
	int n, number;
	if (!w)
		die_temp("%s:", in);
	while ((n = spool_claim(w, &l)) > 0) {
		for (int i = 0; i < n; i++) {
			spool_running(w, i);
			if (sscanf(l[i].p, "{\"n\":%d", &number) == 1 && (number == 5 || number == 8))
				kill(getpid(), number == 5 ? SIGABRT : SIGXCPU);
			spool_running(w, -1);
			spool_put(w, i, out, l[i].p, l[i].n, NULL, 0);
		}
		spool_commit(w);
	}
	spool_worker_close(w);
}

static void put(int from, int to)
{
	struct spool_producer *p = spool_producer_open(in);
	for (int i = from; i <= to; i++) {
		char line[40];
		int len = snprintf(line, sizeof line, "{\"n\":%d}", i);
		spool_producer_put(p, line, (size_t)len, NULL, 0);
	}
	spool_producer_commit(p);
	spool_producer_close(p);
}

static const char *drained(const char *queue)
{
	static char text[4096];
	struct spool_line *l;
	struct spool_worker *w = spool_worker_open(queue, &(struct spool_worker_options){0});
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

static void poison(bool ordered)
{
	static uint8_t times[RECORDS_MAX];
	int deaths = 0, status = -1;
	put(1, 6);
	put(7, 9);
	while (deaths < 20) {
		waitpid(start(deadly, ordered), &status, 0);
		if (!WIFSIGNALED(status))
			break;
		deaths++;
	}
	is_int(deaths, 4, "each of two records kills two workers, no more");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "then the queue is worked off");
	memset(times, 0, sizeof times);
	is_int(gather(in, "fail", times), 2, "two batches in fail/");
	char cmd[400];
	snprintf(cmd, sizeof cmd, "cat %s/fail/* | grep -c 'killed its worker twice' | grep -qx 2 && rm %s/fail/*", in,
		 in);
	ok(system(cmd) == 0, "with the reason");
	is_str(drained(out), "{\"n\":1} {\"n\":2} {\"n\":3} {\"n\":4} {\"n\":6} {\"n\":7} {\"n\":9} ",
	       ordered ? "the others came, in order" : "the others came");
}

/* ---- order ---- */

/* Three conversations; a record whose first try "fails" is deferred, and so are those behind it. */
static void orderly(int arg)
{
	struct spool_line *l;
	unsigned int seed = (unsigned int)getpid();
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){.ordered = true});
	(void)arg;
	if (!w)
		die_temp("%s:", in);
	for (int idle = 0; idle < 30;) {
		int n = spool_claim(w, &l), number;
		for (int i = 0; i < n; i++) {
			if (sscanf(l[i].p, "{\"n\":%d", &number) != 1)
				die_temp("what is %s", l[i].p);
			char key[8];
			snprintf(key, sizeof key, "k%d", number % 3);
			int64_t due = spool_held(w, i, key);
			if (!due && rand_r(&seed) % 4 == 0)
				due = clock_real_us() + 1 + (int64_t)(rand_r(&seed) % 3000);
			if (due)
				spool_defer(w, i, due, key, l[i].p, l[i].n, NULL, 0);
			else
				spool_put(w, i, out, l[i].p, l[i].n, NULL, 0);
		}
		if (n > 0)
			spool_commit(w);
		else
			poll(NULL, 0, 2), spool_tick(w);
		idle = n > 0 ? 0 : idle + 1;
	}
	spool_worker_close(w);
}

static void order(void)
{
	int status, last[3] = {-1, -1, -1}, seen = 0, wrong = 0;
	for (int i = 0; i < 300; i += 10) {
		put(i, i + 9);
		if (i % 50 == 0) { /* one that is killed on its way */
			pid_t pid = start(orderly, 0);
			poll(NULL, 0, 12);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
		}
	}
	waitpid(start(orderly, 0), &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "an ordered queue is worked off");
	struct spool_line *l;
	struct spool_worker *w = spool_worker_open(out, &(struct spool_worker_options){0});
	for (int n; (n = spool_claim(w, &l)) > 0; spool_commit(w))
		for (int i = 0; i < n; i++) {
			int number = (int)strtol(l[i].p + 5, NULL, 10);
			wrong += number <= last[number % 3];
			last[number % 3] = number;
			seen++;
		}
	spool_worker_close(w);
	is_int(seen, 300, "all records came");
	is_int(wrong, 0, "those of a conversation in order, through deferrals and deaths");
}

int main(void)
{
	/* CRASH_RECORDS: how many go through the race */
	const char *s = getenv("CRASH_RECORDS");
	int total = s ? (int)strtol(s, NULL, 10) : 20000;
	tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED || total > RECORDS_MAX - 100)
		die_temp("too many records");
	queues();
	race(total);
	queues_end();
	queues();
	poison(false);
	poison(true);
	order();
	queues_end();
	return tap_done();
}
