#include "spool/ready.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int64_t spool_ready_pause_us = 2000;

/* (Read as a seal, blanks are all bits 0: not a name of anything.) */
void ready_pad(struct buf *out, const struct buf *records)
{
	size_t n = records ? records->n - 1 : 0, blanks = READY_OCTETS - 1 - n;
	buf_clear(out);
	if (n)
		buf_put(out, records->p, n);
	memset(buf_room(out, blanks), ' ', blanks);
	out->n += blanks;
	buf_putc(out, '\n');
}

int ready_fill(int fd, int64_t octets)
{
	struct buf b = {0};
	ready_pad(&b, NULL);
	bool good = sys_write(fd, b.p, b.n) == 0 && pool_cut(fd, octets, b.n) == 0 && sys_fsync(fd) == 0 && sys_rewind(fd) == 0;
	buf_free(&b);
	return good ? 0 : -1;
}

int ready_make(struct ready *r, struct queue *q, const char *name)
{
	name_put_ready(r->file, name, READY_OCTETS);
	r->fd = sys_create(q->tmp, r->file);
	/* the lock is there before a sweep can judge it; name and blocks become durable by the same fsync (A4) */
	if (r->fd >= 0 && sys_flock(r->fd) == 0 && ready_fill(r->fd, 0) == 0)
		return 0;
	int err = errno;
	ready_drop(r, q);
	if (err == EIO)
		spool_die("%s: input/output error", q->name);
	errno = err;
	return -1;
}

bool ready_takes(const struct ready *r, size_t n)
{
	struct stat st; /* somebody may have cleaned up by hand: then P4 would have nothing to rename */
	return r->fd >= 0 && n <= READY_OCTETS - SEAL_OCTETS && sys_stat(r->fd, &st) == 0 && st.st_nlink > 0;
}

void ready_seal(struct buf *out, const char *name, const struct buf *records)
{
	char text[SEAL_CHARS] = "", sealed[NAME_FILE_SIZE];
	name_put_tmp(sealed, name, records->n, crc32c(0, records->p, records->n));
	memcpy(text, sealed, strlen(sealed));
	ready_pad(out, records);
	char *seal = out->p + READY_OCTETS - 1 - SEAL_OCTETS;
	for (size_t bit = 0; bit < SEAL_OCTETS; bit++)
		seal[bit] = text[bit / 8] >> bit % 8 & 1 ? '\t' : ' ';
}

/* The text that stands there in blanks; false: something else does. */
static bool read_seal(const char *p, char seal[SEAL_CHARS])
{
	memset(seal, 0, SEAL_CHARS);
	for (size_t bit = 0; bit < SEAL_OCTETS; bit++)
		if (p[bit] == '\t')
			seal[bit / 8] = (char)(seal[bit / 8] | 1 << bit % 8);
		else if (p[bit] != ' ')
			return false;
	return !seal[SEAL_CHARS - 1];
}

bool ready_sealed(struct slice s, struct tmp_name *says)
{
	char seal[SEAL_CHARS];
	struct tmp_name n;
	if (s.n != READY_OCTETS || s.p[s.n - 1] != '\n' || !read_seal(s.p + s.n - 1 - SEAL_OCTETS, seal))
		return false;
	if (!name_parse_tmp(seal, &n) || n.form != TMP_SEALED || n.octets > READY_OCTETS - SEAL_OCTETS ||
	    crc32c(crc32c(0, s.p, (size_t)n.octets - 1), "\n", 1) != n.crc)
		return false;
	*says = n;
	return true;
}

enum ready_octets ready_records(struct buf *b, size_t start, const char *name)
{
	struct tmp_name n;
	struct slice octets = {b->p + start, b->n - start};
	char seal[SEAL_CHARS];
	if (ready_sealed(octets, &n) && strcmp(n.name, name) == 0) {
		ready_trim(b, start);
		return READY_WHOLE;
	}
	static const char none[SEAL_CHARS];
	bool blank = octets.n == READY_OCTETS && read_seal(octets.p + octets.n - 1 - SEAL_OCTETS, seal) &&
		     memcmp(seal, none, sizeof seal) == 0;
	return blank ? READY_UNSEALED : READY_DAMAGED;
}

void ready_trim(struct buf *b, size_t start)
{
	size_t n = b->n;
	if (n < start + 2 || b->p[n - 1] != '\n' || (b->p[n - 2] != ' ' && b->p[n - 2] != '\t'))
		return;
	for (n--; n > start && (b->p[n - 1] == ' ' || b->p[n - 1] == '\t');)
		n--;
	b->p[n] = '\n';
	b->n = n + 1;
	b->p[b->n] = '\0';
}

void ready_drop(struct ready *r, struct queue *q)
{
	if (r->fd < 0)
		return;
	if (sys_unlink(q->tmp, r->file) < 0 && errno != ENOENT)
		log_msg(LOG_WARN, "unlink %s/%s:", q->tmp->path, r->file);
	close(r->fd);
	r->fd = -1;
}
