#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_real_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int clock_ms_until(int64_t due_us, int64_t now_us)
{
	return due_us > now_us ? (int)((due_us - now_us + 999) / 1000) : 0;
}

void clock_iso(int64_t ms, char out[CLOCK_ISO])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	gmtime_r(&s, &tm);
	size_t n = strftime(out, CLOCK_ISO, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, CLOCK_ISO - n, ".%03dZ", (int)(ms % 1000));
}

static bool digits(const char **s, int n, int *out)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)(*s)[i]))
			return false;
		v = v * 10 + ((*s)[i] - '0');
	}
	*s += n;
	*out = v;
	return true;
}

static bool expect(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool parse_zone(const char **s, int *offset)
{
	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		*offset = 0;
		return true;
	}
	int sign = **s == '-' ? -1 : **s == '+' ? 1 : 0, h, m;
	if (!sign)
		return false;
	(*s)++;
	if (!digits(s, 2, &h) || !expect(s, ':') || !digits(s, 2, &m) || h > 23 || m > 59)
		return false;
	*offset = sign * (h * 60 + m);
	return true;
}

bool clock_parse_iso(const char *s, int64_t *ms, int *offset_min)
{
	struct tm tm = {0};
	int y, mo, d, h, mi, se, frac = 0, offset;
	if (!digits(&s, 4, &y) || !expect(&s, '-') || !digits(&s, 2, &mo) || !expect(&s, '-') || !digits(&s, 2, &d))
		return false;
	if (*s != 'T' && *s != 't')
		return false;
	s++;
	if (!digits(&s, 2, &h) || !expect(&s, ':') || !digits(&s, 2, &mi) || !expect(&s, ':') || !digits(&s, 2, &se))
		return false;
	if (*s == '.') {
		s++;
		int scale = 100;
		if (!isdigit((unsigned char)*s))
			return false;
		for (; isdigit((unsigned char)*s); s++, scale /= 10)
			frac += (*s - '0') * scale;
	}
	if (!parse_zone(&s, &offset) || *s)
		return false;
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (y < 1970 || mo < 1 || mo > 12 || d < 1 || d > days[mo - 1] || h > 23 || mi > 59 || se > 60)
		return false;
	if (mo == 2 && d == 29 && !((y % 4 == 0 && y % 100 != 0) || y % 400 == 0))
		return false;
	tm.tm_year = y - 1900, tm.tm_mon = mo - 1, tm.tm_mday = d, tm.tm_hour = h, tm.tm_min = mi, tm.tm_sec = se;
	*ms = ((int64_t)timegm(&tm) - offset * 60) * 1000 + frac;
	if (offset_min)
		*offset_min = offset;
	return true;
}

bool clock_parse_duration(const char *s, int64_t *seconds)
{
	if (!isdigit((unsigned char)*s) || strlen(s) > 12)
		return false;
	char *end;
	long long v = strtoll(s, &end, 10);
	int64_t unit = 1;
	if (*end) {
		if (end[1])
			return false;
		unit = *end == 's' ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 0;
		if (!unit)
			return false;
	}
	*seconds = v * unit;
	return true;
}
