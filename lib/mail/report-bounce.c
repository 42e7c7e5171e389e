#include "base/text.h"
#include "mail/address.h"
#include "mail/head.h"
#include "mail/report-parts.h"

#include <stdlib.h>

/* ---- words ---- */

/* Subjects of what is no failure; lower case. */
static const char *const success_subjects[] = {
	"delivered:",
	"read:",
	"relayed:",
	"return receipt",
	"delivery status notification (success)",
	"delivery notification",
	"successful mail delivery",
	"gelesen:",
	"lu :",
	"le\303\255do:",
	"\xe5\xb7\xb2\xe8\xaf\xbb",
};

/* What says that it is tried again; lower case. */
static const char *const warning_words[] = {
	"warning message only",
	"do not need to resend",
	"no action is required",
	"will be retried",
	"will continue to try",
	"will keep trying",
	"still trying",
	"attempts to deliver the message will continue",
	"not yet been delivered",
	"has not been delivered yet",
	"could not send message for past",
	"delivery is delayed",
	"temporarily delayed",
};
static const char *const warning_subjects[] = {
	"warning: message",	   "delayed mail", "delivery delayed", "delivery status notification (delay)",
	"warning: could not send", "delayed:",
};

enum { LOOK_AT = 8 << 10 }; /* octets of a text in which the words are looked for */

static void put_lower(struct buf *out, struct slice s)
{
	bool blank = false;
	for (size_t i = 0; i < s.n; i++) { /* line ends fall where they will */
		if (strchr(" \t\r\n", s.p[i])) {
			blank = true;
			continue;
		}
		if (blank && out->n)
			buf_putc(out, ' ');
		blank = false;
		buf_putc(out, (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]));
	}
	buf_put(out, "", 0);
}

static bool starts_with_any(struct slice text, const char *const *words, size_t n)
{
	struct buf lower = {0};
	bool found = false;
	put_lower(&lower, text);
	for (size_t i = 0; i < n && !found; i++)
		found = strncmp(buf_str(&lower), words[i], strlen(words[i])) == 0;
	buf_free(&lower);
	return found;
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

bool report_is_success(struct slice subject)
{
	return starts_with_any(subject, success_subjects, COUNT(success_subjects));
}

bool report_is_warning(struct slice subject, struct slice text)
{
	struct buf lower = {0};
	bool found = starts_with_any(subject, warning_subjects, COUNT(warning_subjects));
	if (text.n > LOOK_AT)
		text.n = LOOK_AT;
	put_lower(&lower, text);
	for (size_t i = 0; i < COUNT(warning_words) && !found; i++)
		found = strstr(buf_str(&lower), warning_words[i]) != NULL;
	buf_free(&lower);
	return found;
}

/* ---- ids ---- */

static bool id_octet(char ch)
{
	unsigned char c = (unsigned char)ch;
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("._=+-", c));
}

static bool try_id(struct report_work *w, struct slice id)
{
	if (!w->ours || id.n > REPORT_ID_MAX || !w->ours(w->ctx, id))
		return false;
	report_add_id(w, REPORT_BODY, id);
	return true;
}

/* Every x@y of a line: is it ours? "id=x@y" is tried behind its sign as well, for "=" may stand in an id. */
static void ids_of_line(struct report_work *w, struct slice line)
{
	for (size_t at = 0; at < line.n;) {
		const char *p = memchr(line.p + at, '@', line.n - at);
		if (!p)
			return;
		size_t i = (size_t)(p - line.p), from = i, to = i + 1;
		while (from > at && id_octet(line.p[from - 1]))
			from--;
		while (to < line.n && id_octet(line.p[to]))
			to++;
		while (to > i + 1 && line.p[to - 1] == '.')
			to--;
		struct slice id = {line.p + from, to - from};
		const char *sign = memchr(id.p, '=', id.n);
		if (!try_id(w, id) && sign)
			try_id(w, (struct slice){sign + 1, id.n - (size_t)(sign + 1 - id.p)});
		at = to;
	}
}

/* A line without quote marks and blanks in front. */
static struct slice unquoted(struct slice line)
{
	while (line.n && strchr("> |\t", line.p[0])) {
		line.p++;
		line.n--;
	}
	return line;
}

/* ---- who failed: paragraphs "<address>:" of qmail (QSBMF) and of those that took after it ---- */

static bool qsbmf_recipient(struct report_work *w, struct slice line, struct report_recipient **now)
{
	struct mail_address a;
	line = slice_trim(line);
	if (line.n < 4 || line.p[0] != '<' || line.p[line.n - 1] != ':' || line.p[line.n - 2] != '>')
		return false;
	struct slice address = {line.p + 1, line.n - 3};
	if (!mail_address_parse(address, &a))
		return false;
	*now = report_add_recipient(w->r);
	if (*now)
		(*now)->final = report_text(address, REPORT_ADDRESS_MAX);
	return true;
}

static void qsbmf_line(struct report_work *w, struct slice line, struct report_recipient **now)
{
	if (!slice_trim(line).n) {
		*now = NULL;
		return;
	}
	if (qsbmf_recipient(w, line, now) || !*now)
		return;
	struct buf text = {0};
	if ((*now)->diagnostic && strlen((*now)->diagnostic) + 4 > REPORT_TEXT_MAX) /* full, but for a cut character */
		return;
	if ((*now)->diagnostic)
		buf_printf(&text, "%s ", (*now)->diagnostic);
	buf_slice(&text, slice_trim(line));
	free((*now)->diagnostic);
	(*now)->diagnostic = report_text(slice_buf(&text), REPORT_TEXT_MAX);
	buf_free(&text);
}

/*
 * The ids of a returned mail stand in its Message-ID line, or in the prose around it. Those of its References and
 * In-Reply-To are of other mails, which this bounce does not speak of.
 */
void report_scan_text(struct report_work *w, struct slice text)
{
	struct report_recipient *now = NULL;
	bool more = text.n > 0, other = false, copy = !w->prose;
	while (more) {
		struct slice line = slice_cut(&text, '\n', &more), bare = unquoted(line);
		bool folded = bare.n < line.n && (line.p[0] == ' ' || line.p[0] == '\t');
		other = slice_istarts(bare, "references:") || slice_istarts(bare, "in-reply-to:") || (other && folded);
		if (!other)
			ids_of_line(w, bare);
		copy = copy || slice_istarts(bare, "--- ");
		if (!copy)
			qsbmf_line(w, line, &now);
	}
}

/* ---- the block that a bounce stands for ---- */

static void failed_list(struct report *r, struct slice list)
{
	struct mail_mailbox m = {0};
	while (r->nrecipients < REPORT_RECIPIENTS_MAX && mail_mailbox_next(&list, &m)) {
		struct report_recipient *to = m.address.n ? report_add_recipient(r) : NULL;
		if (to)
			to->final = report_text(slice_buf(&m.address), REPORT_ADDRESS_MAX);
	}
	mail_mailbox_free(&m);
}

void report_bounced(struct report *r, struct slice failed_recipients, bool warning)
{
	if (!r->nrecipients)
		failed_list(r, failed_recipients);
	if (!r->nrecipients)
		report_add_recipient(r);
	for (size_t i = 0; i < r->nrecipients; i++) {
		struct report_recipient *to = &r->recipients[i];
		free(to->action), free(to->status);
		to->action = xstrdup(warning ? "delayed" : "failed");
		to->status = xstrdup(warning ? "4.0.0" : "5.0.0");
	}
}
