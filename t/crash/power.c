/*
 * A loss of power at any instant: for every cut of a run's call log the trees that A1 to A4 allow, each recovered,
 * drained, compared. All of them where they are few enough, a random share of the others; and a second loss during the
 * recovery.
 */
#include "disk.h"
#include "tap.h"

#include <stdlib.h>

static const struct plan plans[] = {
	{.name = "one part, single form", .batches = "1:a 2:a"},
	{.name = "two parts", .batches = "1:ab"},
	{.name = "deferred whole", .batches = "1:da"},
	{.name = "deferred, failed, passed on", .batches = "1:a 2:f 3:da"},
	{.name = "two inputs", .batches = "1:a/2:a"},
	{.name = "two filters", .batches = "1:x/2:x"},
	{.name = "two filters, two parts", .batches = "1:xb"},
	{.name = "state", .batches = "1:a/2:db", .state = true},
	{.name = "blobs", .batches = "1:ab!/2:!"},
	{.name = "blobs deferred", .batches = "1:da!"},
	{.name = "effects", .batches = "1:a/2:a", .effects = true},
	{.name = "strict form", .batches = "1:a", .strict = true},
	{.name = "strict form, two inputs", .batches = "1:a/2:db", .strict = true},
	{.name = "producer", .batches = "1:a 2:b/3:a", .produce = true},
	{.name = "producer with blobs", .batches = "1:a!/2:b", .produce = true},
	{.name = "producer, strict form", .batches = "1:a/2:b", .produce = true, .strict = true},
	{.name = "edge and two filters", .batches = "1:x/2:xb/3:xf/4:dx/5:x/6:", .produce = true, .through = true},
	{.name = "edge and two filters, strict form",
	 .batches = "1:x/2:xb/3:dx/4:x",
	 .produce = true,
	 .through = true,
	 .strict = true},
	{.name = "edge and two filters, blobs", .batches = "1:xb!/2:x!/3:!/4:dx!", .produce = true, .through = true},
	PLANS_USED_AGAIN
	PLANS_READY
};

/* What must go wrong when an fsync is left out: the replay would find it. */
static const struct {
	const char *what, *plan;
	enum omitted omit;
} needed[] = {
	{"fsync of parts (W2)", "two parts", OMIT_PARTS},
	{"fsync of parts (W2), single form", "one part, single form", OMIT_PARTS},
	{"fsync of the slot (G1, G4, R1)", "two parts", OMIT_SLOT},
	{"fsync of the slot, strict form", "strict form, two inputs", OMIT_SLOT},
	{"fsync of blob/ (W4)", "blobs", OMIT_BLOB},
	{"fsync of a produced batch (P3)", "producer", OMIT_TMP},
	{"fsync of new/ in the open form", "producer, strict form", OMIT_NEW},
	{"flush of the spare (Q1)", "quick", OMIT_PARTS},
	{"fsync of the slot between two of the quick form", "quick", OMIT_SLOT},
	{"fsync of a batch in the ready form (P3)", "made ready, nobody reads", OMIT_TMP},
};

static unsigned int seed;
static long runs, budget;
static bool quiet;
static const bool *noted; /* before the loss */

static bool good(const struct plan *p, const struct tree *t, const char *bad, int cut, long way)
{
	if (!bad)
		return true;
	if (quiet)
		return false;
	struct tree now = tree_load(root);
	printf("# %s: cut %d, way %ld: %s\n# the power left:\n", p->name, cut, way, bad);
	tree_print(t);
	printf("# recovered to:\n");
	tree_print(&now);
	tree_free(&now);
	return false;
}

static bool recovered(const struct plan *p, const struct tree *t, int cut, long way)
{
	memcpy(shared->noted, noted, sizeof shared->noted);
	tree_write(root, t);
	runs++;
	int status = plan_drain(p);
	if (status != 0) {
		char why[64];
		snprintf(why, sizeof why, "the drain ends with %d", status);
		return good(p, t, why, cut, way);
	}
	struct tree now = tree_load(root);
	bool fine = good(p, t, plan_check(p, &now, true), cut, way) && good(p, t, plan_check_state(p, &now), cut, way);
	tree_free(&now);
	return fine;
}

/* From a tree: recover, lose the power again at some instant, recover. */
static bool second_loss(const struct plan *p, const struct tree *t, int cut, long way)
{
	bool ignored[PLAN_RECORDS], fine = true;
	memcpy(shared->noted, noted, sizeof shared->noted);
	tree_write(root, t);
	shared->log_n = 0;
	shared->logging = true;
	int status = plan_recover(p);
	shared->logging = false;
	char *log = xmalloc(shared->log_n + 1);
	size_t n = shared->log_n;
	memcpy(log, shared->log, n);
	if (status != 0)
		fine = good(p, t, "recovery fails", cut, way);
	struct disk *d = disk_new(t, p->strict);
	int last = 0;
	for (const char *at = log; fine && (at = disk_step(d, at, log + n, ignored)) != NULL;)
		last++;
	disk_free(d);
	for (int tries = 0; fine && tries < 3; tries++) {
		int stop = last ? rand_r(&seed) % (last + 1) : 0;
		struct tree again;
		const char *at = log;
		d = disk_new(t, p->strict);
		for (int k = 0; k < stop; k++)
			at = disk_step(d, at, log + n, ignored);
		if (disk_lose(d, -1, &seed, &again))
			fine = recovered(p, &again, cut, way);
		tree_free(&again);
		disk_free(d);
	}
	free(log);
	return fine;
}

/* One cut: every way, or a share of them. */
static bool lose(const struct plan *p, const struct disk *d, int cut, long share)
{
	long ways = disk_ways(d, 1000000);
	bool fine = true;
	noted = disk_noted(d);
	for (long i = 0; i < (ways < share ? ways : share) && fine; i++) {
		struct tree t;
		if (disk_lose(d, ways <= share ? i : -1, &seed, &t)) {
			fine = recovered(p, &t, cut, i);
			if (fine && (cut + i) % 8 == 0)
				fine = second_loss(p, &t, cut, i);
		}
		tree_free(&t);
	}
	return fine;
}

/* Did this call change what a loss may leave? */
static bool is_change(const char *at)
{
	struct logged l;
	memcpy(&l, at, sizeof l);
	return l.op != OP_OPEN && l.op != OP_MKDIR && l.op != OP_FLOCK && l.op != OP_REWIND;
}

/* Whether everything was right; *cuts of the log. */
static bool losses(const struct plan *p, int *cuts)
{
	struct tree t = plan_tree(p);
	memset(shared->acked, 0, sizeof shared->acked);
	memset(shared->noted, 0, sizeof shared->noted);
	shared->violation[0] = '\0';
	if (p->state) { /* the store is there before */
		struct tree none = {0};
		tree_write(root, &none);
		plan_drain(p);
		struct tree store = tree_load(root);
		for (size_t i = 0; i < store.n; i++)
			tree_add(&t, store.v[i].path, store.v[i].data, store.v[i].n);
		tree_free(&store);
	}
	tree_write(root, &t);
	shared->stop_at = 0;
	shared->log_n = 0;
	shared->logging = true;
	int status = plan_run(p);
	shared->logging = false;
	size_t n = shared->log_n;
	char *log = xmalloc(n + 1);
	memcpy(log, shared->log, n);
	memset(shared->acked, 0, sizeof shared->acked);

	int changes = 0, cut = 0;
	struct disk *d = disk_new(&t, p->strict);
	for (const char *at = log; at < log + n; at = disk_step(d, at, log + n, shared->acked))
		changes += is_change(at);
	disk_free(d);
	memset(shared->acked, 0, sizeof shared->acked);
	d = disk_new(&t, p->strict);
	bool fine = status == 0 && changes > 3;
	runs = 0;
	for (const char *at = log; fine && at;) {
		fine = lose(p, d, cut++, budget / (changes + 1) + 1);
		while (at && at < log + n && !is_change(at))
			at = disk_step(d, at, log + n, shared->acked);
		at = disk_step(d, at, log + n, shared->acked);
	}
	disk_free(d);
	free(log);
	tree_free(&t);
	*cuts = cut;
	return fine;
}

static void all(const char *only)
{
	int cuts;
	for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
		if (!only || strstr(plans[i].name, only)) {
			bool fine = losses(&plans[i], &cuts);
			ok(fine, "%s: %d cuts, %ld trees recovered", plans[i].name, cuts, runs);
		}
}

static void all_needed(void)
{
	int cuts;
	quiet = !getenv("CRASH_VERBOSE");
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		for (size_t k = 0; k < sizeof plans / sizeof *plans; k++)
			if (strcmp(plans[k].name, needed[i].plan) == 0) {
				shared->omit = needed[i].omit;
				bool fine = losses(&plans[k], &cuts);
				ok(!fine, "without %s something is lost, after %ld trees", needed[i].what, runs);
			}
	shared->omit = OMIT_NOTHING;
}

int main(int argc, char **argv)
{
	/* CRASH_POWER: trees for each plan */
	const char *s = getenv("CRASH_POWER");
#ifdef __SANITIZE_ADDRESS__
	budget = 100;
#else
	budget = 1000;
#endif
	if (s)
		budget = strtol(s, NULL, 10);
	s = getenv("CRASH_SEED");
	seed = s ? (unsigned int)strtoul(s, NULL, 10) : 1;
	plan_start();
	all(argc > 1 ? argv[1] : NULL);
	budget = 1000000;
	if (argc < 2)
		all_needed();
	plan_end();
	return tap_done();
}
