/*
 * plan.h - small gateways for crash tests: what lies in which queue, what the filters do, what must come out, and the
 * check of a tree against that at any moment.
 *
 * A record is {"n":NUMBER,"ops":"..."} and perhaps "blob":ID. The filter takes its ops from the left: a, b: to queue a,
 * b; x: to queue q1, whose filter passes it on to a; d: deferred first, then the rest; f: failed. Nothing left:
 * dropped. So each record is an obligation to have certain numbers in certain ends; at every instant the obligations of
 * the live files are exactly those that were put in: nothing lost, nothing double, all outputs of a record or none.
 */
#ifndef CPMAIL_CRASH_PLAN_H
#define CPMAIL_CRASH_PLAN_H

#include "tree.h"
#include "spool/spool.h"
#include "spool/sys.h"

enum { PLAN_RECORDS = 64, ENDS = 3, LOG_OCTETS = 8 << 20 };

struct plan {
	const char *name;
	const char *batches; /* "1:a 2:ab/3:d*" : records, / between batches, ! after a record: it names a blob */
	bool state, effects, ordered, strict;
	bool produce; /* the run under test is the producer's */
	bool through; /* and the filters work between its batches */
	bool pairs;   /* after each second one: claims of two, whose files are used again */
	bool quick;   /* the filter with the state store lives as long as the producer, and has pauses */
	bool chain;   /* that is the one of q1 */
	bool ready;   /* the producer has a file ready for each batch but the first, and filters begin before P3 */
};

enum omitted { OMIT_NOTHING, OMIT_PARTS, OMIT_SLOT, OMIT_BLOB, OMIT_TMP, OMIT_NEW };

/* Shared with the children. */
struct shared {
	long calls, stop_at; /* counted; what to do at which */
	int error;	     /* 0: kill -9 before the call; else fail it with that errno; SYS_SHORT */
	bool all_calls;	     /* count also those that change nothing */
	bool happened;
	bool keep_fsync; /* do them really */
	char violation[256];
	bool acked[PLAN_RECORDS];
	bool noted[PLAN_RECORDS];
	bool logging;
	enum omitted omit; /* an fsync that the log does not see, as if the program left it out */
	size_t log_n;
	char log[LOG_OCTETS];
};

/* One call in shared->log; n octets follow: what was written, or the files of the state store (each its length and
 * octets). */
struct logged {
	int op, fd, result, n;
	int size;		     /* truncate: octets that stay; open: flags */
	char path[320], path2[320]; /* from the root's own path on */
};
/* The producer answered record fd; its effect has happened and is noted. */
enum { OP_ACK = 100, OP_NOTED };
void plan_log(const struct spool_call *c, long result);

extern struct shared *shared;
extern char root[64];

/* One record of a plan; and a line of a file as number, ops, blob ("" = none). */
struct rec {
	int n, batch;
	char ops[8];
	bool blob;
};
size_t plan_records(const struct plan *p, struct rec out[PLAN_RECORDS]);
bool line_parse(const char *line, int *n, char ops[8], char blob[SPOOL_BLOBID]);

/* Directories, hooks, shared memory; once. */
void plan_start(void);
void plan_end(void);
/* The tree before the run. */
struct tree plan_tree(const struct plan *p);
/* In a child: the run under test (the producer, or the filters until nothing waits); hooks as shared->... says. Returns
 * the exit status, -9 if it was killed. */
int plan_run(const struct plan *p);
/* The same without the producer: what its successors do. */
int plan_recover(const struct plan *p);
/* In a child, undisturbed: start again, everything goes where it belongs. Exit status. */
int plan_drain(const struct plan *p);
/* NULL, or what is wrong: obligations, links of blobs; `final`: also that nothing is left anywhere but in the ends. */
const char *plan_check(const struct plan *p, const struct tree *t, bool final);
/* The state store counts each record once, whose outputs are in the final tree t. */
const char *plan_check_state(const struct plan *p, const struct tree *t);

/* Files that go to free/ and are written again (docs/spool.md, recycling): for deaths and for power losses alike. */
/* clang-format off */
#define PLANS_USED_AGAIN \
	{.name = "files used again", \
	 .batches = "1:x 2:a/3:x/4:xb/5:a/6:x/7:x/8:fb/9:x/10:ab", \
	 .produce = true, \
	 .through = true, \
	 .pairs = true}, \
	{.name = "files used again, single form", \
	 .batches = "1:a/2:ab/3:a", \
	 .produce = true, \
	 .through = true, \
	 .pairs = true}, \
	{.name = "files used again, state", \
	 .batches = "1:a/2:a/3:ab/4:a/5:a/6:ab", \
	 .produce = true, \
	 .through = true, \
	 .pairs = true, \
	 .state = true}, \
	{.name = "files used again, strict form", \
	 .batches = "1:a/2:a/3:ab/4:a/5:a/6:ab", \
	 .produce = true, \
	 .through = true, \
	 .pairs = true, \
	 .strict = true}, \
	{.name = "files used again, effects", \
	 .batches = "1:a/2:a/3:ab/4:a/5:a/6:ab", \
	 .produce = true, \
	 .through = true, \
	 .pairs = true, \
	 .effects = true}, \
	{.name = "files used again, effects and state", \
	 .batches = "1:a/2:a/3:ab/4:a", \
	 .produce = true, \
	 .through = true, \
	 .effects = true, \
	 .state = true},

/* Batches in the ready form, worked on while their producer still has to flush them. */
#define PLANS_READY \
	{.name = "made ready", \
	 .batches = "1:a 2:b/3:xb/4:da/5:f 6:x/7:", \
	 .produce = true, \
	 .ready = true, \
	 .through = true}, \
	{.name = "made ready, single form", \
	 .batches = "1:a/2:a 3:a/4:x", \
	 .produce = true, \
	 .ready = true, \
	 .through = true}, \
	{.name = "made ready, nobody reads", \
	 .batches = "1:a/2:a 3:b/4:x", \
	 .produce = true, \
	 .ready = true}, \
	{.name = "made ready, state", \
	 .batches = "1:a/2:ab/3:da/4:", \
	 .produce = true, \
	 .ready = true, \
	 .through = true, \
	 .state = true}, \
	{.name = "quick", \
	 .batches = "1:a/2:a/3:a/4:b/5:b/6:/7:a/8:a/9:a", \
	 .produce = true, \
	 .ready = true, \
	 .through = true, \
	 .state = true, \
	 .quick = true}, \
	{.name = "quick, and others between", \
	 .batches = "1:a/2:b/3:ab/4:a/5:b/6:da/7:a/8:f/9:a", \
	 .produce = true, \
	 .ready = true, \
	 .through = true, \
	 .state = true, \
	 .quick = true}, \
	{.name = "quick, several records", \
	 .batches = "1:a/2:a/3:b 4:b/5:a/6:a/7:a", \
	 .produce = true, \
	 .ready = true, \
	 .through = true, \
	 .state = true, \
	 .quick = true}, \
	{.name = "quick, behind another filter", \
	 .batches = "1:x/2:x/3:x/4:x/5:x", \
	 .produce = true, \
	 .through = true, \
	 .state = true, \
	 .quick = true, \
	 .chain = true}, \
	{.name = "made ready, effects", \
	 .batches = "1:a/2:a 3:ab/4:b/5:a", \
	 .produce = true, \
	 .ready = true, \
	 .through = true, \
	 .effects = true}, \
	{.name = "made ready, used again", \
	 .batches = "1:a/2:ab/3:a/4:xb/5:ab/6:a", \
	 .produce = true, \
	 .ready = true, \
	 .through = true, \
	 .pairs = true},
/* clang-format on */

#endif
