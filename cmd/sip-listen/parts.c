/* The parts of a stream become requests; bodies over 64 KiB go to a blob as they come. */
#include "connection.h"
#include "base/log.h"

#include <stdlib.h>

void connection_forget_message(struct connection *c)
{
	if (c->message) {
		sip_message_free(c->message);
		free(c->message);
		c->message = NULL;
	}
	buf_free(&c->body);
	buf_free(&c->seen);
	frame_blob_abort(c->blob);
	c->blob = NULL;
}

void connection_account(struct connection *c)
{
	struct server *s = c->server;
	sip_stream_shrink(&c->stream);
	size_t held = sip_stream_held(&c->stream) + c->body.cap + (c->message ? c->message->text.cap : 0);
	s->held += held - c->held;
	c->held = held;
	if (s->held > STREAMS_HELD_MAX && held > STREAM_READ)
		connection_end(c, "unfinished messages take too much memory");
}

/* The head is judged before its body comes: what is refused is not stored. */
static void take_head(struct connection *c, const struct sip_part *part)
{
	struct server *s = c->server;
	struct sip_message *m = &s->message;
	c->in_body = true;
	if (frame_hep(s->frame))
		buf_slice(&c->seen, part->octets);
	sip_message_parse(m, part->octets);
	if (!request_judge(s, m, &c->arrival, part->length, 0, NULL))
		return;
	c->message = xmalloc(sizeof *m);
	*c->message = *m;
	memset(m, 0, sizeof *m);
}

static void no_room(struct connection *c)
{
	log_msg(LOG_WARN, "a large body cannot be stored:");
	request_busy(c->server, c->message, &c->arrival);
	connection_forget_message(c);
}

static void take_body(struct connection *c, struct slice piece)
{
	if (c->seen.n && c->seen.n < CAPTURE_MAX)
		buf_put(&c->seen, piece.p, piece.n < CAPTURE_MAX ? piece.n : CAPTURE_MAX);
	if (!c->message)
		return;
	if (!c->blob && c->body.n + piece.n <= RECORD_INLINE_MAX) {
		buf_slice(&c->body, piece);
		return;
	}
	if (!c->blob) {
		c->blob = frame_blob_create(c->server->frame);
		if (!c->blob || frame_blob_write(c->blob, c->body.p, c->body.n) != 0) {
			no_room(c);
			return;
		}
		buf_free(&c->body);
	}
	if (frame_blob_write(c->blob, piece.p, piece.n) != 0)
		no_room(c);
}

static json_t *body_of(struct connection *c)
{
	const struct sip_field *type = sip_message_field(c->message, SIP_CONTENT_TYPE, 0);
	const char *t = type ? type->value.p : "";
	if (c->blob) {
		json_t *body = frame_blob_finish(c->blob, t);
		if (body)
			c->blob = NULL; /* the frame has it now */
		return body;
	}
	return c->body.n ? record_body_inline(t, c->body.p, c->body.n) : NULL;
}

/* It may have come on another way while its body was on this one. */
static void take_end(struct connection *c)
{
	struct server *s = c->server;
	struct sip_message *m = c->message;
	c->in_body = false;
	c->message_begun = 0;
	capture_in(s, &c->arrival.source, slice_buf(&c->seen));
	buf_free(&c->seen);
	if (!m)
		return;
	if (!sip_transactions_match(s->transactions, m)) {
		c->awaited++;
		bool large = c->blob != NULL;
		json_t *body = body_of(c);
		if (large && !body)
			no_room(c);
		else
			request_take(s, m, &c->arrival, body);
	}
	connection_forget_message(c);
}

/* Framing is lost: say why, if there is enough to say it to, and hang up. */
static bool take_bad(struct connection *c, const struct sip_part *part)
{
	struct server *s = c->server;
	sip_message_parse(&s->message, part->octets);
	request_judge(s, &s->message, &c->arrival, 0, part->status, part->why);
	if (!c->out.n) {
		connection_end(c, part->why ? part->why : "message too large");
		return false;
	}
	c->closing = part->why ? part->why : "message too large";
	stream_listen(&c->wire, false);
	return true;
}

bool connection_parts(struct connection *c)
{
	for (;;) {
		struct sip_part part = sip_stream_next(&c->stream);
		switch (part.kind) {
		case SIP_PART_MORE:
			if (!sip_stream_inside(&c->stream))
				c->message_begun = 0;
			else if (!c->message_begun)
				c->message_begun = c->server->now;
			return true;
		case SIP_PART_PING:
			connection_put(c, SLICE("\r\n"));
			break;
		case SIP_PART_HEAD:
			take_head(c, &part);
			break;
		case SIP_PART_BODY:
			take_body(c, part.octets);
			break;
		case SIP_PART_END:
			take_end(c);
			break;
		case SIP_PART_BAD:
			return take_bad(c, &part);
		}
	}
}
