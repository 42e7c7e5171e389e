#include "smtp/direct/direct.h"

static const struct {
	const char *word;
	enum keyword bit;
} keywords[] = {
	{"PIPELINING", KEYWORD_PIPELINING}, {"8BITMIME", KEYWORD_8BITMIME}, {"DSN", KEYWORD_DSN},
	{"DELIVERBY", KEYWORD_DELIVERBY},   {"STARTTLS", KEYWORD_STARTTLS}, {"SIZE", KEYWORD_SIZE},
	{"SMTPUTF8", KEYWORD_SMTPUTF8},	    {"CHUNKING", KEYWORD_CHUNKING},
};

/* At most 15 digits: what is larger is no limit that could matter. */
static int64_t number(struct slice s)
{
	int64_t v = 0;
	size_t i = 0;
	while (i < s.n && i < 15 && s.p[i] >= '0' && s.p[i] <= '9')
		v = v * 10 + (s.p[i++] - '0');
	return i && (i == s.n || s.p[i] == ',' || s.p[i] == ' ') ? v : 0;
}

static bool has_plain(struct slice mechanisms)
{
	bool more = true, plain = false;
	while (more)
		plain = slice_ieq(slice_cut(&mechanisms, ' ', &more), "PLAIN") || plain;
	return plain;
}

static void take_line(struct offers *o, struct slice line)
{
	bool rest;
	line = slice_trim(line);
	struct slice word = slice_cut(&line, ' ', &rest);
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (slice_ieq(word, keywords[i].word))
			o->keywords |= keywords[i].bit;
	if (slice_ieq(word, "SIZE"))
		o->size_limit = number(line);
	else if (slice_ieq(word, "DELIVERBY"))
		o->by_minimum = number(line);
	else if (slice_ieq(word, "AUTH") && has_plain(line))
		o->keywords |= KEYWORD_AUTH_PLAIN;
}

void offers_read(struct offers *o, struct slice reply)
{
	bool more = true;
	o->keywords = 0;
	o->size_limit = o->by_minimum = 0;
	buf_clear(&o->text);
	slice_cut(&reply, '\n', &more); /* the host's name */
	if (!more)
		return;
	buf_slice(&o->text, reply);
	while (more)
		take_line(o, slice_cut(&reply, '\n', &more));
}

bool offers_word(const struct offers *o, const char *keyword)
{
	struct slice text = slice_buf(&o->text);
	bool more = text.n > 0, rest;
	while (more) {
		struct slice line = slice_trim(slice_cut(&text, '\n', &more));
		if (slice_ieq(slice_cut(&line, ' ', &rest), keyword))
			return true;
	}
	return false;
}

void offers_free(struct offers *o)
{
	buf_free(&o->text);
	*o = (struct offers){0};
}
