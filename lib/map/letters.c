#include "map/letters.h"

static const char *const source_names[LETTER_SOURCES] = {
	[OF_NOTHING] = "-",
	[OF_RCPT] = "RCPT",
	[OF_STATE] = "conversation",
	[OF_FROM] = "From",
	[OF_SENDER] = "Sender",
	[OF_MAIL_FROM] = "MAIL FROM",
	[OF_REPLY_TO] = "Reply-To",
	[OF_DATE] = "Date",
	[OF_CLOCK] = "now",
	[OF_SUBJECT] = "Subject",
	[OF_MESSAGE_ID] = "Message-ID",
	[OF_PARENT] = "In-Reply-To, References",
	[OF_RECEIVED] = "Received",
	[OF_X_PRIORITY] = "X-Priority",
	[OF_IMPORTANCE] = "Importance",
	[OF_PRIORITY] = "Priority",
	[OF_BY] = "BY",
	[OF_NOTIFY] = "NOTIFY, Disposition-Notif.-To",
	[OF_LIST] = "To, Cc",
	[OF_CONTENT] = "content",
};

static const char *const when_names[LETTER_WHENS] = {
	[IN_ANY_CASE] = "always",	[IF_KNOWN_USER] = "user is remembered", [IF_VERIFIED] = "sender_auth passed",
	[IF_ONE_AUTHOR] = "one author", [IF_ANSWERS] = "parent is known",	[IF_FIRST] = "first, subject_in_text",
	[IF_BY_R] = "BY mode R",	[IF_REPLY_TO] = "map_reply_to",		[IF_LIST_SERVICE] = "list_service_uri",
	[IF_INVITE] = "INVITE",
};

/* subject_in_text, in the order of its words. */
enum { SUBJECT_NEVER, SUBJECT_NEW, SUBJECT_ALWAYS };

static bool subject_wanted(const struct letter *l)
{
	const struct conf_scope scope = letter_scope(l);
	int word = conf_enum(l->tools->conf, "subject_in_text", &scope);
	return l->part == 0 && (word == SUBJECT_ALWAYS || (word == SUBJECT_NEW && !l->known));
}

static bool holds(const struct letter *l, enum letter_when when)
{
	const char *mode = record_str(record_get(l->mail, "by"), "mode");
	switch (when) {
	case IN_ANY_CASE:
		return true;
	case IF_KNOWN_USER:
		return l->uri.n > 0;
	case IF_VERIFIED:
		return l->verified;
	case IF_ONE_AUTHOR:
		return l->from_header;
	case IF_ANSWERS:
		return l->answered.n > 0;
	case IF_FIRST:
		return subject_wanted(l);
	case IF_BY_R:
		return mode && strcmp(mode, "R") == 0;
	case IF_REPLY_TO:
		return conf_bool(l->tools->conf, "map_reply_to", NULL);
	case IF_LIST_SERVICE:
		return l->list_service;
	case IF_INVITE:
	case LETTER_WHENS:
		break;
	}
	return false;
}

static struct slice text(const char *s)
{
	return slice_of(s ? s : "");
}

/* What the source says; empty: nothing. */
static struct slice source_text(const struct letter *l, enum letter_source source)
{
	static const char *const fields[LETTER_SOURCES] = {
		[OF_SENDER] = "Sender",		[OF_REPLY_TO] = "Reply-To", [OF_X_PRIORITY] = "X-Priority",
		[OF_IMPORTANCE] = "Importance", [OF_PRIORITY] = "Priority",
	};
	if (fields[source])
		return mail_head_get(&l->head, fields[source], 0);
	switch (source) {
	case OF_RCPT:
		return text(letter_uri(l));
	case OF_STATE:
		return slice_buf(&l->uri);
	case OF_FROM:
	case OF_MAIL_FROM:
		return slice_buf(&l->from);
	case OF_SUBJECT:
		return slice_buf(&l->subject);
	case OF_MESSAGE_ID:
		return slice_buf(&l->msgid);
	case OF_PARENT:
		return slice_buf(&l->answered);
	default:
		return text(NULL);
	}
}

/* Sources that are there or not, without a text of their own. */
static bool is_there(const struct letter *l, enum letter_source source)
{
	switch (source) {
	case OF_DATE:
		return l->has_date;
	case OF_BY:
		return record_get(l->mail, "by") != NULL;
	case OF_NOTIFY:
		return l->wanted != 0;
	case OF_LIST:
		return l->nlisted > 0;
	default:
		return source == OF_NOTHING || source == OF_CLOCK || source == OF_RECEIVED || source == OF_CONTENT;
	}
}

static bool yields(void *m, const struct map_row *row, struct buf *out)
{
	struct letter *l = m;
	enum letter_source source = (enum letter_source)row->source;
	if (!holds(l, (enum letter_when)row->when))
		return false;
	struct slice value = source_text(l, source);
	return (value.n || is_there(l, source)) && ((letter_converter *)row->convert)(l, value, out);
}

const struct map_family letter_family = {source_names, when_names, yields};

bool letter_uri_angle(struct letter *l, struct slice uri, struct buf *out)
{
	(void)l;
	buf_printf(out, "<%.*s>", (int)uri.n, uri.p);
	return true;
}

void letter_print(FILE *to)
{
	rows_print(to, "E1: mail -> SIP MESSAGE", &letter_family, E1, E1_rows);
	letter_print_list(to);
	rows_print(to, "E3: mail -> CPIM", &letter_family, E3, E3_rows);
}
