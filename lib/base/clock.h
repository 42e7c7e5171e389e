/*
 * clock.h - time of day and monotonic time, in integers.
 */
#ifndef CPMAIL_CLOCK_H
#define CPMAIL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_ISO = 32 };

/* Microseconds since 1970, and monotonic microseconds (deadlines). */
int64_t clock_real_us(void);
int64_t clock_mono_us(void);
/* Milliseconds from now until due (both in µs of one clock), rounded up, so that it is due when they are over; 0: it is. */
int clock_ms_until(int64_t due_us, int64_t now_us);
/* "2026-11-20T07:56:44.123Z" from milliseconds since 1970; out holds CLOCK_ISO octets. */
void clock_iso(int64_t ms, char out[CLOCK_ISO]);
/* RFC 3339 date-time with any offset and fraction -> milliseconds since 1970; false if it is none. *offset_min (may be NULL):
 * the zone as it stood, in minutes. */
bool clock_parse_iso(const char *s, int64_t *ms, int *offset_min);
/* "90", "90s", "10m", "4h", "7d" -> seconds; false if it is none. */
bool clock_parse_duration(const char *s, int64_t *seconds);

#endif
