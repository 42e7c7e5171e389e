/*
 * filter - a filter of the frame that does what each test.record tells it: {"do":"emit"|"defer"|"fail"|"abort"|"hang"|"blob"|"none",
 * "n":how often}. Emitted records are test.output; with "count", the number of records seen so far comes from the state store.
 */
#include "frame/frame.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t count(struct frame *f)
{
	sqlite3_stmt *st;
	int64_t n = -1;
	sqlite3_prepare_v2(frame_database(f), "INSERT INTO seen(k, n) VALUES(1, 1) ON CONFLICT(k) DO UPDATE SET n=n+1 RETURNING n", -1,
			   &st, NULL);
	while (sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void emit(struct frame_item *it, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		struct record *out = item_output(it, "test.output");
		record_set_int(out->member, "k", i);
		record_set(out->member, "of", it->in->id);
		if (frame_database(it->frame))
			record_set_int(out->member, "count", count(it->frame));
		json_t *body = record_get(it->in->member, "body");
		if (body)
			record_set_new(out->member, "body", json_deep_copy(body));
		item_emit(it, out);
	}
}

static void emit_blob(struct frame_item *it, int64_t size)
{
	char block[4096];
	memset(block, 'x', sizeof block);
	struct frame_blob *b = frame_blob_create(it->frame);
	for (int64_t left = size; b && left > 0; left -= (int64_t)sizeof block)
		if (frame_blob_write(b, block, left < (int64_t)sizeof block ? (size_t)left : sizeof block) != 0)
			exit(111);
	if (!b)
		exit(111);
	struct record *out = item_output(it, "test.record");
	record_set(out->member, "do", "emit");
	record_set_new(out->member, "body", frame_blob_finish(b, "text/plain"));
	item_emit(it, out);
}

static void step(struct frame_item *it, void *ctx)
{
	(void)ctx;
	const char *what = record_str(it->in->member, "do");
	int64_t n = record_int(it->in->member, "n", 1);
	if (!what || strcmp(what, "emit") == 0)
		emit(it, n);
	else if (strcmp(what, "defer") == 0)
		item_defer(it, item_retries(it) ? 0 : frame_now_ms(it->frame) * 1000 + n * 1000, "4.3.0", "told to");
	else if (strcmp(what, "fail") == 0)
		item_fail(it, "5.0.0", "told to");
	else if (strcmp(what, "blob") == 0)
		emit_blob(it, n);
	else if (strcmp(what, "abort") == 0)
		abort();
	else if (strcmp(what, "hang") == 0)
		for (;;)
			continue;
}

int main(int argc, char **argv)
{
	static const char *const takes[] = {"test.record", NULL};
	struct frame_program p = {
		.name = "filter", .summary = "does what each test.record tells it.", .takes = takes, .step = step};
	if (getenv("FILTER_STATE"))
		p.schema = "CREATE TABLE IF NOT EXISTS seen(k INTEGER PRIMARY KEY, n INTEGER)";
	return frame_run(argc, argv, &p, NULL);
}
