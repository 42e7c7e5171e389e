#include "mail/header.h"

#include "base/text.h"
#include "mail/address.h"

enum {
	WORD_OVERHEAD = 12, /* =?UTF-8?Q? ?= */
	WORD_MAX = 75,	    /* RFC 2047 2 */
	WORD_ROOM = 8,	    /* less than that is not worth an encoded word on this line */
	PLAIN_DISPLAY = 60, /* longer ones go out as encoded words, which fold */
	ID_MAX = 900,
};

static void cut_back(struct buf *b, size_t n)
{
	b->n = n;
	if (b->p)
		b->p[n] = '\0';
}

void mail_field_begin(struct mail_field *f, struct buf *out, const char *name)
{
	*f = (struct mail_field){.out = out, .start = out->n, .col = strlen(name) + 1};
	buf_puts(out, name);
	buf_putc(out, ':');
}

static bool nothing_yet(const struct mail_field *f)
{
	return f->out->p[f->out->n - 1] == ':' && f->items == 0;
}

/* A blank, or a fold if n octets and those that must follow them do not fit. */
static void space(struct mail_field *f, size_t n)
{
	if (f->items && f->col + 1 + n > MAIL_FOLD) {
		buf_puts(f->out, "\r\n ");
		f->col = 1;
	} else {
		buf_putc(f->out, ' ');
		f->col++;
	}
}

static void put_piece(struct mail_field *f, struct slice word, size_t more)
{
	space(f, word.n + more);
	buf_slice(f->out, word);
	f->col += word.n;
	f->items++;
}

void mail_field_word(struct mail_field *f, struct slice word)
{
	put_piece(f, word, 1); /* room for the comma or semicolon of what follows */
}

bool mail_field_end(struct mail_field *f)
{
	if (nothing_yet(f)) {
		cut_back(f->out, f->start);
		return false;
	}
	buf_puts(f->out, "\r\n");
	return true;
}

/* ---- RFC 2047 ---- */

static bool q_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("!*+-/", c));
}

static size_t character(struct slice s, size_t i)
{
	size_t k = 1;
	while (i + k < s.n && ((unsigned char)s.p[i + k] & 0xc0) == 0x80)
		k++;
	return k;
}

/*
 * Octets from i that fit into room, whole characters only, at least one. A base64 word that is not the last ends
 * without padding if it can: some readers decode adjacent words as one and stop at the first "=".
 */
static size_t fitting(struct slice s, size_t i, bool q, size_t room)
{
	size_t n = 0, cost = 0, unpadded = 0;
	while (i + n < s.n) {
		size_t k = character(s, i + n);
		size_t more = 0;
		for (size_t m = 0; m < k; m++)
			more += q_plain((unsigned char)s.p[i + n + m]) || s.p[i + n + m] == ' ' ? 1 : 3;
		if (n && (q ? cost + more : (n + k + 2) / 3 * 4) > room)
			return !q && unpadded ? unpadded : n;
		cost += more;
		n += k;
		if (n % 3 == 0)
			unpadded = n;
	}
	return n;
}

static void put_q(struct buf *out, struct slice s)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (q_plain(c))
			buf_putc(out, (char)c);
		else if (c == ' ')
			buf_putc(out, '_');
		else
			buf_put(out, (char[]){'=', hex[c >> 4], hex[c & 15]}, 3);
	}
}

/* Text as encoded words that are valid in text and in a phrase alike. */
static void put_encoded(struct mail_field *f, struct slice s)
{
	size_t escapes = 0;
	for (size_t i = 0; i < s.n; i++)
		escapes += !q_plain((unsigned char)s.p[i]) && s.p[i] != ' ';
	bool q = escapes <= s.n / 2; /* readable as it stands wherever letters prevail */
	struct buf word = {0};
	for (size_t i = 0, n; i < s.n; i += n) {
		size_t left = f->col + 1 + WORD_OVERHEAD < MAIL_FOLD ? MAIL_FOLD - f->col - 1 - WORD_OVERHEAD : 0;
		if (left < WORD_ROOM)
			left = WORD_MAX - WORD_OVERHEAD;
		else if (left > WORD_MAX - WORD_OVERHEAD)
			left = WORD_MAX - WORD_OVERHEAD;
		n = fitting(s, i, q, left);
		buf_clear(&word);
		buf_puts(&word, q ? "=?UTF-8?Q?" : "=?UTF-8?B?");
		if (q)
			put_q(&word, (struct slice){s.p + i, n});
		else
			base64_put(&word, s.p + i, n);
		buf_puts(&word, "?=");
		put_piece(f, slice_buf(&word), 0);
	}
	buf_free(&word);
}

/* ---- unstructured ---- */

/* Can the text stand as it is: ASCII, nothing that reads as an encoded word, no word that a line cannot hold? */
static bool plain_text(struct slice s)
{
	size_t word = 0;
	for (size_t i = 0; i < s.n; i++) {
		word = s.p[i] == ' ' ? 0 : word + 1;
		if ((unsigned char)s.p[i] >= 128 || word >= MAIL_FOLD ||
		    (s.p[i] == '=' && i + 1 < s.n && s.p[i + 1] == '?'))
			return false;
	}
	return true;
}

static void put_words(struct mail_field *f, struct slice s)
{
	bool more = s.n > 0;
	while (more) {
		struct slice word = slice_cut(&s, ' ', &more);
		if (word.n)
			put_piece(f, word, 0);
	}
}

bool mail_header_put(struct buf *out, const char *name, struct slice text)
{
	struct mail_field f;
	struct buf clean = {0};
	text_sanitise(&clean, text, MAIL_TEXT_MAX);
	mail_field_begin(&f, out, name);
	if (plain_text(slice_buf(&clean)))
		put_words(&f, slice_buf(&clean));
	else
		put_encoded(&f, slice_buf(&clean));
	buf_free(&clean);
	return mail_field_end(&f);
}

bool mail_header_words(struct buf *out, const char *name, struct slice value)
{
	struct mail_field f;
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || (unsigned char)value.p[i] > 126)
			return false;
	mail_field_begin(&f, out, name);
	put_words(&f, value);
	return mail_field_end(&f);
}

/* ---- addresses ---- */

/* Octets that a reader takes for a part of an address. */
static bool name_octet(char ch)
{
	unsigned char c = (unsigned char)ch;
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 128 || (c && strchr("._%+-", c));
}

/* What stands around the @ at i. */
static struct slice named_address(struct slice s, size_t i)
{
	size_t from = i, to = i + 1;
	while (from > 0 && name_octet(s.p[from - 1]))
		from--;
	while (from < i && strchr(".-", s.p[from]))
		from++;
	while (to < s.n && name_octet(s.p[to]))
		to++;
	while (to > i + 1 && strchr(".-", s.p[to - 1]))
		to--;
	struct slice domain = {s.p + i + 1, to - i - 1};
	bool real = from < i && domain.n && (memchr(domain.p, '.', domain.n) || !is_ascii(domain.p, domain.n));
	return (struct slice){s.p + from, real ? to - from : 0};
}

bool mail_display_lies(struct slice display, struct slice address)
{
	struct buf joined = {0};
	bool lies = false;
	for (size_t i = 0; i < display.n; i++) { /* look-alikes of @, and no blanks around it */
		struct slice rest = {display.p + i, display.n - i};
		if (slice_istarts(rest, "\xef\xbc\xa0") || slice_istarts(rest, "\xef\xb9\xab"))
			buf_putc(&joined, '@'), i += 2;
		else
			buf_putc(&joined, display.p[i]);
		while (joined.n > 1 && joined.p[joined.n - 1] == '@' && joined.p[joined.n - 2] == ' ')
			joined.p[--joined.n - 1] = '@';
		while (joined.n && joined.p[joined.n - 1] == '@' && i + 1 < display.n && display.p[i + 1] == ' ')
			i++;
	}
	for (size_t i = 0; i < joined.n && !lies; i++) {
		struct slice named = joined.p[i] == '@' ? named_address(slice_buf(&joined), i) : (struct slice){"", 0};
		lies = named.n && (named.n != address.n || strncasecmp(named.p, address.p, named.n) != 0);
	}
	buf_free(&joined);
	return lies;
}

/* Display name as it may be shown: clean, short enough, true. */
static void clean_display(struct buf *out, struct slice display, struct slice address)
{
	size_t count = 0;
	text_sanitise(out, display, MAIL_TEXT_MAX);
	for (size_t i = 0; i < out->n; i += character(slice_buf(out), i))
		if (count++ == MAIL_DISPLAY_MAX) {
			cut_back(out, i);
			break;
		}
	if (mail_display_lies(slice_buf(out), address))
		buf_clear(out);
}

static void put_display(struct mail_field *f, struct slice display)
{
	struct buf quoted = {0};
	if (display.n > PLAIN_DISPLAY || !plain_text(display)) {
		put_encoded(f, display);
		return;
	}
	buf_putc(&quoted, '"');
	for (size_t i = 0; i < display.n; i++) {
		if (display.p[i] == '"' || display.p[i] == '\\')
			buf_putc(&quoted, '\\');
		buf_putc(&quoted, display.p[i]);
	}
	buf_putc(&quoted, '"');
	mail_field_word(f, slice_buf(&quoted));
	buf_free(&quoted);
}

static void next_item(struct mail_field *f)
{
	if (f->items) {
		buf_putc(f->out, ',');
		f->col++;
	}
}

bool mail_field_address(struct mail_field *f, struct slice display, struct slice address)
{
	struct mail_address a;
	struct buf text = {0}, name = {0};
	if (!mail_address_parse(address, &a))
		return false;
	clean_display(&name, display, address);
	next_item(f);
	if (name.n) {
		put_display(f, slice_buf(&name));
		buf_putc(&text, '<');
	}
	mail_address_put(&text, &a);
	if (name.n)
		buf_putc(&text, '>');
	mail_field_word(f, slice_buf(&text));
	buf_free(&text);
	buf_free(&name);
	return true;
}

void mail_field_group(struct mail_field *f, const char *phrase)
{
	struct buf text = {0};
	next_item(f);
	buf_puts(&text, phrase);
	buf_puts(&text, ":;");
	struct slice rest = slice_buf(&text);
	for (bool more = true; more;)
		mail_field_word(f, slice_cut(&rest, ' ', &more));
	buf_free(&text);
}

bool mail_header_angle(struct buf *out, const char *name, struct slice address)
{
	struct mail_address a;
	struct mail_field f;
	struct buf text = {0};
	if (!mail_address_parse(address, &a))
		return false;
	mail_field_begin(&f, out, name);
	buf_putc(&text, '<');
	mail_address_put(&text, &a);
	buf_putc(&text, '>');
	mail_field_word(&f, slice_buf(&text));
	buf_free(&text);
	return mail_field_end(&f);
}

/* ---- msg-ids ---- */

static bool id_valid(struct slice id)
{
	for (size_t i = 0; i < id.n; i++)
		if ((unsigned char)id.p[i] <= ' ' || (unsigned char)id.p[i] > 126 || id.p[i] == '<' || id.p[i] == '>')
			return false;
	return id.n > 0 && id.n <= ID_MAX;
}

bool mail_header_ids(struct buf *out, const char *name, const struct slice *ids, size_t n)
{
	struct mail_field f;
	struct buf text = {0};
	mail_field_begin(&f, out, name);
	for (size_t i = 0; i < n; i++) {
		if (!id_valid(ids[i]))
			continue;
		buf_clear(&text);
		buf_putc(&text, '<');
		buf_slice(&text, ids[i]);
		buf_putc(&text, '>');
		mail_field_word(&f, slice_buf(&text));
	}
	buf_free(&text);
	return mail_field_end(&f);
}

/* ---- trace ---- */

/* A value inside Received: nothing that ends the piece or opens a comment. */
static void put_trace(struct buf *out, const char *s)
{
	size_t n = 0;
	for (; *s && n < 200; s++, n++)
		buf_putc(out, *s > ' ' && *s < 127 && !strchr("();<>\\\",", *s) ? *s : '_');
}

void mail_header_received(struct buf *out, const struct mail_received *r)
{
	struct mail_field f;
	struct buf piece = {0};
	const char *const pieces[][2] = {{"from ", r->from}, {"by ", r->by}, {"with ", r->with}, {"id ", r->id}};
	size_t n = sizeof pieces / sizeof *pieces;
	while (n > 1 && !pieces[n - 1][1])
		n--;
	mail_field_begin(&f, out, "Received");
	for (size_t i = 0; i < n; i++) {
		if (!pieces[i][1])
			continue;
		buf_clear(&piece);
		buf_puts(&piece, pieces[i][0]);
		put_trace(&piece, pieces[i][1]);
		if (i + 1 == n)
			buf_putc(&piece, ';');
		mail_field_word(&f, slice_buf(&piece));
	}
	buf_clear(&piece);
	mail_date_put(&piece, r->ms, r->offset_min);
	mail_field_word(&f, slice_buf(&piece));
	mail_field_end(&f);
	buf_free(&piece);
}
