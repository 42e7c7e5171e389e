#include "mail/markup.h"

/* clang-format off */
static const struct row {
	const char *attribute, *value; /* value: one of the words of the attribute */
	enum mail_mark_kind kind;
	bool closes;
} rows[] = {
	/* the line that leads in a blockquote */
	{"class", "gmail_attr", MAIL_MARK_ATTRIBUTION, true},
	{"class", "gmail_quote", MAIL_MARK_ATTRIBUTION, false},
	{"class", "moz-cite-prefix", MAIL_MARK_ATTRIBUTION, true},
	{"class", "protonmail_quote", MAIL_MARK_ATTRIBUTION, false},
	{"class", "zmail_extra", MAIL_MARK_ATTRIBUTION, false},
	/* what begins here is the mail that is answered, up to the end of the text or of the element */
	{"id", "divRplyFwdMsg", MAIL_MARK_ORIGINAL, false},
	{"id", "appendonsend", MAIL_MARK_ORIGINAL, false},
	{"id", "stopSpelling", MAIL_MARK_ORIGINAL, false},
	{"id", "zwchr", MAIL_MARK_ORIGINAL, false},
	{"class", "OutlookMessageHeader", MAIL_MARK_ORIGINAL, false},
	{"id", "mail-editor-reference-message-container", MAIL_MARK_ORIGINAL, true},
	{"class", "ms-outlook-mobile-reference-message", MAIL_MARK_ORIGINAL, true},
	{"id", "OLK_SRC_BODY_SECTION", MAIL_MARK_ORIGINAL, true},
	{"id", "isReplyContent", MAIL_MARK_ORIGINAL, true},
	{"class", "yahoo_quoted", MAIL_MARK_ORIGINAL, true},
	{"name", "quote", MAIL_MARK_ORIGINAL, true},
	/* signatures */
	{"class", "gmail_signature", MAIL_MARK_SIGNATURE, true},
	{"class", "gmail_signature_prefix", MAIL_MARK_SIGNATURE, true},
	{"data-smartmail", "gmail_signature", MAIL_MARK_SIGNATURE, true},
	{"class", "moz-signature", MAIL_MARK_SIGNATURE, true},
	{"id", "Signature", MAIL_MARK_SIGNATURE, true},
	{"id", "ms-outlook-mobile-signature", MAIL_MARK_SIGNATURE, true},
	{"class", "protonmail_signature_block", MAIL_MARK_SIGNATURE, true},
	{"id", "composer_signature", MAIL_MARK_SIGNATURE, true},
	{"id", "AppleMailSignature", MAIL_MARK_SIGNATURE, true},
	{"id", "lineBreakAtBeginningOfSignature", MAIL_MARK_SIGNATURE, false},
	{"class", "k9mail-signature", MAIL_MARK_SIGNATURE, true},
	{"class", "io-ox-signature", MAIL_MARK_SIGNATURE, true},
	{"id", "_rc_sig", MAIL_MARK_SIGNATURE, true},
	{"data-marker", "__SIG_PRE__", MAIL_MARK_SIGNATURE, true},
	{"data-marker", "__DIVIDER__", MAIL_MARK_ORIGINAL, false},
};
/* clang-format on */

const char *markup_attribute(const GumboElement *e, const char *name)
{
	GumboAttribute *a = e->attributes.length ? gumbo_get_attribute(&e->attributes, name) : NULL;
	return a ? a->value : NULL;
}

/* Is the word one of those in the list, between blanks? */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);
	while (*list) {
		size_t k = strcspn(list, " \t\r\n");
		if (k == n && memcmp(list, word, n) == 0)
			return true;
		list += k;
		list += strspn(list, " \t\r\n");
	}
	return false;
}

/* Does the style hold the text, blanks in it and letter case apart? */
static bool style_has(const GumboElement *e, const char *want)
{
	const char *style = markup_attribute(e, "style");
	for (; style && *style; style++) {
		if ((*style | 32) != want[0])
			continue;
		const char *s = style, *w = want;
		for (; *s && *w; s++) {
			char c = *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s;
			if (c == *w)
				w++;
			else if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
				break;
		}
		if (!*w)
			return true;
	}
	return false;
}

bool markup_hidden(const GumboElement *e)
{
	return e->attributes.length && (markup_attribute(e, "hidden") || style_has(e, "display:none"));
}

static const struct row *row_of(const GumboAttribute *a)
{
	if (strcmp(a->name, "class") != 0 && strcmp(a->name, "id") != 0 && strcmp(a->name, "name") != 0 &&
	    strncmp(a->name, "data-", 5) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(a->name, rows[i].attribute) == 0 && has_word(a->value, rows[i].value))
			return &rows[i];
	return NULL;
}

bool markup_mark(const GumboElement *e, enum mail_mark_kind *kind, bool *closes)
{
	for (unsigned i = 0; i < e->attributes.length && e->tag != GUMBO_TAG_BLOCKQUOTE; i++) {
		const struct row *row = row_of(e->attributes.data[i]);
		if (!row)
			continue;
		*kind = row->kind;
		*closes = row->closes;
		return true;
	}
	*kind = MAIL_MARK_ORIGINAL; /* Outlook: the header of the quoted mail stands under a thin line */
	*closes = false;
	return e->tag == GUMBO_TAG_DIV && style_has(e, "border-top:solid#") && style_has(e, "padding:3.0pt0");
}
