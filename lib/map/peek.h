/*
 * peek.h - one question to the state store of another program, read-only.
 *
 * A state store has one writer, its program (cmd/NAME, spool/state/NAME.db); who only wants to know opens it so. What
 * the writer has committed is seen by the next question. The file may not be there yet, may come, and may be replaced
 * while the process runs. Ownership: peek_new() gives it, peek_free() ends it.
 */
#ifndef CPMAIL_MAP_PEEK_H
#define CPMAIL_MAP_PEEK_H

#include <stdbool.h>

struct peek;
struct sqlite3_stmt;

enum peek_answer {
	PEEK_NONE, /* no row; also: no file, or the writer has not made its tables yet */
	PEEK_FOUND,
	PEEK_TROUBLE /* the store cannot be read now: ask again later; was logged */
};

/* The question: a SELECT with parameters, the keys. sql is kept, not copied. path NULL: always PEEK_NONE. */
struct peek *peek_new(const char *path, const char *sql);
/* row is called for each row, whose columns can be read then. */
enum peek_answer peek_ask(struct peek *p, const char *const *keys, int n,
			  void (*row)(struct sqlite3_stmt *st, void *ctx), void *ctx);
void peek_free(struct peek *p);

#endif
