/*
 * mail-text - CPU time of reading an answer: the mail parsed, its text found and cut. Prints microseconds of CPU per
 * mail: "text_2k_us 41.0", "html_100k_us 2100".
 *
 * usage: mail-text [ROUNDS]
 */
#include "mail/extract.h"
#include "mail/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char head[] =
	"Received: from mx.example.org (mx.example.org [192.0.2.25])\r\n"
	"\tby mailgw.ims.example.net with ESMTPS id 4fXk2T; Thu, 5 Mar 2026 11:15:02 +0100\r\n"
	"From: Bob Brown <bob@example.org>\r\nTo: <+14155550101@rcs.example.net>\r\n"
	"Subject: Re: Message from Alice\r\nDate: Thu, 5 Mar 2026 11:15:00 +0100\r\n"
	"Message-ID: <1@example.org>\r\nIn-Reply-To: <2@mailgw.ims.example.net>\r\nMIME-Version: 1.0\r\n";
static const char lead[] =
	"On Thu, Mar 5, 2026 at 10:15 AM Alice Adams <+14155550101@rcs.example.net>\r\nwrote:\r\n\r\n";

static void plain(struct buf *b, size_t n)
{
	buf_puts(b, head);
	buf_puts(b,
		 "Content-Type: text/plain; charset=\"UTF-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");
	while (b->n < n / 2)
		buf_puts(b, "The drawings look good to me, but the caf=C3=A9 is too small.\r\n");
	buf_printf(b, "\r\n%s", lead);
	while (b->n < n)
		buf_puts(b, "> What do you think of the drawings that came yesterday?\r\n");
}

/* As Outlook writes it: styles before all, every paragraph with its own. */
static void html(struct buf *b, size_t n)
{
	buf_puts(b, head);
	buf_puts(b, "Content-Type: text/html; charset=\"UTF-8\"\r\n\r\n<html xmlns:o=\"urn:schemas-microsoft-com:office:"
		    "office\"><head><style><!--\r\n");
	while (b->n < n / 8)
		buf_puts(b, "p.MsoNormal, li.MsoNormal, div.MsoNormal\r\n\t{margin:0cm;\r\n\tfont-size:11.0pt;\r\n\t"
			    "font-family:\"Calibri\",sans-serif;}\r\n");
	buf_puts(b, "--></style></head><body lang=\"EN-GB\"><div class=\"WordSection1\"><p class=\"MsoNormal\">The drawings "
		    "<b>look good</b> to me.<o:p></o:p></p><div style=\"border:none;border-top:solid #E1E1E1 1.0pt;"
		    "padding:3.0pt 0cm 0cm 0cm\"><p class=\"MsoNormal\"><b>From:</b> Alice Adams &lt;alice@rcs.example.net"
		    "&gt;<br><b>Sent:</b> 05 March 2026 10:15<br><b>To:</b> Bob Brown<br><b>Subject:</b> Message</p></div>");
	while (b->n < n)
		buf_puts(b, "<p class=\"MsoNormal\"><span lang=\"EN-GB\" style=\"font-size:11.0pt;font-family:&quot;Calibri"
			    "&quot;,sans-serif;color:#1F497D\">What do you think of the drawings that came yesterday? The "
			    "<a href=\"https://example.org/plan?a=1\">plan</a> shows the door on the left, which I like, but "
			    "the window is too small for my taste.<o:p></o:p></span></p>\r\n"
			    "<p class=\"MsoNormal\"><o:p>&nbsp;</o:p></p>\r\n");
	buf_puts(b, "</div></body></html>\r\n");
}

static size_t read_once(struct slice mail)
{
	const char *why;
	struct mail_text t;
	struct buf out = {0};
	GMimeMessage *m = mail_message_open(mail.p, mail.n, -1, &why);
	if (!m) {
		fprintf(stderr, "mail-text: %s\n", why);
		exit(111);
	}
	mail_text_extract(m, NULL, &t);
	struct mail_reply_options o = {
		.marker = "=== Please write above this line ===", .marks = t.marks, .n_marks = t.n_marks};
	mail_reply_strip(&out, slice_buf(&t.text), &o);
	size_t n = out.n;
	mail_text_free(&t);
	g_object_unref(m);
	buf_free(&out);
	return n;
}

static void measure(const char *name, struct slice mail, int rounds)
{
	struct timespec a, b;
	size_t octets = read_once(mail);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (int i = 0; i < rounds; i++)
		octets += read_once(mail);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	double us = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
	if (octets)
		printf("%s %.1f\n", name, us / rounds);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1000;
	struct buf mail = {0};
	if (rounds < 1)
		return 100;
	plain(&mail, 2048);
	measure("text_2k_us", slice_buf(&mail), rounds * 10);
	buf_clear(&mail);
	html(&mail, 100 << 10);
	measure("html_100k_us", slice_buf(&mail), rounds);
	buf_free(&mail);
	return 0;
}
