/* Octets over sockets, streams that are flushed at the end of a turn, listening. */
#include "net/listen.h"
#include "net/stream.h"
#include "base/clock.h"

#include "tap.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void octets(void)
{
	int fd[2];
	char room[16];
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd);
	struct octets a = {.fd = fd[0]}, b = {.fd = fd[1]};
	is_int((int)octets_read(&a, room, sizeof room), OCTETS_NONE_NOW, "nothing yet");
	is_int((int)octets_write(&b, "hello", 5), 5, "written");
	is_int((int)octets_read(&a, room, sizeof room), 5, "read");
	ok(!octets_handshaking(&a) && !octets_pending(&a), "in clear there is no handshake");
	octets_close(&b);
	is_int(b.fd, -1, "closed");
	is_int((int)octets_read(&a, room, sizeof room), OCTETS_ENDED, "the peer has ended");
	is_int((int)octets_write(&a, "x", 1), OCTETS_BROKEN, "nobody takes it");
	ok(a.broken, "and it is known");
	octets_close(&a);
}

/* An owner that says back what it hears. */
struct echo {
	struct stream stream;
	struct buf out;
	bool deaf, ended;
	int sent;
};

static void end(struct echo *e)
{
	stream_close(&e->stream);
	e->ended = true;
}

static void readable(void *owner)
{
	struct echo *e = owner;
	char room[1024];
	ssize_t n = stream_read(&e->stream, room, sizeof room);
	if (n > 0) {
		buf_put(&e->out, room, (size_t)n);
		stream_mark(&e->stream);
	} else if (n != OCTETS_NONE_NOW) {
		end(e);
	}
}

static bool sent(void *owner)
{
	((struct echo *)owner)->sent++;
	return true;
}

static bool wants_input(const void *owner)
{
	return !((const struct echo *)owner)->deaf;
}

static void lost(void *owner, const char *why)
{
	(void)why;
	end(owner);
}

static const struct stream_ops ops = {readable, sent, wants_input, lost};

static void streams(void)
{
	int fd[2], signals[2];
	char room[64] = "";
	int64_t now = clock_mono_us();
	struct loop loop;
	struct echo e = {0};
	(void)!pipe(signals);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd);
	loop_open(&loop, signals[0]);
	struct streams all = {.loop = &loop, .ops = &ops, .now = &now};
	stream_open(&e.stream, &all, fd[0], false, &e.out, &e);
	stream_listen(&e.stream, true);
	(void)!write(fd[1], "one", 3);
	loop_wait(&loop, 1000000);
	is_int((int)read(fd[1], room, sizeof room), -1, "nothing is sent before the end of the turn");
	streams_flush(&all);
	is_int((int)read(fd[1], room, sizeof room), 3, "then all of it");
	is_int(e.sent, 1, "the owner is told");
	ok(!all.marked && !e.out.n, "nothing is left to do");
	e.deaf = true;
	stream_mark(&e.stream);
	stream_mark(&e.stream);
	streams_flush(&all);
	(void)!write(fd[1], "two", 3);
	loop_wait(&loop, 20000);
	is_int((int)e.out.n, 0, "who does not want to hear is not asked to");
	e.deaf = false;
	stream_again(&e.stream);
	loop_wait(&loop, 20000);
	is_int((int)e.out.n, 3, "what was there already is looked at");
	close(fd[1]);
	streams_flush(&all);
	ok(e.ended && !all.marked, "nobody takes it: the owner ends it");
	(void)!write(signals[1], "x", 1);
	int64_t began = clock_mono_us();
	loop_wait(&loop, -1);
	ok(clock_mono_us() - began < 1000000, "a signal ends the waiting");
	loop_close(&loop);
	close(signals[0]);
	close(signals[1]);
	buf_free(&e.out);
}

static void take(void *ctx, int fd, const struct sockaddr *from)
{
	(void)from;
	++*(int *)ctx;
	close(fd);
}

static void listening(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int taken = 0, fd = listen_open((struct sockaddr *)&a, len, SOCK_STREAM, true);
	ok(fd >= 0 && getsockname(fd, (struct sockaddr *)&a, &len) == 0, "a port");
	int other = listen_open((struct sockaddr *)&a, len, SOCK_STREAM, true);
	ok(other >= 0, "may be shared");
	close(other);
	ok(listen_open((struct sockaddr *)&a, len, SOCK_STREAM, false) < 0, "but not with who does not share");
	for (int i = 0; i < 3; i++) {
		int c = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(c, (struct sockaddr *)&a, len) == 0)
			close(c);
	}
	ok(listen_accept(fd, take, &taken), "there are descriptors");
	is_int(taken, 3, "all that wait are accepted");
	close(fd);
	ok(listen_descriptors() > 16, "descriptors");
	is_int(listen_ready_option("5"), 5, "--ready-fd");
}

int main(void)
{
	octets();
	streams();
	listening();
	is_int((int)loop_sooner(-1, 5), 5, "for ever is later");
	is_int((int)loop_sooner(7, 5), 5, "the sooner of two");
	is_int((int)loop_sooner(-1, -1), -1, "never");
	return tap_done();
}
