#include "smtp/wire.h"

#include "base/clock.h"

#include <sys/socket.h>

void wire_cut(struct wire *w, enum wire_fault why)
{
	if (w->fault == WIRE_FINE)
		w->fault = why;
	shutdown(w->fd, SHUT_RDWR);
}

/* ---- what is written ---- */

/* The commands that change what replies mean. Lines of mails never come here, answers of AUTH do: they hold no blank.
 */
static const struct {
	const char *verb;
	enum smtp_at at;
} verbs[] = {
	{"EHLO ", SMTP_AT_HELLO},   {"HELO ", SMTP_AT_HELLO},	  {"STARTTLS\r\n", SMTP_AT_TLS},
	{"AUTH ", SMTP_AT_AUTH},    {"MAIL FROM:", SMTP_AT_MAIL}, {"RCPT TO:", SMTP_AT_RCPT},
	{"DATA\r\n", SMTP_AT_DATA}, {"QUIT\r\n", SMTP_AT_LOCAL},
};

static void wrote(struct wire *w, const char *p, size_t n)
{
	size_t i = 0;
	while (i < sizeof(verbs) / sizeof(verbs[0]) && !slice_istarts((struct slice){p, n}, verbs[i].verb))
		i++;
	w->reply_since_us = 0;
	/* The library takes the first 1023 octets of a line for the whole: what follows would be taken for the next
	 * reply. */
	if (w->reader.long_line && !w->reader.ended)
		wire_cut(w, WIRE_BROKEN);
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		return;
	w->at = verbs[i].at;
	/* The library goes on in the open when no mechanism was accepted. */
	if (w->at == SMTP_AT_MAIL && w->want_auth && !w->authenticated)
		wire_cut(w, WIRE_NO_AUTH);
	/* The answer to QUIT says nothing any more and may never come. */
	if (w->at == SMTP_AT_LOCAL)
		shutdown(w->fd, SHUT_RD);
}

/* ---- what is read ---- */

static const struct {
	const char *word;
	enum wire_keyword bit;
} keywords[] = {
	{"8BITMIME", WIRE_8BITMIME}, {"DSN", WIRE_DSN},	  {"DELIVERBY", WIRE_DELIVERBY},
	{"STARTTLS", WIRE_STARTTLS}, {"AUTH", WIRE_AUTH}, {"SIZE", WIRE_SIZE},
};

static unsigned keywords_of(struct slice text)
{
	unsigned found = 0;
	bool more = true;
	slice_cut(&text, '\n', &more); /* the greeting of the host */
	while (more) {
		struct slice line = slice_cut(&text, '\n', &more);
		bool rest;
		struct slice word = slice_cut(&line, ' ', &rest);
		for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
			if (slice_ieq(word, keywords[i].word))
				found |= keywords[i].bit;
	}
	return found;
}

/*
 * Extensions that the library gets wrong, taken out of the reply before it reads it:
 * ENHANCEDSTATUSCODES, because it gives up on a reply whose lines bear different codes (they stand in the text all the
 * same); CHUNKING and BINARYMIME, because which of two ways a mail takes must not depend on the server, and BDAT ends
 * this monitor; DELIVERBY, because it sends the wrong letter; XUSR and ETRN, because they add commands. A word that is
 * cut by the end of a read escapes; the results stay right, as only its own kinds of trouble come back with it.
 */
static const char *const masked[] = {"ENHANCEDSTATUSCODES", "CHUNKING", "BINARYMIME", "DELIVERBY", "XUSR", "ETRN"};

static void mask(char *p, size_t n)
{
	for (size_t line = 0; line + 5 < n;) {
		struct slice word = {p + line + 4, n - line - 4};
		char *lf = memchr(p + line, '\n', n - line);
		if (strncmp(p + line, "250", 3) == 0)
			for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
				size_t k = strlen(masked[i]);
				if (word.n > k && slice_istarts(word, masked[i]) && strchr(" \r\n", word.p[k]))
					memset(p + line + 4, 'X', k);
			}
		if (!lf)
			return;
		line = (size_t)(lf - p) + 1;
	}
}

static void refused(struct wire *w)
{
	smtp_result_set(&w->refusal, w->at, w->reader.code, NULL, buf_str(&w->reader.text), NULL);
	w->refused_at = w->at;
}

static void hello(struct wire *w, int code)
{
	if (code >= 300) {
		/* 500, 501, 502, 504: the library says HELO. */
		if (code < 500 || code > 504 || code == 503)
			refused(w);
		w->keywords = 0;
		return;
	}
	w->keywords = keywords_of(slice_buf(&w->reader.text));
	if (!w->tls && w->will_start_tls && (w->keywords & WIRE_STARTTLS))
		return;
	if (w->needs_eight_bit && !(w->keywords & WIRE_8BITMIME)) {
		wire_cut(w, WIRE_SEVEN_BIT);
	} else if (w->ready && !w->was_ready) {
		w->was_ready = true;
		w->ready(w->ctx);
	}
}

/* One reply is complete; left: octets that came behind it in the same read. */
static void replied(struct wire *w, size_t left)
{
	int code = w->reader.code;
	switch (w->at) {
	case SMTP_AT_GREETING:
		if (code != 220)
			refused(w);
		break;
	case SMTP_AT_HELLO:
		hello(w, code);
		break;
	case SMTP_AT_TLS:
		/* What follows in clear would be read as if it had come under TLS. */
		if (code == 220 && left)
			wire_cut(w, WIRE_INJECTED);
		else if (code != 220)
			refused(w);
		break;
	case SMTP_AT_AUTH:
		if (code < 300)
			w->authenticated = true;
		else if (code >= 400)
			refused(w);
		break;
	case SMTP_AT_LOCAL:
		break;
	default:
		smtp_result_set(&w->last, w->at, code, NULL, buf_str(&w->reader.text), NULL);
		break;
	}
}

static void was_read(struct wire *w, char *p, size_t n)
{
	int64_t now = clock_mono_us();
	if (!w->reply_since_us)
		w->reply_since_us = now;
	while (n && w->fault == WIRE_FINE) {
		bool done;
		size_t used = smtp_reader_feed(&w->reader, p, n, &done);
		if (w->at == SMTP_AT_HELLO)
			mask(p, used);
		p += used;
		n -= used;
		if (w->reader.broken)
			wire_cut(w, WIRE_BROKEN);
		else if (done)
			replied(w, n);
		if (done) {
			w->reply_since_us = now;
			if (w->reader.long_line)
				wire_cut(w, WIRE_BROKEN);
		}
	}
	/* A peer that sends an octet now and then is never silent for long: the library would wait for ever. */
	if (!w->reader.ended && (w->reader.line.n || w->reader.lines) && now - w->reply_since_us > w->reply_limit_us)
		wire_cut(w, WIRE_SLOW);
}

void wire_monitor(const char *buf, int n, int writing, void *arg)
{
	struct wire *w = arg;
	if (n <= 0 || w->fd < 0)
		return;
	if (writing)
		wrote(w, buf, (size_t)n);
	else
		was_read(w, (char *)(uintptr_t)buf, (size_t)n);
}

void wire_free(struct wire *w)
{
	smtp_reader_free(&w->reader);
	w->fd = -1;
}
