/*
 * state.c - the state store: one SQLite database a program, committed once a transaction, which remembers the last
 * batches applied.
 */
#include "spool/worker.h"
#include "base/log.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LOG_PAGES = 1000 }; /* of the write-ahead log when its pages go into the database */

struct state {
	sqlite3 *db;
	sqlite3_stmt *begin, *clear, *insert, *commit, *has, *forget, *keep, *kept;
	bool open; /* a transaction is */
	bool redo; /* there may be a row of `redo` */
	int log;   /* pages in the write-ahead log */
	int shm;
};

/* Nothing may be decided when the store cannot answer: the successor asks it. */
static void must(struct state *s, int rc, const char *what)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
		spool_die("state store: %s: %s", what, sqlite3_errmsg(s->db));
}

static void run(struct state *s, const char *sql)
{
	must(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL), sql);
}

static void prepare(struct state *s, sqlite3_stmt **st, const char *sql)
{
	must(s, sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL), "prepare");
}

static void step(struct state *s, sqlite3_stmt *st, const char *what)
{
	must(s, sqlite3_step(st), what);
	must(s, sqlite3_reset(st), what);
}

static int log_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct state *s = arg;
	(void)db, (void)name;
	s->log = pages;
	return SQLITE_OK;
}

static bool wal(struct state *s)
{
	sqlite3_stmt *st;
	must(s, sqlite3_prepare_v2(s->db, "PRAGMA journal_mode=WAL", -1, &st, NULL), "journal_mode");
	bool good = sqlite3_step(st) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
	sqlite3_finalize(st);
	return good;
}

/* The write-ahead log gets all the room that it will have between two checkpoints, filled with zeros, which SQLite takes
 * for the end of the log: its flushes then find nothing to tell the journal of the file system, and take half the time. It
 * is no more than that: where there is no room to spare, the log grows by itself. (SQLite locks ranges of -shm, never of
 * -wal: closing another descriptor of it costs no lock.) */
static void wal_reserve(const char *path)
{
	enum { WAL_OCTETS = (LOG_PAGES + 100) * (4096 + 24), CHUNK = 1 << 16, SPARE = 64 };
	static const char zeros[CHUNK];
	struct statvfs fs;
	struct stat st;
	if (spool_sys_before) /* who keeps a copy for each call wants it small */
		return;
	char *wal = xasprintf("%s-wal", path);
	int fd = open(wal, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	free(wal);
	if (fd >= 0 && fstat(fd, &st) == 0 && fstatvfs(fd, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize / SPARE > WAL_OCTETS) {
		off_t at = st.st_size;
		ssize_t n = CHUNK;
		for (; n > 0 && at < WAL_OCTETS; at += n)
			n = pwrite(fd, zeros, sizeof zeros, at);
		if (at > st.st_size)
			(void)fsync(fd);
	}
	if (fd >= 0)
		close(fd);
}

/* SQLite makes room in the index of its log by one octet in every 4 KiB of a mapped file. Where blocks are smaller the
 * rest is holes, and to fill one on a full disk ends the process with SIGBUS. So all of it gets blocks now. The descriptor
 * stays open as long as the database: to close it would cost SQLite its locks on the file (fcntl(2)). */
static int shm_reserve(const char *path)
{
	enum { INDEX = 32768 }; /* of a log of 4062 pages: four times what it has when it is checkpointed */
	char *shm = xasprintf("%s-shm", path);
	int fd = open(shm, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	free(shm);
	if (fd >= 0)
		(void)fallocate(fd, 0, 0, INDEX);
	return fd;
}

struct state *state_open(const char *path)
{
	struct state *s = xcalloc(1, sizeof *s);
	int keep = 1;
	s->shm = -1;
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL) !=
	    SQLITE_OK) {
		log_msg(LOG_ERROR, "state store %s: %s", path, s->db ? sqlite3_errmsg(s->db) : "out of memory");
		sqlite3_close(s->db);
		free(s);
		return NULL;
	}
	sqlite3_busy_timeout(s->db, 10000); /* a person may be reading it */
	if (!wal(s))
		spool_die("state store %s: no write-ahead log is possible here", path);
	(void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	wal_reserve(path);
	run(s, "PRAGMA synchronous=FULL");
	sqlite3_wal_hook(s->db, log_grew, s); /* in place of the checkpoint within COMMIT */
	run(s, "CREATE TABLE IF NOT EXISTS applied(batch TEXT PRIMARY KEY) WITHOUT ROWID");
	run(s, "CREATE TABLE IF NOT EXISTS redo(file TEXT, input TEXT, dest TEXT, target TEXT, records BLOB)");
	s->redo = true;
	s->shm = shm_reserve(path);
	prepare(s, &s->begin, "BEGIN IMMEDIATE");
	prepare(s, &s->clear, "DELETE FROM applied");
	prepare(s, &s->insert, "INSERT INTO applied(batch) VALUES(?1)");
	prepare(s, &s->commit, "COMMIT");
	prepare(s, &s->has, "SELECT 1 FROM applied WHERE batch=?1 UNION ALL SELECT 1 FROM redo WHERE input=?1");
	prepare(s, &s->forget, "DELETE FROM redo");
	prepare(s, &s->keep, "INSERT INTO redo(file, input, dest, target, records) VALUES(?1, ?2, ?3, ?4, ?5)");
	prepare(s, &s->kept, "SELECT file, input, dest, target, records FROM redo");
	return s;
}

void state_close(struct state *s)
{
	if (!s)
		return;
	state_rollback(s);
	sqlite3_stmt *all[] = {s->begin, s->clear, s->insert, s->commit, s->has, s->forget, s->keep, s->kept};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		sqlite3_finalize(all[i]);
	sqlite3_close_v2(s->db);
	if (s->shm >= 0)
		close(s->shm);
	free(s);
}

void state_begin(struct state *s)
{
	if (!s->open)
		step(s, s->begin, "BEGIN IMMEDIATE");
	s->open = true;
}

void state_rollback(struct state *s)
{
	if (s->open && !sqlite3_get_autocommit(s->db))
		run(s, "ROLLBACK");
	s->open = false;
}

static void keep_redo(struct state *s, const struct state_redo *r)
{
	const char *text[] = {r->file, r->input, r->dest, r->target};
	for (int i = 0; i < 4; i++)
		must(s, sqlite3_bind_text(s->keep, i + 1, text[i], -1, SQLITE_STATIC), "bind");
	must(s, sqlite3_bind_blob(s->keep, 5, r->records.p, (int)r->records.n, SQLITE_STATIC), "bind");
	step(s, s->keep, "insert");
}

static void keep_applied(struct state *s, const struct input *in, size_t n)
{
	step(s, s->clear, "DELETE FROM applied");
	for (size_t i = 0; i < n; i++) {
		must(s, sqlite3_bind_text(s->insert, 1, in[i].n.name, -1, SQLITE_STATIC), "bind");
		step(s, s->insert, "insert");
	}
}

static void commit(struct state *s)
{
	if (sys_database(false))
		spool_die("state store: COMMIT:");
	step(s, s->commit, "COMMIT");
	s->open = false;
	sys_database(true);
}

void state_commit(struct state *s, const struct input *in, size_t n, const struct state_redo *redo)
{
	if (s->redo)
		step(s, s->forget, "DELETE FROM redo");
	s->redo = redo != NULL;
	if (redo) /* names the batch itself: one page of the log less */
		keep_redo(s, redo);
	else
		keep_applied(s, in, n);
	commit(s);
}

void state_tidy(struct state *s)
{
	if (s->log < LOG_PAGES)
		return;
	/* busy: somebody reads; it is tried again after the next transaction */
	int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc != SQLITE_OK && rc != SQLITE_BUSY && rc != SQLITE_LOCKED)
		log_msg(LOG_WARN, "state store: checkpoint: %s", sqlite3_errmsg(s->db));
}

bool state_has(struct state *s, const char *batch)
{
	must(s, sqlite3_bind_text(s->has, 1, batch, -1, SQLITE_STATIC), "bind");
	int rc = sqlite3_step(s->has);
	must(s, rc, "look up");
	must(s, sqlite3_reset(s->has), "look up");
	return rc == SQLITE_ROW;
}

bool state_redo(struct state *s, struct state_redo *redo)
{
	*redo = (struct state_redo){.file = NULL};
	int rc = sqlite3_step(s->kept);
	must(s, rc, "look up");
	if (rc == SQLITE_ROW) {
		const char **text[] = {&redo->file, &redo->input, &redo->dest, &redo->target};
		for (int i = 0; i < 4; i++)
			*text[i] = xstrdup((const char *)sqlite3_column_text(s->kept, i));
		redo->records.n = (size_t)sqlite3_column_bytes(s->kept, 4);
		redo->records.p = memcpy(xmalloc(redo->records.n + 1), sqlite3_column_blob(s->kept, 4), redo->records.n);
	}
	must(s, sqlite3_reset(s->kept), "look up");
	return rc == SQLITE_ROW;
}

void state_forget(struct state *s)
{
	if (!s->redo)
		return;
	state_begin(s);
	step(s, s->forget, "DELETE FROM redo");
	s->redo = false;
	commit(s);
}

void state_redo_free(struct state_redo *redo)
{
	const char *text[] = {redo->file, redo->input, redo->dest, redo->target, redo->records.p};
	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		free((char *)text[i]);
	*redo = (struct state_redo){.file = NULL};
}

struct sqlite3 *state_handle(struct state *s)
{
	return s->db;
}
