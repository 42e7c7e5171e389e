/* Listening sockets. */
#include "listen.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 8 << 20 };

/* Which address of ours a datagram was sent to: the answer comes from there. */
static void ask_local(int fd, enum sip_transport t, int family)
{
	if (t == SIP_UDP && family == AF_INET6)
		listen_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else if (t == SIP_UDP)
		listen_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

static void add_socket(struct server *s, enum sip_transport t, int fd)
{
	s->socket = xrealloc(s->socket, (s->sockets + 1) * sizeof *s->socket);
	s->socket[s->sockets] =
		(struct socket_of){.server = s, .transport = t, .fd = fd, .index = (uint16_t)s->sockets};
	struct socket_of *o = &s->socket[s->sockets++];
	socklen_t len = sizeof o->addr;
	if (getsockname(fd, &o->addr.sa, &len) != 0)
		die_temp("getsockname:");
	if (o->addr.sa.sa_family != AF_INET && o->addr.sa.sa_family != AF_INET6)
		die_perm("a socket of the service manager is not one of the Internet");
	ask_local(fd, t, o->addr.sa.sa_family);
}

/* false: this address cannot be had; fatal unless it was only implied. Several processes share the port. */
static bool open_one(struct server *s, enum sip_transport t, const union sip_addr *a, bool implied)
{
	char text[SIP_ADDR_TEXT];
	int fd = listen_open(&a->sa, sip_addr_len(a), t == SIP_UDP ? SOCK_DGRAM : SOCK_STREAM, true);
	if (fd < 0) {
		if (!implied)
			die_temp("%s:%s port %d:", sip_transport_name(t), sip_addr_text(a, text), sip_addr_port(a));
		return false;
	}
	if (t == SIP_UDP && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){RECEIVE_BUFFER}, sizeof(int)) != 0)
		listen_set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	add_socket(s, t, fd);
	return true;
}

/* Opened by the service manager, which keeps them while we restart: no request meets a closed port. One that is named
 * "sips" or "tls" carries TLS. */
static void adopt(struct server *s)
{
	const char *name;
	int type, fd;
	socklen_t len = sizeof type;
	for (size_t i = 0; (fd = frame_listen_fd(i, &name)) >= 0; i++) {
		bool tls = strcmp(name, "sips") == 0 || strcmp(name, "tls") == 0;
		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
		    (type != SOCK_DGRAM && type != SOCK_STREAM))
			die_perm("descriptor %d of the service manager is no socket of SIP", fd);
		add_socket(s, type == SOCK_DGRAM ? SIP_UDP : tls ? SIP_TLS : SIP_TCP, fd);
	}
}

static void open_address(struct server *s, enum sip_transport t, const union sip_addr *a, bool every)
{
	open_one(s, t, a, false);
	union sip_addr v6 = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)sip_addr_port(a))}};
	if (every) /* "*": a machine without IPv6 is no error */
		open_one(s, t, &v6, true);
}

static void open_element(struct server *s, const char *element)
{
	enum sip_transport t;
	bool both, every;
	union sip_addr a;
	const char *why;
	if (!sip_listen_parse(element, &t, &both, &every, &a, &why))
		die_perm("sip_listen \"%s\": %s", element, why);
	open_address(s, t, &a, every);
	if (both)
		open_address(s, SIP_TCP, &a, every);
}

/* -l may name an address, or a whole element of sip_listen; -p alone means loopback. */
static void open_option(struct server *s, const char *where)
{
	union sip_addr a;
	struct slice host = slice_of(where);
	char *element = NULL;
	if (sip_addr_parse(&a, host, 0))
		element = xasprintf(strchr(where, ':') && where[0] != '[' ? "[%s]:%s" : "%s:%s", where,
				    s->port ? s->port : "5060");
	else if (strcmp(where, "*") == 0)
		element = xasprintf("*:%s", s->port ? s->port : "5060");
	open_element(s, element ? element : where);
	free(element);
}

static void watch(struct server *s)
{
	char text[SIP_ADDR_TEXT], port[8];
	for (size_t i = 0; i < s->sockets; i++) {
		struct socket_of *o = &s->socket[i];
		bool datagrams = o->transport == SIP_UDP;
		o->readable = loop_watch(&s->loop, o->fd, datagrams ? datagram_readable : connection_acceptable, o);
		snprintf(port, sizeof port, "%d", sip_addr_port(&o->addr));
		log_event(LOG_INFO, NULL, "listening", "transport", sip_transport_name(o->transport), "address",
			  sip_addr_text(&o->addr, text), "port", port, NULL);
	}
}

void sockets_open(struct server *s)
{
	const char *element;
	adopt(s);
	for (size_t i = 0; i < s->nlisten; i++)
		open_option(s, s->listen[i]);
	if (!s->sockets && s->port)
		open_option(s, "127.0.0.1");
	for (size_t i = 0; !s->sockets && (element = conf_item(frame_conf(s->frame), "sip_listen", i, NULL)); i++) {
		open_element(s, element);
		while (conf_item(frame_conf(s->frame), "sip_listen", i + 1, NULL))
			open_element(s, conf_item(frame_conf(s->frame), "sip_listen", ++i, NULL));
	}
	if (!s->sockets)
		die_perm("nothing to listen on: sip_listen is empty");
	for (size_t i = 0; i < s->sockets; i++)
		if (s->socket[i].transport == SIP_TLS && !s->tls)
			tls_init(s);
	watch(s);
}

void sockets_close(struct server *s)
{
	for (size_t i = 0; i < s->sockets; i++) {
		event_free(s->socket[i].readable);
		close(s->socket[i].fd);
	}
	free(s->socket);
	s->sockets = 0;
}

void source_send(struct server *s, const struct sip_source *src, const union sip_addr *target, struct slice octets)
{
	capture_out(s, src, target, octets);
	if (src->transport == SIP_UDP)
		datagram_send(s, src, target, octets);
	else if (!connection_send(s, src->conn, octets))
		connection_open(s, src->socket, target, octets);
}
