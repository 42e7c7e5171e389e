/*
 * cpmail-conf - check cpmail.conf and show what is in force.
 */
#include "base/log.h"
#include "base/tool.h"
#include "conf/conf.h"

int main(int argc, char **argv)
{
	bool check = false, all = false, table = false;
	const char *file = NULL;
	const struct tool_option options[] = {
		{"config", 'c', "FILE", "the file (default: none, all knobs at their defaults)", .value = &file},
		{"check", 'n', NULL, "check only, with the files it names: say nothing, exit 0 or 100", .flag = &check},
		{"all", 'd', NULL,
		 "every knob with its effective value, not only those that differ from their defaults", .flag = &all},
		{"knobs", 'k', NULL,
		 "the table of knobs: name, type, scopes, default, bounds, topic, meaning; no file is read",
		 .flag = &table},
		{0}};
	const struct tool tool = {"cpmail-conf", "check cpmail.conf and show the values in force", "", 0, 0, options};
	tool_options(argc, argv, &tool);

	if (table) {
		conf_print_knobs(stdout);
		tool_close_stdout();
		return 0;
	}
	struct conf *c = conf_load(file);
	int errors = check ? conf_check_files(c, NULL) : 0;
	if (!check)
		conf_print(c, stdout, !all);
	conf_free(c);
	tool_close_stdout();
	log_flush();
	return errors ? EXIT_PERM : 0;
}
