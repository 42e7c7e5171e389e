/*
 * record.h - the record: one JSON object on one line, the only interface between programs (cpmail-record(5)).
 *
 * Ownership: a struct record owns its JSON tree; record_free() ends it. Pointers returned by getters live as long as the record
 * and the member they came from. Setters copy.
 * Values: integers and strings only (no floats, no null: an absent value is an absent member). A string that is not UTF-8 or holds
 * a NUL is never lost in silence: record_set_octets() stores it with U+FFFD in place of each bad octet and its true octets
 * beside it, as KEY"_base64".
 */
#ifndef CPMAIL_RECORD_H
#define CPMAIL_RECORD_H

#include "base/buf.h"

#include <jansson.h>
#include <stdint.h>

enum {
	RECORD_VERSION = 1,
	RECORD_LINE_MAX = 1 << 20, /* octets of one line; bodies over RECORD_INLINE_MAX are blobs */
	RECORD_INLINE_MAX = 64 << 10,
	RECORD_DEPTH_MAX = 16,
	RECORD_ID = 27 /* 26 characters and NUL */
};

struct record {
	json_t *root;
	const char *type;  /* "sip.request" */
	const char *id;	   /* unique; derived where a repetition must give the same record */
	const char *trace; /* the same along everything that one incoming message causes */
	json_t *member;	   /* the member named after the type's first word: "sip" */
};

/*
 * Parse one line. Refuses, with a reason for a person in why[128]: JSON errors, duplicate keys, NUL, depth, a missing or wrong
 * envelope member, a higher version ("record version 2 is newer than this program").  NULL then. Unknown members are kept.
 */
struct record *record_parse(const char *line, size_t n, char why[128]);
/* A new record of a type; time in milliseconds since 1970. The first word of the type names its (empty) member. */
struct record *record_new(const char *type, const char *id, const char *trace, int64_t time_ms);
/* A copy of r under the same id, trace and type, all members shared deep. */
struct record *record_copy(const struct record *r);
void record_free(struct record *r);
/* One line of compact JSON without LF, members in order; false (and a log line) if it would be over RECORD_LINE_MAX. */
bool record_line(const struct record *r, struct buf *out);

/* Milliseconds since 1970 of the envelope's "time". */
int64_t record_time(const struct record *r);
/* Envelope "key": the conversation whose order is kept; NULL = none. */
const char *record_key(const struct record *r);
/* Envelope "shard": which part of a divided queue (QUEUE/N) must get it; -1 = by key. */
int record_shard(const struct record *r);

/* 26 characters: time-sorted and random (an edge's new record); or derived from octets: the same octets, the same id. */
void record_id_new(int64_t time_us, char out[RECORD_ID]);
void record_id_derived(struct slice octets, char out[RECORD_ID]);
/* The id of the k-th output of a step: the same input gives the same output ids. */
void record_id_child(const struct record *in, const char *type, int k, char out[RECORD_ID]);

/* ---- checked setters; obj is an object; they never fail in silence (a programming error aborts) ---- */
void record_set(json_t *obj, const char *key, const char *value); /* value is UTF-8 by construction; NULL: nothing is set */
void record_set_octets(json_t *obj, const char *key, const char *p, size_t n); /* any octets */
void record_set_int(json_t *obj, const char *key, int64_t value);
void record_set_bool(json_t *obj, const char *key, bool value);
/* Adopts value (steals the reference). */
void record_set_new(json_t *obj, const char *key, json_t *value);
/* A fresh object or array under key, owned by obj. */
json_t *record_object(json_t *obj, const char *key);
json_t *record_array(json_t *obj, const char *key);

/* ---- getters; NULL / fallback where the member is absent or of another type ---- */
const char *record_str(const json_t *obj, const char *key);
int64_t record_int(const json_t *obj, const char *key, int64_t fallback);
bool record_bool(const json_t *obj, const char *key);
json_t *record_get(const json_t *obj, const char *key);
/* The true octets of a string member (undoes record_set_octets); false if it is absent. */
bool record_octets(const json_t *obj, const char *key, struct buf *out);

/* ---- headers: [[name, value], ...] in wire order; a value that is not UTF-8 has its octets as third element (base64) ---- */
void record_header_add(json_t *headers, struct slice name, struct slice value);
/* The n-th value (from 0) of a name, case-insensitive; NULL if there is none. */
const char *record_header(const json_t *headers, const char *name, int n);
/* Is the pair a header of that name (n octets, any case)? */
bool record_header_is(const json_t *pair, const char *name, size_t n);

/* ---- bodies: {"type","text"} | {"type","base64"} | {"type","blob","size"} ---- */
/* Inline: text if it is UTF-8 without NUL, else base64. n <= RECORD_INLINE_MAX. */
json_t *record_body_inline(const char *type, const char *p, size_t n);
json_t *record_body_blob(const char *type, const char *blobid, int64_t size);
/* The octets of an inline body; false if it is a blob or malformed. */
bool record_body_octets(const json_t *body, struct buf *out);
/* Size in octets, of any form; -1 if malformed. */
int64_t record_body_size(const json_t *body);
/* The blob's id, NULL if inline. */
const char *record_body_blobid(const json_t *body);

#endif
