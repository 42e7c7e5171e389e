#include "map/correlate.h"

#include "base/log.h"
#include "base/text.h"
#include "mail/address.h"
#include "mail/head.h"
#include "record/record.h"

#include <sqlite3.h>
#include <stdlib.h>

enum { ANSWERED_MAX = 8, PURGE_EVERY = 256 };

/* ---- the store ---- */

static sqlite3_stmt *prepare(struct correlate *c, const char *sql)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK)
		die_temp("state store: %s", sqlite3_errmsg(c->db));
	return st;
}

static bool row(struct correlate *c, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		die_temp("state store: %s", sqlite3_errmsg(c->db));
	return rc == SQLITE_ROW;
}

void correlate_use(struct correlate *c, struct sqlite3 *db, const struct map_names *names, struct alias_table *aliases,
		   struct peek *sent)
{
	if (c->db != db) {
		correlate_end(c);
		c->db = db;
		/* A mail to several CPM users is remembered for each; the one who gets this mail is preferred. */
		c->find = prepare(c, "SELECT cpm, conv, user, private FROM seen WHERE msgid = ?1 "
				     "ORDER BY cpm = ?2 DESC LIMIT 1");
		c->add = prepare(c, "INSERT INTO seen (msgid, cpm, conv, user, private, at) VALUES (?1,?2,?3,?4,?5,?6) "
				    "ON CONFLICT (msgid, cpm) DO NOTHING");
		c->purge = prepare(c, "DELETE FROM seen WHERE seq IN (SELECT seq FROM seen WHERE at < ?1 "
				      "ORDER BY at LIMIT 1024)");
	}
	c->names = names;
	c->aliases = aliases;
	c->sent = sent;
}

void correlate_end(struct correlate *c)
{
	sqlite3_finalize(c->find);
	sqlite3_finalize(c->add);
	sqlite3_finalize(c->purge);
	*c = (struct correlate){0};
}

void correlate_purge(struct correlate *c, int64_t before_ms)
{
	if (c->added < PURGE_EVERY)
		return;
	c->added = 0;
	sqlite3_bind_int64(c->purge, 1, before_ms);
	row(c, c->purge);
	sqlite3_reset(c->purge);
}

static struct slice column(sqlite3_stmt *st, int i)
{
	const void *text = sqlite3_column_text(st, i);
	return (struct slice){text ? text : "", text ? (size_t)sqlite3_column_bytes(st, i) : 0};
}

/* Rows of cpm2mail's table of sent mails; the index is by contribution. */
struct peek *correlate_sent_new(const char *path)
{
	return peek_new(path, "SELECT uri, users, blind FROM sent WHERE contr = ?1 AND msgid = ?2 LIMIT 1000");
}

/* ---- the rule of 7.2: RCPT and From are the users of what was found ---- */

struct users {
	const struct correlate_query *q;
	struct slice cpm; /* of the query, normalised */
	bool any, both;	  /* rows; one with both */
	bool rcpt, from;  /* one with it */
	bool hides;	      /* RCPT is an alias or a group's address */
	struct alias address; /* and what it stands for; kind 0: nothing any more */
	struct correlation *out;
};

/* Count a row in; true: From is one of its users. */
static bool compare(struct users *u, struct slice uri, struct slice users)
{
	struct slice rest = users, from = slice_of(u->q->from);
	bool is_from = false, more = users.n > 0, is_rcpt = uri.n == u->cpm.n && memcmp(uri.p, u->cpm.p, uri.n) == 0;
	while (more && !is_from) {
		struct slice one = slice_cut(&rest, '\n', &more);
		is_from = one.n && one.n == from.n && strncasecmp(one.p, from.p, one.n) == 0;
	}
	if (!uri.n || !users.n) /* a row of a time when they were not kept */
		return false;
	u->any = true;
	u->both = u->both || (is_from && is_rcpt);
	u->from = u->from || is_from;
	u->rcpt = u->rcpt || is_rcpt;
	return is_from;
}

/* Rows that have the one or the other only are not enough: somebody answers a mail to somebody else. */
static void judge(const struct users *u)
{
	struct correlation *out = u->out;
	out->from = out->rcpt = CORRELATE_UNKNOWN;
	if (!u->any)
		return;
	out->from = u->both || u->from ? CORRELATE_YES : CORRELATE_NO;
	out->rcpt = u->both || (u->rcpt && !u->from) ? CORRELATE_YES : CORRELATE_NO;
}

/* ---- candidates ---- */

static void put(struct buf *b, struct slice s)
{
	buf_clear(b);
	buf_slice(b, s);
}

/* From a row of the alias table. */
static void take_alias(struct users *u, const struct alias *a, enum correlate_kind kind)
{
	struct correlation *out = u->out;
	out->kind = kind;
	out->private = a->private;
	put(&out->conv, slice_buf(&a->conv));
	put(&out->answered, slice_buf(&a->contr));
	compare(u, slice_buf(&a->uri), slice_buf(&a->users));
}

static void sent_row(sqlite3_stmt *st, void *ctx)
{
	struct users *u = ctx;
	if (compare(u, column(st, 0), column(st, 1)) && sqlite3_column_int(st, 2))
		u->out->blind = true;
}

/* 1: it is ours; 0: it is not; -1: not now. */
static int own_id(struct correlate *c, struct users *u, struct slice id)
{
	struct token_parsed t;
	struct correlation *out = u->out;
	int found = 1;
	if (!token_msgid_parse(map_keys(c->names), id, map_mail_domain(c->names), &t))
		return 0;
	if (t.token.n) {
		struct alias a;
		found = alias_find(c->aliases, buf_str(&t.token), &a) && a.kind == ALIAS_TOKEN;
		if (found)
			take_alias(u, &a, CORRELATE_OWN);
		alias_free(&a);
	} else {
		put(&out->msgid, id);
		const char *const keys[] = {buf_str(&t.contr), buf_str(&out->msgid)};
		if (c->sent && peek_ask(c->sent, keys, 2, sent_row, u) == PEEK_TROUBLE)
			found = -1;
		put(&out->conv, slice_buf(&t.conv));
		put(&out->answered, slice_buf(&t.contr));
	}
	out->token = t.kind;
	out->kind = found == 1 ? CORRELATE_OWN : CORRELATE_NONE;
	token_parsed_free(&t);
	return found;
}

static bool find_seen(struct correlate *c, struct slice id, struct slice cpm)
{
	sqlite3_reset(c->find);
	sqlite3_bind_text(c->find, 1, id.p, (int)id.n, SQLITE_TRANSIENT);
	sqlite3_bind_text(c->find, 2, cpm.p, (int)cpm.n, SQLITE_TRANSIENT);
	return row(c, c->find);
}

static bool seen_id(struct correlate *c, struct users *u, struct slice id)
{
	struct correlation *out = u->out;
	bool found = find_seen(c, id, u->cpm);
	if (found) {
		char *msgid = slice_dup(id);
		out->kind = CORRELATE_SEEN;
		put(&out->conv, column(c->find, 1));
		out->private = sqlite3_column_int(c->find, 3) != 0;
		buf_clear(&out->answered);
		token_contrid(map_keys(c->names), &out->answered, msgid, NULL);
		compare(u, column(c->find, 0), column(c->find, 2));
		free(msgid);
	}
	sqlite3_reset(c->find);
	return found;
}

/* An address that hides its user must not say who he is by what it takes: whoever writes to it answers the private
 * messages of its own conversation, and whoever writes to a name answers none of them (2.6). */
static bool fits_address(const struct users *u)
{
	const struct correlation *out = u->out;
	if (!u->hides)
		return !out->private;
	return u->address.kind && out->private == u->address.private && slice_eq(slice_buf(&out->conv), buf_str(&u->address.conv)) &&
	       (u->both || !u->any);
}

/* As if nothing had been looked at. */
static void forget(struct users *u)
{
	struct correlation *out = u->out;
	out->kind = CORRELATE_NONE;
	out->private = out->blind = false;
	buf_clear(&out->conv), buf_clear(&out->answered), buf_clear(&out->msgid);
	u->any = u->both = u->rcpt = u->from = false;
}

/* 1: found; 0: go on; -1: not now. */
static int candidate(struct correlate *c, struct users *u, struct slice id)
{
	int found = own_id(c, u, id);
	if (found == 0)
		found = seen_id(c, u, id);
	if (found == 1 && !fits_address(u)) {
		forget(u);
		found = 0;
	}
	put(&u->out->msgid, found == 1 ? id : (struct slice){"", 0});
	return found;
}

/* The local part of RCPT, if it is at a domain of ours; else nothing. */
static void put_local(const struct correlate *c, const struct correlate_query *q, struct buf *local)
{
	struct mail_address a;
	if (q->rcpt && mail_address_parse(slice_of(q->rcpt), &a) && map_domain_ours(c->names, a.domain))
		mail_put_lower(local, a.local);
}

static void read_address(struct correlate *c, struct users *u)
{
	struct buf local = {0};
	put_local(c, u->q, &local);
	char form = token_local_form(slice_buf(&local));
	u->hides = form == ALIAS_SENDER || form == ALIAS_GROUP;
	if (u->hides)
		alias_find(c->aliases, buf_str(&local), &u->address);
	buf_free(&local);
}

/* RCPT itself: an alias, a group address, or a suffix of ours (2.1). */
static void by_address(struct correlate *c, struct users *u)
{
	struct buf local = {0}, suffix = {0};
	struct alias row_of = {0};
	put_local(c, u->q, &local);
	if (u->address.kind) {
		take_alias(u, &u->address, CORRELATE_ALIAS);
		put(&u->out->uri, slice_buf(&u->address.uri));
	} else if (map_suffix(c->names, slice_buf(&local), &suffix) &&
		   alias_find(c->aliases, buf_str(&suffix), &row_of) && row_of.kind == ALIAS_SUFFIX) {
		take_alias(u, &row_of, CORRELATE_SUBADDRESS);
	}
	alias_free(&row_of);
	buf_free(&suffix), buf_free(&local);
}

/* ---- the header ---- */

struct ids {
	struct slice v[CORRELATE_IDS_MAX];
	size_t n;
};

/* The first id, and the last ones of most. */
static void read_ids(struct slice value, size_t most, struct ids *out)
{
	struct slice rest = value, id;
	size_t total = 0, at = 0;
	out->n = 0;
	while (mail_msgid_next(&rest, &id))
		total += id.n <= CORRELATE_ID_MAX;
	rest = value;
	while (mail_msgid_next(&rest, &id)) {
		if (id.n > CORRELATE_ID_MAX)
			continue;
		if (at == 0 || total - at < most)
			out->v[out->n++] = id;
		at++;
	}
}

/* 3.12: convid of the root; the parent only if it was seen in the same conversation. */
static void as_new(struct correlate *c, struct users *u, const struct ids *parents)
{
	struct correlation *out = u->out;
	out->kind = CORRELATE_NONE;
	out->private = out->mac = false;
	buf_clear(&out->conv), buf_clear(&out->answered), buf_clear(&out->msgid), buf_clear(&out->uri);
	token_convid(map_keys(c->names), &out->conv, buf_str(&out->root), NULL);
	if (!parents->n)
		return;
	struct slice parent = parents->v[0];
	if (find_seen(c, parent, u->cpm)) {
		struct slice cpm = column(c->find, 0), conv = column(c->find, 1);
		char *id = slice_dup(parent);
		if (cpm.n == u->cpm.n && memcmp(cpm.p, u->cpm.p, cpm.n) == 0 && slice_eq(conv, buf_str(&out->conv)))
			token_contrid(map_keys(c->names), &out->answered, id, NULL);
		free(id);
	}
	sqlite3_reset(c->find);
}

static int search(struct correlate *c, struct users *u, const struct ids *parents, const struct ids *references)
{
	int found = 0;
	for (size_t i = 0; i < parents->n && !found; i++)
		found = candidate(c, u, parents->v[i]);
	for (size_t i = references->n; i-- > 0 && !found;)
		found = candidate(c, u, references->v[i]);
	if (!found)
		by_address(c, u);
	return found;
}

bool correlate_find(struct correlate *c, const struct correlate_query *q, struct correlation *out)
{
	struct ids parents, references;
	struct buf cpm = {0};
	*out = (struct correlation){0};
	read_ids(q->in_reply_to, ANSWERED_MAX, &parents);
	read_ids(q->references, CORRELATE_IDS_MAX, &references);
	buf_slice(&out->root, references.n ? references.v[0] : parents.n ? parents.v[0] : slice_of(q->message_id));
	token_contrid(map_keys(c->names), &out->contr, q->message_id, NULL);
	if (q->cpm && !map_normalise_uri(c->names, q->cpm, &cpm))
		buf_puts(&cpm, q->cpm);
	struct users u = {.q = q, .cpm = slice_buf(&cpm), .out = out};
	read_address(c, &u);
	bool known = search(c, &u, &parents, &references) >= 0;
	judge(&u);
	out->mac = out->kind == CORRELATE_OWN && out->from == CORRELATE_YES;
	out->foreign = out->kind && (out->from == CORRELATE_NO || out->rcpt == CORRELATE_NO);
	if (!out->kind || out->foreign)
		as_new(c, &u, &parents);
	alias_free(&u.address);
	buf_free(&cpm);
	return known;
}

void correlation_free(struct correlation *r)
{
	buf_free(&r->conv), buf_free(&r->contr), buf_free(&r->answered), buf_free(&r->msgid);
	buf_free(&r->uri), buf_free(&r->root);
}

/* ---- what is kept of the mail ---- */

void correlate_remember(struct correlate *c, const struct correlate_query *q, const struct correlation *r,
			int64_t now_ms)
{
	struct buf cpm = {0}, local = {0};
	struct mail_address a;
	sqlite3_stmt *st = c->add;
	if (!q->cpm || !map_normalise_uri(c->names, q->cpm, &cpm))
		buf_puts(&cpm, q->cpm ? q->cpm : "");
	sqlite3_bind_text(st, 1, q->message_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, buf_str(&cpm), -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, buf_str(&r->conv), -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, q->from ? q->from : "", -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 5, r->private);
	sqlite3_bind_int64(st, 6, now_ms);
	row(c, st);
	sqlite3_reset(st);
	c->added++;
	if (r->kind == CORRELATE_ALIAS && mail_address_parse(slice_of(q->rcpt), &a)) {
		mail_put_lower(&local, a.local);
		alias_touch(c->aliases, buf_str(&local));
	}
	buf_free(&cpm), buf_free(&local);
}

json_t *correlate_thread(const struct correlate_query *q, const struct correlation *r, const char *subject,
			 int64_t now_ms)
{
	struct ids ids;
	struct slice msgid = slice_of(q->message_id), from = slice_of(q->from);
	if (slice_istarts(msgid, "none:") || !is_ascii(msgid.p, msgid.n) || strpbrk(q->message_id, "<> \t"))
		return NULL;
	json_t *m = json_object(), *list = json_array();
	read_ids(q->references.n ? q->references : q->in_reply_to, CORRELATE_REFERENCES + 1, &ids);
	for (size_t i = 0; i < ids.n; i++)
		if (is_ascii(ids.v[i].p, ids.v[i].n))
			json_array_append_new(list, json_stringn(ids.v[i].p, ids.v[i].n));
	record_set(m, "contribution", buf_str(&r->contr));
	record_set(m, "conversation", buf_str(&r->conv));
	record_set(m, "msg_id", q->message_id);
	record_set_new(m, "references", list);
	if (from.n && utf8_valid(from.p, from.n))
		record_set(m, "email_user", q->from);
	if (subject && *subject)
		record_set(m, "subject", subject);
	if (r->private)
		record_set_new(m, "private", json_true());
	record_set_int(m, "at", now_ms);
	return m;
}
