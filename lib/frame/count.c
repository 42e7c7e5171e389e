#include "frame/private.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { IN, RETRIES, OUT, BATCHES, BATCH_TIME, ROLLBACKS, RELOADS, START };

/* What every program counts. */
static const struct metric families[] = {
	[IN] = {"cpmail_records_in_total", "Records taken, by type and by what became of them.", {"type", "outcome"}, METRIC_COUNTER},
	[RETRIES] = {"cpmail_retries_total", "Records taken that had been deferred before.", {"type"}, METRIC_COUNTER},
	[OUT] = {"cpmail_records_out_total", "Records handed out, by type.", {"type"}, METRIC_COUNTER},
	[BATCHES] = {"cpmail_batches_total", "Batches committed.", {0}, METRIC_COUNTER},
	[BATCH_TIME] = {"cpmail_batch_seconds_total", "Time spent in batches, their commits included.", {0}, METRIC_COUNTER_US},
	[ROLLBACKS] = {"cpmail_batch_rollbacks_total", "Batches that were rolled back and tried again.", {0}, METRIC_COUNTER},
	[RELOADS] = {"cpmail_reloads_total", "Configurations read again, by result.", {"result"}, METRIC_COUNTER},
	[START] = {"cpmail_start_time_seconds", "When the program was started, since 1970.", {0}, METRIC_GAUGE_US},
};

static const char *const outcomes[] = {[FRAME_DONE] = "done", [FRAME_DEFERRED] = "deferred", [FRAME_FAILED] = "failed"};

/* Types come from outside; a label may have few values only. */
static const char *known(const struct frame *f, const char *type)
{
	for (const char *const *t = f->program->takes; t && *t; t++)
		if (strcmp(*t, type) == 0)
			return *t;
	return "other";
}

static char *instance(const struct frame *f)
{
	if (f->worker_options.slot)
		return xasprintf("%d", f->worker_options.slot);
	const char *dot = f->in_queue ? strrchr(f->in_queue, '.') : NULL; /* a part of a divided queue */
	return xstrdup(dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1) ? dot + 1 : "0");
}

void frame_metrics_open(struct frame *f)
{
	const char *dir = f->metrics_option ? f->metrics_option : conf_str(f->conf, "metrics_dir", NULL);
	char *number = instance(f);
	f->metrics = metrics_new(f->program->name, number);
	if (dir)
		f->metrics_file = strcmp(number, "0") == 0 ? xasprintf("%s/cpmail-%s.prom", dir, f->program->name)
							   : xasprintf("%s/cpmail-%s-%s.prom", dir, f->program->name, number);
	free(number);
	for (const char *const *t = f->program->takes; t && *t; t++) {
		for (int i = FRAME_DONE; i <= FRAME_FAILED; i++)
			metrics_add(f->metrics, &families[IN], *t, outcomes[i], 0);
		metrics_add(f->metrics, &families[RETRIES], *t, NULL, 0);
	}
	metrics_add(f->metrics, &families[BATCHES], NULL, NULL, 0);
	metrics_add(f->metrics, &families[BATCH_TIME], NULL, NULL, 0);
	metrics_add(f->metrics, &families[ROLLBACKS], NULL, NULL, 0);
	metrics_add(f->metrics, &families[RELOADS], "good", NULL, 0);
	metrics_add(f->metrics, &families[RELOADS], "refused", NULL, 0);
	metrics_set(f->metrics, &families[START], NULL, NULL, clock_real_us());
	for (const struct metric *m = f->program->metrics; m && m->name; m++)
		if (!m->label[0])
			metrics_add(f->metrics, m, NULL, NULL, 0);
}

struct metrics *frame_metrics(struct frame *f)
{
	return f->metrics;
}

void frame_count_in(struct frame *f, const struct frame_item *it)
{
	const char *type = known(f, it->in->type);
	metrics_add(f->metrics, &families[IN], type, outcomes[f->outcome[it->index]], 1);
	if (item_retries(it) > (f->outcome[it->index] == FRAME_DEFERRED)) /* this try's own deferral is in it already */
		metrics_add(f->metrics, &families[RETRIES], type, NULL, 1);
}

void frame_count_out(struct frame *f, const char *type)
{
	metrics_add(f->metrics, &families[OUT], type, NULL, 1);
}

void frame_count_batch(struct frame *f, int64_t begun_us, bool committed)
{
	metrics_add(f->metrics, &families[committed ? BATCHES : ROLLBACKS], NULL, NULL, 1);
	metrics_add(f->metrics, &families[BATCH_TIME], NULL, NULL, clock_mono_us() - begun_us);
}

void frame_count_reload(struct frame *f, bool good)
{
	metrics_add(f->metrics, &families[RELOADS], good ? "good" : "refused", NULL, 1);
}

/* Counters that cannot be written stop nothing: told once, then again when they can. */
void frame_metrics_write(struct frame *f)
{
	static bool failed;
	char *slash = strrchr(f->metrics_file, '/');
	*slash = '\0';
	bool bad = metrics_write(f->metrics, f->metrics_file, slash + 1) != 0;
	if (bad && !failed)
		log_msg(LOG_WARN, "counters: %s:", f->metrics_file);
	*slash = '/';
	failed = bad;
}

void frame_metrics_close(struct frame *f)
{
	if (f->metrics_file)
		frame_metrics_write(f);
	free(f->metrics_file);
	metrics_free(f->metrics);
}
