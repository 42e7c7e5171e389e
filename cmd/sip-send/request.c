#include "send.h"
#include "base/hash.h"
#include "base/text.h"

#include <stdio.h>

enum { VALUE_MAX = 4096, BRANCH_DIGITS = 16 };

/* What the transaction layer writes itself. */
static bool is_own(const char *name)
{
	static const char *const own[] = {"Via",
					  "v",
					  "Route",
					  "Call-ID",
					  "i",
					  "CSeq",
					  "Content-Length",
					  "l",
					  "Content-Type",
					  "c",
					  "Max-Forwards",
					  "From",
					  "f",
					  "To",
					  "t",
					  "Authorization",
					  "Proxy-Authorization",
					  "Record-Route"};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (strcasecmp(name, own[i]) == 0)
			return true;
	return false;
}

static void put(struct buf *out, const char *name, const char *value)
{
	if (!is_token(name, strlen(name)))
		return;
	buf_printf(out, "%s: ", name);
	text_sanitise(out, slice_of(value), VALUE_MAX);
	buf_puts(out, "\r\n");
}

static void put_others(struct buf *out, const json_t *headers)
{
	for (size_t i = 0; i < json_array_size(headers); i++) {
		const json_t *pair = json_array_get(headers, i);
		const char *name = json_string_value(json_array_get(pair, 0)),
			   *value = json_string_value(json_array_get(pair, 1));
		if (name && value && !is_own(name))
			put(out, name, value);
	}
}

static void put_parties(const struct task *t, struct buf *out, const json_t *headers)
{
	const char *from = record_header(headers, "From", 0), *to = record_header(headers, "To", 0);
	struct buf value = {0};
	buf_puts(&value, from);
	const char *end = strrchr(from, '>');
	if (!strcasestr(end ? end : from, ";tag="))
		buf_printf(&value, ";tag=%s", t->tag);
	put(out, "From", buf_str(&value));
	buf_clear(&value);
	buf_printf(&value, "<%s>", t->uri);
	put(out, "To", to ? to : buf_str(&value));
	buf_free(&value);
}

/* The same for a record and a try: a request that is sent again after a crash is known by it. */
static void make_branch(struct task *t)
{
	unsigned char digest[SHA256_LEN];
	struct buf b = {0};
	buf_printf(&b, "branch %s %d %d", t->id, t->tries, t->sends);
	sha256(b.p, b.n, digest);
	buf_clear(&b);
	buf_puts(&b, "z9hG4bKgw");
	hex_put(&b, digest, BRANCH_DIGITS);
	snprintf(t->branch, sizeof t->branch, "%s", b.p);
	buf_free(&b);
}

void request_build(struct send *s, struct task *t)
{
	static const char *const transport[] = {"UDP", "TCP", "TLS"};
	const json_t *headers = record_get(t->member, "headers");
	const char *forwards = record_header(headers, "Max-Forwards", 0),
		   *proxy = record_str(record_get(t->member, "route"), "proxy"),
		   *host = conf_str(s->conf, "gateway", NULL);
	struct buf type = {0}, body = {0}, *out = &t->wire;
	buf_clear(out);
	make_branch(t);
	quirks_apply(t, &type, &body);
	buf_printf(out, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s ", t->method, t->uri, transport[t->now.transport]);
	wires_sent_by(s->wires, &t->now, out);
	buf_printf(out, ";branch=%s;rport\r\n", t->branch);
	put(out, "Max-Forwards", forwards ? forwards : "70");
	if (proxy)
		put(out, "Route", proxy);
	put_parties(t, out, headers);
	buf_printf(out, "Call-ID: %s%s%s\r\nCSeq: %u %s\r\n", t->call_id, host ? "@" : "", host ? host : "", t->cseq,
		   t->method);
	auth_put(s, t, out);
	put_others(out, headers);
	if (type.n)
		put(out, "Content-Type", buf_str(&type));
	buf_printf(out, "Content-Length: %zu\r\n\r\n", body.n);
	buf_slice(out, slice_buf(&body));
	buf_free(&type);
	buf_free(&body);
}
