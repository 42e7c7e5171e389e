#include "map/table.h"

static const char *const source_names[MAP_SOURCES] = {
	[FROM_NOWHERE] = "-",
	[FROM_PAI] = "P-Asserted-Identity",
	[FROM_FROM] = "From",
	[FROM_REQUEST_URI] = "Request-URI",
	[FROM_TO] = "To",
	[FROM_LIST] = "resource-lists",
	[FROM_CPIM_CC] = "CPIM cc",
	[FROM_REFERRED_BY] = "Referred-By",
	[FROM_REPLY_TO] = "Reply-To",
	[FROM_CPIM_DATETIME] = "CPIM DateTime",
	[FROM_SIP_DATE] = "Date",
	[FROM_CLOCK] = "now",
	[FROM_SIP_SUBJECT] = "Subject",
	[FROM_CPIM_SUBJECT] = "CPIM Subject",
	[FROM_RCPT] = "recipient",
	[FROM_IN_REPLY_TO_ID] = "InReplyTo-Contribution-ID",
	[FROM_CONVERSATION] = "Conversation-ID",
	[FROM_PRIORITY] = "Priority",
	[FROM_EXPIRES] = "Expires",
	[FROM_IMDN_WANTED] = "imdn.Disposition-Notification",
	[FROM_PRIVACY] = "Privacy",
	[FROM_CONTENT] = "content",
	[FROM_MAIL] = "finished mail",
};

static const char *const when_names[MAP_WHENS] = {
	[ALWAYS] = "always",
	[IF_OPEN] = "not private",
	[IF_PRIVATE] = "private",
	[IF_LIST] = "with a list",
	[IF_NO_LIST] = "without a list",
	[IF_EXPLODE] = "recipient-list",
	[IF_NOT_EXPLODE] = "no recipient-list",
	[IF_GROUP_FROM] = "From is a group",
	[IF_DISPLAY_ASKED] = "display asked, request_mdn",
	[IF_ANSWER] = "InReplyTo present",
	[IF_NO_ANSWER] = "no InReplyTo",
};

static struct slice text(const char *s)
{
	return slice_of(s ? s : "");
}

/* The first CPIM Subject without a language, else the first of all. */
static struct slice cpim_subject(const struct pager *p)
{
	for (size_t i = 0; i < p->cpim.nsubjects; i++)
		if (!p->cpim.subjects[i].lang.n)
			return p->cpim.subjects[i].text;
	return p->cpim.nsubjects ? p->cpim.subjects[0].text : (struct slice){"", 0};
}

/* Sources that are there or not, without a text of their own. */
static bool is_there(const struct pager *p, enum map_source source)
{
	switch (source) {
	case FROM_LIST:
		return p->list.n > 0;
	case FROM_CPIM_CC:
		return p->cpim.ncc > 0;
	case FROM_EXPIRES:
		return p->expires >= 0;
	case FROM_IMDN_WANTED:
		return p->cpim.wanted != 0;
	case FROM_PRIVACY:
		return p->private;
	default:
		return source == FROM_NOWHERE || source == FROM_CLOCK || source == FROM_CONTENT || source == FROM_MAIL;
	}
}

/* What the source says; empty: nothing. scratch holds it where it had to be made. */
static struct slice source_text(const struct pager *p, enum map_source source, struct buf *scratch)
{
	switch (source) {
	case FROM_PAI:
		return text(p->npai ? p->originator : NULL);
	case FROM_FROM:
		return text(p->from.uri);
	case FROM_REQUEST_URI:
		return text(record_str(p->sip, "uri"));
	case FROM_TO:
		return text(p->to.uri);
	case FROM_REFERRED_BY:
		return text(p->referred_by.uri);
	case FROM_REPLY_TO:
		return text(p->reply_to.uri);
	case FROM_CPIM_DATETIME:
		return p->cpim.datetime;
	case FROM_SIP_DATE:
		return text(pager_header(p, "Date"));
	case FROM_SIP_SUBJECT:
		pager_header_text(p, "Subject", scratch);
		return slice_buf(scratch);
	case FROM_CPIM_SUBJECT:
		return cpim_subject(p);
	case FROM_RCPT:
		return text(p->rcpt_at < p->rcpt.n ? p->rcpt.v[p->rcpt_at] : NULL);
	case FROM_IN_REPLY_TO_ID:
		return text(p->answered_contr);
	case FROM_CONVERSATION:
		return slice_buf(&p->conv);
	case FROM_PRIORITY:
		return slice_trim(text(pager_header(p, "Priority")));
	default:
		return text(NULL);
	}
}

static bool mdn_requested(const struct pager *p)
{
	const char *rcpt = p->rcpt.n ? p->rcpt.v[0] : NULL, *at = rcpt ? strrchr(rcpt, '@') : NULL;
	const struct conf_scope scope = {.domain = at ? at + 1 : NULL, .mail = rcpt};
	return conf_bool(p->tools->conf, "request_mdn", &scope);
}

static bool holds(const struct pager *p, enum map_when when)
{
	switch (when) {
	case ALWAYS:
		return true;
	case IF_OPEN:
		return !p->private;
	case IF_PRIVATE:
		return p->private;
	case IF_LIST:
		return p->list_kind != LIST_NONE;
	case IF_NO_LIST:
		return p->list_kind == LIST_NONE;
	case IF_EXPLODE:
		return p->list_kind == LIST_EXPLODE;
	case IF_NOT_EXPLODE:
		return p->list_kind != LIST_EXPLODE;
	case IF_GROUP_FROM:
		return !p->private && token_local_form((struct slice){buf_str(&p->author),
								      strcspn(buf_str(&p->author), "@")}) == 'g';
	case IF_DISPLAY_ASKED:
		return p->cpim.wanted & IMDN_DISPLAY && mdn_requested(p);
	case IF_ANSWER:
		return p->answered_contr != NULL;
	case IF_NO_ANSWER:
		return p->answered_contr == NULL;
	case MAP_WHENS:
		break;
	}
	return false;
}

static bool yields(void *m, const struct map_row *row, struct buf *out)
{
	struct pager *p = m;
	struct buf scratch = {0};
	if (!row->convert || !holds(p, (enum map_when)row->when))
		return false;
	enum map_source source = (enum map_source)row->source;
	struct slice value = source_text(p, source, &scratch);
	bool good = (value.n || is_there(p, source)) && ((pager_converter *)row->convert)(p, value, out);
	buf_free(&scratch);
	return good;
}

static const struct map_family family = {source_names, when_names, yields};

bool map_element(struct pager *p, const struct map_row *rows, size_t n, const char *element, struct buf *out)
{
	return rows_element(&family, p, rows, n, element, out);
}

static void append(void *out, const struct map_row *row, struct slice value)
{
	(void)row;
	buf_slice(out, value);
}

bool map_walk(struct pager *p, const struct map_row *rows, size_t n, struct buf *out)
{
	return rows_each(&family, p, rows, n, append, out);
}

void map_print(FILE *to, const char *table, const struct map_row *rows, size_t n)
{
	rows_print(to, table, &family, rows, n);
}
