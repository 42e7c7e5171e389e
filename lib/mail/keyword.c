#include "mail/keyword.h"

#include <glib.h>

enum { LINE_MAX_OCTETS = 256 /* a longer line is no keyword */ };

/* What may stand around a keyword: white space, punctuation, quotes of all kinds. */
static size_t edge(struct slice s, bool front)
{
	static const char *const edges[] = {"\"",
					    "'",
					    "*",
					    "`",
					    "\xc2\xa0",
					    "\xe2\x80\x98",
					    "\xe2\x80\x99",
					    "\xe2\x80\x9a",
					    "\xe2\x80\x9c",
					    "\xe2\x80\x9d",
					    "\xe2\x80\x9e",
					    "\xc2\xab",
					    "\xc2\xbb",
					    "\xe3\x80\x8c",
					    "\xe3\x80\x8d",
					    NULL};
	static const char *const behind[] = {".", "!", ",", ";", ":", "\xe3\x80\x82", "\xef\xbc\x81", "\xef\xbc\x8c",
					     NULL};
	if (s.n && strchr(" \t\r\n", front ? s.p[0] : s.p[s.n - 1]))
		return 1;
	for (int list = 0; list < (front ? 1 : 2); list++)
		for (const char *const *e = list ? behind : edges; *e; e++) {
			size_t n = strlen(*e);
			if (s.n >= n && memcmp(front ? s.p : s.p + s.n - n, *e, n) == 0)
				return n;
		}
	return 0;
}

static struct slice trim(struct slice s)
{
	size_t n;
	while ((n = edge(s, true)))
		s.p += n, s.n -= n;
	while ((n = edge(s, false)))
		s.n -= n;
	return s;
}

void mail_keyword_fold(struct buf *out, struct slice word)
{
	word = trim(word);
	char *folded = g_utf8_validate(word.p, (gssize)word.n, NULL) ? g_utf8_casefold(word.p, (gssize)word.n) : NULL;
	char *normal = folded ? g_utf8_normalize(folded, -1, G_NORMALIZE_NFC) : NULL;
	if (normal)
		buf_puts(out, normal);
	else
		buf_slice(out, word);
	g_free(folded);
	g_free(normal);
}

static bool listed(const char *const *list, const char *word)
{
	bool found = false;
	struct buf folded = {0};
	for (; list && *list && !found; list++) {
		buf_clear(&folded);
		mail_keyword_fold(&folded, slice_of(*list));
		found = folded.n && strcmp(buf_str(&folded), word) == 0;
	}
	buf_free(&folded);
	return found;
}

static enum mail_keyword keyword_of(const struct mail_keywords *k, struct slice line)
{
	enum mail_keyword found = MAIL_KEYWORD_NONE;
	struct buf word = {0};
	if (line.n > LINE_MAX_OCTETS)
		return found;
	mail_keyword_fold(&word, line);
	if (!word.n)
		found = MAIL_KEYWORD_NONE;
	else if (listed(k->leave, buf_str(&word)))
		found = MAIL_KEYWORD_LEAVE;
	else if (!k->active && listed(k->reject, buf_str(&word)))
		found = MAIL_KEYWORD_REJECT;
	else if (!k->active && listed(k->accept, buf_str(&word)))
		found = MAIL_KEYWORD_ACCEPT;
	buf_free(&word);
	return found;
}

/* The next line that is not blank; its rest stays in *text. */
static struct slice next_line(struct slice *text)
{
	bool more = true;
	while (text->n && more) {
		struct slice line = slice_trim(slice_cut(text, '\n', &more));
		if (line.n)
			return line;
	}
	return (struct slice){"", 0};
}

enum mail_keyword mail_keyword_find(const struct mail_keywords *k, struct slice text, struct slice subject,
				    struct slice *rest)
{
	struct slice left = text;
	*rest = text;
	struct slice line = next_line(&left);
	if (!line.n)
		return keyword_of(k, mail_subject_plain(subject));
	enum mail_keyword first = keyword_of(k, line);
	if (first == MAIL_KEYWORD_NONE)
		return first;
	*rest = slice_trim(left);
	enum mail_keyword second = keyword_of(k, next_line(&left));
	if (second != MAIL_KEYWORD_NONE && second != first) {
		*rest = text;
		return MAIL_KEYWORD_UNKNOWN;
	}
	return first;
}

/* ---- subjects ---- */

/* Reply and forward prefixes of mail programs, without their colon, in lower case (ASCII) or as written. */
static const char *const prefixes[] = {"re",   "aw",  "sv",    "vs",  "ref",  "rif",	"r",	   "odp",      "antw",
				       "ynt",  "yan", "vá",    "res", "rép",  "réf",	"antwort", "antwoord", "svar",
				       "fw",   "fwd", "wg",    "tr",  "rv",   "enc",	"i",	   "doorst",   "vl",
				       "vb",   "pd",  "ilt",   "İlt", "回复", "回覆",	"答复",	   "转发",     "轉寄",
				       "返信", "Отв", "Ответ", "НА",  "На",   "Пересл", "СП",	   NULL};

/* Octets of "Re:", "RE[2]:", "Re(3):", "回复：" at the start; 0: none. */
static size_t prefix(struct slice s)
{
	for (const char *const *p = prefixes; *p; p++) {
		size_t i = strlen(*p);
		if (!slice_istarts(s, *p))
			continue;
		if (i < s.n && (s.p[i] == '[' || s.p[i] == '(' || s.p[i] == '^'))
			for (i++; i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == ']' || s.p[i] == ')'); i++)
				;
		while (i < s.n && s.p[i] == ' ')
			i++;
		if (i < s.n && s.p[i] == ':')
			return i + 1;
		if (s.n - i >= 3 && memcmp(s.p + i, "\xef\xbc\x9a", 3) == 0)
			return i + 3;
	}
	return 0;
}

struct slice mail_subject_plain(struct slice subject)
{
	size_t n;
	subject = slice_trim(subject);
	while ((n = prefix(subject))) {
		subject.p += n, subject.n -= n;
		subject = slice_trim(subject);
	}
	return subject;
}
