/*
 * kill -9 before call k, for every k, of a producer, a filter, a recovery; and call k failing with every error.
 */
#include "plan.h"
#include "tap.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

static const struct plan plans[] = {
	{.name = "one part, single form", .batches = "1:a 2:a"},
	{.name = "dropped", .batches = "1: 2:"},
	{.name = "two parts", .batches = "1:ab 2:ab"},
	{.name = "three parts and a deferral", .batches = "1:a 2:b 3:f 4:da"},
	{.name = "deferred whole", .batches = "1:da"},
	{.name = "three inputs", .batches = "1:a/2:a/3:a"},
	{.name = "three inputs, three parts", .batches = "1:ab/2:f/3:b"},
	{.name = "three inputs, dropped", .batches = "1:/2:/3:"},
	{.name = "two filters", .batches = "1:x/2:xb"},
	{.name = "state", .batches = "1:a/2:db/3:", .state = true},
	{.name = "blobs", .batches = "1:ab!/2:a!/3:!/4:a"},
	{.name = "blobs deferred and failed", .batches = "1:da! 2:f! 3:b"},
	{.name = "effects", .batches = "1:a 2:a/3:ab", .effects = true},
	{.name = "strict form", .batches = "1:a/2:db 3:f", .strict = true},
	{.name = "producer", .batches = "1:a 2:b/3:a", .produce = true},
	{.name = "producer with blobs", .batches = "1:a! 2:b/3:a!", .produce = true},
	{.name = "producer, strict form", .batches = "1:a 2:b/3:a", .produce = true, .strict = true},
	PLANS_USED_AGAIN
	PLANS_READY
};

#ifdef __SANITIZE_ADDRESS__
enum { SLOW_FORK = true };
#else
enum { SLOW_FORK = false };
#endif

enum { NPLANS = sizeof plans / sizeof *plans };

static void fresh(const struct plan *p)
{
	struct tree t = plan_tree(p);
	tree_write(root, &t);
	tree_free(&t);
	memset(shared->acked, 0, sizeof shared->acked);
	memset(shared->noted, 0, sizeof shared->noted);
	shared->violation[0] = '\0';
}

/* Say what is wrong, once a plan. */
static bool good(const struct plan *p, const char *bad, const char *when, long k, long k2)
{
	if (!bad)
		return true;
	struct tree t = tree_load(root);
	printf("# %s: %s %ld, %ld: %s\n", p->name, when, k, k2, bad);
	tree_print(&t);
	tree_free(&t);
	return false;
}

static bool check_tree(const struct plan *p, bool final, const char *when, long k, long k2)
{
	struct tree t = tree_load(root);
	bool fine = good(p, plan_check(p, &t, final), when, k, k2) &&
		    (!final || good(p, plan_check_state(p, &t), when, k, k2));
	tree_free(&t);
	return fine;
}

/* Open files in tmp/ become old enough for a sweep; the tree stays. */
static void age(void)
{
	struct tree t = tree_load(root);
	tree_write(root, &t);
	tree_free(&t);
}

static bool drain(const struct plan *p, const char *when, long k, long k2)
{
	age();
	int status = plan_drain(p);
	if (status != 0) {
		printf("# %s: %s %ld, %ld: the drain ends with %d\n", p->name, when, k, k2, status);
		return false;
	}
	return check_tree(p, true, when, k, k2);
}

/* From this tree: die at every k2 of the recovery, recover from that. */
static bool recover_and_die(const struct plan *p, long k, int stride, long *runs)
{
	struct tree dead = tree_load(root);
	bool noted[PLAN_RECORDS], fine = true;
	memcpy(noted, shared->noted, sizeof noted);
	for (long k2 = 1 + k % stride; fine; k2 += stride) {
		tree_write(root, &dead);
		memcpy(shared->noted, noted, sizeof noted);
		shared->stop_at = k2;
		int status = plan_recover(p);
		(*runs)++;
		if (!shared->happened) {
			fine = status == 0;
			break;
		}
		fine = status == -SIGKILL && check_tree(p, false, "second death at", k, k2) &&
		       drain(p, "drained after second death at", k, k2);
	}
	tree_write(root, &dead);
	memcpy(shared->noted, noted, sizeof noted);
	tree_free(&dead);
	return fine;
}

static void deaths(const struct plan *p, int stride)
{
	bool fine = true;
	long k, runs = 0;
	shared->error = 0;
	shared->all_calls = false;
	long step = SLOW_FORK && p->through ? 5 : 1; /* the long ones: a share */
	for (k = 1; fine; k += step) {
		fresh(p);
		shared->stop_at = k;
		int status = plan_run(p);
		runs++;
		if (!shared->happened) {
			fine = status == 0 && drain(p, "undisturbed", k, 0);
			break;
		}
		fine = status == -SIGKILL && check_tree(p, false, "death at", k, 0) &&
		       recover_and_die(p, k, stride, &runs) && drain(p, "drained after death at", k, 0);
	}
	ok(fine && k > 3, "%s: death before %ld of %ld calls, %ld runs", p->name, (k - 1) / step, k - 1, runs);
}

static void errors(const struct plan *p, int error, const char *name, int stride)
{
	bool fine = true;
	long k;
	shared->error = error;
	shared->all_calls = true;
	for (k = 1; fine; k += stride) {
		fresh(p);
		shared->stop_at = k;
		int status = plan_run(p);
		bool happened = shared->happened || shared->calls >= k;
		fine = (status == 0 || status == 111) && check_tree(p, false, name, k, 0) && drain(p, name, k, 0);
		if (!happened)
			break;
	}
	ok(fine && k > 3, "%s: %s from each of %ld calls", p->name, name, k - 1);
}

int main(int argc, char **argv)
{
	/* CRASH_FULL=1: every second death and every error, not a share of them */
	bool full = getenv("CRASH_FULL") != NULL;
	int share = full ? 1 : SLOW_FORK ? 9 : 1;
	plan_start();
	for (int i = 0; i < NPLANS; i++) {
		if (argc > 1 && !strstr(plans[i].name, argv[1]))
			continue;
		deaths(&plans[i], full ? 1 : 5 * share);
		errors(&plans[i], ENOSPC, "ENOSPC", full ? 1 : 2 * share);
		errors(&plans[i], EIO, "EIO", full ? 1 : 3 * share);
		errors(&plans[i], EMFILE, "EMFILE", full ? 1 : 4 * share);
		errors(&plans[i], SYS_SHORT, "short write", full ? 1 : 4 * share);
	}
	plan_end();
	return tap_done();
}
