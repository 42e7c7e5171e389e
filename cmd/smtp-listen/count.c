/* Counters of smtp-listen. */
#include "listen.h"

enum { MAILS, SESSIONS };

const struct metric server_metrics[] = {
	[MAILS] = {"cpmail_smtp_in_answers_total",
		   "Answers to complete mails (class 2xx), and refusals of any command, by class.",
		   {"class"},
		   METRIC_COUNTER},
	[SESSIONS] = {"cpmail_smtp_in_sessions", "SMTP and LMTP sessions that are open now.", {0}, METRIC_GAUGE},
	{0},
};

void server_measure(struct frame *f, void *ctx)
{
	struct server *s = ctx;
	(void)f;
	metrics_set(frame_metrics(s->frame), &server_metrics[SESSIONS], NULL, NULL, (int64_t)s->sessions);
}

void server_count_answer(struct server *s, enum smtpd_answer a)
{
	static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};
	metrics_add(frame_metrics(s->frame), &server_metrics[MAILS], classes[smtpd_row(a)->code / 100 - 2], NULL, 1);
}
