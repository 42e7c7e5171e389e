/*
 * note.h - outcomes of effects outside, written beside the claimed batch while they happen (docs/spool.md, "Effects
 * outside").
 *
 * One line an outcome: "batch record outcome". Appended at once; a thread makes them durable, collecting lines while
 * one flush runs. Ownership: a zeroed struct note is valid; note_end() gives up the file of one transaction (it stays
 * on disk), note_free() also the thread.
 */
#ifndef CPMAIL_SPOOL_NOTE_H
#define CPMAIL_SPOOL_NOTE_H

#include "spool/sys.h"

#include <pthread.h>

struct note {
	bool open;
	int fd;
	const struct spool_dir *slot;
	bool failed;	   /* a write failed: nothing more is noted in this transaction */
	bool claim_synced; /* the claim is durable: without it the notes would have no batch */
	bool started;	   /* the thread */
	bool dirty, busy, stop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, idle;
};

/* Where the note of one transaction waits to be the next one's: to make a file costs more than all that is done with it. */
struct note_spare {
	const struct spool_dir *dir; /* NULL: nowhere */
	const char *file;
};

/* Open `file` in the slot, with room for the outcomes of so many records: before anything happens outside, since what
 * has happened and cannot be noted happens again. 0, or -1 with errno. */
int note_begin(struct note *n, const struct spool_dir *slot, const char *file, const struct note_spare *spare,
	       size_t records);
/* Append one line. 0, or -1 with errno. */
int note_write(struct note *n, const char *batch, int record, const char *outcome);
/* The transaction is durably done: its note is emptied and waits for the next one, or goes. 0, or -1 with errno. */
int note_retire(struct note *n, const struct spool_dir *slot, const char *file, const struct note_spare *spare);
void note_end(struct note *n);
void note_free(struct note *n);

struct note_line {
	char *batch; /* owns the line */
	int record;
	const char *outcome;
};

/* The lines of a note, a torn last one left out; *n of them, *v NULL if there are none. 0, or -1 with errno: what is in it
 * is not known, and nothing may be done outside meanwhile. */
int note_read(const struct spool_dir *slot, const char *file, struct note_line **v, size_t *n);
void note_lines_free(struct note_line *v, size_t n);

#endif
