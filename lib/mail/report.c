#include "mail/report.h"

#include "base/text.h"
#include "base/transfer.h"
#include "mail/head.h"
#include "mail/part.h"
#include "mail/report-parts.h"

#include <stdlib.h>

enum { PARTS_MAX = 50, DEPTH_MAX = 6, RETURNED_IDS = 4 };

/* ---- what is kept ---- */

struct report_recipient *report_add_recipient(struct report *r)
{
	if (r->nrecipients == REPORT_RECIPIENTS_MAX)
		return NULL;
	if (!r->recipients) /* never moved: pointers into it stay good */
		r->recipients = xcalloc(REPORT_RECIPIENTS_MAX, sizeof *r->recipients);
	struct report_recipient *b = &r->recipients[r->nrecipients++];
	*b = (struct report_recipient){0};
	return b;
}

/* A msg-id that can stand in a record: ASCII without blanks, controls and <>. */
static bool id_good(struct slice id)
{
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] <= ' ' || id.p[i] == 127 || id.p[i] == '<' || id.p[i] == '>')
			return false;
	return id.n > 0 && id.n <= REPORT_ID_MAX;
}

static struct slice bare_id(struct slice id)
{
	id = slice_trim(id);
	if (id.n && id.p[0] == '<')
		id.p++, id.n--;
	if (id.n && id.p[id.n - 1] == '>')
		id.n--;
	return slice_trim(id);
}

struct slice report_first_id(struct slice value)
{
	struct slice rest = value, id;
	return mail_msgid_next(&rest, &id) ? id : value;
}

void report_add_id(struct report_work *w, enum report_place place, struct slice id)
{
	struct report *r = w->r;
	size_t like = 0;
	id = bare_id(id);
	if (!id_good(id))
		return;
	bool ours = w->ours && w->ours(w->ctx, id);
	for (size_t i = 0; i < r->nids; i++) {
		struct report_id *known = &r->ids[i];
		like += known->ours == ours;
		if (!slice_eq(id, known->id))
			continue;
		if (place < known->place)
			known->place = place;
		return;
	}
	if (like == REPORT_IDS_MAX)
		return;
	if (!r->ids)
		r->ids = xcalloc((size_t)2 * REPORT_IDS_MAX, sizeof *r->ids);
	r->ids[r->nids++] = (struct report_id){.place = place, .ours = ours, .id = slice_dup(id)};
}

/* ---- parts ---- */

/* One part: its header, and its body as it stands, until part_decode(). */
struct part {
	struct mail_head head;
	char type[MAIL_TYPE_MAX];
	struct slice body;
	struct buf plain;
};

static void part_open(struct part *p, struct slice octets)
{
	*p = (struct part){0};
	mail_head_read(&p->head, octets);
	mail_type_read(mail_head_get(&p->head, "Content-Type", 0), p->type);
	p->body = (struct slice){octets.p + p->head.body, octets.n - p->head.body};
}

/* The body with its transfer encoding undone. */
static struct slice part_decode(struct part *p)
{
	struct decoder d = {.from = transfer_read(mail_head_get(&p->head, "Content-Transfer-Encoding", 0))};
	if (d.from == TRANSFER_IDENTITY)
		return p->body;
	decoder_feed(&d, p->body, &p->plain);
	decoder_end(&d, &p->plain);
	return slice_buf(&p->plain);
}

static void part_close(struct part *p)
{
	mail_head_free(&p->head);
	buf_free(&p->plain);
}

static bool is_one_of(const char *type, const char *const *types)
{
	for (; *types; types++)
		if (strcmp(type, *types) == 0)
			return true;
	return false;
}

/* Namesakes of RFC 6533 beside those of RFC 3464, 6522 and 8098; the last of each row are habits of the field. */
static const char *const dsn_types[] = {"message/delivery-status", "message/global-delivery-status", NULL};
static const char *const mdn_types[] = {"message/disposition-notification", "message/global-disposition-notification",
					NULL};
static const char *const returned_types[] = {
	"message/rfc822",	  "message/global",	"text/rfc822-headers", "message/global-headers",
	"message/rfc822-headers", "text/rfc822-header", "text/rfc822",	       NULL};

/* Relays that give a mail an id of their own keep the one it had in one of the others. */
static void read_returned(struct report_work *w, struct slice mail)
{
	static const char *const names[] = {"Message-ID", "X-Original-Message-ID", "X-Google-Original-Message-ID",
					    "Original-Message-ID", NULL};
	struct mail_head h;
	while (mail.n && strchr("\r\n", mail.p[0])) /* an empty line in front of the header is a habit */
		mail.p++, mail.n--;
	mail_head_read(&h, mail);
	for (const char *const *name = names; *name; name++) {
		struct slice value;
		for (size_t k = 0; k < RETURNED_IDS && (value = mail_head_get(&h, *name, k)).p; k++)
			report_add_id(w, REPORT_RETURNED, report_first_id(value));
	}
	mail_head_free(&h);
}

/* Each child of a multipart. */
static void each_part(const struct part *p, void (*each)(struct report_work *, struct slice, const struct part *, int),
		      struct report_work *w, int depth)
{
	struct buf boundary = {0};
	struct slice rest = p->body, child;
	if (depth < DEPTH_MAX && mail_param_read(mail_head_get(&p->head, "Content-Type", 0), "boundary", &boundary)) {
		struct slice b = slice_trim(slice_buf(&boundary));
		while (w->parts < PARTS_MAX && mail_part_next(&rest, b, &child)) {
			w->parts++;
			each(w, child, p, depth + 1);
		}
	}
	buf_free(&boundary);
}

/* A report-type of RFC 3464, 8098 or 6533. */
static bool claims(struct slice type)
{
	return slice_ieq(type, "delivery-status") || slice_ieq(type, "disposition-notification") ||
	       slice_ieq(type, "global-delivery-status") || slice_ieq(type, "global-disposition-notification");
}

/*
 * Machine parts and returned parts. They count within multipart/report; directly in another multipart only if the mail
 * is a daemon's: else a person sends on what a daemon said. What is within a returned or attached message means
 * nothing.
 */
static void read_machine(struct report_work *w, struct slice octets, const struct part *parent, int depth)
{
	struct part p;
	bool was = w->in_report;
	part_open(&p, octets);
	bool counts = w->in_report || (w->daemon && (!parent || strcmp(parent->type, "multipart/mixed") == 0));
	if (strcmp(p.type, "multipart/report") == 0) {
		struct buf type = {0};
		w->in_report = !parent || w->daemon || w->automatic || strcmp(parent->type, "multipart/signed") == 0;
		mail_param_read(mail_head_get(&p.head, "Content-Type", 0), "report-type", &type);
		w->r->claimed |= w->in_report && claims(slice_buf(&type));
		w->feedback |= slice_ieq(slice_buf(&type), "feedback-report");
		buf_free(&type);
		each_part(&p, read_machine, w, depth);
	} else if (strncmp(p.type, "multipart/", 10) == 0 && strcmp(p.type, "multipart/digest") != 0) {
		each_part(&p, read_machine, w, depth);
	} else if (counts && is_one_of(p.type, dsn_types)) {
		report_read_dsn(w, part_decode(&p));
	} else if (counts && is_one_of(p.type, mdn_types)) {
		report_read_mdn(w, part_decode(&p));
	} else if (counts && parent && is_one_of(p.type, returned_types)) {
		read_returned(w, part_decode(&p));
	}
	w->in_report = was;
	part_close(&p);
}

/* ---- bounces without a machine part ---- */

/* Everything that can be read in it: text, attached and returned messages. */
static void read_text(struct report_work *w, struct slice octets, const struct part *parent, int depth)
{
	struct part p;
	(void)parent;
	part_open(&p, octets);
	if (strncmp(p.type, "multipart/", 10) == 0)
		each_part(&p, read_text, w, depth);
	else if (strcmp(p.type, "message/rfc822") == 0 || strcmp(p.type, "message/global") == 0)
		read_returned(w, part_decode(&p));
	else if (strncmp(p.type, "text/", 5) == 0 || strncmp(p.type, "message/", 8) == 0 ||
		 strcmp(p.type, "application/octet-stream") == 0)
		report_scan_text(w, part_decode(&p));
	part_close(&p);
}

/* Marks of those who answer for a person who is away (8.3): what they send from <> is no bounce. */
static bool is_answer(const struct mail_head *h)
{
	static const char *const marks[] = {"X-Autoreply",	"X-Autorespond", "X-Autogenerated",
					    "X-Mail-Autoreply", "X-Vacation",	 NULL};
	static const char *const subjects[] = {
		"automatic reply",   "auto reply",  "auto-reply", "autoreply", "out of office",
		"out of the office", "abwesenheit", "vacation",	  "away from", NULL};
	struct slice subject = mail_head_get(h, "Subject", 0), auto_submitted = mail_head_get(h, "Auto-Submitted", 0);
	for (const char *const *m = marks; *m; m++)
		if (mail_head_get(h, *m, 0).p)
			return true;
	for (const char *const *s = subjects; *s; s++)
		if (slice_istarts(subject, *s))
			return true;
	return slice_ieq(mail_head_get(h, "Precedence", 0), "auto_reply") ||
	       (auto_submitted.n && memmem(auto_submitted.p, auto_submitted.n, "vacation", 8));
}

static bool names_ours(const struct report *r)
{
	for (size_t i = 0; i < r->nids; i++)
		if (r->ids[i].ours && (r->ids[i].place == REPORT_BODY || r->ids[i].place == REPORT_RETURNED))
			return true;
	return false;
}

static enum report_kind read_bounce(struct report_work *w, struct slice mail, const struct mail_head *h)
{
	struct slice subject = mail_head_get(h, "Subject", 0);
	struct buf plain = {0};
	if (!w->daemon || w->feedback || is_answer(h) || report_is_success(subject))
		return REPORT_NONE;
	w->parts = 0;
	w->prose = true;
	read_text(w, mail, NULL, 0);
	if (!names_ours(w->r))
		return REPORT_NONE;
	struct slice failed = mail_head_get(h, "X-Failed-Recipients", 0);
	mail_words_decode(&plain, subject);
	struct slice body = {mail.p + h->body, mail.n - h->body};
	report_bounced(w->r, failed.p ? failed : (struct slice){"", 0},
		       !failed.n && report_is_warning(slice_buf(&plain), body));
	buf_free(&plain);
	return REPORT_BOUNCE;
}

/* ---- the mail ---- */

static bool daemon_local(struct slice address)
{
	static const char *const names[] = {"mailer-daemon", "mailerdaemon", "mail-daemon", "postmaster", NULL};
	bool at;
	struct slice local = slice_cut(&address, '@', &at);
	for (const char *const *n = names; *n; n++)
		if (slice_ieq(local, *n))
			return true;
	return false;
}

static void read_from(struct report *r, const struct mail_head *h)
{
	struct mail_mailbox one = {0}, two = {0};
	struct slice list = mail_head_get(h, "From", 0);
	if (mail_head_count(h, "From") == 1 && mail_mailbox_next(&list, &one) && one.address.n &&
	    !mail_mailbox_next(&list, &two))
		r->from = report_text(slice_buf(&one.address), REPORT_ADDRESS_MAX);
	mail_mailbox_free(&one), mail_mailbox_free(&two);
}

static void read_head(struct report_work *w, const struct mail_head *h, struct slice mail_from)
{
	struct slice value = mail_head_get(h, "Message-ID", 0);
	struct slice submitted = mail_head_get(h, "Auto-Submitted", 0);
	if (value.p) {
		struct slice id = bare_id(report_first_id(value));
		w->r->message_id = id_good(id) ? slice_dup(id) : NULL;
	}
	read_from(w->r, h);
	w->r->null_path = mail_from.n == 0;
	w->daemon = !mail_from.n || daemon_local(mail_from) || (w->r->from && daemon_local(slice_of(w->r->from)));
	w->automatic = submitted.n && !slice_istarts(submitted, "no");
}

/*
 * In-Reply-To, and the last of References: that is the mail itself. Those before it are what it answered; to take one
 * of them, where the mail's own id was changed on the way, would report about another mail.
 */
static void read_ancestors(struct report_work *w, const struct mail_head *h)
{
	struct slice value, id, last = {NULL, 0};
	size_t n = 0;
	for (size_t k = 0; k < 2 && (value = mail_head_get(h, "In-Reply-To", k)).p; k++)
		while (mail_msgid_next(&value, &id) && n++ < REPORT_IDS_MAX)
			report_add_id(w, REPORT_IN_REPLY_TO, id);
	value = mail_head_get(h, "References", 0);
	while (value.p && mail_msgid_next(&value, &id))
		last = id;
	if (last.p)
		report_add_id(w, REPORT_REFERENCES, last);
}

static int by_worth(const void *a, const void *b)
{
	const struct report_id *x = a, *y = b;
	if (x->ours != y->ours)
		return x->ours ? -1 : 1;
	return x->place != y->place ? (int)x->place - (int)y->place : 0;
}

/* qsort() need not keep the order of equals: insertion does, and there are few. */
static void sort_ids(struct report *r)
{
	for (size_t i = 1; i < r->nids; i++) {
		struct report_id one = r->ids[i];
		size_t k = i;
		for (; k > 0 && by_worth(&r->ids[k - 1], &one) > 0; k--)
			r->ids[k] = r->ids[k - 1];
		r->ids[k] = one;
	}
}

/* Ids and blocks: what says what a report is about. */
static void drop_contents(struct report *r)
{
	for (size_t i = 0; i < r->nids; i++)
		free(r->ids[i].id);
	for (size_t i = 0; i < r->nrecipients; i++) {
		struct report_recipient *b = &r->recipients[i];
		free(b->original), free(b->final), free(b->action), free(b->status), free(b->diagnostic);
	}
	free(r->ids), free(r->recipients);
	r->ids = NULL, r->recipients = NULL;
	r->nids = r->nrecipients = 0;
}

enum report_kind report_read(struct report *r, struct slice mail, struct slice mail_from, report_ours *ours, void *ctx)
{
	struct report_work w = {.r = r, .ours = ours, .ctx = ctx};
	struct mail_head h;
	*r = (struct report){0};
	if (mail.n > REPORT_OCTETS_MAX)
		mail.n = REPORT_OCTETS_MAX;
	mail_head_read(&h, mail);
	read_head(&w, &h, mail_from);
	read_machine(&w, mail, NULL, 0);
	if (w.dsn || w.mdn)
		r->kind = w.dsn ? REPORT_DSN : REPORT_MDN;
	else
		r->kind = read_bounce(&w, mail, &h);
	if (r->kind == REPORT_DSN && !names_ours(r)) { /* what was returned may stand there as a plain text */
		w.parts = 0;
		read_text(&w, mail, NULL, 0);
	}
	if (r->kind != REPORT_NONE) {
		read_ancestors(&w, &h);
		sort_ids(r);
	} else {
		drop_contents(r);
	}
	mail_head_free(&h);
	return r->kind;
}

void report_free(struct report *r)
{
	drop_contents(r);
	free(r->from), free(r->message_id), free(r->envid);
	free(r->disposition.type), free(r->disposition.modifier);
	free(r->disposition.final), free(r->disposition.original);
	*r = (struct report){0};
}
