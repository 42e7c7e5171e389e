#include "spool/note.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { OUTCOME_MAX = 4096, NOTE_MAX = 16 << 20, ROOM = 128, BLOCK = 4096 };

static void flush_now(const struct spool_dir *slot, int fd, bool with_claim)
{
	if ((with_claim && dir_fsync(slot) < 0) || sys_fdatasync(fd) < 0)
		spool_die("fsync of the note in %s:", slot->path);
}

static void *flusher(void *arg)
{
	struct note *n = arg;
	pthread_mutex_lock(&n->lock);
	while (!n->stop) {
		if (!n->dirty) {
			pthread_cond_wait(&n->wake, &n->lock);
			continue;
		}
		bool with_claim = !n->claim_synced;
		n->dirty = false;
		n->claim_synced = n->busy = true;
		pthread_mutex_unlock(&n->lock);
		flush_now(n->slot, n->fd, with_claim);
		pthread_mutex_lock(&n->lock);
		n->busy = false;
		pthread_cond_signal(&n->idle);
	}
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

static bool start_thread(struct note *n)
{
	if (n->started)
		return true;
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->wake, NULL);
	pthread_cond_init(&n->idle, NULL);
	n->stop = n->dirty = n->busy = false;
	sigset_t all, old; /* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	n->started = pthread_create(&n->thread, NULL, flusher, n) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return n->started;
}

/* A transaction that goes on: a torn last line must not become a whole one by what is appended. */
static int note_reopen(const struct spool_dir *slot, const char *file)
{
	struct buf text = {0};
	int fd = sys_open(slot, file, O_RDWR | O_APPEND);
	if (fd < 0)
		return -1;
	int r = sys_read_all(fd, &text, NOTE_MAX);
	size_t whole = text.n;
	while (whole && text.p[whole - 1] != '\n')
		whole--;
	if (r == 0 && whole < text.n)
		r = sys_truncate(fd, (int64_t)whole);
	buf_free(&text);
	if (r < 0) {
		int err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* The note that waits, under the name of this one: empty, whatever a loss of power left in it. -1: there is none. */
static int note_take(const struct spool_dir *slot, const char *file, const struct note_spare *spare)
{
	struct stat st;
	if (!spare->dir || sys_rename(spare->dir, spare->file, slot, file) < 0)
		return -1;
	int fd = sys_open(slot, file, O_WRONLY);
	if (fd >= 0 && sys_stat(fd, &st) == 0 && (st.st_size == 0 || sys_truncate(fd, 0) == 0))
		return fd;
	if (fd >= 0)
		close(fd);
	(void)sys_unlink(slot, file);
	return -1;
}

static int note_open(struct note *n, const struct spool_dir *slot, const char *file, const struct note_spare *spare)
{
	n->fd = note_take(slot, file, spare);
	if (n->fd < 0)
		n->fd = sys_create(slot, file);
	if (n->fd < 0 && errno == EEXIST)
		n->fd = note_reopen(slot, file);
	if (n->fd < 0)
		return -1;
	n->open = true;
	n->slot = slot;
	n->claim_synced = false;
	return 0;
}

int note_begin(struct note *n, const struct spool_dir *slot, const char *file, const struct note_spare *spare,
	       size_t records)
{
	struct stat st;
	if (note_open(n, slot, file, spare) < 0 || sys_stat(n->fd, &st) < 0)
		return -1;
	int64_t want = st.st_size + (int64_t)records * ROOM;
	if (st.st_blocks * 512 >= want) /* note_retire() has seen to it */
		return 0;
	return sys_reserve(n->fd, (want + BLOCK - 1) / BLOCK * BLOCK);
}

int note_write(struct note *n, const char *batch, int record, const char *outcome)
{
	if (n->failed || !n->open) {
		errno = ENOSPC;
		return -1;
	}
	struct buf line = {0};
	buf_printf(&line, "%s %d ", batch, record);
	for (size_t i = 0; outcome[i] && i < OUTCOME_MAX; i++)
		buf_putc(&line, outcome[i] == '\n' ? ' ' : outcome[i]);
	buf_putc(&line, '\n');
	int r = sys_write(n->fd, line.p, line.n);
	buf_free(&line);
	if (r < 0) {
		if (errno == EIO)
			spool_die("note in %s:", n->slot->path);
		n->failed = true; /* its last line may be torn: nothing is appended to that */
		return -1;
	}
	/* hooks want calls in a fixed order */
	if (spool_sys_before || !start_thread(n)) {
		flush_now(n->slot, n->fd, !n->claim_synced);
		n->claim_synced = true;
		return 0;
	}
	pthread_mutex_lock(&n->lock);
	n->dirty = true;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
	return 0;
}

int note_retire(struct note *n, const struct spool_dir *slot, const char *file, const struct note_spare *spare)
{
	if (n->open && !n->failed && spare->dir && sys_truncate(n->fd, 0) == 0 && sys_reserve(n->fd, BLOCK) == 0 &&
	    sys_rename(slot, file, spare->dir, spare->file) == 0)
		return 0;
	return sys_unlink(slot, file);
}

void note_end(struct note *n)
{
	n->failed = false;
	if (!n->open)
		return;
	if (n->started) {
		pthread_mutex_lock(&n->lock);
		n->dirty = false;
		while (n->busy)
			pthread_cond_wait(&n->idle, &n->lock);
		pthread_mutex_unlock(&n->lock);
	}
	close(n->fd);
	n->open = false;
}

void note_free(struct note *n)
{
	note_end(n);
	if (!n->started)
		return;
	pthread_mutex_lock(&n->lock);
	n->stop = true;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
	pthread_join(n->thread, NULL);
	n->started = false;
}

/* ---- reading ---- */

static bool parse_line(char *line, struct note_line *out)
{
	char *sp = strchr(line, ' '), *end;
	if (!sp)
		return false;
	*sp = '\0';
	long record = strtol(sp + 1, &end, 10);
	if (end == sp + 1 || *end != ' ' || record < 0 || record > 1 << 20)
		return false;
	*out = (struct note_line){.batch = line, .record = (int)record, .outcome = end + 1};
	return true;
}

static void parse_text(struct slice rest, struct note_line **v, size_t *n)
{
	bool more;
	for (struct slice line = slice_cut(&rest, '\n', &more); more; line = slice_cut(&rest, '\n', &more)) {
		char *own = slice_dup(line);
		*v = xrealloc(*v, (*n + 1) * sizeof **v);
		if (parse_line(own, &(*v)[*n]))
			(*n)++;
		else
			free(own);
	}
}

int note_read(const struct spool_dir *slot, const char *file, struct note_line **v, size_t *n)
{
	struct buf text = {0};
	*v = NULL;
	*n = 0;
	int fd = sys_open(slot, file, O_RDONLY);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	int r = sys_read_all(fd, &text, NOTE_MAX), err = errno;
	if (r == 0)
		parse_text(slice_buf(&text), v, n);
	close(fd);
	buf_free(&text);
	errno = err;
	return r;
}

void note_lines_free(struct note_line *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].batch);
	free(v);
}
