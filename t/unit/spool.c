#include "base/clock.h"
#include "spool/name.h"
#include "spool/queue.h"
#include "spool/spool.h"
#include "spool/worker.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64], in[80], out[80], out2[80];

static int count(const char *queue, const char *dir)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", queue, dir);
	DIR *d = opendir(path);
	if (!d)
		return -1;
	int n = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.' && strcmp(e->d_name, "lock") != 0 && strcmp(e->d_name, "tmp") != 0;
	closedir(d);
	return n;
}

static void put(const char *queue, int from, int n)
{
	struct spool_producer *p = spool_producer_open(queue);
	for (int i = 0; i < n; i++) {
		char line[64];
		int k = snprintf(line, sizeof line, "{\"n\":%d}", from + i);
		spool_producer_put(p, line, (size_t)k, NULL, 0);
	}
	ok(spool_producer_commit(p) == 0, "%d records are committed", n);
	spool_producer_close(p);
}

/* Everything that waits in a queue, as one text, then gone. */
static char *drain(const char *queue)
{
	static char text[65536];
	struct spool_worker *w = spool_worker_open(queue, &(struct spool_worker_options){0});
	struct spool_line *l;
	int n;
	text[0] = '\0';
	while ((n = spool_claim(w, &l)) > 0) {
		for (int i = 0; i < n; i++) {
			strncat(text, l[i].p, sizeof text - strlen(text) - 2);
			strcat(text, " ");
		}
		spool_commit(w);
	}
	spool_worker_close(w);
	return text;
}

static void names(void)
{
	static const char *const good[] = {"00000000001.0123456789abc.1", "00000000001.0123456789abc.1024b",
					   "00000000001.00000000002.0123456789abc.3b,0123456789abc~2.1023",
					   "00000000001.0123456789abc.7~1.0"},
				 *const bad[] = {"",
						 "x",
						 "00000000001.0123456789abc.0",
						 "00000000001.0123456789abc.1025",
						 "00000000001.0123456789abc.01",
						 "0000000000w.0123456789abc.1",
						 "00000000001.0123456789abc.1,0123456789abc",
						 "00000000001.0123456789abc.1~0.0",
						 "00000000001.0123456789abc.1bb",
						 "00000000001.0123456789abc.1~1.1024"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct spool_name n;
		char again[NAME_FILE_SIZE] = "";
		if (ok(name_parse(good[i], &n), "%s is a name", good[i]))
			name_put(again, &n);
		is_str(again, good[i], "and comes back");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct spool_name n;
		ok(!name_parse(bad[i], &n), "'%s' is no name", bad[i]);
	}
	static const char *const slot[] = {
		"00000000001.0123456789abc.1,i,00000000009.00000000001.0123456789abc.1,0123456789abc~1.0",
		"00000000001.0123456789abc.1,o,12,mail-route.63,00000000001.0123456789abc.2",
		"00000000001.0123456789abc.1b,o,1,=defer,00000000009.00000000001.0123456789abc.1,0123456789abc",
		"00000000001.0123456789abc.1,s,=fail,00000000001.0123456789abc.2",
		"00000000001.0123456789abc.1,c",
		"00000000001.0123456789abc.1b,n"};
	for (size_t i = 0; i < sizeof slot / sizeof *slot; i++) {
		struct slot_name n;
		char again[NAME_SLOT_SIZE] = "";
		if (ok(name_parse_slot(slot[i], &n), "%s is a name", slot[i]))
			name_put_slot(again, &n);
		is_str(again, slot[i], "and comes back");
	}
	struct tmp_name t;
	ok(name_parse_tmp("00000000001.0123456789abc.3.500.00abcdef", &t) && t.form == TMP_SEALED && t.octets == 500 &&
		   t.crc == 0xabcdef,
	   "sealed");
	ok(name_parse_tmp("00000000001.0123456789abc.3b", &t) && t.form == TMP_OPEN && t.blobs, "open");
	ok(!name_parse_tmp("00000000001.0123456789abc.3.500.00abcdeg", &t), "bad checksum");
	ok(name_is_queue("cpm2mail") && name_is_queue("sip-listen.63") && name_is_queue("2x"), "queues");
	ok(!name_is_queue("-x") && !name_is_queue("a.64") && !name_is_queue("A") && !name_is_queue("a/b") &&
		   !name_is_queue(".."),
	   "no queues");
}

static void forms(void)
{
	struct spool_line *l;
	put(in, 1, 2);
	is_int(count(in, "new"), 1, "one file");
	is_int(count(in, "tmp"), 0, "tmp/ is empty");
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	is_int(spool_timeout_ms(w), 0, "something waits");
	is_int(spool_claim(w, &l), 2, "claimed");
	is_str(l[1].p, "{\"n\":2}", "the second line");
	spool_put(w, 0, out, "a", 1, NULL, 0);
	spool_put(w, 1, out, "b", 1, NULL, 0);
	is_int(spool_commit(w), 0, "single form");
	is_int(count(in, "cur/1"), spool_form == FORM_STRICT, "nothing is left in the slot, in the strict form a mark");
	is_str(drain(out), "a b ", "the output");

	put(in, 3, 1);
	put(in, 4, 1);
	spool_tick(w);
	is_int(spool_claim(w, &l), 2, "two batches, hinted");
	spool_put(w, 0, out, "c", 1, NULL, 0);
	spool_put(w, 1, out2, "d", 1, NULL, 0);
	spool_defer(w, 1, clock_real_us() + 700000, NULL, "e", 1, NULL, 0);
	spool_fail(w, 0, "f", 1, NULL, 0);
	is_int(spool_commit(w), 0, "general form");
	is_int(count(in, "cur/1"), 1, "the mark waits");
	is_int(count(in, "defer"), 1, "deferred");
	is_int(count(in, "fail"), 1, "failed");
	is_int(spool_claim(w, &l), 0, "not yet due");
	ok(spool_timeout_ms(w) <= 700, "but soon");
	usleep(750000);
	is_int(spool_claim(w, &l), 1, "due");
	is_str(l[0].p, "e", "the deferred record");
	is_int(spool_commit(w), 0, "dropped");
	spool_worker_close(w);
	is_int(count(in, "cur/1"), 0, "the mark is gone");
	is_str(drain(out), "c ", "first output");
	is_str(drain(out2), "d ", "second output");
}

static void back(void)
{
	struct spool_line *l;
	put(in, 7, 3);
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	is_int(spool_claim(w, &l), 3, "claimed");
	spool_put(w, 0, out, "x", 1, NULL, 0);
	spool_rollback(w);
	is_int(count(in, "new"), 1, "back");
	is_int(count(in, "cur/1"), 0, "parts gone");
	is_int(spool_claim(w, &l), 3, "again");
	spool_worker_close(w);
	is_str(drain(in), "{\"n\":7} {\"n\":8} {\"n\":9} ", "not lost");
	is_str(drain(out), "", "nothing came out");
}

/* A worker that dies with a batch in hand; another takes its slot. */
static void death(void)
{
	put(in, 1, 1);
	pid_t pid = fork();
	if (pid == 0) {
		struct spool_line *l;
		struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
		spool_claim(w, &l);
		spool_running(w, 0);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	is_int(count(in, "cur/1"), 1, "the claim of a dead worker");
	struct spool_line *l;
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){.slot = 2});
	is_int(spool_claim(w, &l), 1, "a sibling gets it");
	is_int(l[0].kills, 1, "and knows that it killed");
	spool_commit(w);
	spool_worker_close(w);
}

static void blobs(void)
{
	static char body[100000];
	char path[160];
	memset(body, 'x', sizeof body);
	struct spool_blob *b = spool_blob_create(root);
	ok(b && spool_blob_write(b, body, sizeof body) == 0 && spool_blob_finish(b) == 0, "a blob");
	is_int(spool_blob_size(b), sizeof body, "its size");
	char id[SPOOL_BLOBID], line[128];
	snprintf(id, sizeof id, "%s", spool_blob_id(b));
	int n = snprintf(line, sizeof line, "{\"body\":{\"blob\":\"%s\",\"size\":100000}}", id);
	struct spool_producer *p = spool_producer_open(in);
	spool_producer_put(p, line, (size_t)n, &(struct spool_blobref){.fresh = b}, 1);
	is_int(spool_producer_commit(p), 0, "committed");
	spool_blob_close(b);
	spool_producer_close(p);
	snprintf(path, sizeof path, "%s/blob", root);
	is_int(count(path, "."), 1, "one link");
	is_int(count(path, "tmp"), 0, "nothing in blob/tmp/");

	struct spool_line *l;
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	is_int(spool_claim(w, &l), 1, "claimed");
	int fd = spool_blob_open(root, id, l[0].batch);
	is_int(lseek(fd, 0, SEEK_END), sizeof body, "the blob can be read");
	close(fd);
	struct spool_blobref ref = {.id = id};
	spool_put(w, 0, out, line, (size_t)n, &ref, 1);
	spool_put(w, 0, out2, line, (size_t)n, &ref, 1);
	is_int(spool_commit(w), 0, "passed on to two");
	is_int(count(path, "."), 2, "two links");
	spool_worker_close(w);
	drain(out);
	is_int(count(path, "."), 1, "one is gone");
	drain(out2);
	is_int(count(path, "."), 0, "none is left");
	b = spool_blob_create(root);
	spool_blob_close(b);
	is_int(count(path, "tmp"), 0, "a blob that nobody names is gone");
}

static int stored(struct spool_worker *w)
{
	sqlite3_stmt *st;
	sqlite3_prepare_v2(spool_database(w), "SELECT count(*) FROM seen", -1, &st, NULL);
	sqlite3_step(st);
	int n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void state(void)
{
	char path[100];
	struct spool_line *l;
	snprintf(path, sizeof path, "%s/state/test.db", root);
	struct spool_worker_options opt = {.database = path};
	put(in, 1, 2);
	struct spool_worker *w = spool_worker_open(in, &opt);
	ok(w != NULL, "a state store");
	sqlite3_exec(spool_database(w), "CREATE TABLE seen(n)", NULL, NULL, NULL);
	is_int(spool_claim(w, &l), 2, "claimed");
	sqlite3_exec(spool_database(w), "INSERT INTO seen VALUES(1)", NULL, NULL, NULL);
	spool_rollback(w);
	is_int(stored(w), 0, "rolled back with the batch");
	is_int(spool_claim(w, &l), 2, "claimed again");
	sqlite3_exec(spool_database(w), "INSERT INTO seen VALUES(1)", NULL, NULL, NULL);
	is_int(spool_commit(w), 0, "committed");
	is_int(stored(w), 1, "stored");
	spool_worker_close(w);
	w = spool_worker_open(in, &opt);
	is_int(stored(w), 1, "and still there");
	is_int(spool_claim(w, &l), 0, "the batch is gone");
	spool_worker_close(w);
}

static void order(void)
{
	struct spool_line *l;
	struct spool_worker_options opt = {.ordered = true};
	put(in, 1, 1);
	struct spool_worker *w = spool_worker_open(in, &opt);
	is_int(spool_claim(w, &l), 1, "first");
	is_int(spool_held(w, 0, "k"), 0, "not held");
	int64_t due = clock_real_us() + 700000;
	spool_defer(w, 0, due, "k", l[0].p, l[0].n, NULL, 0);
	is_int(spool_held(w, 0, "k"), due, "held within the transaction");
	spool_commit(w);
	put(in, 2, 1);
	spool_tick(w);
	is_int(spool_claim(w, &l), 1, "second");
	is_int(spool_held(w, 0, "k"), due, "held by the first");
	is_int(spool_held(w, 0, "j"), 0, "another conversation is not");
	spool_defer(w, 0, due, "k", l[0].p, l[0].n, NULL, 0);
	spool_commit(w);
	usleep(750000);
	is_int(spool_claim(w, &l), 2, "both are due");
	is_str(l[0].p, "{\"n\":1}", "the first before");
	is_str(l[1].p, "{\"n\":2}", "the second");
	is_int(spool_held(w, 0, "k"), 0, "and free");
	spool_commit(w);
	spool_worker_close(w);
}

static int no_room(const struct spool_call *c)
{
	return c->op == OP_RESERVE ? ENOSPC : 0;
}

static void no_room_for_notes(void)
{
	struct spool_line *l;
	struct spool_worker_options opt = {.effects = true};
	put(in, 1, 2);
	struct spool_worker *w = spool_worker_open(in, &opt);
	spool_sys_before = no_room;
	is_int(spool_claim(w, &l), -1, "no room for the note");
	is_int(errno, ENOSPC, "said so");
	is_int(w->nlines, 0, "nothing is handed out");
	is_int(count(in, "free"), 0, "and nothing kept to be used again");
	spool_sys_before = NULL;
	w->wait_until = 0;
	is_int(spool_claim(w, &l), 2, "handed out when there is room");
	is_int(spool_note(w, 0, "250 ok"), 0, "and noted");
	is_int(spool_commit(w), 0, "and committed");
	spool_worker_close(w);
	is_int(count(in, "cur/1"), 0, "nothing is left");
}

/* The first try to open a note fails. */
static int tries;
static int no_note(const struct spool_call *c)
{
	size_t n = c->op == OP_OPEN && c->name ? strlen(c->name) : 0;
	return n > 2 && strcmp(c->name + n - 2, ",n") == 0 && !tries++ ? EMFILE : 0;
}

static void notes(void)
{
	struct spool_line *l;
	struct spool_worker_options opt = {.effects = true};
	put(in, 1, 3);
	pid_t pid = fork();
	if (pid == 0) {
		struct spool_worker *w = spool_worker_open(in, &opt);
		spool_claim(w, &l);
		spool_note(w, 1, "250 ok");
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){.effects = true, .slot = 2});
	tries = 0;
	spool_sys_before = no_note;
	is_int(spool_claim(w, &l), -1, "the note cannot be read: nothing is handed out");
	is_int(w->nlines, 0, "nothing at all");
	spool_sys_before = NULL;
	w->wait_until = 0;
	is_int(spool_claim(w, &l), 3, "goes on in the dead worker's slot");
	is_str(l[1].outcome, "250 ok", "the outcome is known");
	ok(!l[0].outcome && !l[2].outcome, "the others are not done");
	for (int i = 0; i < 3; i++)
		spool_put(w, i, out, l[i].p, l[i].n, NULL, 0);
	is_int(spool_commit(w), 0, "committed");
	is_int(count(in, "cur/1"), 0, "its slot is clean");
	spool_worker_close(w);
	is_str(drain(out), "{\"n\":1} {\"n\":2} {\"n\":3} ", "once each");
}

static int no_reading(const struct spool_call *c)
{
	return c->op == OP_READ ? EIO : 0;
}

/* A batch that cannot be read, or is not what its name says, is for a person. */
static void damage(void)
{
	struct spool_line *l;
	char path[160], name[NAME_SIZE];
	put(in, 1, 2);
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	spool_sys_before = no_reading;
	is_int(spool_claim(w, &l), 0, "unreadable");
	spool_sys_before = NULL;
	is_int(count(in, "fail"), 2, "it is in fail/");
	name_make(name, 5, 5, 2, "");
	snprintf(path, sizeof path, "%s/new/%s", in, name);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	ok(write(fd, "{}\n{}", 5) == 5, "a batch without its last line feed");
	close(fd);
	put(in, 3, 1);
	spool_worker_close(w);
	w = spool_worker_open(in, &(struct spool_worker_options){0});
	is_int(spool_claim(w, &l), 1, "the good one beside it is claimed");
	is_str(l[0].p, "{\"n\":3}", "and whole");
	is_int(count(in, "fail"), 3, "the damaged one is in fail/");
	spool_commit(w);
	spool_worker_close(w);
}

static uint64_t space_left; /* octets */

static void little_space(const struct spool_call *c, long result)
{
	(void)result;
	if (c->op != OP_STATVFS)
		return;
	struct statvfs *st = (struct statvfs *)(uintptr_t)c->data;
	st->f_frsize = 4096;
	st->f_blocks = UINT64_C(1) << 20; /* 4 GiB: the mark is 256 MiB */
	st->f_bavail = space_left / 4096;
	st->f_files = st->f_favail = 1000000;
}

/* Edges refuse before filters stop: what was taken can still be finished. */
static void low_water(void)
{
	struct spool_line *l;
	put(in, 1, 1);
	spool_sys_after = little_space;
	space_left = 200 << 20;
	struct spool_producer *p = spool_producer_open(in);
	ok(spool_producer_full(p), "an edge refuses");
	spool_producer_put(p, "{}", 2, NULL, 0);
	is_int(spool_producer_commit(p), -1, "and takes nothing");
	spool_producer_close(p);
	char path[200];
	snprintf(path, sizeof path, "%s/free/0123456789abc", in);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	ok(fd >= 0 && close(fd) == 0, "a file waits to be used again");
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	is_int(spool_claim(w, &l), 1, "a filter goes on");
	ok(access(path, F_OK) != 0, "and gives the room of such files back");
	spool_rollback(w);
	spool_worker_close(w);
	space_left = 50 << 20;
	w = spool_worker_open(in, &(struct spool_worker_options){0});
	is_int(spool_claim(w, &l), -1, "until a quarter of that");
	ok(spool_timeout_ms(w) > 0, "then it waits");
	spool_sys_after = NULL;
	spool_worker_close(w);
	w = spool_worker_open(in, &(struct spool_worker_options){0});
	is_int(spool_claim(w, &l), 1, "with space again it goes on");
	spool_commit(w);
	spool_worker_close(w);
}

static void sizes(void)
{
	static char line[1 << 20];
	struct spool_line *l;
	memset(line, 'x', sizeof line);
	struct spool_producer *p = spool_producer_open(in);
	for (int i = 0; i < 5; i++)
		spool_producer_put(p, line, sizeof line - 1, NULL, 0);
	for (int i = 0; i < 1025; i++)
		spool_producer_put(p, "{}", 2, NULL, 0);
	is_int(spool_producer_commit(p), 0, "5 MiB and 1025 records");
	spool_producer_close(p);
	is_int(count(in, "new"), 10, "ten files: by size, by number");
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	is_int(spool_claim(w, &l), 4, "4 MiB are a transaction");
	for (int i = 0; i < 4; i++)
		spool_put(w, i, out, l[i].p, l[i].n, NULL, 0);
	spool_put(w, 0, out, "{}", 2, NULL, 0);
	is_int(spool_commit(w), 0, "its output is more than a file may hold");
	is_int(count(out, "new"), 2, "so there are two");
	is_int(spool_claim(w, &l), 128, "128 records are a transaction");
	for (int i = 0; i < 128; i++)
		spool_defer(w, i, clock_real_us() + (int64_t)i * 1000000, NULL, "{}", 2, NULL, 0);
	is_int(spool_commit(w), 0, "128 due times");
	ok(count(in, "defer") <= 8, "in 8 files at most");
	is_int(spool_claim(w, &l), 128, "and so on");
	spool_commit(w);
	spool_worker_close(w);
	char cmd[300];
	snprintf(cmd, sizeof cmd, "rm -f %s/defer/* %s/new/* %s/new/*", in, in, out);
	ok(system(cmd) == 0, "cleared");
}

/* A batch of the most records that a file may have, which is more than our own writers put into one: what is left of it when one record is
 * taken out keeps its order. */
static void longest(void)
{
	struct spool_line *l;
	char path[200], name[NAME_FILE_SIZE];
	struct spool_name n = {.due = -1, .kills = 2, .record = 500};
	name_make(n.name, 5, 5, SPOOL_BATCH_RECORDS, "");
	name_put(name, &n);
	snprintf(path, sizeof path, "%s/new/%s", in, name);
	int before = count(in, "fail");
	FILE *f = fopen(path, "w");
	for (int i = 0; i < SPOOL_BATCH_RECORDS; i++)
		fprintf(f, "{\"n\":%d}\n", i);
	ok(fclose(f) == 0, "1024 records, number 500 has killed twice");
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){.ordered = true});
	int got, seen = 0, wrong = 0, last = -1;
	while ((got = spool_claim(w, &l)) > 0) {
		for (int i = 0, number; i < got; i++, seen++) {
			wrong += sscanf(l[i].p, "{\"n\":%d", &number) != 1 || number <= last || number == 500;
			last = number;
		}
		spool_commit(w);
	}
	spool_worker_close(w);
	is_int(seen, SPOOL_BATCH_RECORDS - 1, "the others come");
	is_int(wrong, 0, "in order");
	is_int(count(in, "fail") - before, 1, "that one failed");
	char cmd[200];
	snprintf(cmd, sizeof cmd, "rm -f %s/fail/*", in);
	ok(system(cmd) == 0, "cleared");
}

/* Nobody defers for a year: the clock has jumped back. */
static void jump(void)
{
	struct spool_line *l;
	char path[200], name[NAME_FILE_SIZE];
	struct spool_name n = {.due = clock_real_us() + INT64_C(31536000000000)};
	name_make(n.name, 5, 5, 1, "");
	name_put(name, &n);
	snprintf(path, sizeof path, "%s/defer/%s", in, name);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	ok(write(fd, "{}\n", 3) == 3, "due in a year");
	close(fd);
	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	is_int(spool_claim(w, &l), 1, "is due now");
	spool_defer(w, 0, clock_real_us() + INT64_C(31536000000000), NULL, "{}", 2, NULL, 0);
	spool_commit(w);
	is_int(spool_claim(w, &l), 0, "what is deferred for a year waits 4 hours");
	ok(spool_timeout_ms(w) > 0, "quietly");
	spool_worker_close(w);
	char cmd[200];
	snprintf(cmd, sizeof cmd, "rm -f %s/defer/*", in);
	ok(system(cmd) == 0, "cleared");
}

int main(void)
{
	snprintf(root, sizeof root, "spool-test.%d", (int)getpid());
	snprintf(in, sizeof in, "%s/in", root);
	snprintf(out, sizeof out, "%s/out", root);
	snprintf(out2, sizeof out2, "%s/out2.3", root);
	names();
	ok(spool_make_queue(in) == 0 && spool_make_queue(out) == 0 && spool_make_queue(out2) == 0, "queues");
	ok(spool_make_queue(in) == 0, "made again");
	for (int form = FORM_NORMAL; form <= FORM_STRICT; form++) {
		spool_form = (enum spool_form)form;
		char *path = xasprintf("rm -rf %s", root);
		ok(system(path) == 0 && spool_make_queue(in) == 0 && spool_make_queue(out) == 0 &&
			   spool_make_queue(out2) == 0,
		   "form %d", form);
		forms();
		back();
		death();
		blobs();
		state();
		order();
		no_room_for_notes();
		notes();
		damage();
		low_water();
		sizes();
		longest();
		jump();
		ok(system(path) == 0, "removed");
		free(path);
	}
	return tap_done();
}
