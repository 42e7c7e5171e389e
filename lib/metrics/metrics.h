/*
 * metrics.h - counters of a program, written as Prometheus text for the textfile collector of the node exporter.
 *
 * A family is a row of a constant table; its series are made when they are first counted. One thread, no lock: adding is a search in a
 * short list. Ownership: a struct metrics owns its series; families and label names must outlive it.
 */
#ifndef CPMAIL_METRICS_H
#define CPMAIL_METRICS_H

#include "base/buf.h"

#include <stdint.h>

enum metric_kind {
	METRIC_COUNTER, /* only grows; its name ends in _total */
	METRIC_GAUGE,
	METRIC_COUNTER_US, /* a counter in microseconds, shown in seconds */
	METRIC_GAUGE_US
};

enum { METRIC_LABELS = 2 };

struct metric {
	const char *name; /* [a-z0-9_]+ */
	const char *help; /* one line */
	const char *label[METRIC_LABELS];
	enum metric_kind kind;
};

struct metrics;

/* program and instance are labels of every series (instance NULL: none); both are copied. */
struct metrics *metrics_new(const char *program, const char *instance);
void metrics_free(struct metrics *m);
/* Count n more, or set; first and second are the values of the family's labels, NULL where it has none. n = 0 makes the series known, so that
 * its rate is right from the first event on. */
void metrics_add(struct metrics *m, const struct metric *family, const char *first, const char *second, int64_t n);
void metrics_set(struct metrics *m, const struct metric *family, const char *first, const char *second, int64_t n);
/* A series' value; 0 if there is none. */
int64_t metrics_get(const struct metrics *m, const struct metric *family, const char *first, const char *second);
/* The exposition text: # HELP, # TYPE and the series of each family, in the order of their first use. */
void metrics_put(const struct metrics *m, struct buf *out);
/* Write it to DIR/FILE by way of DIR/.FILE.tmp and rename, readable for everybody. 0, or -1 with errno. */
int metrics_write(const struct metrics *m, const char *dir, const char *file);

#endif
