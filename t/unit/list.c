#include "base/clock.h"
#include "spool/list.h"
#include "spool/spool.h"
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

static char root[] = "/tmp/cpmail-list.XXXXXX", in[64], out[64];

struct seen {
	int files[SPOOL_STATES], records[SPOOL_STATES];
	int64_t due_us;
	char text[4096];
};

static bool see(void *ctx, const struct spool_file *f)
{
	struct seen *s = ctx;
	struct buf lines = {0};
	s->files[f->state]++;
	s->records[f->state] += f->records;
	if (f->state == SPOOL_DEFERRED)
		s->due_us = f->due_us;
	if (spool_file_read(f, &lines)) {
		size_t n = strlen(s->text);
		snprintf(s->text + n, sizeof s->text - n, "%s ", buf_str(&lines));
	}
	buf_free(&lines);
	return true;
}

static struct seen look(const char *queue)
{
	struct seen s = {0};
	is_int(spool_list(queue, (1u << SPOOL_STATES) - 1, see, &s), 0, "listed");
	return s;
}

static void put(const char *text)
{
	struct spool_producer *p = spool_producer_open(in);
	for (const char *c = text; *c; c++)
		spool_producer_put(p, c, 1, NULL, 0);
	is_int(spool_producer_commit(p), 0, "put");
	spool_producer_close(p);
}

static void states(void)
{
	put("abc");
	struct seen s = look(in);
	is_int(s.records[SPOOL_WAITING], 3, "three wait");
	is_str(s.text, "a\nb\nc\n ", "with what they say");

	struct spool_worker *w = spool_worker_open(in, &(struct spool_worker_options){0});
	struct spool_line *l;
	is_int(spool_workers(in), 1, "one worker");
	is_int(spool_workers(out), 0, "none of the other queue");
	is_int(spool_claim(w, &l), 3, "claimed");
	s = look(in);
	ok(s.records[SPOOL_CLAIMED] == 3 && s.files[SPOOL_WAITING] == 0, "claimed, none waits");
	int64_t due = (clock_real_us() / 1000000 + 3600) * 1000000;
	spool_defer(w, 0, due, NULL, "A", 1, NULL, 0);
	spool_fail(w, 1, "B", 1, NULL, 0);
	spool_put(w, 2, out, "C", 1, NULL, 0);
	is_int(spool_commit(w), 0, "committed");
	s = look(in);
	ok(s.records[SPOOL_DEFERRED] == 1 && s.records[SPOOL_FAILED] == 1 && !s.files[SPOOL_CLAIMED] &&
		   !s.files[SPOOL_LEAVING],
	   "one is deferred, one failed");
	ok(s.due_us >= due && s.due_us < due + 120 * 1000000LL, "due when it was told");
	is_str(s.text, "A\n B\n ", "deferred before failed");
	s = look(out);
	ok(s.records[SPOOL_WAITING] == 1 && strcmp(s.text, "C\n ") == 0, "one waits in the next queue");
	spool_worker_close(w);
	is_int(spool_workers(in), 0, "no worker any more");
}

static bool stop(void *ctx, const struct spool_file *f)
{
	(void)f;
	return ++*(int *)ctx < 2;
}

static void rest(void)
{
	char path[400];
	int calls = 0;
	put("d"), put("e"), put("f");
	is_int(spool_list(in, 1u << SPOOL_WAITING, stop, &calls), 1, "the callback can end it");
	is_int(calls, 2, "at once");
	/* a foreign file waits for nobody, a damaged one in fail/ is there for a person */
	snprintf(path, sizeof path, "touch %s/new/foreign && mkdir -p %s/log/x && echo junk >%s/fail/damaged", in, root,
		 in);
	ok(system(path) == 0, "foreign files");
	struct seen s = look(in);
	ok(s.files[SPOOL_WAITING] == 3 && s.files[SPOOL_FAILED] == 2, "are told apart");
	char **names = spool_queue_names(root);
	ok(names && names[0] && names[1] && !names[2], "two queues");
	is_str(names[0], "in", "in");
	is_str(names[1], "out", "out");
	spool_names_free(names);
	ok(spool_queue_names("/nonexistent") == NULL, "no root");
	is_int(spool_list(root, ~0u, see, &s), -1, "a root is no queue");
}

int main(void)
{
	char clean[64];
	if (!mkdtemp(root))
		return 1;
	snprintf(in, sizeof in, "%s/in", root);
	snprintf(out, sizeof out, "%s/out", root);
	ok(spool_make_queue(in) == 0 && spool_make_queue(out) == 0, "two queues are made");
	states();
	rest();
	snprintf(clean, sizeof clean, "rm -rf %s", root);
	return system(clean) != 0 || tap_done();
}
