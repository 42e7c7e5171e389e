#include "mail/html.h"

#include "mail/lean.h"
#include "mail/markup.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALIGN = 16, CHUNK = 64 << 10, SPARE_MAX = 2 << 20 };

/* ---- the arena: gumbo gets its memory here and never gives it back singly ---- */

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(ALIGN) char octets[];
};

/* Chunks of the last document, kept for the next: fresh pages cost more than the parsing of a small mail. */
static struct chunk *spare;
static size_t spare_octets;

struct arena {
	struct chunk *chunks;
	size_t total;
	jmp_buf full;
};

static void *arena_allocate(void *ctx, size_t n)
{
	struct arena *a = ctx;
	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	if (!a->chunks || a->chunks->size - a->chunks->used < n) {
		bool reuse = spare && n <= CHUNK;
		size_t size = n > CHUNK ? n : CHUNK;
		a->total += size;
		if (a->total > HTML_ARENA_MAX)
			longjmp(a->full, 1);
		struct chunk *c = reuse ? spare : xmalloc(sizeof *c + size);
		if (reuse) {
			spare = c->next;
			spare_octets -= CHUNK;
		}
		*c = (struct chunk){.next = a->chunks, .size = size};
		a->chunks = c;
	}
	void *p = a->chunks->octets + a->chunks->used;
	a->chunks->used += n;
	return p;
}

static void arena_release(void *ctx, void *p)
{
	(void)ctx, (void)p;
}

static void arena_free(struct arena *a)
{
	while (a->chunks) {
		struct chunk *c = a->chunks;
		a->chunks = c->next;
		if (c->size != CHUNK || spare_octets >= SPARE_MAX) {
			free(c);
			continue;
		}
		c->next = spare;
		spare = c;
		spare_octets += CHUNK;
	}
}

/* ---- the text that grows ---- */

struct render {
	struct buf *out;
	size_t start;					/* of our text in out */
	int newlines;					/* due before the next visible octet */
	bool gap;					/* a blank is due */
	enum { LINE_EMPTY, LINE_MARK, LINE_TEXT } line; /* LINE_MARK: only the mark of a list item stands in it */
	int pre, quotes;
	bool too_deep;		  /* text was left out */
	struct mail_marks *marks; /* may be NULL */
	unsigned due;		  /* kinds of marks for the next line, a bit each */
};

static void mark(struct render *r, enum mail_mark_kind kind)
{
	if (r->marks && !r->quotes)
		r->due |= 1u << kind;
}

/* A line begins here. */
static void put_marks(struct render *r)
{
	for (int kind = 0; r->due; kind++, r->due >>= 1) {
		if (!(r->due & 1))
			continue;
		r->marks->v = xrealloc(r->marks->v, (r->marks->n + 1) * sizeof *r->marks->v);
		r->marks->v[r->marks->n++] = (struct mail_mark){.offset = r->out->n, .kind = (enum mail_mark_kind)kind};
	}
}

static void begin_line(struct render *r)
{
	if (r->out->n > r->start) {
		for (int i = 0; i < r->newlines && i < 3; i++) { /* at most two empty lines in sequence */
			if (i)
				for (int q = 0; q < r->quotes; q++)
					buf_putc(r->out, '>');
			buf_putc(r->out, '\n');
		}
	}
	if (r->out->n == r->start || r->newlines)
		put_marks(r);
	if (r->out->n == r->start || r->newlines)
		for (int q = 0; q < r->quotes; q++)
			buf_puts(r->out, "> ");
	r->newlines = 0;
}

static void put(struct render *r, const char *p, size_t n)
{
	begin_line(r);
	if (r->gap && r->line == LINE_TEXT)
		buf_putc(r->out, ' ');
	r->gap = false;
	r->line = LINE_TEXT;
	buf_put(r->out, p, n);
}

static void new_line(struct render *r)
{
	r->newlines++;
	r->gap = false;
	r->line = LINE_EMPTY;
}

/* A block begins or ends: what follows stands in a line of its own. */
static void block(struct render *r)
{
	if (r->line == LINE_TEXT)
		new_line(r);
}

/* A no-break space is a space that does not collapse. */
static void put_word(struct render *r, const char *p, size_t n)
{
	const char *nbsp;
	while (n && (nbsp = memmem(p, n, "\xc2\xa0", 2))) {
		if (nbsp > p)
			put(r, p, (size_t)(nbsp - p));
		put(r, " ", 1);
		n -= (size_t)(nbsp + 2 - p);
		p = nbsp + 2;
	}
	if (n)
		put(r, p, n);
}

static void put_text(struct render *r, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, r->pre ? "\r\n" : " \t\r\n\f");
		if (n)
			put_word(r, s, n);
		s += n;
		if (!*s)
			break;
		if (r->pre && *s == '\n')
			new_line(r);
		else if (!r->pre)
			r->gap = true;
		s++;
	}
}

/* ---- the walk ---- */

static bool dropped(GumboTag tag)
{
	return tag == GUMBO_TAG_HEAD || tag == GUMBO_TAG_STYLE || tag == GUMBO_TAG_SCRIPT || tag == GUMBO_TAG_TITLE ||
	       tag == GUMBO_TAG_TEMPLATE;
}

static bool is_block(GumboTag tag)
{
	switch (tag) {
	case GUMBO_TAG_P:
	case GUMBO_TAG_DIV:
	case GUMBO_TAG_LI:
	case GUMBO_TAG_TR:
	case GUMBO_TAG_H1:
	case GUMBO_TAG_H2:
	case GUMBO_TAG_H3:
	case GUMBO_TAG_H4:
	case GUMBO_TAG_H5:
	case GUMBO_TAG_H6:
	case GUMBO_TAG_TABLE:
	case GUMBO_TAG_BLOCKQUOTE:
	case GUMBO_TAG_PRE:
	case GUMBO_TAG_UL:
	case GUMBO_TAG_OL:
		return true;
	default:
		return false;
	}
}

static void walk(struct render *r, const GumboNode *node, int depth);

static void image(struct render *r, const GumboElement *e)
{
	const char *w = markup_attribute(e, "width"), *h = markup_attribute(e, "height"),
		   *alt = markup_attribute(e, "alt");
	if (!alt || !*alt || (w && h && atoi(w) <= 1 && atoi(h) <= 1))
		return;
	put(r, "[", 1);
	put_text(r, alt);
	r->gap = false;
	put(r, "]", 1);
}

/* The text of the link, and its URL where it says something else. */
static void link_url(struct render *r, const GumboElement *e, size_t from)
{
	static const char *const schemes[] = {"http:", "https:", "mailto:", "tel:", NULL};
	const char *url = markup_attribute(e, "href");
	bool wanted = false;
	for (int i = 0; url && schemes[i]; i++)
		wanted = wanted || strncasecmp(url, schemes[i], strlen(schemes[i])) == 0;
	if (!wanted)
		return;
	struct slice text = slice_trim((struct slice){r->out->p + from, r->out->n - from});
	if (slice_eq(text, url) || (strncasecmp(url, "mailto:", 7) == 0 && slice_eq(text, url + 7)) ||
	    (strncasecmp(url, "tel:", 4) == 0 && slice_eq(text, url + 4)))
		return;
	r->gap = true;
	put(r, "<", 1);
	put(r, url, strcspn(url, " \t\r\n<>"));
	put(r, ">", 1);
}

static void children(struct render *r, const GumboElement *e, int depth)
{
	int number = 0, cell = 0;
	for (unsigned i = 0; i < e->children.length; i++) {
		const GumboNode *child = e->children.data[i];
		bool element = child->type == GUMBO_NODE_ELEMENT;
		GumboTag tag = element ? child->v.element.tag : GUMBO_TAG_UNKNOWN;
		if (tag == GUMBO_TAG_LI) {
			char mark[16] = "- ";
			if (r->line != LINE_EMPTY)
				new_line(r);
			if (e->tag == GUMBO_TAG_OL)
				snprintf(mark, sizeof mark, "%d. ", ++number);
			put(r, mark, strlen(mark));
			r->line = LINE_MARK; /* a block within the item goes on in this line */
		} else if ((tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) && cell++) {
			put(r, "\t", 1);
			r->gap = false;
		}
		walk(r, child, depth);
	}
}

/* Some programs mark with an empty element what follows it. */
static void void_mark(struct render *r, const GumboElement *e)
{
	enum mail_mark_kind kind;
	bool closes;
	if (!r->marks || !markup_mark(e, &kind, &closes))
		return;
	block(r);
	mark(r, kind);
}

static void element(struct render *r, const GumboElement *e, int depth)
{
	if (dropped(e->tag) || markup_hidden(e))
		return;
	if (e->tag == GUMBO_TAG_BR || e->tag == GUMBO_TAG_HR)
		void_mark(r, e);
	if (e->tag == GUMBO_TAG_BR) {
		new_line(r);
		return;
	}
	if (e->tag == GUMBO_TAG_IMG) {
		image(r, e);
		return;
	}
	if (e->tag == GUMBO_TAG_HR) {
		block(r);
		put(r, "---", 3);
		block(r);
		return;
	}
	enum mail_mark_kind kind;
	bool closes = false, own_line = is_block(e->tag), marked = r->marks && markup_mark(e, &kind, &closes);
	size_t from = r->out->n;
	int quotes = r->quotes;
	if ((own_line || marked) && e->tag != GUMBO_TAG_LI)
		block(r);
	if (marked)
		mark(r, kind);
	r->quotes += e->tag == GUMBO_TAG_BLOCKQUOTE && r->quotes < 20;
	r->pre += e->tag == GUMBO_TAG_PRE;
	children(r, e, depth + 1);
	if (e->tag == GUMBO_TAG_A)
		link_url(r, e, from);
	if (own_line)
		block(r);
	r->pre -= e->tag == GUMBO_TAG_PRE;
	r->quotes = quotes;
	if (marked && closes) {
		block(r);
		r->due &= ~(1u << kind); /* it was empty */
		mark(r, MAIL_MARK_OWN);
	}
}

static void walk(struct render *r, const GumboNode *node, int depth)
{
	if (depth > HTML_DEPTH_MAX) {
		r->too_deep = true;
		return;
	}
	switch (node->type) {
	case GUMBO_NODE_ELEMENT:
		element(r, &node->v.element, depth);
		break;
	case GUMBO_NODE_TEXT:
	case GUMBO_NODE_CDATA:
	case GUMBO_NODE_WHITESPACE:
		put_text(r, node->v.text.text);
		break;
	default: /* comments, template */
		break;
	}
}

/* Where no tree can be had: what stands outside of <...>. */
static void cut_tags(struct render *r, struct slice html)
{
	size_t from = 0;
	bool tag = false;
	struct buf text = {0};
	for (size_t i = 0; i <= html.n; i++) {
		if (i < html.n && html.p[i] != '<' && html.p[i] != '>')
			continue;
		if (!tag && i > from) {
			buf_clear(&text);
			buf_put(&text, html.p + from, i - from);
			put_text(r, buf_str(&text));
		}
		if (i < html.n && html.p[i] == '<' && !tag)
			r->gap = true;
		tag = i < html.n && (html.p[i] == '<' || (tag && html.p[i] != '>'));
		from = i + 1;
	}
	buf_free(&text);
}

static bool by_tree(struct render *r, struct arena *a, struct slice html)
{
	GumboOptions options = kGumboDefaultOptions;
	options.allocator = arena_allocate;
	options.deallocator = arena_release;
	options.userdata = a;
	options.max_errors = 0;
	if (setjmp(a->full))
		return false;
	GumboOutput *tree = gumbo_parse_with_options(&options, html.p, html.n);
	walk(r, tree->root, 0);
	return !r->too_deep;
}

void html_to_text(struct buf *out, struct slice html, struct mail_marks *marks)
{
	struct arena a = {0};
	struct render r = {.out = out, .start = out->n, .marks = marks};
	struct buf lean = {0};
	size_t known = marks ? marks->n : 0;
	buf_put(out, "", 0);
	if (html.n > HTML_OCTETS_MAX)
		html.n = HTML_OCTETS_MAX;
	if (!lean_html(&lean, html) || !by_tree(&r, &a, slice_buf(&lean))) {
		out->p[out->n = r.start] = '\0';
		r = (struct render){.out = out, .start = r.start};
		if (marks)
			marks->n = known;
		cut_tags(&r, html);
	}
	arena_free(&a);
	buf_free(&lean);
	if (out->n > r.start)
		buf_putc(out, '\n');
}
