#include "mailed.h"

#include "base/buf.h"
#include "base/log.h"
#include "record/record.h"
#include "sql.h"

#include <stdio.h>
#include <stdlib.h>

void mailed_use(struct mailed *s, struct sqlite3 *db)
{
	if (s->db == db)
		return;
	mailed_end(s);
	s->db = db;
	s->add = sql_prepare(db, "INSERT INTO mailed (hash, base, at, told, origin) VALUES (?,?,?,0,?)");
	s->find = sql_prepare(db, "SELECT seq, at, told, origin FROM mailed WHERE hash = ? AND base = ?");
	s->tell = sql_prepare(db, "UPDATE mailed SET told = ? WHERE seq = ?");
	s->put_part = sql_prepare(db, "INSERT OR REPLACE INTO mailed_part (mail, imdn_id, is_text, name, state, status) "
				      "VALUES (?,?,?,?,?,?)");
	s->get_part = sql_prepare(db, "SELECT is_text, name, state, status FROM mailed_part WHERE mail = ? AND imdn_id = ?");
	s->arrived = sql_prepare(db, "SELECT count(*) FROM mailed_part WHERE mail = ? AND state = ?");
	s->purge_parts = sql_prepare(db, "DELETE FROM mailed_part WHERE mail IN (SELECT seq FROM (SELECT seq, at FROM "
					 "mailed ORDER BY seq LIMIT 1024) WHERE at < ?)");
	s->purge = sql_prepare(db, "DELETE FROM mailed WHERE seq <= (SELECT max(seq) FROM (SELECT seq, at FROM mailed "
				   "ORDER BY seq LIMIT 1024) WHERE at < ?)");
}

void mailed_end(struct mailed *s)
{
	sqlite3_stmt *all[] = {s->add,	    s->find,	s->tell,  s->put_part,
			       s->get_part, s->arrived, s->purge, s->purge_parts};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sqlite3_finalize(all[i]);
	*s = (struct mailed){0};
}

static bool find(struct mailed *s, struct slice base, struct mailed_row *row)
{
	sql_hashed(s->find, 1, base.p, base.n);
	bool found = sql_row(s->find);
	if (found) {
		*row = (struct mailed_row){
			.seq = sqlite3_column_int64(s->find, 0),
			.at = sqlite3_column_int64(s->find, 1),
			.told = (unsigned)sqlite3_column_int(s->find, 2),
			.origin = sql_json(s->find, 3),
		};
	}
	sqlite3_reset(s->find);
	return found;
}

/* The parts of a message are ID, ID-1, ID-2 (7.7). */
static struct slice base_of(const char *imdn_id)
{
	return (struct slice){imdn_id, strcspn(imdn_id, "-")};
}

void mailed_open(struct mailed *s, const char *imdn_id, const json_t *origin, const char *trace, int64_t now_ms,
		 struct mailed_row *row)
{
	struct slice base = base_of(imdn_id);
	struct buf text = {0};
	if (find(s, base, row))
		return;
	*row = (struct mailed_row){.at = now_ms, .fresh = true, .origin = json_copy((json_t *)(uintptr_t)origin)};
	record_set(row->origin, "trace", trace);
	sql_hashed(s->add, 1, base.p, base.n);
	sqlite3_bind_int64(s->add, 3, now_ms);
	sql_bind_json(s->add, 4, row->origin, &text);
	sql_run(s->add);
	row->seq = sqlite3_last_insert_rowid(s->db);
	buf_free(&text);
}

void mailed_tell(struct mailed *s, const struct mailed_row *row)
{
	sqlite3_bind_int(s->tell, 1, (int)row->told);
	sqlite3_bind_int64(s->tell, 2, row->seq);
	sql_run(s->tell);
}

/* What is known of a part; false: nothing. */
static bool get_part(struct mailed *s, const struct mailed_row *row, const char *imdn_id, struct mailed_part *part)
{
	sqlite3_bind_int64(s->get_part, 1, row->seq);
	sql_text(s->get_part, 2, imdn_id);
	bool found = sql_row(s->get_part);
	if (found) {
		part->text = sqlite3_column_int(s->get_part, 0) != 0;
		snprintf(part->name, sizeof(part->name), "%s", sql_string(s->get_part, 1));
		part->state = (enum mailed_state)sqlite3_column_int(s->get_part, 2);
		part->status = sqlite3_column_int(s->get_part, 3);
	}
	sqlite3_reset(s->get_part);
	return found;
}

void mailed_part(struct mailed *s, const struct mailed_row *row, const char *imdn_id, struct mailed_part *part)
{
	struct mailed_part before;
	if (!row->fresh && get_part(s, row, imdn_id, &before)) {
		before.status = part->status;
		if (before.state < part->state)
			before.state = part->state;
		*part = before;
	}
	sqlite3_bind_int64(s->put_part, 1, row->seq);
	sql_text(s->put_part, 2, imdn_id);
	sqlite3_bind_int(s->put_part, 3, part->text);
	sql_text(s->put_part, 4, part->name);
	sqlite3_bind_int(s->put_part, 5, part->state);
	sqlite3_bind_int(s->put_part, 6, part->status);
	sql_run(s->put_part);
}

bool mailed_find(struct mailed *s, const char *imdn_id, struct mailed_row *row, struct mailed_part *part)
{
	*part = (struct mailed_part){.text = true};
	if (!find(s, base_of(imdn_id), row))
		return false;
	if (get_part(s, row, imdn_id, part))
		return true;
	mailed_free(row);
	return false;
}

int mailed_arrived(struct mailed *s, const struct mailed_row *row)
{
	sqlite3_bind_int64(s->arrived, 1, row->seq);
	sqlite3_bind_int(s->arrived, 2, MAILED_ARRIVED);
	int n = sql_row(s->arrived) ? sqlite3_column_int(s->arrived, 0) : 0;
	sqlite3_reset(s->arrived);
	return n;
}

void mailed_free(struct mailed_row *row)
{
	json_decref(row->origin);
	*row = (struct mailed_row){0};
}

void mailed_purge(struct mailed *s, int64_t before_ms)
{
	sqlite3_bind_int64(s->purge_parts, 1, before_ms);
	sql_run(s->purge_parts);
	sqlite3_bind_int64(s->purge, 1, before_ms);
	sql_run(s->purge);
}
