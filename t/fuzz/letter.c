/*
 * Fuzz target: a mail all the way to its message. Whatever it holds, the request's header fields are lines of UTF-8
 * without controls, the CPIM header has only the names of E3, each once and on one line, and what is said to be the
 * length of the text is its length.
 */
#include "gateway.h"
#include "base/text.h"
#include "map/enclose.h"
#include "map/letters.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct letter_tools tools;
static const struct map_io io;

static bool trusts(void *ctx, const json_t *peer)
{
	(void)ctx, (void)peer;
	return true;
}

static void setup(void)
{
	tools = (struct letter_tools){
		.conf = conf_read(NULL), .names = gateway_names(), .io = &io, .trusts = trusts};
	if (!tools.conf || !tools.names)
		abort();
}

static struct record *record(struct slice in)
{
	struct record *r = record_new("mail.in", "id", "id", 1772699401000);
	json_t *to = json_object();
	record_set(r->member, "from", "bob@example.org");
	record_set(to, "address", "alice@rcs.example.net");
	record_set(to, "cpm", "sip:alice@ims.example.net");
	json_array_append_new(record_array(r->member, "to"), to);
	if (in.n > RECORD_INLINE_MAX)
		in.n = RECORD_INLINE_MAX;
	record_set_new(r->member, "body", record_body_inline("message/rfc822", in.p, in.n));
	return r;
}

static void check_line(struct slice line)
{
	if (!utf8_valid(line.p, line.n))
		abort();
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' || line.p[i] == 127)
			abort();
}

static void check_sip(const json_t *sip)
{
	const json_t *headers = record_get(sip, "headers");
	for (size_t i = 0; i < json_array_size(headers); i++)
		for (size_t k = 0; k < json_array_size(json_array_get(headers, i)); k++) {
			const json_t *text = json_array_get(json_array_get(headers, i), k);
			check_line((struct slice){json_string_value(text), json_string_length(text)});
		}
}

static bool known(struct slice line)
{
	for (size_t i = 0; i < E3_rows; i++)
		if (slice_istarts(line, E3[i].element) && line.p[strlen(E3[i].element)] == ':')
			return true;
	return false;
}

static struct slice next_line(struct slice *rest)
{
	bool more;
	struct slice line = slice_cut(rest, '\n', &more);
	if (!more || !line.n || line.p[line.n - 1] != '\r')
		abort();
	line.n--;
	return line;
}

static void check_cpim(struct slice message, const struct enclose *e)
{
	size_t froms = 0, length = SIZE_MAX;
	for (struct slice line; (line = next_line(&message)).n;) {
		check_line(line);
		froms += slice_istarts(line, "From:");
		if (!known(line))
			abort();
	}
	for (struct slice line; (line = next_line(&message)).n;)
		if (slice_istarts(line, "Content-Length: "))
			length = strtoul(line.p + 16, NULL, 10);
	if (froms != 1 || (!enclose_sent(e) && (length != message.n || !utf8_valid(message.p, message.n))))
		abort();
}

static void one(struct letter *l)
{
	struct enclose e;
	struct correlation found = {0};
	buf_puts(&found.conv, "c"), buf_puts(&found.contr, "d");
	letter_thread(l, &found);
	correlation_free(&found);
	if (l->from.n && enclose_begin(&e, l)) {
		enclose_recipient(&e);
		json_t *sip = json_object();
		struct buf text = {0};
		int64_t size;
		if (!letter_put_sip(l, sip))
			abort();
		check_sip(sip);
		json_t *body = enclose_body(&e, LETTER_LIST_NONE, &size);
		if (body && record_body_octets(body, &text))
			check_cpim(slice_buf(&text), &e);
		json_decref(body);
		json_decref(enclose_body(&e, letter_list(l), &size));
		json_decref(sip);
		buf_free(&text);
		enclose_end(&e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct letter l;
	if (!tools.conf)
		setup();
	struct record *r = record((struct slice){(const char *)data, n});
	if (letter_begin(&l, &tools, r, 1772699401000) && letter_recipient(&l, 0))
		one(&l);
	letter_end(&l);
	record_free(r);
	return 0;
}
