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

/* false: the source has nothing. The slice of *scratch lives until the caller frees it. */
static bool source_value(const struct pager *p, enum map_source source, struct buf *scratch, struct slice *value)
{
	*value = (struct slice){"", 0};
	switch (source) {
	case FROM_NOWHERE:
	case FROM_CLOCK:
	case FROM_CONTENT:
	case FROM_MAIL:
		return true;
	case FROM_PAI:
		*value = text(p->npai ? p->originator : NULL);
		break;
	case FROM_FROM:
		*value = text(p->from.uri);
		break;
	case FROM_REQUEST_URI:
		*value = text(record_str(p->sip, "uri"));
		break;
	case FROM_TO:
		*value = text(p->to.uri);
		break;
	case FROM_LIST:
		return p->list.n > 0;
	case FROM_CPIM_CC:
		return p->cpim.ncc > 0;
	case FROM_REFERRED_BY:
		*value = text(p->referred_by.uri);
		break;
	case FROM_REPLY_TO:
		*value = text(p->reply_to.uri);
		break;
	case FROM_CPIM_DATETIME:
		*value = p->cpim.datetime;
		break;
	case FROM_SIP_DATE:
		*value = text(pager_header(p, "Date"));
		break;
	case FROM_SIP_SUBJECT:
		if (pager_header_text(p, "Subject", scratch))
			*value = slice_buf(scratch);
		break;
	case FROM_CPIM_SUBJECT:
		*value = cpim_subject(p);
		break;
	case FROM_RCPT:
		*value = text(p->rcpt_at < p->rcpt.n ? p->rcpt.v[p->rcpt_at] : NULL);
		break;
	case FROM_IN_REPLY_TO_ID:
		*value = text(p->answered_contr);
		break;
	case FROM_PRIORITY:
		*value = slice_trim(text(pager_header(p, "Priority")));
		break;
	case FROM_EXPIRES:
		return p->expires >= 0;
	case FROM_IMDN_WANTED:
		return p->cpim.wanted != 0;
	case FROM_PRIVACY:
		return p->private;
	case MAP_SOURCES:
		break;
	}
	return value->n > 0;
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
		return !p->private && token_local_form((struct slice){buf_str(&p->mail_from),
								      strcspn(buf_str(&p->mail_from), "@")}) == 'g';
	case IF_DISPLAY_ASKED:
		return p->cpim.wanted & IMDN_DISPLAY &&
		       conf_bool(p->tools->conf, "request_mdn",
				 &(struct conf_scope){.mail = p->rcpt.n ? p->rcpt.v[0] : NULL, .user = p->originator});
	case IF_ANSWER:
		return p->answered_contr != NULL;
	case MAP_WHENS:
		break;
	}
	return false;
}

static bool yields(struct pager *p, const struct map_row *row, struct buf *out)
{
	struct buf scratch = {0};
	struct slice value;
	bool good = row->convert && holds(p, row->when) && source_value(p, row->source, &scratch, &value) &&
		    row->convert(p, value, out);
	buf_free(&scratch);
	return good;
}

bool map_element(struct pager *p, const struct map_row *rows, size_t n, const char *element, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].element, element) == 0 && yields(p, &rows[i], out))
			return true;
	return false;
}

void map_walk(struct pager *p, const struct map_row *rows, size_t n, struct buf *out)
{
	const char *done = NULL;
	for (size_t i = 0; i < n; i++) { /* rows of one element stand together */
		if (done && strcmp(rows[i].element, done) == 0)
			continue;
		if (yields(p, &rows[i], out))
			done = rows[i].element;
	}
}

void map_print(FILE *to, const char *table, const struct map_row *rows, size_t n)
{
	fprintf(to, "%s\n", table);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "  %-28s %c  %-30s %-28s %-24s %s\n", rows[i].element, rows[i].status, source_names[rows[i].source],
			when_names[rows[i].when], rows[i].converter ? rows[i].converter : "never written", rows[i].clause);
}
