/*
 * full-disk.so: preloaded into a program, makes its disk full whenever the file $FULL_DISK exists. It says "statvfs": no space is reported;
 * "write": writes to files below a directory "spool" fail with ENOSPC, while plenty is reported.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int full_for(const char *what)
{
	char text[16] = "";
	const char *path = getenv("FULL_DISK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	return n > 0 && strncmp(text, what, strlen(what)) == 0;
}

int fstatvfs(int fd, struct statvfs *st)
{
	static int (*real)(int, struct statvfs *);
	if (!real)
		real = (int (*)(int, struct statvfs *))dlsym(RTLD_NEXT, "fstatvfs");
	int r = real(fd, st);
	if (r == 0 && full_for("statvfs"))
		st->f_bavail = 0;
	return r;
}

static int refused(int fd)
{
	char link[64], path[512] = "";
	struct stat st;
	if (!full_for("write") || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof path - 1) < 0 || !strstr(path, "/spool/"))
		return 0;
	errno = ENOSPC;
	return 1;
}

ssize_t write(int fd, const void *p, size_t n)
{
	static ssize_t (*real)(int, const void *, size_t);
	if (!real)
		real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	return refused(fd) ? -1 : real(fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);
	if (!real)
		real = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
	return refused(fd) ? -1 : real(fd, p, n, at);
}
