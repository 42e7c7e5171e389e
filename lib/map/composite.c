#include "map/content.h"

#include <stdlib.h>

/* The entity's octets may themselves be encoded, which MIME forbids for composites and some senders do: then they are
 * decoded into memory. */
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

bool content_cpim(struct pager *p, const struct entity *wrapper, const char *type, struct place at, struct part **part)
{
	struct entity e = *wrapper;
	(void)type;
	struct cpim inner, *c = p->wrapped ? &inner : &p->cpim;
	if (!unfold_transfer(p, &e))
		return true;
	int64_t octets = e.span.to - e.span.from;
	struct slice head = source_at(e.source, e.span.from, octets < CPIM_HEAD_MAX ? (size_t)octets : CPIM_HEAD_MAX);
	if (e.source->error) {
		pager_trouble(p, e.source->error);
		return true;
	}
	enum cpim_verdict verdict = cpim_read(c, head, p->why);
	p->wrapped = true;
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
		*part = content_entity(p, &content, at);
	} else if (verdict == CPIM_UNKNOWN_REQUIRED) {
		pager_answer(p, 415, "Unsupported Media Type", p->why);
	} else {
		pager_answer(p, 400, "Bad CPIM", p->why);
	}
	if (c == &inner)
		cpim_free(&inner);
	return true;
}

/* A list counts only beside the content, not within what the user wrapped. */
bool content_list(struct pager *p, const struct entity *e, const char *type, struct place at, struct part **part)
{
	(void)type, (void)part;
	struct buf word = {0}, xml = {0};
	struct lists list;
	mime_word(e->disposition, &word);
	enum list_kind kind = strcmp(buf_str(&word), "recipient-list") == 0	      ? LIST_EXPLODE
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
	return true;
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
		struct slice head =
			source_at(e->source, c->spans[i].from, octets < MIME_HEAD_MAX ? (size_t)octets : MIME_HEAD_MAX);
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

/* Where a multipart/related begins, and with what (RFC 2387 3). */
static void keep_related(struct part *multi, struct slice type)
{
	struct buf value = {0};
	if (mime_param(type, "start", &value))
		part_param(multi, "start", slice_buf(&value));
	if (mime_param(type, "type", &value))
		part_param(multi, "type", slice_buf(&value));
	buf_free(&value);
}

bool content_multi(struct pager *p, const struct entity *whole, const char *type, struct place at, struct part **part)
{
	struct children c = {0};
	struct entity e = *whole;
	if (at.depth >= conf_int(p->tools->conf, "max_mime_depth", NULL))
		pager_answer(p, 413, "Request Entity Too Large", "multiparts nested deeper than max_mime_depth");
	if (p->verdict != PAGER_MAIL || !unfold_transfer(p, &e))
		return true;
	bool related = strcmp(type, "multipart/related") == 0, alternative = strcmp(type, "multipart/alternative") == 0;
	struct part *multi = part_new(PART_MULTI, related || alternative ? type : "multipart/mixed"),
		    **end = &multi->child;
	bool good = read_children(p, &e, &c);
	at.depth++;
	at.beside_text = alternative && c.text;
	for (int i = 0; good && i < c.n; i++) {
		const struct mime_fields *f = &c.fields[i];
		struct entity child = {.type = mime_field(f, "Content-Type"),
				       .disposition = mime_field(f, "Content-Disposition"),
				       .cte = mime_field(f, "Content-Transfer-Encoding"),
				       .id = mime_field(f, "Content-ID"),
				       .source = e.source,
				       .span = {c.spans[i].from + (int64_t)c.heads[i], c.spans[i].to}};
		*end = content_entity(p, &child, at);
		good = p->verdict == PAGER_MAIL;
		if (*end)
			end = &(*end)->next;
	}
	free_children(&c);
	if (related)
		keep_related(multi, e.type);
	multi->number = p->nparts;
	*part = good ? multi : NULL;
	if (good && (!multi->child || !multi->child->next)) { /* one part or none is left: the wrapper goes (1.4) */
		*part = multi->child;
		multi->child = NULL;
	}
	if (*part != multi)
		content_free(multi);
	return true;
}
