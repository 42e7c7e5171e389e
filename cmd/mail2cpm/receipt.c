#include "receipt.h"

#include "base/log.h"
#include "mail2cpm.h"
#include "map/receipt.h"

#include <errno.h>
#include <unistd.h>

enum { RCPTS_MAX = 8 }; /* receipts of one mail: a report is for one, whoever else it names */

/* The start of the mail, as much as report_read() looks at. 0, or errno. */
static int read_start(struct frame_item *it, const json_t *body, struct buf *out)
{
	if (!record_body_blobid(body))
		return record_body_octets(body, out) ? 0 : EINVAL;
	int fd = item_blob_open(it, body), error = 0;
	if (fd < 0)
		return errno;
	while (out->n < REPORT_OCTETS_MAX && !error) {
		ssize_t n = read(fd, buf_room(out, 65536), 65536);
		if (n == 0)
			break;
		if (n > 0)
			out->n += (size_t)n;
		else if (errno != EINTR)
			error = errno;
	}
	close(fd);
	buf_put(out, "", 0);
	return error;
}

static const char *kind_name(enum report_kind kind)
{
	static const char *const names[] = {
		[REPORT_NONE] = "none", [REPORT_DSN] = "dsn", [REPORT_MDN] = "mdn", [REPORT_BOUNCE] = "bounce"};
	return names[kind];
}

static void emit(struct frame_item *it, const struct report *r, const char *rcpt)
{
	struct metrics *counters = frame_metrics(it->frame);
	struct record *out = item_output(it, "receipt");
	if (receipt_of_report(out->member, r, rcpt)) {
		metrics_add(counters, &mail2cpm_metrics[3], kind_name(r->kind), NULL, 1);
		log_event(LOG_INFO, it->in->trace, "receipt", "id", it->in->id, "kind", kind_name(r->kind), "rcpt",
			  rcpt, "mid", r->message_id, "about", r->nids ? r->ids[0].id : r->envid, NULL);
		item_emit(it, out);
		return;
	}
	static const char why[] = "report about nothing of ours";
	metrics_add(counters, &mail2cpm_metrics[2], why, NULL, 1);
	log_event(LOG_INFO, it->in->trace, "discarded", "id", it->in->id, "rcpt", rcpt, "mid", r->message_id, "why",
		  why, NULL);
	record_free(out);
}

/* One for each user's address; a report to the postmaster is his mail. */
static bool emit_all(struct frame_item *it, const struct report *r)
{
	const json_t *to = record_get(it->in->member, "to");
	int n = 0;
	for (size_t i = 0; i < json_array_size(to) && n < RCPTS_MAX; i++) {
		const json_t *one = json_array_get(to, i);
		const char *rcpt = record_str(one, "address");
		if (!rcpt || record_bool(one, "role"))
			continue;
		emit(it, r, rcpt);
		n++;
	}
	return n > 0;
}

bool receipt_of_mail(struct frame_item *it, const struct map_names *names, bool *failed)
{
	struct buf mail = {0};
	struct report r;
	const char *from = record_str(it->in->member, "from");
	int error = read_start(it, record_get(it->in->member, "body"), &mail);
	bool done = false;
	*failed = error != 0;
	if (error == ENOENT || error == EINVAL)
		item_fail(it, "5.6.0", "the body is gone");
	else if (error)
		item_defer(it, 0, "4.3.0", "body: %s", strerror(error));
	if (!error) {
		report_read(&r, slice_buf(&mail), slice_of(from ? from : ""), receipt_ours, (void *)names);
		done = (r.kind != REPORT_NONE || r.claimed) && emit_all(it, &r);
		report_free(&r);
	}
	buf_free(&mail);
	return done;
}
