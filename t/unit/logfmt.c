#include "base/logfmt.h"
#include "base/log.h"
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

static const char line[] = "2026-11-20_07:56:44.12345 2026-11-20T07:56:44.123Z level=info prog=x trace=t event=done "
			   "text=\"a \\\"b\\\" \\\\ "
			   "\\n\\x1b\" empty=\"\" last=1";

static void get(const char *key, const char *want)
{
	struct buf value = {0};
	bool found = logfmt_get(slice_of(line), key, &value);
	is_str(found ? buf_str(&value) : NULL, want, key);
	buf_free(&value);
}

/* What log.h writes is what logfmt.h reads. */
static void there_and_back(void)
{
	static const char odd[] = "q\"uote \\ = \n tab\t \xc2\x85 \xff end";
	int fd[2];
	char text[1024];
	struct buf value = {0};
	int64_t ms = 0;
	if (pipe(fd) != 0 || dup2(fd[1], 2) < 0)
		abort();
	log_init("test");
	log_event(LOG_WARN, "trace1", "odd", "value", odd, NULL);
	ssize_t n = read(fd[0], text, sizeof text - 1);
	struct slice got = {text, n > 0 ? (size_t)n - 1 : 0};
	ok(logfmt_get(got, "value", &value) && value.n == strlen(odd) && memcmp(value.p, odd, value.n) == 0,
	   "an odd value comes back");
	ok(logfmt_time(got, &ms) && ms > 1500000000000, "with the time");
	buf_free(&value);
}

int main(void)
{
	int64_t ms = 0;
	get("level", "info");
	get("trace", "t");
	get("text", "a \"b\" \\ \n\x1b");
	get("empty", "");
	get("last", "1");
	get("as", NULL);
	ok(logfmt_time(slice_of(line), &ms), "the time is found behind a stamp of the log service");
	is_int(ms, 1795161404123, "and right");
	ok(!logfmt_time(slice_of("level=info at=2026-11-20T07:56:44.123Z"), &ms), "a time that is a value is not it");
	there_and_back();
	return tap_done();
}
