#include "map/alias.h"

#include "base/log.h"
#include "base/text.h"
#include "mail/address.h"
#include "map/peek.h"
#include "record/record.h"

#include <sqlite3.h>
#include <stdlib.h>

enum { VALUE_MAX = 4096, USERS_MAX = 600, USERS_OCTETS = 32 << 10, PURGE_EVERY = 64 };

#define COLUMNS "kind, uri, users, conv, contr, msgid, private, used"

/* ---- rows ---- */

void alias_free(struct alias *a)
{
	buf_free(&a->uri), buf_free(&a->users);
	buf_free(&a->conv), buf_free(&a->contr), buf_free(&a->msgid);
}

bool alias_user(const struct alias *a, struct slice address)
{
	struct slice rest = slice_buf(&a->users);
	bool more = true;
	if (!rest.n)
		return true;
	while (more) {
		struct slice one = slice_cut(&rest, '\n', &more);
		if (one.n && one.n == address.n && strncasecmp(one.p, address.p, one.n) == 0)
			return true;
	}
	return false;
}

static void column(sqlite3_stmt *st, int i, struct buf *out)
{
	const void *text = sqlite3_column_text(st, i);
	buf_put(out, text ? text : "", text ? (size_t)sqlite3_column_bytes(st, i) : 0);
}

static void read_row(sqlite3_stmt *st, struct alias *out)
{
	const unsigned char *kind = sqlite3_column_text(st, 0);
	out->kind = (enum alias_kind)(kind ? kind[0] : ALIAS_LONG);
	column(st, 1, &out->uri);
	column(st, 2, &out->users);
	column(st, 3, &out->conv);
	column(st, 4, &out->contr);
	column(st, 5, &out->msgid);
	out->private = sqlite3_column_int(st, 6) != 0;
	out->used_ms = sqlite3_column_int64(st, 7);
}

/* ---- the writer ---- */

static sqlite3_stmt *prepare(struct alias_table *t, const char *sql)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v3(t->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK)
		die_temp("state store: %s", sqlite3_errmsg(t->db));
	return st;
}

static bool row(struct alias_table *t, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		die_temp("state store: %s", sqlite3_errmsg(t->db));
	return rc == SQLITE_ROW;
}

void alias_use(struct alias_table *t, struct sqlite3 *db, int64_t now_ms, int64_t grace_ms)
{
	if (t->db != db) {
		alias_end(t);
		t->db = db;
		t->find = prepare(t, "SELECT " COLUMNS " FROM alias WHERE name = ?1 AND (used >= ?2 OR kind = 'x')");
		/* What a name stands for never changes. Said again of one that is alive, by a later message, its time
		 * begins anew. */
		t->add = prepare(t, "INSERT INTO alias (name, " COLUMNS ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)"
				    " ON CONFLICT (name) DO UPDATE SET used = excluded.used"
				    " WHERE used >= ?10 AND used < excluded.used");
		t->users = prepare(t, "UPDATE alias SET users = ?2 WHERE name = ?1");
		t->touch = prepare(t, "UPDATE alias SET used = ?2 WHERE name = ?1 AND used >= ?3 AND used < ?2");
		t->purge = prepare(t, "DELETE FROM alias WHERE seq IN (SELECT seq FROM alias WHERE kind <> 'x' AND "
				      "used < ?1 ORDER BY used LIMIT 256)");
	}
	t->now_ms = now_ms;
	t->grace_ms = grace_ms;
}

void alias_end(struct alias_table *t)
{
	sqlite3_finalize(t->find);
	sqlite3_finalize(t->add);
	sqlite3_finalize(t->users);
	sqlite3_finalize(t->touch);
	sqlite3_finalize(t->purge);
	*t = (struct alias_table){0};
}

bool alias_find(struct alias_table *t, const char *name, struct alias *out)
{
	*out = (struct alias){0};
	sqlite3_bind_text(t->find, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(t->find, 2, t->now_ms - t->grace_ms);
	bool found = row(t, t->find);
	if (found)
		read_row(t->find, out);
	sqlite3_reset(t->find);
	return found;
}

void alias_touch(struct alias_table *t, const char *name)
{
	sqlite3_bind_text(t->touch, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(t->touch, 2, t->now_ms);
	sqlite3_bind_int64(t->touch, 3, t->now_ms - t->grace_ms);
	row(t, t->touch);
	sqlite3_reset(t->touch);
}

/* An expired row stays as long again, so that a message that comes late does not set its name free. */
void alias_purge(struct alias_table *t)
{
	if (t->added < PURGE_EVERY)
		return;
	t->added = 0;
	sqlite3_bind_int64(t->purge, 1, t->now_ms - 2 * t->grace_ms);
	row(t, t->purge);
	sqlite3_reset(t->purge);
}

/* ---- the record ---- */

/* The kinds as records name them, and how many base32 characters stand behind their letter and hyphen. */
static const struct kind {
	const char *word;
	enum alias_kind kind;
	size_t chars;
} kinds[] = {
	{"a", ALIAS_SENDER, 0},
	{"g", ALIAS_GROUP, 0},
	{"x", ALIAS_LONG, 0},
	{"suffix", ALIAS_SUFFIX, TOKEN_SUFFIX},
	{"token", ALIAS_TOKEN, TOKEN_B32},
};

static const struct kind *kind_of(const char *word)
{
	for (size_t i = 0; word && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(word, kinds[i].word) == 0)
			return &kinds[i];
	return NULL;
}

static bool base32(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "abcdefghijklmnopqrstuvwxyz234567") == n;
}

static bool name_good(const struct kind *k, const char *name)
{
	if (!name)
		return false;
	return k->chars ? base32(name, k->chars) : token_local_form(slice_of(name)) == (char)k->kind;
}

/* The e-mail users with LF between, each an address. */
static bool take_users(const json_t *list, struct buf *out)
{
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v) {
		struct mail_address a;
		const char *s = json_string_value(v);
		if (i == USERS_MAX || !s || strchr(s, '\n') || !mail_address_parse(slice_of(s), &a))
			return false;
		if (out->n)
			buf_putc(out, '\n');
		mail_address_put(out, &a);
	}
	return true;
}

static const char *value(const json_t *member, const char *key)
{
	const char *s = record_str(member, key);
	return s ? s : "";
}

static void add(struct alias_table *t, const struct kind *k, const json_t *m, int64_t at, const struct buf *users)
{
	char letter[2] = {(char)k->kind, '\0'};
	const char *const text[] = {value(m, "name"),	      letter,
				    value(m, "uri"),	      buf_str(users),
				    value(m, "conversation"), value(m, "contribution"),
				    value(m, "msg_id")};
	int n = 0;
	for (; n < (int)(sizeof text / sizeof *text); n++)
		sqlite3_bind_text(t->add, n + 1, text[n], -1, SQLITE_STATIC);
	sqlite3_bind_int(t->add, n + 1, record_bool(m, "private"));
	sqlite3_bind_int64(t->add, n + 2, at);
	sqlite3_bind_int64(t->add, n + 3, t->now_ms - t->grace_ms);
	row(t, t->add);
	sqlite3_reset(t->add);
	t->added++;
}

/* Another copy of a message whose ids are in a token, for somebody else. */
static void join(struct alias_table *t, const json_t *m, const struct buf *users)
{
	struct alias have;
	struct slice rest = slice_buf(users);
	bool more = rest.n > 0, grown = false;
	if (alias_find(t, value(m, "name"), &have) && slice_eq(slice_buf(&have.uri), value(m, "uri")))
		while (more && have.users.n < USERS_OCTETS) {
			struct slice one = slice_cut(&rest, '\n', &more);
			if (alias_user(&have, one))
				continue;
			buf_printf(&have.users, "\n%.*s", (int)one.n, one.p);
			grown = true;
		}
	if (grown) {
		sqlite3_bind_text(t->users, 1, value(m, "name"), -1, SQLITE_STATIC);
		sqlite3_bind_text(t->users, 2, buf_str(&have.users), -1, SQLITE_STATIC);
		row(t, t->users);
		sqlite3_reset(t->users);
	}
	alias_free(&have);
}

/* All but a long name stand for a message. */
static bool values_good(const struct kind *k, const json_t *member)
{
	static const char *const keys[] = {"uri", "conversation", "contribution", "msg_id"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strlen(value(member, keys[i])) > VALUE_MAX)
			return false;
	return value(member, "uri")[0] &&
	       (k->kind == ALIAS_LONG || (value(member, "conversation")[0] && value(member, "contribution")[0]));
}

bool alias_take(struct alias_table *t, const json_t *member)
{
	const struct kind *k = kind_of(record_str(member, "kind"));
	int64_t at = record_int(member, "at", -1);
	struct buf users = {0};
	bool good = k && name_good(k, record_str(member, "name")) && at >= 0 && values_good(k, member) &&
		    take_users(record_get(member, "email_users"), &users);
	/* A clock of another process may be ahead of ours. */
	if (good)
		add(t, k, member, at < t->now_ms ? at : t->now_ms, &users);
	if (good && k->kind == ALIAS_TOKEN)
		join(t, member, &users);
	buf_free(&users);
	return good;
}

/* ---- the reader ---- */

struct alias_reader {
	struct peek *peek;
	struct map_aliases hook;
	int64_t alive_ms;
	struct buf *uri; /* of the question in hand */
	bool alive;
};

static void take_uri(sqlite3_stmt *st, void *ctx)
{
	struct alias_reader *r = ctx;
	struct alias a = {0};
	read_row(st, &a);
	r->alive = a.kind == ALIAS_LONG || a.used_ms >= r->alive_ms;
	if (r->alive)
		buf_slice(r->uri, slice_buf(&a.uri));
	alias_free(&a);
}

static enum map_alias find(void *ctx, const char *local, struct buf *uri)
{
	struct alias_reader *r = ctx;
	r->uri = uri;
	r->alive = false;
	switch (peek_ask(r->peek, &local, 1, take_uri, r)) {
	case PEEK_FOUND:
		return r->alive ? MAP_ALIAS_FOUND : MAP_ALIAS_NONE;
	case PEEK_NONE:
		break;
	case PEEK_TROUBLE:
		return MAP_ALIAS_TROUBLE;
	}
	return MAP_ALIAS_NONE;
}

struct alias_reader *alias_reader_new(const char *path)
{
	struct alias_reader *r = xcalloc(1, sizeof *r);
	r->peek = peek_new(path, "SELECT " COLUMNS " FROM alias WHERE name = ?1");
	r->hook = (struct map_aliases){.find = find, .ctx = r};
	return r;
}

void alias_reader_free(struct alias_reader *r)
{
	if (!r)
		return;
	peek_free(r->peek);
	free(r);
}

const struct map_aliases *alias_reader_aliases(struct alias_reader *r, int64_t alive_ms)
{
	r->alive_ms = alive_ms;
	return &r->hook;
}
