/* Events about messages of e-mail users -> DSN, MDN (5.4, 4.11). */
#include "event.h"
#include "report.h"
#include "table.h"

#include "base/log.h"
#include "map/frame_io.h"

#include <errno.h>
#include <stdio.h>

/* ---- who may be told ---- */

static bool has_notify(const json_t *origin, const char *word)
{
	const json_t *notify = record_get(origin, "notify");
	for (size_t i = 0; i < json_array_size(notify); i++) {
		const char *have = json_string_value(json_array_get(notify, i));
		if (have && strcasecmp(have, word) == 0)
			return true;
	}
	return false;
}

static bool notify_lets(const json_t *origin, enum table_notify rule)
{
	bool absent = !json_array_size(record_get(origin, "notify"));
	switch (rule) {
	case TABLE_SUCCESS:
		return has_notify(origin, "SUCCESS");
	case TABLE_FAILURE_OR_ABSENT:
		return absent || has_notify(origin, "FAILURE");
	case TABLE_DELAY:
		return has_notify(origin, "DELAY");
	case TABLE_DELAY_OR_ABSENT:
		return absent || has_notify(origin, "DELAY");
	}
	return false;
}

/* Never to <>, never where SPF or DMARC failed: whoever is told may not be who wrote (5.4, 8.1). */
static bool answerable(const json_t *origin)
{
	const char *mail_from = record_str(origin, "mail_from");
	return mail_from && *mail_from && !record_bool(origin, "backscatter");
}

bool notice_possible(const json_t *origin)
{
	return answerable(origin) && (!has_notify(origin, "NEVER") || record_str(origin, "mdn_to"));
}

bool notice_wanted(const json_t *origin, enum event_what what)
{
	const struct table_dsn *t = table_to_dsn(what);
	return t && answerable(origin) && notify_lets(origin, t->notify);
}

void notice_diagnostic(int status, const char *reason, char out[128])
{
	bool clean = reason && !strpbrk(reason, "@:;<>");
	snprintf(out, 128, "%d%s%.100s", status, clean ? " " : "", clean ? reason : "");
}

void notice_part_failed(const struct mailed_part *part, struct event *e)
{
	if (!e->status || strncmp(e->status, "5.6.", 4) != 0)
		e->status = "5.6.0";
	e->part = part->name;
}

/* ---- the mails ---- */

static struct dsn_about about(const struct mailed_row *row, struct slice returned)
{
	const json_t *o = row->origin;
	return (struct dsn_about){
		.rcpt = record_str(o, "rcpt"),
		.mail_from = record_str(o, "mail_from"),
		.msg_id = record_str(o, "msg_id"),
		.subject = record_str(o, "subject"),
		.envid = record_str(o, "envid"),
		.orcpt = record_str(o, "orcpt"),
		.conversation = record_str(o, "conversation"),
		.contribution = record_str(o, "contribution"),
		.returned = returned,
		.returned_full = record_bool(o, "returned_full"),
		.arrived_ms = record_int(o, "received", row->at),
	};
}

/* The mail that a writer filled, or not. A disk that is full is not the mail's fault: the whole record again. */
static bool finish(struct frame_item *it, const struct mailed_row *row, struct record *out, bool filled, int error,
		  const char *form, const char *what)
{
	const char *base = record_str(row->origin, "msg_id");
	if (filled) {
		report_emit(it, out, form, what, base, record_str(row->origin, "mail_from"));
		return true;
	}
	record_free(out);
	if (error)
		die_temp("a %s cannot be written: %s", form, strerror(error));
	report_count(it, form, "no-address", base);
	return false;
}

static unsigned action_bit(enum dsn_action a)
{
	return a == DSN_FAILED	    ? MAILED_FAILED
	       : a == DSN_DELAYED   ? MAILED_DELAYED
	       : a == DSN_DELIVERED ? MAILED_DELIVERED
				    : MAILED_RELAYED;
}

void notice_note(struct report *r, struct mailed_row *row, unsigned told, bool on)
{
	row->told = on ? row->told | told : row->told & ~told;
	mailed_tell(&r->mailed, row);
}

static bool send_dsn(struct report *r, struct frame_item *it, struct mailed_row *row, const struct event *e,
		     const struct table_dsn *t)
{
	unsigned bit = action_bit(t->action);
	struct map_io io = map_frame_io(it);
	struct buf returned = {0};
	int error = 0;
	if (!answerable(row->origin) || !notify_lets(row->origin, t->notify) || row->told & (bit | MAILED_TERMINAL))
		return false;
	record_octets(row->origin, "returned", &returned);
	struct dsn_about a = about(row, slice_buf(&returned));
	struct dsn d = {.action = t->action,
			.status = e->status ? e->status : t->status,
			.diagnostic = e->diagnostic,
			.part = e->part,
			.now_ms = frame_now_ms(it->frame)};
	if (t->action == DSN_DELAYED && e->source == EVENT_TIMER)
		d.retry_until_ms = row->at + 1000 * conf_int(frame_conf(it->frame), "sip_queue_lifetime", NULL);
	struct record *out = report_output(it, "mail.out", record_str(row->origin, "trace"));
	bool filled = dsn_fill(out->member, r->names, &io, it->in->id, &a, &d, &error);
	bool told = finish(it, row, out, filled, error, "dsn", dsn_action_name(t->action));
	buf_free(&returned);
	notice_note(r, row, bit, true);
	return told;
}

static bool send_mdn(struct report *r, struct frame_item *it, struct mailed_row *row, const struct table_mdn *t)
{
	const char *to = record_str(row->origin, "mdn_to");
	struct map_io io = map_frame_io(it);
	struct buf returned = {0};
	int error = 0;
	if (!to || !*to || !answerable(row->origin) || row->told & MAILED_MDN ||
	    (t->knob && !conf_bool(frame_conf(it->frame), t->knob, NULL)))
		return false;
	record_octets(row->origin, "returned", &returned);
	struct dsn_about a = about(row, slice_buf(&returned));
	a.mail_from = to;
	a.returned_full = false;
	struct mdn m = {
		.type = t->type, .modifier = t->modifier, .manual = t->manual, .now_ms = frame_now_ms(it->frame)};
	struct record *out = report_output(it, "mail.out", record_str(row->origin, "trace"));
	bool filled = mdn_fill(out->member, r->names, &io, it->in->id, &a, &m, &error);
	bool told = finish(it, row, out, filled, error, "mdn", t->type);
	buf_free(&returned);
	notice_note(r, row, MAILED_MDN, true);
	return told;
}

bool report_to_mail(struct report *r, struct frame_item *it, struct mailed_row *row, const struct event *e)
{
	const struct table_dsn *dsn = table_to_dsn(e->what);
	const struct table_mdn *mdn = table_to_mdn(e->what);
	bool told = dsn && send_dsn(r, it, row, e, dsn);
	return (mdn && send_mdn(r, it, row, mdn)) || told;
}
