/* Client transactions against a clock of our own, digests against the vectors of their RFCs, table 5.4 row by row. */
#include "sip/client.h"
#include "sip/digest.h"
#include "sip/outcome.h"
#include "tap.h"

#include <stdlib.h>

static void response(struct sip_message *m, int status, const char *branch, const char *method)
{
	struct buf b = {0};
	buf_printf(&b,
		   "SIP/2.0 %d X\r\nVia: SIP/2.0/UDP h;branch=%s\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
		   "Call-ID: x\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		   status, branch, method);
	sip_message_parse(m, slice_buf(&b));
	buf_free(&b);
}

static void timers_udp(void)
{
	struct sip_clients *t = sip_clients_new();
	struct buf at = {0};
	struct sip_client *c, *mine = sip_client_start(t, "z9hG4bKgw1", "MESSAGE", false, t, 0);
	enum sip_client_event e = SIP_CLIENT_NOTHING;
	for (int64_t now; e != SIP_CLIENT_TIMEOUT;) {
		now = sip_clients_next(t);
		e = sip_clients_due(t, now, &c);
		buf_printf(&at, "%s%lld", e == SIP_CLIENT_RESEND ? " " : " F", (long long)(now / 1000));
	}
	is_str(buf_str(&at), " 500 1500 3500 7500 11500 15500 19500 23500 27500 31500 F32000", "timers E and F over UDP");
	ok(c == mine && mine->sent == 11, "sent eleven times");
	sip_client_end(t, c);
	is_int((long long)sip_clients_count(t), 0, "nothing is left");
	buf_free(&at);
	sip_clients_free(t);
}

static void timers_stream(void)
{
	struct sip_clients *t = sip_clients_new();
	struct sip_client *c;
	sip_client_start(t, "z9hG4bKgw1", "MESSAGE", true, t, 0);
	is_int(sip_clients_next(t), 32000000, "a stream has timer F only");
	ok(sip_clients_due(t, 31999999, &c) == SIP_CLIENT_NOTHING, "not before");
	ok(sip_clients_due(t, 32000000, &c) == SIP_CLIENT_TIMEOUT, "but then");
	sip_client_end(t, c);
	sip_clients_free(t);
}

static void responses(void)
{
	struct sip_clients *t = sip_clients_new();
	struct sip_message m = {0};
	struct sip_client *c, *udp = sip_client_start(t, "z9hG4bKgw1", "MESSAGE", false, t, 0);
	struct sip_client *tcp = sip_client_start(t, "z9hG4bKgw2", "MESSAGE", true, t, 0);
	response(&m, 100, "z9hG4bKgw1", "MESSAGE");
	ok(sip_clients_match(t, &m) == udp, "found by its branch");
	response(&m, 100, "z9hG4bKgw1", "OPTIONS");
	ok(!sip_clients_match(t, &m), "another method is another transaction");
	response(&m, 100, "z9hG4bKgw3", "MESSAGE");
	ok(!sip_clients_match(t, &m), "another branch, too");
	ok(sip_client_response(t, udp, 100, 1000) == SIP_CLIENT_PROGRESS, "provisional");
	ok(sip_clients_due(t, 500000, &c) == SIP_CLIENT_RESEND && c == udp, "the request is repeated all the same");
	is_int(sip_clients_next(t), 4500000, "every T2 from then on");
	ok(sip_client_response(t, udp, 200, 600000) == SIP_CLIENT_FINAL, "final");
	ok(sip_client_response(t, udp, 200, 700000) == SIP_CLIENT_NOTHING, "its repetition is absorbed");
	ok(sip_clients_due(t, 5599999, &c) == SIP_CLIENT_NOTHING && sip_clients_count(t) == 2, "for T4");
	ok(sip_clients_due(t, 5600000, &c) == SIP_CLIENT_NOTHING && sip_clients_count(t) == 1, "no longer");
	ok(sip_client_response(t, tcp, 404, 700000) == SIP_CLIENT_FINAL && sip_clients_count(t) == 0,
	   "on a stream it is over at once");
	sip_message_free(&m);
	sip_clients_free(t);
}

static void many(void)
{
	enum { N = 3000 };
	struct sip_clients *t = sip_clients_new();
	struct sip_client *c, *list[N];
	int64_t last = 0;
	int timeouts = 0, wrong = 0;
	for (int i = 0; i < N; i++) {
		char branch[32];
		snprintf(branch, sizeof branch, "z9hG4bKgw%d", i);
		list[i] = sip_client_start(t, branch, "MESSAGE", true, t, (i * 7919LL) % N * 1000);
	}
	for (int i = 0; i < N; i += 3)
		sip_client_end(t, list[i]);
	while (sip_clients_count(t)) {
		int64_t now = sip_clients_next(t);
		wrong += now < last;
		last = now;
		wrong += sip_clients_due(t, now, &c) != SIP_CLIENT_TIMEOUT;
		timeouts++;
		sip_client_end(t, c);
	}
	is_int(timeouts, N - N / 3, "of thousands each has its timer");
	is_int(wrong, 0, "in order");
	sip_clients_free(t);
}

/* ---- digest ---- */

static const char *respond(const char *challenge, struct sip_credentials who)
{
	static struct buf out;
	struct sip_challenge c;
	buf_clear(&out);
	if (sip_challenge_parse(&c, slice_of(challenge)))
		sip_digest_response(&out, &c, &who);
	else
		buf_puts(&out, "refused");
	sip_challenge_free(&c);
	return buf_str(&out);
}

static void digests(void)
{
	struct sip_credentials mufasa = {"Mufasa", "Circle of Life", "GET", "/dir/index.html", 1,
					 "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"};
	struct sip_credentials old = {"Mufasa", "Circle Of Life", "GET", "/dir/index.html", 1, "0a4f113b"};
	static const char realm[] = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
				    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
				    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
	char text[512];
	snprintf(text, sizeof text, "Digest %s, algorithm=MD5", realm);
	is_str(respond(text, mufasa), "8ca523f5e9506fed4657c9700eebdbec", "RFC 7616 3.9.1: MD5");
	snprintf(text, sizeof text, "Digest %s, algorithm=SHA-256", realm);
	is_str(respond(text, mufasa), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	       "RFC 7616 3.9.1: SHA-256");
	is_str(respond("Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
		       "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
		       old),
	       "6629fae49393a05397450978507c4ef1", "RFC 2617 3.5");
	is_str(respond("Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"", old),
	       "670fd8c2df070c60b045671b8b24ff02", "without qop, as RFC 2069");
	static const char *const refused[] = {
		"Basic realm=\"x\"",
		"Digest realm=\"x\"",
		"Digest nonce=\"x\"",
		"Digest realm=\"x\", nonce=\"y\", algorithm=MD5-sess",
		"Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\"",
		"Digest realm=\"x\", realm=\"z\", nonce=\"y\"",
		"Digest realm=\"x, nonce=\"y\"",
		"Digest",
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		is_str(respond(refused[i], old), "refused", refused[i]);
}

static void credentials(void)
{
	struct sip_challenge c;
	struct buf out = {0};
	struct sip_credentials who = {"g\"w", "secret", "MESSAGE", "sip:bob@example.org", 2, "abc"};
	ok(sip_challenge_parse(&c, SLICE("Digest  realm=\"a \\\"b\\\"\" , nonce=n1,qop=\"auth\",stale=TRUE,algorithm=md5")),
	   "blanks, escapes, tokens, capitals");
	is_str(c.realm, "a \"b\"", "realm without its escapes");
	ok(c.stale && c.auth && c.algorithm_named, "stale, qop, algorithm");
	sip_digest_answer(&out, &c, &who);
	ok(strstr(buf_str(&out), "username=\"g\\\"w\", realm=\"a \\\"b\\\"\", nonce=\"n1\", uri=\"sip:bob@example.org\"") !=
		   NULL,
	   "what goes back is quoted");
	ok(strstr(buf_str(&out), "algorithm=MD5, cnonce=\"abc\", qop=auth, nc=00000002") != NULL,
	   "qop and nc without quotes");
	ok(!strstr(buf_str(&out), "secret"), "the password stays here");
	buf_free(&out);
	sip_challenge_free(&c);
}

/* ---- table 5.4 ---- */

static const struct {
	int status;
	bool contact;
	enum sip_outcome_action action;
	int smtp;
	const char *code, *finally;
} rows[] = {
	{200, false, SIP_OUTCOME_DONE, 250, "2.0.0", NULL},	 {202, false, SIP_OUTCOME_DONE, 250, "2.0.0", NULL},
	{302, true, SIP_OUTCOME_FOLLOW, 550, "5.1.6", NULL},	 {301, true, SIP_OUTCOME_FOLLOW, 550, "5.1.6", NULL},
	{301, false, SIP_OUTCOME_FAIL, 550, "5.1.6", NULL},	 {380, true, SIP_OUTCOME_FAIL, 554, "5.0.0", NULL},
	{400, false, SIP_OUTCOME_FAIL, 554, "5.6.0", NULL},	 {493, false, SIP_OUTCOME_FAIL, 554, "5.6.0", NULL},
	{505, false, SIP_OUTCOME_FAIL, 554, "5.6.0", NULL},	 {513, false, SIP_OUTCOME_FAIL, 552, "5.3.4", NULL},
	{413, false, SIP_OUTCOME_FAIL, 552, "5.3.4", NULL},	 {401, false, SIP_OUTCOME_AUTHENTICATE, 451, "4.7.0", NULL},
	{407, false, SIP_OUTCOME_AUTHENTICATE, 451, "4.7.0", NULL}, {403, false, SIP_OUTCOME_FAIL, 550, "5.7.1", NULL},
	{433, false, SIP_OUTCOME_FAIL, 550, "5.7.1", NULL},	 {603, false, SIP_OUTCOME_FAIL, 550, "5.7.1", NULL},
	{607, false, SIP_OUTCOME_FAIL, 550, "5.7.1", NULL},	 {404, false, SIP_OUTCOME_FAIL, 550, "5.1.1", NULL},
	{604, false, SIP_OUTCOME_FAIL, 550, "5.1.1", NULL},	 {410, true, SIP_OUTCOME_FAIL, 550, "5.1.6", NULL},
	{405, false, SIP_OUTCOME_FAIL, 554, "5.3.3", NULL},	 {501, false, SIP_OUTCOME_FAIL, 554, "5.3.3", NULL},
	{408, false, SIP_OUTCOME_RETRY, 450, "4.2.0", "5.4.7"},	 {480, false, SIP_OUTCOME_RETRY, 450, "4.2.0", "5.4.7"},
	{486, false, SIP_OUTCOME_RETRY, 450, "4.2.0", "5.4.7"},	 {600, false, SIP_OUTCOME_RETRY, 450, "4.2.0", "5.4.7"},
	{487, false, SIP_OUTCOME_RETRY, 450, "4.2.0", "5.4.7"},	 {414, false, SIP_OUTCOME_FAIL, 553, "5.1.3", NULL},
	{416, false, SIP_OUTCOME_FAIL, 553, "5.1.3", NULL},	 {484, false, SIP_OUTCOME_FAIL, 553, "5.1.3", NULL},
	{415, false, SIP_OUTCOME_PLAIN, 554, "5.6.1", NULL},	 {406, false, SIP_OUTCOME_PLAIN, 554, "5.6.1", NULL},
	{488, false, SIP_OUTCOME_PLAIN, 554, "5.6.1", NULL},	 {606, false, SIP_OUTCOME_PLAIN, 554, "5.6.1", NULL},
	{420, false, SIP_OUTCOME_FAIL, 554, "5.3.3", NULL},	 {421, false, SIP_OUTCOME_FAIL, 554, "5.3.3", NULL},
	{481, false, SIP_OUTCOME_RENEW, 554, "5.5.0", NULL},	 {482, false, SIP_OUTCOME_FAIL, 554, "5.4.6", NULL},
	{483, false, SIP_OUTCOME_FAIL, 554, "5.4.6", NULL},	 {485, false, SIP_OUTCOME_FAIL, 553, "5.1.4", NULL},
	{422, false, SIP_OUTCOME_RETRY, 451, "4.5.0", NULL},	 {423, false, SIP_OUTCOME_RETRY, 451, "4.5.0", NULL},
	{491, false, SIP_OUTCOME_RETRY, 451, "4.5.0", NULL},	 {494, false, SIP_OUTCOME_RETRY, 451, "4.5.0", NULL},
	{499, false, SIP_OUTCOME_FAIL, 554, "5.0.0", NULL},	 {500, false, SIP_OUTCOME_RETRY, 451, "4.4.1", NULL},
	{502, false, SIP_OUTCOME_RETRY, 451, "4.4.1", NULL},	 {503, false, SIP_OUTCOME_RETRY, 451, "4.4.1", NULL},
	{504, false, SIP_OUTCOME_RETRY, 451, "4.4.1", NULL},	 {580, false, SIP_OUTCOME_RETRY, 451, "4.4.1", NULL},
	{555, false, SIP_OUTCOME_RETRY, 451, "4.4.1", NULL},
};

static void table(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct sip_outcome *o = sip_outcome(rows[i].status, rows[i].contact);
		bool same = o->finally == rows[i].finally ||
			    (o->finally && rows[i].finally && strcmp(o->finally, rows[i].finally) == 0);
		ok(o->action == rows[i].action && o->smtp == rows[i].smtp && strcmp(o->enhanced, rows[i].code) == 0 && same,
		   "5.4: %d%s: %s", rows[i].status, rows[i].contact ? " with Contact" : "", rows[i].code);
	}
}

static void schedule(void)
{
	enum { END = 86400000 };
	static const int waits[] = {30, 60, 120, 240, 480, 900, 900, 900};
	for (int i = 0; i < 8; i++)
		is_int(sip_retry_due(i, 1000, 0, END), 1000 + waits[i] * 1000LL, "5.5: the next wait");
	is_int(sip_retry_due(0, 1000, 45, END), 46000, "Retry-After is longer");
	is_int(sip_retry_due(5, 1000, 45, END), 901000, "the schedule is longer");
	is_int(sip_retry_due(0, 1000, 90000, END), -1, "Retry-After beyond the lifetime");
	is_int(sip_retry_due(0, END - 29000, 0, END), -1, "no time is left");
	is_int(sip_retry_due(0, END - 30000, 0, END), END, "the last moment");
}

int main(void)
{
	sip_init();
	timers_udp();
	timers_stream();
	responses();
	many();
	digests();
	credentials();
	table();
	schedule();
	return tap_done();
}
