/*
 * trace - the way of one message, by any id that a person has at hand.
 *
 * First the ids are turned into traces: each log line and each record in a queue in which the id stands as a whole
 * value names one. Then all lines and records of those traces are collected, sorted by time and shown.
 */
#include "trace.h"

#include "base/log.h"
#include "base/logfmt.h"
#include "base/text.h"
#include "base/tool.h"
#include "record/record.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRACES = 64, LOG_LINE_MAX = 1 << 20 };

struct search {
	const char *id;
	bool collect; /* second pass */
	char *trace[TRACES];
	int traces;
	struct event *event;
	size_t events;
	bool json, lines;
	FILE *html;
	struct buf input; /* standard input, read once */
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

static int rank_of(struct slice line)
{
	static const char *const way[] = {"prog=smtp-listen ", "prog=mail2cpm ", "prog=sip-route ", "prog=sip-send ", "prog=cpm2mail ", "prog=mail-route ", "prog=smtp-send ", "prog=report ", "prog=sip-listen "};
	int n = sizeof way / sizeof way[0];
	if (memmem(line.p, line.n, "event=accepted", 14))
		return 0;
	for (int i = 0; i < n; i++)
		if (memmem(line.p, line.n, way[i], strlen(way[i])))
			return i + 1;
	return n + 1;
}

static void see_line(struct search *s, struct slice line)
{
	struct buf value = {0}, trace = {0};
	struct slice rest = line, key;
	int64_t ms;
	bool match = false;
	if (!worth(s, line) || !logfmt_get(line, "trace", &trace))
		goto out;
	if (s->collect) {
		if (has_trace(s, buf_str(&trace)) && logfmt_time(line, &ms)) {
			struct event *e = add_event(s, buf_str(&trace), ms);
			e->line = slice_dup(line);
			e->rank = rank_of(line);
		}
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

/* What a journal prints into a pipe: it comes once, and is looked at twice. */
static void see_input(struct search *s)
{
	static bool read_already;
	bool more = true;
	while (!read_already) {
		size_t n = fread(buf_room(&s->input, 65536), 1, 65536, stdin);
		s->input.n += n;
		read_already = n == 0;
	}
	for (struct slice rest = slice_buf(&s->input); more && rest.n;)
		see_line(s, slice_cut(&rest, '\n', &more));
}

static bool see_log(struct search *s, const char *path)
{
	if (strcmp(path, "-") == 0) {
		see_input(s);
		return true;
	}
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
	if (a->ms != b->ms)
		return a->ms < b->ms ? -1 : 1;
	return a->rank - b->rank;
}

static void show(struct search *s)
{
	size_t end;
	if (s->events)
		qsort(s->event, s->events, sizeof *s->event, by_way);
	for (size_t i = 0; i < s->events; i = end) {
		for (end = i; end < s->events && strcmp(s->event[end].trace, s->event[i].trace) == 0; end++)
			;
		if (s->html)
			html_trace(s->html, s->event + i, end - i);
		else if (s->json)
			json_trace(s->event + i, end - i);
		else
			text_trace(s->event + i, end - i, !s->lines);
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
	buf_free(&s->input);
}

static FILE *open_page(const char *file)
{
	FILE *f = strcmp(file, "-") == 0 ? stdout : fopen(file, "we");
	if (!f)
		die_temp("%s:", file);
	return f;
}

int main(int argc, char **argv)
{
	struct search s = {0};
	const char *root = "spool", *page = NULL;
	const struct tool_option options[] = {
		{"root", 'r', "DIR", "the spool whose queues and logs (DIR/log) are searched (default: spool)",
		 .value = &root},
		{"lines", 'l', NULL, "log lines and places alone, without the ladder", .flag = &s.lines},
		{"json", 'j', NULL, "JSON, one object a line", .flag = &s.json},
		{"html", 'H', "FILE", "a page with a sequence chart, into FILE (-: standard output)", .value = &page},
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
	if (page && s.events)
		s.html = open_page(page);
	if (s.html)
		html_begin(s.html, s.id);
	show(&s);
	if (s.html)
		html_end(s.html);
	if (s.html && s.html != stdout && fclose(s.html) != 0)
		die_temp("%s:", page);
	bool found = s.events > 0;
	if (!found)
		log_msg(LOG_ERROR, "nothing is known of %s", s.id);
	search_free(&s);
	tool_close_stdout();
	log_flush();
	return found ? 0 : EXIT_PERM;
}
