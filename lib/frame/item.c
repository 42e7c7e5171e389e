#include "frame/private.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <stdlib.h>

/* The frame's own schedule (docs/spool.md, defer/): from 1 min, doubling, to 4 h; given up only when both old and tried often. */
enum { DELAY_FIRST = 60, DELAY_MAX = 4 * 3600, GIVE_UP_AGE = 5 * 86400, GIVE_UP_TRIES = 12 };

struct record *item_output(struct frame_item *it, const char *type)
{
	struct frame *f = it->frame;
	char id[RECORD_ID];
	/* counted on over the tries: a later try may hand out what an earlier one could not, beside what that one did hand out */
	record_id_child(it->in, type, f->emitted[it->index]++ + 1000 * item_retries(it), id);
	struct record *r = record_new(type, id, it->in->trace, f->now_ms);
	/* The envelope's members come before the type's own, for a person who reads the line. */
	json_t *member = json_incref(r->member);
	char word[32];
	snprintf(word, sizeof word, "%.*s", (int)strcspn(type, "."), type);
	json_object_del(r->root, word);
	record_set(r->root, "key", record_key(it->in));
	if (record_shard(it->in) >= 0)
		record_set_int(r->root, "shard", record_shard(it->in));
	record_set_new(r->root, word, member);
	return r;
}

void item_emit(struct frame_item *it, struct record *out)
{
	struct frame *f = it->frame;
	buf_clear(&f->scratch);
	if (record_line(out, &f->scratch))
		frame_send(f, it, out, f->scratch.p, f->scratch.n);
	else
		item_fail(it, "5.3.4", "an output record would be longer than %d octets", RECORD_LINE_MAX);
	record_free(out);
}

void item_pass(struct frame_item *it)
{
	struct frame *f = it->frame;
	frame_send(f, it, it->in, f->line[it->index].p, f->line[it->index].n);
}

static const json_t *retry_of(const struct frame_item *it)
{
	return record_get(it->in->root, "retry");
}

int item_retries(const struct frame_item *it)
{
	return (int)record_int(retry_of(it), "times", 0);
}

int64_t item_first_try_ms(const struct frame_item *it)
{
	int64_t ms = 0;
	const char *first = record_str(retry_of(it), "first");
	return first && clock_parse_iso(first, &ms, NULL) ? ms : 0;
}

static int64_t schedule(const struct frame_item *it, int times)
{
	int64_t delay = DELAY_FIRST;
	while (times-- > 0 && delay < DELAY_MAX)
		delay *= 2;
	if (delay > DELAY_MAX)
		delay = DELAY_MAX;
	/* ±10 %, from the record's id: a thousand records that failed together do not come back together */
	int64_t spread = (int64_t)(hash64(0, it->in->id, strlen(it->in->id)) % 201) - 100;
	return delay * 1000000 + delay * 1000 * spread;
}

static void __attribute__((format(printf, 3, 0))) why(json_t *to, const char *enhanced, const char *fmt, va_list ap)
{
	struct buf text = {0};
	buf_vprintf(&text, fmt, ap);
	record_set(to, "code", enhanced);
	record_set_octets(to, "why", buf_str(&text), text.n);
	buf_free(&text);
}

/* The input with what the step changed in it, as it shall lie in defer/ or fail/. */
static void set_aside(struct frame_item *it, struct buf *line)
{
	buf_clear(line);
	if (!record_line(it->in, line)) { /* too long by the added member alone: as it came */
		buf_clear(line);
		buf_put(line, it->frame->line[it->index].p, it->frame->line[it->index].n);
	}
}

static void note_error(struct frame_item *it, int status)
{
	struct frame *f = it->frame;
	if (status == EXIT_PERM || f->status == 0)
		f->status = status;
	if (f->error_fd >= 0) {
		buf_slice(&f->errors, slice_buf(&f->scratch));
		buf_putc(&f->errors, '\n');
	}
}

void item_defer(struct frame_item *it, int64_t due_us, const char *enhanced, const char *fmt, ...)
{
	struct frame *f = it->frame;
	int times = item_retries(it);
	int64_t first = item_first_try_ms(it);
	if (!due_us && first && times >= GIVE_UP_TRIES && f->now_ms - first >= (int64_t)GIVE_UP_AGE * 1000) {
		item_fail(it, enhanced, "given up after %d tries", times);
		return;
	}
	char stamp[CLOCK_ISO], since[CLOCK_ISO];
	clock_iso(f->now_ms, stamp);
	clock_iso(first ? first : f->now_ms, since);
	json_t *retry = record_object(it->in->root, "retry");
	record_set_int(retry, "times", times + 1);
	record_set(retry, "first", since);
	record_set(retry, "last", stamp);
	va_list ap;
	va_start(ap, fmt);
	why(retry, enhanced, fmt, ap);
	va_end(ap);
	f->outcome[it->index] = FRAME_DEFERRED;
	log_event(LOG_INFO, it->in->trace, "deferred", "id", it->in->id, "code", enhanced, "why", record_str(retry, "why"),
		  NULL);
	set_aside(it, &f->scratch);
	if (!f->worker) {
		note_error(it, EXIT_TEMP);
		return;
	}
	struct spool_blobref refs[1];
	int n = frame_blob_refs(f, it, it->in, f->in_queue, refs);
	if (!due_us)
		due_us = f->now_ms * 1000 + schedule(it, times);
	spool_defer(f->worker, (int)it->index, due_us, record_key(it->in), f->scratch.p, f->scratch.n, refs, n > 0 ? 1 : 0);
}

void item_fail(struct frame_item *it, const char *enhanced, const char *fmt, ...)
{
	struct frame *f = it->frame;
	char stamp[CLOCK_ISO];
	clock_iso(f->now_ms, stamp);
	json_t *fail = record_object(it->in->root, "fail");
	va_list ap;
	va_start(ap, fmt);
	why(fail, enhanced, fmt, ap);
	va_end(ap);
	record_set(fail, "time", stamp);
	record_set(fail, "program", f->program->name);
	f->outcome[it->index] = FRAME_FAILED;
	log_event(LOG_WARN, it->in->trace, "failed", "id", it->in->id, "code", enhanced, "why", record_str(fail, "why"),
		  NULL);
	set_aside(it, &f->scratch);
	if (!f->worker) {
		note_error(it, EXIT_PERM);
		return;
	}
	struct spool_blobref refs[1];
	int n = frame_blob_refs(f, it, it->in, f->in_queue, refs);
	spool_fail(f->worker, (int)it->index, f->scratch.p, f->scratch.n, refs, n > 0 ? 1 : 0);
}

void item_note(struct frame_item *it, const char *outcome)
{
	struct frame *f = it->frame;
	frame_alive(f);
	if (f->worker && spool_note(f->worker, (int)it->index, outcome) != 0)
		log_event(LOG_WARN, it->in->trace, "note-failed", "id", it->in->id, NULL);
}
