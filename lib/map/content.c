#include "map/content.h"
#include "base/hash.h"
#include "base/text.h"
#include "map/rcs.h"

#include <stdio.h>
#include <stdlib.h>

enum { ID_MAX = 255 };

struct part *part_new(enum part_kind kind, const char *type)
{
	struct part *part = xcalloc(1, sizeof *part);
	part->kind = kind;
	part->type = xstrdup(type);
	return part;
}

void part_param(struct part *part, const char *name, struct slice value)
{
	if (part->nparams == (int)(sizeof part->params / sizeof *part->params))
		return;
	struct buf clean = {0};
	struct param *to = &part->params[part->nparams++];
	text_sanitise(&clean, value, 512);
	snprintf(to->name, sizeof to->name, "%s", name);
	to->value = xstrdup(buf_str(&clean));
	buf_free(&clean);
}

void content_free(struct part *part)
{
	while (part) {
		struct part *next = part->next;
		content_free(part->child);
		for (int i = 0; i < part->nparams; i++)
			free(part->params[i].value);
		free(part->type), free(part->disposition), free(part->filename), free(part->id);
		buf_free(&part->text);
		free(part);
		part = next;
	}
}

/* ---- checks ---- */

/* 1.3: a disposition that nobody here knows makes the request unacceptable, unless it says that it may be ignored. */
static bool disposition_known(const struct entity *e)
{
	static const char *const known[] = {"render",
					    "inline",
					    "attachment",
					    "session",
					    "notification",
					    "recipient-list",
					    "recipient-list-history"};
	struct buf word = {0};
	bool good = !e->disposition.n;
	if (!good) {
		mime_word(e->disposition, &word);
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			good = good || strcmp(buf_str(&word), known[i]) == 0;
		good = good ||
		       (mime_param(e->disposition, "handling", &word) && strcasecmp(buf_str(&word), "optional") == 0);
	}
	buf_free(&word);
	return good;
}

static bool type_accepted(const char *type)
{
	static const char *const accepted[] = {"message/cpim",	    "text/plain",
					       "text/html",	    "multipart/mixed",
					       "multipart/related", "multipart/alternative",
					       "message/imdn+xml",  "application/im-iscomposing+xml"};
	for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
		if (strcmp(type, accepted[i]) == 0)
			return true;
	return false;
}

/* ---- table 3.11: content -> mail ---- */

/* clang-format off */
const struct content_row T311[] = {
	{"text/plain",                     CONTENT_SHORT, CONVERT(content_text), "text/plain; charset=UTF-8", "3.11"},
	{"text/html",                      CONTENT_ATTACHED, CONVERT(content_text), "text/html, attached", "3.11"},
	{"text/html",                      CONTENT_BESIDE, CONVERT(content_text), "text/html; charset=UTF-8", "3.11"},
	{"text/html",                      CONTENT_SHORT, CONVERT(content_alternative), "{text, html}", "7.6"},
	{"text/plain",                     CONTENT_ALWAYS, CONVERT(content_long_text), "streamed as it came", "3.11"},
	{"text/html",                      CONTENT_ALWAYS, CONVERT(content_long_text), "streamed as it came", "3.11"},
	{"multipart/signed",               CONTENT_ALWAYS, CONVERT(content_exact), "octet for octet", "RFC 1847 2.1"},
	{"multipart/encrypted",            CONTENT_ALWAYS, CONVERT(content_exact), "octet for octet", "RFC 1847 2.2"},
	{"multipart/related",              CONTENT_ALWAYS, CONVERT(content_multi), "same structure", "RFC 2387"},
	{"multipart/alternative",          CONTENT_ALWAYS, CONVERT(content_multi), "same structure", "RFC 2046 5.1.4"},
	{"multipart/*",                    CONTENT_ALWAYS, CONVERT(content_multi), "multipart/mixed", "RFC 2046 5.1.3"},
	{"application/resource-lists+xml", CONTENT_ALWAYS, CONVERT(content_list), "dropped; recipients", "1.4"},
	{"application/im-iscomposing+xml", CONTENT_ALWAYS, CONVERT(content_drop), "dropped", "3.11"},
	{"message/imdn+xml",               CONTENT_ALWAYS, CONVERT(content_report), "dropped; a report", "1.1"},
	{"message/cpim",                   CONTENT_UNWRAPPABLE, CONVERT(content_cpim), "unwrapped", "3.11"},
	{"message/rfc822",                 CONTENT_ALWAYS, CONVERT(content_exact), "kept", "3.11"},
	{"application/pkcs7-mime",         CONTENT_ALWAYS, CONVERT(content_smime), "same octets", "RFC 8551"},
	{"application/x-pkcs7-mime",       CONTENT_ALWAYS, CONVERT(content_smime), "same octets", "RFC 8551"},
	{RCS_FT_TYPE,                      CONTENT_ALWAYS, CONVERT(content_rcs), "text", "1.12"},
	{RCS_GEO_TYPE,                     CONTENT_ALWAYS, CONVERT(content_rcs), "text", "1.12"},
	{"image/*",                        CONTENT_ALWAYS, CONVERT(content_file), "attachment, base64", "RFC 2231"},
	{"audio/*",                        CONTENT_ALWAYS, CONVERT(content_file), "attachment, base64", "RFC 2231"},
	{"video/*",                        CONTENT_ALWAYS, CONVERT(content_file), "attachment, base64", "RFC 2231"},
	{"application/*",                  CONTENT_ALWAYS, CONVERT(content_file), "attachment, base64", "RFC 2231"},
	{"*",                              CONTENT_ALWAYS, CONVERT(content_file), "attachment, base64", "3.11"},
};
/* clang-format on */
const size_t T311_rows = sizeof T311 / sizeof *T311;

static const char *const when_names[] = {
	[CONTENT_ALWAYS] = "always",
	[CONTENT_SHORT] = "up to 1 MiB",
	[CONTENT_ATTACHED] = "attachment, up to 1 MiB",
	[CONTENT_BESIDE] = "beside text, up to 1 MiB",
	[CONTENT_UNWRAPPABLE] = "up to depth 3",
};

void content_print(FILE *to)
{
	fprintf(to, "T311: CPM content -> mail\n");
	for (size_t i = 0; i < T311_rows; i++)
		fprintf(to, "  %-44s %-26s %-38s %-22s %s\n", T311[i].type, when_names[T311[i].when], T311[i].mail,
			T311[i].converter, T311[i].clause);
}

static bool type_matches(const char *pattern, const char *type)
{
	size_t n = strlen(pattern);
	if (pattern[n - 1] == '*')
		return strncmp(pattern, type, n - 1) == 0;
	return strcmp(pattern, type) == 0;
}

static bool holds(enum content_when when, const struct entity *e, struct place at)
{
	bool fits = e->span.to - e->span.from <= CONTENT_TEXT_MAX;
	switch (when) {
	case CONTENT_ALWAYS:
		return true;
	case CONTENT_SHORT:
		return fits;
	case CONTENT_ATTACHED:
		return fits && content_attached(e);
	case CONTENT_BESIDE:
		return fits && at.beside_text;
	case CONTENT_UNWRAPPABLE:
		return at.cpim < PAGER_CPIM_DEPTH;
	}
	return false;
}

static struct part *by_table(struct pager *p, const struct entity *e, const char *type, struct place at)
{
	struct part *part = NULL;
	for (size_t i = 0; i < T311_rows; i++)
		if (type_matches(T311[i].type, type) && holds(T311[i].when, e, at) &&
		    T311[i].convert(p, e, type, at, &part))
			break;
	return part;
}

static void keep_id(struct part *part, struct slice id)
{
	if (!part || part->id || id.n < 3 || id.n > ID_MAX || id.p[0] != '<' || id.p[id.n - 1] != '>')
		return;
	for (size_t i = 1; i + 1 < id.n; i++)
		if (id.p[i] <= ' ' || id.p[i] >= 127 || id.p[i] == '<' || id.p[i] == '>')
			return;
	part->id = slice_dup(id);
}

struct part *content_entity(struct pager *p, const struct entity *e, struct place at)
{
	struct buf type = {0};
	if (++p->nparts > conf_int(p->tools->conf, "max_mime_parts", NULL) + 1) {
		pager_answer(p, 413, "Request Entity Too Large", "more than max_mime_parts parts");
		return NULL;
	}
	if (!disposition_known(e)) {
		pager_answer(p, 415, "Unsupported Media Type", "Content-Disposition is unknown");
		return NULL;
	}
	if (!e->type.n)
		buf_puts(&type, "text/plain");
	else if (!mime_word(e->type, &type) || !strchr(buf_str(&type), '/'))
		buf_clear(&type), buf_puts(&type, "application/octet-stream");
	struct part *part = by_table(p, e, buf_str(&type), at);
	keep_id(part, e->id);
	buf_free(&type);
	return part;
}

static bool root_accepted(struct pager *p, struct slice type)
{
	struct buf word = {0};
	bool good = mime_word(type, &word) && type_accepted(buf_str(&word));
	buf_free(&word);
	if (good)
		return true;
	p->header = "Accept";
	p->header_value =
		"message/cpim, text/plain, text/html, multipart/mixed, multipart/related, multipart/alternative";
	pager_answer(p, 415, "Unsupported Media Type", "type of the body is not served");
	return false;
}

enum pager_verdict content_plan(struct pager *p)
{
	const char *type = pager_header(p, "Content-Type");
	if (!type)
		type = record_str(record_get(p->sip, "body"), "type");
	if (p->body.size == 0)
		return p->verdict;
	struct slice root = slice_trim(slice_of(type ? type : "text/plain"));
	if (!root_accepted(p, root))
		return p->verdict;
	const char *disposition = pager_header(p, "Content-Disposition"),
		   *cte = pager_header(p, "Content-Transfer-Encoding");
	struct entity e = {.type = root,
			   .disposition = slice_of(disposition ? disposition : ""),
			   .cte = slice_of(cte ? cte : ""),
			   .id = {"", 0},
			   .source = &p->body,
			   .span = {0, p->body.size}};
	p->content = content_entity(p, &e, (struct place){0});
	if (p->verdict != PAGER_MAIL || !p->content)
		return p->verdict;
	if (p->content->kind == PART_FILE && p->content->disposition &&
	    !p->content->whole_type) { /* an attachment without a text (3.11) */
		struct part *mixed = part_new(PART_MULTI, "multipart/mixed");
		mixed->child = p->content;
		p->content = mixed;
	}
	return p->verdict;
}

uint64_t content_digest(const struct part *part)
{
	uint64_t h = 0;
	for (; part; part = part->next) {
		if (part->type)
			h = hash64(h, part->type, strlen(part->type));
		h = hash64(h, buf_str(&part->text), part->text.n);
		struct slice piece;
		for (int64_t at = part->span.from; part->source && at < part->span.to; at += (int64_t)piece.n) {
			piece = source_at(part->source, at, (size_t)(part->span.to - at));
			if (!piece.n)
				break;
			h = hash64(h, piece.p, piece.n);
		}
		uint64_t inner = part->child ? content_digest(part->child) : 0;
		h = hash64(h, &inner, sizeof inner);
	}
	return h;
}
