/*
 * tool.h - options of the tools that are no filters (spool-ls, trace, cpmail-conf): one table drives parsing and
 * --help.
 *
 * Ownership: values point into argv.
 */
#ifndef CPMAIL_TOOL_H
#define CPMAIL_TOOL_H

#include <stdbool.h>
#include <stddef.h>

struct tool_option {
	const char *name; /* long form, without dashes */
	char letter;
	const char *arg; /* name of its argument in --help; NULL: a flag */
	const char *help;
	bool *flag;	    /* set to true; or */
	const char **value; /* set to the argument */
};

struct tool {
	const char *name;
	const char *summary;		   /* one line */
	const char *operands;		   /* "[QUEUE...]", "" */
	int least, most;		   /* operands; most -1: any number */
	const struct tool_option *options; /* ended by a zeroed one */
};

/* Reads the options; returns the index of the first operand. --help prints and ends with 0, an unknown option or a
 * wrong number of operands with 100. */
int tool_options(int argc, char **argv, const struct tool *t);
/* Flush and check standard output: ends with 111 if something could not be written. */
void tool_close_stdout(void);

#endif
