/*
 * spool-stat - what lies in the queues, as gauges for Prometheus: numbers and ages by state, and the room that is left.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/tool.h"
#include "metrics/metrics.h"
#include "spool/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { RECORDS, OLDEST, FREE, SIZE, INODES };

static const struct metric families[] = {
	[RECORDS] = {"cpmail_queue_records", "Records in a queue, by state.", {"queue", "state"}, METRIC_GAUGE},
	[OLDEST] = {"cpmail_queue_oldest_seconds", "Age of the oldest record of a state; 0 if there is none.", {"queue", "state"}, METRIC_GAUGE_US},
	[FREE] = {"cpmail_spool_free_bytes", "Room that is left on the file system of the spool.", {0}, METRIC_GAUGE},
	[SIZE] = {"cpmail_spool_size_bytes", "Size of the file system of the spool.", {0}, METRIC_GAUGE},
	[INODES] = {"cpmail_spool_free_inodes", "Files that can still be made on the file system of the spool.", {0}, METRIC_GAUGE},
};

struct sum {
	int64_t records[SPOOL_STATES];
	int64_t oldest_us[SPOOL_STATES]; /* 0: none */
};

static bool add_file(void *ctx, const struct spool_file *f)
{
	struct sum *s = ctx;
	int64_t *oldest = &s->oldest_us[f->state];
	s->records[f->state] += f->records > 0 ? f->records : 1;
	if (!*oldest || f->stamp_us < *oldest)
		*oldest = f->stamp_us;
	return true;
}

static void count_queue(struct metrics *m, const char *root, const char *queue, int64_t now_us)
{
	struct sum sum = {0};
	char *path = xasprintf("%s/%s", root, queue);
	if (spool_list(path, (1u << SPOOL_STATES) - 1, add_file, &sum) < 0 && errno != ENOENT)
		die_temp("%s:", path);
	free(path);
	for (int i = 0; i < SPOOL_STATES; i++) {
		int64_t age = sum.oldest_us[i] ? now_us - sum.oldest_us[i] : 0;
		metrics_set(m, &families[RECORDS], queue, spool_state_name[i], sum.records[i]);
		metrics_set(m, &families[OLDEST], queue, spool_state_name[i], age > 0 ? age : 0);
	}
}

static struct metrics *count(const char *root)
{
	struct metrics *m = metrics_new("spool-stat", NULL);
	struct statvfs fs;
	char **names = spool_queue_names(root);
	if (!names || statvfs(root, &fs) != 0)
		die_temp("%s:", root);
	for (char **n = names; *n; n++)
		count_queue(m, root, *n, clock_real_us());
	spool_names_free(names);
	metrics_set(m, &families[FREE], NULL, NULL, (int64_t)(fs.f_bavail * fs.f_frsize));
	metrics_set(m, &families[SIZE], NULL, NULL, (int64_t)(fs.f_blocks * fs.f_frsize));
	metrics_set(m, &families[INODES], NULL, NULL, (int64_t)fs.f_favail);
	return m;
}

static void print(const struct metrics *m)
{
	struct buf text = {0};
	metrics_put(m, &text);
	fwrite(buf_str(&text), 1, text.n, stdout);
	buf_free(&text);
	if (fflush(stdout) != 0)
		die_temp("standard output:");
}

int main(int argc, char **argv)
{
	const char *root = "spool", *dir = NULL, *every = NULL;
	const struct tool_option options[] = {
		{"root", 'r', "DIR", "the spool (default: spool)", .value = &root},
		{"metrics", 'm', "DIR", "write DIR/cpmail-spool.prom, not standard output", .value = &dir},
		{"every", 'n', "SECONDS", "again and again, with this time between", .value = &every},
		{0}};
	const struct tool tool = {"spool-stat", "what lies in the queues, for Prometheus", "", 0, 0, options};
	tool_options(argc, argv, &tool);
	long seconds = every ? strtol(every, NULL, 10) : 0;
	if (every && (seconds < 1 || seconds > 86400))
		die_perm("--every %s: 1 to 86400 seconds", every);
	do {
		struct metrics *m = count(root);
		if (!dir)
			print(m);
		else if (metrics_write(m, dir, "cpmail-spool.prom") != 0)
			die_temp("%s:", dir);
		metrics_free(m);
	} while (seconds && sleep((unsigned)seconds) == 0);
	if (!dir)
		tool_close_stdout();
	return 0;
}
