/*
 * sys.h - every system call of the spool that changes or trusts the disk, in one place.
 *
 * Each call is announced to spool_sys_before and reported to spool_sys_after when these are set: tests kill the process
 * before call k, make call k fail, or log the calls and rebuild what a power loss may leave. Both are NULL in the
 * programs; the environment variable CPMAIL_SPOOL_KILL=k (kill -9 before the k-th changing call) is for crash tests of
 * whole programs. Ownership: a struct spool_dir owns its descriptor; dir_close() ends it.
 */
#ifndef CPMAIL_SPOOL_SYS_H
#define CPMAIL_SPOOL_SYS_H

#include "base/buf.h"

#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* From OP_CREATE on the call changes what is on disk, or makes it durable. */
enum spool_op {
	OP_OPEN,
	OP_READ,
	OP_CLOSE,
	OP_STAT,
	OP_STATVFS,
	OP_LIST,
	OP_FLOCK,
	OP_REWIND,
	OP_CREATE,
	OP_WRITE,
	OP_TRUNCATE,
	OP_RESERVE,
	OP_FSYNC,
	OP_FSYNC_DIR,
	OP_RENAME,
	OP_REPLACE,
	OP_LINK,
	OP_UNLINK,
	OP_MKDIR,
	OP_DATABASE,
};

struct spool_call {
	enum spool_op op;
	const char *dir, *name;	  /* of the file, as far as the call has one */
	const char *dir2, *name2; /* rename, replace, link: the new name */
	int fd;			  /* read, write, fsync, ...: as OP_OPEN, OP_CREATE returned it */
	const void *data;	  /* write: the octets; statvfs: the answer, for the hook after it */
	int64_t n;		  /* read, write, truncate, reserve; open: flags */
};

/* What a hook may return besides 0 (do the call) and an errno value (fail with it). */
enum { SYS_SHORT = -1 /* write only half */, SYS_SKIP = -2 /* report success, do nothing (fsync) */ };

extern int (*spool_sys_before)(const struct spool_call *c);
extern void (*spool_sys_after)(const struct spool_call *c, long result);

struct spool_dir {
	int fd;
	char path[];
};

/* Open the directory path (parent NULL) or parent/name. NULL with errno. */
struct spool_dir *dir_open(const struct spool_dir *parent, const char *name);
void dir_close(struct spool_dir *d);
/* mkdir, EEXIST is fine. */
int dir_make(const struct spool_dir *parent, const char *name);
int dir_fsync(const struct spool_dir *d);
/* Call seen for each name, "." and ".." left out, until it returns false. 0, or -1 with errno. The listing is a fresh
 * one. */
int dir_list(const struct spool_dir *d, bool (*seen)(void *ctx, const char *name), void *ctx);

int sys_open(const struct spool_dir *d, const char *name, int flags);
int sys_create(const struct spool_dir *d, const char *name);	  /* O_CREAT|O_EXCL, 0640 */
int sys_open_create(const struct spool_dir *d, const char *name); /* O_CREAT|O_RDWR: lock, level */
int sys_write(int fd, const void *p, size_t n);			  /* all of it, or -1 */
int sys_truncate(int fd, int64_t n);
int sys_reserve(int fd, int64_t n); /* room for n octets from the start, the size stays; 0 where the file system cannot */
int sys_read_all(int fd, struct buf *out, size_t max); /* EFBIG above max */
int sys_fsync(int fd);
int sys_fdatasync(int fd);
int sys_rewind(int fd); /* the next write goes to the start */
void sys_flush_hint(int fd); /* sync_file_range, no promise */
int sys_close(int fd);
int sys_flock(int fd); /* LOCK_EX | LOCK_NB */
int sys_stat(int fd, struct stat *st);
int sys_statvfs(int fd, struct statvfs *st);
/* RENAME_NOREPLACE; EEXIST is left to the caller. sys_replace() is K2: what stood under the new name goes with the same
 * call. */
int sys_rename(const struct spool_dir *d, const char *name, const struct spool_dir *d2, const char *name2);
int sys_replace(const struct spool_dir *d, const char *name, const struct spool_dir *d2, const char *name2);
int sys_link(const struct spool_dir *d, const char *name, const struct spool_dir *d2, const char *name2);
int sys_unlink(const struct spool_dir *d, const char *name);
int sys_rmdir(const struct spool_dir *d, const char *name);
/* Announce the COMMIT of the state store (SQLite makes its own calls); 0, or an errno value to fail with. */
int sys_database(bool done);

/* End the process with status 111 after what must not be survived; no record is blamed for it (section "Poison"). */
void spool_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
