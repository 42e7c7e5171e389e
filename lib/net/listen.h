/*
 * listen.h - what programs that listen share: sockets, descriptors, telling that they are ready.
 *
 * Ownership: descriptors belong to the caller.
 */
#ifndef CPMAIL_NET_LISTEN_H
#define CPMAIL_NET_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* A bound socket that does not block, type SOCK_STREAM (listening) or SOCK_DGRAM; shared: several processes may have the
 * port. -1 with errno. */
int listen_open(const struct sockaddr *a, socklen_t len, int type, bool shared);
/* Begin to listen on a bound socket. false with errno. */
bool listen_begin(int fd);
/* An option of a socket; what the system does not take is logged for the curious only. */
void listen_set(int fd, int level, int name, int value);
/* Accept those that wait, some at a time. false: there are no descriptors left. */
bool listen_accept(int fd, void (*take)(void *ctx, int fd, const struct sockaddr *from), void *ctx);
/* Have as many descriptors as may be had; their number, INT64_MAX: without limit. */
int64_t listen_descriptors(void);
/* --ready-fd: the descriptor named by an option, which ends the program if it is none. */
int listen_ready_option(const char *value);
/* Write the line end that was asked for; fd < 0: by nobody. */
void listen_ready(int fd);

#endif
