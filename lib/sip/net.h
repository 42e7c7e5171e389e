/*
 * net.h - socket addresses of SIP peers and listeners, small enough to be kept per transaction.
 *
 * Plain values, no ownership. IPv4-mapped IPv6 addresses are turned into IPv4 by sip_addr_set(), so that one peer has
 * one form.
 */
#ifndef CPMAIL_SIP_NET_H
#define CPMAIL_SIP_NET_H

#include "base/buf.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

enum sip_transport { SIP_UDP, SIP_TCP, SIP_TLS };

enum { SIP_PORT = 5060, SIP_PORT_TLS = 5061, SIP_ADDR_TEXT = 48 };

union sip_addr {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

/* "udp", "tcp", "tls". */
const char *sip_transport_name(enum sip_transport t);
/* The port that is meant where none is written. */
int sip_transport_port(enum sip_transport t);

/* From what the socket layer gave. */
void sip_addr_set(union sip_addr *a, const struct sockaddr *sa);
/* Numeric IPv4, or IPv6 with or without brackets; false if it is neither. */
bool sip_addr_parse(union sip_addr *a, struct slice host, int port);
socklen_t sip_addr_len(const union sip_addr *a);
int sip_addr_port(const union sip_addr *a);
void sip_addr_set_port(union sip_addr *a, int port);
/* The numeric address without port and brackets. */
const char *sip_addr_text(const union sip_addr *a, char out[SIP_ADDR_TEXT]);
/* Same address, whatever the port. */
bool sip_addr_same_host(const union sip_addr *a, const union sip_addr *b);

/*
 * An element of sip_listen: "udp:127.0.0.1:5060", "tcp:[::1]", "tls:*:5061". Without a transport UDP and TCP are meant
 * (*both), with "*" all addresses of IPv4 (which *a is then) and of IPv6 (*every). False, with the reason, if it is
 * none of these.
 */
bool sip_listen_parse(const char *text, enum sip_transport *t, bool *both, bool *every, union sip_addr *a,
		      const char **why);

#endif
