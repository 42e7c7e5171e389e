#include "plan.h"
#include "base/clock.h"
#include "base/log.h"
#include "spool/ready.h"
#include "spool/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared *shared;
char root[64];

static const char *const queues[] = {"q", "q1", "a", "b"};

/* ---- plans ---- */

size_t plan_records(const struct plan *p, struct rec out[PLAN_RECORDS])
{
	size_t n = 0;
	int batch = 0;
	for (const char *s = p->batches; *s;) {
		if (*s == '/' || *s == ' ') {
			batch += *s == '/';
			s++;
			continue;
		}
		struct rec *r = &out[n++];
		*r = (struct rec){.batch = batch, .n = (int)strtol(s, (char **)&s, 10)};
		s += *s == ':';
		size_t k = strspn(s, "abxdf");
		memcpy(r->ops, s, k);
		s += k;
		r->blob = *s == '!';
		s += *s == '!';
	}
	return n;
}

static void blob_id(char out[SPOOL_BLOBID], int n)
{
	name_b32(out, (uint64_t)n, SPOOL_BLOBID - 1);
}

static int line_make(char line[128], int n, const char *ops, const char *blob)
{
	if (blob)
		return snprintf(line, 128, "{\"n\":%d,\"ops\":\"%s\",\"blob\":\"%s\"}", n, ops, blob);
	return snprintf(line, 128, "{\"n\":%d,\"ops\":\"%s\"}", n, ops);
}

bool line_parse(const char *line, int *n, char ops[8], char blob[SPOOL_BLOBID])
{
	blob[0] = '\0';
	ops[0] = '\0';
	const char *b = strstr(line, "\"blob\":\"");
	if (b)
		snprintf(blob, SPOOL_BLOBID, "%s", b + 8);
	return sscanf(line, "{\"n\":%d,\"ops\":\"%7[a-z]", n, ops) >= 1 && *n >= 0 && *n < PLAN_RECORDS;
}

struct tree plan_tree(const struct plan *p)
{
	struct tree t = {0};
	struct rec r[PLAN_RECORDS];
	size_t n = plan_records(p, r);
	for (size_t i = 0; i < n && !p->produce;) {
		struct buf data = {0};
		char name[NAME_SIZE], path[128], line[128], id[SPOOL_BLOBID];
		bool blobs = false;
		size_t first = i;
		for (; i < n && r[i].batch == r[first].batch; i++) {
			blob_id(id, r[i].n);
			buf_put(&data, line, (size_t)line_make(line, r[i].n, r[i].ops, r[i].blob ? id : NULL));
			buf_putc(&data, '\n');
			blobs |= r[i].blob;
		}
		name_make(name, 1000 + (int64_t)first, first, (int)(i - first), blobs ? "b" : "");
		snprintf(path, sizeof path, "q/new/%s", name);
		tree_add(&t, path, data.p, data.n);
		for (size_t k = first; k < i; k++)
			if (r[k].blob) {
				blob_id(id, r[k].n);
				snprintf(path, sizeof path, "blob/%s.%s", id, name);
				tree_add(&t, path, id, sizeof id);
			}
		buf_free(&data);
	}
	return t;
}

/* ---- hooks ---- */

static bool failed_fd[1024], failed_slot;

static void violated(const char *what, const struct spool_call *c)
{
	if (!shared->violation[0])
		snprintf(shared->violation, sizeof shared->violation, "%s: op %d %s/%s", what, c->op,
			 c->dir ? c->dir : "", c->name ? c->name : "");
}

static bool uses_fd(enum spool_op op)
{
	return op == OP_WRITE || op == OP_FSYNC || op == OP_TRUNCATE;
}

static int before(const struct spool_call *c)
{
	if (uses_fd(c->op) && c->fd >= 0 && c->fd < 1024 && failed_fd[c->fd])
		violated("I5: a file is used after an error", c);
	if (failed_slot && (c->op == OP_RENAME || c->op == OP_REPLACE || c->op == OP_UNLINK))
		violated("I5: a decision after a failed fsync of a slot", c);
	if ((shared->all_calls || c->op >= OP_CREATE) && ++shared->calls == shared->stop_at &&
	    (shared->error != SYS_SHORT || c->op == OP_WRITE) && (shared->error != EIO || c->op != OP_READ)) {
		/* (a batch that cannot be read goes to fail/: t/unit/spool.c) */
		shared->happened = true;
		if (!shared->error)
			kill(getpid(), SIGKILL);
		if (uses_fd(c->op) && c->fd >= 0 && c->fd < 1024)
			failed_fd[c->fd] = true;
		if (c->op == OP_FSYNC_DIR && strstr(c->dir, "/cur/"))
			failed_slot = true;
		return shared->error;
	}
	return (c->op == OP_FSYNC || c->op == OP_FSYNC_DIR) && !shared->keep_fsync ? SYS_SKIP : 0;
}

static void log_put(const void *p, size_t n)
{
	if (shared->log_n + n > LOG_OCTETS)
		die_temp("the call log is full");
	memcpy(shared->log + shared->log_n, p, n);
	shared->log_n += n;
}

static void log_file(const char *path)
{
	int32_t n = 0;
	char *data = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = (int32_t)lseek(fd, 0, SEEK_END);
		data = xmalloc((size_t)n + 1);
		if (pread(fd, data, (size_t)n, 0) != n)
			die_temp("%s:", path);
		close(fd);
	}
	log_put(&n, sizeof n);
	log_put(data ? data : "", (size_t)n);
	free(data);
}

void plan_log(const struct spool_call *c, long result)
{
	struct logged l = {.op = c->op, .fd = c->fd, .result = (int)result, .n = 0};
	snprintf(l.path, sizeof l.path, "%s%s%s", c->dir ? c->dir : "", c->name ? "/" : "", c->name ? c->name : "");
	snprintf(l.path2, sizeof l.path2, "%s%s%s", c->dir2 ? c->dir2 : "", c->name2 ? "/" : "",
		 c->name2 ? c->name2 : "");
	if (c->op == OP_WRITE)
		l.n = (int)c->n;
	if (c->op == OP_TRUNCATE || c->op == OP_OPEN)
		l.size = (int)c->n;
	size_t head = shared->log_n;
	log_put(&l, sizeof l);
	if (c->op == OP_WRITE)
		log_put(c->data, (size_t)c->n);
	if (c->op == OP_DATABASE) {
		char path[128];
		snprintf(path, sizeof path, "%s/state/t.db", root);
		log_file(path);
		snprintf(path, sizeof path, "%s/state/t.db-wal", root);
		log_file(path);
		l.n = (int)(shared->log_n - head - sizeof l);
		memcpy(shared->log + head, &l, sizeof l);
	}
}

static bool fd_in_slot[1024];
static const struct plan *overtakes;
static void overtake(void);

static bool omitted(const struct spool_call *c)
{
	bool file = c->op == OP_FSYNC && c->fd < 1024, dir = c->op == OP_FSYNC_DIR;
	switch (shared->omit) {
	case OMIT_PARTS:
		return file && fd_in_slot[c->fd];
	case OMIT_TMP:
		return file && !fd_in_slot[c->fd];
	case OMIT_SLOT:
		return dir && strstr(c->dir, "/cur/");
	case OMIT_BLOB:
		return dir && strstr(c->dir, "/blob");
	case OMIT_NEW:
		return dir && strstr(c->dir, "/new");
	default:
		return false;
	}
}

static void after(const struct spool_call *c, long result)
{
	if ((c->op == OP_OPEN || c->op == OP_CREATE) && result >= 0 && result < 1024)
		fd_in_slot[result] = strstr(c->dir, "/cur/") != NULL;
	if ((c->op == OP_OPEN || c->op == OP_CREATE) && result >= 0 && result < 1024)
		failed_fd[result] = false;
	bool logged = c->op >= OP_CREATE || c->op == OP_OPEN || c->op == OP_REWIND;
	if (shared->logging && result >= 0 && !omitted(c) && logged)
		plan_log(c, result);
	if (overtakes && c->op == OP_RENAME && result >= 0 && strstr(c->dir, "/q/tmp"))
		overtake();
}

/* ---- the programs ---- */

static void step_out(struct spool_worker *w, int i, const struct spool_line *l, const char *ops, int n,
		     const char *blob)
{
	char line[128], queue[80];
	struct spool_blobref ref = {.id = blob};
	size_t refs = blob[0] ? 1 : 0;
	(void)l;
	for (; *ops; ops++) {
		int len = line_make(line, n, *ops == 'x' ? "a" : *ops == 'd' ? ops + 1 : "", refs ? blob : NULL);
		if (*ops == 'd') {
			spool_defer(w, i, clock_real_us() - 1000, NULL, line, (size_t)len, &ref, refs);
			return;
		}
		if (*ops == 'f') {
			spool_fail(w, i, line, (size_t)len, &ref, refs);
			continue;
		}
		snprintf(queue, sizeof queue, "%s/%s", root, *ops == 'x' ? "q1" : *ops == 'a' ? "a" : "b");
		spool_put(w, i, queue, line, (size_t)len, &ref, refs);
	}
}

static void count_state(struct spool_worker *w, int n)
{
	char sql[64];
	snprintf(sql, sizeof sql, "INSERT INTO seen VALUES(%d)", n);
	if (sqlite3_exec(spool_database(w), sql, NULL, NULL, NULL) != SQLITE_OK)
		die_temp("%s: %s", sql, sqlite3_errmsg(spool_database(w)));
}

static void step(const struct plan *p, struct spool_worker *w, int i, const struct spool_line *l)
{
	int n;
	char ops[8], blob[SPOOL_BLOBID];
	if (!line_parse(l->p, &n, ops, blob))
		die_temp("what is %s", l->p);
	if (blob[0]) {
		int fd = spool_blob_open(root, blob, l->batch);
		if (fd < 0 && errno == ENOENT)
			snprintf(shared->violation, sizeof shared->violation, "blob of %d is missing", n);
		else if (fd < 0 && errno != EMFILE && errno != EIO && errno != ENOSPC)
			die_temp("blob:");
		if (fd >= 0)
			close(fd);
	}
	if (p->effects && !l->outcome) {
		if (shared->noted[n])
			snprintf(shared->violation, sizeof shared->violation, "%d is sent again", n);
		if (spool_note(w, i, "250 ok") == 0) {
			struct spool_call noted = {.op = (enum spool_op)OP_NOTED, .fd = n};
			shared->noted[n] = true;
			if (shared->logging)
				plan_log(&noted, 0);
		}
	}
	if (spool_database(w) && ops[0] != 'd')
		count_state(w, n);
	step_out(w, i, l, ops, n, blob);
}

static bool has_state(const struct plan *p, const char *name)
{
	return p->state && strcmp(name, p->chain ? "q1" : "q") == 0;
}

static struct spool_worker *open_filter(const struct plan *p, const char *name)
{
	char queue[80], db[80];
	snprintf(queue, sizeof queue, "%s/%s", root, name);
	snprintf(db, sizeof db, "%s/state/t.db", root);
	struct spool_worker_options opt = {
		.effects = p->effects, .ordered = p->ordered, .database = has_state(p, name) ? db : NULL, .slot = 1};
	struct spool_worker *w = spool_worker_open(queue, &opt);
	if (!w)
		die_temp("%s:", queue);
	if (spool_database(w))
		sqlite3_exec(spool_database(w), "CREATE TABLE IF NOT EXISTS seen(n)", NULL, NULL, NULL);
	return w;
}

static struct spool_worker *kept; /* between two batches of the producer */
static int turns;

static bool filter(const struct plan *p, const char *name)
{
	struct spool_line *l;
	bool any = false, keep = kept && has_state(p, name);
	struct spool_worker *w = keep ? kept : open_filter(p, name);
	if (keep)
		spool_tick(w);
	for (int loops = 0; loops < 100; loops++) {
		int n = spool_claim(w, &l);
		if (n == 0)
			break;
		if (n < 0) { /* the wait is not what is tested */
			w->wait_until = 0;
			w->queue->root->looked = 0;
			continue;
		}
		any = true;
		for (int i = 0; i < n; i++)
			step(p, w, i, &l[i]);
		if (spool_commit(w) < 0)
			w->wait_until = 0;
		else if (p->quick && spool_database(w) && !w->stuck && turns++ % 3 < 2)
			txn_idle(w); /* some follow one another without a pause */
	}
	if (!keep)
		spool_worker_close(w);
	return any;
}

static void filters(const struct plan *p)
{
	if (p->state && !p->chain) { /* one program, one queue */
		filter(p, "q");
		return;
	}
	while ((int)filter(p, "q") | (int)filter(p, "q1"))
		;
}

/* The producer has shown a batch and not yet flushed it: whoever reads the queue is faster. */
static void overtake(void)
{
	const struct plan *p = overtakes;
	overtakes = NULL;
	filter(p, "q");
	overtakes = p;
}

/* The filters have a turn between two batches of the producer. */
static void produce(const struct plan *p)
{
	struct rec r[PLAN_RECORDS];
	size_t n = plan_records(p, r);
	char queue[80];
	snprintf(queue, sizeof queue, "%s/q", root);
	struct spool_producer *out = spool_producer_open(queue);
	spool_ready_pause_us = 0;
	if (!out)
		die_temp("%s:", queue);
	kept = p->quick ? open_filter(p, p->chain ? "q1" : "q") : NULL;
	for (size_t i = 0; i < n;) {
		size_t first = i;
		bool good = true;
		for (; i < n && r[i].batch == r[first].batch; i++) {
			char line[128];
			struct spool_blob *b = NULL;
			if (r[i].blob) {
				b = spool_blob_create(root);
				good = good && b && spool_blob_write(b, "body", 4) == 0 && spool_blob_finish(b) == 0;
			}
			if (good) {
				struct spool_blobref ref = {.fresh = b};
				int len = line_make(line, r[i].n, r[i].ops, b ? spool_blob_id(b) : NULL);
				spool_producer_put(out, line, (size_t)len, &ref, b ? 1 : 0);
			}
			spool_blob_close(b);
		}
		spool_recycle = p->pairs && r[first].batch % 3 == 0; /* some are left for the workers */
		overtakes = p->ready && p->through && r[first].batch % 3 ? p : NULL;
		bool committed = good && spool_producer_commit(out) == 0;
		overtakes = NULL;
		if (committed)
			for (size_t k = first; k < i; k++) {
				struct spool_call ack = {.op = (enum spool_op)OP_ACK, .fd = r[k].n};
				shared->acked[r[k].n] = true;
				if (shared->logging)
					plan_log(&ack, 0);
			}
		else if (!good) /* a blob could not be written: this batch is refused */
			spool_producer_close(out), out = spool_producer_open(queue);
		if (!out)
			die_temp("%s:", queue);
		if (p->ready)
			spool_producer_idle(out);
		if (p->through && (!p->pairs || r[first].batch % 2)) {
			filter(p, "q");
			if (p->chain || (!p->state && (p->pairs || first % 2)))
				filter(p, "q1");
		}
	}
	spool_producer_close(out);
	if (kept)
		spool_worker_close(kept);
	kept = NULL;
	if (p->through)
		filters(p);
}

static int child(const struct plan *p, bool under_test)
{
	int status;
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0)
		die_temp("fork:");
	if (pid == 0) {
		if (!getenv("CRASH_VERBOSE")) {
			int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
			dup2(null, 2);
		}
		spool_form = p->strict ? FORM_STRICT : FORM_NORMAL;
		spool_sys_before = before;
		spool_sys_after = after;
		memset(failed_fd, 0, sizeof failed_fd);
		if (under_test && p->produce)
			produce(p);
		else
			filters(p);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int plan_run(const struct plan *p)
{
	shared->calls = 0;
	shared->happened = false;
	return child(p, true);
}

int plan_recover(const struct plan *p)
{
	shared->calls = 0;
	shared->happened = false;
	return child(p, false);
}

int plan_drain(const struct plan *p)
{
	long stop_at = shared->stop_at, calls = shared->calls;
	bool logging = shared->logging, happened = shared->happened;
	shared->stop_at = 0;
	shared->logging = false;
	int status = child(p, false);
	shared->stop_at = stop_at;
	shared->calls = calls;
	shared->logging = logging;
	shared->happened = happened;
	return status;
}

/* ---- start and end ---- */

void plan_start(void)
{
	/* nothing here needs a disk: the form is set, and what a loss of power leaves is computed */
	const char *where = getenv("CRASH_DIR");
	if (!where)
		where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ".";
	snprintf(root, sizeof root, "%.40s/crash.%d", where, (int)getpid());
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die_temp("mmap:");
	for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
		char path[80];
		snprintf(path, sizeof path, "%s/%s", root, queues[i]);
		if (spool_make_queue(path) < 0)
			die_temp("%s:", path);
		struct queue *q = queue_open(path, QUEUE_WHOLE);
		for (int s = 1; s <= 2; s++)
			slot_release(slot_take(q->cur, s, true));
		queue_close(q);
	}
}

void plan_end(void)
{
	struct tree none = {0};
	char cmd[100];
	tree_write(root, &none);
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	if (system(cmd) != 0)
		printf("# %s is left over\n", root);
}
