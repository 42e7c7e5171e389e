#include "cpim/cpim.h"

static const struct {
	enum imdn_wanted flag;
	const char *word;
} wanted_words[] = {
	{IMDN_POSITIVE_DELIVERY, "positive-delivery"},
	{IMDN_NEGATIVE_DELIVERY, "negative-delivery"},
	{IMDN_PROCESSING, "processing"},
	{IMDN_DISPLAY, "display"},
};

enum { NWORDS = sizeof wanted_words / sizeof *wanted_words };

unsigned imdn_wanted_read(struct slice list)
{
	unsigned set = 0;
	bool more = true;
	while (more) {
		bool params;
		struct slice item = slice_cut(&list, ',', &more);
		struct slice word = slice_trim(slice_cut(&item, ';', &params));
		for (int i = 0; i < NWORDS; i++)
			if (slice_ieq(word, wanted_words[i].word))
				set |= wanted_words[i].flag;
	}
	return set;
}

void imdn_wanted_write(struct buf *out, unsigned wanted)
{
	const char *between = "";
	for (int i = 0; i < NWORDS; i++) {
		if (!(wanted & wanted_words[i].flag))
			continue;
		buf_puts(out, between);
		buf_puts(out, wanted_words[i].word);
		between = ", ";
	}
}

bool imdn_is_report(struct slice content_type, struct slice disposition)
{
	struct buf type = {0}, word = {0};
	mime_word(content_type, &type);
	mime_word(disposition, &word);
	bool report = strcmp(buf_str(&type), "message/imdn+xml") == 0 ||
		      (strcmp(buf_str(&type), "multipart/mixed") == 0 && strcmp(buf_str(&word), "notification") == 0);
	buf_free(&type), buf_free(&word);
	return report;
}
