#include "selftest.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "sip/net.h"
#include "sip/transaction.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { T1_US = 500000, T2_US = 4000000, ANSWER_MAX = 65536 };

static void gateway_address(const char *text, union sip_addr *a)
{
	struct slice host = slice_of(text);
	const char *colon = strrchr(text, ':');
	long port = SIP_PORT;
	bool bare = colon && text[0] != '[' && memchr(text, ':', (size_t)(colon - text));
	if (colon && !bare && !strchr(colon, ']')) {
		port = strtol(colon + 1, NULL, 10);
		host.n = (size_t)(colon - text);
	}
	if (port < 1 || port > 65535 || !sip_addr_parse(a, host, (int)port))
		die_perm("%s: ADDRESS:PORT is wanted, numeric", text);
}

/* The record that sip-listen makes of the request has this id, and everything that it causes has it as its trace. */
static void derive_trace(struct probe *p)
{
	struct sip_transaction_limits limits = sip_transaction_limits_default(10);
	struct sip_transactions *table = sip_transactions_new(&limits);
	struct sip_source source = {.transport = SIP_UDP};
	struct sip_message m = {0};
	struct buf b = {0};
	const char *end = strstr(p->request.p, "\r\n\r\n");
	source.peer.in4.sin_family = AF_INET;
	if (sip_message_parse(&m, (struct slice){p->request.p, (size_t)(end + 4 - p->request.p)}) != 0)
		die_perm("no message can be made for %s from %s: %s", p->to, p->from, m.why ? m.why : "");
	buf_puts(&b, "sip.request\n");
	buf_slice(&b, sip_transaction_request(sip_transactions_add(table, &m, &source, 0)));
	record_id_derived(slice_buf(&b), p->trace);
	buf_free(&b);
	sip_message_free(&m);
	sip_transactions_free(table);
}

static void write_request(struct probe *p)
{
	union sip_addr own;
	socklen_t len = sizeof own;
	char host[SIP_ADDR_TEXT], stamp[CLOCK_ISO], body[128];
	if (getsockname(p->fd, &own.sa, &len) != 0)
		die_temp("getsockname:");
	sip_addr_text(&own, host);
	clock_iso(clock_real_us() / 1000, stamp);
	snprintf(body, sizeof body, "cpmail selftest %s at %s", p->token, stamp);
	bool six = own.sa.sa_family == AF_INET6;
	buf_printf(&p->request, "MESSAGE %s SIP/2.0\r\n", p->to);
	buf_printf(&p->request, "Via: SIP/2.0/UDP %s%s%s:%d;rport;branch=z9hG4bK%s\r\n", six ? "[" : "", host, six ? "]" : "", sip_addr_port(&own),
		   p->token);
	buf_printf(&p->request, "From: <%s>;tag=%.8s\r\nTo: <%s>\r\nCall-ID: %s@selftest\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\n", p->from, p->token,
		   p->to, p->token);
	buf_printf(&p->request, "Content-Type: text/plain;charset=utf-8\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
}

void probe_open(struct probe *p)
{
	union sip_addr a;
	uint8_t octets[16];
	struct buf hex = {0};
	gateway_address(p->gateway, &a);
	random_octets(octets, sizeof octets);
	hex_put(&hex, octets, 32);
	memcpy(p->token, hex.p, sizeof p->token);
	buf_free(&hex);
	p->fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || connect(p->fd, &a.sa, sip_addr_len(&a)) != 0)
		die_temp("%s:", p->gateway);
	write_request(p);
	derive_trace(p);
}

/* A final answer to our request? Its status line and Call-ID are enough to know. */
static bool is_final(struct probe *p, const char *answer)
{
	int status, n = 0;
	if (sscanf(answer, "SIP/2.0 %3d %n", &status, &n) < 1 || !n || status < 200 || !strstr(answer, p->token))
		return false;
	p->status = status;
	snprintf(p->reason, sizeof p->reason, "%.*s", (int)strcspn(answer + n, "\r\n"), answer + n);
	return true;
}

bool probe_ask(struct probe *p, int64_t deadline_us)
{
	static char answer[ANSWER_MAX];
	int64_t interval = T1_US, next = 0;
	p->sent_us = clock_mono_us();
	for (int64_t now = p->sent_us; now < deadline_us; now = clock_mono_us()) {
		if (now >= next) {
			ssize_t sent = send(p->fd, p->request.p, p->request.n, 0);
			(void)sent; /* refused or lost: it is sent again */
			next = now + interval;
			interval = 2 * interval < T2_US ? 2 * interval : T2_US;
		}
		int64_t until = next < deadline_us ? next : deadline_us;
		struct pollfd poll_answer = {.fd = p->fd, .events = POLLIN};
		if (poll(&poll_answer, 1, (int)((until - now) / 1000) + 1) <= 0)
			continue;
		ssize_t n = recv(p->fd, answer, sizeof answer - 1, MSG_DONTWAIT);
		if (n < 0 && errno == ECONNREFUSED) /* nobody there yet: not at once again */
			usleep(100000);
		if (n <= 0)
			continue;
		answer[n] = '\0';
		if (is_final(p, answer))
			return true;
		interval = T2_US; /* a provisional one: it has arrived */
	}
	return false;
}

void probe_close(struct probe *p)
{
	close(p->fd);
	buf_free(&p->request);
}
