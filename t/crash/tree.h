/*
 * tree.h - a spool's files as values: read from disk, compared, written again.
 *
 * Ownership: a struct tree owns its files; tree_free() ends it. Paths are relative to the root.
 */
#ifndef CPMAIL_CRASH_TREE_H
#define CPMAIL_CRASH_TREE_H

#include "base/buf.h"

#include <stdint.h>

struct tree_file {
	char path[320];
	char *data;
	size_t n;
};

struct tree {
	struct tree_file *v;
	size_t n, cap;
};

void tree_add(struct tree *t, const char *path, const void *data, size_t n);
struct tree tree_copy(const struct tree *t);
void tree_free(struct tree *t);
/* All regular files below root, but locks, levels and what SQLite makes anew. */
struct tree tree_load(const char *root);
/* Empty the directories below root of files (locks and levels stay) and write these; their times are two hours ago, so
 * that a sweep takes open files for abandoned. Directories must be there. */
void tree_write(const char *root, const struct tree *t);
void tree_print(const struct tree *t);

#endif
