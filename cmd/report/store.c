#include "store.h"

#include "sql.h"

#include <stdio.h>

void store_use(struct store *s, struct sqlite3 *db)
{
	if (s->db == db)
		return;
	store_end(s);
	s->db = db;
	s->find = sql_prepare(s->db, "SELECT status, reason, retry_after FROM answered WHERE request = ?");
	s->keep = sql_prepare(
		s->db, "INSERT OR IGNORE INTO answered (request, at, status, reason, retry_after) VALUES (?,?,?,?,?)");
	s->refuse = sql_prepare(
		s->db, "INSERT INTO refused (request, address, at, temporary, status, reason, retry_after) "
		       "VALUES (?,?,?,?,?,?,?)"
		       " ON CONFLICT (request, address) DO UPDATE SET temporary = excluded.temporary, status = "
		       "excluded.status,"
		       " reason = excluded.reason, retry_after = excluded.retry_after");
	s->refusals = sql_prepare(s->db,
				  "SELECT status, reason, retry_after, count(*) OVER () FROM refused WHERE request = ? "
				  "ORDER BY temporary DESC, seq LIMIT 1");
	s->each_refused = sql_prepare(s->db, "SELECT address FROM refused WHERE request = ? ORDER BY seq");
	s->settle = sql_prepare(s->db, "DELETE FROM refused WHERE request = ?");
	s->join = sql_prepare(s->db,
			      "INSERT OR IGNORE INTO joined (request, sip_transaction, shard, at) VALUES (?,?,?,?)");
	s->joined = sql_prepare(
		s->db, "SELECT sip_transaction, shard FROM joined WHERE request = ? ORDER BY at, sip_transaction");
	s->leave = sql_prepare(s->db, "DELETE FROM joined WHERE request = ?");
	s->purge[0] = sql_prepare(s->db, "DELETE FROM answered WHERE seq <= (SELECT max(seq) FROM (SELECT seq, at FROM "
					 "answered ORDER BY seq LIMIT 1024) WHERE at < ?)");
	s->purge[1] = sql_prepare(s->db, "DELETE FROM refused WHERE at < ?");
	s->purge[2] = sql_prepare(s->db, "DELETE FROM joined WHERE at < ?");
}

void store_end(struct store *s)
{
	sqlite3_stmt *all[] = {s->find, s->keep,   s->refuse, s->refusals, s->each_refused, s->settle,
			       s->join, s->joined, s->leave,  s->purge[0], s->purge[1],	    s->purge[2]};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sqlite3_finalize(all[i]);
	*s = (struct store){0};
}

static void read_answer(sqlite3_stmt *st, struct answer *a)
{
	a->status = sqlite3_column_int(st, 0);
	snprintf(a->reason, sizeof(a->reason), "%s", sql_string(st, 1));
	a->retry_after = sqlite3_column_int(st, 2);
}

bool store_find(struct store *s, const char *request, struct answer *out)
{
	sql_text(s->find, 1, request);
	bool found = sql_row(s->find);
	if (found)
		read_answer(s->find, out);
	sqlite3_reset(s->find);
	return found;
}

void store_keep(struct store *s, const char *request, int64_t now_ms, const struct answer *a)
{
	sql_text(s->keep, 1, request);
	sqlite3_bind_int64(s->keep, 2, now_ms);
	sqlite3_bind_int(s->keep, 3, a->status);
	sql_text(s->keep, 4, a->reason);
	sqlite3_bind_int(s->keep, 5, a->retry_after);
	sql_run(s->keep);
	sql_text(s->settle, 1, request);
	sql_run(s->settle);
}

int store_refuse(struct store *s, const char *request, int64_t now_ms, const char *address, bool temporary,
		 const struct answer *a, struct answer *least)
{
	sql_text(s->refuse, 1, request);
	sql_text(s->refuse, 2, address);
	sqlite3_bind_int64(s->refuse, 3, now_ms);
	sqlite3_bind_int(s->refuse, 4, temporary);
	sqlite3_bind_int(s->refuse, 5, a->status);
	sql_text(s->refuse, 6, a->reason);
	sqlite3_bind_int(s->refuse, 7, a->retry_after);
	sql_run(s->refuse);
	sql_text(s->refusals, 1, request);
	int n = sql_row(s->refusals) ? sqlite3_column_int(s->refusals, 3) : 0;
	if (n)
		read_answer(s->refusals, least);
	sqlite3_reset(s->refusals);
	return n;
}

void store_refused(struct store *s, const char *request, void (*each)(const char *address, void *ctx), void *ctx)
{
	sql_text(s->each_refused, 1, request);
	while (sql_row(s->each_refused))
		each(sql_string(s->each_refused, 0), ctx);
	sqlite3_reset(s->each_refused);
}

void store_join(struct store *s, const char *request, int64_t now_ms, const char *transaction, int shard)
{
	sql_text(s->join, 1, request);
	sql_text(s->join, 2, transaction);
	sqlite3_bind_int(s->join, 3, shard);
	sqlite3_bind_int64(s->join, 4, now_ms);
	sql_run(s->join);
}

void store_joined(struct store *s, const char *request, void (*each)(const char *transaction, int shard, void *ctx),
		  void *ctx)
{
	bool any = false;
	sql_text(s->joined, 1, request);
	while (sql_row(s->joined)) {
		each(sql_string(s->joined, 0), sqlite3_column_int(s->joined, 1), ctx);
		any = true;
	}
	sqlite3_reset(s->joined);
	if (!any)
		return;
	sql_text(s->leave, 1, request);
	sql_run(s->leave);
}

void store_purge(struct store *s, int64_t before_ms)
{
	for (size_t i = 0; i < sizeof(s->purge) / sizeof(s->purge[0]); i++) {
		sqlite3_bind_int64(s->purge[i], 1, before_ms);
		sql_run(s->purge[i]);
	}
}
