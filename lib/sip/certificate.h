/*
 * certificate.h - what name a TLS peer's certificate bears, by the rules of SIP (RFC 5922 7.1, 1.16).
 */
#ifndef CPMAIL_SIP_CERTIFICATE_H
#define CPMAIL_SIP_CERTIFICATE_H

#include <openssl/x509.h>
#include <stdbool.h>

/* Does it name this host or domain: a DNS name (no wildcards), or a subjectAltName URI:sip:NAME? Whether it is to be believed is for the
 * caller to ask. */
bool sip_certificate_bears(X509 *cert, const char *name);

#endif
