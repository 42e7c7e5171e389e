/* Command lines: verbs, paths, parameters (RFC 5321 4.1, RFC 3461 4, RFC 2852 4). */
#include "smtp/server/server.h"
#include "base/text.h"

#include <stdlib.h>

enum smtpd_verb smtpd_verb(struct slice line, struct slice *rest)
{
	static const struct {
		const char *name;
		enum smtpd_verb verb;
	} verbs[] = {
		{"HELO", SMTPD_V_HELO}, {"EHLO", SMTPD_V_EHLO},	  {"LHLO", SMTPD_V_LHLO},   {"MAIL", SMTPD_V_MAIL},
		{"RCPT", SMTPD_V_RCPT}, {"DATA", SMTPD_V_DATA},	  {"RSET", SMTPD_V_RSET},   {"NOOP", SMTPD_V_NOOP},
		{"QUIT", SMTPD_V_QUIT}, {"HELP", SMTPD_V_HELP},	  {"VRFY", SMTPD_V_VRFY},   {"EXPN", SMTPD_V_EXPN},
		{"ETRN", SMTPD_V_ABSENT}, {"AUTH", SMTPD_V_ABSENT}, {"BDAT", SMTPD_V_BDAT},
		{"STARTTLS", SMTPD_V_STARTTLS},
	};
	bool more;
	struct slice verb = slice_cut(&line, ' ', &more);
	*rest = slice_trim(line);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (slice_ieq(verb, verbs[i].name))
			return verbs[i].verb;
	return SMTPD_V_NONE;
}

/* The octets up to the > that ends the path; quoted ones do not count. -1: there is none. */
static ssize_t path_end(struct slice s)
{
	bool quoted = false;
	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == '>' && !quoted)
			return (ssize_t)i;
		else if (s.p[i] == '<' && !quoted)
			return -1;
	}
	return -1;
}

/* "@a,@b:" in front is taken and ignored (RFC 5321 appendix C). */
static bool drop_route(struct slice *a)
{
	bool more;
	if (!a->n || a->p[0] != '@')
		return true;
	slice_cut(a, ':', &more);
	return more && a->n;
}

bool smtpd_path(struct slice rest, const char *keyword, struct slice *address, struct slice *params)
{
	size_t k = strlen(keyword);
	if (!slice_istarts(rest, keyword))
		return false;
	struct slice s = slice_trim((struct slice){rest.p + k, rest.n - k});
	if (!s.n || s.p[0] != '<')
		return false;
	s = (struct slice){s.p + 1, s.n - 1};
	ssize_t end = path_end(s);
	if (end < 0)
		return false;
	*address = (struct slice){s.p, (size_t)end};
	*params = (struct slice){s.p + end + 1, s.n - (size_t)end - 1};
	return (!params->n || params->p[0] == ' ') && drop_route(address);
}

/* The next of "KEY=VALUE KEY ..."; 1, 0 at the end, -1: it is none. value.p is NULL without "=". */
static int next_param(struct slice *params, struct slice *key, struct slice *value)
{
	bool more;
	*params = slice_trim(*params);
	if (!params->n)
		return 0;
	struct slice one = slice_cut(params, ' ', &more);
	*key = slice_cut(&one, '=', &more);
	*value = more ? one : (struct slice){NULL, 0};
	for (size_t i = 0; i < key->n; i++)
		if (!(key->p[i] == '-' || (key->p[i] >= '0' && key->p[i] <= '9') ||
		      ((key->p[i] | 32) >= 'a' && (key->p[i] | 32) <= 'z')))
			return -1;
	return key->n && (!more || one.n) ? 1 : -1;
}

/* xtext of at least one octet (RFC 3461 4). */
static bool xtext(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < 33 || c > 126 || c == '=')
			return false;
		if (c != '+')
			continue;
		if (i + 2 >= s.n || hex_value(s.p[i + 1]) < 0 || hex_value(s.p[i + 2]) < 0 || s.p[i + 1] >= 'a' ||
		    s.p[i + 2] >= 'a')
			return false;
		i += 2;
	}
	return s.n > 0;
}

/* Up to most digits; -1: not that. */
static int64_t digits(struct slice s, size_t most)
{
	int64_t v = 0;
	if (!s.n || s.n > most)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

static enum smtpd_answer take_by(struct slice v, struct smtpd_mail *m)
{
	bool more, negative = v.n && v.p[0] == '-';
	struct slice seconds = slice_cut(&v, ';', &more);
	if (negative)
		seconds = (struct slice){seconds.p + 1, seconds.n - 1};
	int64_t n = digits(seconds, 9);
	if (m->by || n < 0 || !more || !(v.n == 1 || (v.n == 2 && (v.p[1] | 32) == 't')))
		return SMTPD_BAD_PARAMETER;
	m->by = true;
	m->by_mode = (char)(v.p[0] & ~32);
	m->by_seconds = negative ? -n : n;
	if (m->by_mode != 'N' && m->by_mode != 'R')
		return SMTPD_BAD_PARAMETER;
	return m->by_mode == 'R' && m->by_seconds <= 0 ? SMTPD_BY_PAST : SMTPD_SENDER_OK;
}

static enum smtpd_answer take_size(const struct smtpd_rules *r, struct slice v)
{
	int64_t size = digits(v, 18);
	if (size < 0)
		return v.n > 18 && v.n <= 20 ? SMTPD_SIZE : SMTPD_BAD_PARAMETER;
	return size > r->max_size ? SMTPD_SIZE : SMTPD_SENDER_OK;
}

static enum smtpd_answer take_word(char **where, struct slice v, const char *one, const char *other)
{
	if (*where || (!slice_ieq(v, one) && !slice_ieq(v, other)))
		return SMTPD_BAD_PARAMETER;
	*where = xstrdup(slice_ieq(v, one) ? one : other);
	return SMTPD_SENDER_OK;
}

static enum smtpd_answer mail_param(const struct smtpd_rules *r, struct slice k, struct slice v, struct smtpd_mail *m)
{
	bool has = v.p != NULL;
	if (slice_ieq(k, "SIZE"))
		return has ? take_size(r, v) : SMTPD_BAD_PARAMETER;
	if (slice_ieq(k, "BODY")) {
		m->eightbit = slice_ieq(v, "8BITMIME");
		return m->eightbit || slice_ieq(v, "7BIT") ? SMTPD_SENDER_OK : SMTPD_BAD_PARAMETER;
	}
	if (slice_ieq(k, "RET"))
		return take_word(&m->ret, v, "FULL", "HDRS");
	if (slice_ieq(k, "ENVID")) {
		if (m->envid || v.n > SMTPD_ENVID_MAX || !xtext(v))
			return SMTPD_BAD_PARAMETER;
		m->envid = slice_dup(v);
		return SMTPD_SENDER_OK;
	}
	if (slice_ieq(k, "BY") && r->deliverby)
		return take_by(v, m);
	if (slice_ieq(k, "SMTPUTF8") && r->smtputf8) {
		m->smtputf8 = true;
		return has ? SMTPD_BAD_PARAMETER : SMTPD_SENDER_OK;
	}
	return SMTPD_UNKNOWN_PARAMETER;
}

enum smtpd_answer smtpd_mail_params(const struct smtpd_rules *r, struct slice params, struct smtpd_mail *m)
{
	struct slice k, v;
	int more;
	while ((more = next_param(&params, &k, &v)) > 0) {
		enum smtpd_answer a = mail_param(r, k, v, m);
		if (a != SMTPD_SENDER_OK)
			return a;
	}
	return more < 0 ? SMTPD_SYNTAX : SMTPD_SENDER_OK;
}

/* NEVER stands alone; no word twice. */
static enum smtpd_answer take_notify(struct slice v, struct smtpd_recipient *to)
{
	static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY", "NEVER"};
	bool more = true;
	if (to->notify)
		return SMTPD_BAD_PARAMETER;
	while (more) {
		struct slice word = slice_cut(&v, ',', &more);
		unsigned bit = 0;
		for (unsigned i = 0; i < 4; i++)
			if (slice_ieq(word, words[i]))
				bit = 1U << i;
		if (!bit || (to->notify & bit))
			return SMTPD_BAD_PARAMETER;
		to->notify |= bit;
	}
	return (to->notify & SMTPD_NEVER) && to->notify != SMTPD_NEVER ? SMTPD_BAD_PARAMETER : SMTPD_RCPT_OK;
}

static enum smtpd_answer take_orcpt(struct slice v, struct smtpd_recipient *to)
{
	bool more;
	struct slice value = v, type = slice_cut(&value, ';', &more);
	if (to->orcpt || v.n > SMTPD_ORCPT_MAX || !more || !type.n || !xtext(type) || !xtext(value))
		return SMTPD_BAD_PARAMETER;
	to->orcpt = slice_dup(v);
	return SMTPD_RCPT_OK;
}

enum smtpd_answer smtpd_rcpt_params(struct slice params, struct smtpd_recipient *to)
{
	struct slice k, v;
	int more;
	while ((more = next_param(&params, &k, &v)) > 0) {
		enum smtpd_answer a = slice_ieq(k, "NOTIFY")  ? take_notify(v, to)
				      : slice_ieq(k, "ORCPT") ? take_orcpt(v, to)
							      : SMTPD_UNKNOWN_PARAMETER;
		if (a != SMTPD_RCPT_OK)
			return a;
	}
	return more < 0 ? SMTPD_SYNTAX : SMTPD_RCPT_OK;
}

void smtpd_recipient_free(struct smtpd_recipient *to)
{
	free(to->address);
	free(to->cpm);
	free(to->orcpt);
	*to = (struct smtpd_recipient){0};
}

void smtpd_mail_free(struct smtpd_mail *m)
{
	for (size_t i = 0; i < m->recipients; i++)
		smtpd_recipient_free(&m->to[i]);
	free(m->to);
	free(m->from);
	free(m->ret);
	free(m->envid);
	*m = (struct smtpd_mail){0};
}
