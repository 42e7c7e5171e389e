#include "mail/seven.h"

#include "base/buf.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <unistd.h>

/* A file that has no name. */
static int scratch_file(void)
{
	FILE *f = tmpfile();
	int fd = f ? dup(fileno(f)) : -1;
	if (f)
		fclose(f);
	return fd;
}

static bool write_all(int fd, const char *p, int64_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, (size_t)n);
		if (done <= 0)
			return false;
		p += done;
		n -= done;
	}
	return true;
}

/*
 * Header lines of the mail or of a part with octets over 127 are not re-encoded: the result would not be 7-bit. And a
 * long non-ASCII parameter name in Content-Type sends the library's encoder into an endless loop.
 */
static bool header_is_raw(GMimeObject *o)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(o);
	for (int i = 0; i < g_mime_header_list_get_count(list); i++) {
		const char *raw = g_mime_header_get_raw_value(g_mime_header_list_get_header_at(list, i));
		for (; raw && *raw; raw++)
			if ((unsigned char)*raw >= 128)
				return true;
	}
	return false;
}

static void look_at_headers(GMimeObject *parent, GMimeObject *part, gpointer raw)
{
	(void)parent;
	if (header_is_raw(part))
		*(bool *)raw = true;
}

static bool re_encode(GMimeMessage *m, int out)
{
	GMimeFormatOptions *options = g_mime_format_options_new();
	GMimeStream *to = g_mime_stream_fs_new(dup(out));
	g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
	g_mime_object_encode(GMIME_OBJECT(m), GMIME_ENCODING_CONSTRAINT_7BIT);
	bool good = g_mime_object_write_to_stream(GMIME_OBJECT(m), options, to) >= 0 && g_mime_stream_flush(to) == 0;
	g_object_unref(to);
	g_mime_format_options_free(options);
	return good && lseek(out, 0, SEEK_SET) == 0;
}

static GMimeMessage *parse(int fd)
{
	GMimeStream *from = g_mime_stream_fs_new(dup(fd));
	GMimeParser *parser = g_mime_parser_new_with_stream(from);
	g_mime_parser_set_persist_stream(parser, TRUE);
	GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(from);
	return m;
}

int mail_seven_bit(const char *p, int64_t n, int fd, const char **why)
{
	static bool ready;
	bool raw = false;
	int in = fd >= 0 ? dup(fd) : scratch_file(), out = scratch_file();
	if (!ready)
		g_mime_init();
	ready = true;
	GMimeMessage *m = NULL;
	if (in < 0 || out < 0 || (fd < 0 && !write_all(in, p, n)) || lseek(in, 0, SEEK_SET) != 0)
		*why = "no scratch file for the conversion to 7-bit";
	else if (!(m = parse(in)))
		*why = "not a mail that can be converted to 7-bit";
	if (m) {
		look_at_headers(NULL, GMIME_OBJECT(m), &raw);
		if (g_mime_message_get_mime_part(m))
			look_at_headers(NULL, g_mime_message_get_mime_part(m), &raw);
		g_mime_message_foreach(m, look_at_headers, &raw);
	}
	bool good = m && !raw && re_encode(m, out);
	if (m && !good)
		*why = raw ? "8-bit octets in a header cannot be converted to 7-bit" : "the conversion to 7-bit failed";
	if (m)
		g_object_unref(m);
	if (in >= 0)
		close(in);
	if (!good && out >= 0)
		close(out);
	return good ? out : -1;
}
