/* Who wrote a mail, as the SIP side is shown it (2.3, 8.6). */
#include "map/letters.h"

#include "base/text.h"
#include "mail/header.h"

void letter_cut(struct buf *b, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		if (((unsigned char)b->p[i] & 0xc0) != 0x80 && n++ == max) {
			if (b->p[i - 1] == ' ')
				i--;
			b->p[b->n = i] = '\0';
			return;
		}
}

const char *letter_uri(const struct letter *l)
{
	const char *service = l->list_service ? conf_str(l->tools->conf, "list_service_uri", NULL) : NULL;
	return service ? service : l->uri.n ? buf_str(&l->uri) : l->cpm ? l->cpm : "";
}

bool letter_identity(const struct letter *l, struct buf *out)
{
	return map_sip_identity(l->tools->names, buf_str(&l->from), out);
}

static void put_name(const struct letter *l, struct buf *out)
{
	struct buf name = {0};
	if (!l->verified)
		buf_puts(out, "[unverified]");
	text_sanitise(&name, slice_buf(&l->display), 4 * MAIL_DISPLAY_MAX);
	letter_cut(&name, MAIL_DISPLAY_MAX);
	if (name.n && !mail_display_lies(slice_buf(&name), slice_buf(&l->from))) {
		if (out->n)
			buf_putc(out, ' ');
		buf_slice(out, slice_buf(&name));
	}
	buf_free(&name);
}

bool letter_party(const struct letter *l, bool cpim, struct buf *out)
{
	struct buf name = {0}, uri = {0};
	bool good = letter_identity(l, &uri);
	if (good) {
		put_name(l, &name);
		if (name.n) {
			buf_putc(out, '"');
			for (size_t i = 0; i < name.n && !cpim; i++) {
				if (name.p[i] == '"' || name.p[i] == '\\')
					buf_putc(out, '\\');
				buf_putc(out, name.p[i]);
			}
			if (cpim)
				cpim_escape(out, slice_buf(&name), true);
			buf_puts(out, "\" ");
		}
		buf_printf(out, "<%s>", buf_str(&uri));
	}
	buf_free(&name), buf_free(&uri);
	return good;
}
