/* What peers cannot do: table A.4 as far as it concerns what is sent, the admin's peer_quirks, and what was found out.
 */
#include "send.h"
#include "base/log.h"
#include "cpim/cpim.h"

#include <sqlite3.h>
#include <stdlib.h>

/* Column text_only: what got through when the peer had refused more. */
enum { LEARNT_NOTHING, LEARNT_TEXT_ONLY, LEARNT_PLAIN_CPIM };

const char quirks_schema[] = "CREATE TABLE IF NOT EXISTS peers ("
			     " uri TEXT PRIMARY KEY,"
			     " text_only INTEGER NOT NULL,"
			     " product TEXT NOT NULL,"
			     " at INTEGER NOT NULL) WITHOUT ROWID;"
			     "CREATE INDEX IF NOT EXISTS peers_at ON peers (at);";

/* Beginning of the product name in Server or User-Agent. A row of peer_quirks with the same name goes before. */
static const struct {
	const char *product;
	unsigned quirks;
} products[] = {
	{"Linphone", QUIRK_NO_DATETIME | QUIRK_FROM_SAME}, /* 488 for January; 488 for another From in CPIM */
	{"baresip", QUIRK_TEXT_ONLY},
	{"Asterisk", QUIRK_TEXT_ONLY},
};

static unsigned words_read(const char *words)
{
	static const struct {
		const char *word;
		unsigned bit;
	} table[] = {
		{"text-only", QUIRK_TEXT_ONLY}, {"no-datetime", QUIRK_NO_DATETIME}, {"from-same", QUIRK_FROM_SAME}};
	unsigned set = 0;
	struct slice rest = slice_of(words);
	bool more = true;
	while (more) {
		struct slice word = slice_cut(&rest, ' ', &more);
		for (size_t i = 0; i < sizeof table / sizeof *table; i++)
			if (slice_eq(word, table[i].word))
				set |= table[i].bit;
	}
	return set;
}

static bool host_is(const char *uri, const char *host)
{
	const char *at = strchr(uri, '@');
	if (!at)
		at = strchr(uri, ':');
	size_t n = strlen(host);
	return at && strncasecmp(at + 1, host, n) == 0 && (!at[1 + n] || strchr(":;?", at[1 + n]));
}

static unsigned configured(const struct send *s, const char *uri, const char *product, bool *found)
{
	const char *first, *second;
	for (size_t i = 0; (first = conf_item(s->conf, "peer_quirks", i, &second)); i++)
		if (host_is(uri, first) || strncasecmp(product, first, strlen(first)) == 0) {
			*found = true;
			return words_read(second);
		}
	return 0;
}

static sqlite3_stmt *prepare(struct send *s, const char *sql)
{
	sqlite3_stmt *q;
	if (sqlite3_prepare_v2(frame_database(s->frame), sql, -1, &q, NULL) != SQLITE_OK)
		die_temp("state store: %s", sqlite3_errmsg(frame_database(s->frame)));
	return q;
}

static int64_t oldest(const struct send *s)
{
	return frame_now_ms(s->frame) / 1000 - conf_int(s->conf, "state_ttl", NULL);
}

void quirks_end(struct send *s)
{
	sqlite3_finalize(s->find);
	s->find = NULL;
	s->peers = NULL;
}

unsigned quirks_find(struct send *s, const struct task *t)
{
	char *product = NULL;
	unsigned set = 0;
	bool found = false;
	if (s->peers != frame_database(s->frame)) {
		quirks_end(s);
		s->peers = frame_database(s->frame);
		s->find = prepare(s, "SELECT text_only, product FROM peers WHERE uri = ? AND at >= ?");
	}
	sqlite3_stmt *q = s->find;
	sqlite3_bind_text(q, 1, t->uri, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, oldest(s));
	if (sqlite3_step(q) == SQLITE_ROW) {
		int learnt = sqlite3_column_int(q, 0);
		set = learnt == LEARNT_TEXT_ONLY ? QUIRK_TEXT_ONLY : learnt == LEARNT_PLAIN_CPIM ? QUIRK_PLAIN_CPIM : 0;
		product = xstrdup((const char *)sqlite3_column_text(q, 1));
	}
	sqlite3_reset(q);
	set |= configured(s, t->uri, product ? product : "", &found);
	for (size_t i = 0; product && !found && i < sizeof products / sizeof *products; i++)
		if (strncasecmp(product, products[i].product, strlen(products[i].product)) == 0)
			set |= products[i].quirks;
	free(product);
	return set;
}

/* Only what says something new is written: most peers never get a row. */
void quirks_learn(struct send *s, const struct task *t)
{
	int learnt = !t->fell_back || t->status < 200 || t->status > 299 ? LEARNT_NOTHING
		     : t->quirks & QUIRK_TEXT_ONLY			 ? LEARNT_TEXT_ONLY
									 : LEARNT_PLAIN_CPIM;
	bool known = false;
	for (size_t i = 0; t->product && i < sizeof products / sizeof *products; i++)
		known |= strncasecmp(t->product, products[i].product, strlen(products[i].product)) == 0;
	bool found = false;
	if (t->product)
		configured(s, t->uri, t->product, &found);
	if (!learnt && !known && !found)
		return;
	sqlite3_stmt *q =
		prepare(s, "INSERT INTO peers (uri, text_only, product, at) VALUES (?1, ?2, ?3, ?4) "
			   "ON CONFLICT (uri) DO UPDATE SET text_only = CASE WHEN ?2 THEN ?2 ELSE text_only END, "
			   "product = ?3, "
			   "at = CASE WHEN ?2 THEN ?4 ELSE at END");
	sqlite3_bind_text(q, 1, t->uri, -1, SQLITE_STATIC);
	sqlite3_bind_int(q, 2, learnt);
	sqlite3_bind_text(q, 3, t->product ? t->product : "", -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 4, frame_now_ms(s->frame) / 1000);
	if (sqlite3_step(q) != SQLITE_DONE)
		die_temp("state store: %s", sqlite3_errmsg(frame_database(s->frame)));
	sqlite3_finalize(q);
	q = prepare(s, "DELETE FROM peers WHERE uri IN (SELECT uri FROM peers WHERE at < ? LIMIT 16)");
	sqlite3_bind_int64(q, 1, oldest(s));
	sqlite3_step(q);
	sqlite3_finalize(q);
	if (learnt)
		log_event(LOG_INFO, t->trace, learnt == LEARNT_TEXT_ONLY ? "text-only" : "plain-cpim", "uri", t->uri,
			  NULL);
}

/* ---- what is sent ---- */

static const char *body_type(const struct task *t)
{
	return record_str(record_get(t->member, "body"), "type");
}

static bool type_is(struct slice value, const char *type)
{
	struct buf word = {0};
	bool is = mime_word(value, &word) && strcmp(buf_str(&word), type) == 0;
	buf_free(&word);
	return is;
}

/* What stands behind the header of a part that is a CPIM message, else nothing. */
static struct slice cpim_part(struct slice part)
{
	struct mime_fields f;
	size_t body;
	bool is = mime_fields_read(&f, part, &body) && type_is(mime_field(&f, "Content-Type"), "message/cpim");
	mime_fields_free(&f);
	return is ? (struct slice){part.p + body, part.n - body} : (struct slice){"", 0};
}

/* The CPIM message: the body, or the first part of one that has a list of recipients beside it which need not be
 * understood (E2). Empty: there is none. */
static struct slice cpim_of(const struct task *t)
{
	struct slice all = slice_buf(&t->body), found = {"", 0};
	const char *type = body_type(t);
	struct span parts[4];
	struct source s;
	struct buf boundary = {0};
	if (type && type_is(slice_of(type), "message/cpim"))
		return all;
	if (!type || !type_is(slice_of(type), "multipart/mixed") || t->rest.fd >= 0 ||
	    record_header(record_get(t->member, "headers"), "Require", 0))
		return found;
	source_memory(&s, all);
	if (mime_param(slice_of(type), "boundary", &boundary) &&
	    multipart_split(&s, (struct span){0, (int64_t)all.n}, slice_buf(&boundary), parts, 4) > 0)
		found = cpim_part((struct slice){all.p + parts[0].from, (size_t)(parts[0].to - parts[0].from)});
	source_end(&s);
	buf_free(&boundary);
	return found;
}

bool quirks_is_cpim(const struct task *t)
{
	return cpim_of(t).n > 0;
}

/* The text inside a CPIM message: its type and its octets. */
static bool inner_text(const struct task *t, struct buf *type, struct buf *body)
{
	struct cpim c;
	char why[128];
	struct slice all = cpim_of(t);
	bool good = cpim_read(&c, all, why) == CPIM_OK;
	if (good) {
		struct slice inner = mime_field(&c.content, "Content-Type");
		good = type_is(inner, "text/plain") && c.body <= all.n;
		if (good) {
			buf_slice(type, inner);
			buf_put(body, all.p + c.body, all.n - c.body);
		}
	}
	cpim_free(&c);
	return good;
}

bool quirks_has_text(const struct task *t)
{
	struct buf type = {0}, body = {0};
	bool good = quirks_is_cpim(t) && inner_text(t, &type, &body);
	buf_free(&type);
	buf_free(&body);
	return good;
}

/* "<sip:a@b>" of the SIP From: what the CPIM From has to be where only that is taken. */
static void put_sip_from(const struct task *t, struct buf *out)
{
	const char *from = record_header(record_get(t->member, "headers"), "From", 0);
	const char *open = from ? strrchr(from, '<') : NULL, *end = open ? strchr(open, '>') : NULL;
	if (end)
		buf_printf(out, "From: %.*s\r\n", (int)(end + 1 - open), open);
	else
		buf_printf(out, "From: <%.*s>\r\n", from ? (int)strcspn(from, ";") : 0, from ? from : "");
}

/* The message headers of the CPIM line by line, the rest as it is. */
static void rewrite_cpim(const struct task *t, struct buf *out)
{
	struct slice rest = cpim_of(t);
	bool more = true;
	while (more && rest.n) {
		struct slice line = slice_cut(&rest, '\n', &more);
		if (slice_trim(line).n == 0) {
			buf_puts(out, "\r\n");
			break;
		}
		if ((t->quirks & QUIRK_NO_DATETIME) && slice_istarts(line, "DateTime:"))
			continue;
		if ((t->quirks & QUIRK_FROM_SAME) && slice_istarts(line, "From:")) {
			put_sip_from(t, out);
			continue;
		}
		buf_slice(out, line);
		if (more)
			buf_putc(out, '\n');
	}
	buf_slice(out, rest);
}

void quirks_apply(const struct task *t, struct buf *type, struct buf *body)
{
	const char *given = body_type(t);
	if (!given)
		return;
	if (t->quirks && quirks_is_cpim(t)) {
		if ((t->quirks & QUIRK_TEXT_ONLY) && inner_text(t, type, body))
			return;
		if (t->quirks & (QUIRK_NO_DATETIME | QUIRK_FROM_SAME)) {
			buf_puts(type, type_is(slice_of(given), "message/cpim") ? given : "message/cpim");
			rewrite_cpim(t, body);
			return;
		}
	}
	buf_puts(type, given);
	buf_slice(body, slice_buf(&t->body));
}
