/*
 * trace - the way of one message, by any id that a person has at hand.
 *
 * First the ids are turned into traces: each log line and each record in a queue in which the id stands as a whole
 * value names one. Then all lines and records of those traces are collected, sorted by time and shown.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/logfmt.h"
#include "base/text.h"
#include "base/tool.h"
#include "record/record.h"
#include "spool/list.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRACES = 64, LOG_LINE_MAX = 1 << 20 };

struct event {
	int64_t ms;
	char *trace;
	char *line;	   /* a log line; NULL: a place */
	char *queue, *why; /* a record that is there now */
	enum spool_state state;
	int64_t due_us;
	char *id, *type;
};

struct search {
	const char *id;
	bool collect; /* second pass */
	char *trace[TRACES];
	int traces;
	struct event *event;
	size_t events;
	bool json;
};

/* "<a@b>" and "a@b" are the same id to a person. */
static bool same_id(const char *value, const char *id)
{
	struct slice v = slice_of(value), w = slice_of(id);
	if (v.n > 1 && v.p[0] == '<' && v.p[v.n - 1] == '>')
		v = (struct slice){v.p + 1, v.n - 2};
	if (w.n > 1 && w.p[0] == '<' && w.p[w.n - 1] == '>')
		w = (struct slice){w.p + 1, w.n - 2};
	return v.n == w.n && memcmp(v.p, w.p, v.n) == 0;
}

static bool has_trace(const struct search *s, const char *trace)
{
	for (int i = 0; i < s->traces; i++)
		if (strcmp(s->trace[i], trace) == 0)
			return true;
	return false;
}

static void add_trace(struct search *s, const char *trace)
{
	if (!has_trace(s, trace) && s->traces < TRACES)
		s->trace[s->traces++] = xstrdup(trace);
}

static struct event *add_event(struct search *s, const char *trace, int64_t ms)
{
	if ((s->events & (s->events - 1)) == 0)
		s->event = xrealloc(s->event, (s->events ? s->events * 2 : 1) * sizeof *s->event);
	struct event *e = &s->event[s->events++];
	*e = (struct event){.ms = ms, .trace = xstrdup(trace)};
	return e;
}

/* Could the text be of interest at all? Spares parsing what is not. */
static bool worth(const struct search *s, struct slice text)
{
	if (!s->collect) {
		struct slice id = slice_of(s->id);
		bool angle = id.n > 2 && id.p[0] == '<';
		return memmem(text.p, text.n, id.p + angle, id.n - 2 * angle) != NULL;
	}
	for (int i = 0; i < s->traces; i++)
		if (memmem(text.p, text.n, s->trace[i], strlen(s->trace[i])))
			return true;
	return false;
}

/* ---- logs ---- */

static void see_line(struct search *s, struct slice line)
{
	struct buf value = {0}, trace = {0};
	struct slice rest = line, key;
	int64_t ms;
	bool match = false;
	if (!worth(s, line) || !logfmt_get(line, "trace", &trace))
		goto out;
	if (s->collect) {
		if (has_trace(s, buf_str(&trace)) && logfmt_time(line, &ms))
			add_event(s, buf_str(&trace), ms)->line = slice_dup(line);
		goto out;
	}
	while (!match && logfmt_next(&rest, &key, &value))
		match = same_id(buf_str(&value), s->id);
	if (match)
		add_trace(s, buf_str(&trace));
out:
	buf_free(&value);
	buf_free(&trace);
}

static bool see_log(struct search *s, const char *path)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	char *line = NULL;
	size_t cap = 0;
	for (ssize_t n; (n = getline(&line, &cap, f)) > 0;)
		if (n < LOG_LINE_MAX)
			see_line(s, (struct slice){line, (size_t)n - (line[n - 1] == '\n')});
	free(line);
	fclose(f);
	return true;
}

/* ROOT/log/PROGRAM/: current and the older ones (@..., as log services name them). */
static void see_log_directory(struct search *s, const char *path)
{
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] != '@' && strcmp(e->d_name, "current") != 0)
			continue;
		char *file = xasprintf("%s/%s", path, e->d_name);
		see_log(s, file);
		free(file);
	}
	if (d)
		closedir(d);
}

static void see_logs(struct search *s, const char *root)
{
	char *logs = xasprintf("%s/log", root);
	DIR *d = opendir(logs);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		char *path = xasprintf("%s/%s", logs, e->d_name);
		see_log_directory(s, path);
		free(path);
	}
	if (d)
		closedir(d);
	free(logs);
}

/* ---- queues ---- */

/* Does the id stand anywhere in it as a whole string? Bodies are not looked into. */
static bool holds_id(const json_t *v, const char *id)
{
	const char *key;
	json_t *inner;
	size_t i;
	if (json_is_string(v))
		return same_id(json_string_value(v), id);
	if (json_is_array(v)) {
		json_array_foreach (v, i, inner)
			if (holds_id(inner, id))
				return true;
	} else if (json_is_object(v)) {
		json_object_foreach ((json_t *)(uintptr_t)v, key, inner)
			if (strcmp(key, "body") != 0 && holds_id(inner, id))
				return true;
	}
	return false;
}

static void see_record(struct search *s, const struct spool_file *f, const struct record *r)
{
	if (!s->collect) {
		if (holds_id(r->root, s->id))
			add_trace(s, r->trace);
		return;
	}
	if (!has_trace(s, r->trace))
		return;
	struct event *e = add_event(s, r->trace, f->stamp_us / 1000);
	json_t *o = record_get(r->root, "fail");
	o = o ? o : record_get(r->root, "retry");
	const char *why = record_str(o, "why"), *code = record_str(o, "code");
	e->queue = xstrdup(f->dest ? f->dest : f->queue);
	e->state = f->state;
	e->due_us = f->due_us;
	e->why = why ? xasprintf("%s%s%s", code ? code : "", code ? " " : "", why) : NULL;
	e->id = xstrdup(r->id);
	e->type = xstrdup(r->type);
}

static bool see_file(void *ctx, const struct spool_file *f)
{
	struct search *s = ctx;
	struct buf lines = {0};
	char refused[128];
	bool more = true;
	if (spool_file_read(f, &lines) && worth(s, slice_buf(&lines)))
		for (struct slice rest = slice_buf(&lines); more && rest.n;) {
			struct slice line = slice_cut(&rest, '\n', &more);
			struct record *r = worth(s, line) ? record_parse(line.p, line.n, refused) : NULL;
			if (r)
				see_record(s, f, r);
			record_free(r);
		}
	buf_free(&lines);
	return true;
}

static void see_queues(struct search *s, const char *root)
{
	char **names = spool_queue_names(root);
	for (char **n = names; n && *n; n++) {
		char *path = xasprintf("%s/%s", root, *n);
		spool_list(path, (1u << SPOOL_STATES) - 1, see_file, s);
		free(path);
	}
	spool_names_free(names);
}

/* ---- show ---- */

/* By trace, then places last, then time. */
static int by_way(const void *pa, const void *pb)
{
	const struct event *a = pa, *b = pb;
	int order = strcmp(a->trace, b->trace);
	if (order)
		return order;
	if (!a->line != !b->line)
		return a->line ? -1 : 1;
	return a->ms < b->ms ? -1 : a->ms > b->ms;
}

static void put_clean(struct buf *out, struct slice text)
{
	text_sanitise(out, text, 400);
}

static void line_text(const struct event *e, int64_t start)
{
	struct buf prog = {0}, what = {0}, value = {0}, rest = {0};
	struct slice line = slice_of(e->line), key;
	char stamp[CLOCK_ISO];
	clock_iso(e->ms, stamp);
	while (logfmt_next(&line, &key, &value)) {
		if (slice_eq(key, "prog"))
			put_clean(&prog, slice_buf(&value));
		else if (slice_eq(key, "event") || slice_eq(key, "msg"))
			put_clean(&what, slice_buf(&value));
		else if (!slice_eq(key, "trace") && !(slice_eq(key, "level") && strcmp(buf_str(&value), "info") == 0)) {
			buf_printf(&rest, " %.*s=", (int)key.n, key.p);
			put_clean(&rest, slice_buf(&value));
		}
	}
	printf("%.12s %+8" PRId64 " ms  %-11s %s%s\n", stamp + 11, e->ms - start, buf_str(&prog), buf_str(&what),
	       buf_str(&rest));
	buf_free(&prog), buf_free(&what), buf_free(&value), buf_free(&rest);
}

static void place_text(const struct event *e)
{
	static const char *const says[SPOOL_STATES] = {"waits for", "is in work at", "is on its way to",
						       "waits for its next try at", "has failed at"};
	struct buf out = {0};
	put_clean(&out, slice_of(e->type));
	buf_printf(&out, " %s %s", says[e->state], e->queue);
	if (e->state == SPOOL_DEFERRED) {
		char stamp[CLOCK_ISO];
		clock_iso(e->due_us / 1000, stamp);
		buf_printf(&out, ", due %s", stamp);
	}
	if (e->why) {
		buf_puts(&out, ": ");
		put_clean(&out, slice_of(e->why));
	}
	buf_puts(&out, " (record ");
	put_clean(&out, slice_of(e->id));
	printf("now: %s)\n", buf_str(&out));
	buf_free(&out);
}

static void line_json(const struct event *e, int64_t start)
{
	struct buf value = {0};
	struct slice line = slice_of(e->line), key;
	json_t *o = json_object();
	char stamp[CLOCK_ISO], name[64];
	clock_iso(e->ms, stamp);
	record_set(o, "time", stamp);
	record_set_int(o, "elapsed_ms", e->ms - start);
	while (logfmt_next(&line, &key, &value)) {
		snprintf(name, sizeof name, "%.*s", (int)key.n, key.p);
		if (utf8_valid(key.p, key.n))
			record_set_octets(o, name, buf_str(&value), value.n);
	}
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
	buf_free(&value);
}

static void place_json(const struct event *e)
{
	json_t *o = json_object(), *now;
	char stamp[CLOCK_ISO];
	record_set(o, "trace", e->trace);
	now = record_object(o, "now");
	record_set(now, "queue", e->queue);
	record_set(now, "state", spool_state_name[e->state]);
	record_set(now, "id", e->id);
	record_set(now, "type", e->type);
	record_set(now, "why", e->why);
	clock_iso(e->ms, stamp);
	record_set(now, "since", stamp);
	if (e->due_us >= 0) {
		clock_iso(e->due_us / 1000, stamp);
		record_set(now, "due", stamp);
	}
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static void show_trace(const struct search *s, const struct event *e, size_t n)
{
	char stamp[CLOCK_ISO];
	size_t places = 0;
	clock_iso(e[0].ms, stamp);
	if (!s->json) {
		struct buf trace = {0};
		put_clean(&trace, slice_of(e[0].trace));
		printf("trace %s, %.10s\n", buf_str(&trace), stamp);
		buf_free(&trace);
	}
	for (size_t i = 0; i < n; i++) {
		places += !e[i].line;
		if (s->json && e[i].line)
			line_json(&e[i], e[0].ms);
		else if (s->json)
			place_json(&e[i]);
		else if (e[i].line)
			line_text(&e[i], e[0].ms);
		else
			place_text(&e[i]);
	}
	if (!places && !s->json)
		printf("now: in no queue: nothing is left to be done\n");
}

static void show(struct search *s)
{
	size_t end;
	if (s->events)
		qsort(s->event, s->events, sizeof *s->event, by_way);
	for (size_t i = 0; i < s->events; i = end) {
		for (end = i; end < s->events && strcmp(s->event[end].trace, s->event[i].trace) == 0; end++)
			;
		show_trace(s, s->event + i, end - i);
	}
}

static void see_all(struct search *s, const char *root, int logs, char **log)
{
	see_logs(s, root);
	for (int i = 0; i < logs; i++)
		if (!see_log(s, log[i]))
			die_perm("%s:", log[i]);
	see_queues(s, root);
}

static void search_free(struct search *s)
{
	for (size_t i = 0; i < s->events; i++) {
		struct event *e = &s->event[i];
		free(e->trace), free(e->line), free(e->queue), free(e->why), free(e->id), free(e->type);
	}
	for (int i = 0; i < s->traces; i++)
		free(s->trace[i]);
	free(s->event);
}

int main(int argc, char **argv)
{
	struct search s = {0};
	const char *root = "spool";
	const struct tool_option options[] = {
		{"root", 'r', "DIR", "the spool whose queues and logs (DIR/log) are searched (default: spool)",
		 .value = &root},
		{"json", 'j', NULL, "JSON, one object a line", .flag = &s.json},
		{0}};
	const struct tool tool = {"trace",
				  "the way of one message: ID is a Call-ID, Message-ID, record id or trace",
				  "ID [LOG...]",
				  1,
				  -1,
				  options};
	int first = tool_options(argc, argv, &tool);

	s.id = argv[first];
	if (!*s.id)
		die_perm("the id is empty");
	see_all(&s, root, argc - first - 1, argv + first + 1);
	s.collect = true;
	if (s.traces)
		see_all(&s, root, argc - first - 1, argv + first + 1);
	show(&s);
	bool found = s.events > 0;
	if (!found)
		log_msg(LOG_ERROR, "nothing is known of %s", s.id);
	search_free(&s);
	tool_close_stdout();
	log_flush();
	return found ? 0 : EXIT_PERM;
}
