/* Counters of sip-listen. */
#include "listen.h"

enum { ANSWERS, REPEATS, TRANSACTIONS, TRANSACTION_OCTETS, CONNECTIONS };

const struct metric server_metrics[] = {
	[ANSWERS] = {"cpmail_sip_answers_total",
		     "Answers to requests, by status class; repeated ones are not counted.",
		     {"class"},
		     METRIC_COUNTER},
	[REPEATS] = {"cpmail_sip_repeated_requests_total",
		     "Requests that came again and were absorbed by their transaction.",
		     {0},
		     METRIC_COUNTER},
	[TRANSACTIONS] = {"cpmail_sip_transactions", "Server transactions that live now.", {0}, METRIC_GAUGE},
	[TRANSACTION_OCTETS] = {"cpmail_sip_transactions_bytes",
				"Memory of the server transactions.",
				{0},
				METRIC_GAUGE},
	[CONNECTIONS] = {"cpmail_sip_connections", "TCP and TLS connections that are open now.", {0}, METRIC_GAUGE},
	{0},
};

static void set(struct server *s, int family, size_t n)
{
	metrics_set(frame_metrics(s->frame), &server_metrics[family], NULL, NULL, (int64_t)n);
}

void server_measure(struct frame *f, void *ctx)
{
	struct server *s = ctx;
	(void)f;
	set(s, TRANSACTIONS, sip_transactions_count(s->transactions));
	set(s, TRANSACTION_OCTETS, sip_transactions_octets(s->transactions));
	set(s, CONNECTIONS, s->connections);
}

void server_ended(struct server *s)
{
	for (int i = TRANSACTIONS; i <= CONNECTIONS; i++)
		set(s, i, 0);
}

void server_count_answer(struct server *s, int status)
{
	static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx", "6xx"};
	if (status >= 100 && status < 700)
		metrics_add(frame_metrics(s->frame), &server_metrics[ANSWERS], classes[status / 100 - 1], NULL, 1);
}

void server_count_repeat(struct server *s)
{
	metrics_add(frame_metrics(s->frame), &server_metrics[REPEATS], NULL, NULL, 1);
}
