#include "sip/response.h"
#include "sip/fields.h"
#include "base/text.h"

#include <osipparser2/osip_parser.h>

/* What is served today; sessions add theirs. A method that is listed here and answered 405 would send peers in circles. */
const char sip_allow[] = "OPTIONS, MESSAGE";
const char sip_accept[] =
	"message/cpim, text/plain, text/html, multipart/mixed, multipart/related, multipart/alternative";
const char sip_accept_encoding[] = "deflate, identity";
const char sip_supported[] = "timer, recipient-list-message";

static const struct {
	int status;
	const char *reason;
} reason_table[] = {
	{100, "Trying"},
	{180, "Ringing"},
	{200, "OK"},
	{202, "Accepted"},
	{400, "Bad Request"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{410, "Gone"},
	{413, "Request Entity Too Large"},
	{415, "Unsupported Media Type"},
	{416, "Unsupported URI Scheme"},
	{420, "Bad Extension"},
	{422, "Session Interval Too Small"},
	{480, "Temporarily Unavailable"},
	{481, "Call/Transaction Does Not Exist"},
	{482, "Loop Detected"},
	{484, "Address Incomplete"},
	{486, "Busy Here"},
	{487, "Request Terminated"},
	{488, "Not Acceptable Here"},
	{491, "Request Pending"},
	{500, "Server Internal Error"},
	{503, "Service Unavailable"},
	{505, "Version Not Supported"},
	{600, "Busy Everywhere"},
	{603, "Decline"},
};

/* What is unknown gets the phrase of its class. */
const char *sip_reason(int status)
{
	static const char *const class_reason[] = {
		"Unknown", "Progress", "OK", "Redirection", "Request Failure", "Server Failure", "Global Failure"};
	for (size_t i = 0; i < sizeof reason_table / sizeof *reason_table; i++)
		if (reason_table[i].status == status)
			return reason_table[i].reason;
	return class_reason[status >= 100 && status < 700 ? status / 100 : 0];
}

static void put_param(struct buf *out, const osip_generic_param_t *p)
{
	buf_putc(out, ';');
	buf_puts(out, p->gname);
	if (p->gvalue && *p->gvalue) {
		buf_putc(out, '=');
		buf_puts(out, p->gvalue);
	}
}

static void put_line(struct buf *out, const char *name, struct slice value)
{
	buf_puts(out, name);
	buf_puts(out, ": ");
	buf_slice(out, value);
	buf_puts(out, "\r\n");
}

/* The peer's own idea of received and rport is replaced: both are ours to say (RFC 3261 18.2.1, RFC 3581 4). */
static void put_top_via(struct buf *out, const struct sip_via *v, const struct sip_source *src)
{
	char text[SIP_ADDR_TEXT];
	union sip_addr sent_by;
	bool v6 = memchr(v->host.p, ':', v->host.n) != NULL;
	buf_printf(out, "Via: SIP/2.0/%.*s %s%.*s%s", (int)v->transport.n, v->transport.p, v6 ? "[" : "",
		   (int)v->host.n, v->host.p, v6 ? "]" : "");
	if (v->port)
		buf_printf(out, ":%d", v->port);
	osip_list_iterator_t it;
	osip_generic_param_t *p = osip_list_get_first(&v->osip->via_params, &it);
	for (; osip_list_iterator_has_elem(it); p = osip_list_get_next(&it))
		if (strcasecmp(p->gname, "received") != 0 && strcasecmp(p->gname, "rport") != 0)
			put_param(out, p);
	if (v->rport || !sip_addr_parse(&sent_by, v->host, 0) || !sip_addr_same_host(&sent_by, &src->peer))
		buf_printf(out, ";received=%s", sip_addr_text(&src->peer, text));
	if (v->rport)
		buf_printf(out, ";rport=%d", sip_addr_port(&src->peer));
	buf_puts(out, "\r\n");
	if (v->rest.n)
		put_line(out, "Via", v->rest);
}

static void put_field(struct buf *out, const struct sip_message *m, enum sip_header id)
{
	const struct sip_field *f = sip_message_field(m, id, 0);
	if (f)
		put_line(out, sip_header_name(id), f->value);
}

void sip_response_head(struct buf *out, const struct sip_message *m, const struct sip_source *src, size_t *to_end)
{
	size_t start = out->n;
	put_top_via(out, &m->via, src);
	const struct sip_field *f;
	for (int i = 1; (f = sip_message_field(m, SIP_VIA, i)); i++)
		put_line(out, "Via", f->value);
	put_field(out, m, SIP_FROM);
	*to_end = 0;
	if (sip_message_field(m, SIP_TO, 0)) {
		put_field(out, m, SIP_TO);
		if (!m->to.tag.n && m->to.osip) /* a To that was not understood is only handed back */
			*to_end = out->n - 2 - start;
	}
	put_field(out, m, SIP_CALL_ID);
	put_field(out, m, SIP_CSEQ);
}

void sip_response_put(struct buf *out, int status, const char *reason, struct slice head, size_t to_end,
		      const char *tag, struct slice extra)
{
	buf_printf(out, "SIP/2.0 %03d ", status);
	size_t n = out->n;
	if (reason)
		text_sanitise(out, slice_of(reason), 128);
	if (out->n == n)
		buf_puts(out, sip_reason(status));
	buf_puts(out, "\r\n");
	if (to_end && status > 100) {
		buf_put(out, head.p, to_end);
		buf_puts(out, ";tag=");
		buf_puts(out, tag);
		head = (struct slice){head.p + to_end, head.n - to_end};
	}
	buf_slice(out, head);
	buf_slice(out, extra);
	buf_puts(out, "Content-Length: 0\r\n\r\n");
}

void sip_response_target(const struct sip_message *m, const struct sip_source *src, union sip_addr *to)
{
	*to = src->peer;
	if (!m->via.rport || src->transport != SIP_UDP)
		sip_addr_set_port(to,
				  m->via.port ? m->via.port : sip_transport_port((enum sip_transport)src->transport));
}

bool sip_header_put(struct buf *out, const char *name, const char *value)
{
	struct slice n = slice_of(name);
	enum sip_header id = sip_header_of(n);
	if (!is_token(n.p, n.n) || n.n > 64 || id <= SIP_CSEQ || id == SIP_CONTENT_LENGTH || id == SIP_CONTENT_TYPE)
		return false;
	buf_printf(out, "%s: ", name);
	text_sanitise(out, slice_of(value), SIP_VALUE_MAX);
	buf_puts(out, "\r\n");
	return true;
}
