#include "map/peek.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

/* A reader waits for nobody in write-ahead mode, but while the log is recovered after a crash. */
enum { BUSY_MS = 250 };

struct peek {
	char *path;
	const char *sql;
	sqlite3 *db;
	sqlite3_stmt *st;
	dev_t dev;
	ino_t ino;
	bool told; /* of the trouble: once is enough for the log */
};

struct peek *peek_new(const char *path, const char *sql)
{
	struct peek *p = xcalloc(1, sizeof *p);
	p->path = path ? xstrdup(path) : NULL;
	p->sql = sql;
	return p;
}

static void give_up(struct peek *p)
{
	sqlite3_finalize(p->st);
	sqlite3_close(p->db);
	p->st = NULL;
	p->db = NULL;
}

void peek_free(struct peek *p)
{
	if (!p)
		return;
	give_up(p);
	free(p->path);
	free(p);
}

static enum peek_answer trouble(struct peek *p)
{
	if (!p->told)
		log_msg(LOG_WARN, "%s cannot be read: %s", p->path, p->db ? sqlite3_errmsg(p->db) : strerror(errno));
	p->told = true;
	give_up(p);
	return PEEK_TROUBLE;
}

/* Read-only means: no SQL that writes. The index of the write-ahead log beside the file (-shm) is made by whoever comes
 * first, so a reader needs to be the writer's user, and the directory to be writable; it is no copy (immutable), which
 * would miss what is in the log. */
static enum peek_answer prepare(struct peek *p, const struct stat *is)
{
	if (sqlite3_open_v2(p->path, &p->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		return trouble(p);
	sqlite3_busy_timeout(p->db, BUSY_MS);
	p->dev = is->st_dev;
	p->ino = is->st_ino;
	int rc = sqlite3_prepare_v3(p->db, p->sql, -1, SQLITE_PREPARE_PERSISTENT, &p->st, NULL);
	if (rc == SQLITE_OK)
		return PEEK_FOUND;
	if (rc != SQLITE_ERROR)
		return trouble(p);
	give_up(p); /* the writer has just begun, and has no tables yet */
	return PEEK_NONE;
}

/* A file of the same name may be another one since: a person has set the state back. */
static enum peek_answer ready(struct peek *p)
{
	struct stat is;
	if (!p->path)
		return PEEK_NONE;
	if (stat(p->path, &is) != 0) {
		int error = errno;
		give_up(p);
		errno = error;
		return error == ENOENT ? PEEK_NONE : trouble(p);
	}
	if (p->db && (is.st_dev != p->dev || is.st_ino != p->ino))
		give_up(p);
	return p->st ? PEEK_FOUND : prepare(p, &is);
}

enum peek_answer peek_ask(struct peek *p, const char *const *keys, int n, void (*row)(sqlite3_stmt *st, void *ctx),
			  void *ctx)
{
	enum peek_answer a = ready(p);
	int rc, rows = 0;
	if (a != PEEK_FOUND)
		return a;
	for (int i = 0; i < n; i++)
		sqlite3_bind_text(p->st, i + 1, keys[i], -1, SQLITE_STATIC);
	for (; (rc = sqlite3_step(p->st)) == SQLITE_ROW; rows++)
		row(p->st, ctx);
	if (rc != SQLITE_DONE)
		return trouble(p);
	p->told = false;
	sqlite3_reset(p->st); /* ends the view: the next question sees what was committed since */
	sqlite3_clear_bindings(p->st);
	return rows ? PEEK_FOUND : PEEK_NONE;
}
