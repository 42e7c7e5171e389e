/* Mail for postmaster, abuse and mailer-daemon goes to a person (5.6): the mail as it came, with our mark in front. */
#include "mail2cpm.h"
#include "base/log.h"
#include "mail/address.h"
#include "mail/header.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Whoever sends it round gets it back with our mark in its top header, and that is its end (8.2). */
static void put_head(const struct work *w, struct buf *out)
{
	const char *gateway = map_gateway(w->program->names);
	mail_header_words(out, "X-CPM-Gateway", slice_of(gateway));
}

static json_t *copy(struct work *w, int64_t *size)
{
	enum { WINDOW = 64 << 10 };
	struct letter *l = &w->letter;
	struct sink out = {.io = &w->program->io};
	struct buf head = {0};
	put_head(w, &head);
	sink_buf(&out, &head);
	buf_free(&head);
	if (l->fd < 0) {
		sink_buf(&out, &l->octets);
	} else {
		char *window = xmalloc(WINDOW);
		ssize_t r = 0;
		for (off_t at = 0; !out.error && (r = pread(l->fd, window, WINDOW, at)) > 0; at += r)
			sink_put(&out, window, (size_t)r);
		if (r < 0)
			out.error = errno;
		free(window);
	}
	*size = out.size;
	json_t *body = sink_finish(&out, "message/rfc822");
	if (!body)
		l->error = out.error ? out.error : EIO;
	return body;
}

static void put_recipient(const struct work *w, json_t *member, const char *target)
{
	json_t *to = json_object();
	const json_t *notify = record_get(w->letter.to, "notify");
	record_set_octets(to, "address", target, strlen(target));
	if (notify)
		record_set_new(to, "notify", json_deep_copy(notify));
	json_array_append_new(record_array(member, "to"), to);
}

bool forward_mail(struct work *w)
{
	struct letter *l = &w->letter;
	const char *target = record_str(l->to, "forward"), *envid = record_str(l->mail, "envid"),
		   *ret = record_str(l->mail, "ret");
	int64_t size;
	struct mail_address a;
	if (!target) {
		send_nothing(w, "no postmaster_target");
		return true;
	}
	json_t *body = copy(w, &size);
	if (!body)
		return false;
	struct record *out = item_output(w->it, "mail.out");
	record_set_octets(out->member, "from", l->mail_from, strlen(l->mail_from));
	put_recipient(w, out->member, target);
	record_set(out->member, "ret", ret);
	record_set(out->member, "envid", envid);
	bool utf8 = (mail_address_parse(slice_of(target), &a) && !a.ascii) ||
		    (mail_address_parse(slice_of(l->mail_from), &a) && !a.ascii);
	record_set_bool(out->member, "smtputf8", utf8);
	record_set_bool(out->member, "eightbit", record_bool(l->mail, "eightbit"));
	char *id = l->has_msgid && memchr(l->msgid.p, '@', l->msgid.n)
			   ? xstrdup(buf_str(&l->msgid))
			   : xasprintf("%s@%s", w->it->in->id, map_mail_domain(w->program->names));
	record_set_octets(out->member, "message_id", id, strlen(id));
	record_set_int(out->member, "size", size);
	record_set_new(out->member, "body", body);
	json_t *origin = record_object(out->member, "origin");
	record_set(origin, "id", w->it->in->id);
	record_set(origin, "kind", "forward");
	log_event(LOG_INFO, w->it->in->trace, "forwarded", "id", w->it->in->id, "rcpt", l->rcpt, "to", target, "mid",
		  id, NULL);
	free(id);
	item_emit(w->it, out);
	send_settled(w->it, l->rcpt);
	return true;
}
