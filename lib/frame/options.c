#include "frame/private.h"
#include "base/clock.h"
#include "base/log.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPT_HELP = 256, OPT_VERSION, OPT_NOW, OPT_STATE, OPT_ORDERED, OPT_METRICS, OPT_OWN };

static const struct {
	struct option o;
	const char *arg, *help;
} common[] = {
	{{"config", required_argument, NULL, 'c'}, "FILE", "configuration (cpmail.conf(5)); default: every knob's default"},
	{{"input", required_argument, NULL, 'i'}, "QUEUE", "read records from a spool queue instead of standard input"},
	{{"output", required_argument, NULL, 'o'}, "[TYPE=]QUEUE[/N]", "write records (of a type) to a spool queue (divided in N)"},
	{{"errors", required_argument, NULL, 'e'}, "FILE", "pipe: append records that failed or must wait to FILE"},
	{{"blobs", required_argument, NULL, 'B'}, "DIR", "pipe: where large bodies are"},
	{{"slot", required_argument, NULL, 'w'}, "N", "take worker slot N (1..64) of the queue"},
	{{"ordered", no_argument, NULL, OPT_ORDERED}, NULL, "one worker; records of a conversation keep their order"},
	{{"state", required_argument, NULL, OPT_STATE}, "FILE", "pipe: keep the state store in FILE, not in memory"},
	{{"metrics", required_argument, NULL, OPT_METRICS}, "DIR", "keep a file of counters for Prometheus in DIR"},
	{{"now", required_argument, NULL, OPT_NOW}, "TIME", "take TIME (RFC 3339) for the clock: repeatable output"},
	{{"help", no_argument, NULL, OPT_HELP}, NULL, "this text"},
	{{"version", no_argument, NULL, OPT_VERSION}, NULL, "the version"},
};
enum { COMMON = sizeof common / sizeof *common };

static void help_line(char letter, const char *name, const char *arg, const char *help)
{
	char left[64];
	int n = letter ? snprintf(left, sizeof left, "-%c, --%s", letter, name) : snprintf(left, sizeof left, "    --%s", name);
	if (arg && n < (int)sizeof left)
		snprintf(left + n, sizeof left - (size_t)n, " %s", arg);
	printf("  %-34s %s\n", left, help);
}

static void help(const struct frame_program *p)
{
	printf("usage: %s [options]%s%s\n%s\n\n", p->name, p->operands ? " " : "", p->operands ? p->operands : "", p->summary);
	for (const struct frame_option *o = p->options; o && o->name; o++)
		help_line(o->letter, o->name, o->arg, o->help);
	if (p->options)
		putchar('\n');
	for (int i = 0; i < COMMON; i++)
		help_line(common[i].o.val < 256 ? (char)common[i].o.val : 0, common[i].o.name, common[i].arg, common[i].help);
	printf("\nRecords are JSON, one a line (cpmail-record(5)); log lines go to standard error. Its page: man %s.\n"
	       "Exit status: 0 done, 100 a record or the usage was refused, 111 try again.\n",
	       p->name);
}

static void set_common(struct frame *f, int opt, char *arg)
{
	switch (opt) {
	case 'c':
		f->conf_file = arg;
		break;
	case 'i':
		f->in_queue = arg;
		break;
	case 'o':
		frame_sink_add(f, arg);
		break;
	case 'e':
		f->error_fd = open(arg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (f->error_fd < 0)
			die_perm("%s:", arg);
		break;
	case 'B':
		f->blob_dir = xstrdup(arg);
		break;
	case 'w':
		f->worker_options.slot = atoi(arg);
		if (f->worker_options.slot < 1 || f->worker_options.slot > SPOOL_SLOTS)
			die_perm("--slot %s: not a slot (1..%d)", arg, SPOOL_SLOTS);
		break;
	case OPT_ORDERED:
		f->worker_options.ordered = true;
		break;
	case OPT_STATE:
		f->db_file = arg;
		break;
	case OPT_METRICS:
		f->metrics_option = arg;
		break;
	case OPT_NOW:
		if (!clock_parse_iso(arg, &f->now_ms, NULL))
			die_perm("--now %s: not an RFC 3339 time", arg);
		f->now_fixed = true;
		break;
	}
}

/* One getopt table out of the common options and the program's own, whose letters win. */
void frame_options(struct frame *f, int argc, char **argv)
{
	const struct frame_program *p = f->program;
	size_t own = 0;
	while (p->options && p->options[own].name)
		own++;
	struct option *all = xcalloc(COMMON + own + 1, sizeof *all);
	struct buf letters = {0};
	buf_puts(&letters, "+:");
	for (size_t i = 0; i < own; i++) {
		const struct frame_option *o = &p->options[i];
		all[i] = (struct option){o->name, o->arg ? required_argument : no_argument, NULL, OPT_OWN + (int)i};
		if (o->letter)
			buf_printf(&letters, "%c%s", o->letter, o->arg ? ":" : "");
	}
	for (int i = 0; i < COMMON; i++) {
		all[own + (size_t)i] = common[i].o;
		if (common[i].o.val < 256 && !strchr(letters.p, common[i].o.val))
			buf_printf(&letters, "%c%s", common[i].o.val, common[i].arg ? ":" : "");
	}
	opterr = 0;
	for (int opt; (opt = getopt_long(argc, argv, letters.p, all, NULL)) != -1;) {
		if (opt == '?' || opt == ':')
			die_perm("%s option %s; see %s --help", opt == ':' ? "an argument is missing behind" : "unknown",
				 argv[optind - 1], p->name);
		const struct frame_option *mine = opt >= OPT_OWN ? &p->options[opt - OPT_OWN] : NULL;
		for (size_t i = 0; !mine && opt < 256 && i < own; i++)
			if (p->options[i].letter == opt)
				mine = &p->options[i];
		if (opt == OPT_HELP || opt == OPT_VERSION) {
			if (opt == OPT_HELP)
				help(p);
			else
				printf("%s (cpmail) %s\n", p->name, CPMAIL_VERSION);
			free(all);
			buf_free(&letters);
			exit(fflush(stdout) == 0 ? 0 : EXIT_TEMP);
		}
		if (mine)
			mine->set(f->ctx, optarg);
		else
			set_common(f, opt, optarg);
	}
	while (p->operand && optind < argc)
		p->operand(f->ctx, argv[optind++]);
	if (optind < argc)
		die_perm("what is \"%s\"? see %s --help", argv[optind], p->name);
	free(all);
	buf_free(&letters);
}
