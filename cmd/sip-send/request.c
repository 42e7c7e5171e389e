#include "send.h"
#include "base/hash.h"
#include "base/text.h"
#include "sip/request.h"

#include <stdio.h>

/* The same for a record and a try: a request that is sent again after a crash is known by it. */
static void make_branch(struct task *t)
{
	unsigned char digest[SHA256_LEN];
	struct buf b = {0};
	buf_printf(&b, "branch %s %d %d", t->id, t->tries, t->sends);
	sha256(b.p, b.n, digest);
	buf_clear(&b);
	buf_puts(&b, "z9hG4bKgw");
	hex_put(&b, digest, SIP_REQUEST_BRANCH - b.n);
	snprintf(t->branch, sizeof t->branch, "%s", b.p);
	buf_free(&b);
}

void request_build(struct send *s, struct task *t)
{
	static const char *const transport[] = {"UDP", "TCP", "TLS"};
	struct buf type = {0}, body = {0}, sent_by = {0}, credentials = {0};
	make_branch(t);
	quirks_apply(t, &type, &body);
	wires_sent_by(s->wires, &t->now, &sent_by);
	auth_put(s, t, &credentials);
	struct sip_request r = {.method = t->method,
				.uri = t->uri,
				.transport = transport[t->now.transport],
				.sent_by = buf_str(&sent_by),
				.branch = t->branch,
				.proxy = record_str(record_get(t->member, "route"), "proxy"),
				.tag = t->tag,
				.call_id = t->call_id,
				.host = conf_str(s->conf, "gateway", NULL),
				.cseq = t->cseq,
				.headers = record_get(t->member, "headers"),
				.credentials = buf_str(&credentials),
				.type = buf_str(&type),
				.body = body.n + (t->rest.fd >= 0 ? (size_t)(t->rest.to - t->rest.from) : 0)};
	buf_clear(&t->wire);
	sip_request_head(&r, &t->wire);
	buf_slice(&t->wire, slice_buf(&body));
	buf_free(&type);
	buf_free(&body);
	buf_free(&sent_by);
	buf_free(&credentials);
}
