#include "frame/private.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_FIRST = 3, METRICS_EVERY_US = 10000000 };

/* ---- what the service manager is told: one datagram each (sd_notify(3)); without a manager, nothing ---- */

void frame_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	if (n < 2 || n >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0'; /* an abstract name */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_msg(LOG_WARN, "NOTIFY_SOCKET %s:", path);
	if (fd >= 0)
		close(fd);
}

static int64_t number_of(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	errno = 0;
	long long n = text ? strtoll(text, &end, 10) : 0;
	return text && !errno && end != text && !*end && n > 0 ? n : 0;
}

/* Half of what the manager allows, so that one late turn does not kill us. */
void frame_service_open(struct frame *f)
{
	int64_t pid = number_of("WATCHDOG_PID");
	if (getenv("NOTIFY_SOCKET") && (!pid || pid == getpid()))
		f->watchdog_us = number_of("WATCHDOG_USEC") / 2;
}

void frame_ready(struct frame *f)
{
	frame_notify("READY=1");
	f->watchdog_due = 0;
	frame_tick(f);
	log_flush();
}

void frame_alive(struct frame *f)
{
	int64_t now = f->watchdog_us ? clock_mono_us() : 0;
	if (!f->watchdog_us || now < f->watchdog_due)
		return;
	frame_notify("WATCHDOG=1");
	f->watchdog_due = now + f->watchdog_us / 2;
}

void frame_patience(struct frame *f, int seconds)
{
	char text[64];
	if (!f->watchdog_us || 2 * f->watchdog_us >= seconds * 1000000LL)
		return;
	snprintf(text, sizeof text, "WATCHDOG_USEC=%lld", seconds * 1000000LL);
	frame_notify(text);
	f->watchdog_us = seconds * 500000LL;
}

static int ms_until(int64_t due, int64_t now, int sooner)
{
	int ms = clock_ms_until(due, now);
	return sooner < 0 || ms < sooner ? ms : sooner;
}

int frame_tick(struct frame *f)
{
	int wait = -1;
	for (size_t i = 0; i < f->outlets; i++) {
		int ms = spool_producer_idle(f->outlet[i].producer);
		if (ms >= 0 && (wait < 0 || ms < wait))
			wait = ms;
	}
	if (!f->watchdog_us && !f->metrics_file)
		return wait;
	frame_alive(f);
	int64_t now = clock_mono_us();
	if (f->watchdog_us)
		wait = ms_until(f->watchdog_due, now, wait);
	if (f->metrics_file && now >= f->metrics_due) {
		if (f->program->measure)
			f->program->measure(f, f->ctx);
		frame_metrics_write(f);
		f->metrics_due = now + METRICS_EVERY_US;
	}
	if (f->metrics_file)
		wait = ms_until(f->metrics_due, now, wait);
	return wait;
}

/* ---- sockets from the manager ---- */

int frame_listen_fd(size_t n, const char **name)
{
	static char names[1024];
	int64_t count = number_of("LISTEN_PID") == getpid() ? number_of("LISTEN_FDS") : 0;
	const char *text = getenv("LISTEN_FDNAMES");
	if ((int64_t)n >= count)
		return -1;
	int fd = LISTEN_FIRST + (int)n, flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		die_perm("LISTEN_FDS=%lld: descriptor %d:", (long long)count, fd);
	struct slice rest = slice_of(text ? text : ""), one = {"", 0};
	bool more = true;
	for (size_t i = 0; i <= n && more; i++)
		one = slice_cut(&rest, ':', &more);
	snprintf(names, sizeof names, "%.*s", (int)one.n, one.p);
	*name = names;
	return fd;
}

/* ---- a new configuration ---- */

static struct conf *read_checked(const struct frame *f)
{
	static const char *const own[] = {"hep_password", NULL};
	struct conf *c = conf_read(f->conf_file);
	if (!c || conf_check_files(c, own) + conf_check_files(c, f->program->files ? f->program->files : own) == 0)
		return c;
	conf_free(c);
	return NULL;
}

bool frame_reload(struct frame *f)
{
	char state[80];
	if (!frame_reload_asked(f))
		return false;
	if (!f->conf_file) {
		log_msg(LOG_INFO, "there is no configuration file to read again");
		return false;
	}
	snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
	frame_notify(state);
	struct conf *c = read_checked(f), *old = f->conf;
	if (c) {
		f->conf = c;
		frame_capture_open(f);
		if (f->program->reload)
			f->program->reload(f, f->ctx);
		conf_free(old);
		log_event(LOG_INFO, NULL, "reloaded", "file", f->conf_file, NULL);
	} else {
		log_msg(LOG_ERROR, "%s has errors: the configuration in force is kept", f->conf_file);
	}
	frame_count_reload(f, c != NULL);
	frame_notify("READY=1");
	log_flush();
	return c != NULL;
}
