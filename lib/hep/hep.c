#include "hep/hep.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

/* Chunk types of vendor 0. */
enum chunk {
	CHUNK_FAMILY = 1,
	CHUNK_PROTOCOL = 2,
	CHUNK_FROM4 = 3,
	CHUNK_TO4 = 4,
	CHUNK_FROM6 = 5,
	CHUNK_TO6 = 6,
	CHUNK_FROM_PORT = 7,
	CHUNK_TO_PORT = 8,
	CHUNK_SECONDS = 9,
	CHUNK_MICROSECONDS = 10,
	CHUNK_TYPE = 11,
	CHUNK_AGENT = 12,
	CHUNK_KEY = 14,
	CHUNK_PAYLOAD = 15,
	CHUNK_CORRELATION = 17
};

enum { HEAD = 6, FAMILY_INET = 2, FAMILY_INET6 = 10, TEXT_MAX = 255 };

union address {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

struct hep {
	int fd;
	uint32_t id;
	char *key;
	union address own; /* of the capture socket: where nothing else is known */
	struct buf out;
};

/* ---- chunks ---- */

static void put16(struct buf *b, unsigned v)
{
	buf_putc(b, (char)(v >> 8));
	buf_putc(b, (char)v);
}

static void chunk(struct buf *b, enum chunk type, const void *p, size_t n)
{
	put16(b, 0);
	put16(b, type);
	put16(b, (unsigned)(HEAD + n));
	buf_put(b, p, n);
}

static void chunk8(struct buf *b, enum chunk type, uint8_t v)
{
	chunk(b, type, &v, 1);
}

static void chunk16(struct buf *b, enum chunk type, uint16_t network)
{
	chunk(b, type, &network, 2);
}

static void chunk32(struct buf *b, enum chunk type, uint32_t v)
{
	uint32_t network = htonl(v);
	chunk(b, type, &network, 4);
}

static void chunk_text(struct buf *b, enum chunk type, struct slice s)
{
	if (s.n)
		chunk(b, type, s.p, s.n > TEXT_MAX ? TEXT_MAX : s.n);
}

/* ---- a packet ---- */

static void put_addresses(struct buf *b, const union address *from, const union address *to)
{
	bool six = from->sa.sa_family == AF_INET6;
	chunk8(b, CHUNK_FAMILY, six ? FAMILY_INET6 : FAMILY_INET);
	if (six) {
		chunk(b, CHUNK_FROM6, &from->in6.sin6_addr, 16);
		chunk(b, CHUNK_TO6, &to->in6.sin6_addr, 16);
	} else {
		chunk(b, CHUNK_FROM4, &from->in4.sin_addr, 4);
		chunk(b, CHUNK_TO4, &to->in4.sin_addr, 4);
	}
	chunk16(b, CHUNK_FROM_PORT, six ? from->in6.sin6_port : from->in4.sin_port);
	chunk16(b, CHUNK_TO_PORT, six ? to->in6.sin6_port : to->in4.sin_port);
}

/* The address that is meant; an unknown one, or one of the other family, is our own or none. */
static void address_of(const struct hep *h, const struct sockaddr *given, sa_family_t family, union address *out)
{
	*out = (union address){.sa.sa_family = family};
	if (given && given->sa_family == family)
		memcpy(out, given, family == AF_INET6 ? sizeof out->in6 : sizeof out->in4);
	else if (h->own.sa.sa_family == family)
		*out = h->own;
}

void hep_send(struct hep *h, const struct hep_packet *p)
{
	struct buf *b = &h->out;
	union address from, to;
	struct slice payload = p->payload;
	sa_family_t family = p->from ? p->from->sa_family : p->to ? p->to->sa_family : h->own.sa.sa_family;
	if (payload.n > HEP_PAYLOAD_MAX)
		payload.n = HEP_PAYLOAD_MAX;
	address_of(h, p->from, family, &from);
	address_of(h, p->to, family, &to);
	buf_clear(b);
	buf_puts(b, "HEP3");
	put16(b, 0); /* the length, known at the end */
	chunk8(b, CHUNK_PROTOCOL, (uint8_t)p->protocol);
	put_addresses(b, &from, &to);
	chunk32(b, CHUNK_SECONDS, (uint32_t)(p->time_us / 1000000));
	chunk32(b, CHUNK_MICROSECONDS, (uint32_t)(p->time_us % 1000000));
	chunk8(b, CHUNK_TYPE, (uint8_t)p->type);
	chunk32(b, CHUNK_AGENT, h->id);
	if (h->key)
		chunk_text(b, CHUNK_KEY, slice_of(h->key));
	chunk_text(b, CHUNK_CORRELATION, p->correlation);
	chunk(b, CHUNK_PAYLOAD, payload.p, payload.n);
	b->p[4] = (char)(b->n >> 8);
	b->p[5] = (char)b->n;
	/* nobody listens, or the buffer is full: a copy is lost, no more */
	ssize_t sent = send(h->fd, b->p, b->n, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)sent;
}

/* ---- open, close ---- */

static bool parse(const char *text, union address *a)
{
	struct slice rest = slice_of(text), host;
	bool port = false;
	*a = (union address){0};
	if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(HEP_PORT);
		return true;
	}
	bool six = text[0] == '[';
	if (six) {
		rest = (struct slice){rest.p + 1, rest.n - 1};
		host = slice_cut(&rest, ']', &port);
		port = rest.n && rest.p[0] == ':';
		rest = port ? (struct slice){rest.p + 1, rest.n - 1} : rest;
	} else {
		host = slice_cut(&rest, ':', &port);
	}
	char *name = slice_dup(host);
	long number = port ? strtol(rest.p, NULL, 10) : HEP_PORT;
	bool good = number > 0 && number < 65536 &&
		    inet_pton(six ? AF_INET6 : AF_INET, name, six ? (void *)&a->in6.sin6_addr : &a->in4.sin_addr) == 1;
	free(name);
	a->sa.sa_family = six ? AF_INET6 : AF_INET;
	if (six)
		a->in6.sin6_port = htons((uint16_t)number);
	else
		a->in4.sin_port = htons((uint16_t)number);
	return good;
}

struct hep *hep_open(const char *address, uint32_t id, const char *key)
{
	union address a;
	struct hep *h = xcalloc(1, sizeof *h);
	socklen_t len = sizeof h->own;
	errno = EINVAL;
	h->fd = parse(address, &a) ? socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
	if (h->fd >= 0 && connect(h->fd, &a.sa, a.sa.sa_family == AF_INET6 ? sizeof a.in6 : sizeof a.in4) == 0 &&
	    getsockname(h->fd, &h->own.sa, &len) == 0) {
		h->id = id;
		h->key = key ? xstrdup(key) : NULL;
		return h;
	}
	hep_close(h);
	return NULL;
}

void hep_close(struct hep *h)
{
	if (!h)
		return;
	int err = errno;
	if (h->fd >= 0)
		close(h->fd);
	if (h->key)
		explicit_bzero(h->key, strlen(h->key));
	free(h->key);
	buf_free(&h->out);
	free(h);
	errno = err;
}
