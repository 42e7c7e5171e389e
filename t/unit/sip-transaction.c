/* The transaction table: matching, absorbing, merging, the three deadlines, names, bounds. */
#include "sip/transaction.h"
#include "tap.h"

#include <stdlib.h>

static struct sip_message m;
static struct sip_source udp, tcp;

static void request(const char *method, const char *via, const char *to_tag, const char *call_id, int cseq)
{
	struct buf b = {0};
	buf_printf(&b,
		   "%s sip:bob%%40example.org@gw.example.net SIP/2.0\r\nVia: %s\r\nFrom: "
		   "<sip:alice@example.net>;tag=a1\r\n"
		   "To: <sip:bob@example.org>%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\n\r\n",
		   method, via, to_tag, call_id, cseq, strcmp(method, "ACK") ? method : "ACK");
	if (sip_message_parse(&m, slice_buf(&b)))
		printf("# %s\n", m.why);
	buf_free(&b);
}

static struct sip_transactions *table(int64_t deadline)
{
	struct sip_transaction_limits l = sip_transaction_limits_default(deadline);
	l.count = 4;
	return sip_transactions_new(&l);
}

#define VIA(branch) "SIP/2.0/UDP h.example.net:5070;rport;branch=" branch

static void matching(void)
{
	struct sip_transactions *t = table(10);
	request("MESSAGE", VIA("z9hG4bKone"), "", "c1", 1);
	ok(!sip_transactions_match(t, &m), "new");
	struct sip_transaction *tr = sip_transactions_add(t, &m, &udp, 0);
	ok(sip_transactions_match(t, &m) == tr, "the same again");
	ok(sip_transactions_merged(t, &m), "merges with itself when the branch is not asked first");
	request("MESSAGE", "SIP/2.0/UDP H.EXAMPLE.NET:5070;branch=z9hG4bKone", "", "c1", 1);
	ok(sip_transactions_match(t, &m) == tr, "sent-by is compared without case");
	request("MESSAGE", "SIP/2.0/UDP h.example.net:5071;branch=z9hG4bKone", "", "c2", 1);
	ok(!sip_transactions_match(t, &m), "another port is another client");
	request("CANCEL", VIA("z9hG4bKone"), "", "c1", 1);
	ok(!sip_transactions_match(t, &m), "another method is another transaction");
	request("MESSAGE", VIA("z9hG4bKtwo"), "", "c1", 1);
	ok(!sip_transactions_match(t, &m) && sip_transactions_merged(t, &m), "another branch, in progress: merged");
	request("MESSAGE", VIA("z9hG4bKtwo"), ";tag=x", "c1", 1);
	ok(!sip_transactions_merged(t, &m), "inside a dialog nothing merges");
	request("MESSAGE", VIA("z9hG4bKtwo"), "", "c1", 2);
	ok(!sip_transactions_merged(t, &m), "another CSeq is another request");
	struct buf out = {0};
	ok(sip_transaction_answer(t, tr, 202, NULL, SLICE(""), 0, &out), "answered");
	request("MESSAGE", VIA("z9hG4bKtwo"), "", "c1", 1);
	ok(!sip_transactions_merged(t, &m), "what was answered merges no more");
	request("INVITE", VIA("z9hG4bKinv"), "", "c3", 1);
	tr = sip_transactions_add(t, &m, &udp, 0);
	request("ACK", VIA("z9hG4bKinv"), ";tag=ours", "c3", 1);
	ok(sip_transactions_match(t, &m) == tr, "ACK finds the INVITE's");
	request("MESSAGE", "SIP/2.0/UDP old.example.net;branch=1", "", "c4", 1);
	tr = sip_transactions_add(t, &m, &udp, 0);
	ok(sip_transactions_match(t, &m) == tr, "RFC 2543: matched without the cookie");
	request("MESSAGE", "SIP/2.0/UDP old.example.net;branch=1", "", "c4", 2);
	ok(!sip_transactions_match(t, &m), "RFC 2543: another CSeq");
	request("MESSAGE", "SIP/2.0/UDP old.example.net;branch=z9hG4bK", "", "c5", 1);
	ok(!sip_transactions_match(t, &m), "a bare cookie is no branch");
	buf_free(&out);
	sip_transactions_free(t);
}

static void answers(void)
{
	struct sip_transactions *t = table(10);
	struct buf out = {0}, again = {0};
	char name[SIP_TRANSACTION_NAME];
	request("MESSAGE", VIA("z9hG4bKa"), "", "c1", 1);
	struct sip_transaction *tr = sip_transactions_add(t, &m, &udp, 1000);
	sip_transaction_name(tr, name);
	ok(sip_transactions_named(t, name) == tr, "found by name");
	ok(!sip_transactions_named(t, "x") && !sip_transactions_named(t, "") && !sip_transactions_named(t, "0-0"),
	   "other names");
	sip_transaction_repeat(tr, &again);
	is_int((long long)again.n, 0, "a retransmission before 3.5 s gets nothing");
	is_int(sip_transactions_next(t), 3501000, "due at 3.5 s");
	ok(!sip_transactions_due(t, 3500999), "not before");
	ok(sip_transactions_due(t, 3501000) == tr && tr->due > 3501000, "100 is due at 3.5 s");
	sip_transaction_repeat(tr, &again);
	ok(again.n && strstr(again.p, "SIP/2.0 100 Trying\r\n") && !strstr(again.p, "To: <sip:bob@example.org>;tag"),
	   "100 without a tag");
	ok(!sip_transactions_due(t, 3501001), "once");
	is_int(sip_transactions_next(t), 10001000, "then the deadline");
	ok(sip_transactions_due(t, 10001000) == tr && tr->due <= 10001000, "the answer is due at 10 s");
	ok(sip_transaction_answer(t, tr, 202, NULL, SLICE(""), 10001000, &out), "202");
	ok(strstr(out.p, "SIP/2.0 202 Accepted\r\nVia: SIP/2.0/UDP "
			 "h.example.net:5070;branch=z9hG4bKa;received=192.0.2.7;rport=5099\r\n") == out.p,
	   "the top Via tells where it came from");
	ok(strstr(out.p, "\r\nTo: <sip:bob@example.org>;tag="), "tagged");
	ok(!sip_transaction_answer(t, tr, 404, NULL, SLICE(""), 10002000, &out), "the first final answer counts");
	buf_clear(&again);
	sip_transaction_repeat(tr, &again);
	is_str(again.p, out.p, "repeated octet for octet");
	ok(!sip_transactions_due(t, 42000999) && sip_transactions_count(t) == 1, "kept 32 s");
	ok(!sip_transactions_due(t, 42001000) && sip_transactions_count(t) == 0, "and gone");
	is_int((long long)sip_transactions_octets(t), 0, "all its memory accounted for");
	ok(!sip_transactions_named(t, name), "gone by name too");
	is_int(sip_transactions_next(t), -1, "nothing is due");

	request("MESSAGE", "SIP/2.0/TCP h.example.net;branch=z9hG4bKt", "", "c2", 1);
	tr = sip_transactions_add(t, &m, &tcp, 0);
	sip_transaction_answer(t, tr, 202, NULL, SLICE(""), 5, &out);
	is_int((long long)sip_transactions_count(t), 0, "on a stream it ends with its answer");
	buf_free(&out);
	buf_free(&again);
	sip_transactions_free(t);
}

static void deadlines(void)
{
	struct sip_transactions *t = table(2);
	request("MESSAGE", VIA("z9hG4bKa"), "", "c1", 1);
	struct sip_transaction *tr = sip_transactions_add(t, &m, &udp, 0);
	is_int(sip_transactions_next(t), 2000000, "a deadline before 3.5 s leaves out the 100");
	ok(sip_transactions_due(t, 2000000) == tr && tr->due <= 2000000 && !tr->tried, "the answer is due");
	for (int i = 0; i < 3; i++) {
		char via[80];
		snprintf(via, sizeof via, VIA("z9hG4bKf%d"), i);
		ok(!sip_transactions_full(t), "room for another");
		request("MESSAGE", via, "", "c9", i);
		sip_transactions_add(t, &m, &udp, i);
	}
	ok(sip_transactions_full(t), "full at the limit");
	sip_transactions_free(t);
}

static void head(void)
{
	struct buf out = {0}, big = {0};
	union sip_addr to;
	size_t to_end;
	static const char text[] = "MESSAGE sip:b@gw SIP/2.0\r\n"
				   "v: SIP / 2.0 / UDP 192.0.2.7:5099 ;branch=z9hG4bK1;received=6.6.6.6, SIP/2.0/UDP "
				   "p2;branch=z9hG4bK2\r\n"
				   "Via: SIP/2.0/TCP [2001:db8::1]:5062;branch=z9hG4bK3\r\nf: <sip:a@b>;tag=1\r\nt: "
				   "<sip:b@gw>;tag=there\r\n"
				   "i: c\r\nCSeq: 7 MESSAGE\r\n\r\n";
	is_int(sip_message_parse(&m, slice_of(text)), 0, "compact forms");
	sip_response_head(&out, &m, &udp, &to_end);
	is_str(buf_str(&out),
	       "Via: SIP/2.0/UDP 192.0.2.7:5099;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP p2;branch=z9hG4bK2\r\n"
	       "Via: SIP/2.0/TCP [2001:db8::1]:5062;branch=z9hG4bK3\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
	       "<sip:b@gw>;tag=there\r\n"
	       "Call-ID: c\r\nCSeq: 7 MESSAGE\r\n",
	       "all Via in order, a forged received replaced");
	is_int((long long)to_end, 0, "a To with a tag keeps it");
	sip_response_target(&m, &udp, &to);
	is_int(sip_addr_port(&to), 5099, "without rport: the port of sent-by");
	request("MESSAGE", "SIP/2.0/UDP h.example.net;branch=z9hG4bK1", "", "c", 1);
	sip_response_target(&m, &udp, &to);
	is_int(sip_addr_port(&to), 5060, "no port written: 5060");
	request("MESSAGE", "SIP/2.0/UDP h.example.net:7;rport;branch=z9hG4bK1", "", "c", 1);
	sip_response_target(&m, &udp, &to);
	is_int(sip_addr_port(&to), 5099, "rport: the source port");
	ok(!sip_header_put(&big, "Via", "x") && !sip_header_put(&big, "Bad Name", "x") &&
		   !sip_header_put(&big, "a:b", "x") && !big.n,
	   "names that an answer may not bring");
	ok(sip_header_put(&big, "Retry-After", "5\r\nEvil: 1"), "a header");
	is_str(buf_str(&big), "Retry-After: 5 Evil: 1\r\n", "never two lines");
	buf_free(&out);
	buf_free(&big);
}

int main(void)
{
	sip_init();
	sip_addr_parse(&udp.peer, SLICE("192.0.2.7"), 5099);
	tcp = udp;
	tcp.transport = SIP_TCP;
	tcp.conn = 1;
	matching();
	answers();
	deadlines();
	head();
	sip_message_free(&m);
	return tap_done();
}
