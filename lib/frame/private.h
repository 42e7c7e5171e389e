/*
 * private.h - the inside of the frame: shared by its own files only.
 */
#ifndef CPMAIL_FRAME_PRIVATE_H
#define CPMAIL_FRAME_PRIVATE_H

#include "frame/frame.h"
#include "spool/spool.h"

/* Where records of a type go: -o [TYPE=]QUEUE[/N]. */
struct frame_sink {
	char *type;   /* NULL: any */
	char **queue; /* one name, or the N parts of a divided queue */
	int parts;
	bool divided;
};

/* One queue that records are produced into without a queue as input. */
struct frame_outlet {
	const char *queue;
	struct spool_producer *producer;
};

/* A blob made in this batch: named by a record before the commit, or removed. */
struct frame_blob {
	struct frame *frame;
	struct spool_blob *spool; /* into the spool, or */
	int fd;			  /* into the pipe's blob directory */
	char id[SPOOL_BLOBID];
	char was[SPOOL_BLOBID]; /* its id in the pipe it came from */
	int64_t size;
	struct frame_blob *next;
};

/* spool_line.kills of a line of standard input that has no end. */
enum { LINE_CUT = -1 };

enum frame_outcome { FRAME_DONE, FRAME_DEFERRED, FRAME_FAILED };

struct frame {
	const struct frame_program *program;
	void *ctx;
	struct conf *conf;
	const char *conf_file;

	const char *in_queue; /* -i; NULL: standard input */
	bool in_pipe;	      /* records are read from standard input */
	bool in_end;	      /* its end was seen */
	bool in_skip;	      /* inside a line that is too long */
	struct buf in;
	size_t in_done; /* octets of in that belong to lines handed out */
	struct spool_worker *worker;
	struct spool_worker_options worker_options;

	struct frame_sink *sink;
	size_t sinks;
	struct frame_outlet *outlet;
	size_t outlets;
	char *root; /* of the spool; NULL: no queue at all */
	struct buf out;	   /* for standard output, written at the commit */
	struct buf errors; /* for --errors, the same */
	struct buf tap;
	int error_fd, tap_fd;
	char *blob_dir; /* pipes: where blobs are */

	struct frame_blob *blob; /* of this batch */
	struct sqlite3 *db;	 /* in a pipe; with a queue the worker has it */
	const char *db_file;

	struct frame_item *item; /* of this batch */
	struct spool_line *line;
	int *emitted;
	enum frame_outcome *outcome;
	size_t items, room;
	int64_t now_ms;
	bool now_fixed;
	struct buf scratch;
	int status; /* worst outcome so far, pipes */
	int signal_fd;

	struct hep *hep;
	size_t in_work; /* items of the batch that are prepared */
	struct metrics *metrics;
	const char *metrics_option; /* --metrics */
	char *metrics_file;
	int64_t metrics_due;  /* monotonic µs */
	int64_t watchdog_us;  /* between two signs of life; 0: nobody asks */
	int64_t watchdog_due;
};

/* options.c */
void frame_options(struct frame *f, int argc, char **argv);
/* sink.c: the queue for a record, NULL = standard output; ends the process if the type has nowhere to go. */
const char *frame_sink_for(struct frame *f, const struct record *rec);
struct spool_producer *frame_outlet_for(struct frame *f, const char *queue);
void frame_sink_add(struct frame *f, const char *spec);
/* Hand a line out: from item it (NULL: produced by an edge). */
void frame_send(struct frame *f, struct frame_item *it, const struct record *rec, const char *line, size_t n);
/* Write all of buf to fd, or end the process: a full disk on standard output is an error, not silence. */
void frame_write(int fd, struct buf *b, const char *what);
void frame_flush(struct frame *f);
/* input.c: lines of standard input as the spool would hand them out. Returns their number, -1 at the end. */
int frame_read_lines(struct frame *f, struct spool_line **lines, bool wait);
/* frame.c: how long to wait: at most so many milliseconds (-1 = no limit), and no longer than the watchdog, the metrics
 * and the program's idle hook allow. */
int frame_wait_ms(struct frame *f, int most);
/* batch.c */
void frame_run_batch(struct frame *f, struct spool_line *lines, size_t n);
void frame_db_open(struct frame *f);
void frame_db_exec(struct frame *f, const char *sql);
/* blob.c */
/* The blob that a record names, for the spool: 0 or 1; -1: it names one that is not there. */
int frame_blob_refs(struct frame *f, struct frame_item *it, const struct record *rec, const char *queue,
		    struct spool_blobref refs[1]);
/* From a pipe into the spool: the body's file is copied and the record (not its line) names the copy. True if the record was changed. */
bool frame_blob_import(struct frame *f, const struct record *rec);
void frame_blobs_end(struct frame *f);
/* signal.c */
void frame_signals(struct frame *f);
void frame_cpu_limit(int seconds);
bool frame_reload_asked(const struct frame *f);
/* service.c: the service manager. state: lines of VARIABLE=value (sd_notify(3)). */
void frame_service_open(struct frame *f);
void frame_notify(const char *state);
/* count.c: counters. */
void frame_metrics_open(struct frame *f);
void frame_count_in(struct frame *f, const struct frame_item *it);
void frame_count_out(struct frame *f, const char *type);
void frame_count_batch(struct frame *f, int64_t begun_us, bool committed);
void frame_count_reload(struct frame *f, bool good);
void frame_metrics_write(struct frame *f);
void frame_metrics_close(struct frame *f);
/* capture.c: copies for a capture server; open again after a reload. */
void frame_capture_open(struct frame *f);
void frame_capture_close(struct frame *f);

#endif
