/*
 * imdn.h - IMDN reports (RFC 5438): the XML document, read liberally and written exactly, and the CPIM message around
 * it.
 *
 * Ownership: a struct imdn that was read owns its strings (imdn_free()); one that is to be written borrows them.
 * Parsed by expat: a document type is refused, depth and octets are bounded (8.5).
 */
#ifndef CPMAIL_CPIM_IMDN_H
#define CPMAIL_CPIM_IMDN_H

#include "cpim/cpim.h"

enum {
	IMDN_OCTETS_MAX = 256 << 10,
	IMDN_DEPTH_MAX = 20,
	IMDN_VALUE_MAX = 2048,	 /* octets of an id or a URI; a longer one makes the document bad */
	IMDN_DOCUMENTS_MAX = 100 /* in an aggregate */
};

/* NONE: a notification this reader does not know (interworking): nothing follows from it. */
enum imdn_notification { IMDN_NOTE_NONE, IMDN_NOTE_DELIVERY, IMDN_NOTE_PROCESSING, IMDN_NOTE_DISPLAY };

enum imdn_status {
	IMDN_STATUS_NONE, /* unknown, or not one that the notification may have */
	IMDN_DELIVERED,
	IMDN_PROCESSED,
	IMDN_STORED,
	IMDN_DISPLAYED,
	IMDN_FAILED,
	IMDN_FORBIDDEN,
	IMDN_ERROR
};

struct imdn {
	enum imdn_notification notification;
	enum imdn_status status;
	char *message_id;	  /* of the message that is reported */
	char *datetime;		  /* of that message, as it stood; NULL: none */
	char *recipient;	  /* recipient-uri; NULL: none */
	char *original_recipient; /* original-recipient-uri */
};

/*
 * Read one document. Taken beside what RFC 5438 has: another or no namespace, any prefix, unknown elements (ignored),
 * the shape of the drafts (<disposition><delivery/></disposition> beside <status>), a status as text. false, with a
 * reason in why[128]: no such document, no message-id, or a limit passed. On either result imdn_free() is due.
 */
bool imdn_read(struct imdn *i, struct slice xml, char why[128]);
void imdn_free(struct imdn *i);

/*
 * Every IMDN document of a SIP body, its transfer encoding undone: bare message/imdn+xml, wrapped in message/cpim, or
 * an aggregate (multipart/mixed with the disposition notification) bare or wrapped. each() gets the XML and the CPIM
 * header around it (NULL if bare). Returns how many there were; at most IMDN_DOCUMENTS_MAX.
 */
int imdn_documents(struct slice content_type, struct slice disposition, struct slice encoding, struct slice body,
		   void (*each)(void *ctx, struct slice xml, const struct cpim *around), void *ctx);

/* "delivery", "processing", "display"; NULL for NONE. */
const char *imdn_notification_name(enum imdn_notification n);
/* "delivered", ...; NULL for NONE. */
const char *imdn_status_name(enum imdn_status s);
/* The other way round, case-sensitive; NONE if it is no such word. */
enum imdn_notification imdn_notification_of(const char *name);
enum imdn_status imdn_status_of(const char *name);
/* May the notification have this status (table of 1.1)? */
bool imdn_status_fits(enum imdn_notification n, enum imdn_status s);

/* Append the document, CRLF line ends. recipient-uri and original-recipient-uri stand both or not at all: without an
 * original_recipient the recipient is repeated. The status must fit. */
void imdn_write_xml(struct buf *out, const struct imdn *i);

/* The CPIM message around it. */
struct imdn_message {
	const char *from;	   /* URI of the IM's recipient, who reports */
	const char *to_name;	   /* display name of the IM's sender; NULL: none */
	const char *to;		   /* CPIM From of the IM */
	const char *datetime;	   /* now, RFC 3339; NULL: left out (a peer quirk) */
	const char *message_id;	   /* of the report itself (3.12) */
	const char *const *routes; /* imdn.IMDN-Record-Route of the IM, same order; they become imdn.IMDN-Route */
	size_t nroutes;
};

/* Append the body of type message/cpim. */
void imdn_write(struct buf *out, const struct imdn_message *m, const struct imdn *i);

#endif
