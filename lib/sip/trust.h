/*
 * trust.h - the trust domain (8.7): which peers may assert identities.
 *
 * An element is an address, a network in CIDR form, or a name. A name stands for a TLS peer whose certificate, checked
 * against our CAs, names it. The label is what a mail may say of the peer (Received): the second half of the
 * configuration's pair, or the name itself. Ownership: a struct sip_trust owns its elements; labels live as long as it.
 */
#ifndef CPMAIL_SIP_TRUST_H
#define CPMAIL_SIP_TRUST_H

#include "sip/net.h"

struct sip_trust_element {
	union sip_addr net;
	int bits; /* of net; -1: a name */
	char *name, *label;
};

struct sip_trust {
	struct sip_trust_element *elements;
	size_t n;
};

/* Add an element; label may be NULL. False if the text is neither address, network nor host name. */
bool sip_trust_add(struct sip_trust *t, const char *text, const char *label);
/* The first element an address is in, NULL: not trusted. */
const struct sip_trust_element *sip_trust_address(const struct sip_trust *t, const union sip_addr *a);
/* The first element whose name a certificate carries; holds() asks the TLS layer. */
const struct sip_trust_element *sip_trust_name(const struct sip_trust *t, bool (*holds)(void *ctx, const char *name),
					       void *ctx);
void sip_trust_free(struct sip_trust *t);

#endif
