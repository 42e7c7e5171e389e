/* The server's side of ESMTP and LMTP: every row of table 5.6, the end of data, and what must not end it. */
#include "smtp/server/server.h"

#include "tap.h"

#include <stdlib.h>

struct owner {
	enum smtpd_answer sender, recipient, data;
	struct buf content;
	bool refuse_content, stored, forgotten;
	enum smtpd_answer refused;
};

static enum smtpd_answer sender(void *ctx, struct slice address)
{
	(void)address;
	return ((struct owner *)ctx)->sender;
}

static enum smtpd_answer recipient(void *ctx, struct smtpd_recipient *to)
{
	to->cpm = slice_dup(SLICE("tel:+14155550101"));
	return ((struct owner *)ctx)->recipient;
}

static enum smtpd_answer data(void *ctx)
{
	return ((struct owner *)ctx)->data;
}

static bool content(void *ctx, const char *p, size_t n)
{
	struct owner *o = ctx;
	buf_put(&o->content, p, n);
	return !o->refuse_content;
}

static void store(void *ctx)
{
	((struct owner *)ctx)->stored = true;
}

static void forget(void *ctx)
{
	((struct owner *)ctx)->forgotten = true;
}

static void refused(void *ctx, enum smtpd_answer a)
{
	((struct owner *)ctx)->refused = a;
}

static const struct smtpd_ops ops = {sender, recipient, data, content, store, forget, refused};
static const struct smtpd_rules plain = {
	.host = "gw.example.net", .max_size = 1000, .max_rcpt = 3, .max_received = 4, .deliverby = true};

static struct owner own;
static struct smtpd s;

static void begin(const struct smtpd_rules *r)
{
	smtpd_free(&s);
	buf_free(&own.content);
	own = (struct owner){.sender = SMTPD_SENDER_OK, .recipient = SMTPD_RCPT_OK, .data = SMTPD_GO_ON};
	smtpd_begin(&s, r, "gw.example.net", &ops, &own);
}

/* The replies to text, fed in pieces of step octets; complete mails are answered with a. */
static const char *say_in(const char *text, size_t n, size_t step, enum smtpd_answer a)
{
	buf_clear(&s.out);
	for (size_t at = 0; at < n;) {
		size_t k = smtpd_feed(&s, text + at, n - at < step ? n - at : step);
		at += k;
		if (s.state == SMTPD_STORING)
			smtpd_settle(&s, a);
		else if (!k)
			break;
	}
	return buf_str(&s.out);
}

static const char *say(const char *text)
{
	return say_in(text, strlen(text), strlen(text), SMTPD_QUEUED);
}

/* The last reply is that row. */
static void row(enum smtpd_answer a, const char *got, const char *name)
{
	struct buf want = {0};
	smtpd_reply(&want, a);
	bool good = strlen(got) >= want.n && strcmp(got + strlen(got) - want.n, want.p) == 0;
	if (!ok(good, "%s: %d %s", name, smtpd_row(a)->code, smtpd_row(a)->enhanced ? smtpd_row(a)->enhanced : "-"))
		printf("# got %s", got);
	buf_free(&want);
}

#define HELLO "EHLO c.example\r\n"
#define MAIL HELLO "MAIL FROM:<bob@example.org>\r\n"
#define RCPT MAIL "RCPT TO:<+14155550101@rcs.example.net>\r\n"
#define DATA RCPT "DATA\r\n"

/* A fresh session says text: the last reply is a. */
static void fresh(enum smtpd_answer a, const char *text)
{
	begin(&plain);
	struct buf name = {0};
	for (const char *p = strlen(text) > 60 ? text + strlen(text) - 60 : text; *p; p++)
		buf_putc(&name, *p < ' ' || *p == '#' ? '_' : *p);
	row(a, say(text), buf_str(&name));
	buf_free(&name);
}

static void codes(void)
{
	static const struct {
		enum smtpd_answer a;
		const char *line;
	} table[] = {
		{SMTPD_OVERLOADED, "421 4.3.2"}, {SMTPD_BLOCKED, "554 5.7.1"}, {SMTPD_SIZE, "552 5.3.4"},
		{SMTPD_BY_PAST, "501 5.5.4"}, {SMTPD_SEQUENCE, "503 5.5.1"}, {SMTPD_SYNTAX, "501 5.5.4"},
		{SMTPD_NOT_OURS, "550 5.7.1"}, {SMTPD_UNKNOWN_USER, "550 5.1.1"}, {SMTPD_BAD_ADDRESS, "553 5.1.3"},
		{SMTPD_ALIAS, "250 2.1.5"}, {SMTPD_EXPIRED, "550 5.1.6"}, {SMTPD_POSTMASTER, "250 2.1.5"},
		{SMTPD_TOO_MANY_RCPT, "452 4.5.3"}, {SMTPD_UNKNOWN_COMMAND, "500 5.5.2"},
		{SMTPD_NOT_OFFERED, "502 5.5.1"}, {SMTPD_UNKNOWN_PARAMETER, "555 5.5.4"},
		{SMTPD_BAD_PARAMETER, "501 5.5.4"}, {SMTPD_NEEDS_UTF8, "553 5.6.7"}, {SMTPD_VRFY, "252 2.5.2"},
		{SMTPD_EXPN, "502 5.5.1"}, {SMTPD_LINE_LONG, "500 5.5.6"}, {SMTPD_IDLE, "421 4.4.2"},
		{SMTPD_NEEDS_TLS, "530 5.7.0"}, {SMTPD_RATE, "450 4.7.1"}, {SMTPD_OPT_OUT, "550 5.7.1"},
		{SMTPD_QUEUED, "250 2.0.0"}, {SMTPD_CONTENT, "554 5.6.0"}, {SMTPD_TOO_BIG, "552 5.3.4"},
		{SMTPD_LOOP, "554 5.4.6"}, {SMTPD_QUEUE_AWAY, "451 4.3.0"}, {SMTPD_NULL_TAKEN, "250 2.0.0"},
		{SMTPD_BARE, "554 5.5.2"}, {SMTPD_CHUNK_TAKEN, "250 2.0.0"}, {SMTPD_CHUNK_SYNTAX, "501 5.5.4"},
	};
	struct buf b = {0};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		buf_clear(&b);
		smtpd_reply(&b, table[i].a);
		ok(strncmp(b.p, table[i].line, 9) == 0 && b.p[9] == ' ', "%s: %s", smtpd_row(table[i].a)->situation,
		   table[i].line);
	}
	buf_free(&b);
	for (int i = 0; i < SMTPD_ANSWERS; i++)
		if (!smtpd_row((enum smtpd_answer)i)->code || !smtpd_row((enum smtpd_answer)i)->situation)
			ok(false, "row %d is there", i);
}

static void greeting(void)
{
	struct smtpd_rules r = plain;
	begin(&r);
	is_str(buf_str(&s.out), "220 gw.example.net ESMTP\r\n", "greeting");
	is_str(say(HELLO),
	       "250-gw.example.net\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n"
	       "250-CHUNKING\r\n250-DELIVERBY\r\n250 DSN\r\n", "EHLO");
	r.deliverby = false;
	r.smtputf8 = r.starttls = true;
	begin(&r);
	const char *got = say(HELLO);
	ok(strstr(got, "250-STARTTLS\r\n") && strstr(got, "250-SMTPUTF8\r\n") && !strstr(got, "DELIVERBY"), "the knobs' keywords");
	begin(&plain);
	is_str(say("HELO c.example\r\n"), "250 gw.example.net\r\n", "HELO");
	fresh(SMTPD_NOT_OFFERED, "LHLO c.example\r\n");
	fresh(SMTPD_SYNTAX, "EHLO\r\n");
	fresh(SMTPD_SYNTAX, "EHLO a b\r\n");
	r = plain;
	r.lmtp = true;
	begin(&r);
	is_str(buf_str(&s.out), "220 gw.example.net LMTP\r\n", "LMTP greeting");
	row(SMTPD_NOT_OFFERED, say("EHLO c.example\r\n"), "EHLO to LMTP");
	ok(strncmp(say("LHLO c.example\r\n"), "250-gw", 6) == 0, "LHLO");
}

static void commands(void)
{
	fresh(SMTPD_SEQUENCE, "MAIL FROM:<bob@example.org>\r\n");
	fresh(SMTPD_SEQUENCE, HELLO "RCPT TO:<a@b.example>\r\n");
	fresh(SMTPD_SEQUENCE, HELLO "DATA\r\n");
	fresh(SMTPD_SEQUENCE, MAIL "DATA\r\n");
	fresh(SMTPD_SEQUENCE, MAIL "MAIL FROM:<c@example.org>\r\n");
	fresh(SMTPD_SYNTAX, HELLO "MAIL FROM:bob@example.org\r\n");
	fresh(SMTPD_SYNTAX, HELLO "MAIL FROM:<bob@example.org\r\n");
	fresh(SMTPD_SYNTAX, HELLO "MAIL FROM:<<bob@example.org>>\r\n");
	fresh(SMTPD_SYNTAX, HELLO "MAIL FROM:<bob@example.org>SIZE=1\r\n");
	fresh(SMTPD_SYNTAX, HELLO "MAIL TO:<bob@example.org>\r\n");
	fresh(SMTPD_SYNTAX, MAIL "RCPT TO:<>\r\n");
	fresh(SMTPD_SYNTAX, RCPT "DATA now\r\n");
	fresh(SMTPD_SENDER_OK, HELLO "MAIL FROM:<>\r\n");
	fresh(SMTPD_SENDER_OK, HELLO "mail from: <@a.example,@b.example:bob@example.org>\r\n");
	is_str(s.mail.from, "bob@example.org", "the source route is dropped");
	fresh(SMTPD_RCPT_OK, MAIL "RCPT TO:<\"a>b\"@rcs.example.net>\r\n");
	is_str(s.mail.to[0].address, "\"a>b\"@rcs.example.net", "a quoted angle ends nothing");
	fresh(SMTPD_TOO_MANY_RCPT, RCPT "RCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nRCPT TO:<d@x>\r\n");
	fresh(SMTPD_UNKNOWN_COMMAND, "GET / HTTP/1.1\r\n");
	fresh(SMTPD_UNKNOWN_COMMAND, "NOOP\n");
	fresh(SMTPD_UNKNOWN_COMMAND, "NO\rOP\r\n");
	fresh(SMTPD_NOT_OFFERED, HELLO "ETRN x\r\n");
	fresh(SMTPD_NOT_OFFERED, HELLO "AUTH PLAIN\r\n");
	fresh(SMTPD_NOT_OFFERED, HELLO "STARTTLS\r\n");
	fresh(SMTPD_VRFY, HELLO "VRFY bob\r\n");
	fresh(SMTPD_EXPN, HELLO "EXPN staff\r\n");
	fresh(SMTPD_NOOP, "NOOP x\r\n");
	fresh(SMTPD_RESET, MAIL "RSET\r\n");
	ok(!s.mail.from && own.forgotten, "RSET forgets");
	fresh(SMTPD_BYE, "QUIT\r\n");
	is_int(s.state, SMTPD_CLOSING, "QUIT closes");
}

static void parameters(void)
{
	fresh(SMTPD_SENDER_OK, HELLO "MAIL FROM:<b@x.example> SIZE=1000 BODY=8BITMIME RET=HDRS ENVID=a+20b BY=60;R\r\n");
	ok(s.mail.eightbit && s.mail.by && s.mail.by_mode == 'R' && s.mail.by_seconds == 60, "values are kept");
	is_str(s.mail.envid, "a+20b", "ENVID in xtext");
	fresh(SMTPD_SENDER_OK, HELLO "MAIL FROM:<b@x.example> BY=-30;NT\r\n");
	is_int(s.mail.by_seconds, -30, "BY may be over with N");
	fresh(SMTPD_SIZE, HELLO "MAIL FROM:<b@x.example> SIZE=1001\r\n");
	fresh(SMTPD_SIZE, HELLO "MAIL FROM:<b@x.example> SIZE=99999999999999999999\r\n");
	fresh(SMTPD_BY_PAST, HELLO "MAIL FROM:<b@x.example> BY=0;R\r\n");
	fresh(SMTPD_BY_PAST, HELLO "MAIL FROM:<b@x.example> BY=-1;R\r\n");
	static const char *const bad[] = {"SIZE=1a", "BODY=9BIT", "RET=SOME", "RET=HDRS RET=HDRS", "ENVID=a+2", "BY=5",
					  "BY=5;X", "BY=1234567890;N", "ENVID=a=b", "ENVID"};
	char line[1200];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(line, sizeof line, HELLO "MAIL FROM:<b@x.example> %s\r\n", bad[i]);
		begin(&plain);
		row(SMTPD_BAD_PARAMETER, say(line), bad[i]);
	}
	fresh(SMTPD_SYNTAX, HELLO "MAIL FROM:<b@x.example> SIZE=\r\n");
	snprintf(line, sizeof line, HELLO "MAIL FROM:<b@x.example> ENVID=%0101d\r\n", 0);
	fresh(SMTPD_BAD_PARAMETER, line);
	fresh(SMTPD_UNKNOWN_PARAMETER, HELLO "MAIL FROM:<b@x.example> AUTH=<>\r\n");
	fresh(SMTPD_UNKNOWN_PARAMETER, HELLO "MAIL FROM:<b@x.example> SMTPUTF8\r\n");
	fresh(SMTPD_UNKNOWN_PARAMETER, MAIL "RCPT TO:<b@x.example> X=1\r\n");
	fresh(SMTPD_RCPT_OK, MAIL "RCPT TO:<b@x.example> NOTIFY=SUCCESS,failure ORCPT=rfc822;b+2Bc@x.example\r\n");
	is_int(s.mail.to[0].notify, SMTPD_SUCCESS | SMTPD_FAILURE, "NOTIFY");
	is_str(s.mail.to[0].orcpt, "rfc822;b+2Bc@x.example", "ORCPT");
	fresh(SMTPD_BAD_PARAMETER, MAIL "RCPT TO:<b@x.example> NOTIFY=NEVER,DELAY\r\n");
	fresh(SMTPD_BAD_PARAMETER, MAIL "RCPT TO:<b@x.example> NOTIFY=DELAY,DELAY\r\n");
	fresh(SMTPD_BAD_PARAMETER, MAIL "RCPT TO:<b@x.example> ORCPT=b@x.example\r\n");
	snprintf(line, sizeof line, MAIL "RCPT TO:<b@x.example> ORCPT=rfc822;%0500d\r\n", 0);
	fresh(SMTPD_BAD_PARAMETER, line);
	fresh(SMTPD_NEEDS_UTF8, HELLO "MAIL FROM:<b\303\266b@x.example>\r\n");
	fresh(SMTPD_NEEDS_UTF8, MAIL "RCPT TO:<b\303\266b@x.example>\r\n");
	struct smtpd_rules r = plain;
	r.smtputf8 = true;
	begin(&r);
	row(SMTPD_SENDER_OK, say(HELLO "MAIL FROM:<b\303\266b@x.example> SMTPUTF8\r\n"), "SMTPUTF8");
	begin(&r);
	row(SMTPD_NEEDS_UTF8, say(HELLO "MAIL FROM:<b\303\266b@x.example>\r\n"), "not asked for");
}

static void owner_says(void)
{
	static const enum smtpd_answer rows[] = {SMTPD_NOT_OURS, SMTPD_UNKNOWN_USER, SMTPD_BAD_ADDRESS, SMTPD_EXPIRED, SMTPD_OPT_OUT};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		begin(&plain);
		own.recipient = rows[i];
		row(rows[i], say(RCPT), "RCPT");
		is_int((int)s.mail.recipients, 0, "not kept");
	}
	static const enum smtpd_answer good[] = {SMTPD_ALIAS, SMTPD_POSTMASTER};
	for (size_t i = 0; i < 2; i++) {
		begin(&plain);
		own.recipient = good[i];
		row(good[i], say(RCPT), "RCPT");
		is_int((int)s.mail.recipients, 1, "kept");
	}
	begin(&plain);
	own.sender = SMTPD_RATE;
	row(SMTPD_RATE, say(MAIL), "MAIL");
	begin(&plain);
	own.data = SMTPD_QUEUE_AWAY;
	row(SMTPD_QUEUE_AWAY, say(DATA), "DATA");
	begin(&plain);
	own.refuse_content = true;
	row(SMTPD_QUEUE_AWAY, say(DATA "Subject: x\r\n\r\nx\r\n.\r\n"), "no room");
	ok(!own.stored, "not stored");
	begin(&plain);
	row(SMTPD_QUEUE_AWAY, say_in(DATA "Subject: x\r\n\r\nx\r\n.\r\n", strlen(DATA) + 20, 999, SMTPD_QUEUE_AWAY), "commit failed");
}

static void mails(void)
{
	fresh(SMTPD_QUEUED, DATA "Subject: x\r\nMessage-ID:\r\n <a@b>\r\n\r\n..x\r\n.y\r\n.\r\n");
	is_str(buf_str(&own.content), "Subject: x\r\nMessage-ID:\r\n <a@b>\r\n\r\n.x\r\ny\r\n", "dots of transparency are gone");
	is_str(s.content.message_id, "a@b", "Message-ID");
	ok(!s.mail.from && s.state == SMTPD_COMMANDS, "the transaction is over");
	fresh(SMTPD_CONTENT, DATA ".\r\n");
	begin(&plain);
	static const char nul[] = DATA "a\0b\r\n.\r\n";
	row(SMTPD_CONTENT, say_in(nul, sizeof nul - 1, 999, SMTPD_QUEUED), "NUL");
	struct buf big = {0};
	buf_puts(&big, DATA);
	for (int i = 0; i < 101; i++)
		buf_puts(&big, "12345678\r\n");
	buf_puts(&big, ".\r\n");
	fresh(SMTPD_TOO_BIG, big.p);
	ok(own.content.n <= 1000 && s.state == SMTPD_COMMANDS, "no more is kept than may be, the session goes on");
	buf_free(&big);
	fresh(SMTPD_LOOP, DATA "Received: a\r\nReceived: b\r\nreceived: c\r\nReceived: d\r\nReceived: e\r\n\r\nx\r\n.\r\n");
	fresh(SMTPD_QUEUED, DATA "Received: a\r\nReceived: b\r\nReceived: c\r\nReceived: d\r\n\r\nReceived: e\r\n.\r\n");
	fresh(SMTPD_LOOP, DATA "X-CPM-Gateway: GW.example.net\r\n\r\nx\r\n.\r\n");
	fresh(SMTPD_QUEUED, DATA "X-CPM-Gateway: other.example.net\r\n\r\nx\r\n.\r\n");
	fresh(SMTPD_QUEUED, DATA "Subject: x\r\n\r\nX-CPM-Gateway: gw.example.net\r\n.\r\n");
	fresh(SMTPD_QUEUED, DATA "X-CPM-Gateway: gw.example.net\r\nContent-Type: multipart/report;\r\n x=y\r\n\r\nx\r\n.\r\n");
	struct smtpd_rules r = plain;
	r.lmtp = true;
	begin(&r);
	const char *got = say("LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nS: x\r\n\r\nx\r\n.\r\nNOOP\r\n");
	ok(strstr(got, "354") && strcmp(strchr(strstr(got, "354"), '\n') + 1,
					"250 2.0.0 Queued\r\n250 2.0.0 Queued\r\n250 2.0.0 Ok\r\n") == 0, "LMTP: a reply for each recipient");
}

/* Whatever looks like an end and is none: refused, and what follows is content, not a command. */
static void smuggling(void)
{
	static const char *const ends[] = {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n\n.\r\n", "\r\r\n.\n",
					   "\r\n.\r\r\n", "\n.\r", "\r\n\r.\r\n"};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		for (size_t step = 1; step < 100; step = step * 3 + 1) {
			struct buf b = {0};
			buf_printf(&b, DATA "Subject: x\r\n\r\nx%sMAIL FROM:<evil@example.org>\r\n.\r\n", ends[i]);
			begin(&plain);
			const char *got = say_in(b.p, b.n, step, SMTPD_QUEUED);
			row(SMTPD_BARE, got, "smuggling");
			ok(!own.stored && !s.mail.from && s.state == SMTPD_COMMANDS, "end %zu, step %zu: one mail, refused", i, step);
			buf_free(&b);
		}
	begin(&plain);
	for (size_t step = 1; step < 40; step++) {
		const char text[] = DATA "A: b\r\n\r\n.\r\nNOOP\r\n";
		begin(&plain);
		row(SMTPD_NOOP, say_in(text, sizeof text - 1, step, SMTPD_QUEUED), "in pieces");
		is_str(buf_str(&own.content), "A: b\r\n\r\n", "the same content");
	}
}

/* The codes of the replies, one behind the other. */
static void replies(const char *want, const char *text, const char *name)
{
	struct buf b = {0};
	for (const char *p = say(text), *end; (end = strchr(p, '\n')); p = end + 1)
		if (p[3] == ' ')
			buf_printf(&b, "%s%.9s", b.n ? ", " : "", p);
	is_str(buf_str(&b), want, name);
	buf_free(&b);
}

#define HEAD "Subject: x\r\n\r\n"
#define CHUNK "BDAT 14\r\n" HEAD
#define YES "250 2.0.0"
#define NO "503 5.5.1"

/* CHUNKING (RFC 3030): what is counted is content and nothing else, in whatever pieces it comes. */
static void chunks(void)
{
	static const char text[] = RCPT CHUNK "BDAT 0\r\nBDAT 3\r\n.\r\nbdat 6 last\r\nRSET\r\nNOOP\r\n";
	for (size_t step = 1; step < 200; step += 7) {
		begin(&plain);
		row(SMTPD_NOOP, say_in(text, sizeof text - 1, step, SMTPD_QUEUED), "chunks in pieces");
		ok(own.stored && s.state == SMTPD_COMMANDS && !s.mail.from, "one mail, step %zu", step);
		is_str(buf_str(&own.content), HEAD ".\r\nRSET\r\n", "a dot and a command are content");
	}
	begin(&plain);
	say(RCPT);
	replies(YES ", " YES ", " YES ", " YES, CHUNK "BDAT 1\r\nxBDAT 0 LAST\r\nNOOP\r\n", "a reply for each chunk");
	is_str(buf_str(&own.content), HEAD "x\r\n", "the last line gets its end");
	fresh(SMTPD_CONTENT, RCPT "BDAT 0 LAST\r\n");
	fresh(SMTPD_QUEUED, RCPT CHUNK "BDAT 2\r\nx\rBDAT 2 LAST\r\n\ny");
	fresh(SMTPD_BARE, RCPT CHUNK "BDAT 2 LAST\r\nx\r");
	ok(!own.stored, "a CR at the end is one alone");
	fresh(SMTPD_SENDER_OK, RCPT CHUNK "BDAT 1 LAST\r\nx" "MAIL FROM:<c@example.org>\r\n");
	fresh(SMTPD_GO_ON, RCPT CHUNK "RSET\r\nMAIL FROM:<c@example.org>\r\nRCPT TO:<a@x>\r\nDATA\r\n");
	ok(own.forgotten, "RSET in between: aborted, then DATA may come");
	fresh(SMTPD_LOOP, RCPT "BDAT 33 LAST\r\nX-CPM-Gateway: gw.example.net\r\n\r\nx");
	struct smtpd_rules r = plain;
	r.lmtp = true;
	begin(&r);
	say("LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\n");
	replies(YES ", " YES ", " YES, CHUNK "BDAT 1 LAST\r\nx", "LMTP: one for a chunk, one for each recipient at the end");
}

/* A refused chunk is read to its end: nothing in it is a command. */
static void chunks_refused(void)
{
#define EVIL "BDAT 31 LAST\r\nMAIL FROM:<evil@example.org>\r\nX"
	begin(&plain);
	say(HELLO);
	replies(NO ", " YES, EVIL "NOOP\r\n", "no recipient");
	ok(!s.mail.from, "nothing of it is heard");
	say("MAIL FROM:<bob@example.org>\r\nRCPT TO:<a@x>\r\n");
	replies(YES ", " NO ", " NO ", " NO, CHUNK "DATA\r\n" CHUNK EVIL, "DATA behind BDAT: 503, and so what follows");
	replies("250 2.1.0, 250 2.1.5, 354 End w", "MAIL FROM:<bob@example.org>\r\nRCPT TO:<a@x>\r\nDATA\r\n", "LAST ended it");
	begin(&plain);
	say(RCPT);
	replies(YES ", " NO, CHUNK "RCPT TO:<b@x>\r\n", "no RCPT behind BDAT");
	begin(&plain);
	say(RCPT);
	replies("554 5.5.2, " NO ", " NO ", " YES, "BDAT 4\r\nx\ny\rBDAT 9\r\nx\r\n.\r\nQUIBDAT 2\r\nT\rRSET\r\n", "a bare LF, told at once");
	ok(!own.stored && s.state == SMTPD_COMMANDS, "the session goes on");
	static const char nul[] = RCPT "BDAT 3 LAST\r\na\0b";
	begin(&plain);
	row(SMTPD_CONTENT, say_in(nul, sizeof nul - 1, 999, SMTPD_QUEUED), "NUL");
	begin(&plain);
	own.data = SMTPD_QUEUE_AWAY;
	say(RCPT);
	replies("451 4.3.0, " NO ", " YES, CHUNK CHUNK "RSET\r\n", "no room");
	begin(&plain);
	own.refuse_content = true;
	say(RCPT);
	replies("451 4.3.0, " NO, CHUNK "BDAT 1 LAST\r\nx", "cannot be kept");
	struct smtpd_rules t = plain;
	t.starttls = t.require_tls = true;
	begin(&t);
	say(HELLO);
	replies("530 5.7.0, " YES, EVIL "NOOP\r\n", "in clear");
}

static void chunk_sizes(void)
{
	static const char *const bad[] = {"BDAT\r\n", "BDAT x\r\n", "BDAT -1\r\n", "BDAT +1\r\n", "BDAT 1x LAST\r\n", "BDAT LAST\r\n",
					  "BDAT 1 LAST LAST\r\n", "BDAT 1 2\r\n", "BDAT 0x10\r\n", "BDAT 1,5\r\n"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		begin(&plain);
		say(RCPT);
		row(SMTPD_CHUNK_SYNTAX, say(bad[i]), "no size");
		is_int(s.state, SMTPD_CLOSING, "where it would end cannot be told: closed");
	}
	static const char *const far[] = {"99999999", "999999999999999999", "9223372036854775807", "18446744073709551617"};
	for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
		struct buf b = {0};
		buf_printf(&b, RCPT "BDAT %s LAST\r\n", far[i]);
		fresh(SMTPD_TOO_BIG, b.p);
		is_int(s.state, SMTPD_CLOSING, "more than anybody reads");
		buf_free(&b);
	}
	struct buf b = {0};
	for (int i = 0; i < 62; i++)
		buf_puts(&b, "0123456789abcd\r\n");
	char *big = xasprintf("BDAT %zu\r\n%s" CHUNK CHUNK "RSET\r\n", b.n, b.p);
	begin(&plain);
	say(RCPT);
	replies(YES ", 552 5.3.4, " NO ", " YES, big, "too big");
	free(big);
	ok(own.content.n <= 1000, "no more is kept than may be");
	begin(&plain);
	int n = 0;
	for (say(RCPT); n < 500 && s.state == SMTPD_COMMANDS; n++)
		say("BDAT 1\r\nx");
	is_int(n, SMTPD_IDLING_MAX, "so many small chunks, with EHLO");
	buf_free(&b);
}

static void limits(void)
{
	struct buf b = {0};
	for (int i = 0; i < 2041; i++)
		buf_putc(&b, 'x');
	char *x = slice_dup(slice_buf(&b));
	buf_clear(&b);
	buf_printf(&b, "NOOP %s\r\n", x);
	fresh(SMTPD_NOOP, b.p);
	buf_clear(&b);
	buf_printf(&b, "NOOP %sy\r\n", x);
	fresh(SMTPD_LINE_LONG, b.p);
	row(SMTPD_NOOP, say("NOOP\r\n"), "and goes on");
	begin(&plain);
	for (int i = 0; i < 1000; i++)
		say_in(x, 2000, 2000, SMTPD_QUEUED);
	ok(s.line.cap <= SMTPD_LINE_MAX * 2, "a line without end takes no memory");
	begin(&plain);
	int n = 0;
	for (; n < 50 && s.state == SMTPD_COMMANDS; n++)
		say("X\r\n");
	is_int(n, SMTPD_ERRORS_MAX, "so many errors");
	row(SMTPD_ERRORS, buf_str(&s.out), "then");
	begin(&plain);
	for (n = 0; n < 500 && s.state == SMTPD_COMMANDS; n++)
		say("RSET\r\n");
	is_int(n, SMTPD_IDLING_MAX + 1, "so many commands that lead nowhere");
	begin(&plain);
	say(DATA);
	for (n = 0; n < 100000 && s.state == SMTPD_DATA; n++)
		say_in(x, 2000, 2000, SMTPD_QUEUED);
	row(SMTPD_TOO_BIG, buf_str(&s.out), "content without end");
	is_int(s.state, SMTPD_CLOSING, "closes");
	begin(&plain);
	smtpd_end(&s, SMTPD_IDLE);
	row(SMTPD_IDLE, buf_str(&s.out), "idle");
	free(x);
	buf_free(&b);
}

static void tls(void)
{
	struct smtpd_rules r = plain;
	r.starttls = r.require_tls = true;
	begin(&r);
	row(SMTPD_NEEDS_TLS, say(MAIL), "MAIL in clear");
	row(SMTPD_NEEDS_TLS, say("RCPT TO:<a@b>\r\n"), "RCPT in clear");
	row(SMTPD_TLS_READY, say("STARTTLS\r\n"), "STARTTLS");
	is_int(s.state, SMTPD_STARTING_TLS, "starts");
	smtpd_tls_started(&s);
	row(SMTPD_SEQUENCE, say("MAIL FROM:<bob@example.org>\r\n"), "what was said before is forgotten");
	const char *got = say(HELLO);
	ok(!strstr(got, "STARTTLS"), "not offered twice");
	row(SMTPD_SENDER_OK, say("MAIL FROM:<bob@example.org>\r\n"), "MAIL under TLS");
	begin(&r);
	row(SMTPD_SEQUENCE, say(HELLO "STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n"), "injection");
	is_int(s.state, SMTPD_CLOSING, "closes");
	ok(!s.mail.from, "nothing of it is heard");
}

int main(void)
{
	codes();
	greeting();
	commands();
	parameters();
	owner_says();
	mails();
	smuggling();
	chunks();
	chunks_refused();
	chunk_sizes();
	limits();
	tls();
	smtpd_free(&s);
	buf_free(&own.content);
	return tap_done();
}
