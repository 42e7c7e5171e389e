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
	s->add = sql_prepare(db, "INSERT OR IGNORE INTO mailed (base, at, told, origin) VALUES (?,?,0,?)");
	s->find = sql_prepare(db, "SELECT seq, at, told, origin FROM mailed WHERE base = ?");
	s->tell = sql_prepare(db, "UPDATE mailed SET told = ? WHERE seq = ?");
	s->get = sql_prepare(db, "SELECT seq, at, told, origin FROM mailed WHERE seq = ?");
	s->put_part = sql_prepare(db, "INSERT INTO mailed_part (imdn_id, mail, is_text, name, state, status) "
				      "VALUES (?,?,?,?,?,?) ON CONFLICT (imdn_id) DO UPDATE SET "
				      "state = max(state, excluded.state), status = excluded.status");
	s->get_part = sql_prepare(db, "SELECT mail, is_text, name, state, status FROM mailed_part WHERE imdn_id = ?");
	s->arrived = sql_prepare(db, "SELECT count(*) FROM mailed_part WHERE mail = ? AND state = ?");
	s->purge_parts = sql_prepare(db, "DELETE FROM mailed_part WHERE mail IN (SELECT seq FROM (SELECT seq, at FROM "
					 "mailed ORDER BY seq LIMIT 1024) WHERE at < ?)");
	s->purge = sql_prepare(db, "DELETE FROM mailed WHERE seq <= (SELECT max(seq) FROM (SELECT seq, at FROM mailed "
				   "ORDER BY seq LIMIT 1024) WHERE at < ?)");
}

void mailed_end(struct mailed *s)
{
	sqlite3_stmt *all[] = {s->add,	    s->find,	s->tell,  s->get,	 s->put_part,
			       s->get_part, s->arrived, s->purge, s->purge_parts};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sqlite3_finalize(all[i]);
	*s = (struct mailed){0};
}

/* The row that st stands at; resets st. */
static bool take(sqlite3_stmt *st, struct mailed_row *row)
{
	bool found = sql_row(st);
	if (found) {
		*row = (struct mailed_row){
			.seq = sqlite3_column_int64(st, 0),
			.at = sqlite3_column_int64(st, 1),
			.told = (unsigned)sqlite3_column_int(st, 2),
			.origin = json_loads(sql_string(st, 3), 0, NULL),
		};
		if (!row->origin)
			die_temp("state store: mailed %lld holds no JSON", (long long)row->seq);
	}
	sqlite3_reset(st);
	return found;
}

static bool find(struct mailed *s, struct slice base, struct mailed_row *row)
{
	sqlite3_bind_text(s->find, 1, base.p, (int)base.n, SQLITE_STATIC);
	return take(s->find, row);
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
	if (find(s, base, row))
		return;
	json_t *kept = json_copy((json_t *)origin);
	record_set(kept, "trace", trace);
	char *text = json_dumps(kept, JSON_COMPACT);
	json_decref(kept);
	sqlite3_bind_text(s->add, 1, base.p, (int)base.n, SQLITE_STATIC);
	sqlite3_bind_int64(s->add, 2, now_ms);
	sql_text(s->add, 3, text);
	sql_run(s->add);
	free(text);
	if (!find(s, base, row))
		die_temp("state store: what was added is not there");
}

void mailed_tell(struct mailed *s, const struct mailed_row *row)
{
	sqlite3_bind_int(s->tell, 1, (int)row->told);
	sqlite3_bind_int64(s->tell, 2, row->seq);
	sql_run(s->tell);
}

void mailed_part(struct mailed *s, const struct mailed_row *row, const char *imdn_id, const struct mailed_part *part)
{
	sql_text(s->put_part, 1, imdn_id);
	sqlite3_bind_int64(s->put_part, 2, row->seq);
	sqlite3_bind_int(s->put_part, 3, part->text);
	sql_text(s->put_part, 4, part->name);
	sqlite3_bind_int(s->put_part, 5, part->state);
	sqlite3_bind_int(s->put_part, 6, part->status);
	sql_run(s->put_part);
}

bool mailed_find(struct mailed *s, const char *imdn_id, struct mailed_row *row, struct mailed_part *part)
{
	sql_text(s->get_part, 1, imdn_id);
	bool found = sql_row(s->get_part);
	int64_t mail = 0;
	if (found) {
		mail = sqlite3_column_int64(s->get_part, 0);
		part->text = sqlite3_column_int(s->get_part, 1) != 0;
		snprintf(part->name, sizeof(part->name), "%s", sql_string(s->get_part, 2));
		part->state = (enum mailed_state)sqlite3_column_int(s->get_part, 3);
		part->status = sqlite3_column_int(s->get_part, 4);
	}
	sqlite3_reset(s->get_part);
	if (!found)
		return false;
	sqlite3_bind_int64(s->get, 1, mail);
	return take(s->get, row);
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
