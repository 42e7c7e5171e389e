#include "mail/attachment.h"

#include "base/text.h"
#include "mail/body.h"
#include "mail/decode.h"

#include <stdlib.h>

enum { TYPE_MAX = 127, CID_MAX = 250 };

static bool count(void *ctx, struct slice piece)
{
	*(int64_t *)ctx += (int64_t)piece.n;
	return true;
}

/* "image/png" in lower case; what is no type is a stream of octets. */
static char *type_of(GMimeObject *o)
{
	GMimeContentType *t = g_mime_object_get_content_type(o);
	char *type = t ? g_mime_content_type_get_mime_type(t) : NULL;
	char *slash = type ? strchr(type, '/') : NULL;
	bool good = slash && strlen(type) <= TYPE_MAX && is_token(type, (size_t)(slash - type)) &&
		    is_token(slash + 1, strlen(slash + 1));
	char *out = xstrdup(good ? type : "application/octet-stream");
	for (char *p = out; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	g_free(type);
	return out;
}

/* A short value from a header, or NULL. */
static char *value_of(const char *value, size_t max)
{
	struct buf clean = {0};
	if (!value)
		return NULL;
	text_sanitise(&clean, slice_of(value), max);
	char *out = clean.n ? xstrdup(buf_str(&clean)) : NULL;
	buf_free(&clean);
	return out;
}

static char *name_of(GMimeObject *o, const char *type)
{
	const char *raw = g_mime_part_get_filename(GMIME_PART(o));
	struct buf name = {0};
	mail_file_name(&name, slice_of(raw ? raw : ""), slice_of(type));
	return name.p; /* never empty */
}

/* Is the type or the extension of the name among the blocked? */
static bool is_blocked(const char *const *blocked, const char *name, const char *type)
{
	for (; blocked && *blocked; blocked++) {
		const char *dot = strrchr(name, '.');
		if (strchr(*blocked, '/') ? strcasecmp(type, *blocked) == 0
					  : dot && strcasecmp(dot + 1, **blocked == '.' ? *blocked + 1 : *blocked) == 0)
			return true;
	}
	return false;
}

void mail_attachment_add(struct mail_text *t, const struct mail_text_limits *limits, GMimeObject *o, bool related)
{
	const char *disposition = g_mime_object_get_disposition(o);
	bool attached = disposition && strcasecmp(disposition, "attachment") == 0;
	struct mail_attachment a = {.type = type_of(o), .part = o};
	a.cid = value_of(g_mime_object_get_content_id(o), CID_MAX);
	a.is_inline = !attached && (disposition || (a.cid && related));
	bool image = strncmp(a.type, "image/", 6) == 0;
	if (!image || t->n_attachments < (size_t)limits->attachments)
		mail_part_decode(GMIME_PART(o), count, &a.size);
	bool logo = image && a.cid && (related || a.is_inline) && a.size < MAIL_SMALL_IMAGE;
	g_object_ref(o);
	if (logo || t->n_attachments >= (size_t)limits->attachments) {
		if (!logo) {
			t->n_left_out++;
			t->loss |= MAIL_LOSS_ATTACHMENTS;
		}
		mail_attachment_free(&a);
		return;
	}
	a.name = name_of(o, a.type);
	if (strncmp(a.type, "text/", 5) == 0)
		a.charset = value_of(g_mime_object_get_content_type_parameter(o, "charset"), CID_MAX);
	a.blocked = is_blocked(limits->blocked, a.name, a.type);
	t->attachments = xrealloc(t->attachments, (t->n_attachments + 1) * sizeof a);
	t->attachments[t->n_attachments++] = a;
}

void mail_attachment_free(struct mail_attachment *a)
{
	free(a->name);
	free(a->type);
	free(a->charset);
	free(a->cid);
	g_object_unref(a->part);
	*a = (struct mail_attachment){0};
}
