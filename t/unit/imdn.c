/* IMDN documents: every notification and status, the shapes of the field, the limits, and the message of 4.9 octet by
 * octet. */
#include "base/buf.h"
#include "cpim/imdn.h"
#include "tap.h"

#include <stdlib.h>

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
#define NS   "xmlns=\"urn:ietf:params:xml:ns:imdn\""

static const struct {
	enum imdn_notification notification;
	enum imdn_status status;
	const char *word[2];
} rows[] = {
	{IMDN_NOTE_DELIVERY, IMDN_DELIVERED, {"delivery", "delivered"}},
	{IMDN_NOTE_DELIVERY, IMDN_FAILED, {"delivery", "failed"}},
	{IMDN_NOTE_DELIVERY, IMDN_FORBIDDEN, {"delivery", "forbidden"}},
	{IMDN_NOTE_DELIVERY, IMDN_ERROR, {"delivery", "error"}},
	{IMDN_NOTE_PROCESSING, IMDN_PROCESSED, {"processing", "processed"}},
	{IMDN_NOTE_PROCESSING, IMDN_STORED, {"processing", "stored"}},
	{IMDN_NOTE_PROCESSING, IMDN_FORBIDDEN, {"processing", "forbidden"}},
	{IMDN_NOTE_PROCESSING, IMDN_ERROR, {"processing", "error"}},
	{IMDN_NOTE_DISPLAY, IMDN_DISPLAYED, {"display", "displayed"}},
	{IMDN_NOTE_DISPLAY, IMDN_FORBIDDEN, {"display", "forbidden"}},
	{IMDN_NOTE_DISPLAY, IMDN_ERROR, {"display", "error"}},
};

enum { ROWS = sizeof rows / sizeof *rows };

static void table(void)
{
	for (int k = 0; k < ROWS; k++) {
		struct buf xml = {0};
		struct imdn i, out = {.notification = rows[k].notification,
				      .status = rows[k].status,
				      .message_id = (char *)"a&b<c>",
				      .datetime = (char *)"2026-03-05T09:30:00+01:00",
				      .recipient = (char *)"sip:b@x.example"};
		char why[128];
		imdn_write_xml(&xml, &out);
		ok(imdn_read(&i, slice_buf(&xml), why) && i.notification == rows[k].notification &&
			   i.status == rows[k].status && strcmp(i.message_id, "a&b<c>") == 0 &&
			   strcmp(i.datetime, out.datetime) == 0 && strcmp(i.original_recipient, out.recipient) == 0,
		   "%s/%s is read as it was written", rows[k].word[0], rows[k].word[1]);
		ok(strcmp(imdn_notification_name(rows[k].notification), rows[k].word[0]) == 0 &&
			   strcmp(imdn_status_name(rows[k].status), rows[k].word[1]) == 0,
		   "%s/%s has its words", rows[k].word[0], rows[k].word[1]);
		imdn_free(&i);
		buf_free(&xml);
	}
	int fits = 0;
	for (int n = 0; n <= IMDN_NOTE_DISPLAY; n++)
		for (int s = 0; s <= IMDN_ERROR; s++)
			fits += imdn_status_fits((enum imdn_notification)n, (enum imdn_status)s);
	is_int(fits, ROWS, "no other status fits a notification");
}

static void shape(const char *name, const char *xml, enum imdn_notification note, enum imdn_status status,
		  const char *id)
{
	struct imdn i;
	char why[128];
	bool good = imdn_read(&i, slice_of(xml), why);
	ok(good && i.notification == note && i.status == status && strcmp(i.message_id, id) == 0, "%s", name);
	if (!good)
		printf("# %s\n", why);
	imdn_free(&i);
}

static void refused(const char *name, const char *xml)
{
	struct imdn i;
	char why[128];
	ok(!imdn_read(&i, slice_of(xml), why) && why[0], "refused: %s", name);
	imdn_free(&i);
}

static void shapes(void)
{
	static const char delivered[] = "<delivery-notification><status><delivered/></status></delivery-notification>";
	char xml[2048];
#define SHAPE(name, note, status, ...) snprintf(xml, sizeof xml, __VA_ARGS__), shape(name, xml, note, status, "m1")
	SHAPE("a prefix", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      "<i:imdn xmlns:i=\"urn:ietf:params:xml:ns:imdn\"><i:message-id>m1</i:message-id><i:delivery-notification>"
	      "<i:status><i:delivered></i:delivered></i:status></i:delivery-notification></i:imdn>");
	SHAPE("the CPIM namespace", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      "<imdn xmlns=\"urn:ietf:params:imdn\"><message-id>m1</message-id>%s</imdn>", delivered);
	SHAPE("no namespace, no declaration", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      "<imdn><message-id>m1</message-id>%s</imdn>", delivered);
	SHAPE("a prefix that is bound to nothing", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      "<imdn:imdn><imdn:message-id>m1</imdn:message-id>%s</imdn:imdn>", delivered);
	SHAPE("blanks before the declaration", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      "\r\n  " HEAD "<imdn " NS "><message-id> m1\r\n</message-id>%s</imdn>\r\n\r\n", delivered);
	SHAPE("a byte order mark", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      "\xef\xbb\xbf" HEAD "<imdn " NS "><message-id>m1</message-id>%s</imdn>", delivered);
	SHAPE("a reason of an extension", IMDN_NOTE_DELIVERY, IMDN_FAILED,
	      HEAD "<imdn " NS " xmlns:l=\"http://www.linphone.org/xsds/imdn.xsd\"><message-id>m1</message-id>"
		   "<datetime>2026-03-05T08:30:01Z</datetime><delivery-notification><status><failed/>"
		   "<l:reason code=\"488\">Not Acceptable Here</l:reason></status></delivery-notification></imdn>");
	SHAPE("a reason before the status word", IMDN_NOTE_DELIVERY, IMDN_FAILED,
	      HEAD "<imdn " NS " xmlns:l=\"urn:x\"><message-id>m1</message-id><delivery-notification><status>"
		   "<l:delivered/><failed/></status></delivery-notification></imdn>");
	SHAPE("the drafts' disposition", IMDN_NOTE_DISPLAY, IMDN_DISPLAYED,
	      HEAD "<imdn " NS "><message-id>m1</message-id><disposition><display/></disposition>"
		   "<status><displayed/></status><note lang=\"en\">seen</note></imdn>");
	SHAPE("the drafts' order", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      HEAD "<imdn " NS "><message-id>m1</message-id><status><delivered/></status>"
		   "<disposition><delivery/></disposition></imdn>");
	SHAPE("a status as text", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      "<imdn " NS "><message-id>m1</message-id><delivery-notification><status> delivered </status>"
	      "</delivery-notification></imdn>");
	SHAPE("children in another order", IMDN_NOTE_DISPLAY, IMDN_DISPLAYED,
	      "<imdn " NS "><display-notification><status><displayed/></status></display-notification>"
	      "<message-id>m1</message-id></imdn>");
	SHAPE("an extension's message-id does not count", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      "<imdn " NS "><x:message-id xmlns:x=\"urn:x\">zz</x:message-id><message-id>m1</message-id>"
	      "<message-id>m2</message-id>%s</imdn>",
	      delivered);
	SHAPE("an extension within the message-id", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      "<imdn " NS "><message-id>m<x>0</x>1</message-id>%s</imdn>", delivered);
	SHAPE("no notification at all", IMDN_NOTE_NONE, IMDN_STATUS_NONE,
	      "<imdn " NS "><message-id>m1</message-id></imdn>");
	SHAPE("interworking means nothing", IMDN_NOTE_NONE, IMDN_STATUS_NONE,
	      "<imdn " NS "><message-id>m1</message-id><interworking-notification><status><legacy-sms/></status>"
	      "</interworking-notification></imdn>");
	SHAPE("a status that does not fit", IMDN_NOTE_DISPLAY, IMDN_STATUS_NONE,
	      "<imdn " NS "><message-id>m1</message-id><display-notification><status><delivered/></status>"
	      "</display-notification></imdn>");
	SHAPE("an unknown status", IMDN_NOTE_DISPLAY, IMDN_STATUS_NONE,
	      "<imdn " NS "><message-id>m1</message-id><display-notification><status><read/></status>"
	      "</display-notification></imdn>");
	SHAPE("line ends in an id become one blank's nothing", IMDN_NOTE_DELIVERY, IMDN_DELIVERED,
	      "<imdn " NS "><message-id>&#13;&#10;m1&#9;</message-id>%s</imdn>", delivered);
#undef SHAPE
}

static void utf16(void)
{
	static const char ascii[] =
		"<imdn><message-id>m1</message-id><delivery-notification><status><delivered/></status>"
		"</delivery-notification></imdn>\r\n";
	struct buf b = {0};
	struct imdn i;
	char why[128];
	buf_put(&b, "\xff\xfe", 2);
	for (const char *p = ascii; *p; p++)
		buf_put(&b, (char[]){*p, '\0'}, 2);
	ok(imdn_read(&i, slice_buf(&b), why) && i.status == IMDN_DELIVERED && strcmp(i.message_id, "m1") == 0,
	   "UTF-16");
	imdn_free(&i);
	buf_clear(&b);
	buf_puts(&b, ascii);
	buf_put(&b, "\0\0\r\n", 4);
	ok(imdn_read(&i, slice_buf(&b), why) && i.status == IMDN_DELIVERED, "NULs behind the root");
	imdn_free(&i);
	buf_free(&b);
}

static void limits(void)
{
	struct buf b = {0};
	refused("nothing", "");
	refused("no XML", "delivered");
	refused("another root", "<resource-lists><message-id>m1</message-id></resource-lists>");
	refused("no message-id", "<imdn " NS "><delivery-notification/></imdn>");
	refused("an empty message-id", "<imdn " NS "><message-id> </message-id></imdn>");
	refused("a document type",
		"<!DOCTYPE imdn [<!ENTITY e \"m1\">]><imdn " NS "><message-id>&e;</message-id></imdn>");
	refused("an external entity",
		"<!DOCTYPE imdn SYSTEM \"file:///etc/passwd\"><imdn " NS "><message-id>m1</message-id></imdn>");
	refused("an entity of no declaration", "<imdn " NS "><message-id>&e;</message-id></imdn>");
	refused("a torn document", "<imdn " NS "><message-id>m1</message-id>");
	buf_puts(&b, "<imdn " NS "><message-id>m1</message-id>");
	for (int k = 0; k < 20; k++)
		buf_puts(&b, "<a>");
	for (int k = 0; k < 20; k++)
		buf_puts(&b, "</a>");
	buf_puts(&b, "</imdn>");
	refused("nested deeper than 20", buf_str(&b));
	buf_clear(&b);
	buf_puts(&b, "<imdn " NS "><message-id>");
	for (int k = 0; k < IMDN_VALUE_MAX + 1; k++)
		buf_putc(&b, 'a');
	buf_puts(&b, "</message-id></imdn>");
	refused("an id over 2048 octets", buf_str(&b));
	buf_clear(&b);
	buf_puts(&b, "<imdn " NS "><message-id>m1</message-id>");
	while (b.n < IMDN_OCTETS_MAX)
		buf_puts(&b, "<a/>");
	buf_puts(&b, "</imdn>");
	refused("over 256 KiB", buf_str(&b));
	buf_free(&b);
}

/* ---- 4.9 ---- */

static void worked(void)
{
	static const char xml[] =
		HEAD "<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">\r\n<message-id>Kx81mDq0ZpT4</message-id>\r\n"
		     "<datetime>2026-03-05T09:30:00+01:00</datetime>\r\n"
		     "<delivery-notification><status><delivered/></status></delivery-notification>\r\n</imdn>\r\n";
	static const char head[] =
		"From: <sip:bob%40example.org@mailgw.ims.example.net>\r\n"
		"To: \"Alice A.\" <sip:alice@ims.example.net>\r\nDateTime: 2026-03-05T08:30:09Z\r\n"
		"NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: 7e762e9d3b11c852\r\n\r\n"
		"Content-Type: message/imdn+xml\r\nContent-Disposition: notification\r\nContent-Length: 258\r\n\r\n";
	struct imdn i = {.notification = IMDN_NOTE_DELIVERY,
			 .status = IMDN_DELIVERED,
			 .message_id = (char *)"Kx81mDq0ZpT4",
			 .datetime = (char *)"2026-03-05T09:30:00+01:00"};
	struct imdn_message m = {.from = "sip:bob%40example.org@mailgw.ims.example.net",
				 .to_name = "Alice A.",
				 .to = "sip:alice@ims.example.net",
				 .datetime = "2026-03-05T08:30:09Z",
				 .message_id = "7e762e9d3b11c852"};
	const char *routes[] = {"sip:b2bua@ims.example.net", "sip:gw@other.example"};
	struct buf out = {0}, want = {0};
	imdn_write(&out, &m, &i);
	buf_puts(&want, head), buf_puts(&want, xml);
	is_str(buf_str(&out), buf_str(&want), "4.9, octet by octet");
	is_int((long long)out.n, 548, "4.9 has 548 octets");
	buf_clear(&out);
	i.recipient = (char *)"sip:bob%40example.org@mailgw.ims.example.net";
	i.original_recipient = (char *)"sip:list7@ims.example.net";
	imdn_write_xml(&out, &i);
	ok(strstr(buf_str(&out),
		  "<recipient-uri>sip:bob%40example.org@mailgw.ims.example.net</recipient-uri>\r\n"
		  "<original-recipient-uri>sip:list7@ims.example.net</original-recipient-uri>\r\n") != NULL,
	   "4.9, of a list: both URIs");
	buf_clear(&out);
	m.routes = routes, m.nroutes = 2, m.datetime = NULL, m.to_name = NULL;
	imdn_write(&out, &m, &i);
	ok(strstr(buf_str(&out), "imdn.IMDN-Route: <sip:b2bua@ims.example.net>\r\n"
				 "imdn.IMDN-Route: <sip:gw@other.example>\r\n\r\nContent-Type") &&
		   !strstr(buf_str(&out), "Record-Route") && !strstr(buf_str(&out), "DateTime:") &&
		   strstr(buf_str(&out), "To: <sip:alice@ims.example.net>\r\n"),
	   "Record-Route becomes Route, in order; what is not there is left out");
	ok(!strstr(buf_str(&out), "Disposition-Notification"), "a report asks for no report");
	buf_free(&out), buf_free(&want);
}

/* ---- documents in a body ---- */

struct seen {
	int n, wrapped;
	char ids[256];
};

static void each(void *ctx, struct slice xml, const struct cpim *around)
{
	struct seen *s = ctx;
	struct imdn i;
	char why[128];
	s->n++;
	s->wrapped += around != NULL;
	if (imdn_read(&i, xml, why)) {
		strncat(s->ids, i.message_id, sizeof s->ids - strlen(s->ids) - 1);
		strncat(s->ids, " ", sizeof s->ids - strlen(s->ids) - 1);
	}
	imdn_free(&i);
}

static void body(const char *name, const char *type, const char *disposition, const char *octets, int wrapped,
		 const char *ids)
{
	struct seen s = {0};
	imdn_documents(slice_of(type), slice_of(disposition), (struct slice){"", 0}, slice_of(octets), each, &s);
	if (!ok(s.wrapped == wrapped && strcmp(s.ids, ids) == 0, "%s", name))
		printf("# %d documents, %d wrapped: %s\n", s.n, s.wrapped, s.ids);
}

#define DOC(id)                                                                                                        \
	"<imdn " NS "><message-id>" id                                                                                 \
	"</message-id><delivery-notification><status><delivered/></status></delivery-notification></imdn>"
#define CPIM                                                                                                           \
	"From: <sip:a@x.example>\r\nTo: <sip:b@x.example>\r\nNS: imdn<urn:ietf:params:imdn>\r\nimdn.Message-ID: "      \
	"r1\r\n\r\n"

static void bodies(void)
{
	body("bare", "message/imdn+xml", "", DOC("m1"), 0, "m1 ");
	body("bare, with parameters", "Message/IMDN+XML;charset=utf-8", "notification", DOC("m1"), 0, "m1 ");
	body("wrapped", "message/cpim", "",
	     CPIM "Content-Type: message/imdn+xml\r\nContent-Disposition: notification\r\n\r\n" DOC("m1"), 1, "m1 ");
	body("wrapped, without a disposition", "message/cpim", "",
	     CPIM "Content-type: message/imdn+xml\r\n\r\n" DOC("m1"), 1, "m1 ");
	body("wrapped, base64", "message/cpim", "",
	     CPIM "Content-Type: message/imdn+xml\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		  "PGltZG4+PG1lc3NhZ2UtaWQ+bTE8L21lc3Nh\r\nZ2UtaWQ+PC9pbWRuPg==\r\n",
	     1, "m1 ");
	body("an aggregate", "message/cpim", "",
	     CPIM
	     "Content-Type: multipart/mixed;boundary=\"b\"\r\nContent-Disposition: notification\r\n\r\n"
	     "--b\r\nContent-Type: message/imdn+xml\r\n\r\n" DOC(
		     "m1") "\r\n--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n"
			   "--b\r\nContent-Type: message/imdn+xml\r\nContent-Disposition: notification\r\n\r\n" DOC(
				   "m2") "\r\n--b--\r\n",
	     2, "m1 m2 ");
	body("a bare aggregate", "multipart/mixed;boundary=b", "notification",
	     "--b\r\nContent-Type: message/imdn+xml\r\n\r\n" DOC("m1") "\r\n--b--\r\n", 0, "m1 ");
	body("no aggregate", "multipart/mixed;boundary=b", "",
	     "--b\r\nContent-Type: message/imdn+xml\r\n\r\n" DOC("m1") "\r\n--b--\r\n", 0, "");
	body("a text", "text/plain", "", DOC("m1"), 0, "");
	body("broken CPIM", "message/cpim", "", "no header\r\n\r\n", 0, "");
}

int main(void)
{
	table();
	shapes();
	utf16();
	limits();
	worked();
	bodies();
	return tap_done();
}
