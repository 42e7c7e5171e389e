/*
 * tap.h - tests of C code that speak TAP: ok() and friends, tap_done() at the end of main().
 */
#ifndef CPMAIL_TAP_H
#define CPMAIL_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

static inline bool __attribute__((format(printf, 2, 3))) ok(bool good, const char *fmt, ...)
{
	char name[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(name, sizeof name, fmt, ap);
	va_end(ap);
	for (char *p = name; *p; p++)
		if (*p == '\n' || *p == '\r') /* one line a test */
			*p = ' ';
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++tap_count, name);
	if (!good)
		tap_failed++;
	fflush(stdout);
	return good;
}

static inline bool is_str(const char *got, const char *want, const char *name)
{
	bool same = got && want ? strcmp(got, want) == 0 : got == want;
	if (!ok(same, "%s", name))
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)", want ? want : "(null)");
	return same;
}

static inline bool is_int(long long got, long long want, const char *name)
{
	if (!ok(got == want, "%s", name))
		printf("#      got: %lld\n# expected: %lld\n", got, want);
	return got == want;
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif
