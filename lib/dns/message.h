/*
 * message.h - the answer section of a DNS message (RFC 1035 4.1) read with every bound checked; c-ares only expands the
 * names.
 *
 * Its own parsers are not used: they lose the TTL and take records of any owner. Here aliases are followed from the
 * name asked for, and only records of the name at their end count.
 */
#ifndef CPMAIL_DNS_MESSAGE_H
#define CPMAIL_DNS_MESSAGE_H

#include "dns/dns.h"

/* The octets of a reply to (type, name). The caller drops the answer. Never NULL. */
struct dns_answer *dns_message_parse(const uint8_t *p, size_t n, enum dns_type type, const char *name);
/* An answer without records, one reference. */
struct dns_answer *dns_answer_new(enum dns_status status, uint32_t ttl);
/* A zeroed record behind the others of an answer that nobody else has yet; NULL at DNS_RR_MAX. */
struct dns_rr *dns_answer_add(struct dns_answer *a);

#endif
