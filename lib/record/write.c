#include "record/json.h"

#include <stdint.h>
#include <stdio.h>

enum { ESCAPE = 6 }; /* octets of the longest: \uXXXX */

static char *write_escape(unsigned char c, char *at)
{
	static const char hex[] = "0123456789ABCDEF", from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *known = c ? strchr(from, c) : NULL;
	*at++ = '\\';
	if (known) {
		*at++ = to[known - from];
		return at;
	}
	memcpy(at, "u00", 3);
	at[3] = hex[c >> 4];
	at[4] = hex[c & 15];
	return at + 5;
}

static void write_string(const char *p, size_t n, struct buf *out)
{
	const char *end = p + n;
	unsigned char high = 0;
	buf_putc(out, '"');
	for (;;) {
		const char *stop = json_plain(p, end, &high);
		buf_put(out, p, (size_t)(stop - p));
		if (stop == end)
			break;
		out->n = (size_t)(write_escape((unsigned char)*stop, buf_room(out, ESCAPE)) - out->p);
		p = stop + 1;
	}
	buf_putc(out, '"');
}

static void write_integer(json_int_t v, struct buf *out)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, v);
	buf_put(out, text, (size_t)n);
}

static bool write_object(const json_t *value, struct buf *out)
{
	json_t *object = (json_t *)(uintptr_t)value; /* jansson's iterators take no const */
	bool first = true;
	buf_putc(out, '{');
	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
		if (!first)
			buf_putc(out, ',');
		first = false;
		write_string(json_object_iter_key(i), json_object_iter_key_len(i), out);
		buf_putc(out, ':');
		if (!json_write(json_object_iter_value(i), out))
			return false;
	}
	buf_putc(out, '}');
	return true;
}

static bool write_array(const json_t *value, struct buf *out)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (i)
			buf_putc(out, ',');
		if (!json_write(json_array_get(value, i), out))
			return false;
	}
	buf_putc(out, ']');
	return true;
}

bool json_write(const json_t *value, struct buf *out)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return write_object(value, out);
	case JSON_ARRAY:
		return write_array(value, out);
	case JSON_STRING:
		write_string(json_string_value(value), json_string_length(value), out);
		return true;
	case JSON_INTEGER:
		write_integer(json_integer_value(value), out);
		return true;
	case JSON_TRUE:
		buf_puts(out, "true");
		return true;
	case JSON_FALSE:
		buf_puts(out, "false");
		return true;
	case JSON_NULL:
		buf_puts(out, "null");
		return true;
	case JSON_REAL:
		break;
	}
	return false;
}
