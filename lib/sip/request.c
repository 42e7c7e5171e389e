#include "sip/request.h"

#include "base/text.h"

enum { VALUE_MAX = 4096 };

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

static void put_parties(const struct sip_request *r, struct buf *out)
{
	const char *from = record_header(r->headers, "From", 0), *to = record_header(r->headers, "To", 0);
	struct buf value = {0};
	buf_puts(&value, from ? from : "");
	const char *end = strrchr(buf_str(&value), '>');
	if (!strcasestr(end ? end : buf_str(&value), ";tag="))
		buf_printf(&value, ";tag=%s", r->tag);
	put(out, "From", buf_str(&value));
	buf_clear(&value);
	buf_printf(&value, "<%s>", r->uri);
	put(out, "To", to ? to : buf_str(&value));
	buf_free(&value);
}

void sip_request_head(const struct sip_request *r, struct buf *out)
{
	const char *forwards = record_header(r->headers, "Max-Forwards", 0);
	buf_printf(out, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\n", r->method, r->uri, r->transport,
		   r->sent_by, r->branch);
	put(out, "Max-Forwards", forwards ? forwards : "70");
	if (r->proxy)
		put(out, "Route", r->proxy);
	put_parties(r, out);
	buf_printf(out, "Call-ID: %s%s%s\r\nCSeq: %u %s\r\n", r->call_id, r->host ? "@" : "", r->host ? r->host : "",
		   r->cseq, r->method);
	if (r->credentials)
		buf_puts(out, r->credentials);
	put_others(out, r->headers);
	if (r->type && *r->type)
		put(out, "Content-Type", r->type);
	buf_printf(out, "Content-Length: %zu\r\n\r\n", r->body);
}
