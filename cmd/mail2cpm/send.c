/* The records that a mail becomes: sip.send, or the sip.result of what cannot be sent. */
#include "mail2cpm.h"
#include "base/log.h"
#include "map/sip_hop.h"
#include "mode.h"
#include "sip/request.h"

#include <stdlib.h>

enum { RETURNED_HEADERS = 16 << 10, RETURNED_MAIL = 64 << 10, CREDENTIALS = 280 };

const struct metric mail2cpm_metrics[] = {
	{"cpmail_messages_total", "Messages made of mails, by mode (7.7).", {"mode"}, METRIC_COUNTER},
	{"cpmail_mails_refused_total",
	 "Mails that could not become messages, by status code.",
	 {"code"},
	 METRIC_COUNTER},
	{"cpmail_mails_dropped_total", "Mails that were taken and become nothing, by reason.", {"why"}, METRIC_COUNTER},
	{"cpmail_receipts_total", "Receipts made of reports by mail, by kind.", {"kind"}, METRIC_COUNTER},
	{0},
};

/* ---- origin: what report needs of the mail (5.4) ---- */

static void put_text(json_t *obj, const char *key, const char *text)
{
	if (text && *text)
		record_set_octets(obj, key, text, strlen(text));
}

static void put_wanted(json_t *origin, unsigned wanted)
{
	static const struct {
		unsigned flag;
		const char *word;
	} words[] = {{IMDN_POSITIVE_DELIVERY, "positive-delivery"},
		     {IMDN_NEGATIVE_DELIVERY, "negative-delivery"},
		     {IMDN_DISPLAY, "display"}};
	json_t *list = record_array(origin, "wanted");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (wanted & words[i].flag)
			json_array_append_new(list, json_string(words[i].word));
}

/* The header, or with RET=FULL the whole of a small mail (5.4). */
static void put_returned(const struct letter *l, json_t *origin)
{
	const char *ret = record_str(l->mail, "ret");
	bool full = ret && strcmp(ret, "FULL") == 0 && l->fd < 0 && l->octets.n < RETURNED_MAIL;
	size_t n = full ? l->octets.n : l->head.body;
	if (!full && n > RETURNED_HEADERS) { /* whole lines */
		n = RETURNED_HEADERS;
		while (n && l->octets.p[n - 1] != '\n')
			n--;
	}
	if (n)
		record_set_octets(origin, "returned", l->octets.p, n);
	if (full)
		record_set_bool(origin, "returned_full", true);
}

static void put_part(const struct work *w, json_t *origin)
{
	const struct enclose *e = &w->enclose;
	const struct enclose_file *f = e->mode == ENCLOSE_SEPARATE ? enclose_part(e, w->letter.part) : NULL;
	json_t *part = record_object(origin, "part"), *names = NULL;
	record_set(part, "kind", f ? "attachment" : "text");
	for (size_t i = 0; i < e->nfiles; i++)
		if (f ? f == &e->files[i] : e->mode == ENCLOSE_INLINE && !e->files[i].noted) {
			if (!names)
				names = record_array(part, "names");
			json_array_append_new(names, json_string(e->files[i].name));
		}
}

static void copy(const json_t *from, json_t *to, const char *key)
{
	const json_t *value = record_get(from, key);
	if (value)
		record_set_new(to, key, json_deep_copy(value));
}

static void put_origin(const struct work *w, json_t *origin)
{
	const struct letter *l = &w->letter;
	struct buf imdn = {0};
	record_set(origin, "kind", "mail");
	record_set(origin, "id", w->it->in->id);
	put_text(origin, "msg_id", buf_str(&l->msgid));
	put_text(origin, "rcpt", l->rcpt);
	record_set_octets(origin, "mail_from", l->mail_from, strlen(l->mail_from));
	copy(l->mail, origin, "envid");
	copy(l->to, origin, "orcpt");
	copy(l->to, origin, "notify");
	copy(l->mail, origin, "ret");
	copy(l->mail, origin, "by");
	copy(l->mail, origin, "answer_by");
	letter_imdn_id(l, &imdn);
	record_set(origin, "imdn_id", buf_str(&imdn));
	buf_free(&imdn);
	put_wanted(origin, l->wanted);
	if (l->wants_mdn && (l->wanted & IMDN_DISPLAY))
		put_text(origin, "mdn_to", l->mail_from);
	if (letter_backscatter(l))
		record_set_bool(origin, "backscatter", true);
	put_text(origin, "user", letter_uri(l));
	put_text(origin, "email_user", buf_str(&l->from));
	put_text(origin, "subject", buf_str(&l->subject));
	put_text(origin, "conversation", buf_str(&l->conv));
	put_text(origin, "contribution", buf_str(&l->contr));
	record_set_int(origin, "received", l->received_ms);
	if (w->opened && !w->unreadable) {
		const struct enclose *e = &w->enclose;
		put_part(w, origin);
		int64_t parts = e->mode == ENCLOSE_SEPARATE ? (int64_t)enclose_sent(e) + !e->no_text : 1;
		if (parts > 1) /* delivered is what is delivered whole (7.7) */
			record_set_int(origin, "parts", parts);
	}
	put_returned(l, origin);
}

/* ---- what cannot be, and what is not wanted ---- */

void send_failure(struct work *w, int status, const char *reason, const char *enhanced)
{
	struct record *out = item_output(w->it, "sip.result");
	record_set(out->member, "outcome", "permanent");
	record_set_int(out->member, "status", status);
	record_set(out->member, "reason", reason);
	record_set(out->member, "enhanced", enhanced);
	record_set(out->member, "method", "MESSAGE");
	put_text(out->member, "uri", letter_uri(&w->letter));
	record_set_int(out->member, "tries", 1);
	put_origin(w, record_object(out->member, "origin"));
	metrics_add(frame_metrics(w->it->frame), &mail2cpm_metrics[1], enhanced, NULL, 1);
	log_event(LOG_INFO, w->it->in->trace, "refused", "id", w->it->in->id, "rcpt", w->letter.rcpt, "mid",
		  buf_str(&w->letter.msgid), "code", enhanced, "why", reason, NULL);
	item_emit(w->it, out);
}

void send_settled(struct frame_item *it, const char *rcpt)
{
	if (!record_get(it->in->member, "answer_by") || !rcpt)
		return;
	struct record *out = item_output(it, "smtp.reply");
	record_set(out->member, "mail", it->in->id);
	record_set_octets(out->member, "rcpt", rcpt, strlen(rcpt));
	record_set_int(out->member, "code", 250);
	record_set(out->member, "enhanced", "2.0.0");
	item_emit(it, out);
}

void send_nothing(struct work *w, const char *why)
{
	send_settled(w->it, w->letter.rcpt);
	metrics_add(frame_metrics(w->it->frame), &mail2cpm_metrics[2], why, NULL, 1);
	log_event(LOG_INFO, w->it->in->trace, "discarded", "id", w->it->in->id, "rcpt", w->letter.rcpt, "mid",
		  buf_str(&w->letter.msgid), "why", why, NULL);
}

/* ---- messages ---- */

/* The host, and a port as long as one can be: that of a datagram socket is known when it is open. */
static void put_sent_by(const char *advertise, struct buf *out)
{
	struct slice host = slice_of(advertise ? advertise : "255.255.255.255");
	const char *colon = host.n && host.p[0] == '[' ? strstr(host.p, "]:") : strrchr(host.p, ':');
	bool six = host.p[0] != '[' && colon && strchr(host.p, ':') != colon;
	if (colon && !six)
		host.n = (size_t)(colon - host.p) + (host.p[0] == '[');
	buf_printf(out, six ? "[%.*s]:65535" : "%.*s:65535", (int)host.n, host.p);
}

/* Octets of the request as sip-send will write it; what only a connection knows (our address in Via) as long as it can
 * be. */
static int64_t request_size(const struct work *w, const json_t *sip, const char *type, int64_t content)
{
	static char filler[CREDENTIALS + 1];
	const struct conf *c = w->program->conf;
	const char *advertise = conf_item(c, "advertise", 0, NULL), *proxy = conf_str(c, "outbound_proxy", NULL);
	struct buf head = {0}, route = {0}, sent_by = {0};
	put_sent_by(advertise, &sent_by);
	memset(filler, 'x', CREDENTIALS);
	if (proxy && *proxy)
		buf_printf(&route, "<%s%s>", proxy, strcasestr(proxy, ";lr") ? "" : ";lr");
	struct sip_request r = {.method = "MESSAGE",
				.uri = record_str(sip, "uri"),
				.transport = "TCP",
				.sent_by = buf_str(&sent_by),
				.branch = filler + CREDENTIALS - SIP_REQUEST_BRANCH,
				.proxy = route.n ? buf_str(&route) : NULL,
				.tag = filler + CREDENTIALS - SIP_REQUEST_TAG,
				.call_id = filler + CREDENTIALS - SIP_REQUEST_CALL_ID,
				.host = conf_str(c, "gateway", NULL),
				.cseq = 1,
				.headers = record_get(sip, "headers"),
				.credentials = conf_item(c, "sip_auth", 0, NULL) ? filler : NULL,
				.type = type,
				.body = (size_t)content};
	sip_request_head(&r, &head);
	int64_t size = (int64_t)head.n + content;
	buf_free(&head), buf_free(&route), buf_free(&sent_by);
	return size;
}

struct draft {
	struct record *out;
	json_t *body;
	int64_t content; /* octets of the body */
	int64_t request; /* and of all of it */
	enum mode mode;
};

static void draft_drop(struct draft *d)
{
	if (d->out)
		record_free(d->out);
	json_decref(d->body);
	*d = (struct draft){0};
}

static struct mode_question question(const struct work *w)
{
	const struct letter *l = &w->letter;
	const struct conf *c = w->program->conf;
	const struct conf_scope scope = letter_scope(l);
	return (struct mode_question){
		.pager_max = conf_int(c, "pager_max", NULL) - conf_int(c, "pager_reserve", NULL),
		.large_max = conf_int(c, "max_large_in", &scope),
		.stream = conf_bool(c, "message_over_tcp", &scope),
	};
}

/* The part in turn as a record, and how it would go. false: a blob failed. */
static bool draft_make(struct work *w, enum letter_list list, struct draft *d)
{
	struct letter *l = &w->letter;
	const struct enclose *e = &w->enclose;
	struct mode_question q = question(w);
	*d = (struct draft){0};
	d->body = enclose_body(&w->enclose, list, &d->content);
	if (!d->body)
		return false;
	json_t *route = sip_hop_known(w->program->conf, letter_uri(l));
	d->out = item_output(w->it, route ? "sip.send.routed" : "sip.send");
	if (route)
		record_set_new(d->out->member, "route", route);
	if (!letter_put_sip(l, d->out->member))
		log_event(LOG_WARN, w->it->in->trace, "incomplete", "id", w->it->in->id, "rcpt", l->rcpt, NULL);
	q.files = l->part > 0 || (e->mode == ENCLOSE_INLINE && enclose_sent(e) > 0);
	q.content = d->content;
	q.request = d->request = request_size(w, d->out->member, record_str(d->body, "type"), d->content);
	d->mode = mode_choose(&q);
	return true;
}

static void draft_emit(struct work *w, struct draft *d)
{
	struct letter *l = &w->letter;
	struct buf key = {0}, imdn = {0};
	char size[24];
	buf_printf(&key, "%s|%s", buf_str(&l->from), letter_uri(l));
	record_set_octets(d->out->root, "key", key.p, key.n); /* the order of 7.8 */
	const char *by = record_str(record_get(l->mail, "by"), "mode");
	if (by && strcmp(by, "R") == 0)
		record_set_int(d->out->member, "expires", l->now_ms + 1000 * letter_by_left(l));
	if (d->mode == MODE_STREAM)
		record_set_bool(d->out->member, "stream", true);
	if (record_get(l->mail, "answer_by")) /* the client waits, and tries again itself (inline_result) */
		record_set_int(d->out->member, "resend", 0);
	record_set_new(d->out->member, "body", d->body);
	put_origin(w, record_object(d->out->member, "origin"));
	letter_imdn_id(l, &imdn);
	snprintf(size, sizeof size, "%lld", (long long)d->request);
	log_event(LOG_INFO, w->it->in->trace, "mapped", "id", w->it->in->id, "out", d->out->id, "uri", letter_uri(l),
		  "mid", buf_str(&l->msgid), "conv", buf_str(&l->conv), "contr", buf_str(&l->contr), "imdn",
		  buf_str(&imdn), "mode", mode_name(d->mode), "size", size, NULL);
	metrics_add(frame_metrics(w->it->frame), &mail2cpm_metrics[0], mode_name(d->mode), NULL, 1);
	item_emit(w->it, d->out);
	buf_free(&key), buf_free(&imdn);
	*d = (struct draft){0};
}

/* E2: a list that alone would make the request leave pager mode is not worth it, unless list_history says so. */
static bool draft_best(struct work *w, struct draft *d)
{
	enum letter_list list = letter_list(&w->letter);
	if (!draft_make(w, list, d))
		return false;
	if (list != LETTER_LIST_HISTORY || d->mode == MODE_PAGER || conf_bool(w->program->conf, "list_history", NULL))
		return true;
	struct draft without;
	if (!draft_make(w, LETTER_LIST_NONE, &without)) {
		draft_drop(d);
		return false;
	}
	bool better = without.mode == MODE_PAGER || d->mode == MODE_REFUSE;
	draft_drop(better ? d : &without);
	if (better)
		*d = without;
	return true;
}

/* What cannot go at all, whatever the rest of the message: only named. */
static void note_large(struct work *w)
{
	struct mode_question q = question(w);
	struct enclose *e = &w->enclose;
	enum { HEADS = 1024 }; /* about what stands around the files */
	int64_t most = (q.stream ? q.large_max : q.pager_max) - HEADS;
	if (e->mode == ENCLOSE_SEPARATE)
		enclose_note_above(e, most);
	else if (enclose_size(e) > most)
		enclose_note_all(e);
}

/* One message; part 0 may become smaller by naming its attachments. */
static bool draft_part(struct work *w, unsigned part, struct draft *d)
{
	letter_part(&w->letter, part);
	if (!draft_best(w, d))
		return false;
	if (d->mode != MODE_NOTE || part)
		return true;
	draft_drop(d);
	enclose_note_all(&w->enclose);
	return draft_best(w, d);
}

static void finish_part(struct work *w, unsigned part, struct draft *d)
{
	letter_part(&w->letter, part);
	if (d->mode == MODE_PAGER || d->mode == MODE_STREAM) {
		draft_emit(w, d);
	} else {
		draft_drop(d);
		send_failure(w, 413, "Message Too Large", "5.3.4");
	}
}

/* All are made before the first is handed out: a mail that has to be tried again has sent nothing yet. */
bool send_messages(struct work *w)
{
	struct enclose *e = &w->enclose;
	bool good = true, separate = e->mode == ENCLOSE_SEPARATE;
	note_large(w);
	unsigned first = separate && e->no_text, parts = separate ? 1 + (unsigned)enclose_sent(e) : 1;
	struct draft *drafts = xcalloc(parts, sizeof *drafts);
	for (unsigned k = first; good && k < parts; k++)
		good = draft_part(w, k, &drafts[k]);
	for (unsigned k = first; k < parts; k++)
		if (good)
			finish_part(w, k, &drafts[k]);
		else
			draft_drop(&drafts[k]);
	free(drafts);
	letter_part(&w->letter, 0);
	return good;
}
