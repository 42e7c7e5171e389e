#include "map/letters.h"

#include "base/text.h"

/* ---- E2 (7.3): recipients ---- */

static const struct {
	const char *field;
	bool cc;
	const char *copy;
} E2[] = {
	{"To", false, "to"},
	{"Cc", true, "cc"},
};

/* A RCPT that To and Cc do not name got a blind copy: no list tells of the others. */
static bool visible(const struct letter *l)
{
	for (size_t i = 0; i < l->nlisted; i++)
		if (strcasecmp(l->listed[i].address, l->rcpt) == 0)
			return true;
	return false;
}

enum letter_list letter_list(const struct letter *l)
{
	if (l->list_service)
		return LETTER_LIST_SERVICE;
	return l->nvisible > 1 && visible(l) ? LETTER_LIST_HISTORY : LETTER_LIST_NONE;
}

static void put_xml(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		default:
			buf_putc(out, s.p[i]);
		}
}

static void put_entry(struct buf *out, const char *uri, const char *copy)
{
	buf_puts(out, "<entry uri=\"");
	put_xml(out, slice_of(uri));
	buf_printf(out, "\" cp:copyControl=\"%s\"/>\r\n", copy);
}

/* CPM URI if it is a user of ours, else the SIP form of the mail address. */
static void put_listed(const struct letter *l, const struct letter_listed *one, struct buf *out)
{
	struct buf uri = {0};
	if (map_to_cpm(l->tools->names, one->address, NULL, &uri) == MAP_RCPT_OK ||
	    map_sip_identity(l->tools->names, one->address, &uri))
		put_entry(out, buf_str(&uri), E2[one->cc].copy);
	buf_free(&uri);
}

/* For a list service: each RCPT with a CPM user, as To and Cc name it, else blind. */
static void put_recipients(const struct letter *l, struct buf *out)
{
	const json_t *to = record_get(l->mail, "to");
	for (size_t i = 0; i < json_array_size(to); i++) {
		const json_t *one = json_array_get(to, i);
		const char *address = record_str(one, "address"), *cpm = record_str(one, "cpm"), *copy = "bcc";
		if (!cpm || !address)
			continue;
		for (size_t k = 0; k < l->nlisted; k++)
			if (strcasecmp(l->listed[k].address, address) == 0)
				copy = E2[l->listed[k].cc].copy;
		put_entry(out, cpm, copy);
	}
}

void letter_put_list(struct letter *l, enum letter_list kind, struct buf *out)
{
	struct buf xml = {0};
	buf_puts(&xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		       "<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\""
		       " xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\"><list>\r\n");
	if (kind == LETTER_LIST_SERVICE)
		put_recipients(l, &xml);
	else
		for (size_t i = 0; i < l->nlisted; i++)
			put_listed(l, &l->listed[i], &xml);
	buf_puts(&xml, "</list></resource-lists>\r\n");
	buf_printf(out,
		   "Content-Type: application/resource-lists+xml\r\nContent-Disposition: %s\r\nContent-Length: "
		   "%zu\r\n\r\n",
		   kind == LETTER_LIST_SERVICE ? "recipient-list" : "recipient-list-history;handling=optional", xml.n);
	buf_slice(out, slice_buf(&xml));
	buf_free(&xml);
}

void letter_print_list(FILE *to)
{
	fputs("E2: recipients -> resource-lists\n", to);
	for (size_t i = 0; i < sizeof E2 / sizeof *E2; i++)
		fprintf(to, "  %-28s C  %-30s %-28s copyControl=%-12s RFC 5364\n", "entry", E2[i].field,
			"several are visible", E2[i].copy);
	fprintf(to, "  %-28s C  %-30s %-28s copyControl=%-12s RFC 5365\n", "entry", "RCPT", "list_service_uri",
		"to, cc, bcc");
}
