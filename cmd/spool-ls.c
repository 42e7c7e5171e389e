/*
 * spool-ls - what waits where, how long and why.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/tool.h"
#include "record/record.h"
#include "spool/list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { REASON_FILES = 500, REASONS = 8 };

/* Why records of a state are where they are: the first few different reasons. */
struct reasons {
	char *text[REASONS];
	int count[REASONS];
	int n, files;
};

struct queue_sum {
	int64_t records[SPOOL_STATES];
	int64_t batches;
	int64_t oldest_us; /* stamp of the oldest that is not in fail/; 0 = none */
	int64_t due_us;	   /* first due; 0 = none */
	int64_t failed_us; /* the last failure; 0 = none */
	struct reasons why[SPOOL_STATES];
	int workers; /* alive; -1 unknown */
};

struct show {
	bool json, list;
	int64_t now_us;
	struct queue_sum sum;
};

static const char *age(int64_t us, char out[16])
{
	int64_t s = us < 0 ? 0 : us / 1000000;
	if (s < 60)
		snprintf(out, 16, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(out, 16, "%" PRId64 "m", s / 60);
	else if (s < 48 * 3600)
		snprintf(out, 16, "%" PRId64 "h", s / 3600);
	else
		snprintf(out, 16, "%" PRId64 "d", s / 86400);
	return out;
}

/* ---- why ---- */

/* "4.4.1 no connection to mx.example.org" of a record that was deferred or has failed; false if it does not say. */
static bool reason_of(const struct record *r, struct buf *out)
{
	json_t *o = record_get(r->root, "fail");
	o = o ? o : record_get(r->root, "retry");
	const char *code = record_str(o, "code"), *why = record_str(o, "why");
	struct buf clean = {0};
	if (!why)
		return false;
	text_sanitise(&clean, slice_of(why), 200);
	buf_printf(out, "%s%s%s", code ? code : "", code ? " " : "", buf_str(&clean));
	buf_free(&clean);
	return true;
}

static void reason_count(struct reasons *w, const char *text)
{
	int i = 0;
	while (i < w->n && strcmp(w->text[i], text) != 0)
		i++;
	if (i == REASONS)
		return;
	if (i == w->n)
		w->text[w->n++] = xstrdup(text);
	w->count[i]++;
}

static void reasons_of_file(struct reasons *w, const struct spool_file *f)
{
	struct buf lines = {0}, why = {0};
	char refused[128];
	if (w->files++ >= REASON_FILES || !spool_file_read(f, &lines))
		return;
	bool more = true;
	for (struct slice rest = slice_buf(&lines); more && rest.n;) {
		struct slice line = slice_cut(&rest, '\n', &more);
		struct record *r = record_parse(line.p, line.n, refused);
		buf_clear(&why);
		if (r && reason_of(r, &why))
			reason_count(w, buf_str(&why));
		else if (!r)
			reason_count(w, refused);
		record_free(r);
	}
	buf_free(&lines);
	buf_free(&why);
}

/* ---- one queue in a line ---- */

static bool add_file(void *ctx, const struct spool_file *f)
{
	struct show *s = ctx;
	struct queue_sum *q = &s->sum;
	q->records[f->state] += f->records > 0 ? f->records : 1;
	q->batches++;
	if (f->state != SPOOL_FAILED && f->state != SPOOL_HELD && (!q->oldest_us || f->stamp_us < q->oldest_us))
		q->oldest_us = f->stamp_us;
	if (f->state == SPOOL_DEFERRED && (!q->due_us || f->due_us < q->due_us))
		q->due_us = f->due_us;
	if (f->state == SPOOL_FAILED && f->stamp_us > q->failed_us)
		q->failed_us = f->stamp_us;
	if (f->state == SPOOL_DEFERRED || f->state == SPOOL_FAILED)
		reasons_of_file(&q->why[f->state], f);
	return true;
}

static void print_reasons(const struct show *s, const char *queue, enum spool_state state, struct buf *out)
{
	const struct reasons *w = &s->sum.why[state];
	char text[16];
	for (int i = 0; i < w->n; i++) {
		buf_printf(out, "%s: %d %s", queue, w->count[i], spool_state_name[state]);
		if (state == SPOOL_DEFERRED)
			buf_printf(out, " (next in %s)", age(s->sum.due_us - s->now_us, text));
		else
			buf_printf(out, " (last %s ago)", age(s->now_us - s->sum.failed_us, text));
		buf_printf(out, ": %s\n", w->text[i]);
	}
}

/* What waits for a program that does not run is stuck, whatever else is well. */
static void print_nobody(const struct show *s, const char *queue, struct buf *out)
{
	if (s->sum.workers == 0 && s->sum.records[SPOOL_WAITING] + s->sum.records[SPOOL_CLAIMED])
		buf_printf(out, "%s: nobody works on it: is the program running?\n", queue);
}

static json_t *reasons_json(const struct reasons *w)
{
	json_t *list = json_array();
	for (int i = 0; i < w->n; i++) {
		json_t *o = json_object();
		record_set(o, "why", w->text[i]);
		record_set_int(o, "records", w->count[i]);
		json_array_append_new(list, o);
	}
	return list;
}

static void print_json(json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	puts(text);
	free(text);
	json_decref(o);
}

static void sum_json(const struct show *s, const char *queue)
{
	json_t *o = json_object();
	char stamp[CLOCK_ISO];
	record_set(o, "queue", queue);
	record_set_int(o, "batches", s->sum.batches);
	for (int i = 0; i < SPOOL_STATES; i++)
		record_set_int(o, spool_state_name[i], s->sum.records[i]);
	if (s->sum.workers >= 0)
		record_set_int(o, "workers", s->sum.workers);
	if (s->sum.oldest_us)
		record_set_int(o, "oldest_s", (s->now_us - s->sum.oldest_us) / 1000000);
	if (s->sum.due_us) {
		clock_iso(s->sum.due_us / 1000, stamp);
		record_set(o, "due", stamp);
	}
	if (s->sum.why[SPOOL_DEFERRED].n)
		record_set_new(o, "deferred_why", reasons_json(&s->sum.why[SPOOL_DEFERRED]));
	if (s->sum.why[SPOOL_FAILED].n)
		record_set_new(o, "failed_why", reasons_json(&s->sum.why[SPOOL_FAILED]));
	print_json(o);
}

static void sum_text(const struct show *s, const char *queue)
{
	char oldest[16] = "-", due[16] = "-", workers[16] = "?";
	if (s->sum.oldest_us)
		age(s->now_us - s->sum.oldest_us, oldest);
	if (s->sum.due_us)
		age(s->sum.due_us - s->now_us, due);
	if (s->sum.workers >= 0)
		snprintf(workers, sizeof workers, "%d", s->sum.workers);
	printf("%-20s %8" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64 " %7s %7s %7s\n", queue,
	       s->sum.records[SPOOL_WAITING], s->sum.records[SPOOL_CLAIMED] + s->sum.records[SPOOL_LEAVING],
	       s->sum.records[SPOOL_DEFERRED], s->sum.records[SPOOL_FAILED], oldest, due, workers);
}

static void sum_free(struct queue_sum *q)
{
	for (int s = 0; s < SPOOL_STATES; s++)
		for (int i = 0; i < q->why[s].n; i++)
			free(q->why[s].text[i]);
	*q = (struct queue_sum){0};
}

/* ---- each record in a line ---- */

static void record_json(const struct show *s, const struct spool_file *f, const struct record *r, const char *why)
{
	json_t *o = json_object();
	char stamp[CLOCK_ISO];
	record_set(o, "queue", f->queue);
	record_set(o, "state", spool_state_name[f->state]);
	record_set(o, "batch", f->batch);
	record_set(o, "path", f->path);
	record_set(o, "id", r ? r->id : NULL);
	record_set(o, "trace", r ? r->trace : NULL);
	record_set(o, "type", r ? r->type : NULL);
	clock_iso(f->stamp_us / 1000, stamp);
	record_set(o, "since", stamp);
	record_set_int(o, "age_s", (s->now_us - f->stamp_us) / 1000000);
	if (f->due_us >= 0) {
		clock_iso(f->due_us / 1000, stamp);
		record_set(o, "due", stamp);
	}
	int64_t times = r ? record_int(record_get(r->root, "retry"), "times", 0) : 0;
	if (times)
		record_set_int(o, "times", times);
	if (f->kills)
		record_set_int(o, "kills", f->kills);
	if (f->slot)
		record_set_int(o, "slot", f->slot);
	record_set(o, "dest", f->dest);
	record_set(o, "why", why);
	print_json(o);
}

/* What comes from a record may not move the terminal's cursor. */
static const char *clean(struct buf *out, const char *text)
{
	buf_clear(out);
	text_sanitise(out, slice_of(text), 64);
	return out->n ? buf_str(out) : "-";
}

static void record_text(const struct show *s, const struct spool_file *f, const struct record *r, const char *why)
{
	char since[16], due[16] = "-";
	struct buf id = {0}, type = {0};
	if (f->due_us >= 0)
		age(f->due_us - s->now_us, due);
	printf("%-14s %-8s %5s %5s %-26s %-12s %s\n", f->queue, spool_state_name[f->state],
	       age(s->now_us - f->stamp_us, since), due, r ? clean(&id, r->id) : "-", r ? clean(&type, r->type) : "-",
	       why ? why : "");
	buf_free(&id);
	buf_free(&type);
}

static bool list_file(void *ctx, const struct spool_file *f)
{
	const struct show *s = ctx;
	struct buf lines = {0}, why = {0};
	char refused[128];
	bool more = true;
	if (!spool_file_read(f, &lines))
		return true; /* it has moved on */
	for (struct slice rest = slice_buf(&lines); more && rest.n;) {
		struct slice line = slice_cut(&rest, '\n', &more);
		struct record *r = record_parse(line.p, line.n, refused);
		buf_clear(&why);
		const char *text = !r ? refused : reason_of(r, &why) ? buf_str(&why) : NULL;
		if (s->json)
			record_json(s, f, r, text);
		else
			record_text(s, f, r, text);
		record_free(r);
	}
	buf_free(&lines);
	buf_free(&why);
	return true;
}

/* ---- all ---- */

static bool show_queue(struct show *s, const char *path, struct buf *reasons)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	if (spool_list(path, (1u << SPOOL_STATES) - 1, s->list ? list_file : add_file, s) < 0) {
		log_msg(LOG_ERROR, "%s: %s", path, errno == ENOENT ? "not a queue" : strerror(errno));
		return false;
	}
	s->sum.workers = s->list ? -1 : spool_workers(path);
	if (!s->list && s->json)
		sum_json(s, name);
	if (!s->list && !s->json) {
		sum_text(s, name);
		print_nobody(s, name, reasons);
		print_reasons(s, name, SPOOL_DEFERRED, reasons);
		print_reasons(s, name, SPOOL_FAILED, reasons);
		if (s->sum.records[SPOOL_HELD])
			buf_printf(reasons, "%s: %" PRId64 " held (spool-release lets them go)\n", name,
				   s->sum.records[SPOOL_HELD]);
	}
	sum_free(&s->sum);
	return true;
}

static bool show_root(struct show *s, const char *root, struct buf *reasons)
{
	char **names = spool_queue_names(root);
	bool good = true;
	if (!names)
		die_perm("%s:", root);
	for (char **n = names; *n; n++) {
		char *path = xasprintf("%s/%s", root, *n);
		good = show_queue(s, path, reasons) && good;
		free(path);
	}
	spool_names_free(names);
	return good;
}

int main(int argc, char **argv)
{
	struct show s = {.now_us = clock_real_us()};
	const char *root = "spool";
	const struct tool_option options[] = {
		{"root", 'r', "DIR", "the spool whose queues are shown (default: spool)", .value = &root},
		{"list", 'l', NULL, "a line for each record instead of one for each queue", .flag = &s.list},
		{"json", 'j', NULL, "JSON, one object a line", .flag = &s.json},
		{0}};
	const struct tool tool = {"spool-ls", "what waits in the queues, how long, and why", "[QUEUE...]", 0, -1,
				  options};
	int first = tool_options(argc, argv, &tool);

	struct buf reasons = {0};
	bool good = true;
	if (!s.json && !s.list)
		printf("%-20s %8s %8s %8s %8s %7s %7s\n", "QUEUE", "WAITING", "CLAIMED", "DEFERRED", "FAILED", "OLDEST",
		       "DUE IN");
	if (first == argc)
		good = show_root(&s, root, &reasons);
	for (int i = first; i < argc; i++)
		good = show_queue(&s, argv[i], &reasons) && good;
	fwrite(buf_str(&reasons), 1, reasons.n, stdout);
	buf_free(&reasons);
	tool_close_stdout();
	log_flush();
	return good ? 0 : EXIT_PERM;
}
