/*
 * connect.h - TCP towards a numeric address, with a deadline.
 */
#ifndef CPMAIL_SMTP_CONNECT_H
#define CPMAIL_SMTP_CONNECT_H

/* A connected, non-blocking socket with TCP_NODELAY, to be closed by the caller; -1 with errno (ETIMEDOUT after
 * timeout_ms, EINVAL: not a numeric address or not a port). */
int smtp_connect(const char *address, int port, int timeout_ms);

#endif
