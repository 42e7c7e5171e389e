#include "sip/message.h"
#include "sip/fields.h"
#include "base/log.h"
#include "base/text.h"

#include <osipparser2/osip_parser.h>
#include <stdio.h>
#include <stdlib.h>

/* Wrong input is the peer's matter and told to it; the parser's own words are for debugging. */
static void __attribute__((format(printf, 4, 0)))
trace(const char *file, int line, osip_trace_level_t level, const char *fmt, va_list ap)
{
	if (!log_wants(LOG_DEBUG))
		return;
	struct buf text = {0};
	(void)file, (void)line, (void)level;
	buf_vprintf(&text, fmt, ap);
	log_event(LOG_DEBUG, NULL, "parser", "text", buf_str(&text), NULL);
	buf_free(&text);
}

void sip_init(void)
{
	static bool done;
	if (done)
		return;
	done = true;
	/* First of all: without a trace of its own the parser writes to standard output, which carries records. */
	osip_trace_initialize_func(OSIP_ERROR, trace);
	if (parser_init() != OSIP_SUCCESS)
		die_temp("the SIP parser does not start");
}

const struct sip_field *sip_message_field(const struct sip_message *m, enum sip_header id, int n)
{
	for (size_t i = 0; i < m->nfields; i++)
		if (m->fields[i].id == id && n-- == 0)
			return &m->fields[i];
	return NULL;
}

bool sip_message_element(const struct sip_message *m, enum sip_header id, struct sip_cursor *c, struct slice *element)
{
	for (;;) {
		while (!c->rest.n) {
			while (c->field < m->nfields && m->fields[c->field].id != id)
				c->field++;
			if (c->field == m->nfields)
				return false;
			c->rest = m->fields[c->field++].value;
		}
		size_t n = sip_find_outside(c->rest, ',');
		*element = slice_trim((struct slice){c->rest.p, n});
		n += n < c->rest.n;
		c->rest = (struct slice){c->rest.p + n, c->rest.n - n};
		if (element->n)
			return true;
	}
}

/* ---- start line ---- */

static void parse_status_line(struct sip_message *m, struct slice line)
{
	bool more;
	m->request = false;
	struct slice version = slice_cut(&line, ' ', &more);
	struct slice code = slice_cut(&line, ' ', &more);
	m->code = (int)sip_number(code, 699);
	if (!slice_ieq(version, "SIP/2.0") || !more || code.n != 3 || m->code < 100)
		sip_message_fault(m, 400, "Bad Status Line");
}

/* METHOD SP URI SP SIP/2.0, with single spaces and nothing else (RFC 3261 7.1). */
static void parse_request_line(struct sip_message *m, struct slice line)
{
	bool first, second;
	m->request = true;
	m->method = slice_cut(&line, ' ', &first);
	m->uri = slice_cut(&line, ' ', &second);
	m->method_id = sip_method_of(m->method);
	if (!first || !second || !is_token(m->method.p, m->method.n)) {
		sip_message_fault(m, 400, "Bad Request Line");
		return;
	}
	if (!slice_istarts(line, "SIP/") || memchr(line.p, ' ', line.n))
		sip_message_fault(m, 400, "Bad Request Line");
	else if (!slice_ieq(line, "SIP/2.0"))
		sip_message_fault(m, 505, NULL);
	if (!sip_uri_sound(m->uri))
		sip_message_fault(m, 400, "Bad Request-URI");
}

/* libosip2 must agree that a sip or sips URI is one, and it may not carry headers (RFC 3261 19.1.1). */
static void verify_uri(struct sip_message *m)
{
	struct slice scheme = sip_uri_scheme(m->uri);
	if (m->status || !(slice_ieq(scheme, "sip") || slice_ieq(scheme, "sips")))
		return;
	osip_uri_t *uri = NULL;
	char *text = slice_dup(m->uri);
	if (osip_uri_init(&uri) != OSIP_SUCCESS)
		die_temp("out of memory");
	if (osip_uri_parse(uri, text) != OSIP_SUCCESS || !uri->host || !*uri->host)
		sip_message_fault(m, 400, "Bad Request-URI");
	else if (osip_list_size(&uri->url_headers) > 0)
		sip_message_fault(m, 400, "Headers In Request-URI");
	else if (uri->port && sip_number(slice_of(uri->port), 65535) < 0)
		sip_message_fault(m, 400, "Bad Request-URI");
	osip_uri_free(uri);
	free(text);
}

/* ---- headers ---- */

static const struct sip_field *need(struct sip_message *m, enum sip_header id, const char *missing)
{
	const struct sip_field *f = sip_message_field(m, id, 0);
	if (!f || !f->value.n) {
		sip_message_fault(m, 400, missing);
		return NULL;
	}
	return f;
}

static void parse_call_id(struct sip_message *m)
{
	const struct sip_field *f = need(m, SIP_CALL_ID, "Missing Call-ID");
	if (!f)
		return;
	m->call_id = f->value;
	for (size_t i = 0; i < f->value.n; i++)
		if ((unsigned char)f->value.p[i] <= ' ' || (unsigned char)f->value.p[i] >= 127)
			sip_message_fault(m, 400, "Bad Call-ID");
}

static void parse_cseq(struct sip_message *m)
{
	const struct sip_field *f = need(m, SIP_CSEQ, "Missing CSeq");
	osip_cseq_t *cseq = NULL;
	if (!f)
		return;
	if (osip_cseq_init(&cseq) != OSIP_SUCCESS)
		die_temp("out of memory");
	int64_t n = -1;
	if (osip_cseq_parse(cseq, f->value.p) == OSIP_SUCCESS && cseq->number && cseq->method) {
		n = sip_number(slice_of(cseq->number), INT32_MAX);
		if (!is_token(cseq->method, strlen(cseq->method)))
			n = -1;
		else if (m->request && !slice_eq(m->method, cseq->method))
			sip_message_fault(m, 400, "CSeq Method Mismatch");
	}
	if (n < 0)
		sip_message_fault(m, 400, "Bad CSeq");
	else
		m->cseq = (uint32_t)n;
	osip_cseq_free(cseq);
}

static void parse_parties(struct sip_message *m)
{
	const struct sip_field *f = need(m, SIP_FROM, "Missing From");
	if (f && !sip_party_parse(&m->from, f->value))
		sip_message_fault(m, 400, "Bad From");
	f = need(m, SIP_TO, "Missing To");
	if (f && !sip_party_parse(&m->to, f->value))
		sip_message_fault(m, 400, "Bad To");
}

/* Any number of digits, as a leading zero is no fault; 0 to 255. */
static void parse_max_forwards(struct sip_message *m)
{
	const struct sip_field *f = sip_message_field(m, SIP_MAX_FORWARDS, 0);
	m->max_forwards = -1;
	if (!f)
		return;
	m->max_forwards = (int)sip_number(f->value, 255);
	if (m->max_forwards < 0)
		sip_message_fault(m, 400, "Bad Max-Forwards");
}

static void lower_puts(struct buf *out, const char *s)
{
	for (; *s; s++)
		buf_putc(out, *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s);
}

static void parse_content_type(struct sip_message *m)
{
	const struct sip_field *f = sip_message_field(m, SIP_CONTENT_TYPE, 0);
	osip_content_type_t *type = NULL;
	buf_clear(&m->content_type);
	if (!f || !f->value.n)
		return;
	if (osip_content_type_init(&type) != OSIP_SUCCESS)
		die_temp("out of memory");
	struct buf tidy = {0};
	sip_squeeze(&tidy, f->value, "/;=");
	if (sip_value_balanced(f->value) && osip_content_type_parse(type, buf_str(&tidy)) == OSIP_SUCCESS &&
	    type->type && type->subtype && is_token(type->type, strlen(type->type)) &&
	    is_token(type->subtype, strlen(type->subtype))) {
		lower_puts(&m->content_type, type->type);
		buf_putc(&m->content_type, '/');
		lower_puts(&m->content_type, type->subtype);
	} else {
		sip_message_fault(m, 400, "Bad Content-Type");
	}
	osip_content_type_free(type);
	buf_free(&tidy);
}

static void forget(struct sip_message *m)
{
	sip_via_release(&m->via);
	sip_party_free(&m->from);
	sip_party_free(&m->to);
	sip_party_free(&m->identity);
	m->identified = false;
	m->call_id = m->method = m->uri = (struct slice){"", 0};
	m->method_id = SIP_OTHER_METHOD;
	m->cseq = 0;
	m->code = m->status = 0;
	m->why = NULL;
}

int sip_message_parse(struct sip_message *m, struct slice head)
{
	struct slice start;
	forget(m);
	sip_fields_scan(m, head, &start);
	if (slice_istarts(start, "SIP/"))
		parse_status_line(m, start);
	else
		parse_request_line(m, start);
	if (m->request)
		verify_uri(m);
	const struct sip_field *via = need(m, SIP_VIA, "Missing Via");
	if (via && !sip_via_take(&m->via, via->value))
		sip_message_fault(m, 400, "Bad Via");
	parse_parties(m);
	parse_call_id(m);
	parse_cseq(m);
	parse_max_forwards(m);
	parse_content_type(m);
	return m->status;
}

bool sip_message_answerable(const struct sip_message *m)
{
	return m->request && m->via.osip && m->method_id != SIP_ACK;
}

void sip_message_free(struct sip_message *m)
{
	forget(m);
	buf_free(&m->text);
	buf_free(&m->content_type);
	free(m->fields);
	memset(m, 0, sizeof *m);
}
