#include "sql.h"

#include "base/hash.h"
#include "base/log.h"
#include "record/json.h"
#include "record/record.h"

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

void sql_hashed(sqlite3_stmt *st, int i, const char *p, size_t n)
{
	if (p) {
		sqlite3_bind_int64(st, i, (int64_t)hash64(0, p, n));
		sqlite3_bind_text(st, i + 1, p, (int)n, SQLITE_STATIC);
	} else {
		sqlite3_bind_null(st, i);
		sqlite3_bind_null(st, i + 1);
	}
}

json_t *sql_json(sqlite3_stmt *st, int column)
{
	const char *why;
	size_t at;
	const char *text = sql_string(st, column);
	json_t *value = json_read(text, (size_t)sqlite3_column_bytes(st, column), RECORD_DEPTH_MAX, &why, &at);
	if (!value)
		die_temp("state store: %s at octet %zu of what should be JSON", why, at);
	return value;
}

void sql_bind_json(sqlite3_stmt *st, int i, const json_t *value, struct buf *text)
{
	if (!json_write(value, text))
		die_temp("state store: JSON that is no record's");
	sqlite3_bind_text(st, i, text->p, (int)text->n, SQLITE_STATIC);
}

const char *sql_string(sqlite3_stmt *st, int column)
{
	const unsigned char *value = sqlite3_column_text(st, column);
	return value ? (const char *)value : "";
}
