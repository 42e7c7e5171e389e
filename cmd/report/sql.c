#include "sql.h"

#include "base/log.h"

sqlite3_stmt *sql_prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK)
		die_temp("state store: %s", sqlite3_errmsg(db));
	return st;
}

bool sql_row(sqlite3_stmt *st)
{
	int r = sqlite3_step(st);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		die_temp("state store: %s", sqlite3_errmsg(sqlite3_db_handle(st)));
	return r == SQLITE_ROW;
}

void sql_run(sqlite3_stmt *st)
{
	sql_row(st);
	sqlite3_reset(st);
}

void sql_text(sqlite3_stmt *st, int i, const char *value)
{
	if (value)
		sqlite3_bind_text(st, i, value, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, i);
}

const char *sql_string(sqlite3_stmt *st, int column)
{
	const unsigned char *value = sqlite3_column_text(st, column);
	return value ? (const char *)value : "";
}
