/*
 * party.h - who stands in a SIP header: From, To, P-Asserted-Identity, Reply-To, Referred-By values taken apart (RFC
 * 3261 20.10).
 *
 * Ownership: a struct party owns its strings; party_free() ends it; a zeroed one is valid and empty.
 */
#ifndef CPMAIL_MAP_PARTY_H
#define CPMAIL_MAP_PARTY_H

#include "base/buf.h"

struct party {
	char *display; /* without quotes and escapes, not yet sanitised; NULL if there is none */
	char *uri;     /* without <>; NULL: no party */
	char *tag;     /* the tag parameter; NULL if there is none */
};

/* name-addr or addr-spec, with or without <>; without <> all parameters belong to the header. false: no URI in it. */
bool party_read(struct party *p, struct slice value);
void party_free(struct party *p);
/* Cut the first element off a comma-separated list; commas in quotes and <> do not count. false at the end. */
bool party_next(struct slice *list, struct slice *one);

#endif
