/* Listening sockets: SMTP and LMTP, TCP and Unix. */
#include "listen.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct socket_of *add_socket(struct server *s, int fd, bool lmtp, bool local, const char *path)
{
	struct socket_of *o = xcalloc(1, sizeof *o);
	*o = (struct socket_of){.server = s, .fd = fd, .lmtp = lmtp, .local = local, .path = path ? xstrdup(path) : NULL};
	s->socket = xrealloc(s->socket, (s->sockets + 1) * sizeof *s->socket);
	s->socket[s->sockets++] = o;
	return o;
}

/* A socket that nobody listens on any more is in the way; a live one, or another kind of file, is not ours to remove. */
static void clear_path(const struct sockaddr_un *un)
{
	struct stat st;
	if (lstat(un->sun_path, &st) != 0)
		return;
	if (!S_ISSOCK(st.st_mode))
		die_perm("%s is no socket", un->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)un, sizeof *un) == 0)
		die_temp("%s: somebody listens there", un->sun_path);
	if (fd >= 0)
		close(fd);
	unlink(un->sun_path);
}

/* The directory says who may connect: the mail server is another user. */
static void open_path(struct server *s, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof un.sun_path)
		die_perm("%s: too long for a socket", path);
	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	clear_path(&un);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof un) != 0 || chmod(path, 0666) != 0 || !listen_begin(fd))
		die_temp("%s:", path);
	add_socket(s, fd, true, true, path);
}

static void open_address(struct server *s, const union sip_addr *a, bool lmtp, bool implied)
{
	char text[SIP_ADDR_TEXT];
	int fd = listen_open(&a->sa, sip_addr_len(a), SOCK_STREAM, false);
	if (fd >= 0)
		add_socket(s, fd, lmtp, false, NULL);
	else if (!implied)
		die_temp("%s port %d:", sip_addr_text(a, text), sip_addr_port(a));
}

/* An element of smtp_listen; the form was checked if it came from the configuration. */
static void open_element(struct server *s, const char *element)
{
	bool lmtp = strncmp(element, "lmtp:", 5) == 0, both, every;
	enum sip_transport t;
	union sip_addr a;
	const char *why;
	if (!lmtp && strncmp(element, "smtp:", 5) != 0)
		die_perm("smtp_listen \"%s\": smtp:ADDRESS:PORT, lmtp:ADDRESS:PORT or lmtp:/PATH", element);
	if (lmtp && element[5] == '/') {
		open_path(s, element + 5);
		return;
	}
	char *tcp = xasprintf("tcp:%s", element + 5);
	if (!sip_listen_parse(tcp, &t, &both, &every, &a, &why))
		die_perm("smtp_listen \"%s\": %s", element, why);
	free(tcp);
	open_address(s, &a, lmtp, false);
	union sip_addr v6 = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)sip_addr_port(&a))}};
	if (every) /* "*": a machine without IPv6 is no error */
		open_address(s, &v6, lmtp, true);
}

/* Opened by the service manager; one whose name begins with "lmtp" speaks LMTP. */
static void adopt(struct server *s)
{
	const char *name;
	int fd;
	for (size_t i = 0; (fd = frame_listen_fd(i, &name)) >= 0; i++) {
		struct sockaddr_storage a;
		socklen_t len = sizeof a;
		if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
			die_temp("getsockname:");
		add_socket(s, fd, strncmp(name, "lmtp", 4) == 0, a.ss_family == AF_UNIX, NULL);
	}
}

static void watch(struct server *s, struct socket_of *o)
{
	union sip_addr a;
	socklen_t len = sizeof a;
	char text[SIP_ADDR_TEXT] = "local", port[8] = "";
	if (!o->local && getsockname(o->fd, &a.sa, &len) == 0) {
		sip_addr_text(&a, text);
		snprintf(port, sizeof port, "%d", sip_addr_port(&a));
	}
	o->readable = loop_watch(&s->loop, o->fd, connection_acceptable, o);
	log_event(LOG_INFO, NULL, "listening", "protocol", o->lmtp ? "lmtp" : "smtp", "address", o->path ? o->path : text,
		  "port", port[0] ? port : NULL, NULL);
}

void sockets_open(struct server *s)
{
	const char *element;
	adopt(s);
	for (size_t i = 0; i < s->nlisten; i++)
		open_element(s, s->listen[i]);
	bool configured = s->sockets == 0;
	for (size_t i = 0; configured && (element = conf_item(frame_conf(s->frame), "smtp_listen", i, NULL)); i++)
		open_element(s, element);
	if (!s->sockets)
		die_perm("nothing to listen on: smtp_listen is empty");
	for (size_t i = 0; i < s->sockets; i++)
		watch(s, s->socket[i]);
}

void sockets_close(struct server *s)
{
	for (size_t i = 0; i < s->sockets; i++) {
		struct socket_of *o = s->socket[i];
		event_free(o->readable);
		close(o->fd);
		if (o->path)
			unlink(o->path);
		free(o->path);
		free(o);
	}
	free(s->socket);
	s->sockets = 0;
}
