#include "aliases.h"
#include "base/log.h"

#include <sqlite3.h>

enum { PRUNE_EVERY = 256 };

static sqlite3_stmt *prepare(struct aliases *a, const char *sql)
{
	sqlite3_stmt *s;
	if (sqlite3_prepare_v3(a->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
		die_temp("state store: %s", sqlite3_errmsg(a->db));
	return s;
}

static void run(struct aliases *a, sqlite3_stmt *s)
{
	if (sqlite3_step(s) != SQLITE_DONE)
		die_temp("state store: %s", sqlite3_errmsg(a->db));
	sqlite3_reset(s);
}

void aliases_use(struct aliases *a, struct sqlite3 *db)
{
	if (a->db == db)
		return;
	sqlite3_finalize(a->tell);
	sqlite3_finalize(a->prune);
	a->db = db;
	a->tell = prepare(a, "INSERT OR IGNORE INTO told (name, at) VALUES (?,?)");
	a->prune = prepare(a, "DELETE FROM told WHERE seq <= (SELECT max(seq) FROM "
			      "(SELECT seq, at FROM told ORDER BY seq LIMIT 1024) WHERE at < ?)");
}

void aliases_end(struct aliases *a)
{
	sqlite3_finalize(a->tell);
	sqlite3_finalize(a->prune);
	buf_free(&a->noted);
	*a = (struct aliases){0};
}

static void note(void *ctx, const char *local, const char *uri)
{
	struct aliases *a = ctx;
	buf_printf(&a->noted, "%s %s\n", local, uri);
}

void aliases_watch(struct aliases *a, struct map_names *names)
{
	map_watch_long(names, note, a);
}

void aliases_begin(struct aliases *a)
{
	buf_clear(&a->noted);
}

/* Is the name said for the first time? */
static bool first(struct aliases *a, struct slice name, int64_t now_ms)
{
	sqlite3_bind_text(a->tell, 1, name.p, (int)name.n, SQLITE_STATIC);
	sqlite3_bind_int64(a->tell, 2, now_ms);
	run(a, a->tell);
	a->told++;
	return sqlite3_changes(a->db) > 0;
}

/* A record without what it stands for. */
static struct record *begin(struct frame_item *it, struct slice name, const char *kind, struct slice uri,
			    int64_t now_ms)
{
	struct record *out = item_output(it, "alias");
	record_set_new(out->member, "name", json_stringn(name.p, name.n));
	record_set(out->member, "kind", kind);
	record_set_new(out->member, "uri", json_stringn(uri.p, uri.n));
	record_set_int(out->member, "at", now_ms);
	return out;
}

/* What stands for this message: its ids, and who got it. */
static void emit_message(struct aliases *a, struct frame_item *it, const struct pager *p, struct slice name,
			 const char *kind, int64_t now_ms)
{
	struct buf key = {0}; /* copies of one message to several have the same token */
	buf_printf(&key, "%.*s %s", (int)name.n, name.p, p->rcpt.v[0]);
	bool told = !first(a, slice_buf(&key), now_ms);
	buf_free(&key);
	if (told)
		return;
	struct record *out = begin(it, name, kind, slice_buf(&p->originator_uri), now_ms);
	json_t *users = record_array(out->member, "email_users");
	for (size_t i = 0; i < p->rcpt.n; i++)
		json_array_append_new(users, json_string(p->rcpt.v[i]));
	record_set(out->member, "conversation", buf_str(&p->conv));
	record_set(out->member, "contribution", buf_str(&p->contr));
	record_set(out->member, "msg_id", buf_str(&p->msgid));
	if (p->private)
		record_set_bool(out->member, "private", true);
	item_emit(it, out);
}

static void emit_long(struct aliases *a, struct frame_item *it, int64_t now_ms)
{
	struct slice rest = slice_buf(&a->noted);
	bool more = true;
	while (more) {
		struct slice uri = slice_cut(&rest, '\n', &more), name = slice_cut(&uri, ' ', &(bool){0});
		if (name.n && first(a, name, now_ms))
			item_emit(it, begin(it, name, "x", uri, now_ms));
	}
}

void aliases_emit(struct aliases *a, struct frame_item *it, const struct pager *p, int64_t now_ms)
{
	struct slice token = token_of_msgid(slice_buf(&p->msgid)), path = slice_buf(&p->mail_from);
	if (p->private)
		emit_message(a, it, p, (struct slice){path.p, strcspn(path.p, "@")}, "a", now_ms);
	else if (p->mail_from.n != p->author.n)
		emit_message(a, it, p, (struct slice){path.p + strcspn(path.p, "@") - TOKEN_SUFFIX, TOKEN_SUFFIX},
			     "suffix", now_ms);
	if (token.n)
		emit_message(a, it, p, token, "token", now_ms);
	if (a->noted.n)
		emit_long(a, it, now_ms);
}

void aliases_prune(struct aliases *a, int64_t before_ms)
{
	if (a->told < PRUNE_EVERY)
		return;
	a->told = 0;
	sqlite3_bind_int64(a->prune, 1, before_ms);
	run(a, a->prune);
}
