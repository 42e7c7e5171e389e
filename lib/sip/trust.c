#include "sip/trust.h"
#include "sip/fields.h"

#include <stdlib.h>

static bool name_sound(struct slice s)
{
	bool letter = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 32);
		letter |= c >= 'a' && c <= 'z';
		if (!(c >= 'a' && c <= 'z') && !strchr("0123456789.-", s.p[i]))
			return false;
	}
	return letter && s.n < 254;
}

bool sip_trust_add(struct sip_trust *t, const char *text, const char *label)
{
	struct slice rest = slice_trim(slice_of(text)), host;
	struct sip_trust_element e = {.bits = -1};
	bool network;
	struct slice whole = rest;
	host = slice_cut(&rest, '/', &network);
	if (sip_addr_parse(&e.net, host, 0)) {
		int most = e.net.sa.sa_family == AF_INET ? 32 : 128;
		e.bits = network ? (int)sip_number(rest, most) : most;
		if (e.bits < 0)
			return false;
	} else if (network || !name_sound(host)) {
		return false;
	} else {
		e.name = slice_dup(whole);
	}
	if (label && *label)
		e.label = xstrdup(label);
	else if (e.name)
		e.label = xstrdup(e.name);
	t->elements = xrealloc(t->elements, (t->n + 1) * sizeof e);
	t->elements[t->n++] = e;
	return true;
}

static bool inside(const union sip_addr *net, int bits, const union sip_addr *a)
{
	if (net->sa.sa_family != a->sa.sa_family)
		return false;
	bool v4 = net->sa.sa_family == AF_INET;
	const unsigned char *x = v4 ? (const void *)&net->in4.sin_addr : (const void *)&net->in6.sin6_addr;
	const unsigned char *y = v4 ? (const void *)&a->in4.sin_addr : (const void *)&a->in6.sin6_addr;
	if (memcmp(x, y, (size_t)bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((x[bits / 8] ^ y[bits / 8]) >> (8 - bits % 8)) == 0;
}

const struct sip_trust_element *sip_trust_address(const struct sip_trust *t, const union sip_addr *a)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->elements[i].bits >= 0 && inside(&t->elements[i].net, t->elements[i].bits, a))
			return &t->elements[i];
	return NULL;
}

const struct sip_trust_element *sip_trust_name(const struct sip_trust *t, bool (*holds)(void *ctx, const char *name),
					       void *ctx)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->elements[i].name && holds(ctx, t->elements[i].name))
			return &t->elements[i];
	return NULL;
}

void sip_trust_free(struct sip_trust *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->elements[i].name);
		free(t->elements[i].label);
	}
	free(t->elements);
	*t = (struct sip_trust){0};
}
