/*
 * sip-load - a load of SIP MESSAGEs over UDP, a window of them in flight, every message with its own ids, conversation and text.
 *
 * Prints one JSON object: how many were answered and how, the seconds from the first request to the last answer, percentiles of the time
 * between a request and its final answer. Requests without an answer are repeated as RFC 3261 17.1.2.2 says (T1, doubled up to T2).
 * Exit status 1 if one of them was not answered with a 2xx.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { T1_US = 500000, T2_US = 4000000, LOOK_US = 100000, MAX_TEXT = 40000 };

struct call {
	int64_t first, due; /* us; first 0: not yet sent, -1: answered */
	int32_t wait;	    /* us until the next repeat */
};

struct load {
	int fd;
	uint16_t own, port;
	unsigned long run; /* makes the ids of two runs differ */
	size_t count, window, text;
	size_t sent, answered, accepted, repeats, oldest;
	struct call *call;
	uint32_t *took; /* us, of each that was answered */
	char filler[MAX_TEXT + 1];
};

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
	fprintf(stderr, "sip-load: %s: %s\n", what, strerror(errno));
	exit(111);
}

static void usage(void)
{
	fprintf(stderr, "usage: sip-load -p PORT [-n COUNT] [-w IN-FLIGHT] [-t OCTETS-OF-TEXT]\n");
	exit(100);
}

/* The n-th request, the same each time it is asked for. */
static size_t request(const struct load *l, size_t n, char *out, size_t room)
{
	char body[MAX_TEXT + 1024];
	int size = snprintf(body, sizeof body,
			    "From: \"Alice A.\" <sip:alice@ims.example.net>\r\nTo: <sip:bob%%40example.org@127.0.0.1>\r\n"
			    "DateTime: 2026-03-05T09:30:00+01:00\r\nSubject: Lunch?\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
			    "imdn.Message-ID: i%lxn%zu\r\nimdn.Disposition-Notification: positive-delivery, negative-delivery, display\r\n\r\n"
			    "Content-Type: text/plain;charset=UTF-8\r\n\r\nMessage %zu of run %lx. %.*s\r\n",
			    l->run, n, n, l->run, (int)l->text, l->filler);
	int all = snprintf(out, room,
			   "MESSAGE sip:bob%%40example.org@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%lx.%zu;rport\r\n"
			   "Max-Forwards: 66\r\nFrom: <sip:alice@ims.example.net>;tag=%lxt%zu\r\nTo: <sip:bob%%40example.org@127.0.0.1>\r\n"
			   "Call-ID: %lxc%zu@127.0.0.1\r\nCSeq: 1 MESSAGE\r\nP-Asserted-Identity: \"Alice A.\" <sip:alice@ims.example.net>\r\n"
			   "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg\r\nConversation-ID: %016lx%016zx\r\n"
			   "Contribution-ID: %016zx%016lx\r\nContent-Type: message/cpim\r\nContent-Length: %d\r\n\r\n%s",
			   l->own, l->run, n, l->run, n, l->run, n, l->run, n, n, l->run, size, body);
	if (all < 0 || (size_t)all >= room) {
		errno = EMSGSIZE;
		die("the request");
	}
	return (size_t)all;
}

static void send_call(struct load *l, size_t n)
{
	char out[MAX_TEXT + 4096];
	size_t size = request(l, n, out, sizeof out);
	struct call *c = &l->call[n];
	int64_t now = now_us();
	if (c->first == 0) {
		c->first = now;
		c->wait = T1_US;
	} else {
		l->repeats++;
		c->wait = c->wait * 2 > T2_US ? T2_US : c->wait * 2;
	}
	c->due = now + c->wait;
	while (send(l->fd, out, size, 0) < 0)
		if (errno != EINTR && errno != ENOBUFS && errno != ECONNREFUSED)
			die("send");
}

/* A final answer to one of ours ends the call; whatever else comes is left alone. */
static void take(struct load *l, char *in, size_t size)
{
	in[size] = 0;
	int status = 0;
	size_t n = 0;
	unsigned long run = 0;
	char *branch = strstr(in, "branch=z9hG4bK");
	if (sscanf(in, "SIP/2.0 %3d", &status) != 1 || status < 200 || !branch ||
	    sscanf(branch + strlen("branch=z9hG4bK"), "%lx.%zu", &run, &n) != 2 || run != l->run || n >= l->sent || l->call[n].first < 0)
		return;
	l->took[l->answered++] = (uint32_t)(now_us() - l->call[n].first);
	l->accepted += status < 300;
	if (status >= 300 && l->answered - l->accepted <= 3)
		fprintf(stderr, "sip-load: %.*s\n", (int)strcspn(in, "\r\n"), in);
	l->call[n].first = -1;
}

static void repeat(struct load *l)
{
	int64_t now = now_us();
	while (l->oldest < l->sent && l->call[l->oldest].first < 0)
		l->oldest++;
	for (size_t n = l->oldest; n < l->sent; n++)
		if (l->call[n].first > 0 && l->call[n].due <= now)
			send_call(l, n);
}

static void run(struct load *l, int64_t patience)
{
	char in[65536];
	int64_t look = now_us() + LOOK_US, last = now_us();
	while (l->answered < l->count) {
		while (l->sent < l->count && l->sent - l->answered < l->window) {
			l->sent++;
			send_call(l, l->sent - 1);
		}
		struct pollfd p = {.fd = l->fd, .events = POLLIN};
		ssize_t size = recv(l->fd, in, sizeof in - 1, MSG_DONTWAIT);
		if (size > 0) {
			take(l, in, (size_t)size);
			last = now_us();
		} else if (poll(&p, 1, LOOK_US / 1000) < 0 && errno != EINTR) {
			die("poll");
		}
		if (now_us() >= look) {
			repeat(l);
			look = now_us() + LOOK_US;
			if (look - last > patience)
				break;
		}
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static uint32_t percentile(const struct load *l, unsigned p)
{
	return l->answered ? l->took[(l->answered - 1) * p / 100] : 0;
}

static void open_socket(struct load *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(l->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof a;
	int room = 4 << 20;
	l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&a, sizeof a) != 0 || getsockname(l->fd, (struct sockaddr *)&a, &size) != 0)
		die("socket");
	if (setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
		setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	l->own = ntohs(a.sin_port);
}

int main(int argc, char **argv)
{
	static struct load l = {.count = 1000, .window = 100, .text = 200};
	struct timespec wall;
	for (int c; (c = getopt(argc, argv, "p:n:w:t:")) != -1;) {
		unsigned long v = optarg ? strtoul(optarg, NULL, 10) : 0;
		switch (c) {
		case 'p': l.port = v < 65536 ? (uint16_t)v : 0; break;
		case 'n': l.count = v; break;
		case 'w': l.window = v; break;
		case 't': l.text = v; break;
		default: usage();
		}
	}
	if (!l.port || !l.count || !l.window || l.text > MAX_TEXT)
		usage();
	clock_gettime(CLOCK_REALTIME, &wall);
	l.run = (unsigned long)wall.tv_sec << 24 ^ (unsigned long)wall.tv_nsec >> 6 ^ (unsigned long)getpid() << 40;
	for (size_t i = 0; i < l.text; i++)
		l.filler[i] = "Are you free at noon, or shall we say one? "[i % 43];
	l.call = calloc(l.count, sizeof *l.call);
	l.took = calloc(l.count, sizeof *l.took);
	if (!l.call || !l.took)
		die("memory");
	open_socket(&l);
	int64_t began = now_us();
	run(&l, 40 * 1000000LL);
	double seconds = (double)(now_us() - began) / 1e6;
	qsort(l.took, l.answered, sizeof *l.took, by_size);
	printf("{\"sent\":%zu,\"accepted\":%zu,\"refused\":%zu,\"lost\":%zu,\"repeats\":%zu,\"seconds\":%.4f,\"per_s\":%.1f,"
	       "\"p50_us\":%" PRIu32 ",\"p99_us\":%" PRIu32 ",\"max_us\":%" PRIu32 "}\n",
	       l.sent, l.accepted, l.answered - l.accepted, l.sent - l.answered, l.repeats, seconds, (double)l.answered / seconds,
	       percentile(&l, 50), percentile(&l, 99), percentile(&l, 100));
	return l.accepted == l.count ? 0 : 1;
}
