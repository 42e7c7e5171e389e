#include "base/text.h"
#include "mail/address.h"
#include "mail/header.h"
#include "map/notice.h"

/* What the words of each action are. */
static const struct {
	const char *action, *subject, *text;
} actions[] = {
	[DSN_FAILED] = {"failed", "Undelivered", " could not be delivered."},
	[DSN_DELAYED] = {"delayed", "Delayed", " has not been delivered yet."},
	[DSN_DELIVERED] = {"delivered", "Delivered", " was delivered."},
	[DSN_RELAYED] =
		{"relayed", "Relayed",
		 " was handed over.\r\nWhether it was delivered is not known: no confirmation came, and none is "
		 "expected."},
};

const char *dsn_action_name(enum dsn_action a)
{
	return actions[a].action;
}

/* A name that is not ASCII has no place in this text, the returned header has it. */
static void put_part(struct buf *out, const char *name)
{
	struct buf clean = {0};
	text_sanitise(&clean, slice_of(name), 128);
	bool shown = clean.n && is_ascii(clean.p, clean.n);
	buf_puts(out, shown ? "The attachment \"" : "An attachment");
	buf_puts(out, shown ? buf_str(&clean) : "");
	buf_puts(out, shown ? "\"" : "");
	buf_free(&clean);
}

/* What the network said, as mail may say it: a reason phrase is the peer's, and no SIP identity leaves by mail (2.6);
 * then the status code stands alone. */
static struct slice told(const char *diagnostic)
{
	static const char *const identities[] = {"sip:", "sips:", "tel:", "@", NULL};
	struct slice s = slice_of(diagnostic ? diagnostic : "");
	for (const char *const *i = identities; *i && s.n; i++)
		if (strcasestr(s.p, *i))
			s.n = strspn(s.p, "0123456789");
	return s;
}

static void put_text(struct buf *out, const char *rcpt, const struct dsn *d)
{
	if (d->part)
		put_part(out, d->part);
	buf_puts(out, d->part ? " of your message to " : "Your message to ");
	notice_put_recipient(out, rcpt);
	buf_puts(out, actions[d->action].text);
	buf_puts(out, "\r\n");
	if (d->action == DSN_DELAYED) {
		buf_puts(out, "You need not do anything");
		if (d->retry_until_ms > 0) {
			buf_puts(out, ": it is tried again until ");
			mail_date_put(out, d->retry_until_ms, 0);
		}
		buf_puts(out, ".\r\n");
	}
	if (d->action == DSN_FAILED) {
		struct buf answer = {0};
		text_sanitise(&answer, told(d->diagnostic), 200);
		buf_printf(out, "\r\nThe answer was: %s%s(status %s)\r\n", buf_str(&answer), answer.n ? " " : "",
			   d->status);
		buf_free(&answer);
	}
}

/* The message block and the recipient's (RFC 3464 2.2, 2.3), in the order of 4.11. */
static void put_machine(struct buf *out, const struct map_names *names, const struct dsn_about *about,
			const struct dsn *d)
{
	struct buf envid = {0};
	if (about->envid && xtext_get(&envid, slice_of(about->envid)))
		notice_field(out, "Original-Envelope-Id", "", slice_buf(&envid));
	notice_field(out, "Reporting-MTA", "dns; ", slice_of(map_mail_domain(names)));
	notice_field(out, "DSN-Gateway", "dns; ", slice_of(map_gateway(names)));
	notice_date(out, "Arrival-Date", about->arrived_ms);
	buf_puts(out, "\r\n");
	notice_original_recipient(out, about->orcpt);
	notice_final_recipient(out, about->rcpt);
	notice_field(out, "Action", "", slice_of(actions[d->action].action));
	notice_field(out, "Status", "", slice_of(d->status));
	notice_field(out, "Diagnostic-Code", "x-sip; ", told(d->diagnostic));
	if (d->action == DSN_DELAYED)
		notice_date(out, "Will-Retry-Until", d->retry_until_ms);
	buf_free(&envid);
}

bool dsn_fill(json_t *mail, const struct map_names *names, const struct map_io *io, const char *id,
	      const struct dsn_about *about, const struct dsn *d, int *error)
{
	struct buf from = {0};
	buf_printf(&from, "postmaster@%s", map_mail_domain(names));
	struct notice n = {.names = names,
			   .about = about,
			   .kind = "dsn",
			   .what = actions[d->action].action,
			   .subject = actions[d->action].subject,
			   .report_type = "delivery-status",
			   .from_name = "Mail gateway",
			   .from = buf_str(&from),
			   .full = d->action == DSN_FAILED,
			   .now_ms = d->now_ms};
	put_text(&n.text, about->rcpt, d);
	put_machine(&n.machine, names, about, d);
	bool good = notice_fill(mail, &n, io, id, error);
	notice_end(&n);
	buf_free(&from);
	return good;
}
