#include "memory.h"
#include "base/log.h"

#include <sqlite3.h>

enum { PRUNE_EVERY = 256 };

static sqlite3_stmt *prepare(struct memory *m, const char *sql)
{
	sqlite3_stmt *s;
	if (sqlite3_prepare_v3(m->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
		die_temp("state store: %s", sqlite3_errmsg(m->db));
	return s;
}

void memory_use(struct memory *m, struct sqlite3 *db)
{
	if (m->db == db)
		return;
	memory_end(m);
	m->db = db;
	m->find = prepare(m, "SELECT 1 FROM taken WHERE key = ? AND at >= ?");
	m->add = prepare(m, "INSERT OR REPLACE INTO taken (key, at) VALUES (?,?)");
	m->drop = prepare(m, "DELETE FROM taken WHERE key = ?");
	/* rows are in the order of their time: old ones are found at the front without an index of its own */
	m->prune = prepare(m, "DELETE FROM taken WHERE seq <= (SELECT max(seq) FROM "
			      "(SELECT seq, at FROM taken ORDER BY seq LIMIT 1024) WHERE at < ?)");
}

void memory_end(struct memory *m)
{
	sqlite3_finalize(m->find);
	sqlite3_finalize(m->add);
	sqlite3_finalize(m->drop);
	sqlite3_finalize(m->prune);
	*m = (struct memory){0};
}

static bool row(struct memory *m, sqlite3_stmt *s)
{
	int r = sqlite3_step(s);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		die_temp("state store: %s", sqlite3_errmsg(m->db));
	sqlite3_reset(s);
	return r == SQLITE_ROW;
}

void memory_key(const char *msgid, const char *rcpt, const uint8_t digest[SHA256_LEN], uint8_t key[MEMORY_KEY])
{
	struct buf b = {0};
	uint8_t sum[SHA256_LEN];
	buf_printf(&b, "%s\n%s\n", msgid, rcpt);
	buf_put(&b, digest, SHA256_LEN);
	sha256(b.p, b.n, sum);
	memcpy(key, sum, MEMORY_KEY);
	buf_free(&b);
}

bool memory_find(struct memory *m, const uint8_t key[MEMORY_KEY], int64_t after_ms)
{
	sqlite3_bind_blob(m->find, 1, key, MEMORY_KEY, SQLITE_STATIC);
	sqlite3_bind_int64(m->find, 2, after_ms);
	return row(m, m->find);
}

void memory_add(struct memory *m, const uint8_t key[MEMORY_KEY], int64_t now_ms)
{
	sqlite3_bind_blob(m->add, 1, key, MEMORY_KEY, SQLITE_STATIC);
	sqlite3_bind_int64(m->add, 2, now_ms);
	row(m, m->add);
	m->added++;
}

/* imdn.Message-ID stands for Message-ID and RCPT (3.12). */
static void expected_key(const char *imdn_id, uint8_t key[MEMORY_KEY])
{
	static const uint8_t nothing[SHA256_LEN];
	memory_key("expected", imdn_id, nothing, key);
}

void memory_expect(struct memory *m, const char *imdn_id, int64_t now_ms)
{
	uint8_t key[MEMORY_KEY];
	expected_key(imdn_id, key);
	memory_add(m, key, now_ms);
}

bool memory_expected(struct memory *m, const char *imdn_id)
{
	uint8_t key[MEMORY_KEY];
	expected_key(imdn_id, key);
	if (!memory_find(m, key, 0))
		return false;
	sqlite3_bind_blob(m->drop, 1, key, MEMORY_KEY, SQLITE_STATIC);
	row(m, m->drop);
	return true;
}

void memory_prune(struct memory *m, int64_t before_ms)
{
	if (m->added < PRUNE_EVERY)
		return;
	m->added = 0;
	sqlite3_bind_int64(m->prune, 1, before_ms);
	row(m, m->prune);
}
