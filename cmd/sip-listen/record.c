/* The sip.request record. */
#include "listen.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>

static void put_text(struct buf *b, struct slice s)
{
	utf8_scrub(b, s.p, s.n);
}

void record_id_of(const struct sip_transaction *tr, char id[RECORD_ID])
{
	struct buf b = {0};
	buf_puts(&b, "sip.request\n");
	buf_slice(&b, sip_transaction_request(tr));
	record_id_derived(slice_buf(&b), id);
	buf_free(&b);
}

/* The conversation whose order is kept. */
static void put_key(struct record *rec, const struct sip_message *m)
{
	const struct sip_field *conversation = sip_message_field(m, SIP_CONVERSATION_ID, 0);
	struct buf b = {0};
	if (conversation && conversation->value.n) {
		put_text(&b, conversation->value);
	} else {
		put_text(&b, m->from.uri);
		buf_putc(&b, '|');
		put_text(&b, m->to.uri);
	}
	record_set(rec->root, "key", buf_str(&b));
	buf_free(&b);
}

static void put_peer(struct record *rec, const struct arrival *a)
{
	char text[SIP_ADDR_TEXT];
	json_t *peer = record_object(rec->member, "peer");
	record_set(peer, "transport", sip_transport_name((enum sip_transport)a->source.transport));
	record_set(peer, "address", sip_addr_text(&a->source.peer, text));
	record_set_int(peer, "port", sip_addr_port(&a->source.peer));
	record_set_bool(peer, "trusted", a->trusted);
	record_set(peer, "name", a->label);
}

static void put_identity(struct record *rec, const struct sip_party *who)
{
	json_t *from = record_object(rec->member, "from");
	record_set_octets(from, "uri", who->uri.p, who->uri.n);
	if (who->display.n)
		record_set_octets(from, "display", who->display.p, who->display.n);
}

/* "identity" is the same as nothing. */
static void put_encoding(struct record *rec, const struct sip_message *m)
{
	const struct sip_field *f = sip_message_field(m, SIP_CONTENT_ENCODING, 0);
	struct buf b = {0};
	if (f)
		put_text(&b, f->value);
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] >= 'A' && b.p[i] <= 'Z')
			b.p[i] = (char)(b.p[i] + 32);
	if (b.n && strcmp(b.p, "identity") != 0)
		record_set(rec->member, "content_encoding", b.p);
	buf_free(&b);
}

struct record *record_of_request(struct server *s, struct sip_message *m, const struct arrival *a,
				 const struct sip_transaction *tr, json_t *body)
{
	char id[RECORD_ID], name[SIP_TRANSACTION_NAME];
	int64_t now_ms = clock_real_us() / 1000;
	record_id_of(tr, id);
	struct record *rec = record_new("sip.request", id, id, now_ms);
	put_key(rec, m);
	record_set_int(rec->root, "shard", s->index);
	record_set_octets(rec->member, "method", m->method.p, m->method.n);
	record_set_octets(rec->member, "uri", m->uri.p, m->uri.n);
	json_t *headers = record_array(rec->member, "headers");
	for (size_t i = 0; i < m->nfields; i++)
		record_header_add(headers, m->fields[i].name, m->fields[i].value);
	sip_transaction_name(tr, name);
	record_set(rec->member, "transaction", name);
	put_peer(rec, a);
	record_set_int(rec->member, "received", now_ms);
	if (frame_has_input(s->frame) && s->answer_deadline > 0)
		record_set_int(rec->member, "answer_by", now_ms + s->answer_deadline * 1000);
	put_identity(rec, sip_identity(m, a->trusted));
	put_encoding(rec, m);
	if (body)
		record_set_new(rec->member, "body", body);
	return rec;
}
