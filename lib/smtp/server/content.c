/* The octets behind DATA and BDAT: transparency, the one true end, what the header says of loops, a digest. */
#include "smtp/server/server.h"
#include "base/log.h"

#include <openssl/evp.h>

enum { LINE, TEXT, CR, DOT, DOT_CR };

void smtpd_content_begin(struct smtpd_content *c)
{
	struct smtpd_content kept = {.max = c->max, .gateway = c->gateway, .sink = c->sink, .ctx = c->ctx, .md = c->md};
	buf_free(&c->field);
	*c = kept;
	if (!c->md)
		c->md = EVP_MD_CTX_new();
	if (!c->md || EVP_DigestInit_ex(c->md, EVP_sha256(), NULL) != 1)
		die_temp("out of memory");
}

void smtpd_content_free(struct smtpd_content *c)
{
	EVP_MD_CTX_free(c->md);
	c->md = NULL;
	buf_free(&c->field);
}

static void take_message_id(struct smtpd_content *c, struct slice value)
{
	bool more;
	struct slice id = value;
	slice_cut(&id, '<', &more);
	if (!more)
		return;
	id = slice_cut(&id, '>', &more);
	if (!more || !id.n || id.n >= sizeof c->message_id || c->message_id[0])
		return;
	for (size_t i = 0; i < id.n; i++)
		if ((unsigned char)id.p[i] <= ' ' || (unsigned char)id.p[i] >= 127)
			return;
	memcpy(c->message_id, id.p, id.n);
	c->message_id[id.n] = '\0';
}

static void judge_field(struct smtpd_content *c)
{
	bool more;
	struct slice value = slice_buf(&c->field), name = slice_trim(slice_cut(&value, ':', &more));
	value = slice_trim(value);
	if (more && slice_ieq(name, "Received"))
		c->received++;
	else if (more && slice_ieq(name, "X-CPM-Gateway") && c->gateway)
		c->own_mark |= slice_ieq(value, c->gateway);
	else if (more && slice_ieq(name, "Content-Type"))
		c->report |= slice_istarts(value, "multipart/report");
	else if (more && slice_ieq(name, "Message-ID"))
		take_message_id(c, value);
	buf_clear(&c->field);
}

/* The top header only: inside an attached mail the same fields mean nothing (8.2). */
static void take_header(struct smtpd_content *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n && !c->in_body; i++) {
		if (!c->in_line) {
			if (p[i] != ' ' && p[i] != '\t')
				judge_field(c);
			c->maybe_end = p[i] == '\r';
			c->in_line = true;
		} else if (p[i] == '\n') {
			c->in_line = false;
			c->in_body = c->maybe_end;
		} else {
			c->maybe_end = false;
		}
		if (c->field.n < SMTPD_FIELD_MAX)
			buf_putc(&c->field, p[i]);
	}
	if (c->in_body)
		buf_free(&c->field);
}

static void emit(struct smtpd_content *c, const char *p, size_t n)
{
	if (!n || c->bare || c->nul)
		return;
	c->size += (int64_t)n;
	if (c->size > c->max)
		c->big = true;
	if (!c->in_body)
		take_header(c, p, n);
	if (c->big || c->failed)
		return;
	for (size_t i = 0; i < n && !c->eightbit; i++)
		c->eightbit = (unsigned char)p[i] > 127;
	if (EVP_DigestUpdate(c->md, p, n) != 1 || !c->sink(c->ctx, p, n))
		c->failed = true;
}

void smtpd_content_plain(struct smtpd_content *c, const char *p, size_t n)
{
	c->taken += (int64_t)n;
	c->nul |= memchr(p, '\0', n) != NULL;
	emit(c, p, n);
}

/* The state behind an octet of a line that has begun; a CR or LF alone is a fault, never an end (8.5, smuggling). */
static int behind(struct smtpd_content *c, int at, char o)
{
	if (at == CR || at == DOT_CR) {
		if (o == '\n')
			return LINE;
		c->bare = true;
	} else if (o == '\n') {
		c->bare = true;
	}
	return o == '\r' ? CR : TEXT;
}

size_t smtpd_content_feed(struct smtpd_content *c, const char *p, size_t n, bool *end)
{
	size_t from = 0, i = 0;
	*end = false;
	for (; i < n; i++) {
		char o = p[i];
		c->nul |= o == '\0';
		if (c->at == TEXT && o != '\r' && o != '\n')
			continue;
		if (c->at == LINE && o == '.') {
			emit(c, p + from, i - from);
			from = i + 1;
			c->at = DOT;
		} else if (c->at == DOT && o == '\r') {
			c->at = DOT_CR;
		} else if (c->at == DOT_CR && o == '\n') {
			from = ++i;
			*end = true;
			break;
		} else {
			c->at = behind(c, c->at, o);
		}
	}
	/* behind a dot, the CR is not content until it is known that no end follows: then it was bare anyway */
	size_t to = c->at == DOT_CR && i > from ? i - 1 : i;
	emit(c, p + from, to - from);
	c->taken += (int64_t)i;
	return i;
}

void smtpd_content_chunk(struct smtpd_content *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		c->nul |= p[i] == '\0';
		if (c->at != TEXT || p[i] == '\r' || p[i] == '\n')
			c->at = behind(c, c->at, p[i]);
	}
	c->taken += (int64_t)n;
	emit(c, p, n);
}

void smtpd_content_last(struct smtpd_content *c)
{
	c->bare |= c->at == CR;
	if (c->at == TEXT)
		emit(c, "\r\n", 2);
}

void smtpd_content_finish(struct smtpd_content *c)
{
	if (!c->in_body)
		judge_field(c);
	buf_free(&c->field);
	if (EVP_DigestFinal_ex(c->md, c->digest, NULL) != 1)
		die_temp("out of memory");
}

enum smtpd_answer smtpd_content_fault(const struct smtpd_content *c)
{
	if (c->bare)
		return SMTPD_BARE;
	if (c->nul)
		return SMTPD_CONTENT;
	if (c->big)
		return SMTPD_TOO_BIG;
	return c->failed ? SMTPD_QUEUE_AWAY : SMTPD_QUEUED;
}

enum smtpd_answer smtpd_content_judge(const struct smtpd_content *c, int max_received)
{
	enum smtpd_answer fault = smtpd_content_fault(c);
	if (fault != SMTPD_QUEUED && fault != SMTPD_QUEUE_AWAY)
		return fault;
	if (!c->size)
		return SMTPD_CONTENT;
	if ((c->own_mark && !c->report) || c->received > max_received)
		return SMTPD_LOOP;
	return fault;
}
