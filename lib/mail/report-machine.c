#include "base/text.h"
#include "mail/head.h"
#include "mail/report-parts.h"

#include <stdlib.h>

/* ---- values ---- */

char *report_text(struct slice value, size_t max)
{
	struct buf clean = {0};
	text_sanitise(&clean, value, max);
	char *s = clean.n ? xstrdup(clean.p) : NULL;
	buf_free(&clean);
	return s;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* class.subject.detail at the start of s: its octets, 0 if there is none. */
static size_t status_length(struct slice s)
{
	size_t i = 1;
	if (s.n < 5 || !strchr("245", s.p[0]))
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t from;
		if (i >= s.n || s.p[i] != '.')
			return 0;
		for (from = ++i; i < s.n && i - from < 3 && is_digit(s.p[i]); i++)
			;
		if (i == from)
			return 0;
	}
	return i < s.n && is_digit(s.p[i]) ? 0 : i;
}

char *report_status(struct slice value)
{
	value = slice_trim(value);
	size_t n = status_length(value);
	return n ? slice_dup((struct slice){value.p, n}) : NULL;
}

/* The first word, in lower case, of letters, digits and hyphens; NULL if there is none. */
static char *word(struct slice *value)
{
	struct buf out = {0};
	*value = slice_trim(*value);
	while (value->n && out.n < 40 && (is_alnum(value->p[0]) || value->p[0] == '-')) {
		buf_putc(&out, (char)(value->p[0] >= 'A' && value->p[0] <= 'Z' ? value->p[0] + 32 : value->p[0]));
		value->p++, value->n--;
	}
	return out.p;
}

/* \x{E9} -> UTF-8 (RFC 6533 3); what is no such escape stays as it is. */
static void put_utf8_xtext(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t k = i + 3;
		unsigned c = 0;
		if (i + 4 < s.n && memcmp(s.p + i, "\\x{", 3) == 0)
			for (; k < s.n && k < i + 9 && hex_value(s.p[k]) >= 0; k++)
				c = c * 16 + (unsigned)hex_value(s.p[k]);
		if (k == i + 3 || k >= s.n || s.p[k] != '}' || c < ' ' || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
			buf_putc(out, s.p[i]);
			continue;
		}
		if (c < 0x80)
			buf_putc(out, (char)c);
		else if (c < 0x800)
			buf_put(out, (char[]){(char)(0xc0 | c >> 6), (char)(0x80 | (c & 63))}, 2);
		else if (c < 0x10000)
			buf_put(out,
				(char[]){(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))},
				3);
		else
			buf_put(out,
				(char[]){(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
					 (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))},
				4);
		i = k;
	}
}

/* "rfc822;" and the like in front; an address of its own may hold no ';' before its '@' but in quotes. */
static struct slice without_type(struct slice value, bool *utf8, bool *mail)
{
	size_t n = 0;
	while (n < value.n && (is_alnum(value.p[n]) || value.p[n] == '-' || value.p[n] == '_'))
		n++;
	struct slice type = {value.p, n};
	while (n < value.n && (value.p[n] == ' ' || value.p[n] == '\t'))
		n++;
	bool typed = type.n && n < value.n && value.p[n] == ';';
	*utf8 = typed && slice_ieq(type, "utf-8");
	*mail = !typed || *utf8 || slice_ieq(type, "rfc822");
	return typed ? (struct slice){value.p + n + 1, value.n - n - 1} : value;
}

/* Octets up to the first of these that is not in quotes. */
static size_t until(struct slice s, const char *stops)
{
	bool quoted = false;
	size_t n = 0;
	for (; n < s.n && (quoted || !s.p[n] || !strchr(stops, s.p[n])); n++) {
		if (quoted && s.p[n] == '\\' && n + 1 < s.n)
			n++;
		else if (s.p[n] == '"')
			quoted = !quoted;
	}
	return n;
}

char *report_address(struct slice value)
{
	struct buf plain = {0};
	bool utf8, mail;
	value = slice_trim(without_type(slice_trim(value), &utf8, &mail));
	size_t open = until(value, "<(");
	if (open < value.n && value.p[open] == '<') { /* "Bob Brown <bob@example.org>" is a habit, too */
		value.p += open + 1, value.n -= open + 1;
		value.n = until(value, ">");
		value = slice_trim(value);
	}
	if (mail) /* what follows is a comment */
		value.n = until(value, " \t(");
	if (utf8)
		put_utf8_xtext(&plain, value);
	else
		buf_slice(&plain, value);
	char *s = plain.n <= REPORT_ADDRESS_MAX ? report_text(slice_buf(&plain), REPORT_ADDRESS_MAX) : NULL;
	buf_free(&plain);
	return s;
}

/* ---- delivery status ---- */

enum { BLOCK_OCTETS = 32 << 10, BLOCKS_MAX = 4 * REPORT_RECIPIENTS_MAX };

/* The block at the start of *rest; blank lines before it are passed over, and a line that is no field. false: no more.
 */
static bool next_block(struct slice *rest, struct mail_head *h)
{
	while (rest->n && strchr(" \t\r\n", rest->p[0])) {
		rest->p++;
		rest->n--;
	}
	if (!rest->n)
		return false;
	mail_head_read(h, (struct slice){rest->p, rest->n < BLOCK_OCTETS ? rest->n : BLOCK_OCTETS});
	if (!h->body || !h->n) {
		const char *lf = memchr(rest->p, '\n', rest->n);
		h->body = lf ? (size_t)(lf - rest->p) + 1 : rest->n;
	}
	rest->p += h->body;
	rest->n -= h->body;
	return true;
}

static void set(char **to, char *value)
{
	if (*to)
		free(value);
	else
		*to = value;
}

static void recipient_field(struct report_recipient *to, struct slice name, struct slice value)
{
	if (slice_ieq(name, "Original-Recipient"))
		set(&to->original, report_address(value));
	else if (slice_ieq(name, "Final-Recipient"))
		set(&to->final, report_address(value));
	else if (slice_ieq(name, "Action"))
		set(&to->action, word(&value));
	else if (slice_ieq(name, "Status"))
		set(&to->status, report_status(value));
	else if (slice_ieq(name, "Diagnostic-Code"))
		set(&to->diagnostic, report_text(value, REPORT_TEXT_MAX));
}

static bool is_recipient_field(struct slice name)
{
	static const char *const names[] = {"Original-Recipient", "Final-Recipient", "Action", "Status", NULL};
	for (const char *const *n = names; *n; n++)
		if (slice_ieq(name, *n))
			return true;
	return false;
}

/* Where the reader of the blocks is. */
struct cursor {
	struct report_recipient *now;
	int block, began; /* the block it reads, and the one in which now began */
};

/*
 * Empty lines alone do not tell recipients apart: some senders forget them between two, or put one among the fields of
 * one. A recipient begins with a field that the one before has already, or with any of them in a later block once it
 * has been said what became of the one before.
 */
static bool begins(const struct cursor *c, struct slice name)
{
	const struct report_recipient *now = c->now;
	bool status = slice_ieq(name, "Status");
	if (!now || (c->block > c->began && now->action && (!status || now->status)))
		return true;
	return (slice_ieq(name, "Original-Recipient") && now->original) ||
	       (slice_ieq(name, "Final-Recipient") && now->final);
}

static void dsn_field(struct report_work *w, struct cursor *c, const struct mail_head_field *f)
{
	if (is_recipient_field(f->name) && begins(c, f->name)) {
		c->now = report_add_recipient(w->r);
		c->began = c->block;
	}
	if (c->now)
		recipient_field(c->now, f->name, f->value);
}

/* What a block of a recipient must have (RFC 3464 2.3): Final-Recipient, Action, Status. One without Action is of no
 * use but by its Status. */
static void complete(struct report *r, size_t from)
{
	size_t n = from;
	for (size_t i = from; i < r->nrecipients; i++) {
		struct report_recipient *b = &r->recipients[i];
		if (!b->action && b->status)
			b->action = xstrdup(b->status[0] == '5'	  ? "failed"
					    : b->status[0] == '4' ? "delayed"
								  : "delivered");
		if (b->action) {
			r->recipients[n++] = *b;
			continue;
		}
		free(b->original), free(b->final), free(b->diagnostic);
	}
	r->nrecipients = n;
}

void report_read_dsn(struct report_work *w, struct slice fields)
{
	struct cursor c = {0};
	struct mail_head h;
	size_t from = w->r->nrecipients;
	for (; c.block < BLOCKS_MAX && next_block(&fields, &h); c.block++) {
		for (size_t i = 0; i < h.n; i++) {
			if (slice_ieq(h.v[i].name, "Original-Envelope-Id"))
				set(&w->r->envid, report_text(h.v[i].value, REPORT_ADDRESS_MAX));
			else if (slice_ieq(h.v[i].name, "X-Original-Message-ID"))
				report_add_id(w, REPORT_RETURNED, report_first_id(h.v[i].value));
			else
				dsn_field(w, &c, &h.v[i]);
		}
		mail_head_free(&h);
	}
	complete(w->r, from);
	w->dsn = w->dsn || w->r->nrecipients > from;
}

/* ---- disposition notification ---- */

/* "manual-action/MDN-sent-manually; displayed/error": spelled in many ways, see the tests. */
static void disposition(struct report_disposition *d, struct slice value)
{
	const char *semi = memchr(value.p, ';', value.n);
	struct slice rest = semi ? (struct slice){semi + 1, value.n - (size_t)(semi + 1 - value.p)} : value;
	d->type = word(&rest);
	if (!semi && d->type && strlen(d->type) > 7 && strcmp(d->type + strlen(d->type) - 7, "-action") == 0) {
		free(d->type);
		d->type = NULL;
		return;
	}
	rest = slice_trim(rest);
	bool more = rest.n && rest.p[0] == '/';
	if (more)
		rest.p++, rest.n--;
	while (more) {
		struct slice one = slice_cut(&rest, ',', &more);
		char *modifier = word(&one);
		if (modifier && (!d->modifier || strcmp(modifier, "error") == 0)) {
			free(d->modifier);
			d->modifier = modifier;
		} else {
			free(modifier);
		}
	}
}

void report_read_mdn(struct report_work *w, struct slice fields)
{
	struct report_disposition *d = &w->r->disposition;
	struct mail_head h;
	for (int blocks = 0; blocks < 4 && next_block(&fields, &h); blocks++) {
		for (size_t i = 0; i < h.n; i++) {
			struct slice name = h.v[i].name, value = h.v[i].value;
			if (slice_ieq(name, "Disposition") && !d->type && value.n)
				disposition(d, value), w->mdn = true;
			else if (slice_ieq(name, "Final-Recipient"))
				set(&d->final, report_address(value)), w->mdn = true;
			else if (slice_ieq(name, "Original-Recipient"))
				set(&d->original, report_address(value));
			else if (slice_ieq(name, "Original-Message-ID"))
				report_add_id(w, REPORT_ORIGINAL, report_first_id(value));
		}
		mail_head_free(&h);
	}
}
