#include "asked.h"

#include "base/buf.h"
#include "base/log.h"
#include "record/record.h"
#include "sql.h"

#include <stdlib.h>

#define ROW "SELECT seq, at, msg_id, rcpt, told, trace, origin FROM asked WHERE "

void asked_use(struct asked *s, struct sqlite3 *db)
{
	if (s->db == db)
		return;
	asked_end(s);
	s->db = db;
	s->add =
		sql_prepare(db, "INSERT INTO asked (msg_hash, msg_id, rcpt, envid_hash, envid, alias, at, told, trace, "
				"origin) VALUES (?,?,?,?,?,?,?,0,?,?)");
	s->find = sql_prepare(db, ROW "msg_hash = ? AND msg_id = ? AND rcpt = ?");
	s->tell = sql_prepare(db, "UPDATE asked SET told = ? WHERE seq = ?");
	s->by_msgid = sql_prepare(db, ROW "msg_hash = ? AND msg_id = ? ORDER BY seq");
	s->by_envid = sql_prepare(db, ROW "envid_hash = ? AND envid = ? ORDER BY seq");
	s->by_alias = sql_prepare(db, ROW "alias = ? ORDER BY seq");
	s->purge = sql_prepare(db, "DELETE FROM asked WHERE seq <= (SELECT max(seq) FROM (SELECT seq, at FROM asked "
				   "ORDER BY seq LIMIT 1024) WHERE at < ?)");
}

void asked_end(struct asked *s)
{
	sqlite3_stmt *all[] = {s->add, s->find, s->tell, s->by_msgid, s->by_envid, s->by_alias, s->purge};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sqlite3_finalize(all[i]);
	*s = (struct asked){0};
}

static void read_row(sqlite3_stmt *st, struct asked_row *row)
{
	*row = (struct asked_row){
		.seq = sqlite3_column_int64(st, 0),
		.at = sqlite3_column_int64(st, 1),
		.msg_id = xstrdup(sql_string(st, 2)),
		.rcpt = xstrdup(sql_string(st, 3)),
		.told = (unsigned)sqlite3_column_int(st, 4),
		.trace = xstrdup(sql_string(st, 5)),
		.origin = sql_json(st, 6),
	};
}

void asked_free(struct asked_row *row)
{
	free(row->msg_id);
	free(row->rcpt);
	free(row->trace);
	json_decref(row->origin);
	*row = (struct asked_row){0};
}

static void bind_hashed(sqlite3_stmt *st, int i, const char *value)
{
	sql_hashed(st, i, value, value ? strlen(value) : 0);
}

static bool find(struct asked *s, const char *msg_id, const char *rcpt, struct asked_row *row)
{
	bind_hashed(s->find, 1, msg_id);
	sql_text(s->find, 3, rcpt);
	bool found = sql_row(s->find);
	if (found)
		read_row(s->find, row);
	sqlite3_reset(s->find);
	return found;
}

static void add(struct asked *s, const struct asked_row *row)
{
	struct buf origin = {0};
	bind_hashed(s->add, 1, row->msg_id);
	sql_text(s->add, 3, row->rcpt);
	bind_hashed(s->add, 4, record_str(row->origin, "envid"));
	sql_text(s->add, 6, record_str(row->origin, "alias"));
	sqlite3_bind_int64(s->add, 7, row->at);
	sql_text(s->add, 8, row->trace);
	sql_bind_json(s->add, 9, row->origin, &origin);
	sql_run(s->add);
	buf_free(&origin);
}

void asked_open(struct asked *s, const char *msg_id, const char *rcpt, json_t *origin, const char *trace,
		int64_t now_ms, struct asked_row *row)
{
	if (find(s, msg_id, rcpt, row))
		return;
	*row = (struct asked_row){.at = now_ms,
				  .msg_id = xstrdup(msg_id),
				  .rcpt = xstrdup(rcpt),
				  .trace = xstrdup(trace),
				  .origin = json_incref(origin)};
	add(s, row);
	row->seq = sqlite3_last_insert_rowid(s->db);
}

void asked_tell(struct asked *s, const struct asked_row *row)
{
	sqlite3_bind_int(s->tell, 1, (int)row->told);
	sqlite3_bind_int64(s->tell, 2, row->seq);
	sql_run(s->tell);
}

int asked_find(struct asked *s, enum asked_by by, const char *value, struct asked_row *rows, int max)
{
	sqlite3_stmt *st = by == ASKED_BY_ENVID ? s->by_envid : by == ASKED_BY_MSGID ? s->by_msgid : s->by_alias;
	int n = 0;
	if (by == ASKED_BY_ALIAS)
		sql_text(st, 1, value);
	else
		bind_hashed(st, 1, value);
	while (n < max && sql_row(st))
		read_row(st, &rows[n++]);
	sqlite3_reset(st);
	return n;
}

void asked_purge(struct asked *s, int64_t before_ms)
{
	sqlite3_bind_int64(s->purge, 1, before_ms);
	sql_run(s->purge);
}
