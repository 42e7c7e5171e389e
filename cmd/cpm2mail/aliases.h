/*
 * aliases.h - what a mail says in place of a name: told to the alias table of mail2cpm by `alias` records (2.1, 2.6,
 * 3.12), each once.
 *
 * Ownership: a struct aliases owns its statements and what was noted of the record in work.
 */
#ifndef CPM2MAIL_ALIASES_H
#define CPM2MAIL_ALIASES_H

#include "frame/frame.h"
#include "map/pager.h"

struct sqlite3_stmt;

#define ALIASES_SCHEMA                                                                                                 \
	"CREATE TABLE IF NOT EXISTS told ("                                                                            \
	" seq INTEGER PRIMARY KEY,"                                                                                    \
	" name TEXT NOT NULL UNIQUE,"                                                                                  \
	" at INTEGER NOT NULL);"

struct aliases {
	struct sqlite3 *db;
	struct sqlite3_stmt *tell, *prune;
	struct buf noted; /* long local parts and their URIs, a line each */
	unsigned told;	  /* since the last look for old rows */
};

void aliases_use(struct aliases *a, struct sqlite3 *db);
void aliases_end(struct aliases *a);
/* Watch the local parts that are made (map_watch_long()); what was noted before is forgotten by aliases_begin(). */
void aliases_watch(struct aliases *a, struct map_names *names);
void aliases_begin(struct aliases *a);
/* The records for a mail that goes out: in the same batch as the mail itself. */
void aliases_emit(struct aliases *a, struct frame_item *it, const struct pager *p, int64_t now_ms);
/* Forget what was told before before_ms: said again it does no harm. */
void aliases_prune(struct aliases *a, int64_t before_ms);

#endif
