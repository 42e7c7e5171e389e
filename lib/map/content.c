#include "map/content.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { ID_MAX = 255 };

/* Where the walk is. */
struct place {
	int depth;	  /* of multiparts */
	int cpim;	  /* wrappers around */
	bool alternative; /* a child of multipart/alternative that has a text/plain child */
};

static struct part *plan(struct pager *p, const struct entity *e, struct place at);

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
	static const char *const known[] = {"render", "inline", "attachment", "session", "notification", "recipient-list",
					    "recipient-list-history"};
	struct buf word = {0};
	bool good = !e->disposition.n;
	if (!good) {
		mime_word(e->disposition, &word);
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			good = good || strcmp(buf_str(&word), known[i]) == 0;
		good = good || (mime_param(e->disposition, "handling", &word) && strcasecmp(buf_str(&word), "optional") == 0);
	}
	buf_free(&word);
	return good;
}

static bool type_accepted(const char *type)
{
	static const char *const accepted[] = {"message/cpim", "text/plain", "text/html", "multipart/mixed", "multipart/related",
					       "multipart/alternative", "message/imdn+xml", "application/im-iscomposing+xml"};
	for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
		if (strcmp(type, accepted[i]) == 0)
			return true;
	return false;
}

static struct part *refuse(struct pager *p, int status, const char *reason, const char *why)
{
	pager_answer(p, status, reason, why);
	return NULL;
}

/* ---- composites ---- */

/* The entity's octets may themselves be encoded, which MIME forbids for composites and some senders do: then they are decoded into memory. */
static bool unfold_transfer(struct pager *p, struct entity *e)
{
	if (transfer_read(e->cte) == TRANSFER_IDENTITY)
		return true;
	if (e->span.to - e->span.from > CONTENT_TEXT_MAX) {
		pager_answer(p, 413, "Request Entity Too Large", "encoded composite over 1 MiB");
		return false;
	}
	struct buf octets = {0};
	if (!content_octets(p, e, &octets)) {
		buf_free(&octets);
		return false;
	}
	struct source *source = xcalloc(1, sizeof *source);
	p->held = xrealloc(p->held, (p->nheld + 2) * sizeof *p->held);
	p->held[p->nheld++] = octets;
	p->held[p->nheld++] = (struct buf){.p = (char *)source, .n = sizeof *source, .cap = sizeof *source};
	source_memory(source, slice_buf(&octets));
	e->source = source;
	e->span = (struct span){0, (int64_t)octets.n};
	e->cte = (struct slice){"", 0};
	return true;
}

static struct part *plan_cpim(struct pager *p, struct entity e, struct place at)
{
	struct cpim inner, *c = p->wrapped ? &inner : &p->cpim;
	if (!unfold_transfer(p, &e))
		return NULL;
	int64_t octets = e.span.to - e.span.from;
	struct slice head = source_at(e.source, e.span.from, octets < CPIM_HEAD_MAX ? (size_t)octets : CPIM_HEAD_MAX);
	if (e.source->error) {
		pager_trouble(p, e.source->error);
		return NULL;
	}
	enum cpim_verdict verdict = cpim_read(c, head, p->why);
	p->wrapped = true;
	struct part *part = NULL;
	if (verdict == CPIM_OK) {
		struct entity content = {.type = mime_field(&c->content, "Content-Type"),
					 .disposition = mime_field(&c->content, "Content-Disposition"),
					 .cte = mime_field(&c->content, "Content-Transfer-Encoding"),
					 .id = mime_field(&c->content, "Content-ID"),
					 .source = e.source,
					 .span = {e.span.from + (int64_t)c->body, e.span.to}};
		if (imdn_is_report(content.type, content.disposition))
			p->report = true;
		at.cpim++;
		part = plan(p, &content, at);
	} else if (verdict == CPIM_UNKNOWN_REQUIRED) {
		pager_answer(p, 415, "Unsupported Media Type", p->why);
	} else {
		pager_answer(p, 400, "Bad CPIM", p->why);
	}
	if (c == &inner)
		cpim_free(&inner);
	return part;
}

/* A list counts only beside the content, not within what the user wrapped. */
static void plan_list(struct pager *p, const struct entity *e, struct place at)
{
	struct buf word = {0}, xml = {0};
	struct lists list;
	mime_word(e->disposition, &word);
	enum list_kind kind = strcmp(buf_str(&word), "recipient-list") == 0	     ? LIST_EXPLODE
			      : strcmp(buf_str(&word), "recipient-list-history") == 0 ? LIST_HISTORY
										      : LIST_NONE;
	bool wanted = at.cpim == 0 && (kind > p->list_kind);
	if (wanted && e->span.to - e->span.from > 2 * LISTS_OCTETS_MAX) {
		pager_answer(p, 413, "Request Entity Too Large", "resource list too large");
	} else if (wanted && content_octets(p, e, &xml)) {
		bool good = lists_read(&list, slice_buf(&xml), p->why);
		if (good) {
			lists_free(&p->list);
			p->list = list;
			p->list_kind = kind;
		} else {
			lists_free(&list);
			if (kind == LIST_EXPLODE)
				pager_answer(p, 400, "Bad Recipient List", p->why);
		}
	}
	buf_free(&word), buf_free(&xml);
}

struct children {
	struct span *spans;
	struct mime_fields *fields;
	size_t *heads;
	int n;
	bool text; /* one is text/plain */
};

static bool read_children(struct pager *p, const struct entity *e, struct children *c)
{
	struct buf boundary = {0}, type = {0};
	int max = (int)conf_int(p->tools->conf, "max_mime_parts", NULL);
	c->spans = xcalloc((size_t)max, sizeof *c->spans);
	mime_param(e->type, "boundary", &boundary);
	c->n = multipart_split(e->source, e->span, slice_buf(&boundary), c->spans, max);
	buf_free(&boundary);
	if (e->source->error)
		pager_trouble(p, e->source->error);
	else if (c->n < 0)
		pager_answer(p, 413, "Request Entity Too Large", "too many parts, or no boundary");
	else if (c->n == 0)
		pager_answer(p, 400, "Bad Multipart", "no delimiter in multipart");
	if (c->n < 0)
		c->n = 0;
	c->fields = xcalloc((size_t)c->n, sizeof *c->fields);
	c->heads = xcalloc((size_t)c->n, sizeof *c->heads);
	for (int i = 0; i < c->n && p->verdict == PAGER_MAIL; i++) {
		int64_t octets = c->spans[i].to - c->spans[i].from;
		struct slice head = source_at(e->source, c->spans[i].from, octets < MIME_HEAD_MAX ? (size_t)octets : MIME_HEAD_MAX);
		if (!mime_fields_read(&c->fields[i], head, &c->heads[i]))
			pager_answer(p, 400, "Bad Multipart", "bad MIME header in a part");
		struct slice value = mime_field(&c->fields[i], "Content-Type");
		mime_word(value, &type);
		c->text = c->text || !value.n || strcmp(buf_str(&type), "text/plain") == 0;
	}
	buf_free(&type);
	return p->verdict == PAGER_MAIL;
}

static void free_children(struct children *c)
{
	for (int i = 0; i < c->n; i++)
		mime_fields_free(&c->fields[i]);
	free(c->spans), free(c->fields), free(c->heads);
}

static struct part *plan_multi(struct pager *p, struct entity e, const char *type, struct place at)
{
	struct children c = {0};
	if (!unfold_transfer(p, &e))
		return NULL;
	bool related = strcmp(type, "multipart/related") == 0, alternative = strcmp(type, "multipart/alternative") == 0;
	struct part *multi = part_new(PART_MULTI, related || alternative ? type : "multipart/mixed"), **end = &multi->child;
	bool good = read_children(p, &e, &c);
	at.depth++;
	at.alternative = alternative && c.text;
	for (int i = 0; good && i < c.n; i++) {
		const struct mime_fields *f = &c.fields[i];
		struct entity child = {.type = mime_field(f, "Content-Type"), .disposition = mime_field(f, "Content-Disposition"),
				       .cte = mime_field(f, "Content-Transfer-Encoding"), .id = mime_field(f, "Content-ID"),
				       .source = e.source, .span = {c.spans[i].from + (int64_t)c.heads[i], c.spans[i].to}};
		*end = plan(p, &child, at);
		good = p->verdict == PAGER_MAIL;
		if (*end)
			end = &(*end)->next;
	}
	free_children(&c);
	if (good && multi->child && multi->child->next) {
		struct buf value = {0};
		multi->number = p->nparts;
		if (related && mime_param(e.type, "start", &value))
			part_param(multi, "start", slice_buf(&value));
		if (related && mime_param(e.type, "type", &value))
			part_param(multi, "type", slice_buf(&value));
		buf_free(&value);
		return multi;
	}
	/* One part or none is left: the wrapper goes (1.4). */
	struct part *only = good ? multi->child : NULL;
	if (only)
		multi->child = NULL;
	content_free(multi);
	return only;
}

/* ---- one entity ---- */

static bool is_signed(const char *type)
{
	return strcmp(type, "multipart/signed") == 0 || strcmp(type, "multipart/encrypted") == 0;
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

static struct part *plan_type(struct pager *p, const struct entity *e, const char *type, struct place at)
{
	if (strcmp(type, "message/cpim") == 0 && at.cpim < PAGER_CPIM_DEPTH)
		return plan_cpim(p, *e, at);
	if (strcmp(type, "application/resource-lists+xml") == 0) {
		plan_list(p, e, at);
		return NULL;
	}
	if (strcmp(type, "message/imdn+xml") == 0) {
		p->report = true;
		return NULL;
	}
	if (strcmp(type, "application/im-iscomposing+xml") == 0)
		return NULL;
	if (strncmp(type, "multipart/", 10) == 0 && !is_signed(type)) {
		if (at.depth >= conf_int(p->tools->conf, "max_mime_depth", NULL))
			return refuse(p, 413, "Request Entity Too Large", "multiparts nested deeper than max_mime_depth");
		return plan_multi(p, *e, type, at);
	}
	struct part *leaf = content_leaf(p, e, type, at.alternative);
	keep_id(leaf, e->id);
	return leaf;
}

static struct part *plan(struct pager *p, const struct entity *e, struct place at)
{
	struct buf type = {0};
	if (++p->nparts > conf_int(p->tools->conf, "max_mime_parts", NULL) + 1)
		return refuse(p, 413, "Request Entity Too Large", "more than max_mime_parts parts");
	if (!disposition_known(e))
		return refuse(p, 415, "Unsupported Media Type", "Content-Disposition is unknown");
	if (!e->type.n)
		buf_puts(&type, "text/plain");
	else if (!mime_word(e->type, &type) || !strchr(buf_str(&type), '/'))
		buf_clear(&type), buf_puts(&type, "application/octet-stream");
	struct part *part = plan_type(p, e, buf_str(&type), at);
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
	p->header_value = "message/cpim, text/plain, text/html, multipart/mixed, multipart/related, multipart/alternative";
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
	const char *disposition = pager_header(p, "Content-Disposition"), *cte = pager_header(p, "Content-Transfer-Encoding");
	struct entity e = {.type = root, .disposition = slice_of(disposition ? disposition : ""), .cte = slice_of(cte ? cte : ""),
			   .id = {"", 0}, .source = &p->body, .span = {0, p->body.size}};
	p->content = plan(p, &e, (struct place){0});
	if (p->verdict != PAGER_MAIL || !p->content)
		return p->verdict;
	if (p->content->kind == PART_FILE && p->content->disposition && !p->content->whole_type) { /* an attachment without a text (3.11) */
		struct part *mixed = part_new(PART_MULTI, "multipart/mixed");
		mixed->child = p->content;
		p->content = mixed;
	}
	return p->verdict;
}
