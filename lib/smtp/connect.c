#include "smtp/connect.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t address_of(const char *address, int port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;
	memset(out, 0, sizeof(*out));
	if (port < 1 || port > 65535)
		return 0;
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((unsigned short)port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((unsigned short)port);
		return sizeof(*v6);
	}
	return 0;
}

int smtp_connect_error(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 ? error : errno;
}

/* 0 when connected, else an errno. */
static int wait_connected(int fd, int timeout_ms)
{
	int64_t end = clock_mono_us() + (int64_t)timeout_ms * 1000;
	struct pollfd p = {fd, POLLOUT, 0};
	int rc;
	do {
		rc = poll(&p, 1, clock_ms_until(end, clock_mono_us()));
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return errno;
	return rc == 0 ? ETIMEDOUT : smtp_connect_error(fd);
}

int smtp_connect_start(const char *address, int port, bool *pending)
{
	struct sockaddr_storage to;
	socklen_t n = address_of(address, port, &to);
	int on = 1;
	*pending = false;
	if (!n) {
		errno = EINVAL;
		return -1;
	}
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* Without it a mail over two segments waits for a delayed ACK: 23 mails a second. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&to, n) == 0)
		return fd;
	*pending = errno == EINPROGRESS || errno == EINTR;
	if (*pending)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

int smtp_connect(const char *address, int port, int timeout_ms)
{
	bool pending;
	int fd = smtp_connect_start(address, port, &pending);
	int error = fd >= 0 && pending ? wait_connected(fd, timeout_ms) : 0;
	if (error) {
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}
