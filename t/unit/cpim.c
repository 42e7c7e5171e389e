#include "cpim/cpim.h"
#include "tap.h"

#include <stdlib.h>

static struct cpim c;
static char why[128];

static enum cpim_verdict read_text(const char *s)
{
	cpim_free(&c);
	return cpim_read(&c, slice_of(s), why);
}

static void is_slice(struct slice got, const char *want, const char *name)
{
	char *s = slice_dup(got);
	is_str(s, want, name);
	free(s);
}

static void whole(void)
{
	static const char text[] = "From: \"Alice \\\"A.\\\"\" <sip:alice@ims.example.net>\r\n"
				   "To: <sip:bob%40example.org@gw.example.net>\r\n"
				   "To: Carol van Dyk <tel:+14155550101>\r\n"
				   "cc: sip:dave@ims.example.net\r\n"
				   "DateTime: 2026-03-05T09:30:00+01:00\r\n"
				   "Subject:;lang=fr D\xc3\xa9jeuner ?\r\n"
				   "Subject: Lunch\\t\\u00e9\\u20ac?\r\n"
				   "NS: i <urn:ietf:params:imdn>\r\n"
				   "i.Message-ID: Kx81\r\n"
				   "i.Disposition-Notification: positive-delivery,DISPLAY, nothing-known\r\n"
				   "i.Original-To: <sip:team@ims.example.net>\r\n"
				   "i.IMDN-Record-Route: <sip:a.example.net>\r\n"
				   "i.IMDN-Record-Route: <sip:b.example.net>\r\n"
				   "X-Unknown: whatever\r\n"
				   "\r\n"
				   "Content-type: text/plain;charset=UTF-8\r\n"
				   "content-Length: 2\r\n"
				   "\r\n"
				   "hi";
	is_int(read_text(text), CPIM_OK, "a whole message");
	is_slice(c.from.name, "Alice \"A.\"", "quoted name, un-escaped");
	is_slice(c.from.uri, "sip:alice@ims.example.net", "From URI");
	is_int((int)c.nto, 2, "To is repeatable");
	is_slice(c.to[1].name, "Carol van Dyk", "bare words as name");
	is_slice(c.cc[0].uri, "sip:dave@ims.example.net", "bare URI");
	is_slice(c.datetime, "2026-03-05T09:30:00+01:00", "DateTime");
	is_slice(c.subjects[0].lang, "fr", "language of a Subject");
	is_slice(c.subjects[1].text, "Lunch\t\xc3\xa9\xe2\x82\xac?", "Subject un-escaped");
	is_slice(c.message_id, "Kx81", "imdn.Message-ID by namespace");
	is_int(c.wanted, IMDN_POSITIVE_DELIVERY | IMDN_DISPLAY, "what is wanted");
	is_slice(c.original_to, "sip:team@ims.example.net", "Original-To");
	is_slice(c.record_route[1], "sip:b.example.net", "second Record-Route");
	is_slice(mime_field(&c.content, "CONTENT-TYPE"), "text/plain;charset=UTF-8", "MIME names in any case");
	is_str(text + c.body, "hi", "content");
}

static void namespaces(void)
{
	is_int(read_text("NS: imdn<urn:ietf:params:imdn>\nimdn.Message-ID: a\n\nContent-Type: text/plain\n\nx"),
	       CPIM_OK, "no blank before <, LF only");
	is_slice(c.message_id, "a", "bound all the same");
	read_text("imdn.Message-ID: a\nNS: imdn <urn:ietf:params:imdn>\n\n\nx");
	is_int((int)c.message_id.n, 0, "used before its declaration");
	read_text("NS: imdn <urn:example:other>\nimdn.Message-ID: a\n\n\nx");
	is_int((int)c.message_id.n, 0, "the prefix text means nothing");
	read_text("From: <sip:a@x.example>\nNS: <urn:example:other>\nFrom: <sip:b@x.example>\nTo: "
		  "<sip:c@x.example>\n\n\nx");
	is_slice(c.from.uri, "sip:a@x.example", "unprefixed names after NS without prefix are foreign");
	is_int((int)c.nto, 0, "so is To");
	read_text("NS: i <urn:ietf:params:imdn>\nNS: i <urn:example:other>\ni.Message-ID: a\n\n\nx");
	is_int((int)c.message_id.n, 0, "the last declaration wins");
}

static void verdicts(void)
{
	static const struct {
		const char *text, *name;
		enum cpim_verdict want;
	} row[] = {
		{"From: <sip:a@x>\r\nContent-Type: text/plain\r\n\r\nhi", "merged blocks", CPIM_OK},
		{"From: <sip:a@x>\r\n\r\n\r\nhi", "content without MIME header", CPIM_OK},
		{"Require: From,To\nFrom: <sip:a@x>\n\n\nhi", "Require of known names", CPIM_OK},
		{"Require: MyFeatures.VitalMessageOption\n\n\nhi", "Require of an unknown one", CPIM_UNKNOWN_REQUIRED},
		{"NS: i <urn:ietf:params:imdn>\nRequire: i.Message-ID\n\n\nhi", "Require of an IMDN name", CPIM_OK},
		{"Require: from\n\n\nhi", "names are case-sensitive", CPIM_UNKNOWN_REQUIRED},
		{"Content-Type: text/plain\r\n\r\nhi", "no CPIM header at all", CPIM_BAD},
		{"hello there\r\n\r\n", "no colon", CPIM_BAD},
		{"From: <sip:a@x>\r\n folded\r\n\r\n", "folded", CPIM_BAD},
		{"From: <sip:a@x>\r\nTo: <sip:b@x>", "does not end", CPIM_BAD},
		{"From: <sip:a@x>\r\n\r\nhello\r\n", "content in place of MIME header", CPIM_BAD},
		{"NS: urn:no-brackets\n\n\n", "NS without <>", CPIM_BAD},
		{"", "empty", CPIM_BAD},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (!ok(read_text(row[i].text) == row[i].want, "%s", row[i].name))
			printf("# why: %s\n", why);
	read_text("from: <sip:a@x>\nTO: <sip:b@x>\n\n\nhi");
	ok(!c.from.uri.n && !c.nto, "header names are case-sensitive");
}

static void escapes(void)
{
	static const struct {
		const char *in, *out;
	} row[] = {
		{"\\\\ \\\" \\' \\b\\t\\n\\r", "\\ \" ' \b\t\n\r"},
		{"\\z", "z"},
		{"end\\", "end"},
		{"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
		{"\\ud83d", "\xef\xbf\xbd"},
		{"\\ud83d\\u0041", "\xef\xbf\xbd"
				   "A"},
		{"\\u00", "u00"},
	};
	char to[64];
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		size_t n = cpim_unescape(to, slice_of(row[i].in));
		to[n] = '\0';
		is_str(to, row[i].out, row[i].in);
	}
	struct buf b = {0};
	cpim_escape(&b, (struct slice){"a\"b\\\t\r\n\b\x01\x7f\xc3\xa9", 12}, true);
	is_str(buf_str(&b), "a\\\"b\\\\\\t\\r\\n\\b\\u0001\\u007f\xc3\xa9", "written with short forms");
	buf_free(&b);
}

static void writer(void)
{
	static const char want[] = "From: \"A \\\"x\\\"\" <sip:a@x.example>\r\n"
				   "To: <sip:b@x.example>\r\n"
				   "cc: <sip:c@x.example>\r\n"
				   "DateTime: 2026-03-05T08:31:00Z\r\n"
				   "Subject:;lang=de Hallo\\r\\nBcc: x\r\n"
				   "NS: imdn <urn:ietf:params:imdn>\r\n"
				   "imdn.Message-ID: m1\r\n"
				   "imdn.Disposition-Notification: positive-delivery, negative-delivery, display\r\n"
				   "imdn.Original-To: <sip:g@x.example>\r\n"
				   "imdn.IMDN-Record-Route: <sip:r@x.example>\r\n"
				   "\r\n"
				   "Content-Type: text/plain;charset=UTF-8\r\n"
				   "\r\n"
				   "hi";
	struct cpim_address to = {{"", 0}, SLICE("sip:b@x.example")}, cc = {{"", 0}, SLICE("sip:c@x.example")};
	struct cpim_subject subject = {SLICE("de"), SLICE("Hallo\r\nBcc: x")};
	struct slice route = SLICE("sip:r@x.example");
	struct cpim m = {.from = {SLICE("A \"x\""), SLICE("sip:a@x.example")},
			 .to = &to,
			 .nto = 1,
			 .cc = &cc,
			 .ncc = 1,
			 .datetime = SLICE("2026-03-05T08:31:00Z"),
			 .subjects = &subject,
			 .nsubjects = 1,
			 .message_id = SLICE("m1"),
			 .wanted = 11,
			 .original_to = SLICE("sip:g@x.example"),
			 .record_route = &route,
			 .nrecord_route = 1};
	struct buf b = {0};
	cpim_write(&b, &m, SLICE("Content-Type: text/plain;charset=UTF-8\r\n"), SLICE("hi"));
	is_str(buf_str(&b), want, "written exactly");
	is_int(read_text(buf_str(&b)), CPIM_OK, "and read again");
	is_slice(c.subjects[0].text, "Hallo\r\nBcc: x", "with the same Subject");
	buf_free(&b);
}

static void reports(void)
{
	ok(imdn_is_report(SLICE("message/imdn+xml"), SLICE("notification")), "a report");
	ok(imdn_is_report(SLICE("Message/IMDN+XML; charset=utf-8"), SLICE("")), "a bare one");
	ok(imdn_is_report(SLICE("multipart/mixed;boundary=x"), SLICE("Notification;handling=optional")),
	   "an aggregate");
	ok(!imdn_is_report(SLICE("multipart/mixed;boundary=x"), SLICE("")), "a multipart is none");
	ok(!imdn_is_report(SLICE("text/plain"), SLICE("notification")), "nor is text");
}

int main(void)
{
	whole();
	namespaces();
	verdicts();
	escapes();
	writer();
	reports();
	cpim_free(&c);
	return tap_done();
}
