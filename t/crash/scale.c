/*
 * A long queue: more waiting files than a worker keeps names of. Oldest first, each once, memory and cost per batch
 * flat.
 */
#include "base/clock.h"
#include "base/log.h"
#include "spool/name.h"
#include "spool/queue.h"
#include "spool/scan.h"
#include "spool/spool.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char root[64], in[100];

static long resident_kib(void)
{
	long total = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2)
		die_temp("statm");
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Batches of one record, written by hand: in the order of their numbers, made in another. */
static void fill(long files)
{
	for (long i = 0; i < files; i++) {
		long k = i * 7919 % files; /* files is no multiple of that */
		char name[NAME_SIZE], line[40];
		name_make(name, 1000000 + k, (uint64_t)k, 1, "");
		char *path = xasprintf("%s/new/%s", in, name);
		int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		int n = snprintf(line, sizeof line, "{\"n\":%ld}\n", k);
		if (fd < 0 || write(fd, line, (size_t)n) != n)
			die_temp("%s:", path);
		close(fd);
		free(path);
	}
}

static void work_off(long files)
{
	struct spool_line *l;
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	long next = 0, wrong = 0, opened = resident_kib(), grown = 0;
	int64_t start = clock_mono_us(), first = 0, last = 0, at = start;
	for (int n; (n = spool_claim(w, &l)) > 0;) {
		for (int i = 0; i < n; i++)
			wrong += strtol(l[i].p + 5, NULL, 10) != next++;
		spool_commit(w);
		int64_t now = clock_mono_us();
		/* a tenth at the start, a tenth at the end */
		if (next < files / 10)
			first += now - at;
		else if (next > files - files / 10)
			last += now - at;
		at = now;
		if (resident_kib() - opened > grown)
			grown = resident_kib() - opened;
	}
	spool_worker_close(w);
	is_int(next, files, "all were claimed");
	is_int(wrong, 0, "oldest first");
	ok(grown < 16 << 10, "memory grew by %ld KiB", grown);
	ok(last < first * 4 + 200000, "the last tenth took %lld us, the first %lld", (long long)last, (long long)first);
}

int main(void)
{
	/* CRASH_FILES: how many wait */
	const char *s = getenv("CRASH_FILES"), *where = getenv("CRASH_DIR");
	long files = s ? strtol(s, NULL, 10) : SCAN_NAMES + 1;
	if (!where)
		where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ".";
	snprintf(root, sizeof root, "%.30s/scale.%d", where, (int)getpid());
	snprintf(in, sizeof in, "%s/in", root);
	spool_form = FORM_NORMAL;
	if (spool_make_queue(in) < 0)
		die_temp("%s:", in);
	fill(files);
	work_off(files);
	char *rm = xasprintf("rm -rf %s", root);
	ok(system(rm) == 0, "removed");
	free(rm);
	return tap_done();
}
