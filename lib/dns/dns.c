#include "dns/dns.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "dns/cache.h"
#include "dns/message.h"

#include <ares.h>
#include <arpa/inet.h>
#include <ctype.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/queue.h>

enum {
	BUCKETS = 1024,
	TRY_MS = 700, /* first wait for one server; c-ares doubles it with each round */
	TRIES = 3,
	EDNS_SIZE = 1232 /* no fragments */
};

struct waiter {
	dns_done *done;
	void *arg;
	struct waiter *next;
};

/* One question and who waits for it. Its life: queued, sent, answered. */
struct query {
	enum dns_type type;
	char *name;	       /* lower case, no final dot */
	struct flight *flight; /* while it is sent */
	int64_t deadline_us;
	const struct dns_answer *answer;
	struct waiter *waiters, **last;
	struct query *chain;	  /* bucket of the open ones */
	TAILQ_ENTRY(query) order; /* queued, sent or answered */
};

/* What c-ares holds of a question: it may outlive it, as c-ares has no way to give up one question. */
struct flight {
	struct dns *dns;
	struct query *query; /* NULL: nobody waits any more */
	enum dns_type type;
	char *name;
};

TAILQ_HEAD(queries, query);

struct dns {
	ares_channel channel;
	struct dns_cache cache;
	struct query *open[BUCKETS]; /* not yet answered */
	struct queries queued, sent, answered;
	int in_flight; /* in the hands of c-ares and awaited */
	int late;      /* in the hands of c-ares, given up here */
	bool closing;
};

struct dns *dns_open(const char *server)
{
	struct ares_options opt = {.flags = ARES_FLAG_EDNS, .timeout = TRY_MS, .tries = TRIES, .ednspsz = EDNS_SIZE};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ;
	static bool ready;
	if (!ready && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		die_temp("c-ares cannot be initialised");
	ready = true;
	struct dns *d = xcalloc(1, sizeof *d);
	TAILQ_INIT(&d->queued);
	TAILQ_INIT(&d->sent);
	TAILQ_INIT(&d->answered);
	int rc = ares_init_options(&d->channel, &opt, mask);
	if (rc != ARES_SUCCESS)
		die_temp("c-ares: %s", ares_strerror(rc));
	if (!server || !*server || ares_set_servers_ports_csv(d->channel, server) == ARES_SUCCESS)
		return d;
	dns_close(d);
	return NULL;
}

static void query_free(struct query *q)
{
	for (struct waiter *w = q->waiters, *next; w; w = next) {
		next = w->next;
		free(w);
	}
	dns_answer_drop(q->answer);
	free(q->name);
	free(q);
}

static struct query **bucket(struct dns *d, enum dns_type type, const char *name)
{
	return &d->open[(hash_keyed(name, strlen(name)) ^ (unsigned)type) % BUCKETS];
}

/* Answered: out of the open ones, into the line of those whose waiters are called. Adopts the answer. */
static void query_answered(struct dns *d, struct query *q, const struct dns_answer *a)
{
	struct query **at = bucket(d, q->type, q->name);
	while (*at != q)
		at = &(*at)->chain;
	*at = q->chain;
	if (q->flight) {
		TAILQ_REMOVE(&d->sent, q, order);
		d->in_flight--;
		q->flight = NULL;
	}
	q->answer = a;
	TAILQ_INSERT_TAIL(&d->answered, q, order);
}

/* c-ares has done with a question. An answer that came too late still helps the next one who asks. */
static void flight_end(struct flight *f, struct dns_answer *a, bool learn)
{
	if (learn)
		dns_cache_put(&f->dns->cache, f->type, f->name, a, clock_mono_us());
	if (f->query) {
		query_answered(f->dns, f->query, a);
	} else {
		f->dns->late--;
		dns_answer_drop(a);
	}
	free(f->name);
	free(f);
}

static struct dns_answer *reply_read(const struct flight *f, int status, const uint8_t *p, int n)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		if (p && n > 0)
			return dns_message_parse(p, (size_t)n, f->type, f->name);
		return dns_answer_new(status == ARES_ENOTFOUND ? DNS_NXDOMAIN : DNS_FAILED, 0);
	case ARES_EBADNAME:
		return dns_answer_new(DNS_NXDOMAIN, 0);
	default:
		return dns_answer_new(DNS_FAILED, 0);
	}
}

static void query_callback(void *arg, int status, int timeouts, unsigned char *p, int n)
{
	struct flight *f = arg;
	(void)timeouts;
	flight_end(f, reply_read(f, status, p, n), status != ARES_EDESTRUCTION && status != ARES_ECANCELLED);
}

static void addresses_of(const struct ares_addrinfo *info, struct dns_answer *a)
{
	for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next) {
		const void *octets = node->ai_family == AF_INET6
					     ? (const void *)&((struct sockaddr_in6 *)(void *)node->ai_addr)->sin6_addr
					     : (const void *)&((struct sockaddr_in *)(void *)node->ai_addr)->sin_addr;
		struct dns_rr *rr = dns_answer_add(a);
		if (!rr)
			return;
		inet_ntop(node->ai_family, octets, rr->address, sizeof rr->address);
		if (node->ai_ttl >= 0 && (uint32_t)node->ai_ttl < a->ttl)
			a->ttl = (uint32_t)node->ai_ttl;
	}
}

static void host_callback(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	enum { HOST_TTL = 300 }; /* a line of the hosts file has none */
	if (status != ARES_SUCCESS || !info) {
		query_callback(arg, status, timeouts, NULL, 0);
		return;
	}
	struct dns_answer *a = dns_answer_new(DNS_OK, HOST_TTL);
	addresses_of(info, a);
	ares_freeaddrinfo(info);
	if (a->n == 0)
		a->status = DNS_NODATA;
	flight_end(arg, a, true);
}

/* c-ares may call back before it returns: all of the question must stand by then. */
static void query_send(struct dns *d, struct query *q)
{
	enum { CLASS_IN = 1 };
	static const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT};
	struct flight *f = xcalloc(1, sizeof *f);
	*f = (struct flight){d, q, q->type, xstrdup(q->name)};
	q->flight = f;
	q->deadline_us = clock_mono_us() + DNS_TIMEOUT_MS * 1000;
	TAILQ_INSERT_TAIL(&d->sent, q, order);
	d->in_flight++;
	if (q->type == DNS_HOST)
		ares_getaddrinfo(d->channel, f->name, NULL, &hints, host_callback, f);
	else
		ares_query(d->channel, f->name, CLASS_IN, (int)q->type, query_callback, f);
}

static struct query *query_new(struct dns *d, enum dns_type type, const char *name)
{
	struct query *q = xcalloc(1, sizeof *q), **head = bucket(d, type, name);
	q->type = type;
	q->name = xstrdup(name);
	q->last = &q->waiters;
	q->chain = *head;
	*head = q;
	return q;
}

static struct query *query_find(struct dns *d, enum dns_type type, const char *name)
{
	struct query *q = *bucket(d, type, name);
	while (q && !(q->type == type && strcmp(q->name, name) == 0))
		q = q->chain;
	return q;
}

static void query_join(struct query *q, dns_done *done, void *arg)
{
	struct waiter *w = xcalloc(1, sizeof *w);
	w->done = done;
	w->arg = arg;
	*q->last = w;
	q->last = &w->next;
}

/* The answer without asking: from the cache, or because the name cannot exist. */
static const struct dns_answer *known(struct dns *d, enum dns_type type, const char *name)
{
	if (!dns_name_valid(name))
		return dns_answer_new(DNS_NXDOMAIN, 0);
	if (d->closing)
		return dns_answer_new(DNS_FAILED, 0);
	const struct dns_answer *a = dns_cache_get(&d->cache, type, name, clock_mono_us());
	return a ? dns_answer_keep(a) : NULL;
}

void dns_ask(struct dns *d, enum dns_type type, const char *asked, dns_done *done, void *arg)
{
	struct buf name = {0};
	for (const char *c = asked; *c; c++)
		buf_putc(&name, (char)tolower((unsigned char)*c));
	if (name.n && name.p[name.n - 1] == '.')
		name.p[--name.n] = '\0';
	struct query *q = query_find(d, type, buf_str(&name));
	if (!q) {
		const struct dns_answer *a = known(d, type, buf_str(&name));
		q = query_new(d, type, buf_str(&name));
		if (a)
			query_answered(d, q, a);
		else
			TAILQ_INSERT_TAIL(&d->queued, q, order);
	}
	query_join(q, done, arg);
	buf_free(&name);
}

static void send_queued(struct dns *d)
{
	struct query *q;
	while (d->in_flight < DNS_IN_FLIGHT_MAX && (q = TAILQ_FIRST(&d->queued))) {
		TAILQ_REMOVE(&d->queued, q, order);
		query_send(d, q);
	}
}

/* All wait equally long, so the first one sent is the first whose time is up. */
static void give_up_late(struct dns *d)
{
	struct query *q;
	int64_t now_us = clock_mono_us();
	while ((q = TAILQ_FIRST(&d->sent)) && q->deadline_us <= now_us) {
		struct dns_answer *a = dns_answer_new(DNS_FAILED, 0);
		dns_cache_put(&d->cache, q->type, q->name, a, now_us);
		q->flight->query = NULL;
		d->late++;
		query_answered(d, q, a);
	}
}

static void call_waiters(struct dns *d)
{
	struct query *q;
	while ((q = TAILQ_FIRST(&d->answered))) {
		TAILQ_REMOVE(&d->answered, q, order);
		for (struct waiter *w = q->waiters; w; w = w->next)
			w->done(w->arg, q->answer);
		query_free(q);
	}
}

/* Who still waits is told of a failure, and so is whatever is asked because of it: nobody's state is left behind. */
void dns_close(struct dns *d)
{
	struct query *q;
	if (!d)
		return;
	d->closing = true;
	ares_destroy(d->channel); /* calls back for all that is in its hands */
	while ((q = TAILQ_FIRST(&d->queued))) {
		TAILQ_REMOVE(&d->queued, q, order);
		query_answered(d, q, dns_answer_new(DNS_FAILED, 0));
	}
	call_waiters(d);
	dns_cache_clear(&d->cache);
	free(d);
}

/* How long to sleep: until c-ares or the eldest question wants to be looked after, and at most so long. */
static int wait_ms(struct dns *d, int most_ms)
{
	struct timeval most = {DNS_TIMEOUT_MS / 1000, 0}, room;
	struct timeval *next = ares_timeout(d->channel, &most, &room);
	int64_t ms = next->tv_sec * 1000 + (next->tv_usec + 999) / 1000;
	const struct query *q = TAILQ_FIRST(&d->sent);
	if (q) {
		int64_t left = clock_ms_until(q->deadline_us, clock_mono_us());
		ms = left < ms ? left : ms;
	}
	if (ms > most_ms)
		ms = most_ms;
	return ms < 0 ? 0 : (int)ms;
}

static void process_sockets(struct dns *d, int most_ms)
{
	ares_socket_t socket[ARES_GETSOCK_MAXNUM];
	struct pollfd fd[ARES_GETSOCK_MAXNUM];
	nfds_t n = 0;
	/* its macros shift a signed 1 into the sign bit */
	unsigned bits = (unsigned)ares_getsock(d->channel, socket, ARES_GETSOCK_MAXNUM);
	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short in = bits >> i & 1 ? POLLIN : 0, out = bits >> (i + ARES_GETSOCK_MAXNUM) & 1 ? POLLOUT : 0;
		short events = (short)(in | out);
		if (events)
			fd[n++] = (struct pollfd){socket[i], events, 0};
	}
	int ready = poll(fd, n, wait_ms(d, most_ms));
	if (ready <= 0)
		ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* its timeouts */
	for (nfds_t i = 0; ready > 0 && i < n; i++)
		if (fd[i].revents)
			ares_process_fd(d->channel, fd[i].revents & ~POLLOUT ? fd[i].fd : ARES_SOCKET_BAD,
					fd[i].revents & POLLOUT ? fd[i].fd : ARES_SOCKET_BAD);
}

/* Everything that needs no waiting: call back, send, call back for what was answered at once. */
static void settle(struct dns *d)
{
	do {
		call_waiters(d);
		send_queued(d);
	} while (!TAILQ_EMPTY(&d->answered));
}

static void turn(struct dns *d, int ms)
{
	process_sockets(d, ms);
	give_up_late(d);
	settle(d);
}

/* With nothing of ours left to come, c-ares need not go on asking for what was given up. */
static void rest(struct dns *d)
{
	if (TAILQ_EMPTY(&d->sent) && d->late)
		ares_cancel(d->channel);
}

void dns_wait(struct dns *d)
{
	settle(d);
	while (!TAILQ_EMPTY(&d->sent))
		turn(d, DNS_TIMEOUT_MS);
	rest(d);
}

void dns_wait_for(struct dns *d, const int *wanted, int ms)
{
	int64_t end_us = clock_mono_us() + ms * 1000ll;
	settle(d);
	if (!TAILQ_EMPTY(&d->sent))
		turn(d, 0);
	while (*wanted > 0 && !TAILQ_EMPTY(&d->sent)) {
		int left = clock_ms_until(end_us, clock_mono_us());
		if (!left)
			break;
		turn(d, left);
	}
	rest(d);
}
