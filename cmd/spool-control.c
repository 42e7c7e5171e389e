/*
 * spool-retry, spool-hold, spool-release, spool-rm - orders of a person for records that wait; ORDER says which program
 * this is.
 */
#include "base/log.h"
#include "base/tool.h"
#include "record/record.h"
#include "spool/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct control {
	const char *id, *domain, *state;
	bool all, verbose, compact, stopped;
	int64_t done;
	int64_t failures;
};

static bool to_domain(const struct record *r, const char *domain)
{
	const json_t *to = record_get(r->member, "to");
	const json_t *recipient;
	size_t i;
	json_array_foreach (to, i, recipient) {
		const char *address = record_str(recipient, "address"), *at = address ? strrchr(address, '@') : NULL;
		if (at && strcasecmp(at + 1, domain) == 0)
			return true;
	}
	return false;
}

static bool wanted(void *ctx, struct slice line)
{
	const struct control *c = ctx;
	char refused[128];
	struct record *r = record_parse(line.p, line.n, refused);
	bool yes = c->all && !c->id && !c->domain;
	if (r && (c->id || c->domain))
		yes = (!c->id || strcmp(r->id, c->id) == 0 || strcmp(r->trace, c->id) == 0) &&
		      (!c->domain || to_domain(r, c->domain));
	if (yes && c->verbose)
		printf("%s\n", r ? r->id : "(no record)");
	record_free(r);
	return yes;
}

struct walk {
	struct control *c;
	struct spool_control *handle;
};

static bool on_file(void *ctx, const struct spool_file *f)
{
	struct walk *w = ctx;
	if (w->c->state && strcmp(w->c->state, spool_state_name[f->state]) != 0)
		return true;
	int n = spool_control_apply(w->handle, ORDER, f, wanted, w->c);
	if (n < 0) {
		log_msg(LOG_ERROR, "%s:", f->path);
		w->c->failures++;
	} else {
		w->c->done += n;
	}
	return true;
}

static void on_queue(struct control *c, const char *path)
{
	char *queue = slice_dup(slice_of(path));
	size_t n = strlen(queue);
	while (n > 1 && queue[n - 1] == '/')
		queue[--n] = '\0';
	if (!spool_is_queue(queue))
		die_perm("%s: not a queue", path);
	struct walk w = {c, spool_control_open(queue)};
	if (!w.handle && errno == EBUSY)
		die_temp("%s: its program keeps records in order: stop it first", path);
	if (!w.handle)
		die_temp("%s:", path);
	if (spool_list(queue, spool_control_states(ORDER), on_file, &w) < 0)
		die_temp("%s:", path);
	spool_control_close(w.handle);
	free(queue);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {[SPOOL_RETRY] = "spool-retry",
					    [SPOOL_HOLD] = "spool-hold",
					    [SPOOL_RELEASE] = "spool-release",
					    [SPOOL_REMOVE] = "spool-rm"};
	static const char *const says[] = {[SPOOL_RETRY] = "try deferred records now",
					   [SPOOL_HOLD] = "set waiting and deferred records aside",
					   [SPOOL_RELEASE] = "let held records go",
					   [SPOOL_REMOVE] = "remove waiting, deferred, held and failed records"};
	static const char *const done[] = {[SPOOL_RETRY] = "tried again",
					   [SPOOL_HOLD] = "held",
					   [SPOOL_RELEASE] = "released",
					   [SPOOL_REMOVE] = "removed"};
	static struct control c;
	static const struct tool_option options[] = {
		{"id", 'i', "ID", "records with this id or trace", NULL, &c.id},
		{"domain", 'd', "DOMAIN", "mails to this domain", NULL, &c.domain},
		{"state", 's', "STATE", "only those in this state (see spool-ls)", NULL, &c.state},
		{"all", 'a', NULL, "all of them", &c.all, NULL},
		{"verbose", 'v', NULL, "print the ids", &c.verbose, NULL},
#if COMPACTS
		{"compact", 0, NULL, "make defer/, fail/, hold/ anew: small again; its programs are stopped",
		 &c.compact, NULL},
		{"stopped", 0, NULL, "who writes into the queue is stopped too: new/ as well", &c.stopped, NULL},
#endif
		{0},
	};
	const struct tool tool = {names[ORDER], says[ORDER], "QUEUE...", 1, -1, options};
	log_init(names[ORDER]);
	int at = tool_options(argc, argv, &tool);
	for (int i = at; c.compact && i < argc; i++) {
		int64_t n = spool_compact(argv[i], c.stopped);
		if (n < 0)
			die_temp("%s: %s", argv[i],
				 errno == EBUSY ? "its program runs: stop it first" : strerror(errno));
		printf("%s: %lld files in new directories\n", argv[i], (long long)n);
	}
	if (c.compact) {
		tool_close_stdout();
		return 0;
	}
	if (!c.id && !c.domain && !c.all)
		die_perm("which records? --id, --domain or --all");
	for (; at < argc; at++)
		on_queue(&c, argv[at]);
	if (!c.verbose)
		printf("%lld %s\n", (long long)c.done, done[ORDER]);
	tool_close_stdout();
	log_flush();
	return c.failures ? EXIT_TEMP : 0;
}
