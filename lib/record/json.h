/*
 * json.h - one line of JSON <-> a jansson tree: the inside of record.c.
 *
 * jansson's values carry the record; its own reader and writer take an octet at a time through callbacks and were the dearest
 * step of every filter. This reader accepts exactly what json_loadb() does with JSON_REJECT_DUPLICATES, and the writer gives
 * the octets of json_dumpb() with JSON_COMPACT: t/fuzz/record.c holds them side by side.
 */
#ifndef CPMAIL_RECORD_JSON_H
#define CPMAIL_RECORD_JSON_H

#include "base/buf.h"

#include <jansson.h>
#include <stdint.h>

/* Strict RFC 8259, one value; refuses duplicate keys, NUL, integers over 64 bits, nesting deeper than depth. NULL with the
 * reason in why and the octet (from 0) in *at; the caller owns the result. */
json_t *json_read(const char *p, size_t n, int depth, const char **why, size_t *at);
/* The first octet of [p, end) that cannot stand in a JSON string as it is: a quote, a backslash, a control. *high gathers
 * whether one before it is beyond ASCII (bit 7 set then). Eight octets at a time. */
static inline const char *json_plain(const char *p, const char *end, unsigned char *high)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	while (end - p >= 8) {
		uint64_t v, quote, slash;
		memcpy(&v, p, sizeof v);
		quote = v ^ (ones * '"');
		slash = v ^ (ones * '\\');
		if ((((v - ones * ' ') & ~v) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops)
			break;
		*high |= v & tops ? 0x80 : 0;
		p += 8;
	}
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\' || c < ' ')
			break;
		*high |= c;
	}
	return p;
}

/* Append the value, compact, members in order. False if it holds what a record must not (a real number). */
bool json_write(const json_t *value, struct buf *out);

#endif
