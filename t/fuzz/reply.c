/*
 * Fuzz target: an answer (the first octet: options), cut. What is left stands in the answer, is never empty if that is
 * not, has no blank line at either end; then its keywords and the same octets as a subject.
 */
#include "base/text.h"
#include "mail/keyword.h"
#include "mail/reply.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const accept_words[] = {"accept", "yes", "join",
					   "stra\xc3\x9f"
					   "e",
					   NULL};
static const char *const reject_words[] = {"reject", "no", NULL};
static const char *const leave_words[] = {"leave", "bye", NULL};

static bool within(struct slice part, struct slice whole)
{
	return part.p >= whole.p && part.n <= whole.n && part.p + part.n <= whole.p + whole.n;
}

static void keywords(struct slice text, struct slice subject)
{
	struct mail_keywords k = {.accept = accept_words, .reject = reject_words, .leave = leave_words};
	struct slice rest;
	if (mail_keyword_find(&k, text, subject, &rest) == MAIL_KEYWORD_NONE && rest.n != text.n)
		abort();
	if (rest.n && !within(rest, text))
		abort();
	if (!within(mail_subject_plain(subject), subject))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf out = {0}, text = {0};
	if (!n)
		return 0;
	utf8_scrub(&text, (const char *)data + 1, n - 1);
	buf_put(&text, "", 0);
	struct mail_mark marks[2] = {{.offset = text.n / 3, .kind = (enum mail_mark_kind)(data[0] & 3)},
				     {.offset = text.n / 2, .kind = (enum mail_mark_kind)(data[0] >> 2 & 3)}};
	struct mail_reply_options o = {.marker = data[0] & 16 ? "== above ==" : NULL,
				       .marks = marks,
				       .n_marks = data[0] & 32 ? 2 : 0,
				       .may_be_empty = data[0] & 64};
	enum mail_reply_result how = data[0] & 128 ? mail_signature_strip(&out, slice_buf(&text), &o)
						   : mail_reply_strip(&out, slice_buf(&text), &o);
	if (out.n > text.n || (how == MAIL_REPLY_EMPTY) != (out.n == 0) || (out.n && strchr(" \n", out.p[out.n - 1])))
		abort();
	if (!utf8_valid(out.p, out.n))
		abort();
	keywords(slice_buf(&out), slice_buf(&text));
	buf_free(&out), buf_free(&text);
	return 0;
}
