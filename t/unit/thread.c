/* The alias table, looks into another program's state store, and correlation (2.5, 2.6, 3.12, 7.2). */
#include "map/correlate.h"
#include "record/record.h"

#include "tap.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOW = 1772699401 };
#define MS    ((int64_t)NOW * 1000)
#define DAY   ((int64_t)86400000)
#define ALICE "sip:alice@ims.example.net"
#define CAROL "tel:+14155550101"
#define HOST  "rcs.example.net"
#define ALIAS "a-bcdefghijklmnopqrstuvwxyz2"
#define GROUP "g-bcdefghijklmnopqrstuvwxyz2"
#define LONG  "x-bcdefghijklmnopqrstuvwxyz2"

static struct map_names *names;
static char dir[] = "/tmp/cpmail-thread-XXXXXX";
static char path[64];

static struct map_names *make(void)
{
	static const char *const sip_domains[] = {"ims.example.net", NULL};
	static const struct map_pair domain_map[] = {{"ims.example.net", HOST}, {NULL, NULL}};
	static struct token_keys keys;
	char octets[32], why[128];
	for (int i = 0; i < 32; i++)
		octets[i] = (char)i;
	token_keys_add(&keys, octets, sizeof octets);
	return map_names_make(&(struct map_settings){.gateway = "mailgw.ims.example.net",
						     .mail_domain = HOST,
						     .sip_domains = sip_domains,
						     .domain_map = domain_map,
						     .subaddress = true,
						     .keys = &keys},
			      why);
}

static sqlite3 *store(const char *file)
{
	sqlite3 *db;
	if (sqlite3_open(file, &db) != SQLITE_OK ||
	    sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, ALIAS_SCHEMA, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, CORRELATE_SCHEMA, NULL, NULL, NULL) != SQLITE_OK)
		exit(1);
	return db;
}

static void run(sqlite3 *db, const char *sql)
{
	char *why = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
		printf("# %s: %s\n", sql, why);
		exit(1);
	}
}

static int count(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int n = -1;
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return n;
}

/* An alias record's member; users: one, or two with a blank between. */
static bool take(struct alias_table *t, const char *name, const char *kind, const char *uri, const char *users,
		 int64_t at)
{
	json_t *m = json_object(), *list = json_array();
	struct slice rest = slice_of(users);
	bool more = rest.n > 0;
	while (more) {
		struct slice one = slice_cut(&rest, ' ', &more);
		json_array_append_new(list, json_stringn(one.p, one.n));
	}
	record_set(m, "name", name);
	record_set(m, "kind", kind);
	record_set(m, "uri", uri);
	record_set_new(m, "email_users", list);
	record_set(m, "conversation", "conv1");
	record_set(m, "contribution", "contr1");
	if (strcmp(kind, "a") == 0 || strcmp(kind, "token") == 0)
		record_set_new(m, "private", json_true());
	record_set_int(m, "at", at);
	bool good = alias_take(t, m);
	json_decref(m);
	return good;
}

static bool alive(struct alias_table *t, const char *name)
{
	struct alias a;
	bool found = alias_find(t, name, &a);
	alias_free(&a);
	return found;
}

static void table(void)
{
	struct alias_table t = {0};
	struct alias a;
	sqlite3 *db = store(":memory:");
	alias_use(&t, db, MS, 30 * DAY);
	ok(!alive(&t, ALIAS), "an empty table");
	ok(take(&t, ALIAS, "a", ALICE, "Bob@Example.ORG", MS), "an alias");
	ok(alias_find(&t, ALIAS, &a), "is there");
	is_str(buf_str(&a.uri), ALICE, "its user");
	is_str(buf_str(&a.users), "Bob@example.org", "who may write to it");
	is_str(buf_str(&a.conv), "conv1", "its conversation");
	is_str(buf_str(&a.contr), "contr1", "its contribution");
	ok(a.private && a.kind == ALIAS_SENDER, "made for a private request");
	ok(alias_user(&a, SLICE("bob@example.org")) && !alias_user(&a, SLICE("eve@example.org")),
	   "it is for bob alone");
	alias_free(&a);
	ok(take(&t, ALIAS, "a", CAROL, "eve@example.org", MS), "the name comes again for somebody else");
	ok(alias_find(&t, ALIAS, &a), "it is there");
	is_str(buf_str(&a.uri), ALICE, "and stands for whom it stood");
	alias_free(&a);
	static const char token[] = "abcdefghijklmnopqrstuvwxyz";
	for (int i = 0; i < 2; i++)
		ok(take(&t, token, "token", ALICE, "bob@example.org", MS) &&
			   take(&t, token, "token", ALICE, "kim@example.org bob@example.org", MS) &&
			   take(&t, token, "token", CAROL, "eve@example.org", MS),
		   "a token, of copies of one message");
	ok(alias_find(&t, token, &a), "is there");
	is_str(buf_str(&a.users), "bob@example.org\nkim@example.org", "for each of its users, once");
	alias_free(&a);
	alias_use(&t, db, MS + 30 * DAY, 30 * DAY);
	ok(alive(&t, ALIAS), "30 days later");
	alias_touch(&t, ALIAS);
	alias_use(&t, db, MS + 60 * DAY, 30 * DAY);
	ok(alive(&t, ALIAS), "its time began anew with a mail");
	alias_use(&t, db, MS + 60 * DAY + 1, 30 * DAY);
	ok(!alive(&t, ALIAS), "and is over");
	alias_touch(&t, ALIAS);
	ok(!alive(&t, ALIAS), "a mail that is too late changes nothing");
	ok(take(&t, ALIAS, "a", ALICE, "bob@example.org", MS + 60 * DAY) && !alive(&t, ALIAS),
	   "it is not given out again");
	ok(take(&t, LONG, "x", ALICE, "", MS), "a long name");
	alias_use(&t, db, MS + 3000 * DAY, 30 * DAY);
	ok(alive(&t, LONG), "does not expire");
	ok(alias_find(&t, LONG, &a) && alias_user(&a, SLICE("eve@example.org")), "and is for anybody");
	alias_free(&a);
	for (int i = 0; i < 64; i++) {
		char name[64];
		snprintf(name, sizeof name, "a-%026d", i);
		for (char *p = name + 2; *p; p++)
			*p = (char)(*p - '0' + 'a');
		ok(take(&t, name, "a", ALICE, "bob@example.org", MS + 3000 * DAY), "%s", name);
	}
	alias_purge(&t);
	is_int(count(db, "SELECT count(*) FROM alias"), 65, "what has long expired is forgotten, nothing else");
	alias_end(&t);
	sqlite3_close(db);
}

static void bad_records(void)
{
	static const struct {
		const char *name, *kind, *uri, *users;
		int64_t at;
	} bad[] = {
		{"a-short", "a", ALICE, "b@x.example", MS},
		{GROUP, "a", ALICE, "b@x.example", MS},
		{ALIAS, "b", ALICE, "b@x.example", MS},
		{ALIAS, "a", "", "b@x.example", MS},
		{ALIAS, "a", ALICE, "nobody", MS},
		{ALIAS, "a", ALICE, "b@x.example", -1},
		{"short", "token", ALICE, "b@x.example", MS},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "token", ALICE, "b@x.example", MS},
		{"", "a", ALICE, "b@x.example", MS},
	};
	struct alias_table t = {0};
	sqlite3 *db = store(":memory:");
	alias_use(&t, db, MS, DAY);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!take(&t, bad[i].name, bad[i].kind, bad[i].uri, bad[i].users, bad[i].at), "bad record %zu", i);
	json_t *nothing = json_object();
	ok(!alias_take(&t, nothing) && !alias_take(&t, NULL), "an empty one");
	json_decref(nothing);
	is_int(count(db, "SELECT count(*) FROM alias"), 0, "none is kept");
	alias_end(&t);
	sqlite3_close(db);
}

/* ---- the reader beside the writer ---- */

static enum map_rcpt verdict(struct alias_reader *r, const char *rcpt, struct buf *uri)
{
	buf_clear(uri);
	return map_to_cpm(names, rcpt, alias_reader_aliases(r, MS - 30 * DAY), uri);
}

static void write_row(sqlite3 *db, const char *name, const char *kind)
{
	struct alias_table t = {0};
	alias_use(&t, db, MS, 30 * DAY);
	take(&t, name, kind, ALICE, "bob@example.org", MS);
	alias_end(&t);
}

/* A writer that dies with its write-ahead log unmerged. */
static void killed_writer(const char *name)
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		write_row(store(path), name, "g");
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void reader(void)
{
	struct buf uri = {0};
	struct alias_reader *r = alias_reader_new(path), *nowhere = alias_reader_new(NULL);
	is_int(verdict(nowhere, ALIAS "@" HOST, &uri), MAP_RCPT_GONE, "no spool: no aliases");
	is_int(verdict(r, ALIAS "@" HOST, &uri), MAP_RCPT_GONE, "no file yet");
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	is_int(verdict(r, ALIAS "@" HOST, &uri), MAP_RCPT_GONE, "an empty file");
	close(fd);
	sqlite3 *db = store(path);
	is_int(verdict(r, ALIAS "@" HOST, &uri), MAP_RCPT_GONE, "no row yet");
	write_row(db, ALIAS, "a");
	is_int(verdict(r, ALIAS "@" HOST, &uri), MAP_RCPT_OK, "a row that was written since");
	is_str(buf_str(&uri), ALICE, "whom it stands for");
	is_int(verdict(r, "A-BCDEFGHIJKLMNOPQRSTUVWXYZ2@" HOST, &uri), MAP_RCPT_OK, "in upper case");
	run(db, "BEGIN IMMEDIATE; UPDATE alias SET uri = 'sip:x@y'");
	is_int(verdict(r, ALIAS "@" HOST, &uri), MAP_RCPT_OK, "while the writer is at work");
	is_str(buf_str(&uri), ALICE, "what is not committed does not count");
	run(db, "ROLLBACK; UPDATE alias SET used = 1");
	is_int(verdict(r, ALIAS "@" HOST, &uri), MAP_RCPT_GONE, "expired");
	sqlite3_close(db);
	killed_writer(GROUP);
	is_int(verdict(r, GROUP "@" HOST, &uri), MAP_RCPT_OK, "the writer was killed, the reader had the file open");
	alias_reader_free(r);
	r = alias_reader_new(path);
	is_int(verdict(r, GROUP "@" HOST, &uri), MAP_RCPT_OK, "the reader begins behind a writer that was killed");
	alias_reader_free(r);
	killed_writer("g-ccccccccccccccccccccccccccc");
	char shm[80];
	snprintf(shm, sizeof shm, "%s-shm", path);
	unlink(shm);
	r = alias_reader_new(path);
	is_int(verdict(r, GROUP "@" HOST, &uri), MAP_RCPT_OK, "the index of the log is gone: made again");
	char other[80];
	snprintf(other, sizeof other, "%s.other", path);
	db = store(other);
	write_row(db, LONG, "x");
	sqlite3_close(db);
	rename(other, path);
	char wal[80];
	snprintf(wal, sizeof wal, "%s-wal", path);
	unlink(wal), unlink(shm);
	is_int(verdict(r, LONG "@" HOST, &uri), MAP_RCPT_OK, "another file in its place");
	is_int(verdict(r, GROUP "@" HOST, &uri), MAP_RCPT_GONE, "has what it has");
	fd = open(path, O_WRONLY | O_TRUNC);
	ok(write(fd, "this is no database, whatever its name says", 43) == 43, "a file of something else");
	close(fd);
	alias_reader_free(r);
	r = alias_reader_new(path);
	is_int(verdict(r, LONG "@" HOST, &uri), MAP_RCPT_LATER, "is trouble, not a no");
	is_str(map_rcpt_code(MAP_RCPT_LATER), "4.3.0", "its code");
	alias_reader_free(r);
	alias_reader_free(nowhere);
	unlink(path), unlink(wal), unlink(shm);
	buf_free(&uri);
}

/* ---- correlation ---- */

static struct alias_table aliases;
static struct correlate tables;
static sqlite3 *state;

static const char *own(const char *conv, const char *contr, bool hidden)
{
	static struct buf id[64];
	static int turn;
	struct buf *b = &id[turn++ % 64];
	buf_clear(b);
	token_msgid(map_keys(names),
		    &(struct token_message){.kind = TOKEN_STANDALONE, .conv = conv, .contr = contr, .hidden = hidden},
		    HOST, b);
	return b->p;
}

static const char *derived(bool conversation, const char *of)
{
	static struct buf id[64];
	static int turn;
	struct buf *b = &id[turn++ % 64];
	buf_clear(b);
	if (conversation)
		token_convid(map_keys(names), b, of, NULL);
	else
		token_contrid(map_keys(names), b, of, NULL);
	return b->p;
}

struct want {
	const char *name;
	const char *in_reply_to, *references, *message_id, *from, *rcpt, *cpm;
	enum correlate_kind kind;
	const char *conv, *answered;
	enum correlate_match is_from, is_rcpt;
	bool mac, foreign, blind, keep;
};

static void correlates(const struct want *w)
{
	struct correlation r;
	struct correlate_query q = {.in_reply_to = slice_of(w->in_reply_to ? w->in_reply_to : ""),
				    .references = slice_of(w->references ? w->references : ""),
				    .message_id = w->message_id ? w->message_id : "new@bob.example",
				    .from = w->from,
				    .rcpt = w->rcpt ? w->rcpt : "alice@" HOST,
				    .cpm = w->cpm ? w->cpm : ALICE};
	ok(correlate_find(&tables, &q, &r), "%s", w->name);
	is_int(r.kind, w->kind, "kind");
	is_str(buf_str(&r.conv), w->conv, "Conversation-ID");
	is_str(buf_str(&r.answered), w->answered ? w->answered : "", "InReplyTo-Contribution-ID");
	is_str(buf_str(&r.contr), derived(false, q.message_id), "Contribution-ID");
	is_int(r.from, w->is_from, "From");
	is_int(r.rcpt, w->is_rcpt, "RCPT");
	ok(r.mac == w->mac && r.foreign == w->foreign && r.blind == w->blind, "mac, foreign and blind");
	if (w->keep)
		correlate_remember(&tables, &q, &r, MS);
	correlation_free(&r);
}

static void conversations(void)
{
	static char field[8][400];
	const char *bob = "bob@example.org";
	snprintf(field[0], 400, "<%s>", own("c1", "m1", false));
	snprintf(field[1], 400, "<%s> <r1@bob.example> <rewritten@mta.example>", own("c1", "m1", false));
	snprintf(field[2], 400, "<%s>", own("c2", "m2", false));
	snprintf(field[3], 400, "<%s>", own("secret", "m3", true));
	snprintf(field[4], 400, "<%s>", own("c1", "m1", false));
	field[4][strlen(field[4]) - 20] ^= 1; /* inside the MAC */
	snprintf(field[5], 400, "\"the mail of Alice\" <%s> (x)", own("c1", "m1", false));
	const struct want wants[] = {
		{"a reply to a mail of ours", .in_reply_to = field[0], .message_id = "r1@bob.example", .from = bob,
		 .kind = CORRELATE_OWN, .conv = "c1", .answered = "m1", .is_from = CORRELATE_YES,
		 .is_rcpt = CORRELATE_YES, .mac = true, .keep = true},
		{"found in References only", .references = field[0], .from = "BOB@example.org", .kind = CORRELATE_OWN,
		 .conv = "c1", .answered = "m1", .is_from = CORRELATE_YES, .is_rcpt = CORRELATE_YES, .mac = true},
		{"our Message-ID was rewritten on the way; the mail before it was seen",
		 .in_reply_to = "<rewritten@mta.example>", .references = field[1], .from = bob, .kind = CORRELATE_SEEN,
		 .conv = "c1", .answered = derived(false, "r1@bob.example"), .is_from = CORRELATE_YES,
		 .is_rcpt = CORRELATE_YES},
		{"somebody else was forwarded our mail", .in_reply_to = field[0], .from = "eve@example.org",
		 .kind = CORRELATE_NONE, .conv = derived(true, own("c1", "m1", false)), .is_from = CORRELATE_NO,
		 .is_rcpt = CORRELATE_YES, .foreign = true},
		{"the reply goes to another user", .in_reply_to = field[0], .from = bob, .rcpt = "+14155550101@" HOST,
		 .cpm = CAROL, .kind = CORRELATE_NONE, .conv = derived(true, own("c1", "m1", false)),
		 .is_from = CORRELATE_YES, .is_rcpt = CORRELATE_NO, .foreign = true},
		{"kim got a blind copy, and answers to all", .in_reply_to = field[0], .from = "kim@example.org",
		 .rcpt = "+14155550101@" HOST, .cpm = CAROL, .kind = CORRELATE_NONE,
		 .conv = derived(true, own("c1", "m1", false)), .is_from = CORRELATE_YES, .is_rcpt = CORRELATE_NO,
		 .foreign = true, .blind = true},
		{"nothing is remembered of the mail any more", .in_reply_to = field[2], .from = bob,
		 .kind = CORRELATE_OWN, .conv = "c2", .answered = "m2", .is_from = CORRELATE_UNKNOWN,
		 .is_rcpt = CORRELATE_UNKNOWN},
		{"a header without From", .in_reply_to = field[0], .kind = CORRELATE_NONE,
		 .conv = derived(true, own("c1", "m1", false)), .is_from = CORRELATE_NO, .is_rcpt = CORRELATE_YES,
		 .foreign = true},
		{"a wrong MAC is not ours", .in_reply_to = field[4], .from = bob, .kind = CORRELATE_NONE, .conv = NULL},
		{"junk around the id", .in_reply_to = field[5], .from = bob, .kind = CORRELATE_OWN, .conv = "c1",
		 .answered = "m1", .is_from = CORRELATE_YES, .is_rcpt = CORRELATE_YES, .mac = true},
		{"a token, resolved", .in_reply_to = field[3], .from = bob, .rcpt = ALIAS "@" HOST,
		 .kind = CORRELATE_OWN, .conv = "conv1", .answered = "contr1", .is_from = CORRELATE_YES,
		 .is_rcpt = CORRELATE_YES, .mac = true},
		{"the alias alone", .in_reply_to = "<rewritten@mta.example>", .from = bob, .rcpt = ALIAS "@" HOST,
		 .kind = CORRELATE_ALIAS, .conv = "conv1", .answered = "contr1", .is_from = CORRELATE_YES,
		 .is_rcpt = CORRELATE_YES},
		{"the alias, in answer to an open mail of its user", .in_reply_to = field[0], .from = bob,
		 .rcpt = ALIAS "@" HOST, .kind = CORRELATE_ALIAS, .conv = "conv1", .answered = "contr1",
		 .is_from = CORRELATE_YES, .is_rcpt = CORRELATE_YES},
		{"an alias that is no more, in answer to one", .in_reply_to = field[0], .from = bob,
		 .rcpt = "a-zzzzzzzzzzzzzzzzzzzzzzzzzz@" HOST, .kind = CORRELATE_NONE,
		 .conv = derived(true, own("c1", "m1", false))},
		{"a name, in answer to a private message", .in_reply_to = field[3], .from = bob, .kind = CORRELATE_NONE,
		 .conv = derived(true, own("secret", "m3", true))},
		{"the alias, from somebody else", .from = "eve@example.org", .rcpt = ALIAS "@" HOST,
		 .kind = CORRELATE_NONE, .conv = derived(true, "new@bob.example"), .is_from = CORRELATE_NO,
		 .is_rcpt = CORRELATE_YES, .foreign = true},
		{"a sub-address", .from = bob, .rcpt = "alice--abcdefghijklm@" HOST, .kind = CORRELATE_SUBADDRESS,
		 .conv = "conv1", .answered = "contr1", .is_from = CORRELATE_YES, .is_rcpt = CORRELATE_YES},
		{"another suffix", .from = bob, .rcpt = "alice--abcdefghijkln@" HOST, .kind = CORRELATE_NONE,
		 .conv = derived(true, "new@bob.example")},
	};
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
		struct want w = wants[i];
		char root[400];
		if (!w.conv) { /* the id as it stands in the field */
			snprintf(root, sizeof root, "%.*s", (int)strlen(field[4]) - 2, field[4] + 1);
			w.conv = derived(true, root);
		}
		correlates(&w);
	}
}

static void new_mails(void)
{
	const char *bob = "bob@example.org", *park = derived(true, "park@bob.example");
	correlates(&(struct want){"a new mail", .message_id = "park@bob.example", .from = bob, .conv = park,
				  .keep = true});
	correlates(&(struct want){"its follow-up", .in_reply_to = "<park@bob.example>", .message_id = "p2@bob.example",
				  .from = bob, .kind = CORRELATE_SEEN, .conv = park,
				  .answered = derived(false, "park@bob.example"), .is_from = CORRELATE_YES,
				  .is_rcpt = CORRELATE_YES, .keep = true});
	correlates(&(struct want){"dave answers it to all", .in_reply_to = "<park@bob.example>",
				  .from = "dave@example.org", .conv = park,
				  .answered = derived(false, "park@bob.example"), .is_from = CORRELATE_NO,
				  .is_rcpt = CORRELATE_YES, .foreign = true});
	correlates(&(struct want){"a parent that was never seen", .in_reply_to = "<other@bob.example>", .from = bob,
				  .conv = derived(true, "other@bob.example")});
	correlates(&(struct want){"the root is the first of References", .in_reply_to = "<z@bob.example>",
				  .references = "<root@bob.example> <y@bob.example> <z@bob.example>", .from = bob,
				  .conv = derived(true, "root@bob.example")});
	is_int(count(state, "SELECT count(*) FROM seen WHERE msgid = 'park@bob.example'"), 1, "a mail is kept once");
	correlates(&(struct want){"it comes again", .message_id = "park@bob.example", .from = bob, .conv = park,
				  .keep = true});
	is_int(count(state, "SELECT count(*) FROM seen WHERE msgid = 'park@bob.example'"), 1, "and still once");
}

/* A header of many ids costs what its octets cost, and the thread record stays short. */
static void long_header(void)
{
	struct buf b = {0};
	struct correlation r;
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "<id%d@x.example> ", i);
	struct correlate_query q = {.in_reply_to = slice_buf(&b),
				    .references = slice_buf(&b),
				    .message_id = "m@x.example",
				    .from = "bob@example.org",
				    .rcpt = "alice@" HOST,
				    .cpm = ALICE};
	ok(correlate_find(&tables, &q, &r), "5000 references");
	is_str(buf_str(&r.root), "id0@x.example", "the root is the first");
	json_t *m = correlate_thread(&q, &r, "Parking", MS);
	const json_t *list = json_object_get(m, "references");
	is_int((int)json_array_size(list), 11, "root and the last ten");
	is_str(json_string_value(json_array_get(list, 0)), "id0@x.example", "the root");
	is_str(json_string_value(json_array_get(list, 10)), "id4999@x.example", "the last");
	is_str(record_str(m, "conversation"), derived(true, "id0@x.example"), "its conversation");
	is_str(record_str(m, "email_user"), "bob@example.org", "its user");
	json_decref(m);
	correlation_free(&r);
	buf_free(&b);
}

static void sent_rows(void)
{
	char *sql = sqlite3_mprintf("CREATE TABLE sent (contr TEXT, msgid TEXT, uri TEXT, users TEXT, blind INTEGER);"
				    "INSERT INTO sent VALUES ('m1', %Q, '" ALICE "', 'bob@example.org', 0),"
				    " ('m1', %Q, '" ALICE "', 'kim@example.org', 1), ('m2', %Q, '', '', 0),"
				    " ('m1', 'another@rcs', '" CAROL "', 'bob@example.org', 0)",
				    own("c1", "m1", false), own("c1", "m1", false), own("c2", "m2", false));
	sqlite3 *db = store(path);
	run(db, sql);
	sqlite3_free(sql);
	sqlite3_close(db);
}

static void correlation(void)
{
	char token[TOKEN_B32 + 1];
	sent_rows();
	struct peek *sent = correlate_sent_new(path);
	state = store(":memory:");
	alias_use(&aliases, state, MS, 30 * DAY);
	correlate_use(&tables, state, names, &aliases, sent);
	snprintf(token, sizeof token, "%.26s", own("secret", "m3", true) + 2);
	ok(take(&aliases, ALIAS, "a", ALICE, "bob@example.org", MS) &&
		   take(&aliases, token, "token", ALICE, "bob@example.org kim@example.org", MS) &&
		   take(&aliases, "abcdefghijklm", "suffix", ALICE, "bob@example.org", MS),
	   "rows");
	conversations();
	new_mails();
	long_header();
	tables.added = 256;
	correlate_purge(&tables, MS + 1);
	is_int(count(state, "SELECT count(*) FROM seen"), 0, "mails are forgotten in the end");
	correlate_end(&tables);
	alias_end(&aliases);
	sqlite3_close(state);
	peek_free(sent);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/state.db", dir);
	names = make();
	table();
	bad_records();
	reader();
	correlation();
	map_names_free(names);
	char file[80];
	static const char *const ends[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < 3; i++) {
		snprintf(file, sizeof file, "%s%s", path, ends[i]);
		unlink(file);
	}
	rmdir(dir);
	return tap_done();
}
