#include "record/record.h"
#include "tap.h"

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

int main(void)
{
	refusals();
	round_trip();
	ids();
	return tap_done();
}
