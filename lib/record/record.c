#include "record/record.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "record/json.h"

#include <stdio.h>
#include <stdlib.h>

static void broken(const char *what)
{
	log_msg(LOG_ERROR, "programming error: %s", what);
	log_flush();
	abort();
}

static const char *check_envelope(struct record *r, char why[128])
{
	static const char *const wanted[] = {"id", "trace", "time", "type"};
	json_t *v = json_object_get(r->root, "v");
	if (!json_is_integer(v))
		return "no record version \"v\"";
	if (json_integer_value(v) > RECORD_VERSION) {
		snprintf(why, 128, "record version %lld is newer than this program (%d)",
			 (long long)json_integer_value(v), RECORD_VERSION);
		return why;
	}
	if (json_integer_value(v) < 1)
		return "record version below 1";
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (!json_is_string(json_object_get(r->root, wanted[i]))) {
			snprintf(why, 128, "no envelope member \"%s\"", wanted[i]);
			return why;
		}
	return NULL;
}

/* Ids go into file names and log lines: letters, digits, - and _, at most 64. */
static bool good_id(const char *id)
{
	size_t n = strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");
	return n > 0 && n <= 64 && id[n] == '\0';
}

static bool bind(struct record *r)
{
	r->type = record_str(r->root, "type");
	r->id = record_str(r->root, "id");
	r->trace = record_str(r->root, "trace");
	char word[32];
	size_t n = strcspn(r->type, ".");
	if (n == 0 || n >= sizeof word)
		return false;
	memcpy(word, r->type, n);
	word[n] = '\0';
	r->member = json_object_get(r->root, word);
	return json_is_object(r->member);
}

static struct record *refuse(struct record *r, const char *reason, char why[128])
{
	if (reason != why)
		snprintf(why, 128, "%s", reason);
	record_free(r);
	return NULL;
}

struct record *record_parse(const char *line, size_t n, char why[128])
{
	if (n > RECORD_LINE_MAX)
		return refuse(NULL, "line over 1 MiB", why);
	const char *bad;
	size_t at;
	json_t *root = json_read(line, n, RECORD_DEPTH_MAX, &bad, &at);
	if (!root) {
		snprintf(why, 128, "not JSON: %.90s (octet %zu)", bad, at);
		return NULL;
	}
	struct record *r = xcalloc(1, sizeof *r);
	r->root = root;
	if (!json_is_object(root))
		return refuse(r, "not a JSON object", why);
	const char *reason = check_envelope(r, why);
	if (reason)
		return refuse(r, reason, why);
	if (!good_id(record_str(root, "id")) || !good_id(record_str(root, "trace")))
		return refuse(r, "envelope member \"id\" or \"trace\" is no id", why);
	int64_t ms;
	if (!clock_parse_iso(record_str(root, "time"), &ms, NULL))
		return refuse(r, "envelope member \"time\" is no RFC 3339 time", why);
	if (!bind(r))
		return refuse(r, "no member named after the type", why);
	return r;
}

struct record *record_new(const char *type, const char *id, const char *trace, int64_t time_ms)
{
	struct record *r = xcalloc(1, sizeof *r);
	char stamp[CLOCK_ISO], word[32];
	clock_iso(time_ms, stamp);
	r->root = json_object();
	record_set_int(r->root, "v", RECORD_VERSION);
	record_set(r->root, "id", id);
	record_set(r->root, "trace", trace);
	record_set(r->root, "time", stamp);
	record_set(r->root, "type", type);
	snprintf(word, sizeof word, "%.*s", (int)strcspn(type, "."), type);
	record_object(r->root, word);
	if (!bind(r))
		broken("record type without a first word");
	return r;
}

struct record *record_copy(const struct record *r)
{
	struct record *copy = xcalloc(1, sizeof *copy);
	copy->root = json_deep_copy(r->root);
	if (!copy->root || !bind(copy))
		broken("record_copy");
	return copy;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	json_decref(r->root);
	free(r);
}

bool record_line(const struct record *r, struct buf *out)
{
	size_t start = out->n;
	if (!json_write(r->root, out))
		broken("a record with a real number");
	if (out->n - start <= RECORD_LINE_MAX)
		return true;
	out->n = start;
	out->p[start] = '\0';
	log_event(LOG_ERROR, r->trace, "record-too-long", "id", r->id, "type", r->type, NULL);
	return false;
}

int64_t record_time(const struct record *r)
{
	int64_t ms = 0;
	clock_parse_iso(record_str(r->root, "time"), &ms, NULL);
	return ms;
}

const char *record_key(const struct record *r)
{
	return record_str(r->root, "key");
}

int record_shard(const struct record *r)
{
	return (int)record_int(r->root, "shard", -1);
}

void record_set_new(json_t *obj, const char *key, json_t *value)
{
	/* keys are ours or a record's: both are UTF-8 */
	if (json_object_set_new_nocheck(obj, key, value) != 0)
		broken("record member could not be set");
}

void record_set(json_t *obj, const char *key, const char *value)
{
	size_t n = value ? strlen(value) : 0;
	if (value)
		record_set_new(obj, key, utf8_valid(value, n) ? json_stringn_nocheck(value, n) : NULL);
}

void record_set_octets(json_t *obj, const char *key, const char *p, size_t n)
{
	if (utf8_valid(p, n) && !memchr(p, '\0', n)) {
		record_set_new(obj, key, json_stringn_nocheck(p, n));
		return;
	}
	struct buf text = {0}, raw = {0}, name = {0};
	utf8_scrub(&text, p, n);
	base64_put(&raw, p, n);
	buf_printf(&name, "%s_base64", key);
	record_set_new(obj, key, json_stringn(buf_str(&text), text.n));
	record_set_new(obj, buf_str(&name), json_stringn(buf_str(&raw), raw.n));
	buf_free(&text), buf_free(&raw), buf_free(&name);
}

void record_set_int(json_t *obj, const char *key, int64_t value)
{
	record_set_new(obj, key, json_integer(value));
}

void record_set_bool(json_t *obj, const char *key, bool value)
{
	record_set_new(obj, key, json_boolean(value));
}

json_t *record_object(json_t *obj, const char *key)
{
	json_t *v = json_object();
	record_set_new(obj, key, v);
	return v;
}

json_t *record_array(json_t *obj, const char *key)
{
	json_t *v = json_array();
	record_set_new(obj, key, v);
	return v;
}

json_t *record_get(const json_t *obj, const char *key)
{
	return json_object_get(obj, key);
}

const char *record_str(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

int64_t record_int(const json_t *obj, const char *key, int64_t fallback)
{
	json_t *v = json_object_get(obj, key);
	return json_is_integer(v) ? json_integer_value(v) : fallback;
}

bool record_bool(const json_t *obj, const char *key)
{
	return json_is_true(json_object_get(obj, key));
}

bool record_octets(const json_t *obj, const char *key, struct buf *out)
{
	json_t *v = json_object_get(obj, key);
	if (!json_is_string(v))
		return false;
	struct buf name = {0};
	buf_printf(&name, "%s_base64", key);
	const char *raw = record_str(obj, buf_str(&name));
	buf_free(&name);
	if (raw)
		return base64_get(out, raw, strlen(raw));
	buf_put(out, json_string_value(v), json_string_length(v));
	return true;
}

/* The text with U+FFFD in place of what is not UTF-8 or NUL; false if there was such a thing. */
static bool append_text(json_t *array, struct slice s)
{
	if (utf8_valid(s.p, s.n) && !(s.n && memchr(s.p, '\0', s.n))) {
		json_array_append_new(array, json_stringn_nocheck(s.n ? s.p : "", s.n));
		return true;
	}
	struct buf text = {0};
	utf8_scrub(&text, s.p, s.n);
	json_array_append_new(array, json_stringn_nocheck(buf_str(&text), text.n));
	buf_free(&text);
	return false;
}

void record_header_add(json_t *headers, struct slice name, struct slice value)
{
	json_t *pair = json_array();
	append_text(pair, name);
	if (!append_text(pair, value)) {
		struct buf raw = {0};
		base64_put(&raw, value.p, value.n);
		json_array_append_new(pair, json_stringn(buf_str(&raw), raw.n));
		buf_free(&raw);
	}
	if (json_array_append_new(headers, pair) != 0)
		broken("header could not be added");
}

bool record_header_is(const json_t *pair, const char *name, size_t n)
{
	const json_t *have = json_array_get(pair, 0);
	return json_string_length(have) == n && strncasecmp(json_string_value(have), name, n) == 0;
}

const char *record_header(const json_t *headers, const char *name, int n)
{
	size_t i, length = strlen(name);
	json_t *pair;
	json_array_foreach (headers, i, pair)
		if (record_header_is(pair, name, length) && n-- == 0)
			return json_string_value(json_array_get(pair, 1));
	return NULL;
}
