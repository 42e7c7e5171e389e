#include "mail/head.h"
#include "map/notice.h"

/* Of the envelope, or of the mail's own header (RFC 8098 3.2.3): a delivering server may have written it there. */
static void put_original(struct buf *out, const struct dsn_about *about)
{
	struct mail_head h;
	if (about->orcpt) {
		notice_original_recipient(out, about->orcpt);
		return;
	}
	mail_head_read(&h, about->returned);
	struct slice value = mail_head_get(&h, "Original-Recipient", 0);
	if (value.n && memchr(value.p, ';', value.n))
		notice_field(out, "Original-Recipient", "", value);
	mail_head_free(&h);
}

static void put_machine(struct buf *out, const struct map_names *names, const struct dsn_about *about,
			const struct mdn *m)
{
	struct buf id = {0};
	buf_printf(out, "Reporting-UA: %s; CPM-mail-gateway\r\n", map_gateway(names));
	notice_field(out, "MDN-Gateway", "dns; ", slice_of(map_gateway(names)));
	put_original(out, about);
	notice_final_recipient(out, about->rcpt);
	if (about->msg_id) {
		buf_printf(&id, "<%s>", about->msg_id);
		notice_field(out, "Original-Message-ID", "", slice_buf(&id));
	}
	buf_printf(out, "Disposition: %s-action/MDN-sent-automatically; %s%s%s\r\n", m->manual ? "manual" : "automatic",
		   m->type, m->modifier ? "/" : "", m->modifier ? m->modifier : "");
	if (m->modifier && strcmp(m->modifier, "error") == 0)
		buf_puts(out, "Error: the network could not tell what became of the message\r\n");
	buf_free(&id);
}

bool mdn_fill(json_t *mail, const struct map_names *names, const struct map_io *io, const char *id,
	      const struct dsn_about *about, const struct mdn *m, int *error)
{
	bool displayed = strcmp(m->type, "displayed") == 0 && !m->modifier;
	struct notice n = {.names = names,
			   .about = about,
			   .kind = "mdn",
			   .what = m->type,
			   .subject = displayed ? "Displayed" : "Processed",
			   .report_type = "disposition-notification",
			   .from_name = "",
			   .from = about->rcpt,
			   .now_ms = m->now_ms};
	buf_puts(&n.text, "Your message to ");
	notice_put_recipient(&n.text, about->rcpt);
	buf_puts(&n.text, displayed ? " was displayed. This is no guarantee that it was read or understood.\r\n"
				    : " was processed, but whether it was displayed is not known.\r\n");
	put_machine(&n.machine, names, about, m);
	bool good = notice_fill(mail, &n, io, id, error);
	notice_end(&n);
	return good;
}
