#include "send.h"

#include "base/log.h"
#include "mail/address.h"
#include "map/next_hop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned notify_of(const json_t *list)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = {
		{"NEVER", SMTP_NOTIFY_NEVER},
		{"SUCCESS", SMTP_NOTIFY_SUCCESS},
		{"FAILURE", SMTP_NOTIFY_FAILURE},
		{"DELAY", SMTP_NOTIFY_DELAY},
	};
	unsigned bits = 0;
	for (size_t i = 0; i < json_array_size(list); i++)
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
			const char *w = json_string_value(json_array_get(list, i));
			if (w && strcmp(w, words[k].word) == 0)
				bits |= words[k].bit;
		}
	return bits & SMTP_NOTIFY_NEVER ? SMTP_NOTIFY_NEVER : bits; /* never beside others (RFC 3461 4.1) */
}

static void read_recipients(struct parcel *p, const json_t *to)
{
	size_t n = json_array_size(to);
	p->mail.rcpts = xcalloc(n ? n : 1, sizeof(*p->mail.rcpts));
	p->orcpts = xcalloc(n ? n : 1, sizeof(*p->orcpts));
	for (size_t i = 0; i < n; i++) {
		const json_t *from = json_array_get(to, i);
		const char *address = record_str(from, "address"), *orcpt = record_str(from, "orcpt");
		struct smtp_rcpt *r = &p->mail.rcpts[p->mail.nrcpts];
		struct buf *plain = &p->orcpts[p->mail.nrcpts];
		if (!address)
			continue;
		r->address = address;
		r->notify = notify_of(record_get(from, "notify"));
		if (orcpt && strncasecmp(orcpt, "rfc822;", 7) == 0 && xtext_get(plain, slice_of(orcpt + 7)) && plain->n)
			r->orcpt = buf_str(plain);
		p->mail.nrcpts++;
	}
}

/* ---- notes: one letter, code, enhanced for each recipient: "d250/2.0.0;t451/4.3.0;-"; "!" in front: perhaps
 * delivered ---- */

static const char letters[] = "-dtp"; /* by enum smtp_outcome */

void parcel_note(const struct parcel *p, struct buf *out)
{
	if (p->mail.duplicate_possible)
		buf_putc(out, '!');
	for (size_t i = 0; i < p->mail.nrcpts; i++) {
		const struct smtp_result *r = &p->mail.rcpts[i].result;
		if (i)
			buf_putc(out, ';');
		buf_putc(out, letters[r->outcome]);
		if (r->outcome != SMTP_OPEN)
			buf_printf(out, "%d/%s", r->code, r->enhanced);
	}
}

/* Recipients whose answer was read before the process died are not sent again; one whose part was lost or is damaged
 * is. */
static void take_note(struct parcel *p, const char *note)
{
	p->mail.duplicate_possible = *note == '!';
	struct slice all = slice_of(note + p->mail.duplicate_possible);
	bool more = true;
	for (size_t i = 0; i < p->mail.nrcpts && more; i++) {
		char part[40] = "", enhanced[SMTP_ENHANCED_MAX], end = '\0';
		int code;
		struct slice one = slice_cut(&all, ';', &more);
		const char *letter = one.n && one.n < sizeof(part) ? strchr(letters, one.p[0]) : NULL;
		if (!letter || letter == letters)
			continue;
		memcpy(part, one.p, one.n);
		if (sscanf(part + 1, "%3d/%11[0-9.]%c", &code, enhanced, &end) != 2)
			continue;
		smtp_result_set(&p->mail.rcpts[i].result, SMTP_AT_LOCAL, code, enhanced, "answered before a restart",
				NULL);
		p->mail.rcpts[i].result.outcome = (enum smtp_outcome)(letter - letters);
	}
	log_event(LOG_INFO, p->mail.trace, "noted-before", "outcome", note, NULL);
}

/* ---- the body ---- */

static const char *read_body(struct parcel *p, const json_t *body)
{
	p->mail.body.fd = -1;
	if (!body)
		return "the record has no body";
	if (record_body_blobid(body)) {
		p->mail.body.fd = item_blob_open(p->item, body);
		return p->mail.body.fd < 0 ? "the blob of the body cannot be opened" : NULL;
	}
	if (!record_body_octets(body, &p->text))
		return "the body is malformed";
	p->mail.body.p = buf_str(&p->text);
	p->mail.body.n = (int64_t)p->text.n;
	return NULL;
}

static enum smtp_ret ret_of(const char *word)
{
	return !word			   ? SMTP_RET_NONE
	       : strcmp(word, "FULL") == 0 ? SMTP_RET_FULL
	       : strcmp(word, "HDRS") == 0 ? SMTP_RET_HDRS
					   : SMTP_RET_NONE;
}

/* A record that cannot be delivered for what is in it: the sender must not take the silence for a yes. 5.3.5 is the
 * row "gateway internal error" of table 5.1. */
static void fail(struct parcel *p, const char *why)
{
	json_t *results = json_array(), *rcpt;
	size_t i;
	json_array_foreach (record_get(p->item->in->member, "to"), i, rcpt) {
		const char *address = record_str(rcpt, "address");
		json_t *o = json_object();
		record_set(o, "address", address ? address : "");
		record_set(o, "outcome", "permanent");
		record_set_int(o, "code", 0);
		record_set(o, "enhanced", "5.3.5");
		record_set(o, "text", why);
		json_array_append_new(results, o);
	}
	if (json_array_size(results))
		parcel_tell(p, results);
	json_decref(results);
	p->bad = true;
	item_fail(p->item, "5.5.4", "%s", why);
}

static bool read_route(struct send *s, struct parcel *p)
{
	const char *why = NULL;
	json_t *member = p->item->in->member;
	bool require_tls = record_bool(member, "require_tls");
	/* what waited may have the route of a configuration that is no longer in force */
	json_t *now = item_retries(p->item) && !s->fixed ? next_hop_of_mail(frame_conf(p->item->frame), member) : NULL;
	if (now)
		record_set_new(member, "route", now);
	p->route = require_tls ? s->fixed_tls : s->fixed;
	if (!s->fixed)
		p->route = route_read(s, record_get(member, "route"), require_tls, &why);
	p->owns_route = !s->fixed;
	if (!p->route)
		fail(p, why);
	return p->route != NULL;
}

/* `at` is when counting starts; a repetition sends what is left (3.1). */
static void read_by(struct parcel *p, const json_t *by)
{
	const char *mode = record_str(by, "mode");
	if (!by)
		return;
	p->mail.by.mode = mode && strcmp(mode, "R") == 0 ? 'R' : 'N';
	p->mail.by.until_ms = record_int(by, "at", record_time(p->item->in)) + record_int(by, "seconds", 0) * 1000;
}

/* Parameters of extensions that a map knows and we do not: [{keyword, text, required}]. */
static void read_params(struct parcel *p, const json_t *list)
{
	size_t n = json_array_size(list);
	p->params = n ? xcalloc(n, sizeof(*p->params)) : NULL;
	p->mail.params = p->params;
	for (size_t i = 0; i < n; i++) {
		const json_t *from = json_array_get(list, i);
		struct smtp_param *to = &p->params[p->mail.nparams];
		*to = (struct smtp_param){record_str(from, "keyword"), record_str(from, "text"),
					  record_bool(from, "required")};
		p->mail.nparams += to->keyword && to->text;
	}
}

void parcel_open(struct send *s, struct parcel *p, struct frame_item *it)
{
	const json_t *m = it->in->member;
	const char *from = record_str(m, "from"), *envid = record_str(m, "envid"), *why;
	*p = (struct parcel){.item = it};
	p->mail = (struct smtp_mail){
		.id = it->in->id, .trace = it->in->trace, .time_ms = record_time(it->in), .from = from, .data = p};
	p->mail.ret = ret_of(record_str(m, "ret"));
	p->mail.smtputf8 = record_bool(m, "smtputf8");
	p->mail.session = record_str(m, "session");
	p->mail.session_ends = record_bool(m, "quit");
	read_by(p, record_get(m, "by"));
	read_params(p, record_get(m, "params"));
	p->mail.body.fd = -1;
	if (envid && xtext_get(&p->envid, slice_of(envid)) && p->envid.n)
		p->mail.envid = buf_str(&p->envid);
	read_recipients(p, record_get(m, "to"));
	if (!p->mail.nrcpts && p->mail.session && p->mail.session_ends) {
		p->mail.from = "";
		read_route(s, p); /* the bare order to end a session's connection */
		return;
	}
	if (!from || !p->mail.nrcpts) {
		fail(p, !from ? "mail.out without from" : "mail.out without recipients");
		return;
	}
	if (it->outcome)
		take_note(p, it->outcome);
	if (!smtp_mail_open(&p->mail))
		return; /* only its results are still to be told */
	if (!read_route(s, p))
		return;
	why = read_body(p, record_get(m, "body"));
	if (why && p->mail.body.fd < 0 && errno != ENOENT && record_body_blobid(record_get(m, "body")))
		smtp_mail_decide(&p->mail, SMTP_AT_LOCAL, 0, "4.3.0", why, NULL);
	else if (why)
		fail(p, why);
}

void parcel_free(struct parcel *p)
{
	if (p->mail.body.fd >= 0)
		close(p->mail.body.fd);
	for (size_t i = 0; i < p->mail.nrcpts; i++)
		buf_free(&p->orcpts[i]);
	free(p->orcpts);
	free(p->params);
	free(p->group);
	free(p->mail.rcpts);
	buf_free(&p->text);
	buf_free(&p->envid);
	if (p->owns_route)
		route_free(p->route);
}
