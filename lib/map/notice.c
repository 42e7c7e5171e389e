#include "map/notice.h"

#include "base/text.h"
#include "mail/address.h"
#include "mail/body.h"
#include "mail/header.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIELD_MAX = 900 }; /* octets of a field of the machine part: it is not folded, some readers stop there */

/* ---- pieces ---- */

static bool is_number(struct slice local)
{
	size_t i = local.n && local.p[0] == '+';
	bool number = local.n > i;
	for (; i < local.n; i++)
		number = number && local.p[i] >= '0' && local.p[i] <= '9';
	return number;
}

void notice_put_recipient(struct buf *out, const char *rcpt)
{
	struct mail_address a;
	if (mail_address_parse(slice_of(rcpt), &a) && is_number(a.local))
		buf_slice(out, a.local);
	else
		text_sanitise(out, slice_of(rcpt), FIELD_MAX);
}

void notice_field(struct buf *out, const char *name, const char *prefix, struct slice value)
{
	struct buf clean = {0};
	text_sanitise(&clean, value, FIELD_MAX);
	if (clean.n && is_ascii(clean.p, clean.n))
		buf_printf(out, "%s: %s%s\r\n", name, prefix, clean.p);
	buf_free(&clean);
}

/* One character of well-formed UTF-8 at s; its octets in *n. */
static unsigned code_point(const unsigned char *s, size_t *n)
{
	*n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	unsigned c = *n == 1 ? s[0] : s[0] & (0xffu >> (*n + 1));
	for (size_t i = 1; i < *n; i++)
		c = c << 6 | (s[i] & 63u);
	return c;
}

/* utf-8-addr-xtext (RFC 6533 3): the form that a 7-bit machine part may hold. */
static void put_utf8_address(struct buf *out, const char *address)
{
	for (size_t n; *address; address += n) {
		unsigned c = code_point((const unsigned char *)address, &n);
		if (c > ' ' && c < 127 && !strchr("\\+=", (int)c))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "\\x{%X}", c);
	}
}

void notice_final_recipient(struct buf *out, const char *rcpt)
{
	struct buf address = {0};
	bool ascii = is_ascii(rcpt, strlen(rcpt));
	if (!ascii && utf8_valid(rcpt, strlen(rcpt)))
		put_utf8_address(&address, rcpt);
	else
		buf_puts(&address, rcpt);
	notice_field(out, "Final-Recipient", ascii ? "rfc822;" : "utf-8;", slice_buf(&address));
	buf_free(&address);
}

void notice_original_recipient(struct buf *out, const char *orcpt)
{
	struct buf value = {0};
	bool typed;
	struct slice rest = slice_of(orcpt), type = slice_cut(&rest, ';', &typed);
	if (orcpt && typed) {
		buf_slice(&value, type);
		buf_putc(&value, ';');
		if (xtext_get(&value, rest))
			notice_field(out, "Original-Recipient", "", slice_buf(&value));
	}
	buf_free(&value);
}

void notice_date(struct buf *out, const char *name, int64_t ms)
{
	if (ms <= 0)
		return;
	buf_printf(out, "%s: ", name);
	mail_date_put(out, ms, 0);
	buf_puts(out, "\r\n");
}

/* ---- header ---- */

/* E-mail addresses enter keyed derivation with the domain in lower case (3.12). The ids of a private conversation,
 * whose user has an alias for an address, do not leave (2.6). */
static void put_msgid(const struct notice *n, const char *id, struct buf *out)
{
	const struct dsn_about *a = n->about;
	const struct token_keys *keys = map_keys(n->names);
	struct buf rcpt = {0}, local = {0}, conv = {0}, contr = {0};
	struct mail_address parsed;
	bool private = false;
	if (mail_address_parse(slice_of(a->rcpt), &parsed)) {
		mail_address_put(&rcpt, &parsed);
		mail_put_lower(&local, parsed.local); /* mail systems may change case */
		private = token_local_form(slice_buf(&local)) == 'a';
	} else {
		buf_puts(&rcpt, a->rcpt);
	}
	const char *root = a->msg_id ? a->msg_id : id;
	if (a->conversation && a->conversation[0])
		buf_puts(&conv, a->conversation);
	else
		token_convid(keys, &conv, root, NULL);
	if (a->contribution && a->contribution[0])
		buf_puts(&contr, a->contribution);
	else
		token_contrid(keys, &contr, root, NULL);
	token_msgid(keys,
		    &(struct token_message){.kind = TOKEN_REPORT,
					    .conv = buf_str(&conv),
					    .contr = buf_str(&contr),
					    .hidden = private,
					    .mail = buf_str(&rcpt),
					    .what = n->what},
		    map_mail_domain(n->names), out);
	buf_free(&rcpt), buf_free(&local), buf_free(&conv), buf_free(&contr);
}

static bool put_address(struct buf *out, const char *name, const char *display, const char *address)
{
	struct mail_field f;
	mail_field_begin(&f, out, name);
	mail_field_address(&f, slice_of(display), slice_of(address));
	return mail_field_end(&f);
}

static bool put_head(const struct notice *n, struct slice msgid, const char *boundary, bool eightbit, struct buf *out)
{
	const struct dsn_about *a = n->about;
	struct slice about = slice_of(a->msg_id);
	struct buf subject = {0};
	mail_header_date(out, "Date", n->now_ms, 0);
	if (!put_address(out, "From", n->from_name, n->from) || !put_address(out, "To", "", a->mail_from))
		return false;
	buf_printf(&subject, "%s%s%s", n->subject, a->subject && a->subject[0] ? ": " : "",
		   a->subject ? a->subject : "");
	mail_header_put(out, "Subject", slice_buf(&subject));
	buf_free(&subject);
	mail_header_ids(out, "Message-ID", &msgid, 1);
	if (about.n) {
		mail_header_ids(out, "In-Reply-To", &about, 1);
		mail_header_ids(out, "References", &about, 1);
	}
	mail_header_words(out, "X-CPM-Gateway", slice_of(map_gateway(n->names)));
	buf_puts(out, "Auto-Submitted: auto-replied\r\nX-Auto-Response-Suppress: All\r\nMIME-Version: 1.0\r\n");
	buf_printf(out, "Content-Type: multipart/report; report-type=%s;\r\n boundary=\"%s\"\r\n", n->report_type,
		   boundary);
	if (eightbit)
		buf_puts(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_puts(out, "\r\n");
	return true;
}

/* ---- parts ---- */

static void put_encoded(struct buf *out, struct slice text, enum mail_cte cte)
{
	struct mail_encoder e;
	mail_encode_begin(&e, cte, true);
	mail_encode(&e, text, out);
	mail_encode_end(&e, out);
}

/* The header block at the start of a mail, its empty line not among it. */
static struct slice header_block(struct slice mail)
{
	const char *end = memmem(mail.p, mail.n, "\r\n\r\n", 4);
	if (end)
		mail.n = (size_t)(end - mail.p) + 2;
	if (mail.n > DSN_HEADERS_MAX) { /* cut between two lines */
		const char *line = memrchr(mail.p, '\n', DSN_HEADERS_MAX);
		mail.n = line ? (size_t)(line - mail.p) + 1 : 0;
	}
	return mail;
}

/* May the whole mail go back as it is (5.4)? *scan says what it is made of. */
static bool whole_fits(const struct notice *n, struct mail_scan *scan)
{
	const struct dsn_about *a = n->about;
	*scan = (struct mail_scan){0};
	if (!n->full || !a->returned_full || !a->returned.n || a->returned.n >= DSN_RETURNED_MAX)
		return false;
	struct slice head = header_block(a->returned);
	mail_scan(scan, a->returned);
	return is_ascii(head.p, head.n) && mail_text_cte(scan, true) <= MAIL_8BIT;
}

static void put_returned(const struct notice *n, bool whole, bool eightbit, struct buf *out)
{
	struct slice head = header_block(n->about->returned);
	struct mail_scan scan = {0};
	if (whole) {
		buf_printf(out, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: %s\r\n\r\n",
			   mail_cte_name(eightbit ? MAIL_8BIT : MAIL_7BIT));
		put_encoded(out, n->about->returned, eightbit ? MAIL_8BIT : MAIL_7BIT);
		return;
	}
	mail_scan(&scan, head);
	enum mail_cte cte = mail_text_cte(&scan, false);
	buf_printf(out, "Content-Type: %s\r\n",
		   is_ascii(head.p, head.n) ? "text/rfc822-headers" : "message/global-headers");
	if (cte != MAIL_7BIT)
		buf_printf(out, "Content-Transfer-Encoding: %s\r\n", mail_cte_name(cte));
	buf_puts(out, "\r\n");
	put_encoded(out, head, cte);
}

static void put_parts(const struct notice *n, const char *boundary, bool whole, bool eightbit, struct buf *out)
{
	struct mail_scan scan = {0};
	mail_scan(&scan, slice_buf(&n->text));
	enum mail_cte cte = mail_text_cte(&scan, false);
	buf_printf(out, "--%s\r\nContent-Type: text/plain; charset=%s\r\n", boundary, scan.high ? "UTF-8" : "US-ASCII");
	if (cte != MAIL_7BIT)
		buf_printf(out, "Content-Transfer-Encoding: %s\r\n", mail_cte_name(cte));
	buf_puts(out, "\r\n");
	put_encoded(out, slice_buf(&n->text), cte);
	buf_printf(out, "--%s\r\nContent-Type: message/%s\r\n\r\n", boundary, n->report_type);
	buf_slice(out, slice_buf(&n->machine));
	buf_puts(out, "\r\n");
	if (n->about->returned.n) {
		buf_printf(out, "--%s\r\n", boundary);
		put_returned(n, whole, eightbit, out);
	}
	buf_printf(out, "--%s--\r\n", boundary);
}

static bool occurs(struct slice in, const struct buf *boundary)
{
	return in.n && memmem(in.p, in.n, boundary->p, boundary->n);
}

/* A boundary that does not occur in what is written between it (8.5). */
static void choose_boundary(const struct notice *n, struct slice msgid, struct buf *boundary)
{
	char *id = slice_dup(msgid);
	for (unsigned attempt = 0; attempt < 100; attempt++) {
		buf_clear(boundary);
		token_boundary(map_keys(n->names), id, 0, attempt, boundary);
		if (!occurs(n->about->returned, boundary) && !occurs(slice_buf(&n->text), boundary) &&
		    !occurs(slice_buf(&n->machine), boundary))
			break;
	}
	free(id);
}

/* ---- the record ---- */

static void fill_envelope(json_t *mail, const struct notice *n, const char *id, const char *msgid, bool eightbit)
{
	record_set(mail, "from", "");
	json_t *to = json_object();
	record_set(to, "address", n->about->mail_from);
	json_array_append_new(record_array(to, "notify"), json_string("NEVER"));
	json_array_append_new(record_array(mail, "to"), to);
	bool ascii = is_ascii(n->about->mail_from, strlen(n->about->mail_from)) && is_ascii(n->from, strlen(n->from));
	record_set_bool(mail, "smtputf8", !ascii);
	record_set_bool(mail, "eightbit", eightbit);
	record_set(mail, "message_id", msgid);
	json_t *origin = record_object(mail, "origin");
	record_set(origin, "id", id);
	record_set(origin, "kind", n->kind);
	record_set(origin, "msg_id", msgid);
}

bool notice_fill(json_t *mail, const struct notice *n, const struct map_io *io, const char *id, int *error)
{
	struct buf msgid = {0}, boundary = {0}, octets = {0};
	struct mail_scan scan;
	struct sink sink = {.io = io};
	json_t *body = NULL;
	*error = 0;
	put_msgid(n, id, &msgid);
	choose_boundary(n, slice_buf(&msgid), &boundary);
	bool whole = whole_fits(n, &scan), eightbit = whole && scan.high;
	if (put_head(n, slice_buf(&msgid), buf_str(&boundary), eightbit, &octets)) {
		put_parts(n, buf_str(&boundary), whole, eightbit, &octets);
		sink_buf(&sink, &octets);
		body = sink_finish(&sink, "message/rfc822");
		*error = body ? 0 : sink.error;
	}
	if (body) {
		fill_envelope(mail, n, id, buf_str(&msgid), eightbit);
		record_set_int(mail, "size", (int64_t)octets.n);
		record_set_new(mail, "body", body);
	}
	buf_free(&msgid), buf_free(&boundary), buf_free(&octets);
	return body != NULL;
}

void notice_end(struct notice *n)
{
	buf_free(&n->text), buf_free(&n->machine);
}
