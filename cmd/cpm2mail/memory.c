#include "memory.h"
#include "base/log.h"
#include "base/text.h"

#include <sqlite3.h>

enum { KEY_OCTETS = 16, PRUNE_EVERY = 256 };

static sqlite3_stmt *prepare(struct memory *m, const char *sql)
{
	sqlite3_stmt *s;
	if (sqlite3_prepare_v3(m->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
		die_temp("state store: %s", sqlite3_errmsg(m->db));
	return s;
}

/* A store that was made before the columns of 7.2 were. */
static void widen(struct memory *m)
{
	char *why = NULL;
	sqlite3_stmt *s;
	if (sqlite3_prepare_v2(m->db, "SELECT blind FROM sent", -1, &s, NULL) == SQLITE_OK) {
		sqlite3_finalize(s);
		return;
	}
	if (sqlite3_exec(m->db,
			 "ALTER TABLE sent ADD COLUMN uri TEXT NOT NULL DEFAULT '';"
			 "ALTER TABLE sent ADD COLUMN users TEXT NOT NULL DEFAULT '';"
			 "ALTER TABLE sent ADD COLUMN blind INTEGER NOT NULL DEFAULT 0;",
			 NULL, NULL, &why) != SQLITE_OK)
		die_temp("state store: %s", why);
}

void memory_use(struct memory *m, struct sqlite3 *db)
{
	if (m->db == db)
		return;
	memory_end(m);
	m->db = db;
	widen(m);
	m->find = prepare(m, "SELECT record, attempt FROM sent WHERE key = ? AND at >= ?");
	m->add = prepare(m, "INSERT OR REPLACE INTO sent (key, at, record, attempt, contr, private, msgid, refs, uri, "
			    "users, blind) VALUES (?,?,?,?,?,?,?,?,?,?,?)");
	m->forget = prepare(m, "DELETE FROM sent WHERE key = ?");
	m->thread =
		prepare(m, "SELECT msgid, refs FROM sent WHERE contr = ? AND private = ? AND at >= ? ORDER BY seq DESC "
			   "LIMIT 1");
	m->prune = prepare(m, "DELETE FROM sent WHERE seq <= (SELECT max(seq) FROM "
			      "(SELECT seq, at FROM sent ORDER BY seq LIMIT 1024) WHERE at < ?)");
}

/* SQLITE_ROW or SQLITE_DONE; anything else is the environment's fault. */
static bool row(struct memory *m, sqlite3_stmt *s)
{
	int r = sqlite3_step(s);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		die_temp("state store: %s", sqlite3_errmsg(m->db));
	return r == SQLITE_ROW;
}

static void bind_text(sqlite3_stmt *s, int i, const char *text)
{
	sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

/* Half of the digest is more than enough to tell messages apart. */
static void bind_key(sqlite3_stmt *s, int i, const char *hex)
{
	unsigned char key[KEY_OCTETS] = {0};
	for (int k = 0; k < KEY_OCTETS && hex[2 * k] && hex[2 * k + 1]; k++)
		key[k] = (unsigned char)((hex_value(hex[2 * k]) & 15) << 4 | (hex_value(hex[2 * k + 1]) & 15));
	sqlite3_bind_blob(s, i, key, sizeof key, SQLITE_TRANSIENT);
}

static void append(struct buf *out, sqlite3_stmt *s, int column)
{
	const void *text = sqlite3_column_text(s, column);
	buf_put(out, text ? text : "", text ? (size_t)sqlite3_column_bytes(s, column) : 0);
}

bool memory_find(struct memory *m, const char *key, int64_t after_ms, struct buf *record, struct buf *attempt)
{
	bind_key(m->find, 1, key);
	sqlite3_bind_int64(m->find, 2, after_ms);
	bool found = row(m, m->find);
	if (found) {
		append(record, m->find, 0);
		append(attempt, m->find, 1);
	}
	sqlite3_reset(m->find);
	return found;
}

void memory_add(struct memory *m, const struct memory_mail *mail, int64_t now_ms)
{
	sqlite3_stmt *s = m->add;
	bind_key(s, 1, mail->key);
	sqlite3_bind_int64(s, 2, now_ms);
	bind_text(s, 3, mail->record);
	bind_text(s, 4, mail->attempt);
	bind_text(s, 5, mail->contr);
	sqlite3_bind_int(s, 6, mail->private);
	bind_text(s, 7, mail->msgid);
	bind_text(s, 8, mail->references);
	bind_text(s, 9, mail->uri);
	bind_text(s, 10, mail->users);
	sqlite3_bind_int(s, 11, mail->blind);
	row(m, s);
	sqlite3_reset(s);
	m->added++;
}

void memory_forget(struct memory *m, const char *key)
{
	bind_key(m->forget, 1, key);
	row(m, m->forget);
	sqlite3_reset(m->forget);
}

bool memory_thread(struct memory *m, const char *contr, bool private, int64_t after_ms, struct buf *msgid,
		   struct buf *references)
{
	sqlite3_stmt *s = m->thread;
	bind_text(s, 1, contr);
	sqlite3_bind_int(s, 2, private);
	sqlite3_bind_int64(s, 3, after_ms);
	bool found = row(m, s);
	if (found) {
		append(msgid, s, 0);
		append(references, s, 1);
	}
	sqlite3_reset(s);
	return found;
}

void memory_prune(struct memory *m, int64_t before_ms)
{
	if (m->added < PRUNE_EVERY)
		return;
	m->added = 0;
	sqlite3_bind_int64(m->prune, 1, before_ms);
	row(m, m->prune);
	sqlite3_reset(m->prune);
}

void memory_end(struct memory *m)
{
	sqlite3_finalize(m->find);
	sqlite3_finalize(m->add);
	sqlite3_finalize(m->forget);
	sqlite3_finalize(m->thread);
	sqlite3_finalize(m->prune);
	*m = (struct memory){0};
}
