/*
 * Fuzz target: a mail through the walk over its parts. The text must be clean UTF-8 within the limit, marks must rise
 * and lie in it, names must be safe, and every attachment must have the octets it says.
 */
#include "base/text.h"
#include "mail/extract.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct mail_text_limits limits = {.parts = 50, .depth = 6, .attachments = 5, .text = 8192};

static bool add(void *ctx, struct slice piece)
{
	*(int64_t *)ctx += (int64_t)piece.n;
	return true;
}

static void check_text(const struct buf *b)
{
	if (!utf8_valid(b->p, b->n) || memchr(b->p, '\0', b->n) || memchr(b->p, '\r', b->n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *why;
	struct mail_text t;
	GMimeMessage *m = mail_message_open((const char *)data, n, -1, &why);
	if (!m)
		return 0;
	mail_text_extract(m, &limits, &t);
	check_text(&t.text);
	check_text(&t.appended);
	if (t.text.n > limits.text || t.n_attachments > (size_t)limits.attachments)
		abort();
	for (size_t i = 0; i < t.n_marks; i++)
		if (t.marks[i].offset > t.text.n || (i && t.marks[i].offset < t.marks[i - 1].offset))
			abort();
	for (size_t i = 0; i < t.n_attachments; i++) {
		const struct mail_attachment *a = &t.attachments[i];
		int64_t size = 0;
		bool whole = mail_attachment_read(a, add, &size);
		if (!*a->name || strchr(a->name, '/') || *a->name == '.' || !strchr(a->type, '/') ||
		    (whole && size != a->size))
			abort();
	}
	mail_text_free(&t);
	g_object_unref(m);
	return 0;
}
