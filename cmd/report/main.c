/*
 * report - what each side says of a message, told to the other: SMTP results, DSN, MDN and bounces become SIP answers
 * and IMDN, SIP results and IMDN become DSN and MDN (section 5).
 *
 * mail.result, sip.join, sip.result, receipt, smtp.unsaid -> sip.response, sip.forget, sip.send, mail.out, smtp.reply.
 */
#include "report.h"

#include "base/log.h"

enum { PURGE_EVERY = 256 };

static const struct metric families[] = {
	{"cpmail_receipts_total",
	 "Reports and results that came in, by source and what followed.",
	 {"source", "result"},
	 METRIC_COUNTER},
	{"cpmail_reports_total", "Reports that went out, by form and what they say.", {"form", "what"}, METRIC_COUNTER},
	{0},
};

static const char schema[] = STORE_SCHEMA ASKED_SCHEMA MAILED_SCHEMA;

void report_count(struct frame_item *it, const char *source, const char *result, const char *about)
{
	metrics_add(frame_metrics(it->frame), &families[0], source, result, 1);
	log_event(LOG_INFO, it->in->trace, "receipt", "id", it->in->id, "source", source, "result", result, "about",
		  about, NULL);
}

struct record *report_output(struct frame_item *it, const char *type, const char *trace)
{
	struct record *out = item_output(it, type);
	json_object_del(out->root, "shard"); /* the input's says which sip-listen wants an answer */
	if (trace) {
		record_set(out->root, "trace", trace);
		out->trace = record_str(out->root, "trace");
	}
	return out;
}

void report_emit(struct frame_item *it, struct record *out, const char *form, const char *what, const char *about,
		 const char *to)
{
	metrics_add(frame_metrics(it->frame), &families[1], form, what, 1);
	log_event(LOG_INFO, out->trace, "reported", "id", out->id, "form", form, "what", what, "about", about, "to", to,
		  "because", it->in->trace, NULL);
	item_emit(it, out);
}

static void purge(struct report *r, struct frame *f)
{
	int64_t now = frame_now_ms(f), ttl = conf_int(frame_conf(f), "state_ttl", NULL) * 1000;
	store_purge(&r->store, now - conf_int(frame_conf(f), "dedupe_window", NULL) * 1000);
	asked_purge(&r->asked, now - ttl);
	mailed_purge(&r->mailed, now - ttl);
}

static void step(struct frame_item *it, void *ctx)
{
	static const struct {
		const char *type;
		void (*take)(struct report *r, struct frame_item *it);
	} takes[] = {{"mail.result", report_mail_result},
		     {"sip.join", report_join},
		     {"sip.result", report_sip_result},
		     {"receipt", report_receipt},
		     {"smtp.unsaid", report_unsaid}};
	struct report *r = ctx;
	store_use(&r->store, frame_database(it->frame));
	asked_use(&r->asked, frame_database(it->frame));
	mailed_use(&r->mailed, frame_database(it->frame));
	if (r->steps++ % PURGE_EVERY == 0)
		purge(r, it->frame);
	for (size_t i = 0; i < sizeof takes / sizeof *takes; i++)
		if (strcmp(it->in->type, takes[i].type) == 0)
			takes[i].take(r, it);
}

static void start(struct frame *f, void *ctx)
{
	((struct report *)ctx)->names = map_names_new(frame_conf(f));
}

static void reload(struct frame *f, void *ctx)
{
	struct map_names *old = ((struct report *)ctx)->names;
	start(f, ctx);
	map_names_free(old);
}

static void stop(struct frame *f, void *ctx)
{
	struct report *r = ctx;
	(void)f;
	store_end(&r->store);
	asked_end(&r->asked);
	mailed_end(&r->mailed);
	map_names_free(r->names);
}

int main(int argc, char **argv)
{
	static const char *const takes[] = {"mail.result", "sip.join", "sip.result", "receipt", "smtp.unsaid", NULL};
	static const char *const files[] = {"msgid_key", NULL};
	static const struct frame_program program = {
		.name = "report",
		.summary = "tell each side what the other said of a message (mail.result, sip.result, receipt)",
		.takes = takes,
		.schema = schema,
		.start = start,
		.step = step,
		.files = files,
		.reload = reload,
		.metrics = families,
		.stop = stop,
	};
	static struct report r;
	return frame_run(argc, argv, &program, &r);
}
