#include "map/rows.h"

bool rows_element(const struct map_family *f, void *m, const struct map_row *rows, size_t n, const char *element,
		  struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].convert && strcmp(rows[i].element, element) == 0 && f->yields(m, &rows[i], out))
			return true;
	return false;
}

bool rows_each(const struct map_family *f, void *m, const struct map_row *rows, size_t n, rows_put *put, void *ctx)
{
	struct buf value = {0};
	bool complete = true;
	for (size_t i = 0; i < n;) {
		const char *element = rows[i].element;
		bool must = rows[i].status == 'M' && rows[i].convert, done = false;
		for (; i < n && strcmp(rows[i].element, element) == 0; i++) {
			buf_clear(&value);
			if (done || !rows[i].convert || !f->yields(m, &rows[i], &value))
				continue;
			done = true;
			put(ctx, &rows[i], slice_buf(&value));
		}
		complete = complete && (done || !must);
	}
	buf_free(&value);
	return complete;
}

void rows_print(FILE *to, const char *title, const struct map_family *f, const struct map_row *rows, size_t n)
{
	fprintf(to, "%s\n", title);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "  %-28s %c  %-30s %-28s %-24s %s\n", rows[i].element, rows[i].status,
			f->sources[rows[i].source], f->whens[rows[i].when],
			rows[i].converter ? rows[i].converter : "never written", rows[i].clause);
}
