/*
 * sql.h - the few things the stores of report do with SQLite. Errors of the database end the process (111): the batch
 * is done again.
 *
 * Ownership: a statement belongs to the store that prepared it; bound strings must live until it is reset.
 */
#ifndef CPMAIL_REPORT_SQL_H
#define CPMAIL_REPORT_SQL_H

#include "base/buf.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>

sqlite3_stmt *sql_prepare(sqlite3 *db, const char *sql);
/* A row (true), or the end. */
bool sql_row(sqlite3_stmt *st);
/* Run a statement that gives no rows, and reset it. */
void sql_run(sqlite3_stmt *st);
/* NULL is bound as NULL. */
void sql_text(sqlite3_stmt *st, int i, const char *value);
/* A text at i + 1 and, before it, its hash, the number by which rows are found; NULL is bound as NULL twice. */
void sql_hashed(sqlite3_stmt *st, int i, const char *p, size_t n);
/* A column that holds JSON, as a new reference; another value there ends the process. */
json_t *sql_json(sqlite3_stmt *st, int column);
/* A value as JSON into text, to be bound: it must live until the statement is reset. */
void sql_bind_json(sqlite3_stmt *st, int i, const json_t *value, struct buf *text);
/* A text column; "" for NULL. Lives until the statement moves on. */
const char *sql_string(sqlite3_stmt *st, int column);

#endif
