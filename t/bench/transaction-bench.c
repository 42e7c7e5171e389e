/*
 * transaction-bench: what 40 000 live UDP transactions cost: octets of resident memory each, and microseconds to find
 * one. Prints one JSON object.
 */
#include "sip/transaction.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LIVE = 40000, BATCH = 64, BATCHES = 3000 };

/* A request as an IMS core sends it: three Via, the usual lengths. */
static void request(struct sip_message *m, int i)
{
	static struct buf b;
	buf_clear(&b);
	buf_printf(&b,
		   "MESSAGE sip:bob%%40example.org@mailgw.ims.example.net SIP/2.0\r\n"
		   "Via: SIP/2.0/UDP scscf.ims.example.net:5060;branch=z9hG4bK%08x7a31c.%d;rport\r\n"
		   "Via: SIP/2.0/UDP pcscf.ims.example.net:5060;branch=z9hG4bK%08xcafe;received=192.0.2.33\r\n"
		   "Via: SIP/2.0/UDP 198.51.100.17:40404;branch=z9hG4bK%08xue;rport=40404;received=198.51.100.17\r\n"
		   "From: \"Alice A.\" <sip:+1415555%04d@ims.example.net>;tag=%08x\r\n"
		   "To: <sip:bob%%40example.org@mailgw.ims.example.net>\r\nCall-ID: "
		   "%08x-3712948749@ue1.ims.example.net\r\n"
		   "CSeq: 1 MESSAGE\r\nMax-Forwards: 66\r\nContent-Type: message/cpim\r\n\r\n",
		   (unsigned)i * 2654435761u, i, (unsigned)i, (unsigned)i, i % 10000, (unsigned)i * 40503u,
		   (unsigned)i);
	sip_message_parse(m, slice_buf(&b));
}

static long resident(void)
{
	long total = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts); /* others on the machine do not count */
	return ts.tv_sec * (int64_t)1000000000 + ts.tv_nsec;
}

int main(void)
{
	struct sip_message m = {0};
	struct sip_source src = {.transport = SIP_UDP};
	struct sip_transaction_limits limits = sip_transaction_limits_default(10);
	sip_init();
	sip_addr_parse(&src.peer, SLICE("192.0.2.33"), 5060);
	request(&m, 0);
	long before = resident();
	struct sip_transactions *t = sip_transactions_new(&limits);
	struct buf out = {0};
	for (int i = 0; i < LIVE; i++) {
		request(&m, i);
		struct sip_transaction *tr = sip_transactions_add(t, &m, &src, i);
		buf_clear(&out);
		sip_transaction_answer(t, tr, 202, NULL, SLICE(""), i, &out);
	}
	long octets = (resident() - before) / LIVE;
	static struct sip_message asked[BATCH];
	int64_t spent_ns = 0;
	int found = 0;
	for (int i = 0; i < BATCHES; i++) {
		for (int k = 0; k < BATCH; k++)
			request(&asked[k], (int)((unsigned)(i * BATCH + k) * 7919u % LIVE));
		int64_t start = now_ns();
		for (int k = 0; k < BATCH; k++)
			found += sip_transactions_match(t, &asked[k]) != NULL;
		spent_ns += now_ns() - start;
	}
	for (int k = 0; k < BATCH; k++)
		sip_message_free(&asked[k]);
	printf("{\"transaction_bytes\":%ld,\"transaction_lookup_us\":%.3f}\n", octets,
	       (double)spent_ns / 1000.0 / (BATCH * BATCHES));
	bool all = found == BATCH * BATCHES;
	sip_transactions_free(t);
	sip_message_free(&m);
	buf_free(&out);
	return all ? 0 : 1;
}
