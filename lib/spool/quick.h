/*
 * quick.h - the quick form of a transaction with a state store: one batch in, one part out, two flushes at the same time
 * (docs/spool.md, "The quick form"). For records that came alone from a producer in the ready form.
 *
 * The part goes into a spare, a file that lies in the own slot with its name and its blocks durable. COMMIT keeps a copy of
 * what is in it, so neither flush has to wait for the other: what a loss of power leaves of the part is written again.
 * Ownership: the spare's descriptor and its file are the worker's.
 */
#ifndef CPMAIL_SPOOL_QUICK_H
#define CPMAIL_SPOOL_QUICK_H

#include "spool/name.h"

#include <stdbool.h>

struct spool_worker;

struct quick {
	int fd;			   /* of the spare, at its start; -1: there is none */
	char file[NAME_SLOT_SIZE]; /* its name in the own slot */
	bool settled;		   /* the slot was synced since the last transaction, and since the spare has its name */
};

/* May a transaction of this worker ever be of that form? */
bool quick_possible(const struct spool_worker *w);
/* Nothing is to be done: have a spare. The next fsync of the slot makes its name durable. A failure only means none. */
void quick_prepare(struct spool_worker *w);
/* Is the transaction in hand of that form? */
bool quick_fits(struct spool_worker *w);
/* Q1 to Q4. As txn_commit(). */
int quick_commit(struct spool_worker *w);
/* The last transaction was of that form and the power went: its input, wherever in the queue it lies again, becomes its
 * mark. Before R1 of the own slot, once, by who opens it. 0, or -1 with errno. */
int quick_find_input(struct spool_worker *w);
/* Behind R1: if its spare is still here, Q1 and Q3 once more. 0, or -1 with errno. */
int quick_redo(struct spool_worker *w);
void quick_drop(struct spool_worker *w);

#endif
