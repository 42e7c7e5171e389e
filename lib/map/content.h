/*
 * content.h - table 3.11: the content of a message becomes the content of a mail.
 *
 * First a plan, a tree of parts; then it is written. Text is held (it is bounded), everything else is a span of the
 * request's body that is streamed when the mail is written.
 */
#ifndef CPMAIL_MAP_CONTENT_H
#define CPMAIL_MAP_CONTENT_H

#include "base/transfer.h"
#include "mail/body.h"
#include "map/pager.h"
#include "map/table.h"

enum { CONTENT_TEXT_MAX = 1 << 20 /* octets of a text that is re-encoded in memory */ };

/* What the request's body is made of. Slices live while the plan is made. */
struct entity {
	struct slice type, disposition, cte, id; /* values of the MIME header; empty: absent */
	struct source *source;
	struct span span;
};

enum part_kind {
	PART_MULTI, /* children between boundaries */
	PART_TEXT,  /* text holds it: UTF-8, CRLF */
	PART_FILE,  /* span, decoded, goes out in base64 */
	PART_RAW    /* span goes out as it is: signed, or a mail */
};

struct param {
	char name[16];
	char *value; /* UTF-8, sanitised */
};

struct part {
	enum part_kind kind;
	enum mail_cte encoding;
	char *type; /* "text/plain"; or, with whole_type, the complete value */
	bool whole_type;
	struct param params[3];
	int nparams;
	char *disposition; /* NULL: none */
	char *filename;	   /* NULL: none */
	char *id;	   /* Content-ID with <>; NULL: none */
	struct buf text;
	struct source *source;
	struct span span;
	struct decoder decoder;
	char boundary[32];
	int number; /* for the boundary */
	struct part *child, *next;
};

/* Make p->content from p->body, read CPIM and lists on the way. */
enum pager_verdict content_plan(struct pager *p);
/* A hash of what a person would see: types and octets of all leaves, boundaries and ids left out. Equal messages have equal ones. */
uint64_t content_digest(const struct part *part);
/* Choose boundaries that do not occur in the content; before content_write(). */
enum pager_verdict content_boundaries(struct pager *p);
/* The MIME header lines of the root (without MIME-Version), and then what follows the empty line. */
void content_head(const struct part *part, struct buf *out);
void content_write(struct pager *p, struct part *part, struct sink *out);
void content_free(struct part *part);

/* Print table 3.11, a line a row. */
void content_print(FILE *to);

/* ---- table 3.11 ---- */

/* Where the walk through the content is. */
struct place {
	int depth;	  /* of multiparts */
	int cpim;	  /* wrappers around */
	bool beside_text; /* a child of multipart/alternative that has a text/plain child */
};

enum content_when {
	CONTENT_ALWAYS,
	CONTENT_SHORT,	    /* small enough to be held */
	CONTENT_ATTACHED,   /* and Content-Disposition: attachment */
	CONTENT_BESIDE,	    /* and beside a text */
	CONTENT_UNWRAPPABLE /* not too deep in wrappers */
};

/* Makes *part, or nothing of it (dropped, or a verdict is set). false: it is not such a thing after all, the next row.
 */
typedef bool content_convert(struct pager *p, const struct entity *e, const char *type, struct place at,
			     struct part **part);

/* The first row whose type and condition fit, and whose converter takes it. */
struct content_row {
	const char *type; /* lower case; a * at the end stands for any rest */
	enum content_when when;
	content_convert *convert;
	const char *converter, *mail, *clause;
};

#define CONVERT(f) f, #f

extern const struct content_row T311[];
extern const size_t T311_rows;

content_convert content_multi, content_cpim, content_list;			     /* composite.c */
content_convert content_text, content_alternative, content_long_text, content_exact; /* leaf.c */
content_convert content_smime, content_rcs, content_file, content_drop, content_report;

/* ---- between the files of content ---- */

/* Check one entity and map it by the table; NULL: dropped, or a verdict is set. */
struct part *content_entity(struct pager *p, const struct entity *e, struct place at);
struct part *part_new(enum part_kind kind, const char *type);
void part_param(struct part *part, const char *name, struct slice value);
/* Octets of e, transfer encoding undone; false and a verdict if it cannot be read. */
bool content_octets(struct pager *p, const struct entity *e, struct buf *out);
bool content_attached(const struct entity *e);

#endif
