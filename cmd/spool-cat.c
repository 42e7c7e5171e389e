/*
 * spool-cat - print the records of queues, states of queues, files; or those of one id.
 */
#include "base/log.h"
#include "base/tool.h"
#include "record/record.h"
#include "spool/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct cat {
	const char *id; /* NULL: all */
	unsigned states;
	int64_t printed;
};

static bool wanted(const struct cat *c, struct slice line)
{
	char refused[128];
	if (!c->id)
		return line.n > 0;
	struct record *r = record_parse(line.p, line.n, refused);
	bool yes = r && (strcmp(r->id, c->id) == 0 || strcmp(r->trace, c->id) == 0);
	record_free(r);
	return yes;
}

static bool print_file(void *ctx, const struct spool_file *f)
{
	struct cat *c = ctx;
	struct buf lines = {0};
	bool more = true;
	if (!spool_file_read(f, &lines) && errno != ENOENT)
		log_msg(LOG_ERROR, "%s:", f->path);
	for (struct slice rest = slice_buf(&lines); more && rest.n;) {
		struct slice line = slice_cut(&rest, '\n', &more);
		if (!wanted(c, line))
			continue;
		fwrite(line.p, 1, line.n, stdout);
		putchar('\n');
		c->printed++;
	}
	buf_free(&lines);
	return true;
}

/* ROOT/QUEUE/new is the state of a queue: that of its name. */
static bool is_state(const char *path, char **queue, unsigned *states)
{
	static const struct {
		const char *dir;
		unsigned states;
	} dirs[] = {{"new", 1u << SPOOL_WAITING},
		    {"cur", 1u << SPOOL_CLAIMED | 1u << SPOOL_LEAVING},
		    {"defer", 1u << SPOOL_DEFERRED},
		    {"fail", 1u << SPOOL_FAILED},
		    {"hold", 1u << SPOOL_HELD}};
	const char *slash = strrchr(path, '/');
	for (size_t i = 0; slash && i < sizeof dirs / sizeof dirs[0]; i++) {
		if (strcmp(slash + 1, dirs[i].dir) != 0)
			continue;
		*queue = slice_dup((struct slice){path, (size_t)(slash - path)});
		*states = dirs[i].states;
		if (spool_is_queue(*queue))
			return true;
		free(*queue);
	}
	return false;
}

static bool cat_root(struct cat *c, const char *root)
{
	char **names = spool_queue_names(root);
	if (!names || !*names) {
		spool_names_free(names);
		return false;
	}
	for (char **n = names; *n; n++) {
		char *path = xasprintf("%s/%s", root, *n);
		if (spool_list(path, c->states, print_file, c) < 0)
			log_msg(LOG_ERROR, "%s:", path);
		free(path);
	}
	spool_names_free(names);
	return true;
}

static bool cat_operand(struct cat *c, const char *given)
{
	char *path = xstrdup(given), *queue;
	struct stat st;
	unsigned states;
	bool good = true;
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	if (spool_is_queue(path)) {
		good = spool_list(path, c->states, print_file, c) >= 0;
	} else if (is_state(path, &queue, &states)) {
		good = spool_list(queue, states, print_file, c) >= 0;
		free(queue);
	} else if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		struct spool_file f = {.path = path, .queue = "", .batch = ""};
		print_file(c, &f);
	} else {
		errno = 0;
		good = cat_root(c, path);
	}
	if (!good)
		log_msg(LOG_ERROR, "%s: %s", given,
			errno ? strerror(errno) : "neither queue, state of a queue, spool nor file");
	free(path);
	return good;
}

static unsigned parse_states(const char *text)
{
	for (unsigned i = 0; i < SPOOL_STATES; i++)
		if (strcmp(text, spool_state_name[i]) == 0)
			return 1u << i;
	die_perm("no state %s: waiting, claimed, leaving, deferred or failed", text);
}

int main(int argc, char **argv)
{
	struct cat c = {.states = (1u << SPOOL_STATES) - 1};
	const char *state = NULL, *root = "spool";
	const struct tool_option options[] = {
		{"root", 'r', "DIR", "the spool that is read when no operand is given (default: spool)",
		 .value = &root},
		{"state", 's', "STATE", "only waiting, claimed, leaving, deferred or failed", .value = &state},
		{"id", 'i', "ID", "only records of this id or trace", .value = &c.id},
		{0}};
	const struct tool tool = {
		"spool-cat", "print records of the spool, one a line", "[SPOOL | QUEUE | QUEUE/STATE | FILE]...", 0, -1,
		options};
	int first = tool_options(argc, argv, &tool);

	bool good = true;
	if (state)
		c.states = parse_states(state);
	if (first == argc)
		good = cat_operand(&c, root);
	for (int i = first; i < argc; i++)
		good = cat_operand(&c, argv[i]) && good;
	if (c.id && !c.printed) {
		log_msg(LOG_ERROR, "no record of id or trace %s", c.id);
		good = false;
	}
	tool_close_stdout();
	log_flush();
	return good ? 0 : EXIT_PERM;
}
