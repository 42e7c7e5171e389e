/* inline_result: the answer to a mail waits until the SIP side has spoken (5.4); smtp.reply records bring it. */
#include "listen.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { WAIT_SECONDS = 40 /* a SIP request is over after 32 (timer F) */ };

/* One answer has to do for all recipients of SMTP: only a mail with one can wait for his. Of an address that is no
 * user's nobody hears anything, and <> is told nothing. */
bool inline_wanted(const struct connection *c)
{
	const struct smtpd_mail *m = &c->smtp.mail;
	for (size_t i = 0; i < m->recipients; i++)
		if (m->to[i].role)
			return false;
	return c->server->inline_result && m->from[0] && (c->lmtp || m->recipients == 1);
}

int64_t inline_answer_by(int64_t now_ms)
{
	return now_ms + 1000 * WAIT_SECONDS;
}

void inline_begin(struct connection *c)
{
	c->asking = true;
	c->said = xcalloc(c->smtp.mail.recipients, sizeof *c->said);
	c->unsaid = c->smtp.mail.recipients;
	c->ask_until = c->server->now + 1000000LL * WAIT_SECONDS;
}

void inline_settle(struct connection *c)
{
	struct smtpd_said *said = c->said;
	c->asking = false;
	c->said = NULL;
	smtpd_settle_said(&c->smtp, said);
	free(said);
	connection_go_on(c);
}

void inline_settle_all(struct server *s)
{
	for (struct connection *c = s->connections, *next; c; c = next) {
		next = c->next;
		if (c->asking)
			inline_settle(c);
	}
}

static bool take(struct connection *c, const char *rcpt, int code, const char *enhanced)
{
	bool found = false;
	for (size_t i = 0; i < c->smtp.mail.recipients; i++) {
		struct smtpd_said *said = &c->said[i];
		if (strcmp(c->smtp.mail.to[i].address, rcpt) != 0)
			continue;
		found = true;
		c->unsaid -= said->code == 0;
		said->code = code;
		snprintf(said->enhanced, sizeof said->enhanced, "%s", enhanced);
	}
	return found;
}

/* It sends nothing while it waits: an end of its octets means that it has left. */
static bool has_left(const struct connection *c)
{
	char octet;
	return recv(c->stream.octets.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* smtp.unsaid: the client is gone, or was answered when the time was over: report has to tell a refusal itself.
 * smtp.reply: it is told, and the same mail is no duplicate when it comes again. */
static void pass_on(struct frame_item *it, const char *type)
{
	struct record *out = item_output(it, type);
	const char *key;
	json_t *value;
	json_object_foreach (it->in->member, key, value)
		record_set_new(out->member, key, json_incref(value));
	item_emit(it, out);
}

void inline_take(struct frame_item *it, void *ctx)
{
	struct server *s = ctx;
	const char *id = record_str(it->in->member, "mail"), *rcpt = record_str(it->in->member, "rcpt"),
		   *enhanced = record_str(it->in->member, "enhanced");
	int code = (int)record_int(it->in->member, "code", 0);
	char digits[8];
	if (!id || !rcpt || !enhanced || code < 200 || code > 599 ||
	    strspn(enhanced, "0123456789.") != strlen(enhanced)) {
		item_fail(it, "5.5.4", "smtp.reply without a mail, a recipient or an answer");
		return;
	}
	struct connection *c = s->connections;
	while (c && !(c->asking && strcmp(c->id, id) == 0 && !has_left(c) && take(c, rcpt, code, enhanced)))
		c = c->next;
	snprintf(digits, sizeof digits, "%d", code);
	log_event(LOG_INFO, it->in->trace, c ? "replied" : "reply-of-nobody", "id", id, "rcpt", rcpt, "code", digits,
		  "enhanced", enhanced, NULL);
	if (code >= 400)
		pass_on(it, c ? "smtp.reply" : "smtp.unsaid");
	if (c && !c->unsaid)
		inline_settle(c);
}
