/*
 * frame.h - what every program runs in: options, records in and out, commit, outcomes, signals.
 *
 * main() is: a struct frame_program, the program's own state, return frame_run(). Records come from standard input or, with -i, from a spool
 * queue; they go to standard output or, with -o [TYPE=]QUEUE[/N], to spool queues (longest type match; N: a divided queue, by the envelope's
 * shard, else by hash of its key). The step function maps one record; it sees no difference between the two.
 *
 * Outcome of a record: done (default), temporary (item_defer: tried again later; exit status 111 when read from a pipe) or permanent
 * (item_fail: to fail/ with the reason; exit status 100). A bad line is a permanent failure of that line alone.
 *
 * Ownership: an item and its record live until the batch is committed; item_emit() adopts the record it is given.
 */
#ifndef CPMAIL_FRAME_H
#define CPMAIL_FRAME_H

#include "conf/conf.h"
#include "metrics/metrics.h"
#include "record/record.h"

struct frame;
struct hep;
struct sqlite3;

/* One record in work. */
struct frame_item {
	struct frame *frame;
	struct record *in;
	const char *outcome; /* effects programs: outcome noted before a crash: do not do it again; else NULL */
	void *data;	     /* free for the program, within a batch */
	size_t index;	     /* the frame's own: which of the batch */
};

struct frame_option {
	const char *name; /* long name without dashes */
	char letter;	  /* short form, 0 = none */
	const char *arg;  /* name of the argument in --help, NULL = flag */
	const char *help;
	void (*set)(void *ctx, const char *value); /* may end the process with die_perm() */
};

struct frame_program {
	const char *name;
	const char *summary;		    /* one line for --help */
	const char *const *takes;	    /* record types consumed, NULL-ended. Others: passed on unchanged in a pipe, failed in a queue */
	const struct frame_option *options; /* ended by a zeroed one; NULL = none */
	const char *operands;		    /* names of what may stand behind the options, for --help; NULL = nothing may */
	void (*operand)(void *ctx, const char *value); /* each of them, in order */
	const char *schema;		    /* SQL of the state store, run at start (CREATE ... IF NOT EXISTS); NULL = stateless */
	bool effects;			    /* acts on the outside: notes outcomes (item_note), recovery goes on where it stopped */
	bool ordered;			    /* one worker, order kept per key */
	bool edge;			    /* has a loop of its own: frame_open/_dispatch/_commit instead of frame_run */
	const struct metric *metrics;	    /* families of counters of its own; ended by a zeroed one; NULL = none */
	const char *const *files;	    /* knobs naming files that it reads: checked before a reload; NULL-ended; NULL = none */
	void (*start)(struct frame *f, void *ctx); /* after options and configuration */
	/* Between batches: a checked configuration has taken the place of the old one, which goes after the call; what was
	 * taken out of it is to be taken again. NULL: the step asks frame_conf() each time. */
	void (*reload)(struct frame *f, void *ctx);
	void (*measure)(struct frame *f, void *ctx); /* before counters are written: set the gauges */
	/* One of: */
	void (*step)(struct frame_item *it, void *ctx);
	void (*batch)(struct frame_item *items, size_t n, void *ctx); /* all at once, in any order, may wait for the network */
	/* Called before the frame waits for records: milliseconds after which it wants to be called again, -1 = never. NULL = nothing to look after. */
	int (*idle)(struct frame *f, void *ctx);
	void (*stop)(struct frame *f, void *ctx);
};

/* Options, configuration, loop until end of input or SIGTERM/SIGINT, flush, close. Returns the exit status. */
int frame_run(int argc, char **argv, const struct frame_program *program, void *ctx);

/* ---- what a step asks ---- */
const struct conf *frame_conf(const struct frame *f);
/* Milliseconds since 1970: when the batch was claimed, or what --now says (golden files). */
int64_t frame_now_ms(const struct frame *f);
/* The state store; the transaction of the batch is open. In a pipe: in memory, or the file that --state names. */
struct sqlite3 *frame_database(struct frame *f);
/* Where another program of the same spool has its state store: only to look into (map/peek.h). The caller frees it; NULL: there is no spool. */
char *frame_state_file(const struct frame *f, const char *program);

/* ---- what a step does ---- */
/* A fresh output record of a type: id derived from the input's, its trace, key and shard; time = now. Not yet emitted: the caller emits or frees it. */
struct record *item_output(struct frame_item *it, const char *type);
void item_emit(struct frame_item *it, struct record *out);
/* Pass the input on unchanged (the raw line, no new JSON). */
void item_pass(struct frame_item *it);
/* Temporary: again at due_us (µs since 1970), 0 = by the frame's schedule (1 min doubling to 4 h). enhanced: RFC 3463 code. What the step changed in
 * it->in is kept in the deferred record. */
void item_defer(struct frame_item *it, int64_t due_us, const char *enhanced, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Permanent: to fail/ with the reason. Outputs already emitted for the item stay. */
void item_fail(struct frame_item *it, const char *enhanced, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* How often the record was deferred before, and since when (ms; 0 = never). */
int item_retries(const struct frame_item *it);
int64_t item_first_try_ms(const struct frame_item *it);
/* effects: the final answer was read: durable soon, without waiting. */
void item_note(struct frame_item *it, const char *outcome);

/* Counters of the program: metrics_add(), metrics_set() with families of its table. */
struct metrics *frame_metrics(struct frame *f);
/* Where copies of wire traffic go (hep_address); NULL: nowhere. Events that are logged go there by themselves. May change at a reload. */
struct hep *frame_hep(struct frame *f);
/* A step that waits for a peer is alive all the same: call it now and then in a long batch. */
void frame_alive(struct frame *f);
/* The step may be silent for so long (a library that waits for a peer without asking us): the watchdog is told. */
void frame_patience(struct frame *f, int seconds);

/* ---- bodies ---- */
/* Read an output or input body that is a blob: a descriptor at its start, to be closed by the caller; -1 with errno. */
int item_blob_open(struct frame_item *it, const json_t *body);
/* Write a new blob; finish gives its body object {"type","blob","size"}, to be put as "body" into the member of the record that is emitted.
 * A blob must be named by a record emitted in the same batch, else it is removed. NULL / -1 with errno. */
struct frame_blob;
struct frame_blob *frame_blob_create(struct frame *f);
int frame_blob_write(struct frame_blob *b, const void *p, size_t n);
json_t *frame_blob_finish(struct frame_blob *b, const char *type);
void frame_blob_abort(struct frame_blob *b);

/* ---- edges with a loop of their own ---- */
/* Options and configuration; queues are opened, recovered. Never NULL (ends the process on error). */
struct frame *frame_open(int argc, char **argv, const struct frame_program *program, void *ctx);
/* Does the program read records at all (-i QUEUE, or -i - for standard input)? */
bool frame_has_input(const struct frame *f);
/* Do the records come from a spool queue: can one be deferred and come back? */
bool frame_has_queue(const struct frame *f);
/* Readable when records may wait; -1 without input. And the time after which frame_dispatch() is due, -1 = never. */
int frame_fd(const struct frame *f);
int frame_timeout_ms(const struct frame *f);
/* Run the step function on what waits (one batch at most). Returns the number of records, -1 at the end of standard input. */
int frame_dispatch(struct frame *f);
/* Hand out a record (adopted) that no input caused; durable, or written, only after frame_commit(). */
void frame_produce(struct frame *f, struct record *rec);
/* Commit everything produced: 0 = durable (queues) or written (standard output); -1 = nothing of it is: answer "temporary". */
int frame_commit(struct frame *f);
/* The same for an edge that does not answer yet: its reader may begin, but all of it is durable only after frame_settle(), which has to come before the
 * first answer (at latest frame_tick() does it, 1 ms later). A failure of that flush ends the process. */
int frame_show(struct frame *f);
void frame_settle(struct frame *f);
/* Would a commit be refused now (disk low, queue too long)? */
bool frame_full(struct frame *f);
/* Ready for work: told to the service manager. After frame_open() and the edge's own preparations; frame_run() does it itself. */
void frame_ready(struct frame *f);
/* Once a turn: the watchdog, the file of counters. Returns the milliseconds until the next turn must come, -1 = none must. */
int frame_tick(struct frame *f);
/* The n-th socket that the service manager opened for us (LISTEN_FDS), with its name (never NULL); -1 behind the last. Non-blocking, closed on exec. */
int frame_listen_fd(size_t n, const char **name);
/* Readable when a signal came that frame_stopping() or frame_reload() tells of; emptied by the latter. */
int frame_signal_fd(const struct frame *f);
/* SIGTERM or SIGINT came. */
bool frame_stopping(const struct frame *f);
/* SIGHUP came: the configuration is read and checked; if it is good it replaces the one in force, .reload was called, true is returned. An error is
 * logged and changes nothing. */
bool frame_reload(struct frame *f);
/* Close queues, check standard output; the exit status. */
int frame_close(struct frame *f);

#endif
