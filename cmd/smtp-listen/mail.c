/* Users, content, and the mail.in record. */
#include "mail.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "mail/address.h"

#include <stdlib.h>

/* ---- users ---- */

void mail_users_read(struct mail_users *u, struct frame *f, const char *aliases)
{
	const struct conf *c = frame_conf(f);
	const char *item;
	char *file = aliases ? xstrdup(aliases) : frame_state_file(f, "mail2cpm");
	size_t n = 0;
	*u = (struct mail_users){.names = map_names_new(c),
				 .aliases = alias_reader_new(file),
				 .grace_ms = 1000 * conf_int(c, "group_addr_grace", NULL),
				 .postmaster = conf_str(c, "postmaster_target", NULL)};
	free(file);
	u->opt_out = xcalloc(1, sizeof *u->opt_out);
	for (size_t i = 0; (item = conf_item(c, "no_mail_for", i, NULL)); i++) {
		struct buf uri = {0};
		if (!map_normalise_uri(u->names, item, &uri))
			die_perm("no_mail_for \"%s\": no URI of a user", item);
		u->opt_out = xrealloc(u->opt_out, (n + 2) * sizeof *u->opt_out);
		u->opt_out[n++] = uri.p;
		u->opt_out[n] = NULL;
	}
}

void mail_users_free(struct mail_users *u)
{
	map_names_free(u->names);
	alias_reader_free(u->aliases);
	for (size_t i = 0; u->opt_out && u->opt_out[i]; i++)
		free(u->opt_out[i]);
	free(u->opt_out);
	*u = (struct mail_users){0};
}

enum smtpd_answer mail_users_sender(const struct mail_users *u, struct slice address)
{
	struct mail_address a;
	(void)u;
	return !address.n || mail_address_parse(address, &a) ? SMTPD_SENDER_OK : SMTPD_BAD_ADDRESS;
}

static bool opted_out(const struct mail_users *u, const char *uri)
{
	for (size_t i = 0; u->opt_out[i]; i++)
		if (strcmp(u->opt_out[i], uri) == 0)
			return true;
	return false;
}

enum smtpd_answer mail_users_recipient(const struct mail_users *u, struct smtpd_recipient *to)
{
	struct buf uri = {0};
	if (strcasecmp(to->address, "postmaster") == 0) {
		free(to->address);
		to->address = xasprintf("postmaster@%s", map_mail_domain(u->names));
	}
	const struct map_aliases *aliases = alias_reader_aliases(u->aliases, clock_real_us() / 1000 - u->grace_ms);
	enum map_rcpt verdict = map_to_cpm(u->names, to->address, aliases, &uri);
	if (verdict == MAP_RCPT_OK && opted_out(u, uri.p)) {
		buf_free(&uri);
		return SMTPD_OPT_OUT;
	}
	if (verdict == MAP_RCPT_OK)
		to->cpm = xstrdup(uri.p);
	buf_free(&uri);
	to->role = verdict == MAP_RCPT_ROLE;
	static const enum smtpd_answer rows[] = {
		[MAP_RCPT_OK] = SMTPD_RCPT_OK,		   [MAP_RCPT_ROLE] = SMTPD_POSTMASTER,
		[MAP_RCPT_UNKNOWN] = SMTPD_UNKNOWN_USER,   [MAP_RCPT_SYNTAX] = SMTPD_BAD_ADDRESS,
		[MAP_RCPT_GONE] = SMTPD_EXPIRED,	   [MAP_RCPT_FOREIGN] = SMTPD_NOT_OURS,
		[MAP_RCPT_LATER] = SMTPD_QUEUE_AWAY,
	};
	return rows[verdict];
}

/* ---- content ---- */

bool mail_store_put(struct mail_store *s, const char *p, size_t n)
{
	if (!s->blob && s->octets.n + n <= RECORD_INLINE_MAX) {
		buf_put(&s->octets, p, n);
		return true;
	}
	if (!s->blob) {
		s->blob = frame_blob_create(s->frame);
		if (!s->blob || frame_blob_write(s->blob, s->octets.p, s->octets.n) != 0)
			goto lost;
		buf_free(&s->octets);
	}
	if (frame_blob_write(s->blob, p, n) == 0)
		return true;
lost:
	log_msg(LOG_WARN, "a mail cannot be stored:");
	mail_store_forget(s);
	return false;
}

json_t *mail_store_body(struct mail_store *s)
{
	json_t *body;
	if (s->blob) {
		body = frame_blob_finish(s->blob, "message/rfc822");
		if (body)
			s->blob = NULL; /* the frame has it now */
		else
			log_msg(LOG_WARN, "a mail cannot be stored:");
	} else {
		body = record_body_inline("message/rfc822", s->octets.p, s->octets.n);
	}
	mail_store_forget(s);
	return body;
}

void mail_store_forget(struct mail_store *s)
{
	frame_blob_abort(s->blob);
	s->blob = NULL;
	buf_free(&s->octets);
}

/* ---- the record ---- */

static void derive_id(const struct smtpd_mail *m, const struct smtpd_content *c, char id[RECORD_ID])
{
	struct buf b = {0};
	buf_printf(&b, "mail.in\n%s\n", m->from);
	for (size_t i = 0; i < m->recipients; i++)
		buf_printf(&b, "%s\n", m->to[i].address);
	buf_printf(&b, "\n%s\n", c->message_id);
	buf_put(&b, c->digest, sizeof c->digest);
	record_id_derived(slice_buf(&b), id);
	buf_free(&b);
}

static void put_notify(json_t *to, unsigned notify)
{
	static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY", "NEVER"};
	if (!notify)
		return;
	json_t *list = record_array(to, "notify");
	for (unsigned i = 0; i < 4; i++)
		if (notify & (1U << i))
			json_array_append_new(list, json_string(words[i]));
}

static void put_text(json_t *obj, const char *key, const char *text)
{
	if (text)
		record_set_octets(obj, key, text, strlen(text));
}

static bool named_before(const struct smtpd_mail *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(m->to[i].address, m->to[n].address) == 0)
			return true;
	return false;
}

/* Who is named twice gets one mail. */
static void put_recipients(json_t *member, const struct mail_users *u, const struct smtpd_mail *m)
{
	json_t *list = record_array(member, "to");
	for (size_t i = 0; i < m->recipients; i++) {
		const struct smtpd_recipient *r = &m->to[i];
		if (named_before(m, i))
			continue;
		json_t *to = json_object();
		put_text(to, "address", r->address);
		put_notify(to, r->notify);
		record_set(to, "orcpt", r->orcpt);
		put_text(to, "cpm", r->cpm);
		if (r->role) {
			record_set_bool(to, "role", true);
			record_set(to, "forward", u->postmaster);
		}
		json_array_append_new(list, to);
	}
}

static void put_peer(json_t *member, const struct mail_origin *from)
{
	json_t *peer = record_object(member, "peer");
	record_set(peer, "protocol", from->protocol);
	record_set(peer, "transport", from->transport);
	record_set(peer, "address", from->address);
	if (from->address)
		record_set_int(peer, "port", from->port);
	record_set_bool(peer, "tls", from->tls);
}

static void put_envelope(json_t *member, const struct smtpd_mail *m, int64_t now_ms)
{
	record_set(member, "ret", m->ret);
	record_set(member, "envid", m->envid);
	if (m->by) {
		json_t *by = record_object(member, "by");
		record_set_int(by, "seconds", m->by_seconds);
		record_set(by, "mode", m->by_mode == 'R' ? "R" : "N");
		record_set_int(by, "at", now_ms);
	}
}

struct record *mail_record(const struct mail_users *u, const struct smtpd_mail *m, const struct smtpd_content *c,
			   const struct mail_origin *from, json_t *body)
{
	char id[RECORD_ID];
	int64_t now_ms = clock_real_us() / 1000;
	struct buf key = {0};
	derive_id(m, c, id);
	struct record *rec = record_new("mail.in", id, id, now_ms);
	buf_printf(&key, "%s|%s", m->from, m->to[0].address);
	put_text(rec->root, "key", buf_str(&key));
	buf_free(&key);
	put_text(rec->member, "from", m->from);
	put_recipients(rec->member, u, m);
	put_envelope(rec->member, m, now_ms);
	record_set_bool(rec->member, "smtputf8", m->smtputf8);
	record_set_bool(rec->member, "eightbit", c->eightbit);
	put_text(rec->member, "helo", from->helo);
	put_peer(rec->member, from);
	record_set_int(rec->member, "received", now_ms);
	if (c->message_id[0])
		record_set(rec->member, "message_id", c->message_id);
	record_set_int(rec->member, "size", c->size);
	record_set_new(rec->member, "body", body);
	return rec;
}
