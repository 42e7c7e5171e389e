#include "mode.h"

enum fits { FITS_PAGER, FITS_STREAM, FITS_NOTHING };
enum holds { TEXT_ONLY, WITH_FILES, ANYTHING };

/* 7.7 from the top. Sessions have rows of their own once there are any; until then what does not fit a pager message is
 * one MESSAGE over TCP. */
static const struct {
	enum holds holds;
	enum fits fits;
	enum mode mode;
} rows[] = {
	{ANYTHING, FITS_PAGER, MODE_PAGER},
	{ANYTHING, FITS_STREAM, MODE_STREAM},
	{WITH_FILES, FITS_NOTHING, MODE_NOTE},
	{TEXT_ONLY, FITS_NOTHING, MODE_REFUSE},
};

static enum fits fits(const struct mode_question *q)
{
	if (q->request <= q->pager_max)
		return FITS_PAGER;
	return q->stream && q->content <= q->large_max ? FITS_STREAM : FITS_NOTHING;
}

enum mode mode_choose(const struct mode_question *q)
{
	enum fits f = fits(q);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].fits == f &&
		    (rows[i].holds == ANYTHING || rows[i].holds == (q->files ? WITH_FILES : TEXT_ONLY)))
			return rows[i].mode;
	return MODE_REFUSE;
}

const char *mode_name(enum mode m)
{
	static const char *const names[] = {"pager", "stream", "note", "refuse"};
	return names[m];
}

void mode_print(FILE *to)
{
	static const char *const what[] = {"text only", "with attachments", "anything"};
	static const char *const where[] = {"fits pager_max", "fits max_large_in, by TCP", "fits nowhere"};
	fputs("7.7: content -> mode\n", to);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		fprintf(to, "  %-33s %-30s %s\n", what[rows[i].holds], where[rows[i].fits], mode_name(rows[i].mode));
}
