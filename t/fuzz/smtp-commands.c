/* Fuzz target: what a client says, whole and in pieces: the same replies, the same mails, nothing smuggled. */
#include "smtp/server/server.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
	struct buf content, mails;
	struct smtpd *s;
};

static enum smtpd_answer sender(void *ctx, struct slice address)
{
	(void)ctx;
	return address.n > 200 ? SMTPD_BAD_ADDRESS : SMTPD_SENDER_OK;
}

static enum smtpd_answer recipient(void *ctx, struct smtpd_recipient *to)
{
	(void)ctx;
	return strchr(to->address, '@') ? SMTPD_RCPT_OK : SMTPD_UNKNOWN_USER;
}

static enum smtpd_answer begin(void *ctx)
{
	(void)ctx;
	return SMTPD_GO_ON;
}

static bool content(void *ctx, const char *p, size_t n)
{
	buf_put(&((struct seen *)ctx)->content, p, n);
	return true;
}

/* What is stored has no CR or LF alone: nobody behind us can be made to see another end. */
static void store(void *ctx)
{
	struct seen *seen = ctx;
	struct buf *c = &seen->content;
	for (size_t i = 0; i < c->n; i++)
		if ((c->p[i] == '\n' && (i == 0 || c->p[i - 1] != '\r')) ||
		    (c->p[i] == '\r' && (i + 1 == c->n || c->p[i + 1] != '\n')))
			abort();
	if (c->n < 2 || memcmp(c->p + c->n - 2, "\r\n", 2) != 0)
		abort();
	if (!seen->s->mail.from || !seen->s->mail.recipients || (int64_t)c->n != seen->s->content.size)
		abort();
	buf_printf(&seen->mails, "%s %zu %zu\n", seen->s->mail.from, seen->s->mail.recipients, c->n);
	buf_put(&seen->mails, seen->s->content.digest, SHA256_LEN);
}

static void forget(void *ctx)
{
	buf_clear(&((struct seen *)ctx)->content);
}

static void refused(void *ctx, enum smtpd_answer a)
{
	(void)ctx;
	if (smtpd_row(a)->code < 400)
		abort();
}

static const struct smtpd_ops ops = {sender, recipient, begin, content, store, forget, refused};

static void converse(const char *p, size_t n, size_t step, unsigned flags, struct buf *out)
{
	struct smtpd_rules rules = {.lmtp = flags & 1, .smtputf8 = flags & 2, .deliverby = true, .starttls = flags & 4,
				    .host = "gw", .max_size = 4000, .max_rcpt = 10, .max_received = 5};
	struct smtpd s;
	struct seen seen = {.s = &s};
	smtpd_begin(&s, &rules, "gw", &ops, &seen);
	for (size_t at = 0; at < n && s.state != SMTPD_CLOSING && s.state != SMTPD_STARTING_TLS;) {
		at += smtpd_feed(&s, p + at, n - at < step ? n - at : step);
		if (s.state == SMTPD_STORING)
			smtpd_settle(&s, SMTPD_QUEUED);
		if (s.line.n > SMTPD_LINE_MAX || s.content.field.n > SMTPD_FIELD_MAX)
			abort();
	}
	buf_slice(out, slice_buf(&s.out));
	buf_slice(out, slice_buf(&seen.mails));
	smtpd_free(&s);
	buf_free(&seen.content);
	buf_free(&seen.mails);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 1)
		return 0;
	const char *p = (const char *)data + 1;
	struct buf whole = {0}, pieces = {0};
	unsigned flags = data[0] & 3; /* what stands behind STARTTLS depends on the pieces */
	converse(p, n - 1, n, flags, &whole);
	converse(p, n - 1, (data[0] >> 3) + 1u, flags, &pieces);
	if (whole.n != pieces.n || (whole.n && memcmp(whole.p, pieces.p, whole.n) != 0))
		abort();
	buf_clear(&whole);
	converse(p, n - 1, n, data[0] & 7, &whole);
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
