#include "mail/decode.h"

#include <unistd.h>

enum { PARAM_NAME_MAX = 40, NESTED_MAX = 1100 /* deeper than the parser goes */ };

/* ---- the library's messages go nowhere: standard error is the log's ---- */

static void silent(const char *domain, GLogLevelFlags level, const char *text, gpointer ctx)
{
	(void)domain, (void)level, (void)text, (void)ctx;
}

static void ready(void)
{
	static bool done;
	if (done)
		return;
	g_log_set_handler("gmime", G_LOG_LEVEL_MASK, silent, NULL);
	g_mime_init();
	done = true;
}

/* ---- header fields that no mail program writes ---- */

static bool sane_names(GMimeParamList *list)
{
	for (int i = 0; list && i < g_mime_param_list_length(list); i++) {
		const char *name = g_mime_param_get_name(g_mime_param_list_get_parameter_at(list, i));
		size_t n = 0;
		for (; name && name[n]; n++)
			if (n == PARAM_NAME_MAX || (unsigned char)name[n] >= 127)
				return false;
	}
	return true;
}

static bool sane(GMimeObject *o, int depth)
{
	GMimeContentDisposition *d = g_mime_object_get_content_disposition(o);
	GMimeContentType *t = g_mime_object_get_content_type(o);
	if (depth > NESTED_MAX || (t && !sane_names(g_mime_content_type_get_parameters(t))) ||
	    (d && !sane_names(g_mime_content_disposition_get_parameters(d))))
		return false;
	if (GMIME_IS_MULTIPART(o)) {
		for (int i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(o)); i++)
			if (!sane(g_mime_multipart_get_part(GMIME_MULTIPART(o), i), depth + 1))
				return false;
	} else if (GMIME_IS_MESSAGE_PART(o)) {
		GMimeMessage *m = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
		GMimeObject *inner = m ? g_mime_message_get_mime_part(m) : NULL;
		return !inner || sane(inner, depth + 1);
	}
	return true;
}

bool mail_part_sane(GMimeObject *o)
{
	return sane(o, 0);
}

/* ---- fields that say how the body is to be read ---- */

/* "Name:", without a blank before the colon. */
static bool is_field(struct slice line)
{
	size_t n = 0;
	while (n < line.n && line.p[n] > ' ' && line.p[n] < 127 && line.p[n] != ':')
		n++;
	return n > 0 && n < line.n && line.p[n] == ':';
}

static bool is_blank(struct slice line)
{
	return slice_trim(line).n == 0;
}

/*
 * Append these fields, and the body: the library takes addresses and dates of all others apart too, which nobody asks it
 * for and which is a third of its time for a short mail. false: a line of the header is no field, and where the header
 * ends is the library's to say.
 */
static bool only_content(struct buf *out, struct slice mail)
{
	bool keep = false, first = true;
	buf_puts(out, "MIME-Version: 1.0\r\n");
	while (mail.n) {
		const char *lf = memchr(mail.p, '\n', mail.n);
		struct slice line = {mail.p, lf ? (size_t)(lf - mail.p) + 1 : 0};
		if (line.n && (line.p[0] == '\n' || (line.n == 2 && line.p[0] == '\r'))) {
			buf_slice(out, mail);
			return !first;
		}
		bool folded = line.n && !first && (line.p[0] == ' ' || line.p[0] == '\t') && !is_blank(line);
		if (!folded && !is_field(line))
			return false;
		keep = folded ? keep : slice_istarts(line, "Content-");
		if (keep)
			buf_slice(out, line);
		first = false;
		mail.p += line.n;
		mail.n -= line.n;
	}
	return false;
}

static GMimeStream *open_octets(struct slice mail)
{
	struct buf lean = {0};
	bool good = only_content(&lean, mail);
	GMimeStream *stream = good ? g_mime_stream_mem_new_with_buffer(lean.p, lean.n) :
				     g_mime_stream_mem_new_with_buffer(mail.p, mail.n);
	buf_free(&lean);
	return stream;
}

GMimeMessage *mail_message_open(const char *p, size_t n, int fd, const char **why)
{
	ready();
	int own = fd >= 0 ? dup(fd) : -1;
	*why = "the file of the mail cannot be read";
	if (fd >= 0 && (own < 0 || lseek(own, 0, SEEK_SET) != 0)) {
		if (own >= 0)
			close(own);
		return NULL;
	}
	GMimeStream *stream = fd >= 0 ? g_mime_stream_fs_new(own) : open_octets((struct slice){p, n});
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	g_mime_parser_set_persist_stream(parser, TRUE); /* bodies stay where they are */
	GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	GMimeObject *root = m ? g_mime_message_get_mime_part(m) : NULL;
	*why = !root ? "no header of a mail" : mail_part_sane(root) ? NULL : "a parameter name that is none";
	if (m && *why) {
		g_object_unref(m);
		m = NULL;
	}
	return m;
}
