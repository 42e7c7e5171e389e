/*
 * digest.h - the client's half of digest authentication (RFC 3261 22.4, RFC 7616, RFC 8760; 1.16): a challenge read
 * strictly, and the credentials that answer it.
 *
 * Ownership: a challenge owns its strings; sip_challenge_free() ends it, a zeroed one is empty. No secret is kept.
 */
#ifndef CPMAIL_SIP_DIGEST_H
#define CPMAIL_SIP_DIGEST_H

#include "base/buf.h"

#include <stdint.h>

enum sip_digest_algorithm { SIP_DIGEST_MD5, SIP_DIGEST_SHA256 };

struct sip_challenge {
	char *realm, *nonce, *opaque; /* opaque may be NULL */
	enum sip_digest_algorithm algorithm;
	bool algorithm_named; /* the challenge said which: the answer repeats it */
	bool auth;	      /* qop has "auth" */
	bool stale;
};

/* The value of a WWW-Authenticate or Proxy-Authenticate header. False: no digest, malformed, an algorithm other than
 * MD5 and SHA-256, or a qop without auth; c is empty then. */
bool sip_challenge_parse(struct sip_challenge *c, struct slice value);
void sip_challenge_free(struct sip_challenge *c);

struct sip_credentials {
	const char *user, *password;
	const char *method, *uri; /* of the request, as they stand in it */
	uint32_t nc;		  /* how often this nonce was used, this time included; with qop only */
	const char *cnonce;
};

/* Append the value of an Authorization or Proxy-Authorization header. */
void sip_digest_answer(struct buf *out, const struct sip_challenge *c, const struct sip_credentials *who);
/* The response value alone, hex digits. */
void sip_digest_response(struct buf *out, const struct sip_challenge *c, const struct sip_credentials *who);

#endif
