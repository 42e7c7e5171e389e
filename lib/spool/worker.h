/*
 * worker.h - inside the spool: one worker of a queue and the transaction it has in hand.
 *
 * Ownership: everything belongs to the struct spool_worker and is freed by spool_worker_close(); what belongs to a
 * transaction (inputs, lines, parts) is freed by txn_forget() at its commit or rollback.
 */
#ifndef CPMAIL_SPOOL_WORKER_H
#define CPMAIL_SPOOL_WORKER_H

#include "spool/batch.h"
#include "spool/note.h"
#include "spool/side.h"
#include "spool/page.h"
#include "spool/quick.h"
#include "spool/scan.h"
#include "spool/spool.h"

enum {
	CLAIM_BATCHES = 64,
	FANOUT_PARTS = 999,
	DEFER_PARTS = 8,
	RESCAN_S = 60,
	IDLE_MS = 1000,
	QUIET_MS = 3, /* where it is possible: then the next transaction may be of the quick form */
	DEFER_MAX_S = 4 * 3600,		/* a due further away is cut to this */
	DEFER_JUMP_S = 4 * 3600 + 1800, /* a due further away can only come from a jump of the clock: now */
	WAIT_MAX_S = 60,
};

struct input {
	struct spool_name n; /* its name as it was in new/ or defer/ */
	size_t octets;
};

/* One output file, from the first record that is put to its rename into the destination. */
struct part {
	int k;
	char dest[NAME_DEST_SIZE];
	struct spool_name target; /* complete once it is written; due and key from the start */
	struct batch batch;	  /* octets are freed when they are written, the blobs stay */
	size_t octets;
	int64_t stamp; /* 0: a new one */
	int fd;
	bool written, synced;
};

struct deferred {
	int64_t due;
	char key[NAME_UNIQ + 1];
	size_t at, n; /* in defer_text */
	struct blob_list blobs;
};

/* A mark that is still in the own slot: its transaction is done, but not yet durably. */
struct mark {
	char lead[NAME_SIZE];
	uint64_t blob_epoch; /* with blobs: how many fsyncs of blob/ there were before its links went */
	size_t octets;
	bool blobs;
};

struct held {
	char key[NAME_UNIQ + 1];
	int64_t due;
	int files;
};

struct spool_worker {
	struct queue *queue;
	struct spool_worker_options opt;
	struct slot *own, *act; /* act: the slot of the transaction in hand; another's when its notes are taken over */
	struct state *state;
	int inotify, watch_new, watch_defer;
	int64_t last_stamp;

	struct scan new, defer;
	struct held *held; /* keys that wait in defer/ of an ordered queue; open addressing */
	size_t held_n, held_cap;
	bool turn;		    /* the next transaction comes from defer/, if both wait */
	int64_t rescan_at, idle_at; /* monotonic µs; idle_at 0: no marks */
	int64_t wait_until, wait_us;
	bool stuck; /* committed, but not yet published: nothing is claimed */
	bool recovered; /* what a predecessor left is done: the state store may forget it */
	bool adopt; /* act holds a transaction with notes that must go on */
	bool logged_odd;

	/* the transaction */
	char lead[NAME_SIZE]; /* T; "" = none in hand */
	struct input in[CLAIM_BATCHES];
	size_t nin;
	struct buf text;
	struct spool_line *lines;
	int *line_record; /* number of each line in its batch */
	int *line_input;
	size_t nlines, lines_cap;
	struct blob_list in_blobs; /* that the input names */
	struct part **parts;
	size_t nparts, parts_cap;
	struct deferred *deferred;
	size_t ndeferred, deferred_cap;
	struct buf defer_text;
	bool *over; /* lines that ran over FANOUT_PARTS */
	int broken; /* errno of the first error in W1 */
	struct note note;
	struct note_spare spare;
	char spare_file[16];
	struct side side; /* G1 beside W2, Q1 beside Q2 */
	struct quick quick;
	bool noted;	/* there is a note: something may have happened outside */
	bool splitting; /* the spool itself takes a batch apart that kills its workers */

	struct mark *marks;
	size_t nmarks, marks_cap;
	uint64_t blob_epoch; /* fsyncs of blob/ by this process */

	struct queue **targets;
	size_t ntargets;
};

/* One that has nothing open; spool_worker_close() ends it. */
struct spool_worker *worker_new(const struct spool_worker_options *opt);

/* ---- targets ---- */
/* The queue of that name in the same root, opened once. NULL with errno. */
struct queue *target_queue(struct spool_worker *w, const char *name);
/* The directory where a part goes: a queue's new/, or the own queue's for =new =defer =fail. */
const struct spool_dir *target_dir(struct spool_worker *w, const char *dest, struct queue **queue);
/* Rename a file of a slot to its final place: K3, G6, R3, R4. EEXIST ends the process. */
int target_publish(struct spool_worker *w, const struct slot *s, const char *file, const char *dest,
		   const struct spool_name *target, size_t octets);

/* ---- parts ---- */
void part_put(struct spool_worker *w, int i, const char *dest, int64_t due, const char *key, int64_t stamp,
	      const char *line, size_t n, const struct blob_list *blobs);
/* Deferred records to parts; W1. 0, or -1 with errno: roll back. */
int parts_write(struct spool_worker *w);
/* W2 to W4, the same. */
int parts_sync(struct spool_worker *w);
bool parts_have_blobs(const struct spool_worker *w);
/* A part for this record alone. */
void part_alone(struct spool_worker *w, const char *dest, int64_t due, const char *key, int64_t stamp, const char *line,
		size_t n, const struct blob_list *blobs);
/* Its number of records is known: the name that it will have. */
void part_name(struct spool_worker *w, struct part *p);
void part_file(const struct spool_worker *w, const struct part *p, char out[NAME_SLOT_SIZE]);
/* Put the input line i into fail/ with a reason that the spool itself has. */
void part_fail_line(struct spool_worker *w, int i, const char *why);

/* ---- transaction ---- */
void txn_forget(struct spool_worker *w);
void txn_file(const struct spool_worker *w, char role, const struct spool_name *target, char out[NAME_SLOT_SIZE]);
/* Read the files of the inputs into lines. 0; -1 with errno; an input that is damaged is moved to fail/ and -1 with
 * errno EBADMSG. */
int txn_load(struct spool_worker *w, const int *fds);
int txn_commit(struct spool_worker *w);
/* Committed, but something on the way out failed (a directory that cannot grow): the slot stays as it is, recovery
 * repeats it. 0. */
int txn_stuck(struct spool_worker *w, const char *step);
/* G3, Q4: the input that leads becomes the mark. 0, or -1 with errno. */
int txn_set_mark(struct spool_worker *w);
/* It has become that of a transaction that is done. */
void txn_mark(struct spool_worker *w);
/* Make everything that marks of the own slot stand for durable, and unlink them. */
void txn_settle(struct spool_worker *w);
/* Nothing waits: the same, and be ready for the quick form. */
void txn_idle(struct spool_worker *w);
/* Does the general form begin with G1? Then the names of parts need not be durable by the fsync of the parts. */
bool txn_syncs_claims(const struct spool_worker *w);
void txn_wait(struct spool_worker *w, bool reset);

/* ---- recovery (R1 to R7) ---- */
/* 0, or -1 with errno: wait and repeat. *adopt: a transaction with notes is left in the slot to go on with. */
int slot_recover(struct spool_worker *w, struct slot *s, bool *adopt);
/* Slots of dead siblings; stops at one that must be gone on with (w->act is it then). */
void siblings_recover(struct spool_worker *w);

/* ---- held keys of an ordered queue ---- */
void held_clear(struct spool_worker *w);
void held_add(struct spool_worker *w, const char *key, int64_t due);
void held_remove(struct spool_worker *w, const char *key);
const struct held *held_find(const struct spool_worker *w, const char *key);

/* ---- directories made anew ---- */
/* A compaction that was interrupted: its files come back. 0, or -1 with errno. */
int compact_undo(struct queue *q);

/* ---- waiting names ---- */
int waiting_watch(struct spool_worker *w);
void waiting_scan(struct spool_worker *w);
void waiting_read_hints(struct spool_worker *w);
/* The name to be claimed next from new/, or from defer/ if it is due; NULL: none. *last: it is the last of the scan,
 * not the first. */
const char *waiting_next(struct spool_worker *w, bool defer, bool *last);
void waiting_drop(struct spool_worker *w, bool defer, bool last);
/* When the next of defer/ is due, µs since 1970; -1: nothing waits there. */
int64_t waiting_due(const struct spool_worker *w);

/* C1 to C4 into w; the number of lines, 0, or -1: wait. */
int claim_waiting(struct spool_worker *w);
/* A transaction with notes that is in w->act already. */
int claim_adopted(struct spool_worker *w);

/* ---- state store ---- */
struct state;
struct state *state_open(const char *path);
void state_close(struct state *s);
void state_begin(struct state *s);
/* What the quick form keeps of its part: the spare's name in the slot, NAME of the input, where the part goes, what is in it. */
struct state_redo {
	const char *file, *input, *dest, *target;
	struct slice records;
};
/* G2, Q2: the inputs into `applied`, redo (or NULL) in place of the last one's, COMMIT. Does not return on error. */
void state_commit(struct state *s, const struct input *in, size_t n, const struct state_redo *redo);
/* That of the last transaction, if it was of the quick form; *redo is freed by state_redo_free(). */
bool state_redo(struct state *s, struct state_redo *redo);
/* It is durably done, and no successor has to look for it. */
void state_forget(struct state *s);
void state_redo_free(struct state_redo *redo);
void state_rollback(struct state *s);
/* Checkpoint a log that is long. Takes milliseconds: when everything is published, not within the COMMIT that all wait
 * for. */
void state_tidy(struct state *s);
bool state_has(struct state *s, const char *batch);
struct sqlite3 *state_handle(struct state *s);

#endif
