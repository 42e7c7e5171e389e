/*
 * Fuzz target: a MESSAGE (Request-URI, header lines, an empty line, a body) all the way to its mail. Whatever it holds,
 * the mail must be one that a mail server takes: CRLF line ends only, no NUL, no line over 998, header names of our
 * own, header in ASCII.
 */
#include "gateway.h"
#include "map/content.h"
#include "map/table.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct map_tools tools;
static const struct map_io io;

static void setup(void)
{
	tools = (struct map_tools){.conf = conf_read(NULL), .names = gateway_names(), .io = &io};
	if (!tools.conf || !tools.names)
		abort();
}

static struct record *request(struct slice in)
{
	struct record *r = record_new("sip.request", "id", "id", 1772699401000);
	bool more = true;
	record_set(r->member, "method", "MESSAGE");
	struct slice uri = slice_trim(slice_cut(&in, '\n', &more));
	record_set_octets(r->member, "uri", uri.p, uri.n);
	record_set_bool(record_object(r->member, "peer"), "trusted", true);
	json_t *headers = record_array(r->member, "headers");
	record_header_add(headers, SLICE("From"), SLICE("<sip:alice@ims.example.net>;tag=1"));
	record_header_add(headers, SLICE("Call-ID"), SLICE("c"));
	record_header_add(headers, SLICE("CSeq"), SLICE("1 MESSAGE"));
	while (more) {
		struct slice line = slice_trim(slice_cut(&in, '\n', &more));
		bool colon;
		struct slice name = slice_cut(&line, ':', &colon);
		if (!name.n)
			break;
		if (json_array_size(headers) < 100)
			record_header_add(headers, name, slice_trim(line));
	}
	if (in.n > RECORD_INLINE_MAX)
		in.n = RECORD_INLINE_MAX;
	record_set_new(r->member, "body", record_body_inline("", in.p, in.n));
	return r;
}

static bool known(struct slice line)
{
	for (size_t i = 0; i < T2_rows; i++)
		if (slice_istarts(line, T2[i].element) && line.p[strlen(T2[i].element)] == ':')
			return true;
	return slice_istarts(line, "Content-Type:") || slice_istarts(line, "Content-Transfer-Encoding:") ||
	       slice_istarts(line, "Content-Disposition:") || slice_istarts(line, "Content-ID:");
}

static void check(struct slice mail)
{
	bool header = true, more = true;
	if (memchr(mail.p, '\0', mail.n) || mail.n < 2 || mail.p[mail.n - 1] != '\n')
		abort();
	while (mail.n && more) {
		struct slice line = slice_cut(&mail, '\n', &more);
		if (!line.n || line.p[line.n - 1] != '\r' || memchr(line.p, '\r', line.n - 1))
			abort();
		if (--line.n > 998)
			abort();
		if (!line.n)
			header = false;
		for (size_t i = 0; header && i < line.n; i++)
			if ((unsigned char)line.p[i] >= 127 || ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t'))
				abort();
		if (header && line.p[0] != ' ' && !known(line))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct pager p;
	if (!tools.conf)
		setup();
	struct record *r = request((struct slice){(const char *)data, n});
	pager_begin(&p, &tools, r, 1772699401000);
	if (p.verdict == PAGER_MAIL && pager_recipients(&p) == PAGER_MAIL) {
		struct buf key = {0}, mail = {0};
		json_t *body = pager_build(&p);
		pager_key(&p, &key);
		if (body) {
			struct record *out = record_new("mail.out", "o", "o", 0);
			record_body_octets(body, &mail);
			if (!p.utf8)
				check(slice_buf(&mail));
			pager_fill(&p, out->member, body, buf_str(&key));
			record_free(out);
		}
		buf_free(&key), buf_free(&mail);
	}
	pager_end(&p);
	record_free(r);
	return 0;
}
