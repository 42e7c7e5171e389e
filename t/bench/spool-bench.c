/*
 * spool-bench: what the spool carries: one process gives 1.5 KB records in bunches, durably; one worker passes them on
 * to another queue, durably. And single commits, one record each. Prints one JSON object.
 *
 *   spool-bench [-d DIR] [-n RECORDS] [-b RECORDS-IN-A-BUNCH] [-s SINGLE-COMMITS]
 *
 * Each run makes a fresh tree under DIR (default: here): a file system may be slow for a minute where many files were
 * just removed.
 */
#include "base/clock.h"
#include "base/log.h"
#include "spool/spool.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OCTETS = 1500 };

static char in[200], out[200];

static double seconds(int64_t since_us)
{
	return (double)(clock_mono_us() - since_us) / 1e6;
}

static void give(struct spool_producer *p, long from, int n)
{
	static char line[OCTETS + 1];
	for (int i = 0; i < n; i++) {
		int k = snprintf(line, sizeof line, "{\"n\":%ld,\"x\":\"", from + i);
		memset(line + k, 'x', OCTETS - (size_t)k - 2);
		memcpy(line + OCTETS - 2, "\"}", 2);
		spool_producer_put(p, line, OCTETS, NULL, 0);
	}
	if (spool_producer_commit(p) < 0)
		die_temp("commit:");
}

static void produce(long records, int bunch)
{
	struct spool_producer *p = spool_producer_open(in);
	if (!p)
		die_temp("%s:", in);
	for (long i = 0; i < records; i += bunch)
		give(p, i, bunch);
	spool_producer_close(p);
}

/* Until that many have passed; the number of transactions. */
static long work(long records)
{
	struct spool_line *l;
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	long done = 0, transactions = 0;
	if (!w)
		die_temp("%s:", in);
	while (done < records) {
		int n = spool_claim(w, &l);
		for (int i = 0; i < n; i++)
			spool_put(w, i, out, l[i].p, l[i].n, NULL, 0);
		if (n > 0) {
			if (spool_commit(w) < 0)
				die_temp("commit:");
			done += n;
			transactions++;
		} else {
			struct pollfd f = {.fd = spool_fd(w), .events = POLLIN};
			poll(&f, 1, spool_timeout_ms(w));
			spool_tick(w);
		}
	}
	spool_worker_close(w);
	return transactions;
}

int main(int argc, char **argv)
{
	const char *dir = ".";
	long records = 200000, single = 2000;
	int bunch = 256, c;
	while ((c = getopt(argc, argv, "d:n:b:s:")) != -1)
		if (c == 'd')
			dir = optarg;
		else if (c == 'n')
			records = strtol(optarg, NULL, 10);
		else if (c == 'b')
			bunch = (int)strtol(optarg, NULL, 10);
		else if (c == 's')
			single = strtol(optarg, NULL, 10);
		else
			return 100;
	char *root = xasprintf("%s/spool-bench.%d", dir, (int)getpid()), *rm = xasprintf("rm -rf %s", root);
	snprintf(in, sizeof in, "%s/in", root);
	snprintf(out, sizeof out, "%s/out", root);
	if (spool_make_queue(in) < 0 || spool_make_queue(out) < 0)
		die_temp("%s:", root);
	records -= records % bunch;

	int64_t start = clock_mono_us();
	produce(records, bunch);
	double alone = seconds(start);
	start = clock_mono_us();
	long drained = work(records);
	double drain = seconds(start);

	start = clock_mono_us();
	pid_t pid = fork();
	if (pid == 0) {
		produce(records, bunch);
		_exit(0);
	}
	long together = work(records);
	double both = seconds(start);
	waitpid(pid, NULL, 0);

	start = clock_mono_us();
	produce(single, 1);
	double one = seconds(start);
	printf("{\"record_octets\":%d,\"bunch\":%d,\"records\":%ld,"
	       "\"produced_per_s\":%.0f,\"drained_per_s\":%.0f,\"drain_transactions_per_s\":%.0f,"
	       "\"through_per_s\":%.0f,\"through_transactions\":%ld,\"single_commits_per_s\":%.0f}\n",
	       OCTETS, bunch, records, (double)records / alone, (double)records / drain, (double)drained / drain,
	       (double)records / both, together, (double)single / one);
	if (system(rm) != 0)
		fprintf(stderr, "%s is left over\n", root);
	free(rm);
	free(root);
	return 0;
}
