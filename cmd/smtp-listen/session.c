/* What a session asks of us, and the commit that answers complete mails. */
#include "listen.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <stdio.h>

bool server_full(struct server *s)
{
	if (!s->full_known)
		s->full = frame_full(s->frame);
	s->full_known = true;
	return s->full;
}

bool server_may_log(struct server *s)
{
	if (s->now - s->refusals_since >= 1000000) {
		s->refusals_since = s->now;
		s->refusals = 0;
	}
	return s->refusals++ < LOGGED_A_SECOND;
}

/* A table of fixed size: when two originators share a place the later one takes it, which can only let more through. */
static bool too_often(struct server *s, struct slice who)
{
	if (!s->rate_most || !who.n)
		return false;
	uint64_t h = hash_keyed(who.p, who.n);
	struct rate *r = &s->rate[h % RATES];
	int64_t now = s->now / 1000000;
	if (r->who != h || now - r->since >= 60)
		*r = (struct rate){.who = h, .since = now};
	if (r->count >= s->rate_most)
		return true;
	r->count++;
	return false;
}

static enum smtpd_answer sender(void *ctx, struct slice address)
{
	struct connection *c = ctx;
	enum smtpd_answer a = mail_users_sender(&c->server->users, address);
	if (a == SMTPD_SENDER_OK && server_full(c->server))
		a = SMTPD_QUEUE_AWAY;
	if (a == SMTPD_SENDER_OK && too_often(c->server, address))
		a = SMTPD_RATE;
	return a;
}

static enum smtpd_answer recipient(void *ctx, struct smtpd_recipient *to)
{
	struct connection *c = ctx;
	return mail_users_recipient(&c->server->users, to);
}

static enum smtpd_answer data(void *ctx)
{
	struct connection *c = ctx;
	return server_full(c->server) ? SMTPD_QUEUE_AWAY : SMTPD_GO_ON;
}

static bool content(void *ctx, const char *p, size_t n)
{
	struct connection *c = ctx;
	return mail_store_put(&c->store, p, n);
}

static void forget(void *ctx)
{
	struct connection *c = ctx;
	mail_store_forget(&c->store);
}

static void refused(void *ctx, enum smtpd_answer a)
{
	struct connection *c = ctx;
	char code[8];
	server_count_answer(c->server, a);
	if (!server_may_log(c->server))
		return;
	const struct smtpd_mail *m = &c->smtp.mail;
	snprintf(code, sizeof code, "%d", smtpd_row(a)->code);
	log_event(LOG_INFO, NULL, "refused", "peer", c->name, "code", code, "enhanced", smtpd_row(a)->enhanced, "reason",
		  smtpd_row(a)->situation, "helo", c->smtp.helo, "from", m->from, NULL);
}

/* The mail is complete: a record that the commit of this turn makes durable. */
static void store(void *ctx)
{
	struct connection *c = ctx;
	struct server *s = c->server;
	struct mail_origin from = {
		.protocol = c->lmtp ? "lmtp" : "smtp",
		.transport = c->local ? "unix" : "tcp",
		.address = c->local ? NULL : c->name,
		.port = c->local ? 0 : sip_addr_port(&c->peer),
		.tls = c->smtp.tls,
		.helo = c->smtp.helo,
	};
	if (s->nwaiting == s->waiting_room) {
		s->waiting_room = s->waiting_room ? 2 * s->waiting_room : 64;
		s->waiting = xrealloc(s->waiting, s->waiting_room * sizeof *s->waiting);
	}
	s->waiting[s->nwaiting++] = c;
	c->waiting = s->nwaiting;
	c->id[0] = '\0';
	json_t *body = mail_store_body(&c->store);
	if (!body)
		return;
	struct record *rec = mail_record(&s->users, &c->smtp.mail, &c->smtp.content, &from, body);
	snprintf(c->id, sizeof c->id, "%s", rec->id);
	c->ask = inline_wanted(c);
	if (c->ask)
		record_set_int(rec->member, "answer_by", inline_answer_by(clock_real_us() / 1000));
	frame_produce(s->frame, rec);
}

const struct smtpd_ops session_ops = {sender, recipient, data, content, store, forget, refused};

static void accepted(struct connection *c)
{
	const struct smtpd_mail *m = &c->smtp.mail;
	char recipients[24], size[24];
	snprintf(recipients, sizeof recipients, "%zu", m->recipients);
	snprintf(size, sizeof size, "%lld", (long long)c->smtp.content.size);
	log_event(LOG_INFO, c->id, "accepted", "peer", c->name, "helo", c->smtp.helo, "from", m->from, "rcpt",
		  m->to[0].address, "recipients", recipients, "size", size, "msgid",
		  c->smtp.content.message_id[0] ? c->smtp.content.message_id : NULL, NULL);
}

void session_commit(struct server *s)
{
	if (!s->nwaiting)
		return;
	bool good = frame_commit(s->frame) == 0;
	s->now = clock_mono_us();
	s->full_known = false;
	size_t n = s->nwaiting;
	s->nwaiting = 0;
	for (size_t i = 0; i < n; i++) {
		struct connection *c = s->waiting[i];
		if (!c) /* it ended meanwhile: the peer sends the mail again, which is the same record */
			continue;
		c->waiting = 0;
		enum smtpd_answer a = good && c->id[0] ? SMTPD_QUEUED : SMTPD_QUEUE_AWAY;
		if (a == SMTPD_QUEUED) {
			accepted(c);
			server_count_answer(s, a);
			if (!c->smtp.mail.from[0])
				a = SMTPD_NULL_TAKEN;
		}
		if (a == SMTPD_QUEUED && c->ask) {
			inline_begin(c);
			continue;
		}
		smtpd_settle(&c->smtp, a);
		connection_go_on(c);
	}
}
