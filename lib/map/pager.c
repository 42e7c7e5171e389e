#include "map/pager.h"
#include "base/text.h"
#include "base/charset.h"
#include "mail/header.h"
#include "map/body.h"
#include "map/content.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum pager_verdict pager_answer(struct pager *p, int status, const char *reason, const char *why)
{
	p->verdict = PAGER_ANSWER;
	p->status = status;
	p->reason = reason;
	if (why != p->why)
		snprintf(p->why, sizeof p->why, "%s", why);
	return p->verdict;
}

enum pager_verdict pager_trouble(struct pager *p, int error)
{
	p->verdict = PAGER_TROUBLE;
	p->error = error;
	return p->verdict;
}

/* ---- headers ---- */

/* Compact forms (RFC 3261 7.3.3, RFC 3892) of the names that are looked for here. */
static const char *compact(const char *name)
{
	static const char *const row[][2] = {
		{"From", "f"},	      {"To", "t"},	     {"Call-ID", "i"},
		{"Subject", "s"},     {"Content-Type", "c"}, {"Content-Encoding", "e"},
		{"Referred-By", "b"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (strcmp(row[i][0], name) == 0)
			return row[i][1];
	return NULL;
}

static const json_t *find(const struct pager *p, const char *name)
{
	const char *shorter = compact(name);
	size_t i, n = strlen(name);
	json_t *pair;
	json_array_foreach (p->headers, i, pair)
		if (record_header_is(pair, name, n) || (shorter && record_header_is(pair, shorter, 1)))
			return pair;
	return NULL;
}

const char *pager_header(const struct pager *p, const char *name)
{
	return json_string_value(json_array_get(find(p, name), 1));
}

bool pager_header_text(const struct pager *p, const char *name, struct buf *out)
{
	const json_t *pair = find(p, name);
	const char *raw = json_string_value(json_array_get(pair, 2));
	struct buf octets = {0};
	if (raw && base64_get(&octets, raw, strlen(raw))) {
		charset_to_utf8(out, slice_buf(&octets), (struct slice){"", 0});
		buf_free(&octets);
		return true;
	}
	buf_free(&octets);
	json_t *value = json_array_get(pair, 1);
	if (!json_is_string(value))
		return false;
	buf_put(out, json_string_value(value), json_string_length(value));
	return true;
}

/* ---- who ---- */

static void read_party(struct pager *p, const char *name, struct party *to)
{
	const char *value = pager_header(p, name);
	if (value)
		party_read(to, slice_of(value));
}

/* P-Asserted-Identity counts only from inside the trust domain (8.7). */
static void read_asserted(struct pager *p)
{
	static const char name[] = "P-Asserted-Identity";
	if (!record_bool(record_get(p->sip, "peer"), "trusted"))
		return;
	const char *value;
	for (int k = 0; (value = record_header(p->headers, name, k)); k++) {
		struct slice list = slice_of(value), one;
		while (p->npai < PAGER_PAI_MAX && party_next(&list, &one))
			if (party_read(&p->pai[p->npai], one))
				p->npai++;
	}
}

static bool wants_privacy(const struct pager *p)
{
	static const char *const words[] = {"id", "user", "header", "session"};
	const char *value;
	for (int k = 0; (value = record_header(p->headers, "Privacy", k)); k++)
		while (*value) {
			size_t n = strcspn(value, ";, \t");
			for (size_t i = 0; i < sizeof words / sizeof *words; i++)
				if (slice_ieq((struct slice){value, n}, words[i]))
					return true;
			value += n;
			value += strspn(value, ";, \t");
		}
	return p->from.uri && map_is_anonymous(p->from.uri);
}

static bool read_identities(struct pager *p)
{
	const char *uris[PAGER_PAI_MAX];
	read_party(p, "From", &p->from);
	read_party(p, "To", &p->to);
	read_asserted(p);
	for (size_t i = 0; i < p->npai; i++)
		uris[i] = p->pai[i].uri;
	p->private = wants_privacy(p);
	p->originator = map_choose(p->tools->names, uris, p->npai);
	if (!p->originator)
		p->originator = p->from.uri;
	if (!p->private) { /* 2.6: of a private request these are not mapped */
		read_party(p, "Reply-To", &p->reply_to);
		read_party(p, "Referred-By", &p->referred_by);
	}
	return p->from.uri != NULL;
}

/* ---- ids ---- */

void pager_derived_id(const struct pager *p, struct buf *out)
{
	uint8_t sum[SHA256_LEN];
	token_hash(map_keys(p->tools->names), sum, "contr", p->call_id, p->cseq, p->from.tag ? p->from.tag : "", NULL);
	hex_put(out, sum, 32);
}

/* false: the request has none, it was derived. */
static bool read_id(const struct pager *p, const char *name, struct buf *out)
{
	const char *value = pager_header(p, name);
	if (value)
		buf_slice(out, slice_trim(slice_of(value)));
	bool given = out->n > 0;
	if (!given)
		pager_derived_id(p, out);
	return given;
}

static bool read_ids(struct pager *p)
{
	const char *cseq = pager_header(p, "CSeq");
	p->call_id = pager_header(p, "Call-ID");
	if (!p->call_id || !cseq)
		return false;
	snprintf(p->cseq, sizeof p->cseq, "%lu", strtoul(cseq, NULL, 10) & 0xffffffffUL);
	p->conv_given = read_id(p, "Conversation-ID", &p->conv);
	read_id(p, "Contribution-ID", &p->contr);
	p->answered_contr = pager_header(p, "InReplyTo-Contribution-ID");
	if (p->answered_contr && !*p->answered_contr)
		p->answered_contr = NULL;
	token_msgid(map_keys(p->tools->names),
		    &(struct token_message){.kind = TOKEN_STANDALONE,
					    .conv = buf_str(&p->conv),
					    .contr = buf_str(&p->contr),
					    .hidden = p->private},
		    map_mail_domain(p->tools->names), &p->msgid);
	return true;
}

/* Seconds that are left of Expires when the request arrived: relative to Date, else to the arrival (1.3). */
static void read_expires(struct pager *p)
{
	const char *value = pager_header(p, "Expires"), *date = pager_header(p, "Date");
	char *end;
	int64_t from;
	int zone;
	p->expires = -1;
	if (!value || *value < '0' || *value > '9')
		return;
	int64_t seconds = strtoll(value, &end, 10);
	if (seconds > 0xffffffffLL || end == value)
		seconds = 0xffffffffLL;
	if (!date || !mail_date_parse(slice_of(date), &from, &zone) || from > p->received_ms)
		from = p->received_ms;
	int64_t left = (from + seconds * 1000 - p->received_ms) / 1000;
	p->expires = left > 0 ? left : 0;
}

/* Is the CPIM From another user than the one whom the request is from? An anonymous one, with its name, is a habit of
 * clients and says nothing (2.6). */
static void check_cpim_from(struct pager *p)
{
	struct buf theirs = {0}, ours = {0};
	char *uri = slice_dup(p->cpim.from.uri);
	bool same = false, mapped = map_normalise_uri(p->tools->names, uri, &theirs);
	for (size_t i = 0; i <= p->npai && !same; i++) {
		const char *own = i < p->npai ? p->pai[i].uri : p->from.uri;
		buf_clear(&ours);
		same = strcmp(own, uri) == 0 || (mapped && map_normalise_uri(p->tools->names, own, &ours) &&
						 strcmp(buf_str(&ours), buf_str(&theirs)) == 0);
	}
	if (!same && map_is_anonymous(uri))
		p->cpim.from.name.n = 0;
	else
		p->cpim_foreign = !same;
	free(uri);
	buf_free(&theirs), buf_free(&ours);
}

/* ---- the whole ---- */

enum pager_verdict pager_begin(struct pager *p, const struct map_tools *tools, const struct record *in, int64_t now_ms)
{
	*p = (struct pager){.tools = tools, .in = in, .sip = in->member, .now_ms = now_ms, .body_fd = -1};
	p->headers = record_get(in->member, "headers");
	p->received_ms = record_int(in->member, "received", now_ms);
	if (!read_identities(p))
		return pager_answer(p, 400, "Bad From", "no URI in From");
	if (!read_ids(p))
		return pager_answer(p, 400, "Missing Header", "no Call-ID or CSeq");
	read_expires(p);
	if (body_open(p) != PAGER_MAIL || content_plan(p) != PAGER_MAIL)
		return p->verdict;
	if (p->cpim.from.uri.n)
		check_cpim_from(p);
	if (p->expires == 0) {
		p->expired = true;
		return pager_answer(p, 202, "Accepted", "expired on arrival");
	}
	if (!p->content)
		return pager_answer(p, 200, "OK", p->report ? "a report" : "nothing to read");
	return PAGER_MAIL;
}

void pager_end(struct pager *p)
{
	for (size_t i = 0; i < p->npai; i++)
		party_free(&p->pai[i]);
	party_free(&p->from), party_free(&p->to), party_free(&p->reply_to), party_free(&p->referred_by);
	buf_free(&p->conv), buf_free(&p->contr), buf_free(&p->msgid);
	buf_free(&p->in_reply_to), buf_free(&p->references);
	buf_free(&p->talk_references), buf_free(&p->talk_subject);
	buf_free(&p->enum_wanted), buf_free(&p->mail_from), buf_free(&p->author), buf_free(&p->originator_uri);
	content_free(p->content);
	source_end(&p->body);
	if (p->body_fd >= 0)
		close(p->body_fd);
	buf_free(&p->body_octets);
	for (size_t i = 0; i < p->nheld; i++)
		buf_free(&p->held[i]);
	free(p->held);
	cpim_free(&p->cpim);
	lists_free(&p->list);
	for (size_t i = 0; i < p->rcpt.n; i++)
		free(p->rcpt.v[i]);
	for (size_t i = 0; i < p->shown.n; i++)
		free(p->shown.v[i]);
	for (size_t i = 0; i < p->nrefused; i++)
		free(p->refused[i].uri);
	free(p->rcpt.v), free(p->shown.v), free(p->refused);
	*p = (struct pager){.body_fd = -1};
}
