#include "metrics/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct series {
	const struct metric *family;
	char *value[METRIC_LABELS]; /* of its labels; NULL: none */
	int64_t n;
};

struct metrics {
	char *program, *instance;
	struct series *series;
	size_t count;
};

struct metrics *metrics_new(const char *program, const char *instance)
{
	struct metrics *m = xcalloc(1, sizeof *m);
	m->program = xstrdup(program);
	m->instance = instance ? xstrdup(instance) : NULL;
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->count; i++)
		for (int k = 0; k < METRIC_LABELS; k++)
			free(m->series[i].value[k]);
	free(m->series);
	free(m->program);
	free(m->instance);
	free(m);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static struct series *find(const struct metrics *m, const struct metric *family, const char *first, const char *second)
{
	for (size_t i = 0; i < m->count; i++) {
		struct series *s = &m->series[i];
		if (s->family == family && same(s->value[0], first) && same(s->value[1], second))
			return s;
	}
	return NULL;
}

static struct series *have(struct metrics *m, const struct metric *family, const char *first, const char *second)
{
	struct series *s = find(m, family, first, second);
	if (s)
		return s;
	if ((m->count & (m->count - 1)) == 0)
		m->series = xrealloc(m->series, (m->count ? 2 * m->count : 1) * sizeof *m->series);
	s = &m->series[m->count++];
	*s = (struct series){.family = family, .value = {first ? xstrdup(first) : NULL, second ? xstrdup(second) : NULL}};
	return s;
}

void metrics_add(struct metrics *m, const struct metric *family, const char *first, const char *second, int64_t n)
{
	have(m, family, first, second)->n += n;
}

void metrics_set(struct metrics *m, const struct metric *family, const char *first, const char *second, int64_t n)
{
	have(m, family, first, second)->n = n;
}

int64_t metrics_get(const struct metrics *m, const struct metric *family, const char *first, const char *second)
{
	const struct series *s = find(m, family, first, second);
	return s ? s->n : 0;
}

/* ---- text ---- */

static void put_label(struct buf *out, char *before, const char *name, const char *value)
{
	if (!name || !value)
		return;
	buf_printf(out, "%c%s=\"", *before, name);
	*before = ',';
	for (const char *p = value; *p; p++)
		if (*p == '\n')
			buf_puts(out, "\\n");
		else if (*p == '"' || *p == '\\')
			buf_printf(out, "\\%c", *p);
		else
			buf_putc(out, *p);
	buf_putc(out, '"');
}

static void put_series(const struct metrics *m, const struct series *s, struct buf *out)
{
	char before = '{';
	buf_puts(out, s->family->name);
	put_label(out, &before, "program", m->program);
	put_label(out, &before, "instance", m->instance);
	for (int k = 0; k < METRIC_LABELS; k++)
		put_label(out, &before, s->family->label[k], s->value[k]);
	if (before == ',')
		buf_putc(out, '}');
	bool us = s->family->kind == METRIC_COUNTER_US || s->family->kind == METRIC_GAUGE_US;
	if (us)
		buf_printf(out, " %s%lld.%06lld\n", s->n < 0 ? "-" : "", llabs(s->n) / 1000000, llabs(s->n) % 1000000);
	else
		buf_printf(out, " %lld\n", (long long)s->n);
}

static void put_family(const struct metrics *m, size_t first, struct buf *out)
{
	const struct metric *f = m->series[first].family;
	bool counter = f->kind == METRIC_COUNTER || f->kind == METRIC_COUNTER_US;
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, counter ? "counter" : "gauge");
	for (size_t i = first; i < m->count; i++)
		if (m->series[i].family == f)
			put_series(m, &m->series[i], out);
}

void metrics_put(const struct metrics *m, struct buf *out)
{
	for (size_t i = 0; i < m->count; i++) {
		bool seen = false;
		for (size_t k = 0; k < i && !seen; k++)
			seen = m->series[k].family == m->series[i].family;
		if (!seen)
			put_family(m, i, out);
	}
}

static int write_all(int fd, const struct buf *b)
{
	for (size_t done = 0; done < b->n;) {
		ssize_t n = write(fd, b->p + done, b->n - done);
		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The collector reads at any time: it must find the whole file, the old one or the new one. Not synced: after a crash
 * the next one comes in seconds. */
int metrics_write(const struct metrics *m, const char *dir, const char *file)
{
	struct buf text = {0};
	char *tmp = xasprintf("%s/.%s.tmp", dir, file), *name = xasprintf("%s/%s", dir, file);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644), result = -1;
	metrics_put(m, &text);
	if (fd >= 0) {
		result = fchmod(fd, 0644) == 0 && write_all(fd, &text) == 0 ? 0 : -1;
		if (close(fd) != 0)
			result = -1;
		if (result == 0)
			result = rename(tmp, name);
	}
	int err = errno;
	if (result != 0 && fd >= 0)
		unlink(tmp);
	free(tmp);
	free(name);
	buf_free(&text);
	errno = err;
	return result;
}
