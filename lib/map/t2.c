#include "base/clock.h"
#include "base/text.h"
#include "mail/address.h"
#include "mail/header.h"
#include "map/content.h"
#include "map/table.h"

#include <stdlib.h>

enum { DAY_MS = 86400000 };

/* ---- Received, Date ---- */

static bool trace(struct pager *p, struct slice unused, struct buf *out)
{
	const json_t *peer = record_get(p->sip, "peer");
	const char *name = record_str(peer, "name");
	(void)unused;
	struct mail_received r = {
		.from = p->private ? NULL
			: name	   ? name
				   : record_str(peer, "address"),
		.by = map_gateway(p->tools->names),
		.with = "SIP",
		.id = p->in->id,
		.ms = p->received_ms,
	};
	mail_header_received(out, &r);
	return true;
}

/* More than a day ahead is a wrong clock: the next source. */
static bool plausible(const struct pager *p, int64_t ms)
{
	return ms <= p->received_ms + DAY_MS;
}

static bool cpim_date(struct pager *p, struct slice value, struct buf *out)
{
	int64_t ms;
	int offset;
	char *s = slice_dup(value);
	bool good = clock_parse_iso(s, &ms, &offset) && plausible(p, ms);
	free(s);
	if (good)
		mail_header_date(out, "Date", ms, offset);
	return good;
}

static bool sip_date(struct pager *p, struct slice value, struct buf *out)
{
	int64_t ms;
	int offset;
	if (!mail_date_parse(value, &ms, &offset) || !plausible(p, ms))
		return false;
	mail_header_date(out, "Date", ms, offset);
	return true;
}

static bool date_now(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	mail_header_date(out, "Date", p->received_ms, 0);
	return true;
}

/* ---- From, Sender, Reply-To ---- */

/* The CPIM From may name the user only where it is the user (cpim_from, 8.7). */
static struct slice cpim_display(const struct pager *p)
{
	enum { VERIFY, TRUST, IGNORE };
	int policy = conf_enum(p->tools->conf, "cpim_from", NULL);
	if (policy == TRUST || (policy == VERIFY && !p->cpim_foreign))
		return p->cpim.from.name;
	return (struct slice){"", 0};
}

static struct slice display_of(const struct pager *p)
{
	for (size_t i = 0; i < p->npai; i++)
		if (p->pai[i].display && p->pai[i].display[0])
			return slice_of(p->pai[i].display);
	if (p->from.display && p->from.display[0])
		return slice_of(p->from.display);
	return cpim_display(p);
}

static bool address_field(struct buf *out, const char *name, struct slice display, struct slice address)
{
	struct mail_field f;
	mail_field_begin(&f, out, name);
	mail_field_address(&f, display, address);
	return mail_field_end(&f);
}

static bool author(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	return address_field(out, "From", display_of(p), slice_buf(&p->author));
}

static bool anonymous(struct pager *p, struct slice unused, struct buf *out)
{
	enum { LITERAL, ALIAS };
	const char *at = strrchr(p->rcpt.v[0], '@');
	int mode = conf_enum(p->tools->conf, "anon_mode", &(struct conf_scope){.domain = at ? at + 1 : NULL});
	(void)unused;
	return address_field(out, "From", SLICE("Anonymous"),
			     mode == ALIAS ? slice_buf(&p->mail_from) : SLICE("anonymous@anonymous.invalid"));
}

static bool sender(struct pager *p, struct slice uri, struct buf *out)
{
	struct buf address = {0};
	char *s = slice_dup(uri);
	bool good = map_to_mail(p->tools->names, s, &address) &&
		    address_field(out, "Sender", (struct slice){"", 0}, slice_buf(&address));
	free(s);
	buf_free(&address);
	return good;
}

static bool reply_to(struct pager *p, struct slice uri, struct buf *out)
{
	struct buf address = {0};
	struct mail_address a;
	char *s = slice_dup(uri);
	bool good =
		map_to_mail(p->tools->names, s, &address) && mail_address_parse(slice_buf(&address), &a) &&
		(map_domain_ours(p->tools->names, a.domain) || conf_bool(p->tools->conf, "reply_to_external", NULL)) &&
		address_field(out, "Reply-To", (struct slice){"", 0}, slice_buf(&address));
	free(s);
	buf_free(&address);
	return good;
}

/* Where the reverse-path has a suffix, replies find the message by it too (2.1). */
static bool reply_suffix(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	return p->mail_from.n != p->author.n &&
	       address_field(out, "Reply-To", (struct slice){"", 0}, slice_buf(&p->mail_from));
}

/* ---- To, Cc ---- */

/* Who wants to be unknown is not shown among the recipients either (2.6). */
static bool is_hidden_originator(struct pager *p, struct slice address)
{
	bool same = false;
	for (size_t i = 0; p->private && i <= p->npai && !same; i++) {
		struct buf own = {0};
		const char *uri = i < p->npai ? p->pai[i].uri : p->from.uri;
		same = map_listed(p->tools->names, uri, &own) && own.n == address.n &&
		       strncasecmp(own.p, address.p, own.n) == 0;
		buf_free(&own);
	}
	return same;
}

/* An address that is not ASCII can stand in a header only where the envelope asks for SMTPUTF8 anyway (1.2). */
static void show(struct pager *p, struct mail_field *f, struct slice address)
{
	if (!p->utf8 && !is_ascii(address.p, address.n))
		return;
	if (!is_hidden_originator(p, address) && !address_set_has(&p->shown, address) &&
	    mail_field_address(f, (struct slice){"", 0}, address))
		address_set_add(&p->shown, address);
}

static void show_uri(struct pager *p, struct mail_field *f, const char *uri)
{
	struct buf address = {0};
	if (map_listed(p->tools->names, uri, &address))
		show(p, f, slice_buf(&address));
	buf_free(&address);
}

/* The list's entries of one kind, and how many of them may not be told. */
static bool listed(struct pager *p, const char *name, enum lists_copy copy, struct buf *out)
{
	struct mail_field f;
	int64_t hidden = 0;
	mail_field_begin(&f, out, name);
	for (size_t i = 0; i < p->list.n; i++) {
		const struct lists_entry *e = &p->list.v[i];
		if (e->copy != copy)
			continue;
		if (e->anonymize || lists_is_hidden(e))
			hidden += e->count;
		else
			show_uri(p, &f, e->uri);
	}
	if (hidden) {
		struct buf phrase = {0};
		buf_printf(&phrase, "%lld undisclosed recipient%s", (long long)hidden, hidden == 1 ? "" : "s");
		mail_field_group(&f, buf_str(&phrase));
		buf_free(&phrase);
	}
	return mail_field_end(&f);
}

static bool list_to(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	return listed(p, "To", COPY_TO, out);
}

static bool list_cc(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	return listed(p, "Cc", COPY_CC, out);
}

static bool cpim_cc(struct pager *p, struct slice unused, struct buf *out)
{
	struct mail_field f;
	(void)unused;
	mail_field_begin(&f, out, "Cc");
	for (size_t i = 0; i < p->cpim.ncc && i < PAGER_ADDRESSES_MAX; i++) {
		char *uri = slice_dup(p->cpim.cc[i].uri);
		show_uri(p, &f, uri);
		free(uri);
	}
	return mail_field_end(&f);
}

static bool show_one(struct pager *p, struct slice address, struct buf *out)
{
	struct mail_field f;
	mail_field_begin(&f, out, "To");
	show(p, &f, address);
	return mail_field_end(&f);
}

static bool sip_to(struct pager *p, struct slice uri, struct buf *out)
{
	struct buf address = {0};
	char *s = slice_dup(uri);
	bool good =
		map_from_request_uri(p->tools->names, s, &address) == MAP_OK && show_one(p, slice_buf(&address), out);
	free(s);
	buf_free(&address);
	return good;
}

static bool recipient(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	return show_one(p, slice_of(p->rcpt.v[0]), out);
}

/* Neither To nor Cc has anything to show. */
static bool undisclosed(struct pager *p, struct slice unused, struct buf *out)
{
	struct buf cc = {0};
	struct mail_field f;
	size_t shown = p->shown.n;
	bool some = (p->list_kind != LIST_NONE && list_cc(p, unused, &cc)) ||
		    (!p->private && p->cpim.ncc && cpim_cc(p, unused, &cc));
	while (p->shown.n > shown)
		free(p->shown.v[--p->shown.n]);
	buf_free(&cc);
	if (some)
		return false;
	mail_field_begin(&f, out, "To");
	mail_field_group(&f, "undisclosed-recipients");
	return mail_field_end(&f);
}

/* ---- the conversation ---- */

/* Has the e-mail user written in it? Looked up once, and only for a mail that could say so. */
static bool talk_known(struct pager *p)
{
	if (!p->talk_asked && p->conv_given && p->rcpt.n == 1 && p->tools->conversation)
		p->talk_known = p->tools->conversation(p->tools->thread_ctx, buf_str(&p->conv), p->rcpt.v[0],
						       p->private, &p->talk_references, &p->talk_subject);
	p->talk_asked = true;
	return p->talk_known;
}

/* A message seldom has a Subject; some mail programs keep mails of different Subjects apart whatever they refer to. */
static bool talk_subject(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	if (!conf_bool(p->tools->conf, "reply_subject", NULL) || !talk_known(p))
		return false;
	struct slice s = slice_trim(slice_buf(&p->talk_subject));
	struct buf text = {0};
	while (slice_istarts(s, "re:"))
		s = slice_trim((struct slice){s.p + 3, s.n - 3});
	buf_puts(&text, "Re: ");
	buf_slice(&text, s);
	bool good = s.n && mail_header_put(out, "Subject", slice_buf(&text));
	buf_free(&text);
	return good;
}

/* ---- the rest ---- */

static bool subject(struct pager *p, struct slice text, struct buf *out)
{
	(void)p;
	return mail_header_put(out, "Subject", text);
}

static bool message_id(struct pager *p, struct slice unused, struct buf *out)
{
	struct slice id = slice_buf(&p->msgid);
	(void)unused;
	return mail_header_ids(out, "Message-ID", &id, 1);
}

static bool answered(struct pager *p, struct buf *out)
{
	struct slice id = slice_buf(&p->in_reply_to);
	return mail_header_ids(out, "In-Reply-To", &id, 1);
}

/* An id of other privacy than this request's is not taken: it would name who hides (2.6). */
static bool stored_id(struct pager *p, struct slice contr, struct buf *out)
{
	(void)contr;
	if (!p->tools->thread ||
	    !p->tools->thread(p->tools->thread_ctx, p->answered_contr, p->private, &p->in_reply_to, &p->references))
		return false;
	return answered(p, out);
}

static bool computed_id(struct pager *p, struct slice contr, struct buf *out)
{
	char *id = slice_dup(contr);
	token_msgid(map_keys(p->tools->names),
		    &(struct token_message){
			    .kind = TOKEN_STANDALONE, .conv = buf_str(&p->conv), .contr = id, .hidden = p->private},
		    map_mail_domain(p->tools->names), &p->in_reply_to);
	free(id);
	return answered(p, out);
}

/* p->references: ids with blanks between, the one that is answered not among them. */
static bool references(struct pager *p, struct slice unused, struct buf *out)
{
	struct slice ids[PAGER_REFERENCES + 2], rest = slice_buf(&p->references);
	size_t n = 0;
	bool more = true;
	(void)unused;
	while (more && n < PAGER_REFERENCES + 1) {
		struct slice id = slice_trim(slice_cut(&rest, ' ', &more));
		if (id.n)
			ids[n++] = id;
	}
	if (p->in_reply_to.n)
		ids[n++] = slice_buf(&p->in_reply_to);
	return mail_header_ids(out, "References", ids, n);
}

/* No InReplyTo-Contribution-ID, but a conversation in which the e-mail user has written: the mail joins its thread,
 * without saying which mail it answers. */
static bool conversation(struct pager *p, struct slice conv, struct buf *out)
{
	if (!conf_bool(p->tools->conf, "thread_by_conversation", NULL) || !talk_known(p))
		return false;
	buf_slice(&p->references, slice_buf(&p->talk_references));
	return references(p, conv, out);
}

static const struct {
	const char *sip;
	int priority;
	const char *importance;
} priorities[] = {
	{"non-urgent", 5, "low"},
	{"normal", 3, "normal"},
	{"urgent", 1, "high"},
	{"emergency", 1, "high"},
};

enum { PRIORITIES = sizeof priorities / sizeof *priorities };

static bool x_priority(struct pager *p, struct slice value, struct buf *out)
{
	(void)p;
	for (int i = 0; i < PRIORITIES; i++)
		if (slice_ieq(value, priorities[i].sip)) {
			buf_printf(out, "X-Priority: %d\r\n", priorities[i].priority);
			return true;
		}
	return false;
}

static bool importance(struct pager *p, struct slice value, struct buf *out)
{
	if (!conf_bool(p->tools->conf, "importance_header", NULL))
		return false;
	for (int i = 0; i < PRIORITIES; i++)
		if (slice_ieq(value, priorities[i].sip)) {
			buf_printf(out, "Importance: %s\r\n", priorities[i].importance);
			return true;
		}
	return false;
}

/* Exactly the MAIL FROM address: with another one mail programs ask, or refuse (RFC 8098 2.1). */
static bool mail_from(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	return mail_header_angle(out, "Disposition-Notification-To", slice_buf(&p->mail_from));
}

static bool gateway(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	return mail_header_words(out, "X-CPM-Gateway", slice_of(map_gateway(p->tools->names)));
}

static bool mime(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	buf_puts(out, "MIME-Version: 1.0\r\n");
	content_head(p->content, out);
	return true;
}

/* ---- T2 (3.2): MESSAGE -> mail header; in the order in which the fields are written ---- */

/* clang-format off */
const struct map_row T2[] = {
	{"Received",                    'M', FROM_NOWHERE,        ALWAYS,           MAPPED(trace),       "RFC 5321"},
	{"Date",                        'M', FROM_CPIM_DATETIME,  ALWAYS,           MAPPED(cpim_date),   "RFC 3862"},
	{"Date",                        'M', FROM_SIP_DATE,       ALWAYS,           MAPPED(sip_date),    "RFC 3261"},
	{"Date",                        'M', FROM_CLOCK,          ALWAYS,           MAPPED(date_now),    "3.2"},
	{"From",                        'M', FROM_PAI,            IF_OPEN,          MAPPED(author),      "2.1"},
	{"From",                        'M', FROM_FROM,           IF_OPEN,          MAPPED(author),      "2.1"},
	{"From",                        'M', FROM_PRIVACY,        IF_PRIVATE,       MAPPED(anonymous),   "2.6"},
	{"Sender",                      'C', FROM_REFERRED_BY,    IF_GROUP_FROM,    MAPPED(sender),      "2.5"},
	{"Sender",                      'C', FROM_FROM,           IF_GROUP_FROM,    MAPPED(sender),      "2.5"},
	{"Reply-To",                    'O', FROM_REPLY_TO,       IF_OPEN,          MAPPED(reply_to),    "3.2"},
	{"Reply-To",                    'O', FROM_NOWHERE,        IF_OPEN,          MAPPED(reply_suffix), "2.1"},
	{"To",                          'C', FROM_LIST,           IF_LIST,          MAPPED(list_to),     "1.4"},
	{"To",                          'C', FROM_TO,             IF_NO_LIST,       MAPPED(sip_to),      "2.4"},
	{"To",                          'C', FROM_REQUEST_URI,    IF_NO_LIST,       MAPPED(recipient),   "2.4"},
	{"To",                          'C', FROM_NOWHERE,        ALWAYS,           MAPPED(undisclosed), "3.2"},
	{"Cc",                          'C', FROM_LIST,           IF_LIST,          MAPPED(list_cc),     "1.4"},
	{"Cc",                          'C', FROM_CPIM_CC,        IF_OPEN,          MAPPED(cpim_cc),     "3.2"},
	{"Bcc",                         '-', FROM_LIST,           IF_LIST,          NULL, NULL,           "RFC 5364"},
	{"Subject",                     'O', FROM_SIP_SUBJECT,    ALWAYS,           MAPPED(subject),     "8.5"},
	{"Subject",                     'O', FROM_CPIM_SUBJECT,   ALWAYS,           MAPPED(subject),     "8.5"},
	{"Subject",                     'O', FROM_CONVERSATION,   ALWAYS,           MAPPED(talk_subject), "3.12"},
	{"Message-ID",                  'M', FROM_NOWHERE,        ALWAYS,           MAPPED(message_id),  "3.12"},
	{"In-Reply-To",                 'C', FROM_IN_REPLY_TO_ID, IF_ANSWER,        MAPPED(stored_id),   "3.12"},
	{"In-Reply-To",                 'C', FROM_IN_REPLY_TO_ID, IF_ANSWER,        MAPPED(computed_id), "3.12"},
	{"References",                  'C', FROM_IN_REPLY_TO_ID, IF_ANSWER,        MAPPED(references),  "3.12"},
	{"References",                  'O', FROM_CONVERSATION,   IF_NO_ANSWER,     MAPPED(conversation), "3.12"},
	{"X-Priority",                  'O', FROM_PRIORITY,       ALWAYS,           MAPPED(x_priority),  "3.2"},
	{"Importance",                  'O', FROM_PRIORITY,       ALWAYS,           MAPPED(importance),  "RFC 2156"},
	{"Disposition-Notification-To", 'C', FROM_IMDN_WANTED,    IF_DISPLAY_ASKED, MAPPED(mail_from),   "RFC 8098"},
	{"X-CPM-Gateway",               'M', FROM_NOWHERE,        ALWAYS,           MAPPED(gateway),     "8.2"},
	{"Auto-Submitted",              'C', FROM_NOWHERE,        ALWAYS,           NULL, NULL,           "8.3"},
	{"X-Auto-Response-Suppress",    'C', FROM_NOWHERE,        ALWAYS,           NULL, NULL,           "8.3"},
	{"MIME-Version",                'M', FROM_CONTENT,        ALWAYS,           MAPPED(mime),         "3.11"},
};
/* clang-format on */
const size_t T2_rows = sizeof T2 / sizeof *T2;
