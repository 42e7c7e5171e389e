#include "sip/check.h"
#include "sip/fields.h"
#include "sip/response.h"
#include "base/text.h"

/* 1.1, the ICSI values behind "urn:urn-7:3gpp-service.ims.icsi." */
static const struct {
	const char *icsi;
	enum sip_service service;
} service_table[] = {
	{"oma.cpm.msg", SIP_SERVICE_MSG},	    {"oma.cpm.msg.group", SIP_SERVICE_MSG_GROUP},
	{"oma.cpm.largemsg", SIP_SERVICE_LARGE},    {"oma.cpm.largemsg.group", SIP_SERVICE_LARGE_GROUP},
	{"oma.cpm.session", SIP_SERVICE_SESSION},   {"oma.cpm.session.group", SIP_SERVICE_SESSION_GROUP},
	{"oma.cpm.filetransfer", SIP_SERVICE_FILE}, {"oma.cpm.filetransfer.group", SIP_SERVICE_FILE_GROUP},
	{"oma.cpm.deferred", SIP_SERVICE_DEFERRED}, {"oma.cpm.systemmsg", SIP_SERVICE_SYSTEM},
};

static const char *const scheme_table[] = {"sip", "sips", "tel", "mailto", "im"};
static const char *const extension_table[] = {"timer", "recipient-list-message"};
static const char *const type_table[] = {"message/cpim",    "text/plain",	 "text/html",
					 "multipart/mixed", "multipart/related", "multipart/alternative"};
static const char *const encoding_table[] = {"identity", "deflate"};

#define IN_TABLE(table, value) in_table(table, sizeof table / sizeof *table, value)

static bool in_table(const char *const *table, size_t n, struct slice value)
{
	for (size_t i = 0; i < n; i++)
		if (slice_ieq(value, table[i]))
			return true;
	return false;
}

/* ---- service ---- */

static enum sip_service service_named(struct slice urn)
{
	static const char prefix[] = "urn:urn-7:3gpp-service.ims.icsi.";
	if (!slice_istarts(urn, prefix))
		return SIP_SERVICE_NONE;
	struct slice icsi = {urn.p + sizeof prefix - 1, urn.n - (sizeof prefix - 1)};
	for (size_t i = 0; i < sizeof service_table / sizeof *service_table; i++)
		if (slice_ieq(icsi, service_table[i].icsi))
			return service_table[i].service;
	return SIP_SERVICE_NONE;
}

static enum sip_service service_in(const struct sip_message *m, enum sip_header id)
{
	struct sip_cursor c = {0};
	struct slice one;
	enum sip_service s = SIP_SERVICE_NONE;
	while (!s && sip_message_element(m, id, &c, &one)) {
		one.n = sip_find_outside(one, ';');
		s = service_named(slice_trim(one));
	}
	return s;
}

/* *;+g.3gpp.icsi-ref="urn%3Aurn-7%3A...,urn%3A..." */
static enum sip_service service_in_feature(struct slice list)
{
	enum sip_service s = SIP_SERVICE_NONE;
	bool more = true;
	if (list.n >= 2 && list.p[0] == '"')
		list = (struct slice){list.p + 1, list.n - 2};
	while (!s && more) {
		struct buf urn = {0};
		if (percent_decode(&urn, slice_trim(slice_cut(&list, ',', &more))))
			s = service_named(slice_buf(&urn));
		buf_free(&urn);
	}
	return s;
}

static enum sip_service service_in_contact(const struct sip_message *m)
{
	struct sip_cursor c = {0};
	struct slice one, name, value;
	enum sip_service s = SIP_SERVICE_NONE;
	while (!s && sip_message_element(m, SIP_ACCEPT_CONTACT, &c, &one)) {
		size_t n = sip_find_outside(one, ';');
		struct slice params = {one.p + n, one.n - n};
		for (;;) {
			params = slice_trim(params);
			if (s || !params.n || params.p[0] != ';')
				break;
			params.p++, params.n--;
			n = sip_find_outside(params, ';');
			value = (struct slice){params.p, n};
			params = (struct slice){params.p + n, params.n - n};
			bool more;
			name = slice_trim(slice_cut(&value, '=', &more));
			if (slice_ieq(name, "+g.3gpp.icsi-ref"))
				s = service_in_feature(slice_trim(value));
		}
	}
	return s;
}

enum sip_service sip_service_of(const struct sip_message *m, bool trusted)
{
	enum sip_service s = trusted ? service_in(m, SIP_ASSERTED_SERVICE) : SIP_SERVICE_NONE;
	if (!s)
		s = service_in(m, SIP_PREFERRED_SERVICE);
	return s ? s : service_in_contact(m);
}

/* ---- identity ---- */

/* The best of the asserted identities; empty if there is none. */
static void asserted(const struct sip_message *m, struct sip_party *out)
{
	struct sip_cursor c = {0};
	struct slice one;
	while (sip_message_element(m, SIP_ASSERTED_IDENTITY, &c, &one)) {
		struct sip_party p;
		if (!sip_party_parse(&p, one))
			continue;
		struct slice scheme = sip_uri_scheme(p.uri);
		bool sip = slice_ieq(scheme, "sip") || slice_ieq(scheme, "sips");
		if (!sip && (out->osip || !slice_ieq(scheme, "tel"))) {
			sip_party_free(&p);
			continue;
		}
		sip_party_free(out);
		*out = p;
		if (sip)
			return;
	}
}

const struct sip_party *sip_identity(struct sip_message *m, bool trusted)
{
	if (!m->identified && trusted)
		asserted(m, &m->identity);
	m->identified = true;
	return m->identity.osip ? &m->identity : &m->from;
}

/* ---- the rows of 1.3 ---- */

static void row_malformed(const struct sip_question *q, struct sip_verdict *v)
{
	v->status = q->m->status;
	v->reason = q->m->why;
}

static void row_trust(const struct sip_question *q, struct sip_verdict *v)
{
	if (!q->trusted && q->policy->refuse_untrusted)
		v->status = 403;
}

/* There are no dialogs here: a To tag belongs to none of them. */
static void row_dialog(const struct sip_question *q, struct sip_verdict *v)
{
	if (q->m->to.tag.n)
		v->status = 481;
}

static bool via_is_own(const struct sip_question *q, struct slice value)
{
	struct sip_via via = {0};
	bool own = sip_via_take(&via, value) && slice_istarts(via.branch, "z9hG4bKgw") && q->policy->is_own &&
		   q->policy->is_own(q->policy->ctx, via.host, via.port);
	sip_via_release(&via);
	return own;
}

static void row_loop(const struct sip_question *q, struct sip_verdict *v)
{
	struct sip_cursor c = {0};
	struct slice one;
	if (q->merged) {
		v->status = 482;
		v->reason = "Merged Request";
	}
	while (!v->status && sip_message_element(q->m, SIP_VIA, &c, &one))
		if (memmem(one.p, one.n, "z9hG4bKgw", 9) && via_is_own(q, one))
			v->status = 482;
}

static void row_require(const struct sip_question *q, struct sip_verdict *v)
{
	struct sip_cursor c = {0};
	struct slice one;
	while (sip_message_element(q->m, SIP_REQUIRE, &c, &one)) {
		if (IN_TABLE(extension_table, one))
			continue;
		buf_printf(&v->headers, "%s%.*s", v->status ? ", " : "Unsupported: ", (int)one.n, one.p);
		v->status = 420;
	}
	if (v->status)
		buf_puts(&v->headers, "\r\n");
}

static void row_service(const struct sip_question *q, struct sip_verdict *v)
{
	switch (sip_service_of(q->m, q->trusted)) {
	case SIP_SERVICE_DEFERRED:
		v->status = 403;
		break;
	case SIP_SERVICE_SYSTEM:
		v->status = 200;
		break;
	default:
		break;
	}
}

static void row_scheme(const struct sip_question *q, struct sip_verdict *v)
{
	if (!IN_TABLE(scheme_table, sip_uri_scheme(q->m->uri)))
		v->status = 416;
}

static bool has_recipient_list(const struct sip_message *m)
{
	struct sip_cursor c = {0};
	struct slice one;
	while (sip_message_element(m, SIP_REQUIRE, &c, &one))
		if (slice_ieq(one, "recipient-list-message"))
			return true;
	return false;
}

/* A recipient-list request names its recipients in the list (1.4). */
static void row_address(const struct sip_question *q, struct sip_verdict *v)
{
	if (q->policy->address && !has_recipient_list(q->m))
		v->status = q->policy->address(q->policy->ctx, q->m->uri);
}

static void row_barred(const struct sip_question *q, struct sip_verdict *v)
{
	if (q->policy->barred)
		v->status = q->policy->barred(q->policy->ctx, q->identity, q->m->uri);
}

static void row_size(const struct sip_question *q, struct sip_verdict *v)
{
	if (q->body_size > q->policy->max_body)
		v->status = 413;
}

static void row_type(const struct sip_question *q, struct sip_verdict *v)
{
	if (!q->body_size || IN_TABLE(type_table, slice_buf(&q->m->content_type)))
		return;
	v->status = 415;
	buf_printf(&v->headers, "Accept: %s\r\n", sip_accept);
}

static void row_encoding(const struct sip_question *q, struct sip_verdict *v)
{
	struct sip_cursor c = {0};
	struct slice one;
	int n = 0;
	while (!v->status && sip_message_element(q->m, SIP_CONTENT_ENCODING, &c, &one))
		if (!IN_TABLE(encoding_table, one) || n++) /* one layer at most */
			v->status = 415;
	if (v->status)
		buf_printf(&v->headers, "Accept-Encoding: %s\r\n", sip_accept_encoding);
}

struct check {
	const char *name;
	void (*row)(const struct sip_question *q, struct sip_verdict *v);
};

/* 1.3, row for row, down to where the body is needed: part dispositions, CPIM and Expires are for who reads it. */
static const struct check message_checks[] = {
	{"malformed", row_malformed}, {"trust", row_trust},	{"dialog", row_dialog}, {"loop", row_loop},
	{"require", row_require},     {"service", row_service}, {"scheme", row_scheme}, {"address", row_address},
	{"barred", row_barred},	      {"size", row_size},	{"type", row_type},	{"encoding", row_encoding},
};

static void run(const struct check *checks, size_t n, const struct sip_question *q, struct sip_verdict *v)
{
	*v = (struct sip_verdict){0};
	for (size_t i = 0; i < n && !v->status; i++) {
		v->check = checks[i].name;
		checks[i].row(q, v);
	}
}

void sip_check_message(const struct sip_question *q, struct sip_verdict *v)
{
	run(message_checks, sizeof message_checks / sizeof *message_checks, q, v);
}

/* ---- other methods ---- */

static void row_method(const struct sip_question *q, struct sip_verdict *v)
{
	switch (q->m->method_id) {
	case SIP_OPTIONS:
		break;
	case SIP_CANCEL:
	case SIP_BYE:
	case SIP_UPDATE:
	case SIP_NOTIFY:
		v->status = 481;
		break;
	default:
		v->status = 405;
		buf_printf(&v->headers, "Allow: %s\r\n", sip_allow);
	}
}

static void row_options(const struct sip_question *q, struct sip_verdict *v)
{
	(void)q;
	v->status = 200;
	buf_printf(&v->headers, "Allow: %s\r\nAccept: %s\r\nAccept-Encoding: %s\r\nSupported: %s\r\n",
		   sip_allow, sip_accept, sip_accept_encoding, sip_supported);
}

/* OPTIONS is a proxy's keep-alive too: asked by anybody, answered without look-up (1.16). */
static const struct check other_checks[] = {
	{"malformed", row_malformed}, {"method", row_method}, {"dialog", row_dialog},	{"loop", row_loop},
	{"require", row_require},     {"scheme", row_scheme}, {"options", row_options},
};

void sip_check_other(const struct sip_question *q, struct sip_verdict *v)
{
	run(other_checks, sizeof other_checks / sizeof *other_checks, q, v);
}
