/*
 * list.h - look at the queues of a spool without touching them: what spool-ls, spool-cat and trace see.
 *
 * Nothing is locked, claimed or changed, so a file may be gone when it is opened: it is then left out, not an error.
 * Names alone are read until spool_file_read() is asked for the records. Ownership: a struct spool_file is the
 * callback's only while it runs.
 */
#ifndef CPMAIL_SPOOL_LIST_H
#define CPMAIL_SPOOL_LIST_H

#include "base/buf.h"

#include <stdint.h>

enum spool_state {
	SPOOL_WAITING,	/* new/ */
	SPOOL_CLAIMED,	/* cur/<w>/: input of a transaction that is not committed */
	SPOOL_LEAVING,	/* cur/<w>/: part of one that is committed and not yet published */
	SPOOL_DEFERRED, /* defer/ */
	SPOOL_FAILED,	/* fail/ */
	SPOOL_HELD,	/* hold/: aside by order of a person */
	SPOOL_STATES
};

extern const char *const spool_state_name[SPOOL_STATES];

struct spool_file {
	const char *queue; /* name without root */
	enum spool_state state;
	const char *path;  /* of the file */
	const char *batch; /* its NAME; "" if the name is none (a damaged file in fail/) */
	int64_t stamp_us;  /* when it was written; the file's own time if the name does not say */
	int64_t due_us;	   /* deferred: when it is tried again; else -1 */
	int records;	   /* as its name says; -1 unknown */
	int kills;	   /* workers it has killed */
	int slot;	   /* claimed, leaving: of which worker; else 0 */
	const char *dest;  /* leaving: where to; else NULL */
};

/* Called for each file; false ends the listing. */
typedef bool spool_file_h(void *ctx, const struct spool_file *f);

/* Names of the queues under root, sorted, ended by NULL; the caller frees it with spool_names_free(). NULL with errno
 * if root cannot be read. */
char **spool_queue_names(const char *root);
void spool_names_free(char **names);
/* Is the directory a queue? */
bool spool_is_queue(const char *path);
/* Every file of queue "ROOT/QUEUE" in the states of the mask (1 << SPOOL_WAITING | ...), oldest first within a state
 * (deferred: first due first). 0, 1 if the callback ended it, -1 with errno. */
int spool_list(const char *queue, unsigned states, spool_file_h *each, void *ctx);
/* How many workers of queue "ROOT/QUEUE" are alive: those that hold the lock of their slot, as the kernel lists it
 * (nothing is locked to find out). -1: it cannot be known here. */
int spool_workers(const char *queue);
/* The lines of a file, each ended by LF; false if it is gone or cannot be read (errno ENOENT: gone). */
bool spool_file_read(const struct spool_file *f, struct buf *out);

#endif
