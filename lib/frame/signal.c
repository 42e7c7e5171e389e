#include "frame/private.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t stopping, reloading;
static int wake = -1;

static void on_signal(int sig)
{
	int err = errno;
	if (sig == SIGHUP)
		reloading = 1;
	else
		stopping = 1;
	if (wake >= 0 && write(wake, "", 1) < 0)
		errno = 0; /* the pipe is full: it is readable already */
	errno = err;
}

/* A record that hangs is a record that kills its worker: the successor finds its number in the slot's page. */
static void on_cpu_limit(int sig)
{
	static const char text[] = "level=error msg=\"CPU limit of a batch reached; the record in work is to blame\"\n";
	(void)sig;
	if (write(2, text, sizeof text - 1) < 0)
		_exit(EXIT_TEMP);
	_exit(EXIT_TEMP);
}

void frame_signals(struct frame *f)
{
	int fd[2];
	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0)
		die_temp("pipe:");
	f->signal_fd = fd[0];
	wake = fd[1];
	struct sigaction sa = {.sa_handler = on_signal};
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = on_cpu_limit;
	sigaction(SIGPROF, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void frame_cpu_limit(int seconds)
{
	struct itimerval t = {.it_value = {.tv_sec = seconds}};
	setitimer(ITIMER_PROF, &t, NULL);
}

int frame_signal_fd(const struct frame *f)
{
	return f->signal_fd;
}

bool frame_stopping(const struct frame *f)
{
	(void)f;
	return stopping;
}

bool frame_reload_asked(const struct frame *f)
{
	char sink[64];
	if (!reloading)
		return false;
	reloading = 0;
	while (read(f->signal_fd, sink, sizeof sink) > 0)
		;
	return true;
}
