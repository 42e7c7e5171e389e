#include "cpim/imdn.h"

#include <stdlib.h>

static const char *const notification_names[] = {
	[IMDN_NOTE_DELIVERY] = "delivery",
	[IMDN_NOTE_PROCESSING] = "processing",
	[IMDN_NOTE_DISPLAY] = "display",
};

static const char *const status_names[] = {
	[IMDN_DELIVERED] = "delivered", [IMDN_PROCESSED] = "processed", [IMDN_STORED] = "stored",
	[IMDN_DISPLAYED] = "displayed", [IMDN_FAILED] = "failed",	[IMDN_FORBIDDEN] = "forbidden",
	[IMDN_ERROR] = "error",
};

enum {
	NOTIFICATIONS = sizeof notification_names / sizeof *notification_names,
	STATUSES = sizeof status_names / sizeof *status_names
};

/* The statuses of each notification (1.1, RFC 5438 11.1). */
static const struct {
	enum imdn_notification notification;
	enum imdn_status status;
} fitting[] = {
	{IMDN_NOTE_DELIVERY, IMDN_DELIVERED},	{IMDN_NOTE_DELIVERY, IMDN_FAILED},
	{IMDN_NOTE_DELIVERY, IMDN_FORBIDDEN},	{IMDN_NOTE_DELIVERY, IMDN_ERROR},
	{IMDN_NOTE_PROCESSING, IMDN_PROCESSED}, {IMDN_NOTE_PROCESSING, IMDN_STORED},
	{IMDN_NOTE_PROCESSING, IMDN_FORBIDDEN}, {IMDN_NOTE_PROCESSING, IMDN_ERROR},
	{IMDN_NOTE_DISPLAY, IMDN_DISPLAYED},	{IMDN_NOTE_DISPLAY, IMDN_FORBIDDEN},
	{IMDN_NOTE_DISPLAY, IMDN_ERROR},
};

const char *imdn_notification_name(enum imdn_notification n)
{
	return notification_names[n];
}

const char *imdn_status_name(enum imdn_status s)
{
	return status_names[s];
}

enum imdn_notification imdn_notification_of(const char *name)
{
	for (int k = 1; k < NOTIFICATIONS; k++)
		if (strcmp(name, notification_names[k]) == 0)
			return (enum imdn_notification)k;
	return IMDN_NOTE_NONE;
}

enum imdn_status imdn_status_of(const char *name)
{
	for (int k = 1; k < STATUSES; k++)
		if (strcmp(name, status_names[k]) == 0)
			return (enum imdn_status)k;
	return IMDN_STATUS_NONE;
}

bool imdn_status_fits(enum imdn_notification n, enum imdn_status s)
{
	for (size_t k = 0; k < sizeof fitting / sizeof *fitting; k++)
		if (fitting[k].notification == n && fitting[k].status == s)
			return true;
	return false;
}

/* Character data; octets that XML 1.0 cannot hold (2.2) become a blank. */
static void put_text(struct buf *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		default:
			buf_putc(out, (unsigned char)*s < ' ' ? ' ' : *s);
		}
	}
}

static void put_element(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(out, "<%s>", name);
	put_text(out, value);
	buf_printf(out, "</%s>\r\n", name);
}

void imdn_write_xml(struct buf *out, const struct imdn *i)
{
	const char *note = imdn_notification_name(i->notification), *status = imdn_status_name(i->status);
	if (!imdn_status_fits(i->notification, i->status))
		abort();
	buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		      "<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">\r\n");
	put_element(out, "message-id", i->message_id);
	put_element(out, "datetime", i->datetime);
	put_element(out, "recipient-uri", i->recipient);
	if (i->recipient)
		put_element(out, "original-recipient-uri",
			    i->original_recipient ? i->original_recipient : i->recipient);
	buf_printf(out, "<%s-notification><status><%s/></status></%s-notification>\r\n</imdn>\r\n", note, status, note);
}

void imdn_write(struct buf *out, const struct imdn_message *m, const struct imdn *i)
{
	struct buf xml = {0}, content = {0};
	struct slice *routes = m->nroutes ? xmalloc(m->nroutes * sizeof *routes) : NULL;
	struct cpim_address to = {slice_of(m->to_name ? m->to_name : ""), slice_of(m->to)};
	for (size_t k = 0; k < m->nroutes; k++)
		routes[k] = slice_of(m->routes[k]);
	imdn_write_xml(&xml, i);
	buf_printf(&content,
		   "Content-Type: message/imdn+xml\r\nContent-Disposition: notification\r\nContent-Length: %zu\r\n",
		   xml.n);
	struct cpim c = {.from = {.uri = slice_of(m->from)},
			 .to = &to,
			 .nto = 1,
			 .datetime = slice_of(m->datetime),
			 .message_id = slice_of(m->message_id),
			 .route = routes,
			 .nroute = m->nroutes};
	cpim_write(out, &c, slice_buf(&content), slice_buf(&xml));
	free(routes);
	buf_free(&xml), buf_free(&content);
}
