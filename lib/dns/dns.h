/*
 * dns.h - DNS questions, many in flight at once, answered through callbacks out of one poll loop.
 *
 * Ownership: a struct dns owns its channel, its cache and what is in flight. An answer is counted: the one handed to a
 * callback lives until the callback returns; dns_answer_keep() makes it live until dns_answer_drop(). Answers are
 * shared and never changed after they were made. Errors are part of the answer (enum dns_status); no function here
 * fails otherwise, except dns_open() on a bad server address.
 */
#ifndef CPMAIL_DNS_H
#define CPMAIL_DNS_H

#include "base/buf.h"

#include <netinet/in.h>
#include <stdint.h>

enum {
	DNS_TIMEOUT_MS = 2000,	 /* one question, all its repetitions included (1.2, 2.7) */
	DNS_IN_FLIGHT_MAX = 256, /* more wait their turn: a burst would only overflow the resolver's socket */
	DNS_RR_MAX = 64,	 /* records of one answer that are looked at */
	DNS_NAME_MAX = 253
};

/* Record types by their number in the protocol. DNS_HOST: the addresses of a configured host name, by the system's
 * rules (hosts file, search list, both families), not only by the DNS. */
enum dns_type { DNS_A = 1, DNS_MX = 15, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35, DNS_HOST = 0x10000 };

enum dns_status {
	DNS_OK,	      /* at least one record of the type */
	DNS_NODATA,   /* the name exists, or an alias leads nowhere, without such a record */
	DNS_NXDOMAIN, /* there is no such name, or it cannot be one */
	DNS_FAILED    /* SERVFAIL, refused, garbage, no answer in time: nothing is known */
};

struct dns_rr {
	uint16_t priority; /* MX preference, SRV priority, NAPTR order */
	uint16_t weight;   /* SRV weight, NAPTR preference */
	uint16_t port;	   /* SRV */
	char *name;	   /* MX and SRV target, NAPTR replacement; "." is the root */
	char *flags;	   /* NAPTR */
	char *service;	   /* NAPTR */
	char *regexp;	   /* NAPTR */
	char address[INET6_ADDRSTRLEN];
};

/* Records are sorted: MX by preference, SRV by priority, NAPTR by order and preference; addresses stand as the resolver
 * gave them. */
struct dns_answer {
	enum dns_status status;
	uint32_t ttl; /* seconds */
	size_t n;
	struct dns_rr *rr;
	int refs;
};

struct dns;
struct conf;

/* server: "192.0.2.1", "192.0.2.1:PORT" or "[2001:db8::1]:PORT", several with commas; NULL or "" = resolv.conf(5). NULL
 * if it is malformed. */
struct dns *dns_open(const char *server);
/* By the knob dns_server; a malformed one ends the process with status 100. */
struct dns *dns_open_configured(const struct conf *c);
/* Calls back, with a failure, for every question that is still open. */
void dns_close(struct dns *d);

/* Ask. done is called once, from dns_wait(), never from within dns_ask(); it may ask again. The name may end in a dot
 * and is compared without case; the same question asked twice goes out once. */
typedef void dns_done(void *arg, const struct dns_answer *answer);
void dns_ask(struct dns *d, enum dns_type type, const char *name, dns_done *done, void *arg);
/* Run until every question, those asked meanwhile included, is answered. */
void dns_wait(struct dns *d);
/* Take what has come in without waiting for it; then run until *wanted is 0 or, at the latest, ms have passed. What is
 * still open goes on in later calls; an answer that comes in between is not lost. */
void dns_wait_for(struct dns *d, const int *wanted, int ms);

const struct dns_answer *dns_answer_keep(const struct dns_answer *a);
void dns_answer_drop(const struct dns_answer *a);

/* ---- names ---- */
/* Letters, digits, hyphen, underscore in labels of 1..63, at most 253 octets, a final dot allowed: can this name be
 * asked for? */
bool dns_name_valid(const char *name);
/* A domain of an address in lower case and A-labels (RFC 5891), without a final dot; false if it cannot be one. */
bool dns_name_ascii(struct buf *out, struct slice domain);
/* Without case and without a final dot. */
bool dns_name_same(const char *a, const char *b);

#endif
