#include "frame/private.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

static void open_input(struct frame *f)
{
	const struct frame_program *p = f->program;
	if (f->in_queue && strcmp(f->in_queue, "-") == 0)
		f->in_queue = NULL;
	else if (!f->in_queue && p->edge)
		return; /* an edge reads nothing unless told so */
	if (!f->in_queue) {
		f->in_pipe = true;
		frame_db_open(f);
		return;
	}
	const char *slash = strrchr(f->in_queue, '/');
	if (!slash || !slash[1])
		die_perm("-i %s: ROOT/QUEUE is wanted", f->in_queue);
	if (!f->root)
		f->root = slice_dup((struct slice){f->in_queue, (size_t)(slash - f->in_queue)});
	else if (strlen(f->root) != (size_t)(slash - f->in_queue) || strncmp(f->root, f->in_queue, strlen(f->root)) != 0)
		die_perm("-i %s is not in the spool %s of the output", f->in_queue, f->root);
	if (spool_make_queue(f->in_queue) != 0)
		die_temp("%s:", f->in_queue);
	f->worker_options.effects = p->effects;
	f->worker_options.ordered |= p->ordered;
	char *db = p->schema ? frame_state_file(f, p->name) : NULL;
	f->worker_options.database = db;
	f->worker = spool_worker_open(f->in_queue, &f->worker_options);
	if (!f->worker)
		die_temp("%s:", f->in_queue);
	frame_db_open(f);
	free(db);
}

char *frame_state_file(const struct frame *f, const char *program)
{
	return f->root ? xasprintf("%s/state/%s.db", f->root, program) : NULL;
}

struct frame *frame_open(int argc, char **argv, const struct frame_program *program, void *ctx)
{
	struct frame *f = xcalloc(1, sizeof *f);
	log_init(program->name);
	f->program = program;
	f->ctx = ctx;
	f->error_fd = f->tap_fd = -1;
	frame_options(f, argc, argv);
	f->conf = conf_load(f->conf_file);
	const char *tap = getenv("CPMAIL_TAP");
	if (tap && *tap && (f->tap_fd = open(tap, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
		die_perm("CPMAIL_TAP=%s:", tap);
	frame_signals(f);
	if (!f->now_fixed)
		f->now_ms = clock_real_us() / 1000;
	frame_service_open(f);
	frame_metrics_open(f);
	frame_capture_open(f);
	open_input(f);
	if (program->start)
		program->start(f, ctx);
	log_flush();
	return f;
}

const struct conf *frame_conf(const struct frame *f)
{
	return f->conf;
}

int64_t frame_now_ms(const struct frame *f)
{
	return f->now_ms;
}

bool frame_has_input(const struct frame *f)
{
	return f->worker || f->in_pipe;
}

bool frame_has_queue(const struct frame *f)
{
	return f->worker != NULL;
}

int frame_fd(const struct frame *f)
{
	return f->worker ? spool_fd(f->worker) : f->in_pipe ? 0 : -1;
}

int frame_timeout_ms(const struct frame *f)
{
	return f->worker ? spool_timeout_ms(f->worker) : -1;
}

static int dispatch(struct frame *f, bool wait)
{
	struct spool_line *lines;
	int n;
	if (f->worker) {
		spool_tick(f->worker);
		n = spool_claim(f->worker, &lines);
		if (n < 0)
			return 0; /* no space below: the tick tries again */
	} else if (f->in_pipe && !f->in_end) {
		n = frame_read_lines(f, &lines, wait);
	} else {
		return -1;
	}
	if (n > 0)
		frame_run_batch(f, lines, (size_t)n);
	return n;
}

int frame_dispatch(struct frame *f)
{
	return dispatch(f, false);
}

void frame_produce(struct frame *f, struct record *rec)
{
	buf_clear(&f->scratch);
	if (record_line(rec, &f->scratch))
		frame_send(f, NULL, rec, f->scratch.p, f->scratch.n);
	record_free(rec);
}

int frame_show(struct frame *f)
{
	int result = 0;
	if (f->program->edge)
		frame_flush(f);
	for (size_t i = 0; i < f->outlets; i++)
		if (spool_producer_show(f->outlet[i].producer) != 0)
			result = -1;
	if (f->program->edge)
		frame_blobs_end(f);
	return result;
}

void frame_settle(struct frame *f)
{
	for (size_t i = 0; i < f->outlets; i++)
		spool_producer_settle(f->outlet[i].producer);
}

int frame_commit(struct frame *f)
{
	int result = frame_show(f);
	frame_settle(f);
	return result;
}

bool frame_full(struct frame *f)
{
	for (size_t i = 0; i < f->sinks; i++)
		for (int k = 0; k < f->sink[i].parts; k++)
			if (spool_producer_full(frame_outlet_for(f, f->sink[i].queue[k])))
				return true;
	return false;
}

int frame_wait_ms(struct frame *f, int most)
{
	int waits[] = {frame_tick(f), f->program->idle ? f->program->idle(f, f->ctx) : -1};
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
		if (waits[i] >= 0 && (most < 0 || waits[i] < most))
			most = waits[i];
	return most;
}

static void wait_for_work(struct frame *f)
{
	struct pollfd p[2] = {{.fd = spool_fd(f->worker), .events = POLLIN}, {.fd = f->signal_fd, .events = POLLIN}};
	if (poll(p, 2, frame_wait_ms(f, spool_timeout_ms(f->worker))) < 0 && errno != EINTR)
		die_temp("poll:");
}

static void free_sinks(struct frame *f)
{
	for (size_t i = 0; i < f->sinks; i++) {
		for (int k = 0; k < f->sink[i].parts; k++)
			free(f->sink[i].queue[k]);
		free(f->sink[i].queue);
		free(f->sink[i].type);
	}
	free(f->sink);
}

int frame_close(struct frame *f)
{
	frame_notify("STOPPING=1");
	if (f->program->stop)
		f->program->stop(f, f->ctx);
	frame_flush(f);
	for (size_t i = 0; i < f->outlets; i++)
		spool_producer_close(f->outlet[i].producer);
	if (f->worker)
		spool_worker_close(f->worker);
	if (f->db)
		sqlite3_close(f->db);
	/* A full disk may show only here. */
	if (close(1) != 0 && errno != EBADF)
		die_temp("standard output:");
	int status = f->status;
	frame_metrics_close(f);
	frame_capture_close(f);
	conf_free(f->conf);
	free_sinks(f);
	free(f->outlet), free(f->item), free(f->outcome), free(f->emitted), free(f->line);
	free(f->root), free(f->blob_dir);
	buf_free(&f->in), buf_free(&f->out), buf_free(&f->errors), buf_free(&f->tap), buf_free(&f->scratch);
	free(f);
	log_flush();
	return status;
}

int frame_run(int argc, char **argv, const struct frame_program *program, void *ctx)
{
	struct frame *f = frame_open(argc, argv, program, ctx);
	frame_ready(f);
	while (!frame_stopping(f)) {
		frame_reload(f);
		frame_tick(f);
		int n = dispatch(f, true);
		if (n < 0)
			break;
		if (n == 0 && f->worker)
			wait_for_work(f);
	}
	return frame_close(f);
}
