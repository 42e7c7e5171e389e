/* DSNs and MDNs of the gateway: the mail of 4.11 octet by octet, every action, what may come back in the third part,
 * and values that must not break out of their line. */
#include "mail/address.h"
#include "map/dsn.h"
#include "map/names.h"
#include "tap.h"

#include <stdlib.h>

static struct map_names *names;

static void setup(void)
{
	static const char *const sip[] = {"ims.example.net", NULL};
	static struct token_keys keys;
	char why[128];
	char octets[32];
	for (int i = 0; i < 32; i++)
		octets[i] = (char)i;
	token_keys_add(&keys, octets, sizeof octets);
	names = map_names_make(&(struct map_settings){.gateway = "mailgw.ims.example.net",
						      .mail_domain = "rcs.example.net",
						      .sip_domains = sip,
						      .keys = &keys},
			       why);
	if (!names)
		abort();
}

/* The mail's octets; the envelope in *member (to be freed). */
static char *written(const struct dsn_about *a, const struct dsn *d, const struct mdn *m, json_t **member)
{
	struct buf octets = {0};
	int error = 0;
	*member = json_object();
	bool good = d ? dsn_fill(*member, names, NULL, "01jc0000000000000000000000", a, d, &error)
		      : mdn_fill(*member, names, NULL, "01jc0000000000000000000000", a, m, &error);
	if (!good || !record_body_octets(record_get(*member, "body"), &octets))
		return NULL;
	ok((int64_t)octets.n == record_int(*member, "size", 0), "size is that of the mail");
	return octets.p;
}

static void has(const char *mail, const char *part, const char *name)
{
	if (!ok(mail && strstr(mail, part), "%s", name))
		printf("# no %s in:\n# %s\n", part, mail ? mail : "(nothing)");
}

static void hasnot(const char *mail, const char *part, const char *name)
{
	if (!ok(mail && !strstr(mail, part), "%s", name))
		printf("# %s in:\n# %s\n", part, mail ? mail : "(nothing)");
}

static const struct dsn_about parking = {
	.rcpt = "+14155550101@rcs.example.net",
	.mail_from = "bob@example.org",
	.msg_id = "park-9@mail.example.org",
	.subject = "Parking",
	.envid = "QQ31",
	.conversation = "d589161a70e28b6a9c3ee0c3449598c5",
	.contribution = "9a4faf4670824041d3cdf6a6ab4c012a",
	.returned = {"Subject: Parking\r\nMessage-ID: <park-9@mail.example.org>\r\n", 57},
	.arrived_ms = 1772705702000,
};

#define ID "r.d589161a70e28b6a9c3ee0c3449598c5.9a4faf4670824041d3cdf6a6ab4c012a.81a6a0bc.f581696603@rcs.example.net"

static void worked(void)
{
	json_t *m;
	struct dsn d = {.action = DSN_DELIVERED, .status = "2.1.5", .now_ms = 1772705709000};
	char *mail = written(&parking, &d, NULL, &m);
	const char *boundary = mail ? strstr(mail, "boundary=\"") : NULL;
	char b[25] = "", want[4096];
	if (boundary)
		snprintf(b, sizeof b, "%.24s", boundary + 10);
	snprintf(want, sizeof want,
		 "Date: Thu, 05 Mar 2026 10:15:09 +0000\r\nFrom: \"Mail gateway\" <postmaster@rcs.example.net>\r\n"
		 "To: bob@example.org\r\nSubject: Delivered: Parking\r\nMessage-ID: <" ID ">\r\n"
		 "In-Reply-To: <park-9@mail.example.org>\r\nReferences: <park-9@mail.example.org>\r\n"
		 "X-CPM-Gateway: mailgw.ims.example.net\r\nAuto-Submitted: auto-replied\r\n"
		 "X-Auto-Response-Suppress: All\r\nMIME-Version: 1.0\r\n"
		 "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"%s\"\r\n\r\n"
		 "--%s\r\nContent-Type: text/plain; charset=US-ASCII\r\n\r\n"
		 "Your message to +14155550101 was delivered.\r\n"
		 "--%s\r\nContent-Type: message/delivery-status\r\n\r\n"
		 "Original-Envelope-Id: QQ31\r\nReporting-MTA: dns; rcs.example.net\r\n"
		 "DSN-Gateway: dns; mailgw.ims.example.net\r\nArrival-Date: Thu, 05 Mar 2026 10:15:02 +0000\r\n\r\n"
		 "Final-Recipient: rfc822;+14155550101@rcs.example.net\r\nAction: delivered\r\nStatus: 2.1.5\r\n\r\n"
		 "--%s\r\nContent-Type: text/rfc822-headers\r\n\r\n"
		 "Subject: Parking\r\nMessage-ID: <park-9@mail.example.org>\r\n--%s--\r\n",
		 b, b, b, b, b);
	is_str(mail, want, "4.11, octet by octet");
	is_str(record_str(m, "from"), "", "from <>");
	is_str(record_str(m, "message_id"), ID, "message_id");
	const json_t *to = json_array_get(record_get(m, "to"), 0);
	is_str(record_str(to, "address"), "bob@example.org", "to");
	is_str(json_string_value(json_array_get(record_get(to, "notify"), 0)), "NEVER", "NOTIFY=NEVER");
	is_str(record_str(record_get(m, "origin"), "kind"), "dsn", "origin: kind");
	ok(!record_get(m, "ret") && !record_get(m, "envid"), "no RET, no ENVID");
	free(mail), json_decref(m);
}

static void actions(void)
{
	static const struct {
		struct dsn d;
		const char *subject, *machine;
	} row[] = {
		{{.action = DSN_FAILED, .status = "5.1.1", .diagnostic = "404 Not Found"},
		 "Subject: Undelivered: Parking\r\n",
		 "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: x-sip; 404 Not Found\r\n\r\n"},
		{{.action = DSN_DELAYED, .status = "4.4.0", .retry_until_ms = 1772792102000},
		 "Subject: Delayed: Parking\r\n",
		 "Action: delayed\r\nStatus: 4.4.0\r\nWill-Retry-Until: Fri, 06 Mar 2026 10:15:02 +0000\r\n\r\n"},
		{{.action = DSN_RELAYED, .status = "2.0.0"},
		 "Subject: Relayed: Parking\r\n",
		 "Action: relayed\r\nStatus: 2.0.0\r\n\r\n"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		json_t *m;
		char *mail = written(&parking, &row[i].d, NULL, &m);
		has(mail, row[i].subject, row[i].subject);
		has(mail, row[i].machine, dsn_action_name(row[i].d.action));
		hasnot(mail, ID, "each action has a Message-ID of its own");
		free(mail), json_decref(m);
	}
}

static void original_recipient(void)
{
	static const char *const row[][2] = {
		{"rfc822;Bob+2BX@example.org", "Original-Recipient: rfc822;Bob+X@example.org\r\nFinal"},
		{"x400;C+3DDE;A+3DX/", "Original-Recipient: x400;C=DE;A=X/\r\nFinal"},
		{"utf-8;caf\\x{E9}@example.org", "Original-Recipient: utf-8;caf\\x{E9}@example.org\r\nFinal"},
		{"rfc822;a+0D+0AStatus:+209.9.9@x", "Original-Recipient: rfc822;a Status: 9.9.9@x\r\nFinal"},
	};
	struct dsn_about a = parking;
	struct dsn d = {.action = DSN_DELIVERED, .status = "2.1.5"};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		json_t *m;
		a.orcpt = row[i][0];
		char *mail = written(&a, &d, NULL, &m);
		has(mail, row[i][1], row[i][0]);
		free(mail), json_decref(m);
	}
}

static void returned(void)
{
	static const char whole[] = "Subject: x\r\nMessage-ID: <1@x>\r\n\r\nbody of the mail\r\n";
	static const char high[] = "Subject: x\r\n\r\ncaf\xc3\xa9\r\n", global[] = "Subject: caf\xc3\xa9\r\n\r\nx\r\n";
	struct dsn_about a = parking;
	struct dsn failed = {.action = DSN_FAILED, .status = "5.0.0"},
		   delivered = {.action = DSN_DELIVERED, .status = "2.1.5"};
	struct buf big = {0};
	json_t *m;
	char *mail;
	a.returned = slice_of(whole);
	a.returned_full = true;
	mail = written(&a, &failed, NULL, &m);
	has(mail,
	    "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: x\r\nMessage-ID: "
	    "<1@x>\r\n\r\nbody",
	    "RET=FULL, failed: the whole mail");
	free(mail), json_decref(m);
	mail = written(&a, &delivered, NULL, &m);
	has(mail, "text/rfc822-headers\r\n\r\nSubject: x\r\nMessage-ID: <1@x>\r\n--",
	    "RET=FULL, delivered: headers only");
	hasnot(mail, "body of the mail", "and not the text");
	free(mail), json_decref(m);
	a.returned = slice_of(high);
	mail = written(&a, &failed, NULL, &m);
	has(mail, "message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n", "8-bit mail comes back as 8bit");
	ok(record_bool(m, "eightbit"), "and the envelope says so");
	free(mail), json_decref(m);
	a.returned = slice_of(global);
	mail = written(&a, &failed, NULL, &m);
	has(mail, "message/global-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nSubject: caf=C3=A9\r\n",
	    "a header that is not ASCII: 7-bit form of RFC 6533");
	ok(!record_bool(m, "eightbit"), "and nothing of 8 bits is left");
	free(mail), json_decref(m);
	buf_puts(&big, "Subject: x\r\n\r\n");
	while (big.n < DSN_RETURNED_MAX)
		buf_puts(&big, "a line of the mail\r\n");
	a.returned = slice_buf(&big);
	mail = written(&a, &failed, NULL, &m);
	has(mail, "text/rfc822-headers\r\n\r\nSubject: x\r\n--", "64 KiB and more: headers only");
	free(mail), json_decref(m);
	buf_clear(&big);
	buf_puts(&big, "Subject: x\r\n\r\n");
	while (big.n < 2000)
		buf_putc(&big, 'a');
	a.returned = slice_buf(&big);
	mail = written(&a, &failed, NULL, &m);
	has(mail, "text/rfc822-headers\r\n\r\nSubject: x\r\n--", "lines over 998 octets: headers only");
	free(mail), json_decref(m);
	buf_clear(&big);
	while (big.n < 40000)
		buf_puts(&big, "X-Line: a line of the header\r\n");
	a.returned = slice_buf(&big), a.returned_full = false;
	mail = written(&a, &failed, NULL, &m);
	ok(mail && strlen(mail) < DSN_HEADERS_MAX + 2000 && strstr(mail, "of the header\r\n--"),
	   "a long header is cut between two lines");
	free(mail), json_decref(m);
	a.returned = (struct slice){NULL, 0};
	mail = written(&a, &failed, NULL, &m);
	hasnot(mail, "rfc822-headers", "nothing to return: no third part");
	free(mail), json_decref(m);
	buf_free(&big);
}

static void hostile(void)
{
	struct dsn_about a = parking;
	struct dsn d = {
		.action = DSN_FAILED, .status = "5.0.0", .diagnostic = "500 a\r\nAction: delivered\r\n\r\nX: \xff"};
	json_t *m;
	a.subject = "x\r\nBcc: all@example.org";
	a.envid = "a+0D+0AStatus:+20x";
	a.rcpt = "caf\xc3\xa9@rcs.example.net";
	char *mail = written(&a, &d, NULL, &m);
	hasnot(mail, "\nAction: delivered", "a diagnostic stays on its line");
	hasnot(mail, "\nBcc:", "a subject stays on its line");
	hasnot(mail, "\nStatus: x", "an envelope id stays on its line");
	has(mail, "Final-Recipient: utf-8;caf\\x{E9}@rcs.example.net\r\n", "a recipient of RFC 6533 in 7-bit form");
	has(mail, "charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n", "the human part in 7-bit form");
	for (const char *p = mail; p && *p; p++)
		if ((unsigned char)*p > 126)
			mail[0] = '\0';
	ok(mail && mail[0], "all of it is ASCII");
	ok(!record_bool(m, "smtputf8"), "no SMTPUTF8 needed");
	free(mail), json_decref(m);
	a = parking;
	d.diagnostic = "404 No sip:alice.private@ims.example.net here";
	mail = written(&a, &d, NULL, &m);
	hasnot(mail, "alice.private", "no SIP identity out of a reason phrase");
	has(mail, "Diagnostic-Code: x-sip; 404\r\n", "but its code");
	free(mail), json_decref(m);
	d.diagnostic = "sip:alice.private@ims.example.net";
	mail = written(&a, &d, NULL, &m);
	hasnot(mail, "alice.private", "nor where no code is");
	hasnot(mail, "Diagnostic-Code", "then there is no field");
	free(mail), json_decref(m);
	a.rcpt = "a-k3n7Q2wzx4ytb5mvc6rdhsp2lf@rcs.example.net";
	mail = written(&a, &d, NULL, &m);
	hasnot(mail, parking.conversation, "the ids of a private conversation do not leave");
	hasnot(mail, parking.contribution, "neither of them");
	has(mail, "Final-Recipient: rfc822;a-k3n7Q2wzx4ytb5mvc6rdhsp2lf@rcs.example.net\r\n", "its user is the alias");
	free(mail), json_decref(m);
	int error;
	a.mail_from = "no address";
	m = json_object();
	ok(!dsn_fill(m, names, NULL, "01jc0000000000000000000000", &a, &d, &error) && !error, "nobody to send it to");
	json_decref(m);
	a = parking;
	a.conversation = a.contribution = a.msg_id = a.subject = a.envid = NULL;
	mail = written(&a, &d, NULL, &m);
	has(mail, "Subject: Undelivered\r\nMessage-ID: <r.", "a mail without anything");
	hasnot(mail, "In-Reply-To", "no id to reply to");
	free(mail), json_decref(m);
}

static void mdns(void)
{
	struct mdn displayed = {.type = "displayed", .manual = true, .now_ms = 1772705709000};
	struct mdn error = {.type = "processed", .modifier = "error"};
	struct dsn_about a = parking;
	json_t *m;
	char *mail = written(&a, NULL, &displayed, &m);
	has(mail,
	    "\r\nContent-Type: message/disposition-notification\r\n\r\n"
	    "Reporting-UA: mailgw.ims.example.net; CPM-mail-gateway\r\nMDN-Gateway: dns; mailgw.ims.example.net\r\n"
	    "Final-Recipient: rfc822;+14155550101@rcs.example.net\r\n"
	    "Original-Message-ID: <park-9@mail.example.org>\r\n"
	    "Disposition: manual-action/MDN-sent-automatically; displayed\r\n\r\n--",
	    "4.11: the MDN's second part");
	has(mail, "From: +14155550101@rcs.example.net\r\nTo: bob@example.org\r\nSubject: Displayed: Parking\r\n",
	    "an MDN is from the recipient");
	has(mail, "report-type=disposition-notification", "its report-type");
	is_str(record_str(m, "from"), "", "and from <> in the envelope");
	is_str(record_str(record_get(m, "origin"), "kind"), "mdn", "origin: kind");
	free(mail), json_decref(m);
	a.orcpt = "rfc822;carol@rcs.example.net";
	mail = written(&a, NULL, &error, &m);
	has(mail, "Original-Recipient: rfc822;carol@rcs.example.net\r\nFinal-Recipient",
	    "Original-Recipient where it is known");
	has(mail,
	    "Disposition: automatic-action/MDN-sent-automatically; processed/error\r\nError: ", "processed/error");
	free(mail), json_decref(m);
	a.orcpt = NULL;
	a.returned = slice_of("Subject: x\r\nOriginal-Recipient: rfc822;\r\n\tcarol.c@rcs.example.net\r\n");
	mail = written(&a, NULL, &displayed, &m);
	has(mail, "Original-Recipient: rfc822; carol.c@rcs.example.net\r\nFinal-Recipient",
	    "or out of the mail's header");
	free(mail), json_decref(m);
	a.returned = (struct slice){NULL, 0};
	mail = written(&a, NULL, &displayed, &m);
	hasnot(mail, "Original-Recipient", "or not at all");
	free(mail), json_decref(m);
}

int main(void)
{
	setup();
	worked();
	actions();
	original_recipient();
	returned();
	hostile();
	mdns();
	map_names_free(names);
	return tap_done();
}
