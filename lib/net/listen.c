#include "net/listen.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPTS_A_TURN = 64, DESCRIPTOR_MOST = 1 << 20 };

void listen_set(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof value) != 0)
		log_event(LOG_DEBUG, NULL, "setsockopt", "error", strerror(errno), NULL);
}

bool listen_begin(int fd)
{
	return listen(fd, BACKLOG) == 0;
}

int listen_open(const struct sockaddr *a, socklen_t len, int type, bool shared)
{
	int fd = socket(a->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	listen_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (shared)
		listen_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (a->sa_family == AF_INET6)
		listen_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (bind(fd, a, len) == 0 && (type != SOCK_STREAM || listen_begin(fd)))
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

bool listen_accept(int fd, void (*take)(void *ctx, int fd, const struct sockaddr *from), void *ctx)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage from = {0};
		socklen_t len = sizeof from;
		int new = accept4(fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (new >= 0) {
			take(ctx, new, (struct sockaddr *)&from);
			continue;
		}
		if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
			return true;
		log_msg(LOG_WARN, "accept:");
		return false;
	}
	return true;
}

int64_t listen_descriptors(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		die_temp("getrlimit:");
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == RLIM_INFINITY)
		return INT64_MAX;
	return (int64_t)r.rlim_cur;
}

int listen_ready_option(const char *value)
{
	char *end;
	errno = 0;
	long fd = strtol(value, &end, 10);
	if (errno || *end || end == value || fd < 0 || fd > DESCRIPTOR_MOST)
		die_perm("--ready-fd %s: no descriptor", value);
	return (int)fd;
}

void listen_ready(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "\n", 1) != 1)
		die_temp("--ready-fd %d:", fd);
	close(fd);
}
