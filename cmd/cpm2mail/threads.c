#include "threads.h"
#include "base/log.h"
#include "base/text.h"
#include "map/pager.h"
#include "record/record.h"

#include <sqlite3.h>

enum {
	PRUNE_EVERY = 256,
	ID_MAX = 900,
	IDS_MAX = 64,
	REFERENCES_MAX = 4096,
	VALUE_MAX = 4096,
	PARTS_MAX = 1000,
	SUBJECT_MAX = 512
};

static sqlite3_stmt *prepare(struct threads *t, const char *sql)
{
	sqlite3_stmt *s;
	if (sqlite3_prepare_v3(t->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
		die_temp("state store: %s", sqlite3_errmsg(t->db));
	return s;
}

/* SQLITE_ROW or SQLITE_DONE; anything else is the environment's fault. */
static bool row(struct threads *t, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		die_temp("state store: %s", sqlite3_errmsg(t->db));
	return rc == SQLITE_ROW;
}

static void run(struct threads *t, sqlite3_stmt *s)
{
	row(t, s);
	sqlite3_reset(s);
}

static void bind_text(sqlite3_stmt *s, int i, const char *text)
{
	sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

static void append(struct buf *out, sqlite3_stmt *s, int column)
{
	const void *text = sqlite3_column_text(s, column);
	buf_put(out, text ? text : "", text ? (size_t)sqlite3_column_bytes(s, column) : 0);
}

void threads_use(struct threads *t, struct sqlite3 *db, int64_t alive_ms)
{
	if (t->db != db) {
		threads_end(t);
		t->db = db;
		t->find = prepare(t, "SELECT msgid, refs FROM thread WHERE contr = ? AND private = ? AND at >= ?");
		t->add =
			prepare(t, "INSERT OR IGNORE INTO thread (contr, private, at, msgid, refs) VALUES (?,?,?,?,?)");
		t->refs = prepare(
			t, "SELECT refs, subject FROM conversation WHERE conv = ? AND address = ? AND private = ? AND "
			   "at >= ?");
		t->begin = prepare(t, "INSERT INTO conversation (conv, address, private, at, refs, subject) VALUES "
				      "(?,?,?,?,?,?)"
				      " ON CONFLICT (conv, address, private) DO UPDATE"
				      " SET at = excluded.at, refs = excluded.refs, subject = excluded.subject");
		t->go_on = prepare(t, "UPDATE conversation SET at = ?4, refs = ?5"
				      " WHERE conv = ?1 AND address = ?2 AND private = ?3");
		t->prune[0] =
			prepare(t, "DELETE FROM thread WHERE seq IN (SELECT seq FROM thread WHERE at < ? ORDER BY "
				   "at LIMIT 1024)");
		t->prune[1] =
			prepare(t, "DELETE FROM conversation WHERE seq IN (SELECT seq FROM conversation WHERE at < "
				   "? ORDER BY at LIMIT 1024)");
	}
	t->alive_ms = alive_ms;
}

void threads_end(struct threads *t)
{
	sqlite3_finalize(t->find);
	sqlite3_finalize(t->add);
	sqlite3_finalize(t->refs);
	sqlite3_finalize(t->begin);
	sqlite3_finalize(t->go_on);
	sqlite3_finalize(t->prune[0]);
	sqlite3_finalize(t->prune[1]);
	*t = (struct threads){0};
}

/* ---- lists of ids ---- */

static bool id_good(struct slice id)
{
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] <= ' ' || id.p[i] > '~' || id.p[i] == '<' || id.p[i] == '>')
			return false;
	return id.n > 0 && id.n <= ID_MAX;
}

void threads_append(struct buf *out, struct slice ids, struct slice one)
{
	struct slice v[IDS_MAX];
	size_t n = 0, octets = 0;
	bool more = ids.n > 0;
	while (more && n < IDS_MAX - 1) {
		struct slice id = slice_trim(slice_cut(&ids, ' ', &more));
		if (id_good(id))
			v[n++] = id;
	}
	if (id_good(one))
		v[n++] = one;
	size_t first = n > PAGER_REFERENCES ? n - PAGER_REFERENCES : 1;
	for (size_t i = n; i-- > first;) { /* where they are too long the oldest go */
		octets += v[i].n + 1;
		if (octets + v[0].n > REFERENCES_MAX) {
			first = i + 1;
			break;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && i < first)
			continue;
		if (out->n)
			buf_putc(out, ' ');
		buf_slice(out, v[i]);
	}
}

/* ---- the record ---- */

static const char *value(const json_t *member, const char *key)
{
	const char *s = record_str(member, key);
	return s && strlen(s) <= VALUE_MAX ? s : "";
}

static void read_references(const json_t *member, struct buf *out)
{
	struct buf all = {0};
	size_t i;
	json_t *v;
	json_array_foreach (record_get(member, "references"), i, v) {
		const char *id = json_string_value(v);
		if (i == IDS_MAX - 2)
			break;
		if (!id || !id_good(slice_of(id)))
			continue;
		if (all.n)
			buf_putc(&all, ' ');
		buf_puts(&all, id);
	}
	threads_append(out, slice_buf(&all), (struct slice){"", 0});
	buf_free(&all);
}

static void begin(struct threads *t, const char *conv, const char *address, bool private, int64_t at,
		  const struct buf *references, const char *subject)
{
	struct buf clean = {0};
	text_sanitise(&clean, slice_of(subject), SUBJECT_MAX);
	bind_text(t->begin, 1, conv);
	bind_text(t->begin, 2, address);
	sqlite3_bind_int(t->begin, 3, private);
	sqlite3_bind_int64(t->begin, 4, at);
	bind_text(t->begin, 5, buf_str(references));
	bind_text(t->begin, 6, buf_str(&clean));
	run(t, t->begin);
	buf_free(&clean);
}

/* true: it was not there. */
static bool add(struct threads *t, const char *contr, bool private, int64_t at, const char *msgid,
		const struct buf *references)
{
	bind_text(t->add, 1, contr);
	sqlite3_bind_int(t->add, 2, private);
	sqlite3_bind_int64(t->add, 3, at);
	bind_text(t->add, 4, msgid);
	bind_text(t->add, 5, buf_str(references));
	run(t, t->add);
	t->added++;
	return sqlite3_changes(t->db) > 0;
}

/* The contributions of its attachments. */
static void add_parts(struct threads *t, const json_t *member, bool private, int64_t at, const char *msgid,
		      const struct buf *references)
{
	size_t i;
	json_t *v;
	json_array_foreach (record_get(member, "parts"), i, v) {
		const char *contr = json_string_value(v);
		if (i < PARTS_MAX && contr && *contr && strlen(contr) <= VALUE_MAX)
			add(t, contr, private, at, msgid, references);
	}
}

bool threads_take(struct threads *t, const json_t *member, int64_t now_ms)
{
	const char *contr = value(member, "contribution"), *conv = value(member, "conversation");
	const char *msgid = value(member, "msg_id"), *address = value(member, "email_user");
	bool private = record_bool(member, "private");
	int64_t at = record_int(member, "at", -1);
	struct buf references = {0}, with = {0};
	if (!*contr || !*conv || at < 0 || !id_good(slice_of(msgid)))
		return false;
	if (at > now_ms)
		at = now_ms;
	if (at < t->alive_ms)
		return true;
	read_references(member, &references);
	add_parts(t, member, private, at, msgid, &references);
	/* A repeated record must not set the conversation back behind the mails that followed it. */
	if (add(t, contr, private, at, msgid, &references) && *address) {
		threads_append(&with, slice_buf(&references), slice_of(msgid));
		begin(t, conv, address, private, at, &with, value(member, "subject"));
	}
	buf_free(&references), buf_free(&with);
	return true;
}

/* ---- questions ---- */

bool threads_mail(struct threads *t, const char *contr, bool private, struct buf *msgid, struct buf *references)
{
	bind_text(t->find, 1, contr);
	sqlite3_bind_int(t->find, 2, private);
	sqlite3_bind_int64(t->find, 3, t->alive_ms);
	bool found = row(t, t->find);
	if (found) {
		append(msgid, t->find, 0);
		append(references, t->find, 1);
	}
	sqlite3_reset(t->find);
	return found;
}

bool threads_conversation(struct threads *t, const char *conv, const char *address, bool private,
			  struct buf *references, struct buf *subject)
{
	bind_text(t->refs, 1, conv);
	bind_text(t->refs, 2, address);
	sqlite3_bind_int(t->refs, 3, private);
	sqlite3_bind_int64(t->refs, 4, t->alive_ms);
	bool found = row(t, t->refs);
	if (found) {
		append(references, t->refs, 0);
		append(subject, t->refs, 1);
	}
	sqlite3_reset(t->refs);
	return found;
}

void threads_go_on(struct threads *t, const char *conv, const char *address, bool private, struct slice references,
		   const char *msgid, int64_t now_ms)
{
	struct buf with = {0};
	threads_append(&with, references, slice_of(msgid));
	bind_text(t->go_on, 1, conv);
	bind_text(t->go_on, 2, address);
	sqlite3_bind_int(t->go_on, 3, private);
	sqlite3_bind_int64(t->go_on, 4, now_ms);
	bind_text(t->go_on, 5, buf_str(&with));
	run(t, t->go_on);
	buf_free(&with);
}

void threads_prune(struct threads *t)
{
	if (t->added < PRUNE_EVERY)
		return;
	t->added = 0;
	for (int i = 0; i < 2; i++) {
		sqlite3_bind_int64(t->prune[i], 1, t->alive_ms);
		run(t, t->prune[i]);
	}
}
