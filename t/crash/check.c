/*
 * check.c - a tree against its plan: every obligation once, every link with its batch, nothing left over.
 */
#include "plan.h"
#include "spool/ready.h"

#include <sqlite3.h>
#include <stdio.h>

struct count {
	int v[ENDS][PLAN_RECORDS];
};

static int end_of(char op)
{
	return op == 'a' || op == 'x' ? 0 : op == 'b' ? 1 : op == 'f' ? 2 : -1;
}

/* The obligations of a file whose records will be read by `queue`, or are in its fail/. */
static void oblige(struct count *c, const char *queue, bool fail, const struct tree_file *f)
{
	bool end = strcmp(queue, "a") == 0 || strcmp(queue, "b") == 0;
	for (const char *s = f->data; *s; s += strcspn(s, "\n"), s += *s == '\n') {
		int n;
		char ops[8], blob[SPOOL_BLOBID];
		if (!line_parse(s, &n, ops, blob))
			continue;
		/* what comes to an end was worked on: an input that is published as if it were the output is none */
		int one = ops[0] ? 100 : 1;
		if (fail)
			c->v[2][n] += one;
		else if (end)
			c->v[queue[0] - 'a'][n] += one;
		else
			for (const char *o = ops; *o; o++)
				if (end_of(*o) >= 0)
					c->v[end_of(*o)][n]++;
	}
}

static sqlite3 *open_state(void)
{
	char path[128];
	sqlite3 *db;
	snprintf(path, sizeof path, "%s/state/t.db", root);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
		return db;
	sqlite3_close(db);
	return NULL;
}

/* Has the state store a row for this key? value: of its column, if there is one. */
static bool database_has(const char *sql, const char *key, char value[40])
{
	sqlite3 *db = open_state();
	sqlite3_stmt *st = NULL;
	bool has = false;
	if (db && sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK) {
		sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
		has = sqlite3_step(st) == SQLITE_ROW;
		if (has && value)
			snprintf(value, 40, "%s", (const char *)sqlite3_column_text(st, 0));
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	return has;
}

static bool is_applied(const char *batch)
{
	return database_has("SELECT 1 FROM applied WHERE batch=?1 UNION ALL SELECT 1 FROM redo WHERE input=?1", batch, NULL);
}

/* The spare of a quick form that is committed and not yet published: where it goes. */
static bool is_redo(const char *file, char dest[40])
{
	return database_has("SELECT dest FROM redo WHERE file=?1", file, dest);
}

struct where {
	char queue[40], dir[40], slot[64]; /* slot: path of the slot's directory and '/', "" if in none */
	const char *file;
};

static struct where where(const char *path)
{
	struct where w = {0};
	sscanf(path, "%39[^/]/%39[^/]", w.queue, w.dir);
	w.file = strrchr(path, '/') + 1;
	if (strcmp(w.dir, "cur") == 0)
		snprintf(w.slot, sizeof w.slot, "%.*s", (int)(w.file - path), path);
	return w;
}

static bool has_role(const struct tree *t, const char *slot, const char *lead, char role)
{
	struct slot_name n;
	for (size_t i = 0; i < t->n; i++)
		if (strncmp(t->v[i].path, slot, strlen(slot)) == 0 &&
		    name_parse_slot(strrchr(t->v[i].path, '/') + 1, &n) && n.role == role && strcmp(n.lead, lead) == 0)
			return true;
	return false;
}

/* Is this file live, and who will read it? */
static bool live(const struct plan *p, const struct tree *t, const struct tree_file *f, const struct where *w,
		 char queue[40], bool *fail)
{
	struct slot_name n;
	struct tmp_name tmp;
	*fail = strcmp(w->dir, "fail") == 0;
	snprintf(queue, 40, "%s", w->queue);
	if (strcmp(w->dir, "tmp") == 0)
		return name_parse_tmp(w->file, &tmp) &&
		       (tmp.form == TMP_SEALED ||
			(tmp.form == TMP_READY && ready_sealed((struct slice){f->data, f->n}, &tmp)));
	if (!w->slot[0])
		return true;
	if (!name_parse_slot(w->file, &n))
		return false;
	if (n.role == 'r')
		return p->state && is_redo(w->file, queue);
	bool single = has_role(t, w->slot, n.lead, 's');
	bool committed = single || has_role(t, w->slot, n.lead, 'c') || (p->state && is_applied(n.lead));
	if (n.role == 'i')
		return !committed;
	if (n.role != 'o' && n.role != 's')
		return false;
	if (!committed || (n.role == 's' && has_role(t, w->slot, n.lead, 'o')))
		return false;
	*fail = strcmp(n.dest, "=fail") == 0;
	if (n.dest[0] != '=')
		snprintf(queue, 40, "%s", n.dest);
	return true;
}

/* I6: a file, of whatever fate, that bears the batch's name. */
static bool batch_exists(const struct tree *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++) {
		struct where w = where(t->v[i].path);
		struct slot_name s;
		struct spool_name n;
		struct tmp_name tmp;
		if (strcmp(w.queue, "blob") == 0 || strcmp(w.queue, "state") == 0 || strcmp(w.dir, "free") == 0)
			continue;
		if (w.slot[0]) {
			if (name_parse_slot(w.file, &s) &&
			    (strcmp(s.target.name, name) == 0 || strcmp(s.lead, name) == 0))
				return true;
		} else if (strcmp(w.dir, "tmp") == 0) {
			if (name_parse_tmp(w.file, &tmp) && strcmp(tmp.name, name) == 0)
				return true;
		} else if (name_parse(w.file, &n) && strcmp(n.name, name) == 0) {
			return true;
		}
	}
	return false;
}

static const char *name_of(const struct where *w, char out[NAME_SIZE])
{
	struct slot_name s;
	struct spool_name n;
	out[0] = '\0';
	if (w->slot[0] && name_parse_slot(w->file, &s))
		memcpy(out, s.target.name, NAME_SIZE);
	else if (name_parse(w->file, &n))
		memcpy(out, n.name, NAME_SIZE);
	return out;
}

static bool has_path(const struct tree *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].path, path) == 0)
			return true;
	return false;
}

static const char *check_links(const struct tree *t, const struct where *w, const struct tree_file *f)
{
	static char why[256];
	char name[NAME_SIZE], path[160];
	if (name_of(w, name)[0] && name[strlen(name) - 1] != 'b')
		return NULL;
	for (const char *s = f->data; *s; s += strcspn(s, "\n"), s += *s == '\n') {
		int n;
		char ops[8], blob[SPOOL_BLOBID];
		if (!line_parse(s, &n, ops, blob) || !blob[0])
			continue;
		snprintf(path, sizeof path, "blob/%s.%s", blob, name);
		if (name[0] && !has_path(t, path)) {
			snprintf(why, sizeof why, "I6: no link %s", path);
			return why;
		}
	}
	return NULL;
}

static const char *check_place(const struct where *w, bool final)
{
	static char why[256];
	bool end = (strcmp(w->queue, "a") == 0 || strcmp(w->queue, "b") == 0) && strcmp(w->dir, "new") == 0;
	if (final && !end && strcmp(w->dir, "fail") != 0) {
		snprintf(why, sizeof why, "left over: %s/%s/%s", w->queue, w->dir, w->file);
		return why;
	}
	return NULL;
}

/* How often the state store counts record n; -1: nothing can be asked. */
static int counted(sqlite3 *db, int n)
{
	sqlite3_stmt *st = NULL;
	int times = -1;
	if (sqlite3_prepare_v2(db, "SELECT count(*) FROM seen WHERE n=?1", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_bind_int(st, 1, n) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		times = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return times;
}

static const char *compare(const struct plan *p, const struct count *got)
{
	static char why[256];
	struct rec r[PLAN_RECORDS];
	struct count want = {0};
	size_t n = plan_records(p, r);
	for (size_t i = 0; i < n; i++) {
		bool optional = p->produce && !shared->acked[r[i].n], any = !optional;
		/* not answered: the whole batch or none of it */
		for (size_t k = 0; k < n && optional; k++)
			for (int e = 0; e < ENDS; e++)
				any |= r[k].batch == r[i].batch && got->v[e][r[k].n] > 0;
		for (const char *o = r[i].ops; *o && any; o++)
			if (end_of(*o) >= 0)
				want.v[end_of(*o)][r[i].n]++;
	}
	for (int e = 0; e < ENDS; e++)
		for (int k = 0; k < PLAN_RECORDS; k++)
			if (want.v[e][k] != got->v[e][k]) {
				snprintf(why, sizeof why, "I1: record %d for '%c' is there %d times, not %d", k,
					 "abf"[e], got -> v[e][k], want.v[e][k]);
				return why;
			}
	return NULL;
}

const char *plan_check(const struct plan *p, const struct tree *t, bool final)
{
	static char why[256];
	struct count got = {0};
	const char *bad = NULL;
	for (size_t i = 0; i < t->n && !bad; i++) {
		const struct tree_file *f = &t->v[i];
		struct where w = where(f->path);
		char queue[40];
		bool fail;
		if (strcmp(w.queue, "state") == 0 || strcmp(w.dir, "free") == 0)
			continue;
		if (strcmp(w.queue, "blob") == 0) {
			const char *dot = strchr(w.file, '.');
			if (strcmp(w.dir, "tmp") == 0 ? final : !dot || !batch_exists(t, dot + 1)) {
				snprintf(why, sizeof why, "I6: a link without a batch: %.200s", f->path);
				bad = why;
			}
			continue;
		}
		bad = check_place(&w, final);
		if (bad || !live(p, t, f, &w, queue, &fail))
			continue;
		oblige(&got, queue, fail, f);
		bad = check_links(t, &w, f);
	}
	if (!bad && shared->violation[0])
		bad = shared->violation;
	return bad ? bad : compare(p, &got);
}

static bool has_record(const struct tree *t, int number)
{
	for (size_t i = 0; i < t->n; i++) {
		struct where w = where(t->v[i].path);
		if (strcmp(w.dir, "new") != 0 && strcmp(w.dir, "fail") != 0)
			continue;
		for (const char *s = t->v[i].data; *s; s += strcspn(s, "\n"), s += *s == '\n') {
			int n;
			char ops[8], blob[SPOOL_BLOBID];
			if (line_parse(s, &n, ops, blob) && n == number)
				return true;
		}
	}
	return false;
}

/* Each record once; one that was not answered not at all, unless its outputs are there, which compare() has seen to. */
const char *plan_check_state(const struct plan *p, const struct tree *t)
{
	static char why[128];
	struct rec r[PLAN_RECORDS];
	size_t n = plan_records(p, r);
	if (!p->state)
		return NULL;
	sqlite3 *db = open_state();
	why[0] = '\0';
	for (size_t i = 0; i < n && !why[0]; i++) {
		int times = db ? counted(db, r[i].n) : -1;
		bool answered = !p->produce || shared->acked[r[i].n], there = has_record(t, r[i].n);
		bool right = r[i].ops[0] ? times == (answered || there) : times == 1 || (times == 0 && !answered);
		if (!right)
			snprintf(why, sizeof why, "the state store counts %d %d times", r[i].n, times);
	}
	sqlite3_close(db);
	return why[0] ? why : NULL;
}
