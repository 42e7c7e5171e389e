/* CHUNKING (RFC 3030): a mail in counted chunks. */
#include "smtp/server/private.h"
#include "base/text.h"

/* chunk-size [SP "LAST"]; false: where the chunk ends cannot be told. A size beyond every patience is INT64_MAX. */
static bool chunk_size(struct slice rest, int64_t *size, bool *last)
{
	bool more;
	struct slice digits = slice_cut(&rest, ' ', &more);
	*last = more && slice_ieq(slice_trim(rest), "LAST");
	if (!digits.n || (more && !*last))
		return false;
	for (size_t i = 0; i < digits.n; i++)
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
	*size = digits.n > 18 ? INT64_MAX : 0;
	for (size_t i = 0; i < digits.n && digits.n <= 18; i++)
		*size = *size * 10 + (digits.p[i] - '0');
	return true;
}

/* The row for a chunk in this place; SMTPD_GO_ON: its octets are kept. */
static enum smtpd_answer place(struct smtpd *s)
{
	if (smtpd_needs_tls(s, SMTPD_V_BDAT))
		return SMTPD_NEEDS_TLS;
	if (!s->mail.recipients || s->chunks == SMTPD_CHUNKS_FAILED)
		return SMTPD_SEQUENCE;
	return s->chunks == SMTPD_CHUNKS ? SMTPD_GO_ON : s->ops->data(s->ctx);
}

void smtpd_chunks_fail(struct smtpd *s)
{
	s->chunks = SMTPD_CHUNKS_FAILED;
	s->ops->forget(s->ctx);
}

/* Behind the last octet: an answer for the chunk, or for the mail. */
static void chunk_done(struct smtpd *s)
{
	struct smtpd_content *c = &s->content;
	enum smtpd_answer a = s->chunk_answer;
	s->state = SMTPD_COMMANDS;
	s->commands++;
	if (a == SMTPD_GO_ON && s->chunk_last) {
		smtpd_content_last(c);
		smtpd_complete(s);
		return;
	}
	if (a == SMTPD_GO_ON) {
		a = smtpd_content_fault(c);
		if (a == SMTPD_QUEUED)
			a = SMTPD_CHUNK_TAKEN;
	}
	if (a != SMTPD_CHUNK_TAKEN && s->mail.recipients && s->chunk_last) {
		smtpd_settle(s, a); /* LMTP: a reply for each recipient (RFC 2033 4.3) */
		return;
	}
	if (a != SMTPD_CHUNK_TAKEN && s->mail.recipients)
		smtpd_chunks_fail(s);
	smtpd_say(s, a);
}

static void chunk_begin(struct smtpd *s, int64_t size)
{
	struct smtpd_content *c = &s->content;
	if (s->chunks == SMTPD_UNCHUNKED) {
		c->max = s->rules.max_size;
		smtpd_content_begin(c);
		s->chunks = SMTPD_CHUNKS;
	}
	c->big |= size > c->max - c->taken; /* before a single octet of it is kept */
}

void smtpd_bdat(struct smtpd *s, struct slice rest)
{
	int64_t size;
	bool last;
	if (!chunk_size(rest, &size, &last)) {
		smtpd_end(s, SMTPD_CHUNK_SYNTAX);
		return;
	}
	if (!last && size < SMTPD_CHUNK_SMALL && ++s->idling > SMTPD_IDLING_MAX) {
		smtpd_end(s, SMTPD_ERRORS);
		return;
	}
	s->chunk_answer = place(s);
	if (s->chunk_answer == SMTPD_GO_ON)
		chunk_begin(s, size);
	if (size > smtpd_patience(s) - (s->chunk_answer == SMTPD_GO_ON ? s->content.taken : 0)) {
		smtpd_end(s, SMTPD_TOO_BIG);
		return;
	}
	s->chunk = size;
	s->chunk_last = last;
	s->state = SMTPD_CHUNK;
	if (!size)
		chunk_done(s);
}

size_t smtpd_feed_chunk(struct smtpd *s, const char *p, size_t n)
{
	size_t k = (int64_t)n < s->chunk ? n : (size_t)s->chunk;
	if (s->chunk_answer == SMTPD_GO_ON)
		smtpd_content_chunk(&s->content, p, k);
	s->chunk -= (int64_t)k;
	if (!s->chunk)
		chunk_done(s);
	return k;
}
