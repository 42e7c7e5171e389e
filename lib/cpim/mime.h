/*
 * mime.h - MIME header blocks, their parameters, and multipart bodies split by offsets: as much as CPM content needs.
 *
 * Ownership: struct mime_fields owns its arena (mime_fields_free()), its slices point into it. A struct source borrows
 * memory or a file descriptor, and owns one window (source_end()). Spans are offsets: a part of any size is never held
 * whole.
 */
#ifndef CPMAIL_MIME_H
#define CPMAIL_MIME_H

#include "base/buf.h"

#include <stdint.h>

enum {
	MIME_FIELDS_MAX = 256,
	MIME_HEAD_MAX = 32 << 10, /* octets of a header block */
	MIME_BOUNDARY_MAX = 70,
	SOURCE_WINDOW = 64 << 10
};

struct mime_field {
	struct slice name, value; /* value unfolded and trimmed */
};

struct mime_fields {
	struct mime_field *v;
	size_t n;
	char *arena;
};

/*
 * Read a header block from the start of in up to and with its empty line (or the end of in); *body: octets it took. A
 * block that is only an empty line is a valid empty one. false: a line that is no header field, or a limit passed. On
 * either result mime_fields_free() is due.
 */
bool mime_fields_read(struct mime_fields *f, struct slice in, size_t *body);
void mime_fields_free(struct mime_fields *f);
/* The value of the first field of a name (case-insensitive); empty if there is none. */
struct slice mime_field(const struct mime_fields *f, const char *name);

/* What stands before the parameters, lower case: "text/plain", "attachment". Returns false (and "" in out) if it is no
 * token or token/token. */
bool mime_word(struct slice value, struct buf *out);
/* A parameter of a structured field as UTF-8: quoted-string undone, RFC 2231 continuations joined and charset
 * converted, RFC 2047 words left alone. false if it is absent. Octets may still be controls: sanitise. */
bool mime_param(struct slice value, const char *name, struct buf *out);

/* ---- octets in memory or in a file, read by offset ---- */

struct source {
	const char *memory; /* NULL: fd */
	int fd;
	int64_t size;
	int error; /* errno of a failed or short read; sticky */
	char *window;
	int64_t at;
	size_t n;
};

void source_memory(struct source *s, struct slice octets);
/* A file that is read by pread(); the caller keeps and closes fd. */
void source_file(struct source *s, int fd, int64_t size);
void source_end(struct source *s);
/* Up to max octets from offset off (files: at most SOURCE_WINDOW); empty at the end. Valid until the next call. */
struct slice source_at(struct source *s, int64_t off, size_t max);

struct span {
	int64_t from, to;
};

/*
 * Split the multipart body in whole at its boundary (RFC 2046 5.1.1): a delimiter stands at the start of a line, and
 * nothing but blanks follow it, so a boundary that begins with ours is not ours. The CRLF before a delimiter belongs to
 * it. A missing close delimiter is tolerated: the last part ends with the body. Returns the number of parts, 0 if no
 * delimiter was found, -1 if there are more than max, the boundary is empty or too long, or reading failed.
 */
int multipart_split(struct source *s, struct span whole, struct slice boundary, struct span *parts, int max);

#endif
