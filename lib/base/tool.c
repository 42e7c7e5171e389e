#include "base/tool.h"
#include "base/buf.h"
#include "base/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static void put_option(char letter, const char *name, const char *arg, const char *help)
{
	char left[64];
	snprintf(left, sizeof left, "--%s%s%s", name, arg ? "=" : "", arg ? arg : "");
	printf("  %c%c%c %-22s %s\n", letter ? '-' : ' ', letter ? letter : ' ', letter ? ',' : ' ', left, help);
}

static void help(const struct tool *t)
{
	printf("%s - %s\nusage: %s [options]%s%s\n", t->name, t->summary, t->name, *t->operands ? " " : "",
	       t->operands);
	for (const struct tool_option *o = t->options; o->name; o++)
		put_option(o->letter, o->name, o->arg, o->help);
	put_option('h', "help", NULL, "this text");
	tool_close_stdout();
	exit(0);
}

static void usage(const struct tool *t)
{
	fprintf(stderr, "usage: %s [options]%s%s (--help tells more)\n", t->name, *t->operands ? " " : "", t->operands);
	exit(EXIT_PERM);
}

static void set_option(const struct tool_option *o)
{
	if (o->flag)
		*o->flag = true;
	else
		*o->value = optarg;
}

int tool_options(int argc, char **argv, const struct tool *t)
{
	size_t n = 0;
	while (t->options[n].name)
		n++;
	struct option *table = xcalloc(n + 2, sizeof *table);
	struct buf letters = {0};
	buf_puts(&letters, "h");
	for (size_t i = 0; i < n; i++) {
		const struct tool_option *o = &t->options[i];
		table[i] = (struct option){o->name, o->arg ? required_argument : no_argument, NULL, 256 + (int)i};
		if (o->letter)
			buf_printf(&letters, "%c%s", o->letter, o->arg ? ":" : "");
	}
	table[n] = (struct option){"help", no_argument, NULL, 'h'};
	log_init(t->name);
	for (int c; (c = getopt_long(argc, argv, buf_str(&letters), table, NULL)) != -1;) {
		const struct tool_option *found = c >= 256 ? &t->options[c - 256] : NULL;
		for (size_t i = 0; i < n && c < 256; i++)
			if (t->options[i].letter == c)
				found = &t->options[i];
		if (c == 'h' && !found)
			help(t);
		if (c == '?' || !found)
			usage(t);
		set_option(found);
	}
	free(table);
	buf_free(&letters);
	if (argc - optind < t->least || (t->most >= 0 && argc - optind > t->most))
		usage(t);
	return optind;
}

void tool_close_stdout(void)
{
	if (fflush(stdout) != 0 || ferror(stdout) || fclose(stdout) != 0)
		die_temp("standard output:");
}
