/* Events about mails of CPM users -> IMDN (1.1, 4.9, 4.10). */
#include "event.h"
#include "report.h"
#include "table.h"

#include "base/clock.h"
#include "map/sip_hop.h"

#include <stdio.h>
#include <stdlib.h>

#define SERVICE "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg"

enum { ROUTES_MAX = 16, IMDN_REQUEST_MAX = 1300, IMDN_HEAD_OCTETS = 700 };

static unsigned wanted(const json_t *origin)
{
	const json_t *reports = record_get(origin, "reports");
	unsigned set = 0;
	for (size_t i = 0; i < json_array_size(reports); i++)
		set |= imdn_wanted_read(slice_of(json_string_value(json_array_get(reports, i))));
	return set;
}

static unsigned type_bit(enum imdn_notification n)
{
	return n == IMDN_NOTE_DELIVERY ? ASKED_DELIVERY : n == IMDN_NOTE_PROCESSING ? ASKED_PROCESSING : ASKED_DISPLAY;
}

static bool sip_or_tel(const char *uri)
{
	return uri && (strncasecmp(uri, "sip:", 4) == 0 || strncasecmp(uri, "sips:", 5) == 0 ||
		       strncasecmp(uri, "tel:", 4) == 0);
}

/* Its members got copies, or an entry got none: the Request-URI is nobody's (1.4). */
static bool is_list(const struct asked_row *row)
{
	return record_bool(row->origin, "list") || record_int(row->origin, "recipients", 1) > 1;
}

/* The IM's recipient, as the sender called him: a number's mail address is not for him to know. */
static bool recipient_uri(const struct report *r, const struct asked_row *row, struct buf *out)
{
	const char *asked = record_str(row->origin, "uri");
	struct buf address = {0};
	bool good = true;
	if (sip_or_tel(row->rcpt))
		buf_puts(out, row->rcpt);
	else if (!is_list(row) && sip_or_tel(asked))
		buf_puts(out, asked);
	else if (map_from_request_uri(r->names, row->rcpt, &address) == MAP_OK)
		good = map_sip_identity(r->names, buf_str(&address), out);
	else
		good = map_sip_identity(r->names, row->rcpt, out);
	buf_free(&address);
	return good;
}

/* "<sip:x@y>" or "sip:x@y": the URI, if a request can be sent to it. */
static bool route_uri(const char *value, struct buf *out)
{
	const char *open = strchr(value, '<'), *from = open ? open + 1 : value;
	size_t n = strcspn(from, open ? ">" : "");
	buf_put(out, from, n);
	if (sip_or_tel(buf_str(out)) && out->n <= 2048 && strcspn(buf_str(out), " <>\"\t") == out->n)
		return true;
	buf_clear(out);
	return false;
}

static size_t routes_of(const json_t *imdn, const char **routes)
{
	const json_t *list = record_get(imdn, "record_route");
	size_t n = 0;
	for (size_t i = 0; i < json_array_size(list) && n < ROUTES_MAX; i++)
		if (json_is_string(json_array_get(list, i)))
			routes[n++] = json_string_value(json_array_get(list, i));
	return n;
}

/* The body. The two recipient URIs stand where a list or an Original-To makes them needed, membership is not hidden,
 * and the request stays fit for a datagram with them (1.1, 7.7). */
static void write_body(struct frame_item *it, const struct asked_row *row, const struct table_imdn *t, const char *from,
		       const char *id, struct buf *body)
{
	const json_t *about = record_get(row->origin, "imdn");
	const char *routes[ROUTES_MAX], *original = record_str(about, "original_to"), *to = record_str(about, "from"),
					*cpim_to = record_str(about, "to");
	char now[CLOCK_ISO];
	struct imdn imdn = {.notification = t->notification,
			    .status = t->status,
			    .message_id = (char *)record_str(about, "message_id"),
			    .datetime = (char *)record_str(about, "datetime")};
	clock_iso(frame_now_ms(it->frame) / 1000 * 1000, now);
	snprintf(strchr(now, '.'), 2, "Z");
	char asked[CLOCK_ISO];
	if (!imdn.datetime) { /* none there: time of receipt */
		clock_iso(row->at, asked);
		imdn.datetime = asked;
	}
	struct imdn_message m = {.from = from,
				 .to_name = record_str(about, "from_name"),
				 .to = to ? to : record_str(row->origin, "from"),
				 .datetime = now,
				 .message_id = id,
				 .routes = routes,
				 .nroutes = routes_of(about, routes)};
	bool listed = is_list(row), hidden = record_bool(row->origin, "blind");
	if (!hidden && (listed || original)) {
		imdn.recipient = (char *)(listed || !cpim_to ? from : cpim_to);
		imdn.original_recipient = (char *)original;
	}
	imdn_write(body, &m, &imdn);
	if (imdn.recipient && body->n + IMDN_HEAD_OCTETS > IMDN_REQUEST_MAX && !listed) {
		imdn.recipient = imdn.original_recipient = NULL;
		buf_clear(body);
		imdn_write(body, &m, &imdn);
	}
}

static void header(json_t *headers, const char *name, const char *before, const char *value, const char *after)
{
	struct buf b = {0};
	buf_puts(&b, before);
	buf_puts(&b, value);
	buf_puts(&b, after);
	record_header_add(headers, slice_of(name), slice_buf(&b));
	buf_free(&b);
}

static void put_headers(const struct report *r, const struct asked_row *row, const char *from, const char *to,
			const char *id, json_t *headers)
{
	struct buf contribution = {0};
	const char *conversation = record_str(row->origin, "conversation");
	token_contrid(map_keys(r->names), &contribution, id, NULL);
	header(headers, "From", "<", from, ">");
	header(headers, "To", "<", to, ">");
	header(headers, "P-Asserted-Identity", "<", from, ">");
	header(headers, "P-Asserted-Service", "", SERVICE, "");
	if (conversation)
		header(headers, "Conversation-ID", "", conversation, "");
	header(headers, "Contribution-ID", "", buf_str(&contribution), "");
	buf_free(&contribution);
}

static void put_origin(const struct asked_row *row, const struct table_imdn *t, json_t *origin)
{
	record_set(origin, "kind", "imdn");
	record_set(origin, "msg_id", row->msg_id);
	record_set(origin, "rcpt", row->rcpt);
	record_set(origin, "notification", imdn_notification_name(t->notification));
	record_set(origin, "status", imdn_status_name(t->status));
}

static void send_imdn(struct report *r, struct frame_item *it, const struct asked_row *row, const struct event *e,
		 const struct table_imdn *t)
{
	const char *to = record_str(row->origin, "from");
	const char *routes[ROUTES_MAX];
	struct buf from = {0}, uri = {0}, id = {0}, body = {0};
	if (!to || map_is_anonymous(to) || !recipient_uri(r, row, &from)) {
		report_count(it, "imdn", "nobody", row->msg_id);
	} else {
		token_imdn_report(map_keys(r->names), e->id ? e->id : row->msg_id, row->rcpt,
				  imdn_notification_name(t->notification), &id);
		if (!routes_of(record_get(row->origin, "imdn"), routes) || !route_uri(routes[0], &uri))
			buf_puts(&uri, to);
		write_body(it, row, t, buf_str(&from), buf_str(&id), &body);
		json_t *route = sip_hop_known(frame_conf(it->frame), buf_str(&uri));
		struct record *out = report_output(it, route ? "sip.send.routed" : "sip.send", row->trace);
		if (route)
			record_set_new(out->member, "route", route);
		record_set(out->member, "method", "MESSAGE");
		record_set(out->member, "uri", buf_str(&uri));
		put_headers(r, row, buf_str(&from), to, buf_str(&id), record_array(out->member, "headers"));
		record_set_new(out->member, "body", record_body_inline("message/cpim", body.p, body.n));
		record_set_int(out->member, "resend", conf_int(frame_conf(it->frame), "resend_max", NULL));
		put_origin(row, t, record_object(out->member, "origin"));
		report_emit(it, out, "imdn", imdn_status_name(t->status), row->msg_id, to);
	}
	buf_free(&from), buf_free(&uri), buf_free(&id), buf_free(&body);
}

static bool knob_on(const struct frame_item *it, const struct asked_row *row, const char *knob)
{
	const char *at = strrchr(row->rcpt, '@');
	return conf_bool(frame_conf(it->frame), knob, &(struct conf_scope){.domain = at ? at + 1 : NULL});
}

static bool tell(struct report *r, struct frame_item *it, struct asked_row *row, const struct event *e)
{
	bool told = false;
	for (size_t i = 0; i < T53_imdn_rows; i++) {
		const struct table_imdn *t = &T53_imdn[i];
		unsigned bit = type_bit(t->notification);
		if (t->what != e->what || !(wanted(row->origin) & t->asked) || row->told & bit ||
		    (t->knob && !knob_on(it, row, t->knob)))
			continue;
		row->told |= bit;
		asked_tell(&r->asked, row);
		send_imdn(r, it, row, e, t);
		told = true;
	}
	return told;
}

bool report_to_cpm(struct report *r, struct frame_item *it, struct asked_row *row, const struct event *e)
{
	bool told = false;
	if (e->what == EVENT_DISPLAYED && knob_on(it, row, "display_implies_delivered")) {
		struct event delivered = *e;
		delivered.what = EVENT_DELIVERED;
		told = tell(r, it, row, &delivered);
	}
	return tell(r, it, row, e) || told;
}
