/*
 * lists.h - application/resource-lists+xml with the copy control attributes (RFC 4826, 5364): recipients of a message.
 *
 * Ownership: a struct lists owns its entries and their strings; lists_free() ends it. Parsed by expat: a document type
 * is refused, so that no entity of its own can be declared; depth, octets and entries are bounded (8.5).
 */
#ifndef CPMAIL_LISTS_H
#define CPMAIL_LISTS_H

#include "base/buf.h"

enum { LISTS_OCTETS_MAX = 256 << 10, LISTS_DEPTH_MAX = 20, LISTS_ENTRIES_MAX = 500, LISTS_COUNT_MAX = 1000000 };

/* In order of precedence. */
enum lists_copy { COPY_TO, COPY_CC, COPY_BCC };

struct lists_entry {
	char *uri; /* as it stood, entities decoded; may hold any octet but NUL */
	enum lists_copy copy;
	bool anonymize; /* never shown as an address; false for bcc, which beats it */
	int count;	/* recipients that an already anonymised entry stands for; at least 1 */
};

struct lists {
	struct lists_entry *v;
	size_t n;
};

/*
 * Read a document. An entry without copyControl is bcc; of entries with the same URI the first one is kept, with the
 * highest precedence to > cc > bcc (1.4). false, with a reason in why[128], if it is no such document or passes a
 * limit. On either result lists_free() is due.
 */
bool lists_read(struct lists *l, struct slice xml, char why[128]);
void lists_free(struct lists *l);
/* Is the URI one of those that stand for hidden recipients (host anonymous.invalid)? */
bool lists_is_hidden(const struct lists_entry *e);

#endif
