/*
 * connect.h - TCP towards a numeric address, with a deadline.
 */
#ifndef CPMAIL_SMTP_CONNECT_H
#define CPMAIL_SMTP_CONNECT_H

#include <stdbool.h>

/* A connected, non-blocking socket with TCP_NODELAY, to be closed by the caller; -1 with errno (ETIMEDOUT after
 * timeout_ms, EINVAL: not a numeric address or not a port). */
int smtp_connect(const char *address, int port, int timeout_ms);
/* The same without waiting: *pending says that it is not connected yet; when it is writable, smtp_connect_error() tells
 * what came of it. */
int smtp_connect_start(const char *address, int port, bool *pending);
/* 0, or an errno. */
int smtp_connect_error(int fd);

#endif
