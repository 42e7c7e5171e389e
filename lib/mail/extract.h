/*
 * extract.h - the text and the attachments of a received mail (7.5): one walk over its parts.
 *
 * Ownership: a struct mail_text owns its buffers, names and references to the parts it lists (mail_text_free()). The
 * message itself belongs to the caller and, when it was opened from a file, reads from that file as long as it lives:
 * bodies are never held whole, attachments are decoded piece by piece.
 */
#ifndef CPMAIL_MAIL_EXTRACT_H
#define CPMAIL_MAIL_EXTRACT_H

#include "mail/html.h"

#include <gmime/gmime.h>
#include <stdint.h>

/*
 * Parse a mail: n octets at p (copied), or (fd >= 0, duplicated; its offset is then the message's) the file from its
 * start. NULL and a reason in *why (static): it has no header, or a header that is no person's doing: a
 * parameter name in Content-Type or Content-Disposition that is longer than 40 octets or not ASCII (the library's
 * encoder never ends on such a one). Of the header of a mail in memory the message has what begins with Content-; head.h
 * reads the rest. The caller unrefs the message.
 */
GMimeMessage *mail_message_open(const char *p, size_t n, int fd, const char **why);

/* What the walk may do; the caller has it from its configuration. */
struct mail_text_limits {
	int parts;	   /* most parts looked at (max_mime_parts) */
	int depth;	   /* deepest nesting of multiparts and messages (max_mime_depth) */
	int attachments;   /* most attachments listed (max_attachments) */
	size_t text;	   /* octets of UTF-8 text; a longer text part is cut and also listed as an attachment */
	bool human_report; /* of a multipart/report take the part for people as text; else it has none */
	const char *const *blocked; /* blocked_types, NULL-terminated: "exe" is an extension, "application/x-sh" a
				     * media type; may be NULL */
};
/* 200 parts, depth 10, 20 attachments, 1 MiB of text, nothing blocked. */
extern const struct mail_text_limits mail_text_defaults;

/* A part that is no text of the mail. */
struct mail_attachment {
	char *name;	/* safe to show and to save under (8.5), never empty */
	char *type;	/* media type in lower case without parameters, "application/octet-stream" if it had none */
	char *charset;	/* of a text type, as declared; NULL: none */
	char *cid;	/* Content-ID without <>; NULL: none */
	bool is_inline; /* shown within the text: referred to by cid, or Content-Disposition: inline */
	bool blocked;	/* of the types that are not passed on: only to be named */
	int64_t size;	/* octets, decoded */
	GMimeObject *part;
};

/* Why the text is not all there is. */
enum mail_text_loss {
	MAIL_LOSS_CHARSET = 1,	   /* octets that the declared charset does not have became U+FFFD */
	MAIL_LOSS_CUT = 2,	   /* text over limits.text was cut */
	MAIL_LOSS_PARTS = 4,	   /* parts beyond limits.parts or limits.depth were not looked at */
	MAIL_LOSS_ATTACHMENTS = 8, /* attachments beyond limits.attachments were left out: n_left_out */
	MAIL_LOSS_ENCRYPTED = 16,  /* an encrypted part: listed as an attachment, a line in `appended` says so */
};

struct mail_text {
	struct buf text;	 /* what the sender wrote: UTF-8 without NUL, LF line ends; may be empty */
	struct mail_mark *marks; /* what HTML told about the lines of text, by rising offset; for reply.h */
	size_t n_marks;
	bool from_html;
	struct buf appended; /* made by the gateway: messages within the mail, summaries of appointments, what could not
			      * be read. To be put behind the (stripped) text, after an empty line; may be empty */
	unsigned loss;	     /* enum mail_text_loss, or-ed */
	struct mail_attachment *attachments;
	size_t n_attachments;
	size_t n_left_out;
};

/*
 * Part choice of 7.5: of multipart/alternative the plain text if it is not empty, else the last one that can be read;
 * of mixed every inline text, the first one being the body; of related the root; of signed the first, or what an opaque
 * S/MIME signature wraps. A signature, images under 5 KiB that HTML shows by cid, and (but for human_report) the parts
 * of a report are left out. *limits: NULL for the defaults. What cannot be read is in out->loss; the walk itself cannot
 * fail. The texts are in memory up to limits.text, nothing else is.
 */
void mail_text_extract(GMimeMessage *m, const struct mail_text_limits *limits, struct mail_text *out);
void mail_text_free(struct mail_text *t);

/* Takes a piece of a decoded body; false ends the reading. */
typedef bool mail_sink(void *ctx, struct slice piece);
/* The decoded octets of an attachment in pieces of a few KiB. false: the sink or the file refused. */
bool mail_attachment_read(const struct mail_attachment *a, mail_sink *sink, void *ctx);

#endif
