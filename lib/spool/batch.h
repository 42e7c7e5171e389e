/*
 * batch.h - records that will be one file: their lines, their number, the blobs they name. And the links of blobs.
 *
 * Ownership: batch_free() frees the octets and drops the references to fresh blobs.
 */
#ifndef CPMAIL_SPOOL_BATCH_H
#define CPMAIL_SPOOL_BATCH_H

#include "spool/queue.h"
#include "spool/spool.h"

struct blob_name {
	struct spool_blob *fresh; /* NULL: it came with the input */
	char id[SPOOL_BLOBID];
};

struct blob_list {
	struct blob_name *v;
	size_t n;
};

struct batch {
	struct buf data;
	int records;
	struct blob_list blobs;
};

/* Is there room for one more line of n octets? records: the most that it may have, SPOOL_BATCH_FULL for a new batch. */
bool batch_fits(const struct batch *b, size_t n, int records);
void batch_add(struct batch *b, const char *line, size_t n, const struct spool_blobref *blobs, size_t nblobs);
void batch_free(struct batch *b);

/* Each id once; references to fresh blobs are counted. */
void blob_list_add(struct blob_list *l, struct spool_blob *fresh, const char *id);
void blob_list_free(struct blob_list *l);
/* The blob ids that a line of compact JSON names: "blob":"<26 b32>". Quotes within strings are escaped, so nothing else
 * looks so. */
void blob_list_scan(struct blob_list *l, const char *line, size_t n);

/* W3: a link for each blob of the list under the batch `target`; those without a fresh file are links of `input`'s. 0
 * or -1; nothing is durable before dir_fsync(root->blob). */
int blob_link_all(struct root *r, const struct blob_list *l, const char *input, const char *target);
/* G8: unlink the links of batch `name` for the blobs of the list. */
int blob_unlink_all(struct root *r, const struct blob_list *l, const char *name);
/* s0, R3, R5: unlink blob/ *.name, whatever the blobs are, and make it durable. */
int blob_drop(struct root *r, const char *name);
/* What a dead process left in blob/tmp/. */
void blob_sweep(struct root *r);

/* Sweep q's tmp/: what a dead producer sealed is published, what it did not finish is removed. Returns the number
 * published. */
int queue_sweep(struct queue *q);

#endif
