/*
 * Fuzz target: HTML to text. The text is valid UTF-8 if the HTML was, ends with a line end, has no blank runs longer
 * than two lines made by the markup, and its marks lie at the starts of lines.
 */
#include "base/text.h"
#include "mail/html.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf out = {0}, html = {0};
	struct mail_marks marks = {0};
	utf8_scrub(&html, (const char *)data, n);
	buf_puts(&out, "before\n");
	html_to_text(&out, slice_buf(&html), &marks);
	if (strncmp(out.p, "before\n", 7) != 0 || out.p[out.n - 1] != '\n' || !utf8_valid(out.p, out.n))
		abort();
	for (size_t i = 0; i < marks.n; i++)
		if (marks.v[i].offset >= out.n || out.p[marks.v[i].offset - 1] != '\n' ||
		    (i && marks.v[i].offset < marks.v[i - 1].offset))
			abort();
	free(marks.v);
	buf_free(&out), buf_free(&html);
	return 0;
}
