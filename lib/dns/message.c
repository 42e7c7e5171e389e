#include "dns/message.h"

#include <ares.h>
#include <arpa/inet.h>
#include <stdlib.h>

enum {
	HEADER = 12,
	RR_FIXED = 10, /* type, class, TTL, length */
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	CLASS_IN = 1,
	SECTION_MAX = 256, /* records looked at before the message counts as garbage */
	ALIASES_MAX = 16,
	TTL_MAX = 86400,
	TTL_NEGATIVE_MAX = 900,
	TTL_NEGATIVE = 60 /* a negative answer without SOA */
};

struct raw {
	char *owner;
	uint16_t type;
	uint32_t ttl;
	size_t at, n; /* RDATA */
};

struct message {
	const uint8_t *p;
	size_t n;
	struct raw rr[SECTION_MAX];
	size_t answers; /* of the answer section */
	size_t count;	/* with the authority section */
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

struct dns_answer *dns_answer_new(enum dns_status status, uint32_t ttl)
{
	struct dns_answer *a = xcalloc(1, sizeof *a);
	a->status = status;
	a->ttl = ttl;
	a->refs = 1;
	return a;
}

struct dns_rr *dns_answer_add(struct dns_answer *a)
{
	if (a->n == DNS_RR_MAX)
		return NULL;
	a->rr = xrealloc(a->rr, (a->n + 1) * sizeof *a->rr);
	struct dns_rr *rr = &a->rr[a->n++];
	*rr = (struct dns_rr){0};
	return rr;
}

/* The name at *at as text, malloced; *at moves behind it. NULL if it leaves the message. */
static char *take_name(const struct message *m, size_t *at)
{
	char *name, *copy;
	long used;
	if (*at >= m->n || ares_expand_name(m->p + *at, m->p, (int)m->n, &name, &used) != ARES_SUCCESS)
		return NULL;
	*at += (size_t)used;
	copy = xstrdup(*name ? name : ".");
	ares_free_string(name);
	return copy;
}

static bool take_rr(struct message *m, size_t *at)
{
	struct raw *rr = &m->rr[m->count];
	rr->owner = take_name(m, at);
	if (!rr->owner)
		return false;
	m->count++;
	if (m->n - *at < RR_FIXED)
		return false;
	const uint8_t *p = m->p + *at;
	rr->type = get16(p + 2) == CLASS_IN ? get16(p) : 0;
	rr->ttl = get32(p + 4) & 0x80000000u ? 0 : get32(p + 4); /* RFC 2181 8 */
	rr->n = get16(p + 8);
	rr->at = *at + RR_FIXED;
	if (m->n - rr->at < rr->n)
		return false;
	*at = rr->at + rr->n;
	return true;
}

static bool take_sections(struct message *m)
{
	size_t at = HEADER;
	for (unsigned i = get16(m->p + 4); i; i--) {
		char *question = take_name(m, &at);
		free(question);
		if (!question || m->n - at < 4)
			return false;
		at += 4;
	}
	m->answers = get16(m->p + 6);
	size_t all = m->answers + get16(m->p + 8);
	if (all > SECTION_MAX)
		return false;
	while (m->count < all)
		if (!take_rr(m, &at))
			return false;
	return true;
}

/* A <character-string> (RFC 1035 3.3) as text; false at the end of the RDATA. A NUL inside gives NULL: such a rule can
 * say nothing. */
static bool take_string(const struct message *m, size_t *at, size_t end, char **out)
{
	if (*at >= end || end - *at - 1 < m->p[*at])
		return false;
	struct slice s = {(const char *)m->p + *at + 1, m->p[*at]};
	*at += 1 + s.n;
	*out = s.n && memchr(s.p, '\0', s.n) ? NULL : slice_dup(s);
	return true;
}

static bool take_naptr(const struct message *m, const struct raw *raw, struct dns_rr *rr)
{
	size_t at = raw->at + 4, end = raw->at + raw->n;
	if (raw->n < 4)
		return false;
	rr->priority = get16(m->p + raw->at);
	rr->weight = get16(m->p + raw->at + 2);
	if (!take_string(m, &at, end, &rr->flags) || !take_string(m, &at, end, &rr->service) ||
	    !take_string(m, &at, end, &rr->regexp))
		return false;
	rr->name = take_name(m, &at);
	return rr->name && at == end;
}

/* MX and SRV: some 16-bit numbers, then the name. */
static bool take_target(const struct message *m, const struct raw *raw, size_t numbers, struct dns_rr *rr)
{
	size_t at = raw->at + numbers;
	if (raw->n <= numbers)
		return false;
	const uint8_t *p = m->p + raw->at;
	rr->priority = get16(p);
	if (raw->type == DNS_SRV) {
		rr->weight = get16(p + 2);
		rr->port = get16(p + 4);
	}
	rr->name = take_name(m, &at);
	return rr->name && at == raw->at + raw->n;
}

static bool take_address(const struct message *m, const struct raw *raw, struct dns_rr *rr)
{
	bool six = raw->type == DNS_AAAA;
	return raw->n == (six ? 16u : 4u) &&
	       inet_ntop(six ? AF_INET6 : AF_INET, m->p + raw->at, rr->address, sizeof rr->address);
}

static bool take_rdata(const struct message *m, const struct raw *raw, struct dns_rr *rr)
{
	switch (raw->type) {
	case DNS_NAPTR:
		return take_naptr(m, raw, rr);
	case DNS_MX:
		return take_target(m, raw, 2, rr);
	case DNS_SRV:
		return take_target(m, raw, 6, rr);
	default:
		return take_address(m, raw, rr);
	}
}

static void rr_clear(struct dns_rr *rr)
{
	free(rr->name);
	free(rr->flags);
	free(rr->service);
	free(rr->regexp);
}

/* The name at the end of the aliases; *ttl shrinks to the shortest of them. Malloced; NULL on garbage or a loop. */
static char *follow_aliases(const struct message *m, const char *name, uint32_t *ttl)
{
	char *target = xstrdup(name);
	for (int hops = 0; hops < ALIASES_MAX; hops++) {
		size_t i = 0;
		while (i < m->answers && !(m->rr[i].type == TYPE_CNAME && dns_name_same(m->rr[i].owner, target)))
			i++;
		if (i == m->answers)
			return target;
		size_t at = m->rr[i].at;
		free(target);
		target = take_name(m, &at);
		if (!target || at != m->rr[i].at + m->rr[i].n)
			break;
		if (m->rr[i].ttl < *ttl)
			*ttl = m->rr[i].ttl;
	}
	free(target);
	return NULL;
}

static bool after(const struct dns_rr *a, const struct dns_rr *b, enum dns_type type)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return type == DNS_NAPTR && a->weight > b->weight;
}

static void answer_sort(struct dns_answer *a, enum dns_type type)
{
	for (size_t i = 1; i < a->n; i++)
		for (size_t k = i; k && after(&a->rr[k - 1], &a->rr[k], type); k--) {
			struct dns_rr swap = a->rr[k];
			a->rr[k] = a->rr[k - 1];
			a->rr[k - 1] = swap;
		}
}

/* RFC 2308 5: the SOA's own TTL or its last field, the smaller one. */
static uint32_t negative_ttl(const struct message *m)
{
	for (size_t i = m->answers; i < m->count; i++) {
		const struct raw *soa = &m->rr[i];
		if (soa->type != TYPE_SOA || soa->n < 22)
			continue;
		uint32_t minimum = get32(m->p + soa->at + soa->n - 4);
		uint32_t ttl = soa->ttl < minimum ? soa->ttl : minimum;
		return ttl < TTL_NEGATIVE_MAX ? ttl : TTL_NEGATIVE_MAX;
	}
	return TTL_NEGATIVE;
}

/* A NAPTR rule with a NUL in one of its strings is left out. */
static bool rr_usable(const struct dns_rr *rr, enum dns_type type)
{
	return type != DNS_NAPTR || (rr->flags && rr->service && rr->regexp);
}

static bool collect(const struct message *m, enum dns_type type, const char *owner, struct dns_answer *a)
{
	for (size_t i = 0; i < m->answers; i++) {
		const struct raw *raw = &m->rr[i];
		if (raw->type != (uint16_t)type || !dns_name_same(raw->owner, owner))
			continue;
		struct dns_rr *rr = dns_answer_add(a);
		if (!rr)
			break;
		if (!take_rdata(m, raw, rr))
			return false;
		if (!rr_usable(rr, type)) {
			rr_clear(rr);
			a->n--;
			continue;
		}
		if (raw->ttl < a->ttl)
			a->ttl = raw->ttl;
	}
	answer_sort(a, type);
	return true;
}

static struct dns_answer *read_answer(const struct message *m, enum dns_type type, const char *name)
{
	unsigned rcode = m->p[3] & 15;
	struct dns_answer *a = dns_answer_new(DNS_OK, TTL_MAX);
	char *owner = follow_aliases(m, name, &a->ttl);
	if ((rcode != 0 && rcode != 3) || !owner || !collect(m, type, owner, a)) {
		dns_answer_drop(a);
		a = dns_answer_new(DNS_FAILED, 0);
	} else if (a->n == 0) {
		a->status = rcode == 3 ? DNS_NXDOMAIN : DNS_NODATA;
		a->ttl = negative_ttl(m);
	}
	free(owner);
	return a;
}

struct dns_answer *dns_message_parse(const uint8_t *p, size_t n, enum dns_type type, const char *name)
{
	struct message *m = xcalloc(1, sizeof *m);
	struct dns_answer *a = NULL;
	m->p = p;
	m->n = n;
	if (n >= HEADER && n <= UINT16_MAX && p[2] & 0x80 && take_sections(m))
		a = read_answer(m, type, name);
	for (size_t i = 0; i < m->count; i++)
		free(m->rr[i].owner);
	free(m);
	return a ? a : dns_answer_new(DNS_FAILED, 0);
}

const struct dns_answer *dns_answer_keep(const struct dns_answer *a)
{
	((struct dns_answer *)(uintptr_t)a)->refs++;
	return a;
}

void dns_answer_drop(const struct dns_answer *shared)
{
	struct dns_answer *a = (struct dns_answer *)(uintptr_t)shared;
	if (!a || --a->refs)
		return;
	for (size_t i = 0; i < a->n; i++)
		rr_clear(&a->rr[i]);
	free(a->rr);
	free(a);
}
