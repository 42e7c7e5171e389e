/*
 * enclose.h - what the messages of a mail hold: its text, its attachments, in the form that attachment_mode says (7.5,
 * 7.7), wrapped in CPIM (E3) and, with a recipient list (E2), in a multipart.
 *
 * Ownership: a struct enclose owns what was read of the mail; enclose_end() ends it. The letter must live as long.
 * Attachments are read piece by piece when a message is written; only text is ever held.
 */
#ifndef CPMAIL_MAP_ENCLOSE_H
#define CPMAIL_MAP_ENCLOSE_H

#include "mail/extract.h"
#include "map/letter.h"

enum { ENCLOSE_FILES_MAX = 1001 };

/* attachment_mode, in the order of its words. */
enum enclose_mode { ENCLOSE_AUTO, ENCLOSE_INLINE, ENCLOSE_SEPARATE, ENCLOSE_NOTE };

/* An attachment of the recipient in turn. */
struct enclose_file {
	const struct mail_attachment *a; /* NULL: the mail itself (keep_original) */
	const char *name, *type;
	int64_t size;
	bool noted; /* not sent: a line of the text tells of it */
};

struct enclose {
	struct letter *letter;
	GMimeMessage *message;
	struct mail_text walk;
	const char *why; /* the mail cannot be taken apart; static */

	/* for the recipient in turn */
	struct buf said;	/* the text without notes, CRLF */
	struct buf text;	/* with notes */
	bool no_text;		/* there are attachments, and nothing else was written */
	enum enclose_mode mode; /* never ENCLOSE_AUTO */
	struct enclose_file *files;
	size_t nfiles;
};

/* Take the mail apart. false: it cannot be (why), or the blob cannot be read (letter's error). */
bool enclose_begin(struct enclose *e, struct letter *l);
void enclose_end(struct enclose *e);
/* The text and the attachments for the recipient in turn, whose conversation is known by now. */
void enclose_recipient(struct enclose *e);
/* Attachments that are to be sent. */
size_t enclose_sent(const struct enclose *e);
/* Octets of all that are, or of one; each is noted in the text instead if it has more than most. */
int64_t enclose_size(const struct enclose *e);
void enclose_note_above(struct enclose *e, int64_t most);
void enclose_note_all(struct enclose *e);

/*
 * The body object of the message of letter_part(): part 0 is the text (in mode ENCLOSE_INLINE with all attachments), in
 * mode ENCLOSE_SEPARATE part k the k-th attachment that is sent. size: its octets. NULL: a blob failed (letter's
 * error).
 */
json_t *enclose_body(struct enclose *e, enum letter_list list, int64_t *size);
/* The attachment of a part, NULL if there is none. */
const struct enclose_file *enclose_part(const struct enclose *e, unsigned part);

#endif
