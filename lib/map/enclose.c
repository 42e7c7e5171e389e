#include "map/enclose.h"

#include "base/text.h"
#include "mail/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- reading ---- */

static const char **blocked_types(const struct letter *l)
{
	const struct conf_scope scope = letter_scope(l);
	size_t n = 0;
	while (conf_item_in(l->tools->conf, "blocked_types", &scope, n, NULL))
		n++;
	const char **list = xcalloc(n + 1, sizeof *list);
	for (size_t i = 0; i < n; i++)
		list[i] = conf_item_in(l->tools->conf, "blocked_types", &scope, i, NULL);
	return list;
}

bool enclose_begin(struct enclose *e, struct letter *l)
{
	const struct conf *c = l->tools->conf;
	*e = (struct enclose){.letter = l};
	if (l->fd >= 0)
		lseek(l->fd, 0, SEEK_SET);
	e->message = mail_message_open(l->octets.p, l->octets.n, l->fd, &e->why);
	if (!e->message)
		return false;
	const char **blocked = blocked_types(l);
	struct mail_text_limits limits = mail_text_defaults;
	limits.parts = (int)conf_int(c, "max_mime_parts", NULL);
	limits.depth = (int)conf_int(c, "max_mime_depth", NULL);
	limits.attachments = (int)conf_int(c, "max_attachments", NULL);
	limits.human_report = true;
	limits.blocked = blocked;
	mail_text_extract(e->message, &limits, &e->walk);
	free(blocked);
	return true;
}

void enclose_end(struct enclose *e)
{
	mail_text_free(&e->walk);
	if (e->message)
		g_object_unref(e->message);
	buf_free(&e->said), buf_free(&e->text);
	free(e->files);
	*e = (struct enclose){0};
}

/* ---- text ---- */

static void put_crlf(struct buf *out, struct slice s)
{
	while (s.n) {
		bool more;
		struct slice line = slice_cut(&s, '\n', &more);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_slice(out, line);
		if (more)
			buf_puts(out, "\r\n");
	}
}

static void trim_end(struct buf *b)
{
	struct slice s = slice_trim(slice_buf(b));
	size_t end = (size_t)(s.p - buf_str(b)) + s.n;
	if (b->p)
		b->p[b->n = end] = '\0';
}

/* Only an answer is stripped of what it quotes (7.5). */
static void put_said(struct enclose *e)
{
	const struct letter *l = e->letter;
	const struct conf_scope scope = letter_scope(l);
	struct buf plain = {0};
	struct mail_reply_options options = {.marker = conf_str(l->tools->conf, "reply_marker", NULL),
					     .marks = e->walk.marks,
					     .n_marks = e->walk.n_marks,
					     .may_be_empty = e->walk.n_attachments > 0};
	if (l->known)
		mail_reply_strip(&plain, slice_buf(&e->walk.text), &options);
	else if (conf_bool(l->tools->conf, "strip_sig_new", &scope))
		mail_signature_strip(&plain, slice_buf(&e->walk.text), &options);
	else
		buf_slice(&plain, slice_buf(&e->walk.text));
	trim_end(&plain);
	put_crlf(&e->said, slice_buf(&plain));
	buf_free(&plain);
}

static void put_size(struct buf *out, int64_t octets)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB"};
	int64_t n = octets;
	size_t u = 0;
	while (n >= 10240 && u < 3)
		n /= 1024, u++;
	buf_printf(out, "%lld %s", (long long)n, unit[u]);
}

static void paragraph(struct buf *out)
{
	if (out->n)
		buf_puts(out, "\r\n\r\n");
}

static void put_notes(struct enclose *e)
{
	bool any = false;
	for (size_t i = 0; i < e->nfiles; i++) {
		const struct enclose_file *f = &e->files[i];
		if (!f->noted)
			continue;
		if (any)
			buf_puts(&e->text, "\r\n");
		else
			paragraph(&e->text);
		any = true;
		buf_printf(&e->text, "[attachment: %s, %s, ", f->name, f->type);
		put_size(&e->text, f->size);
		buf_putc(&e->text, ']');
	}
	if (e->walk.n_left_out) {
		if (any)
			buf_puts(&e->text, "\r\n");
		else
			paragraph(&e->text);
		buf_printf(&e->text, "[%zu more attachments]", e->walk.n_left_out);
	}
}

/* The text with what the gateway has to say; made anew whenever an attachment becomes a note. */
static void compose(struct enclose *e)
{
	buf_clear(&e->text);
	buf_slice(&e->text, slice_buf(&e->said));
	if (e->walk.appended.n) {
		struct buf appended = {0};
		buf_slice(&appended, slice_buf(&e->walk.appended));
		trim_end(&appended);
		paragraph(&e->text);
		put_crlf(&e->text, slice_buf(&appended));
		buf_free(&appended);
	}
	put_notes(e);
	e->no_text = !e->text.n && enclose_sent(e) > 0;
	if (!e->text.n && !e->no_text)
		buf_puts(&e->text, "(no text)");
}

/* ---- attachments ---- */

static void add_file(struct enclose *e, struct enclose_file f)
{
	e->files = xrealloc(e->files, (e->nfiles + 1) * sizeof *e->files);
	e->files[e->nfiles++] = f;
}

void enclose_recipient(struct enclose *e)
{
	const struct letter *l = e->letter;
	const struct conf_scope scope = letter_scope(l);
	e->mode = (enum enclose_mode)conf_enum(l->tools->conf, "attachment_mode", &scope);
	if (e->mode == ENCLOSE_AUTO) /* whether the peer takes multiparts is known of a session only */
		e->mode = ENCLOSE_SEPARATE;
	e->nfiles = 0;
	for (size_t i = 0; i < e->walk.n_attachments; i++) {
		const struct mail_attachment *a = &e->walk.attachments[i];
		add_file(e, (struct enclose_file){a, a->name, a->type, a->size, a->blocked || e->mode == ENCLOSE_NOTE});
	}
	if (conf_bool(l->tools->conf, "keep_original", &scope))
		add_file(e,
			 (struct enclose_file){NULL, "mail.eml", "message/rfc822", l->size, e->mode == ENCLOSE_NOTE});
	buf_clear(&e->said);
	put_said(e);
	compose(e);
}

size_t enclose_sent(const struct enclose *e)
{
	size_t n = 0;
	for (size_t i = 0; i < e->nfiles; i++)
		n += !e->files[i].noted;
	return n;
}

int64_t enclose_size(const struct enclose *e)
{
	int64_t n = 0;
	for (size_t i = 0; i < e->nfiles; i++)
		n += e->files[i].noted ? 0 : e->files[i].size;
	return n;
}

void enclose_note_above(struct enclose *e, int64_t most)
{
	for (size_t i = 0; i < e->nfiles; i++)
		e->files[i].noted = e->files[i].noted || e->files[i].size > most;
	compose(e);
}

void enclose_note_all(struct enclose *e)
{
	enclose_note_above(e, -1);
}

const struct enclose_file *enclose_part(const struct enclose *e, unsigned part)
{
	for (size_t i = 0; i < e->nfiles && part; i++)
		if (!e->files[i].noted && --part == 0)
			return &e->files[i];
	return NULL;
}

/* ---- writing ---- */

/* Made of the mail's id and octets: nobody can put it into a mail that has it. */
static void put_boundary(const struct enclose *e, unsigned number, struct buf *out)
{
	const struct letter *l = e->letter;
	struct buf id = {0};
	buf_slice(&id, slice_buf(&l->msgid));
	buf_putc(&id, ' ');
	hex_put(&id, l->digest, 64);
	token_boundary(map_keys(l->tools->names), buf_str(&id), number, l->part, out);
	buf_free(&id);
}

static void put_quoted(struct buf *out, const char *s)
{
	buf_putc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *s);
	}
	buf_putc(out, '"');
}

static void text_head(const struct enclose *e, struct buf *out)
{
	buf_printf(out, "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %zu\r\n\r\n", e->text.n);
}

static void file_head(const struct enclose_file *f, struct buf *out)
{
	buf_printf(out, "Content-Type: %s", f->type);
	if (f->a && f->a->charset && is_token(f->a->charset, strlen(f->a->charset)))
		buf_printf(out, ";charset=%s", f->a->charset);
	buf_puts(out, "\r\nContent-Disposition: attachment;filename=");
	put_quoted(out, f->name);
	buf_printf(out, "\r\nContent-Length: %lld\r\n\r\n", (long long)f->size);
}

static bool to_sink(void *ctx, struct slice piece)
{
	struct sink *s = ctx;
	sink_put(s, piece.p, piece.n);
	return !s->error;
}

static void put_mail(const struct letter *l, struct sink *out)
{
	enum { WINDOW = 64 << 10 };
	if (l->fd < 0) {
		sink_buf(out, &l->octets);
		return;
	}
	char *window = xmalloc(WINDOW);
	ssize_t r;
	for (off_t at = 0; !out->error && (r = pread(l->fd, window, WINDOW, at)) > 0; at += r)
		sink_put(out, window, (size_t)r);
	free(window);
}

/* What Content-Length says must be what stands there: a file that ends early, or does not, is a fault of the disk. */
static void put_file(const struct enclose *e, const struct enclose_file *f, struct sink *out)
{
	int64_t before = out->size;
	if (!f->a)
		put_mail(e->letter, out);
	else if (!mail_attachment_read(f->a, to_sink, out) && !out->error)
		out->error = EIO;
	if (!out->error && out->size - before != f->size)
		out->error = EIO;
}

static void put_multipart(const struct enclose *e, struct sink *out)
{
	struct buf head = {0}, boundary = {0};
	put_boundary(e, 1, &boundary);
	buf_printf(&head, "Content-Type: multipart/mixed;boundary=%s\r\n\r\n", boundary.p);
	if (!e->no_text) {
		buf_printf(&head, "--%s\r\n", boundary.p);
		text_head(e, &head);
		buf_slice(&head, slice_buf(&e->text));
		buf_puts(&head, "\r\n");
	}
	sink_buf(out, &head);
	for (size_t i = 0; i < e->nfiles; i++) {
		if (e->files[i].noted)
			continue;
		buf_clear(&head);
		buf_printf(&head, "--%s\r\n", boundary.p);
		file_head(&e->files[i], &head);
		sink_buf(out, &head);
		put_file(e, &e->files[i], out);
		sink_puts(out, "\r\n");
	}
	buf_clear(&head);
	buf_printf(&head, "--%s--\r\n", boundary.p);
	sink_buf(out, &head);
	buf_free(&head), buf_free(&boundary);
}

static void put_message(struct enclose *e, struct sink *out)
{
	struct buf head = {0};
	const struct enclose_file *f = e->mode == ENCLOSE_SEPARATE ? enclose_part(e, e->letter->part) : NULL;
	letter_put_cpim(e->letter, &head);
	if (f) {
		file_head(f, &head);
		sink_buf(out, &head);
		put_file(e, f, out);
	} else if (e->mode == ENCLOSE_INLINE && enclose_sent(e)) {
		sink_buf(out, &head);
		put_multipart(e, out);
	} else {
		text_head(e, &head);
		buf_slice(&head, slice_buf(&e->text));
		sink_buf(out, &head);
	}
	buf_free(&head);
}

static void put_with_list(struct enclose *e, enum letter_list list, const struct buf *boundary, struct sink *out)
{
	struct buf b = {0};
	buf_printf(&b, "--%s\r\nContent-Type: message/cpim\r\n\r\n", boundary->p);
	sink_buf(out, &b);
	put_message(e, out);
	buf_clear(&b);
	buf_printf(&b, "\r\n--%s\r\n", boundary->p);
	letter_put_list(e->letter, list, &b);
	buf_printf(&b, "\r\n--%s--\r\n", boundary->p);
	sink_buf(out, &b);
	buf_free(&b);
}

json_t *enclose_body(struct enclose *e, enum letter_list list, int64_t *size)
{
	struct sink out = {.io = e->letter->tools->io};
	struct buf type = {0}, boundary = {0};
	if (list == LETTER_LIST_NONE) {
		buf_puts(&type, "message/cpim");
		put_message(e, &out);
	} else {
		put_boundary(e, 0, &boundary);
		buf_printf(&type, "multipart/mixed;boundary=%s", boundary.p);
		put_with_list(e, list, &boundary, &out);
	}
	*size = out.size;
	json_t *body = sink_finish(&out, buf_str(&type));
	if (!body)
		e->letter->error = out.error ? out.error : EIO;
	buf_free(&type), buf_free(&boundary);
	return body;
}
