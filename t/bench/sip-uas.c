/*
 * sip-uas - answers SIP MESSAGEs with 200 as fast as they come, over UDP and TCP on one port of 127.0.0.1.
 *
 * Prints "ready", then for every line of its standard input one JSON object: the requests answered so far (a repetition counts again), their octets,
 * and the seconds between the first and the last. Ends with its standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 12 << 20, ANSWER = 8192, EVENTS = 64, FIELDS = 5, READ_LEAST = 256 << 10 };

struct peer {
	int fd;
	bool stream;
	size_t n, cap;
	char *p;
};

static struct {
	uint64_t answered, octets;
	double first, last;
} seen;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* The 200 for the head of n octets: the fields that a response has of its request (RFC 3261 8.2.6.2). 0: it asks for none. */
static size_t answer(const char *head, size_t n, char out[ANSWER])
{
	static const char *const fields[FIELDS] = {"Via:", "From:", "To:", "Call-ID:", "CSeq:"};
	size_t k = (size_t)sprintf(out, "SIP/2.0 200 OK\r\n");
	if (n > 4 && strncmp(head, "ACK ", 4) == 0)
		return 0;
	for (const char *line = head, *end; line < head + n; line = end + 2) {
		end = memmem(line, (size_t)(head + n - line), "\r\n", 2);
		if (!end)
			break;
		for (int i = 0; i < FIELDS; i++) {
			size_t len = (size_t)(end - line);
			if (len <= strlen(fields[i]) || strncasecmp(line, fields[i], strlen(fields[i])) != 0 || k + len + 64 > ANSWER)
				continue;
			memcpy(out + k, line, len);
			k += len;
			if (i == 2 && !memmem(line, len, ";tag=", 5))
				k += (size_t)sprintf(out + k, ";tag=uas");
			k += (size_t)sprintf(out + k, "\r\n");
		}
	}
	return k + (size_t)sprintf(out + k, "Content-Length: 0\r\n\r\n");
}

static void count(size_t octets)
{
	seen.last = now();
	if (!seen.answered++)
		seen.first = seen.last;
	seen.octets += octets;
}

static void datagrams(int fd)
{
	static char in[65536], out[ANSWER];
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t n;
	while ((n = recvfrom(fd, in, sizeof in, MSG_DONTWAIT, (struct sockaddr *)&from, &len)) > 0) {
		size_t k = answer(in, (size_t)n, out);
		if (k && sendto(fd, out, k, 0, (struct sockaddr *)&from, len) < 0)
			perror("sendto");
		if (k)
			count((size_t)n);
	}
}

/* Octets of the message that begins at p; 0: it is not there yet. *head: of its head. */
static size_t whole(const char *p, size_t n, size_t *head)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);
	if (!end)
		return 0;
	*head = (size_t)(end - p) + 2;
	size_t body = 0;
	for (const char *line = p; line < end; line = (const char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2)
		if (strncasecmp(line, "Content-Length:", 15) == 0)
			body = strtoul(line + 15, NULL, 10);
	return *head + 2 + body <= n ? *head + 2 + body : 0;
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL); /* it may wait: what is not taken is not asked for either */
		if (k <= 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

/* false: it has ended. */
static bool stream(struct peer *c)
{
	char out[ANSWER];
	if (c->cap - c->n < READ_LEAST) {
		c->cap = c->cap ? 2 * c->cap : 2 * (size_t)READ_LEAST;
		if (c->cap > 2 * (size_t)ROOM || !(c->p = realloc(c->p, c->cap)))
			fail("a message is too large");
	}
	ssize_t n = recv(c->fd, c->p + c->n, c->cap - c->n, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	c->n += (size_t)n;
	size_t done = 0, head, size;
	while ((size = whole(c->p + done, c->n - done, &head))) {
		size_t k = answer(c->p + done, head, out);
		write_all(c->fd, out, k);
		if (k)
			count(size);
		done += size;
		while (c->n - done >= 2 && memcmp(c->p + done, "\r\n", 2) == 0)
			done += 2;
	}
	memmove(c->p, c->p + done, c->n - done);
	c->n -= done;
	return true;
}

static void add(int loop, int fd, bool is_stream)
{
	struct peer *c = calloc(1, sizeof *c);
	if (!c)
		fail("memory");
	*c = (struct peer){.fd = fd, .stream = is_stream};
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) != 0)
		fail("epoll");
}

static int open_socket(int type, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type, 0), on = 1, room = 8 << 20;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || (type == SOCK_STREAM && listen(fd, 64) != 0))
		fail("socket");
	return fd;
}

static void tell(void)
{
	char line[256];
	ssize_t n = read(0, line, sizeof line);
	if (n <= 0)
		exit(0);
	for (ssize_t i = 0; i < n; i++)
		if (line[i] == '\n')
			printf("{\"answered\":%" PRIu64 ",\"octets\":%" PRIu64 ",\"seconds\":%.6f}\n", seen.answered, seen.octets, seen.last - seen.first);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int loop = epoll_create1(0);
	if (argc != 2 || atoi(argv[1]) < 1 || loop < 0) {
		fprintf(stderr, "usage: sip-uas PORT\n");
		return 100;
	}
	int udp = open_socket(SOCK_DGRAM, atoi(argv[1])), tcp = open_socket(SOCK_STREAM, atoi(argv[1]));
	add(loop, 0, false);
	add(loop, udp, false);
	add(loop, tcp, false);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event e[EVENTS];
		int n = epoll_wait(loop, e, EVENTS, -1), on = 1;
		for (int i = 0; i < n; i++) {
			struct peer *c = e[i].data.ptr;
			if (c->fd == 0) {
				tell();
			} else if (c->fd == udp) {
				datagrams(udp);
			} else if (c->fd == tcp) {
				int fd = accept(tcp, NULL, NULL);
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
				if (fd >= 0)
					add(loop, fd, true);
			} else if (!stream(c)) {
				close(c->fd);
				free(c->p);
				free(c);
			}
		}
	}
}
