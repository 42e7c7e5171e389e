#include "record/json.h"
#include "record/record.h"
#include "tap.h"

#include <stdlib.h>

static struct record *parse(const char *s, char why[128])
{
	why[0] = '\0';
	return record_parse(s, strlen(s), why);
}

static void refusals(void)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{"", "not JSON"},
		{"[]", "not a JSON object"},
		{"{\"id\":\"a\"}", "no record version"},
		{"{\"v\":2,\"id\":\"a\"}", "record version 2 is newer"},
		{"{\"v\":1,\"v\":1}", "not JSON: duplicate"},
		{"{\"v\":1,\"id\":\"a\",\"trace\":\"a\",\"type\":\"sip.request\"}", "no envelope member \"time\""},
		{"{\"v\":1,\"id\":\"a\",\"trace\":\"a\",\"type\":\"sip.request\",\"time\":\"now\",\"sip\":{}}", "no RFC 3339"},
		{"{\"v\":1,\"id\":\"a\",\"trace\":\"a\",\"type\":\"sip.request\",\"time\":\"2026-11-20T07:56:44.123Z\"}",
		 "no member named after the type"},
		{"{\"v\":1,\"id\":\"../a\",\"trace\":\"a\",\"type\":\"sip.x\",\"time\":\"2026-11-20T07:56:44.123Z\",\"sip\":{}}", "is no id"},
		{"{\"v\":1,\"id\":\"\",\"trace\":\"a\",\"type\":\"sip.x\",\"time\":\"2026-11-20T07:56:44.123Z\",\"sip\":{}}", "is no id"},
		{"{\"v\":1,\"id\":\"a\",\"trace\":\"a b\",\"type\":\"sip.x\",\"time\":\"2026-11-20T07:56:44.123Z\",\"sip\":{}}", "is no id"},
		{"{\"v\":1,\"x\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}", "nested deeper"},
		{"{\"v\":99999999999999999999}", "not JSON: too big integer"},
		{"{\"v\":1,\"id\":\"a\\u0000b\"}", "not JSON"},
		{"{\"v\":1} {}", "not JSON"},
	};
	char why[128];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct record *r = parse(bad[i].line, why);
		if (!ok(!r && strstr(why, bad[i].why),
			"refused: %s", bad[i].why))
			printf("# %s\n", why);
		record_free(r);
	}
}

static void round_trip(void)
{
	char id[RECORD_ID], why[128];
	record_id_derived(SLICE("x"), id);
	struct record *r = record_new("sip.request", id, id, 1796716604123);
	record_set_octets(r->member, "subject", "caf\xe9", 4);
	json_t *h = record_array(r->member, "headers");
	record_header_add(h, SLICE("Subject"), SLICE("caf\xe9"));
	record_header_add(h, SLICE("subject"), SLICE("two"));
	record_set_new(r->member, "body", record_body_inline("text/plain", "a\0b", 3));
	struct buf line = {0}, raw = {0};
	ok(record_line(r, &line), "written");
	record_free(r);
	r = record_parse(line.p, line.n, why);
	ok(r != NULL, "read again");
	is_str(record_str(r->member, "subject"), "caf\xef\xbf\xbd", "bad octet is marked");
	ok(record_octets(r->member, "subject", &raw) && raw.n == 4 && raw.p[3] == '\xe9', "and not lost");
	is_str(record_header(record_get(r->member, "headers"), "SUBJECT", 1), "two", "second header of a name");
	buf_clear(&raw);
	ok(record_body_octets(record_get(r->member, "body"), &raw) && raw.n == 3, "body with NUL");
	is_int(record_body_size(record_get(r->member, "body")), 3, "its size");
	is_int(record_time(r), 1796716604123, "time");
	struct buf again = {0};
	record_line(r, &again);
	is_str(buf_str(&again), buf_str(&line), "same octets again");
	buf_free(&line), buf_free(&raw), buf_free(&again);
	record_free(r);
}

static void ids(void)
{
	char a[RECORD_ID], b[RECORD_ID];
	record_id_new(1000000, a);
	record_id_new(2000000, b);
	ok(strlen(a) == 26 && strcmp(a, b) < 0, "ids sort by time");
	record_id_derived(SLICE("one"), a);
	record_id_derived(SLICE("one"), b);
	is_str(a, b, "derived ids repeat");
}

/* What is read and written is what jansson makes of it. */
static void beside_jansson(const char *text)
{
	struct buf b = {0}, line = {0};
	const char *why = "";
	size_t at;
	json_error_t err;
	buf_printf(&b, "{\"k\":[1,%s],\"o\":{\"text\":%s}}", text, text);
	json_t *want = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, &err), *got = json_read(b.p, b.n, 16, &why, &at);
	bool same = want ? got && json_equal(want, got) && json_write(got, &line) : !got && *why;
	char *theirs = want ? json_dumps(want, JSON_COMPACT) : NULL;
	ok(same && (!want || strcmp(theirs, line.p) == 0), "%s: %s", want ? "as jansson" : "refused", want ? text : why);
	free(theirs);
	json_decref(want), json_decref(got);
	buf_free(&b), buf_free(&line);
}

static void json(void)
{
	static const char *const strings[] = {
		"plain",	 "a\\r\\nb\\t\\f\\b\\/", "\\\\", "\\\\\\\"", "\\u0041\\u007f", "\\u00e9", "\\u001f\\u20ac",
		"\xc3\xa9\xf0\x9f\x98\x80", "\\ud83d\\ude00", "\\ud83d", "\\ude00", "\\ud83dx", "\\u0000", "\x01", "\xff",
		"\\x",	 "\\u00g0", "\\u00", "tail\\",
	};
	static const char *const values[] = {
		"0", "-0", "-7", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "01", "-", "+1", "1x", "true",
		"false", "null", "nul", "tru", "[]", "{}", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":[]}", "{a:1}", "[1 2]",
		" [ 1 , { \"x\" : \"y\" } ] ", "{\"a\"}", "{\"a\":}", "]", "\"", "", "{\"\\u0061\":{\"\\u0062\":1}}", "{\"a\\u0000\":1}",
		"1234567890123456789012345678901234567890123456789012345678901234567890",
	};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		beside_jansson(values[i]);
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
		for (int k = 0; k <= 1000; k += 500) { /* short ones, and such as are written in pieces */
			struct buf b = {0};
			buf_putc(&b, '"');
			for (int n = 0; n < k; n++)
				buf_puts(&b, "0123\\n789");
			buf_puts(&b, strings[i]);
			buf_putc(&b, '"');
			beside_jansson(buf_str(&b));
			buf_free(&b);
		}
	const char *why;
	size_t at;
	ok(!json_read("[1.5]", 5, 16, &why, &at) && strcmp(why, "a number that is no integer") == 0, "no real numbers");
	ok(!json_read("[[[[", 4, 2, &why, &at) && strstr(why, "nested"), "bounded depth");
	ok(!json_read("[1] 2", 5, 2, &why, &at) && at == 4, "the octet is told");
}

int main(void)
{
	json();
	refusals();
	round_trip();
	ids();
	return tap_done();
}
