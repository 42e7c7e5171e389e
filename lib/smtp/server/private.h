/*
 * private.h - what the parts of a session know of each other: server.c has commands and states, chunk.c has BDAT.
 *
 * Ownership: as in server.h.
 */
#ifndef CPMAIL_SMTP_SERVER_PRIVATE_H
#define CPMAIL_SMTP_SERVER_PRIVATE_H

#include "smtp/server/server.h"

/* ---- server.c ---- */
/* Reply with the row; too many refusals end the session. */
void smtpd_say(struct smtpd *s, enum smtpd_answer a);
/* The transaction is over. */
void smtpd_forget(struct smtpd *s);
/* The content is whole: refused, or to be stored. */
void smtpd_complete(struct smtpd *s);
/* Octets of a mail, or of a refused chunk, that are read at most. */
int64_t smtpd_patience(const struct smtpd *s);
/* The command is refused with SMTPD_NEEDS_TLS. */
bool smtpd_needs_tls(const struct smtpd *s, enum smtpd_verb v);

/* ---- chunk.c ---- */
/* BDAT: the octets that follow its line are a chunk, also when it is refused. */
void smtpd_bdat(struct smtpd *s, struct slice rest);
/* Take octets of the chunk; returns how many. */
size_t smtpd_feed_chunk(struct smtpd *s, const char *p, size_t n);
/* The mail in hand is lost: what was kept of it is forgotten, until RSET or BDAT LAST only refusals follow. */
void smtpd_chunks_fail(struct smtpd *s);

#endif
