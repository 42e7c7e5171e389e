#include "frame/private.h"
#include "base/clock.h"
#include "base/log.h"

#include <sqlite3.h>
#include <stdlib.h>

/* CPU seconds that a batch may take: 1024 records at ten times what the slowest map needs. */
enum { CPU_LIMIT = 30 };

static bool takes(const struct frame *f, const char *type)
{
	for (const char *const *t = f->program->takes; t && *t; t++)
		if (strcmp(*t, type) == 0)
			return true;
	return false;
}

/* A line that is no record: wrapped into one, so that fail/ holds records only and a person can read what it was. */
static struct record *wrap(struct frame *f, const struct spool_line *line)
{
	char id[RECORD_ID];
	record_id_derived((struct slice){line->p, line->n}, id);
	struct record *r = record_new("bad.line", id, id, f->now_ms);
	size_t n = line->n > 4096 ? 4096 : line->n;
	record_set_octets(r->member, "line", line->p, n);
	record_set_int(r->member, "size", (int64_t)line->n);
	return r;
}

/* Ordered queues: while an earlier record of the conversation waits in defer/, a later one joins it untried. */
static bool held_back(struct frame *f, struct frame_item *it, const struct spool_line *line)
{
	const char *key = record_key(it->in);
	int64_t due = f->worker && f->worker_options.ordered && key ? spool_held(f->worker, (int)it->index, key) : 0;
	if (!due)
		return false;
	struct spool_blobref refs[1];
	int n = frame_blob_refs(f, it, it->in, f->in_queue, refs);
	f->outcome[it->index] = FRAME_DEFERRED;
	spool_defer(f->worker, (int)it->index, due, key, line->p, line->n, refs, n > 0 ? 1 : 0);
	return true;
}

static bool prepare(struct frame *f, size_t i, const struct spool_line *line)
{
	struct frame_item *it = &f->item[i];
	char why[128];
	*it = (struct frame_item){.frame = f, .index = i, .outcome = line->outcome};
	f->outcome[i] = FRAME_DONE;
	f->emitted[i] = 0;
	if (f->worker)
		spool_running(f->worker, (int)i);
	if (line->kills == LINE_CUT) {
		it->in = wrap(f, line);
		item_fail(it, "5.6.0", line->n > RECORD_LINE_MAX ? "the line is longer than 1 MiB" : "the line has no end");
		return false;
	}
	it->in = record_parse(line->p, line->n, why);
	f->in_work = i + 1;
	if (!it->in) {
		it->in = wrap(f, line);
		item_fail(it, "5.6.0", "not a record: %s", why);
		return false;
	}
	if (takes(f, it->in->type))
		return !held_back(f, it, line);
	if (f->worker)
		item_fail(it, "5.6.1", "%s takes no %s", f->program->name, it->in->type);
	else
		item_pass(it);
	return false;
}

static void reserve(struct frame *f, size_t n)
{
	if (n <= f->items)
		return;
	f->item = xrealloc(f->item, n * sizeof *f->item);
	f->outcome = xrealloc(f->outcome, n * sizeof *f->outcome);
	f->emitted = xrealloc(f->emitted, n * sizeof *f->emitted);
	f->items = n;
}

/* A batch hook gets only what it takes, side by side; items know their line by .index, so they may be moved. */
static void run_together(struct frame *f, struct spool_line *lines, size_t n)
{
	struct frame_item *work = xcalloc(n, sizeof *work);
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		if (prepare(f, i, &lines[i]))
			work[count++] = f->item[i];
	if (f->worker)
		spool_running(f->worker, -1);
	if (count)
		f->program->batch(work, count, f->ctx);
	free(work);
}

static void run_each(struct frame *f, struct spool_line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (prepare(f, i, &lines[i])) {
			f->program->step(&f->item[i], f->ctx);
			frame_alive(f);
		}
	if (f->worker)
		spool_running(f->worker, -1);
}

void frame_run_batch(struct frame *f, struct spool_line *lines, size_t n)
{
	int64_t begun = clock_mono_us();
	if (!f->now_fixed)
		f->now_ms = clock_real_us() / 1000;
	f->line = f->worker ? lines : f->line;
	reserve(f, n);
	frame_cpu_limit(CPU_LIMIT);
	frame_db_exec(f, "BEGIN");
	if (f->program->batch)
		run_together(f, lines, n);
	else
		run_each(f, lines, n);
	frame_cpu_limit(0);
	/* Lines on standard output are written before the input is given up: a failure there leaves it waiting. */
	frame_flush(f);
	int committed = f->worker ? spool_commit(f->worker) : 0;
	if (!f->worker && !f->program->edge && f->sinks && frame_commit(f) != 0)
		die_temp("the output queue takes nothing now:");
	frame_db_exec(f, "COMMIT");
	if (committed != 0)
		log_msg(LOG_WARN, "batch rolled back, tried again:");
	frame_count_batch(f, begun, committed == 0);
	for (size_t i = 0; i < n; i++) {
		if (committed == 0)
			frame_count_in(f, &f->item[i]);
		record_free(f->item[i].in);
	}
	f->in_work = 0;
	frame_blobs_end(f);
	if (f->worker)
		f->line = NULL;
	log_flush();
}

void frame_db_open(struct frame *f)
{
	const char *schema = f->program->schema;
	if (!schema)
		return;
	sqlite3 *db = f->worker ? spool_database(f->worker) : NULL;
	if (!f->worker && sqlite3_open(f->db_file ? f->db_file : ":memory:", &f->db) != SQLITE_OK)
		die_temp("--state %s: %s", f->db_file, sqlite3_errmsg(f->db));
	char *why = NULL;
	if (sqlite3_exec(db ? db : f->db, schema, NULL, NULL, &why) != SQLITE_OK)
		die_temp("state store: %s", why);
}

/* In a pipe the batch is the transaction here; with a queue it is the spool's (G2). */
void frame_db_exec(struct frame *f, const char *sql)
{
	if (f->db && sqlite3_exec(f->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die_temp("state store: %s", sqlite3_errmsg(f->db));
}

struct sqlite3 *frame_database(struct frame *f)
{
	return f->worker ? spool_database(f->worker) : f->db;
}
