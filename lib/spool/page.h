/*
 * page.h - a worker's slot: its directory, its lock, and the page that survives it (docs/spool.md, "The page").
 *
 * Ownership: slot_release() unlocks and frees. The page is shared memory over the lock file: written without system
 * calls, read by the next holder of the lock.
 */
#ifndef CPMAIL_SPOOL_PAGE_H
#define CPMAIL_SPOOL_PAGE_H

#include "spool/name.h"
#include "spool/sys.h"

enum { PAGE_OCTETS = 4096 };

struct page {
	char boot[40];	       /* boot id of the machine that wrote it: a power loss blames nobody */
	int32_t running;       /* 1 + number of the record that is being parsed or in the step function; 0: none */
	char batch[NAME_SIZE]; /* its batch */
	int64_t last_stamp;    /* of the names this slot made: stamps never go back */
	int32_t ordered;       /* 1: its worker keeps the order of conversations, or a state store */
};

struct slot {
	int number;
	int lock;
	struct spool_dir *dir;
	struct page *page;
	struct slot *next; /* all slots this process holds */
};

/* Lock slot `number` under cur/ (make: make it when absent). NULL: EWOULDBLOCK = somebody holds it, else an error. */
struct slot *slot_take(const struct spool_dir *cur, int number, bool make);
/* Does the page of a slot that somebody else holds say that order counts? */
bool slot_is_ordered(const struct spool_dir *cur, int number);
void slot_release(struct slot *s);
/* The page says that this record was running when its holder died (and the machine did not): the batch, the record;
 * false = none. */
bool page_blames(const struct slot *s, char batch[NAME_SIZE], int *record);
void page_run(struct slot *s, const char *batch, int record);
void page_stop(struct slot *s);
/* page_stop() for every slot of this process. */
void page_blame_none(void);

/* Boot id of the running kernel; fixed text if there is none. */
const char *boot_id(void);

#endif
