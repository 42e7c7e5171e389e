/*
 * spool.h - durable queues of records between programs: exactly once, through kill and power loss.
 *
 * The protocol, step by step, is docs/spool.md; function comments name its steps (P1..P5 produce, C1..C4 claim,
 * W1..W4 write the parts, K1..K3 single form, G1..G8 general form, R1..R7 recover).
 *
 * A queue is named by its path "ROOT/QUEUE"; ROOT holds all queues, blob/ and state/, on one file system.
 * Ownership: handles are freed by their _close(); lines handed out by spool_claim() live until the next
 * spool_commit() or spool_rollback() of that worker.
 * Errors: 0 or a count on success; -1 with errno set for what may be tried again (ENOSPC, EMFILE: "temporary"). What
 * must not be survived (EIO on write or fsync, a broken promise of the file system) ends the process with status 111.
 */
#ifndef CPMAIL_SPOOL_H
#define CPMAIL_SPOOL_H

#include "base/buf.h"

#include <stdint.h>

struct sqlite3;

/* SPOOL_BATCH_FULL: where a writer begins another batch, and a worker claims no more. What is under way then travels as
 * several batches, and every program has one in hand at the same time. */
enum {
	SPOOL_BATCH_RECORDS = 1024,
	SPOOL_BATCH_FULL = 128,
	SPOOL_BATCH_OCTETS = 4 << 20,
	SPOOL_SLOTS = 64,
	SPOOL_BLOBID = 27
};

/* Make ROOT/QUEUE with its directories (and ROOT, ROOT/blob, ROOT/state), each made durable. Existing ones are kept.
 * Checks the file system (mountinfo): refuses those that cannot keep the promise. 0 or -1. */
int spool_make_queue(const char *queue);

/* ---- blobs: bodies over 64 KiB ---- */

/* A blob that is being written, or that was finished and not yet named by a committed batch. */
struct spool_blob;

/* Start one in ROOT/blob/tmp, under its flock. NULL with errno. */
struct spool_blob *spool_blob_create(const char *root);
int spool_blob_write(struct spool_blob *b, const void *p, size_t n);
/* fsync; afterwards its id and size may be put into a record. 0 or -1. */
int spool_blob_finish(struct spool_blob *b);
const char *spool_blob_id(const struct spool_blob *b); /* 26 characters */
int64_t spool_blob_size(const struct spool_blob *b);
/* Forget it: unlinked unless a batch names it. */
void spool_blob_close(struct spool_blob *b);
/* Open ROOT/blob/<id>.<batch> for reading; batch is the NAME of the batch that was read (struct spool_line.batch). fd
 * or -1. */
int spool_blob_open(const char *root, const char *id, const char *batch);

/* What a record that is put names: either a fresh blob, or one that came with the input batch (fresh NULL, id set). */
struct spool_blobref {
	struct spool_blob *fresh;
	const char *id;
};

/* ---- produce: an edge or a tool, no input (section 4) ---- */

struct spool_producer;
struct spool_producer *spool_producer_open(const char *queue);
/* Add one record (one line without its LF) to the batch that is being collected. Copies the line. A batch that is full
 * is committed by spool_producer_commit() as several files. */
void spool_producer_put(struct spool_producer *p, const char *line, size_t n, const struct spool_blobref *blobs,
			size_t nblobs);
/* P0..P4 for all that was put: 0 and everything is durable, or -1 and nothing of it is (answer "temporary"). The batch
 * is empty afterwards in both cases. */
int spool_producer_commit(struct spool_producer *p);
/* The same for whoever does not answer yet: a batch that comes alone may only be shown to its reader, its flush (P3) is
 * still to come. Nothing of it may be answered before spool_producer_settle(), which ends the process if the flush fails:
 * the reader may have gone on. Without it spool_producer_idle() flushes some 1 ms later. */
int spool_producer_show(struct spool_producer *p);
void spool_producer_settle(struct spool_producer *p);
/* Would P0 refuse now? (low water, queue limit; statvfs at most once a second) */
bool spool_producer_full(struct spool_producer *p);
/* To be called when nothing else is to be done: it settles what was shown, and some 2 ms after a commit it makes a file
 * ready for the next batch, which is then durable sooner if it comes alone. Returns in how many ms it wants to be called, -1: not before the next commit. */
int spool_producer_idle(struct spool_producer *p);
void spool_producer_close(struct spool_producer *p);

/* ---- consume: a worker of a queue (sections 5 to 12) ---- */

struct spool_worker_options {
	int slot;	      /* 1..64; 0 = the first free one */
	bool ordered;	      /* one worker, order kept per key (section 10) */
	bool effects;	      /* delivers to the outside: notes, recovery by section 12 */
	const char *database; /* path of the SQLite state store, NULL = none (slot 1 only) */
	int64_t limit;	      /* most files in an output queue before claiming stops; 0 = default */
};

struct spool_worker;

/* Take a slot, recover it and dead siblings' (R1..R7), sweep tmp/. NULL with errno (EBUSY: no slot is free). */
struct spool_worker *spool_worker_open(const char *queue, const struct spool_worker_options *opt);

struct spool_line {
	const char *p; /* the record, NUL-terminated in place of its LF */
	size_t n;
	const char *batch;   /* NAME of its batch: for spool_blob_open() */
	const char *outcome; /* effects: what T,n says was the outcome before a crash; else NULL */
	int kills;	     /* workers this batch has killed */
};

/* C1..C4: claim what waits now, up to 64 batches, 128 records, 4 MiB (a longer batch alone). Returns the number of lines (0: nothing waits),
 * -1: wait (no space downstream, disk low). *lines lives until commit or rollback. */
int spool_claim(struct spool_worker *w, struct spool_line **lines);
/* Record i of the claim is now being parsed or in the step function (slot page, section 11); -1: none is. */
void spool_running(struct spool_worker *w, int i);
/* Output of the step: to queue "ROOT/QUEUE" (same root), back to the own queue at due (µs since 1970), or to fail/. i:
 * the record of the claim it comes from. The line is the complete record as it shall stand there (with `retry` or
 * `fail` set by the caller). */
/* A due more than 4 hours away is cut to that: the record comes back early, and the step defers it again. In an ordered
 * queue `key` is the record's conversation (else NULL): while it waits, spool_held() says so of later records. */
void spool_put(struct spool_worker *w, int i, const char *queue, const char *line, size_t n,
	       const struct spool_blobref *blobs, size_t nblobs);
void spool_defer(struct spool_worker *w, int i, int64_t due_us, const char *key, const char *line, size_t n,
		 const struct spool_blobref *blobs, size_t nblobs);
void spool_fail(struct spool_worker *w, int i, const char *line, size_t n, const struct spool_blobref *blobs,
		size_t nblobs);
/* Ordered queues: does an earlier record of this conversation wait in defer/? Then record i must not be tried but
 * deferred, with the same key, to the due that is returned; 0: it may be tried. Ask for each record that has a key, in
 * order. */
int64_t spool_held(struct spool_worker *w, int i, const char *key);
/* Effects: the final answer for record i was read; one append to T,n, fdatasync collected (section 12). 0 or -1. */
int spool_note(struct spool_worker *w, int i, const char *outcome);
/* W2..G8 or K1..K3: everything that was put is published and the input is gone, once. -1: rolled back, wait and claim
 * again. */
int spool_commit(struct spool_worker *w);
void spool_rollback(struct spool_worker *w);
/* The state store; a SQL transaction is open from spool_claim() on, COMMITted in G2. NULL if there is none. */
struct sqlite3 *spool_database(struct spool_worker *w);

/* Readable when something may wait (inotify on new/, from the first call on); a hint. -1: none can be had, only the
 * timeout helps. */
int spool_fd(struct spool_worker *w);
/* Milliseconds until something is due in defer/, a rescan or the idle step is due; -1: never. */
int spool_timeout_ms(struct spool_worker *w);
/* Read the hints (after spool_fd() was readable or the timeout ran out); does the rescan and the idle step when they
 * are due. */
void spool_tick(struct spool_worker *w);
/* The idle step and the end: marks, lock, memory. */
void spool_worker_close(struct spool_worker *w);

#endif
