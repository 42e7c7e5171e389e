/*
 * Fuzz target: to which conversation a mail belongs. Any octets as In-Reply-To, References, Message-ID, From and RCPT
 * (NUL between them), or as an alias record: there is always a conversation, nothing is ours without its MAC, what an
 * answer will refer to is short and clean, and the same mail again is found where it was put.
 */
#include "base/log.h"
#include "mail/address.h"
#include "map/correlate.h"
#include "record/json.h"
#include "record/record.h"

#include <sqlite3.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { NOW = 1000000000, FIELDS = 5, KEPT = 200 };

static struct map_names *names;
static struct token_keys keys;
static struct alias_table aliases;
static struct correlate tables;
static sqlite3 *db;

static void check(bool good)
{
	if (!good)
		abort();
}

static void setup(void)
{
	static const char *const sip[] = {"ims.example.net", NULL};
	static const struct map_pair domains[] = {{"ims.example.net", "rcs.example.net"}, {NULL, NULL}};
	char why[128];
	log_set_level(LOG_ERROR);
	token_keys_add(&keys, "0123456789abcdef0123456789abcdef", 32);
	names = map_names_make(&(struct map_settings){.gateway = "gw.example.net",
						      .mail_domain = "rcs.example.net",
						      .sip_domains = sip,
						      .domain_map = domains,
						      .subaddress = true,
						      .keys = &keys},
			       why);
	check(names && sqlite3_open(":memory:", &db) == SQLITE_OK);
	check(sqlite3_exec(db, ALIAS_SCHEMA CORRELATE_SCHEMA, NULL, NULL, NULL) == SQLITE_OK);
	alias_use(&aliases, db, NOW, 1000);
	correlate_use(&tables, db, names, &aliases, NULL);
}

static void empty(void)
{
	static unsigned turn;
	if (++turn % KEPT == 0)
		check(sqlite3_exec(db, "DELETE FROM seen; DELETE FROM alias", NULL, NULL, NULL) == SQLITE_OK);
}

static void alias_record(const uint8_t *data, size_t n)
{
	const char *why;
	size_t at;
	json_t *m = json_read((const char *)data, n, 8, &why, &at);
	struct alias a;
	if (!json_is_object(m) || !alias_take(&aliases, m)) {
		json_decref(m);
		return;
	}
	const char *name = record_str(m, "name");
	check(name != NULL);
	if (alias_find(&aliases, name, &a))
		check(a.uri.n && a.used_ms <= NOW);
	alias_free(&a);
	check(alias_take(&aliases, m)); /* said again */
	json_decref(m);
}

static void thread(const struct correlate_query *q, const struct correlation *r)
{
	json_t *m = correlate_thread(q, r, NULL, NOW), *id;
	size_t i;
	check(!m || strncmp(q->message_id, "none:", 5) != 0);
	json_array_foreach (record_get(m, "references"), i, id) {
		const char *s = json_string_value(id);
		check(s && *s && strlen(s) <= CORRELATE_ID_MAX && !strpbrk(s, "<> \t\r\n"));
	}
	check(json_array_size(record_get(m, "references")) <= CORRELATE_REFERENCES + 1);
	json_decref(m);
}

static void ours(const struct correlation *r)
{
	struct token_parsed t;
	if (r->kind != CORRELATE_OWN)
		return;
	check(token_msgid_parse(&keys, slice_buf(&r->msgid), "rcs.example.net", &t));
	check(t.token.n || (r->conv.n == t.conv.n && r->answered.n == t.contr.n));
	token_parsed_free(&t);
}

/* An alias: where it stands for nothing, what is written to it answers nothing. */
static bool hides(const char *rcpt)
{
	struct mail_address a;
	struct buf local = {0};
	if (mail_address_parse(slice_of(rcpt), &a))
		mail_put_lower(&local, a.local);
	char form = token_local_form(slice_buf(&local));
	buf_free(&local);
	return form == ALIAS_SENDER || form == ALIAS_GROUP;
}

/* Was the first mail of this Message-ID written to an address that hides its user? Then a name does not find it. */
static bool first_was_private(const char *msgid)
{
	sqlite3_stmt *st;
	check(sqlite3_prepare_v2(db, "SELECT 1 FROM seen WHERE msgid = ?1 AND private", -1, &st, NULL) == SQLITE_OK);
	sqlite3_bind_text(st, 1, msgid, -1, SQLITE_STATIC);
	bool yes = sqlite3_step(st) == SQLITE_ROW;
	sqlite3_finalize(st);
	return yes;
}

/* An answer to the mail, as its reader's program writes it: found there, or somebody else's. */
static void follow(const struct correlate_query *q)
{
	struct correlation next;
	struct slice id = slice_of(q->message_id);
	bool clean = id.n <= CORRELATE_ID_MAX;
	for (size_t i = 0; i < id.n; i++)
		clean = clean && id.p[i] > ' ' && id.p[i] < 127 && id.p[i] != '<' && id.p[i] != '>';
	char *parent = xasprintf("<%s>", q->message_id);
	struct correlate_query again = {.in_reply_to = slice_of(parent),
					.message_id = "next@bob.example",
					.from = q->from,
					.rcpt = q->rcpt,
					.cpm = q->cpm};
	check(correlate_find(&tables, &again, &next));
	check(!clean || !q->from || next.kind || next.foreign || hides(q->rcpt) || first_was_private(q->message_id));
	correlation_free(&next);
	free(parent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *field[FIELDS] = {0};
	struct correlation r;
	if (!names)
		setup();
	empty();
	if (n && data[0] == '{') {
		alias_record(data, n);
		return 0;
	}
	struct slice rest = {(const char *)data, n};
	bool more = true;
	for (int i = 0; i < FIELDS; i++)
		field[i] = slice_dup(more ? slice_cut(&rest, '\0', &more) : (struct slice){"", 0});
	struct correlate_query q = {.in_reply_to = slice_of(field[0]),
				    .references = slice_of(field[1]),
				    .message_id = *field[2] ? field[2] : "none:0",
				    .from = *field[3] ? field[3] : NULL,
				    .rcpt = field[4],
				    .cpm = "sip:alice@ims.example.net"};
	check(correlate_find(&tables, &q, &r));
	check(r.conv.n && r.contr.n == 32 && r.root.n);
	check(r.kind != CORRELATE_NONE || (!r.mac && !r.private && !r.uri.n && !r.msgid.n));
	ours(&r);
	thread(&q, &r);
	correlate_remember(&tables, &q, &r, NOW);
	follow(&q);
	correlation_free(&r);
	for (int i = 0; i < FIELDS; i++)
		free(field[i]);
	return 0;
}
