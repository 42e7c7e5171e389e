#include "record/record.h"
#include "base/text.h"

json_t *record_body_inline(const char *type, const char *p, size_t n)
{
	json_t *body = json_object();
	record_set(body, "type", type);
	if (utf8_valid(p, n) && !memchr(p, '\0', n)) {
		record_set_new(body, "text", json_stringn(p, n));
	} else {
		struct buf raw = {0};
		base64_put(&raw, p, n);
		record_set_new(body, "base64", json_stringn(buf_str(&raw), raw.n));
		buf_free(&raw);
	}
	return body;
}

json_t *record_body_blob(const char *type, const char *blobid, int64_t size)
{
	json_t *body = json_object();
	record_set(body, "type", type);
	record_set(body, "blob", blobid);
	record_set_int(body, "size", size);
	return body;
}

bool record_body_octets(const json_t *body, struct buf *out)
{
	json_t *text = json_object_get(body, "text");
	if (json_is_string(text)) {
		buf_put(out, json_string_value(text), json_string_length(text));
		return true;
	}
	const char *raw = record_str(body, "base64");
	return raw && base64_get(out, raw, strlen(raw));
}

int64_t record_body_size(const json_t *body)
{
	json_t *text = json_object_get(body, "text");
	if (json_is_string(text))
		return (int64_t)json_string_length(text);
	const char *raw = record_str(body, "base64");
	if (raw) {
		size_t n = strlen(raw), pad = 0;
		while (pad < 2 && pad < n && raw[n - 1 - pad] == '=')
			pad++;
		return (int64_t)(n / 4 * 3 - pad);
	}
	return record_body_blobid(body) ? record_int(body, "size", -1) : -1;
}

const char *record_body_blobid(const json_t *body)
{
	return record_str(body, "blob");
}
