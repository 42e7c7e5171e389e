#include "mail/flowed.h"

static void put_depth(struct buf *out, size_t depth)
{
	for (size_t i = 0; i < depth; i++)
		buf_putc(out, '>');
	if (depth)
		buf_putc(out, ' ');
}

void mail_unflow(struct buf *out, struct slice text, bool delsp)
{
	bool open = false, more = text.n > 0; /* open: the line before goes on here */
	size_t before = 0;
	while (more) {
		struct slice line = slice_cut(&text, '\n', &more);
		size_t depth = 0;
		while (depth < line.n && line.p[depth] == '>')
			depth++;
		line.p += depth, line.n -= depth;
		if (line.n && line.p[0] == ' ')
			line.p++, line.n--;
		bool delimiter = slice_eq(line, "-- ");
		if (open && (depth != before || delimiter || !line.n)) { /* an empty line is a paragraph's end */
			buf_putc(out, '\n');
			open = false;
		}
		if (!open)
			put_depth(out, depth);
		bool soft = !delimiter && line.n && line.p[line.n - 1] == ' ';
		if (soft && delsp)
			line.n--;
		buf_slice(out, line);
		open = soft && more;
		before = depth;
		if (!open && more)
			buf_putc(out, '\n');
	}
}
