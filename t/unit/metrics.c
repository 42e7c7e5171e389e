#include "metrics/metrics.h"
#include "tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct metric families[] = {
	{"cpmail_a_total", "What a is.", {"type", "outcome"}, METRIC_COUNTER},
	{"cpmail_b", "What b is.", {0}, METRIC_GAUGE},
	{"cpmail_c_seconds_total", "How long c is.", {0}, METRIC_COUNTER_US},
	{0},
};

static void text(void)
{
	struct metrics *m = metrics_new("p", "0");
	struct buf out = {0};
	metrics_put(m, &out);
	is_str(buf_str(&out), "", "nothing counted, nothing shown");
	metrics_add(m, &families[0], "x", "done", 2);
	metrics_set(m, &families[1], NULL, NULL, -7);
	metrics_add(m, &families[0], "a\"\\\n", NULL, 0);
	metrics_add(m, &families[0], "x", "done", 3);
	metrics_add(m, &families[2], NULL, NULL, 1500000);
	metrics_put(m, &out);
	is_str(buf_str(&out),
	       "# HELP cpmail_a_total What a is.\n# TYPE cpmail_a_total counter\n"
	       "cpmail_a_total{program=\"p\",instance=\"0\",type=\"x\",outcome=\"done\"} 5\n"
	       "cpmail_a_total{program=\"p\",instance=\"0\",type=\"a\\\"\\\\\\n\"} 0\n"
	       "# HELP cpmail_b What b is.\n# TYPE cpmail_b gauge\ncpmail_b{program=\"p\",instance=\"0\"} -7\n"
	       "# HELP cpmail_c_seconds_total How long c is.\n# TYPE cpmail_c_seconds_total counter\n"
	       "cpmail_c_seconds_total{program=\"p\",instance=\"0\"} 1.500000\n",
	       "families stay together, labels are escaped, microseconds are shown as seconds");
	is_int(metrics_get(m, &families[0], "x", "done"), 5, "a value is read back");
	is_int(metrics_get(m, &families[0], "y", "done"), 0, "one that is not there is 0");
	buf_free(&out);
	metrics_free(m);
}

static void file(void)
{
	char dir[] = "/tmp/cpmail-metrics.XXXXXX", path[64];
	struct metrics *m = metrics_new("p", NULL);
	struct stat st;
	if (!mkdtemp(dir))
		abort();
	umask(077);
	metrics_add(m, &families[1], NULL, NULL, 1);
	is_int(metrics_write(m, dir, "p.prom"), 0, "written");
	snprintf(path, sizeof path, "%s/p.prom", dir);
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0644, "readable whatever the umask is");
	is_int(metrics_write(m, dir, "p.prom"), 0, "and again");
	unlink(path);
	snprintf(path, sizeof path, "%s/.p.prom.tmp", dir);
	is_int(access(path, F_OK), -1, "nothing is left beside it");
	is_int(mkdir(path, 0700), 0, "something stands in the way");
	is_int(metrics_write(m, dir, "p.prom"), -1, "an error is told");
	rmdir(path);
	rmdir(dir);
	metrics_free(m);
}

int main(void)
{
	text();
	file();
	return tap_done();
}
