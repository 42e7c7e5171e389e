/*
 * fields.h - private to lib/sip: the guard in front of the parser, and small tools on header values.
 *
 * Everything works on slices of the message's own text.
 */
#ifndef CPMAIL_SIP_FIELDS_H
#define CPMAIL_SIP_FIELDS_H

#include "sip/message.h"

/*
 * The guard: copy head into m->text line by line, unfolded and each value NUL-terminated, and note the fields. *start:
 * the start line. What is wrong is noted in m->status and m->why (the first finding wins) and skipped, so that an
 * answer can still be made from the rest.
 */
void sip_fields_scan(struct sip_message *m, struct slice head, struct slice *start);

/* Note a finding, unless there is one already. */
void sip_message_fault(struct sip_message *m, int status, const char *why);

/* Position of the first c outside quoted strings and angle brackets, s.n if there is none. */
size_t sip_find_outside(struct slice s, char c);
/* Are all quoted strings closed and angle brackets paired, and no parameter empty (";;", ";,")? */
bool sip_value_balanced(struct slice s);
/* Copy s without the blanks around any of the separators sep, outside quotes; other runs of blanks become one space. */
void sip_squeeze(struct buf *out, struct slice s, const char *sep);
/* Cut the next ";name[=value]" off *params (blanks allowed); false at the end or if there is garbage (*bad). */
bool sip_param_next(struct slice *params, struct slice *name, struct slice *value, bool *bad);
/* Decimal digits only, value up to max; -1 otherwise. */
int64_t sip_number(struct slice s, int64_t max);
/* Absolute URI of printable ASCII without blanks, quotes and angle brackets, with a valid scheme. */
bool sip_uri_sound(struct slice uri);
/* The topmost Via out of the first Via field; false (and empty) if it is not sound. */
bool sip_via_take(struct sip_via *v, struct slice value);
void sip_via_release(struct sip_via *v);

#endif
