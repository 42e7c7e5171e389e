#include "dns/enum.h"
#include "dns/naptr.h"

#include <stdlib.h>

/* The rules of one domain, and how far they were tried. */
struct level {
	const struct dns_answer *answer;
	size_t next;
};

/* A walk through the tree that non-terminal rules make, by order and preference. A branch that ends nowhere, fails or
 * goes round and round is left, and the next rule of the level above is tried. */
struct search {
	struct dns *dns;
	char *number;
	enum_done *done;
	void *arg;
	struct level level[1 + ENUM_DEPTH_MAX];
	int depth; /* levels in use */
	int questions, rules;
	bool failed; /* a branch could not be looked at */
	bool sip;    /* a SIP URI is wanted, not a mail address */
};

static void got_rules(void *arg, const struct dns_answer *answer);

static void search_end(struct search *s, enum enum_result result, const char *address)
{
	s->done(s->arg, result, address);
	while (s->depth)
		dns_answer_drop(s->level[--s->depth].answer);
	free(s->number);
	free(s);
}

/* One plain sip or sips URI. */
static bool sip_uri(struct buf *out, const char *uri)
{
	size_t n = strlen(uri);
	if ((strncasecmp(uri, "sip:", 4) != 0 && strncasecmp(uri, "sips:", 5) != 0) || n > NAPTR_RESULT_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (uri[i] <= ' ' || uri[i] == 127 || strchr("<>\"", uri[i]))
			return false;
	buf_puts(out, uri);
	return true;
}

static bool apply(struct search *s, const struct dns_rr *rr, struct buf *address)
{
	struct buf uri = {0};
	if (strcasecmp(rr->flags, "u") != 0 || !enum_service(rr->service, s->sip ? "sip" : "email:mailto") ||
	    ++s->rules > ENUM_RULES_MAX)
		return false;
	bool good = naptr_rewrite(&uri, rr->regexp, s->number) && (s->sip ? sip_uri : naptr_mailto)(address, buf_str(&uri));
	buf_free(&uri);
	return good;
}

/* A rule without flags names the domain to go on with (RFC 6116 3.4); its other fields say nothing. */
static bool non_terminal(const struct dns_rr *rr)
{
	return *rr->flags == '\0' && strcmp(rr->name, ".") != 0;
}

static bool descend(struct search *s, const struct dns_rr *rr)
{
	if (s->depth > ENUM_DEPTH_MAX || s->questions == ENUM_QUESTIONS_MAX)
		return false;
	s->questions++;
	dns_ask(s->dns, DNS_NAPTR, rr->name, got_rules, s);
	return true;
}

static void walk(struct search *s)
{
	struct buf address = {0};
	while (s->depth) {
		struct level *l = &s->level[s->depth - 1];
		if (l->next == l->answer->n) {
			dns_answer_drop(l->answer);
			s->depth--;
			continue;
		}
		const struct dns_rr *rr = &l->answer->rr[l->next++];
		if (non_terminal(rr) && descend(s, rr))
			return;
		if (apply(s, rr, &address)) {
			search_end(s, ENUM_FOUND, buf_str(&address));
			buf_free(&address);
			return;
		}
	}
	buf_free(&address);
	search_end(s, s->failed ? ENUM_UNKNOWN : ENUM_NONE, NULL);
}

static void got_rules(void *arg, const struct dns_answer *answer)
{
	struct search *s = arg;
	if (answer->status == DNS_OK)
		s->level[s->depth++] = (struct level){dns_answer_keep(answer), 0};
	else if (answer->status == DNS_FAILED)
		s->failed = true;
	walk(s);
}

static void find(struct dns *d, bool sip, const char *number, const char *suffix, enum_done *done, void *arg)
{
	struct buf domain = {0};
	struct search *s = xcalloc(1, sizeof *s);
	*s = (struct search){.dns = d, .number = xstrdup(number), .done = done, .arg = arg, .questions = 1, .sip = sip};
	/* a number that is none has no domain: the empty name is answered NXDOMAIN like any that cannot exist */
	if (!enum_domain(&domain, number, suffix))
		buf_clear(&domain);
	dns_ask(d, DNS_NAPTR, buf_str(&domain), got_rules, s);
	buf_free(&domain);
}

void enum_find(struct dns *d, const char *number, const char *suffix, enum_done *done, void *arg)
{
	find(d, false, number, suffix, done, arg);
}

void enum_find_sip(struct dns *d, const char *number, const char *suffix, enum_done *done, void *arg)
{
	find(d, true, number, suffix, done, arg);
}
