#include "mail/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

enum { OFFSET_MAX = 24 * 60 - 1 };

void mail_date_put(struct buf *out, int64_t ms, int offset_min)
{
	struct tm tm;
	if (offset_min > OFFSET_MAX || offset_min < -OFFSET_MAX)
		offset_min = 0;
	int64_t s = ms / 1000 - (ms % 1000 < 0);
	time_t local = (time_t)(s + offset_min * 60);
	if (!gmtime_r(&local, &tm) || tm.tm_year < 0 || tm.tm_year > 9999 - 1900) { /* what no header can hold */
		local = 0;
		offset_min = 0;
		gmtime_r(&local, &tm);
	}
	int off = abs(offset_min);
	buf_printf(out, "%.3s, %02d %.3s %04d %02d:%02d:%02d %c%02d%02d", days + 3 * tm.tm_wday, tm.tm_mday,
		   months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
		   offset_min < 0 ? '-' : '+', off / 60, off % 60);
}

void mail_header_date(struct buf *out, const char *name, int64_t ms, int offset_min)
{
	struct mail_field f;
	struct buf text = {0};
	mail_field_begin(&f, out, name);
	mail_date_put(&text, ms, offset_min);
	mail_field_word(&f, slice_buf(&text));
	mail_field_end(&f);
	buf_free(&text);
}

static struct slice next_word(struct slice *s)
{
	*s = slice_trim(*s);
	size_t n = 0;
	while (n < s->n && !memchr(" \t\r\n,", s->p[n], 5))
		n++;
	struct slice word = {s->p, n};
	s->p += n, s->n -= n;
	if (s->n && s->p[0] == ',')
		s->p++, s->n--;
	return word;
}

static bool number(struct slice s, size_t min, size_t max, int *out)
{
	*out = 0;
	if (s.n < min || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*out = *out * 10 + (s.p[i] - '0');
	}
	return true;
}

/* hh:mm or hh:mm:ss */
static bool time_of_day(struct slice s, struct tm *tm)
{
	bool more, seconds;
	struct slice h = slice_cut(&s, ':', &more), m = slice_cut(&s, ':', &seconds);
	if (!more || !number(h, 1, 2, &tm->tm_hour) || !number(m, 2, 2, &tm->tm_min))
		return false;
	return (seconds ? number(s, 2, 2, &tm->tm_sec) : true) && tm->tm_hour < 24 && tm->tm_min < 60 &&
	       tm->tm_sec <= 60;
}

/* The names that RFC 5322 4.3 knows; the meaning of other letters is lost. */
static bool named_zone(struct slice s, int *offset_min)
{
	static const struct {
		const char *name;
		int hours;
	} row[] = {{"GMT", 0},	{"UT", 0},   {"UTC", 0},  {"Z", 0},    {"EST", -5}, {"EDT", -4},
		   {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (slice_ieq(s, row[i].name)) {
			*offset_min = 60 * row[i].hours;
			return true;
		}
	return false;
}

static bool zone(struct slice s, int *offset_min)
{
	int v;
	*offset_min = 0;
	if (s.n == 0)
		return false;
	if (s.p[0] != '+' && s.p[0] != '-')
		return named_zone(s, offset_min);
	if (!number((struct slice){s.p + 1, s.n - 1}, 4, 4, &v) || v % 100 > 59 || v / 100 > 23)
		return false;
	*offset_min = (v / 100 * 60 + v % 100) * (s.p[0] == '-' ? -1 : 1);
	return true;
}

static int find3(const char *list, struct slice word)
{
	for (int i = 0; list[3 * i] && word.n == 3; i++)
		if (strncasecmp(list + 3 * i, word.p, 3) == 0)
			return i;
	return -1;
}

static int month_days(int month, int year)
{
	static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return length[month] + (month == 1 && leap);
}

bool mail_date_parse(struct slice s, int64_t *ms, int *offset_min)
{
	struct tm tm = {0};
	struct slice word = next_word(&s);
	if (find3(days, word) >= 0)
		word = next_word(&s);
	int day, year;
	bool good = number(word, 1, 2, &day) && day >= 1 && day <= 31;
	tm.tm_mon = find3(months, next_word(&s));
	good = number(next_word(&s), 4, 4, &year) && year >= 1970 && good && tm.tm_mon >= 0;
	good = time_of_day(next_word(&s), &tm) && good;
	good = zone(next_word(&s), offset_min) && good;
	s = slice_trim(s);
	if (!good || (s.n && s.p[0] != '(')) /* a comment may follow the zone */
		return false;
	tm.tm_mday = day;
	tm.tm_year = year - 1900;
	if (day > month_days(tm.tm_mon, year))
		return false;
	*ms = ((int64_t)timegm(&tm) - *offset_min * 60) * 1000;
	return true;
}
