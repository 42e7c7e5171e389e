#include "cpim/cpim.h"

static void put_address(struct buf *out, const char *header, const struct cpim_address *a)
{
	buf_printf(out, "%s: ", header);
	if (a->name.n) {
		buf_putc(out, '"');
		cpim_escape(out, a->name, true);
		buf_puts(out, "\" ");
	}
	buf_putc(out, '<');
	cpim_escape(out, a->uri, false);
	buf_puts(out, ">\r\n");
}

static void put_value(struct buf *out, const char *header, struct slice value)
{
	buf_printf(out, "%s: ", header);
	cpim_escape(out, value, false);
	buf_puts(out, "\r\n");
}

static void put_subject(struct buf *out, const struct cpim_subject *s)
{
	buf_puts(out, "Subject:");
	if (s->lang.n) {
		buf_puts(out, ";lang=");
		buf_slice(out, s->lang);
	}
	buf_putc(out, ' ');
	cpim_escape(out, s->text, false);
	buf_puts(out, "\r\n");
}

static void put_imdn(struct buf *out, const struct cpim *c)
{
	if (!c->message_id.n && !c->wanted && !c->original_to.n && !c->nrecord_route && !c->nroute)
		return;
	buf_puts(out, "NS: imdn <" IMDN_NAMESPACE ">\r\n");
	if (c->message_id.n)
		put_value(out, "imdn.Message-ID", c->message_id);
	if (c->wanted) {
		buf_puts(out, "imdn.Disposition-Notification: ");
		imdn_wanted_write(out, c->wanted);
		buf_puts(out, "\r\n");
	}
	if (c->original_to.n)
		put_address(out, "imdn.Original-To", &(struct cpim_address){{"", 0}, c->original_to});
	for (size_t i = 0; i < c->nrecord_route; i++)
		put_address(out, "imdn.IMDN-Record-Route", &(struct cpim_address){{"", 0}, c->record_route[i]});
	for (size_t i = 0; i < c->nroute; i++)
		put_address(out, "imdn.IMDN-Route", &(struct cpim_address){{"", 0}, c->route[i]});
}

void cpim_write(struct buf *out, const struct cpim *c, struct slice content, struct slice body)
{
	if (c->from.uri.n)
		put_address(out, "From", &c->from);
	for (size_t i = 0; i < c->nto; i++)
		put_address(out, "To", &c->to[i]);
	for (size_t i = 0; i < c->ncc; i++)
		put_address(out, "cc", &c->cc[i]);
	if (c->datetime.n)
		put_value(out, "DateTime", c->datetime);
	for (size_t i = 0; i < c->nsubjects; i++)
		put_subject(out, &c->subjects[i]);
	put_imdn(out, c);
	buf_puts(out, "\r\n");
	buf_slice(out, content);
	buf_puts(out, "\r\n");
	buf_slice(out, body);
}
