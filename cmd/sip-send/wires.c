#include "wires.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "link.h"
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { DATAGRAM_MAX = 65535 };

struct wires {
	const struct conf *conf;
	struct wires_hooks hooks;
	int udp[2]; /* IPv4, IPv6; -1: not open yet */
	SSL_CTX *tls;
	struct link *links;
	uint64_t serial;
	struct pollfd *polls;
	size_t cap;
	char *datagram;
};

struct wires *wires_open(const struct conf *c, const struct wires_hooks *hooks)
{
	struct wires *w = xcalloc(1, sizeof *w);
	w->conf = c;
	w->hooks = *hooks;
	w->udp[0] = w->udp[1] = -1;
	w->datagram = xmalloc(DATAGRAM_MAX);
	return w;
}

void wires_close(struct wires *w)
{
	for (struct link *l; (l = w->links);) {
		w->links = l->next;
		link_free(l);
	}
	for (int i = 0; i < 2; i++)
		if (w->udp[i] >= 0)
			close(w->udp[i]);
	SSL_CTX_free(w->tls);
	free(w->polls);
	free(w->datagram);
	free(w);
}

/* ---- who looks on ---- */

static bool address_of(int fd, union sip_addr *out)
{
	struct sockaddr_storage local;
	socklen_t n = sizeof local;
	bool known = getsockname(fd, (struct sockaddr *)&local, &n) == 0;
	if (known)
		sip_addr_set(out, (struct sockaddr *)&local);
	return known;
}

/* The address from which the system would send there; its port is nobody's. */
static bool address_towards(const union sip_addr *peer, union sip_addr *out)
{
	int fd = socket(peer->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known = fd >= 0 && connect(fd, &peer->sa, sip_addr_len(peer)) == 0 && address_of(fd, out);
	if (fd >= 0)
		close(fd);
	return known;
}

/* fd: the socket; that of datagrams is bound to no address. */
static void seen(struct wires *w, bool out, enum sip_transport transport, int fd, const union sip_addr *peer, struct slice octets)
{
	union sip_addr bound;
	struct wire_seen m = {.out = out, .transport = transport, .peer = *peer, .octets = octets};
	if (!w->hooks.seen || !address_of(fd, &bound))
		return;
	m.own = bound;
	if (transport == SIP_UDP && address_towards(peer, &m.own))
		sip_addr_set_port(&m.own, sip_addr_port(&bound));
	w->hooks.seen(w->hooks.ctx, &m);
}

/* ---- datagrams ---- */

static int udp_socket(struct wires *w, int family)
{
	int *fd = &w->udp[family == AF_INET6], one = 1;
	if (*fd >= 0)
		return *fd;
	*fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -1;
	/* a refusal comes as ICMP: with this it is told, for whichever peer */
	if (family == AF_INET6) {
		setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
		setsockopt(*fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof one);
	} else {
		setsockopt(*fd, IPPROTO_IP, IP_RECVERR, &one, sizeof one);
	}
	struct sockaddr_storage any = {.ss_family = (sa_family_t)family};
	socklen_t n = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (bind(*fd, (struct sockaddr *)&any, n) != 0) {
		close(*fd);
		*fd = -1;
	}
	return *fd;
}

static void udp_refusals(struct wires *w, int fd)
{
	struct sockaddr_storage from;
	char control[512], octet;
	for (;;) {
		struct iovec iov = {&octet, 1};
		struct msghdr m = {.msg_name = &from,
				   .msg_namelen = sizeof from,
				   .msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof control};
		if (recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
			return;
		union sip_addr peer;
		sip_addr_set(&peer, (struct sockaddr *)&from);
		w->hooks.lost(w->hooks.ctx, 0, &peer, "datagrams are refused");
	}
}

static void udp_read(struct wires *w, int fd)
{
	for (;;) {
		struct sockaddr_storage from;
		socklen_t n = sizeof from;
		ssize_t r = recvfrom(fd, w->datagram, DATAGRAM_MAX, 0, (struct sockaddr *)&from, &n);
		if (r < 0 && errno != EAGAIN && errno != EINTR)
			udp_refusals(w, fd);
		if (r < 0)
			return;
		union sip_addr peer;
		struct slice head, body;
		const char *why;
		sip_addr_set(&peer, (struct sockaddr *)&from);
		seen(w, false, SIP_UDP, fd, &peer, (struct slice){w->datagram, (size_t)r});
		if (sip_datagram_cut((struct slice){w->datagram, (size_t)r}, &head, &body, &why) == 0)
			w->hooks.received(w->hooks.ctx, &peer, head);
	}
}

static bool udp_send(struct wires *w, const struct wire_target *t, struct slice octets, const char **why)
{
	int fd = udp_socket(w, t->addr.sa.sa_family);
	if (fd < 0) {
		*why = "no socket";
		return false;
	}
	/* an error of an earlier datagram is reported at the next call, whomever that is for */
	for (int i = 0; i < 3; i++) {
		if (sendto(fd, octets.p, octets.n, 0, &t->addr.sa, sip_addr_len(&t->addr)) >= 0 || errno == EAGAIN) {
			seen(w, true, SIP_UDP, fd, &t->addr, octets);
			return true; /* a full buffer is a lost datagram: timer E */
		}
		*why = strerror(errno);
		udp_refusals(w, fd);
	}
	return false;
}

/* ---- connections ---- */

static struct link *link_find(struct wires *w, const struct wire_target *t)
{
	struct link *l = w->links;
	while (l && !(l->state != LINK_DEAD && l->transport == t->transport && sip_addr_same_host(&l->peer, &t->addr) &&
		      sip_addr_port(&l->peer) == sip_addr_port(&t->addr) &&
		      (t->transport != SIP_TLS || strcasecmp(l->name, t->name ? t->name : "") == 0)))
		l = l->next;
	return l;
}

static bool stream_send(struct wires *w, const struct wire_target *t, struct slice octets, const struct wire_rest *rest,
			uint64_t *link, const char **why)
{
	struct link *l = link_find(w, t);
	if (!l && t->transport == SIP_TLS && !w->tls && !(w->tls = tls_client_open(w->conf))) {
		*why = "TLS cannot be used";
		return false;
	}
	if (!l) {
		l = link_new(t, w->tls, ++w->serial, clock_mono_us());
		l->next = w->links;
		w->links = l;
	}
	if (l->state == LINK_DEAD) {
		*why = l->why;
		return false;
	}
	*link = l->number;
	seen(w, true, l->transport, l->octets.fd, &l->peer, octets);
	return link_put(l, octets, rest, why);
}

bool wires_send(struct wires *w, const struct wire_target *t, struct slice octets, const struct wire_rest *rest,
		uint64_t *link, const char **why)
{
	*link = 0;
	if (t->transport != SIP_UDP)
		return stream_send(w, t, octets, rest, link, why);
	if (rest) {
		*why = "too large for a datagram";
		return false;
	}
	return udp_send(w, t, octets, why);
}

static void got_message(void *ctx, struct link *l, struct slice head)
{
	struct wires *w = ctx;
	l->used = clock_mono_us();
	seen(w, false, l->transport, l->octets.fd, &l->peer, head);
	w->hooks.received(w->hooks.ctx, &l->peer, head);
}

static void look_after(struct link *l, int64_t now)
{
	if ((l->state == LINK_CONNECTING || l->state == LINK_HANDSHAKE) && now - l->used > LINK_CONNECT_MS * 1000LL) {
		l->state = LINK_DEAD;
		l->why = "no connection in time";
	} else if (l->state == LINK_OPEN && now - l->used > LINK_IDLE_MS * 1000LL) {
		l->state = LINK_DEAD;
		l->why = "idle";
	}
}

/* The hook may open new connections: the dead are taken out first. */
static void bury(struct wires *w)
{
	struct link *dead = NULL;
	for (struct link **at = &w->links, *l; (l = *at);) {
		if (l->state == LINK_DEAD) {
			*at = l->next;
			l->next = dead;
			dead = l;
		} else {
			at = &l->next;
		}
	}
	for (struct link *l; (l = dead);) {
		dead = l->next;
		w->hooks.lost(w->hooks.ctx, l->number, &l->peer, l->why);
		link_free(l);
	}
}

void wires_run(struct wires *w, int ms)
{
	size_t n = 0, count = 2;
	for (const struct link *l = w->links; l; l = l->next)
		count++;
	if (count > w->cap) {
		w->cap = 2 * count;
		w->polls = xrealloc(w->polls, w->cap * sizeof *w->polls);
	}
	for (int i = 0; i < 2; i++)
		w->polls[n++] = (struct pollfd){w->udp[i], POLLIN, 0};
	for (const struct link *l = w->links; l; l = l->next)
		w->polls[n++] = (struct pollfd){l->octets.fd, link_events(l), 0};
	poll(w->polls, n, ms);
	for (int i = 0; i < 2; i++)
		if (w->polls[i].revents)
			udp_read(w, w->udp[i]);
	/* the hooks may put new ones in front of those that were polled: all are tried, which costs little */
	int64_t now = clock_mono_us();
	for (struct link *l = w->links; l; l = l->next) {
		if (link_run(l, got_message, w) && w->hooks.progress) {
			l->used = now;
			w->hooks.progress(w->hooks.ctx, l->number);
		}
		look_after(l, now);
	}
	bury(w);
}

bool wires_busy(const struct wires *w)
{
	return w->links != NULL;
}

/* ---- Via ---- */

/* "HOST[:PORT]" as advertised, without the port; IPv6 in brackets. */
static bool advertised(const struct wires *w, int family, struct buf *out, int *port)
{
	const char *item;
	for (size_t i = 0; (item = conf_item(w->conf, "advertise", i, NULL)); i++) {
		bool bracket = *item == '[', bare6 = !bracket && strchr(item, ':') != strrchr(item, ':');
		const char *colon = bracket ? strstr(item, "]:") : bare6 ? NULL : strchr(item, ':');
		size_t n = colon ? (size_t)(colon - item) + bracket : strlen(item);
		union sip_addr a;
		if (sip_addr_parse(&a, (struct slice){item, n}, 0) && a.sa.sa_family != family)
			continue;
		*port = colon ? atoi(colon + 1 + bracket) : 0;
		buf_printf(out, bare6 ? "[%.*s]" : "%.*s", (int)n, item);
		return true;
	}
	return false;
}

static void local_address(const struct wire_target *t, struct buf *out)
{
	char text[SIP_ADDR_TEXT];
	union sip_addr a;
	if (address_towards(&t->addr, &a))
		buf_printf(out, a.sa.sa_family == AF_INET6 ? "[%s]" : "%s", sip_addr_text(&a, text));
	else
		buf_puts(out, t->addr.sa.sa_family == AF_INET6 ? "[::1]" : "127.0.0.1");
}

void wires_sent_by(struct wires *w, const struct wire_target *t, struct buf *out)
{
	int port = 0;
	if (!advertised(w, t->addr.sa.sa_family, out, &port))
		local_address(t, out);
	if (t->transport == SIP_UDP) {
		struct sockaddr_storage local;
		socklen_t n = sizeof local;
		union sip_addr a;
		int fd = udp_socket(w, t->addr.sa.sa_family);
		if (fd >= 0 && getsockname(fd, (struct sockaddr *)&local, &n) == 0) {
			sip_addr_set(&a, (struct sockaddr *)&local);
			port = sip_addr_port(&a);
		}
	}
	if (port)
		buf_printf(out, ":%d", port);
}
