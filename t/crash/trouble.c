/*
 * libtrouble.so: preloaded into the programs of a gateway, brings them what disks and clocks may do, as the mapped file
 * $TROUBLE says: three numbers of 64 bits that scripts/crash-test changes while the programs run.
 *
 * Calls that change or flush what is below a directory "spool" fail with ENOSPC (flushes do not) or EIO, one in so
 * many; the clock of the day is off by so many milliseconds; and a disk that says itself how little is left says
 * "plenty", so that the programs run into its end.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct trouble {
	_Atomic int64_t enospc, eio; /* one call in so many; 0: none */
	_Atomic int64_t clock_ms;
} none, *trouble = &none;
static _Atomic uint64_t chance;

__attribute__((constructor)) static void map(void)
{
	const char *path = getenv("TROUBLE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *trouble, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		perror("libtrouble: $TROUBLE");
		_exit(111);
	}
	close(fd);
	trouble = p;
	chance = (uint64_t)getpid() * 0x9e3779b97f4a7c15;
}

static void *next(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);
	if (!f)
		abort();
	return f;
}

/* Real calls, found at the first use. */
#define REAL(type, name, ...)                                                                                          \
	static type (*real)(__VA_ARGS__);                                                                              \
	if (!real)                                                                                                     \
	real = (type(*)(__VA_ARGS__))next(name)

static int one_in(int64_t n)
{
	if (n <= 0)
		return 0;
	const uint64_t step = 0x9e3779b97f4a7c15; /* splitmix64 */
	uint64_t x = atomic_fetch_add(&chance, step) + step;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return (x ^ (x >> 31)) % (uint64_t)n == 0;
}

/* What fails; a note of the spool does not run out of the room that it has reserved. */
static int is_hit(int fd, int err)
{
	char link[64], path[512] = "";
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	return n > 2 && strstr(path, "/spool") && (err != ENOSPC || strcmp(path + n - 2, ",n") != 0);
}

static int fails(int fd, int flush)
{
	int err = one_in(trouble->eio) ? EIO : !flush && one_in(trouble->enospc) ? ENOSPC : 0;
	if (!err || !is_hit(fd, err))
		return 0;
	errno = err;
	return 1;
}

ssize_t write(int fd, const void *p, size_t n)
{
	REAL(ssize_t, "write", int, const void *, size_t);
	if (!fails(fd, 0))
		return real(fd, p, n);
	/* a full disk may take some octets */
	return errno == ENOSPC && n > 1 && one_in(2) ? real(fd, p, n / 2) : -1;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
	return fails(fd, 0) ? -1 : real(fd, p, n, at);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	REAL(int, "fallocate64", int, int, off_t, off_t);
	if (trouble->enospc && one_in(trouble->enospc)) {
		errno = ENOSPC;
		return -1;
	}
	return fails(fd, 1) ? -1 : real(fd, mode, at, n);
}

int fsync(int fd)
{
	REAL(int, "fsync", int);
	return fails(fd, 1) ? -1 : real(fd);
}

int fdatasync(int fd)
{
	REAL(int, "fdatasync", int);
	return fails(fd, 1) ? -1 : real(fd);
}

int openat(int dir, const char *name, int flags, ...)
{
	REAL(int, "openat64", int, const char *, int, ...);
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (flags & O_CREAT && fails(dir, 0))
		return -1;
	return real(dir, name, flags, mode);
}

int renameat2(int from, const char *name, int to, const char *name2, unsigned int flags)
{
	REAL(int, "renameat2", int, const char *, int, const char *, unsigned int);
	return fails(to, 0) ? -1 : real(from, name, to, name2, flags);
}

int linkat(int from, const char *name, int to, const char *name2, int flags)
{
	REAL(int, "linkat", int, const char *, int, const char *, int);
	return fails(to, 0) ? -1 : real(from, name, to, name2, flags);
}

int unlinkat(int dir, const char *name, int flags)
{
	REAL(int, "unlinkat", int, const char *, int);
	return fails(dir, 1) ? -1 : real(dir, name, flags);
}

int fstatvfs(int fd, struct statvfs *st)
{
	REAL(int, "fstatvfs64", int, struct statvfs *);
	int r = real(fd, st);
	if (r == 0 && st->f_blocks < (UINT64_C(1) << 30) / st->f_frsize) {
		st->f_bavail = st->f_blocks = (UINT64_C(1) << 30) / st->f_frsize;
		st->f_favail = st->f_files = 1 << 20;
	}
	return r;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	REAL(int, "clock_gettime", clockid_t, struct timespec *);
	int r = real(clock, t);
	if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		int64_t ns = t->tv_nsec + trouble->clock_ms % 1000 * 1000000;
		t->tv_sec += trouble->clock_ms / 1000 + ns / 1000000000;
		t->tv_nsec = ns % 1000000000;
		if (t->tv_nsec < 0) {
			t->tv_sec--;
			t->tv_nsec += 1000000000;
		}
	}
	return r;
}

int gettimeofday(struct timeval *t, void *zone)
{
	struct timespec now;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *t)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (t)
		*t = now.tv_sec;
	return now.tv_sec;
}
