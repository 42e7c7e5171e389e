/*
 * latency - how long one message takes on its way: from here into a server, out of it into the SMTP sink that this program is too.
 *
 *   latency sip  PORT SINK-PORT [COUNT [TEXT]]	a MESSAGE over UDP to PORT
 *   latency smtp PORT SINK-PORT [COUNT [SIZE]]	a mail of SIZE octets over one kept connection to PORT; envelope and DATA in one write
 *
 * One message at a time, with a pause behind each: nothing else is under way. The clock of a MESSAGE runs from before it is sent, that of a mail
 * from before MAIL FROM is sent; both stop when the sink has read the final dot. Prints one JSON object (microseconds); from_dot is the
 * same for a mail whose clock only starts when it is handed over whole, answered is the time until the sender had its answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WARM = 10, PEERS = 64, LINE = 8192, PAUSE_US = 5000, PATIENCE_MS = 15000, LARGEST = 100000 };

struct peer {
	int fd;
	bool data;
	size_t used, octets;
	char line[LINE];
};

struct dot {
	int64_t at; /* us */
	size_t octets;
};

static struct peer peers[PEERS];
static size_t npeers;
static int dots[2]; /* a pipe: struct dot for each mail */

static void die(const char *what)
{
	fprintf(stderr, "latency: %s: %s\n", what, strerror(errno));
	exit(111);
}

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct sockaddr_in local(const char *port)
{
	unsigned long p = strtoul(port, NULL, 10);
	if (!p || p > 65535) {
		errno = EINVAL;
		die(port);
	}
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)p), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void without_delay(int fd)
{
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* ---- the sink ---- */

static const char *answer_to(struct peer *p, const char *line, size_t n)
{
	if (p->data && n == 1 && line[0] == '.') {
		struct dot d = {now_us(), p->octets};
		p->data = false;
		if (write(dots[1], &d, sizeof d) != sizeof d)
			die("pipe");
		return "250 2.0.0 taken\r\n";
	}
	if (p->data) {
		p->octets += n + 2;
		return "";
	}
	if (strncasecmp(line, "EHLO", 4) == 0)
		return "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n";
	if (strncasecmp(line, "DATA", 4) == 0) {
		p->data = true;
		p->octets = 0;
		return "354 go on\r\n";
	}
	return strncasecmp(line, "QUIT", 4) == 0 ? "221 2.0.0 bye\r\n" : "250 2.0.0 ok\r\n";
}

/* What came in, line by line; the answers leave in one write. False: the peer is gone. */
static bool serve(struct peer *p)
{
	char out[4096] = "";
	ssize_t got = recv(p->fd, p->line + p->used, sizeof p->line - p->used, 0);
	if (got <= 0)
		return false;
	p->used += (size_t)got;
	for (char *end; (end = memchr(p->line, '\n', p->used));) {
		size_t whole = (size_t)(end - p->line) + 1, n = whole >= 2 && end[-1] == '\r' ? whole - 2 : whole - 1;
		strncat(out, answer_to(p, p->line, n), sizeof out - strlen(out) - 1);
		memmove(p->line, p->line + whole, p->used - whole);
		p->used -= whole;
	}
	size_t n = strlen(out);
	return p->used < sizeof p->line && (n == 0 || send(p->fd, out, n, MSG_NOSIGNAL) == (ssize_t)n);
}

static void greet(int listener)
{
	int fd = accept(listener, NULL, NULL);
	if (fd < 0 || npeers == PEERS) {
		close(fd);
		return;
	}
	without_delay(fd);
	peers[npeers++] = (struct peer){.fd = fd};
	if (send(fd, "220 sink ESMTP\r\n", 16, MSG_NOSIGNAL) != 16)
		die("greeting");
}

static void *sink(void *arg)
{
	int listener = *(int *)arg;
	for (;;) {
		struct pollfd p[PEERS + 1] = {{.fd = listener, .events = POLLIN}};
		for (size_t i = 0; i < npeers; i++)
			p[i + 1] = (struct pollfd){.fd = peers[i].fd, .events = POLLIN};
		if (poll(p, npeers + 1, -1) < 0)
			continue;
		for (size_t i = npeers; i > 0; i--)
			if (p[i].revents && !serve(&peers[i - 1])) {
				close(peers[i - 1].fd);
				peers[i - 1] = peers[--npeers];
			}
		if (p[0].revents)
			greet(listener);
	}
	return NULL;
}

static struct dot wait_dot(void)
{
	struct pollfd p = {.fd = dots[0], .events = POLLIN};
	struct dot d = {0};
	errno = ETIMEDOUT;
	if (poll(&p, 1, PATIENCE_MS) != 1 || read(dots[0], &d, sizeof d) != sizeof d)
		die("no mail came out");
	return d;
}

/* ---- the sender ---- */

struct times {
	int64_t begin, given, answered; /* us */
};

static void sip_message(int fd, uint16_t own, unsigned long run, size_t n, size_t text, struct times *t)
{
	static char filler[LARGEST], body[LARGEST + 1024], out[LARGEST + 4096];
	char in[8192];
	memset(filler, 'x', text);
	for (size_t i = 60; i < text; i += 61)
		filler[i] = ' ';
	int size = snprintf(body, sizeof body,
			    "From: \"Alice A.\" <sip:alice@ims.example.net>\r\nTo: <sip:bob%%40example.org@127.0.0.1>\r\n"
			    "DateTime: 2026-03-05T09:30:00+01:00\r\nSubject: Lunch?\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
			    "imdn.Message-ID: y%lxn%zu\r\nimdn.Disposition-Notification: positive-delivery, negative-delivery, display\r\n\r\n"
			    "Content-Type: text/plain;charset=UTF-8\r\n\r\nMessage %zu of run %lx. %.*s\r\n",
			    run, n, n, run, (int)text, filler);
	int all = snprintf(out, sizeof out,
			   "MESSAGE sip:bob%%40example.org@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%lx.%zu;rport\r\n"
			   "Max-Forwards: 66\r\nFrom: <sip:alice@ims.example.net>;tag=%lxt%zu\r\nTo: <sip:bob%%40example.org@127.0.0.1>\r\n"
			   "Call-ID: %lxl%zu@127.0.0.1\r\nCSeq: 1 MESSAGE\r\nP-Asserted-Identity: \"Alice A.\" <sip:alice@ims.example.net>\r\n"
			   "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg\r\nConversation-ID: %016lx%016zx\r\n"
			   "Contribution-ID: %016zx%016lx\r\nContent-Type: message/cpim\r\nContent-Length: %d\r\n\r\n%s",
			   own, run, n, run, n, run, n, run, n, n, run, size, body);
	t->begin = t->given = now_us();
	if (send(fd, out, (size_t)all, 0) != all)
		die("send");
	do {
		ssize_t got = recv(fd, in, sizeof in - 1, 0);
		if (got <= 0)
			die("no answer");
		in[got] = 0;
	} while (strncmp(in, "SIP/2.0 1", 9) == 0);
	t->answered = now_us();
	if (strncmp(in, "SIP/2.0 2", 9) != 0) {
		fprintf(stderr, "latency: %.*s\n", (int)strcspn(in, "\r\n"), in);
		exit(1);
	}
}

/* Read until the answers to all commands so far are there; each must begin with a digit of `good`. */
static void answers(int fd, size_t count, const char *good)
{
	static char in[LINE];
	static size_t used;
	while (count > 0) {
		char *end = memchr(in, '\n', used);
		if (!end) {
			ssize_t got = recv(fd, in + used, sizeof in - used, 0);
			if (got <= 0)
				die("no answer");
			used += (size_t)got;
			continue;
		}
		if (!strchr(good, in[0])) {
			fprintf(stderr, "latency: %.*s\n", (int)(end - in), in);
			exit(1);
		}
		if (in[3] != '-')
			count--;
		used -= (size_t)(end + 1 - in);
		memmove(in, end + 1, used);
	}
}

static void put(int fd, const char *what, size_t n)
{
	if (send(fd, what, n, MSG_NOSIGNAL) != (ssize_t)n)
		die("send");
}

static void mail(int fd, unsigned long run, size_t n, size_t size, struct times *t)
{
	static const char envelope[] = "MAIL FROM:<alice@rcs.example.net>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n";
	static char out[LARGEST + 4096];
	size_t at = (size_t)snprintf(out, sizeof out,
				     "From: <alice@rcs.example.net>\r\nTo: <bob@example.org>\r\nDate: Thu, 5 Mar 2026 09:30:00 +0100\r\n"
				     "Subject: Lunch?\r\nMessage-ID: <y%lxn%zu@rcs.example.net>\r\n\r\n", run, n);
	while (at + 72 <= size) {
		memset(out + at, 'x', 70);
		memcpy(out + at + 70, "\r\n", 2);
		at += 72;
	}
	memcpy(out + at, ".\r\n", 3);
	t->begin = now_us();
	put(fd, envelope, sizeof envelope - 1);
	answers(fd, 3, "23");
	t->given = now_us();
	put(fd, out, at + 3);
	answers(fd, 1, "2");
	t->answered = now_us();
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void print(const char *name, int64_t *us, size_t n)
{
	qsort(us, n, sizeof *us, by_size);
	printf("\"%s\":{\"p50\":%lld,\"p99\":%lld,\"max\":%lld},", name, (long long)us[(n - 1) / 2], (long long)us[(n - 1) * 99 / 100],
	       (long long)us[n - 1]);
}

int main(int argc, char **argv)
{
	bool sip = argc > 1 && strcmp(argv[1], "sip") == 0;
	if (argc < 4 || (!sip && strcmp(argv[1], "smtp") != 0)) {
		fprintf(stderr, "usage: latency sip|smtp PORT SINK-PORT [COUNT [OCTETS]]\n");
		return 100;
	}
	size_t count = argc > 4 ? strtoul(argv[4], NULL, 10) : 500, octets = argc > 5 ? strtoul(argv[5], NULL, 10) : 300;
	if (!count || count > 1000000 || octets >= LARGEST)
		return 100;
	struct sockaddr_in at = local(argv[2]), in = local(argv[3]);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (pipe(dots) != 0 || bind(listener, (struct sockaddr *)&in, sizeof in) != 0 || listen(listener, PEERS) != 0)
		die("sink");
	pthread_t thread;
	if (pthread_create(&thread, NULL, sink, &listener) != 0)
		die("thread");

	struct timeval patience = {PATIENCE_MS / 1000, 0};
	int fd = socket(AF_INET, sip ? SOCK_DGRAM : SOCK_STREAM, 0);
	socklen_t size = sizeof in;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0 || getsockname(fd, (struct sockaddr *)&in, &size) != 0)
		die("connect");
	if (!sip) {
		without_delay(fd);
		answers(fd, 1, "2");
		put(fd, "EHLO client.example.net\r\n", 25);
		answers(fd, 1, "2");
	}
	int64_t *whole = calloc(3 * count, sizeof *whole), *from_dot = whole + count, *answered = whole + 2 * count;
	if (!whole)
		die("memory");
	unsigned long run = (unsigned long)time(NULL) << 20 ^ (unsigned long)getpid();
	struct dot d = {0};
	for (size_t n = 0; n < count + WARM; n++) {
		struct times t;
		if (sip)
			sip_message(fd, ntohs(in.sin_port), run, n, octets, &t);
		else
			mail(fd, run, n, octets, &t);
		d = wait_dot();
		if (n >= WARM) {
			whole[n - WARM] = d.at - t.begin;
			from_dot[n - WARM] = d.at - t.given;
			answered[n - WARM] = t.answered - t.begin;
		}
		usleep(PAUSE_US);
	}
	printf("{");
	print("whole", whole, count);
	print("from_dot", from_dot, count);
	print("answered", answered, count);
	printf("\"mail_octets\":%zu}\n", d.octets);
	return 0;
}
