#include "conf/private.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- defaults ---- */

/* The host name with its domain; the local tables only, because a start must not wait for the DNS. */
static char *host_name(void)
{
	char name[256] = "";
	if (gethostname(name, sizeof name - 1) != 0 || !*name)
		return xstrdup("localhost");
	if (strchr(name, '.'))
		return xstrdup(name);
	char *full = NULL;
	sethostent(1);
	for (struct hostent *h; !full && (h = gethostent());) {
		bool mine = strcasecmp(h->h_name, name) == 0;
		for (char **a = h->h_aliases; *a; a++)
			mine = mine || strcasecmp(*a, name) == 0;
		if (mine && strchr(h->h_name, '.'))
			full = xstrdup(h->h_name);
	}
	endhostent();
	return full ? full : xstrdup(name);
}

struct conf *conf_defaults(bool by_hand)
{
	struct conf *c = xcalloc(1, sizeof *c);
	c->value = xcalloc(knob_count(), sizeof *c->value);
	for (size_t i = 0; i < knob_count(); i++)
		knob_read_default(&knobs[i], by_hand && knobs[i].by_hand ? knobs[i].by_hand : knobs[i].value,
				  &c->value[i]);
	return c;
}

/* What follows from other knobs where it was not set. */
static void conf_derive(struct conf *c)
{
	struct knob_value *gateway = &c->value[knob_find("gateway")], *mail = &c->value[knob_find("mail_domain")];
	struct knob_value *sip = &c->value[knob_find("sip_domains")];
	if (!gateway->text)
		gateway->text = host_name();
	if (!mail->text)
		mail->text = xstrdup(gateway->text);
	if (!sip->count) {
		sip->items = xcalloc(1, sizeof *sip->items);
		sip->items[sip->count++].first = xstrdup(gateway->text);
	}
}

/* ---- read, free ---- */

struct conf *conf_read(const char *file)
{
	struct conf *c = conf_defaults(!file);
	if (file) {
		c->file = xstrdup(file);
		if (conf_read_into(c, file)) {
			conf_free(c);
			return NULL;
		}
	}
	conf_derive(c);
	return c;
}

struct conf *conf_load(const char *file)
{
	struct conf *c = conf_read(file);
	if (!c) {
		log_flush();
		_exit(EXIT_PERM);
	}
	return c;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < knob_count(); i++)
		knob_value_free(&c->value[i]);
	for (size_t i = 0; i < c->overrides; i++) {
		struct override *o = &c->override[i];
		for (size_t j = 0; j < o->count; j++)
			knob_value_free(&o->value[j]);
		free(o->knob);
		free(o->value);
		free(o->name);
		free(o->file);
	}
	free(c->override);
	free(c->value);
	free(c->file);
	free(c);
}

/* ---- look up ---- */

int override_compare(const void *pa, const void *pb)
{
	const struct override *a = pa, *b = pb;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->kind == 'u' ? strcmp(a->name, b->name) : strcasecmp(a->name, b->name);
}

static const struct knob_value *override_find(const struct conf *c, char kind, const char *name, int knob)
{
	if (!name || !c->overrides)
		return NULL;
	struct override want = {.kind = kind, .name = (char *)(uintptr_t)name};
	const struct override *o = bsearch(&want, c->override, c->overrides, sizeof *o, override_compare);
	for (size_t i = 0; o && i < o->count; i++)
		if (o->knob[i] == knob)
			return &o->value[i];
	return NULL;
}

/* The most specific value; types is a mask of those that the caller can take. */
static const struct knob_value *find(const struct conf *c, const char *name, unsigned types,
				     const struct conf_scope *scope)
{
	int knob = knob_find(name);
	if (knob < 0 || !(types & (1u << knobs[knob].type))) {
		log_msg(LOG_ERROR, "no knob %s of that type", name);
		abort();
	}
	const struct knob_value *v = NULL;
	if (scope) {
		v = override_find(c, 'e', scope->mail, knob);
		v = v ? v : override_find(c, 'u', scope->user, knob);
		v = v ? v : override_find(c, 'd', scope->domain, knob);
	}
	return v ? v : &c->value[knob];
}

enum {
	TEXTS = 1 << KNOB_STRING | 1 << KNOB_ENUM,
	NUMBERS = 1 << KNOB_INT | 1 << KNOB_SIZE | 1 << KNOB_DURATION,
	LISTS = 1 << KNOB_LIST | 1 << KNOB_PAIR | 1 << KNOB_PAIRS
};

const char *conf_str(const struct conf *c, const char *knob, const struct conf_scope *scope)
{
	return find(c, knob, TEXTS, scope)->text;
}

int64_t conf_int(const struct conf *c, const char *knob, const struct conf_scope *scope)
{
	return find(c, knob, NUMBERS, scope)->number;
}

bool conf_bool(const struct conf *c, const char *knob, const struct conf_scope *scope)
{
	return find(c, knob, 1 << KNOB_BOOL, scope)->number != 0;
}

int conf_enum(const struct conf *c, const char *knob, const struct conf_scope *scope)
{
	return (int)find(c, knob, 1 << KNOB_ENUM, scope)->number;
}

const char *conf_item_in(const struct conf *c, const char *knob, const struct conf_scope *scope, size_t n,
			 const char **second)
{
	const struct knob_value *v = find(c, knob, LISTS, scope);
	if (second)
		*second = n < v->count ? v->items[n].second : NULL;
	return n < v->count ? v->items[n].first : NULL;
}

const char *conf_item(const struct conf *c, const char *knob, size_t n, const char **second)
{
	return conf_item_in(c, knob, NULL, n, second);
}

/* ---- print ---- */

static void put_from(struct buf *out, const struct knob_value *v)
{
	if (v->file)
		buf_printf(out, "  # %s:%u\n", v->file, v->line);
	else
		buf_puts(out, "  # default\n");
}

static void put_override(const struct override *o, struct buf *out)
{
	static const struct knob name = {.name = "name", .type = KNOB_STRING};
	const struct knob_value text = {.text = o->name};
	buf_puts(out, "  { name = ");
	knob_value_put(&name, &text, out);
	buf_putc(out, ';');
	for (size_t i = 0; i < o->count; i++) {
		buf_printf(out, " %s = ", knobs[o->knob[i]].name);
		knob_value_put(&knobs[o->knob[i]], &o->value[i], out);
		buf_putc(out, ';');
	}
	buf_puts(out, " }");
}

static void put_overrides(const struct conf *c, struct buf *out, char kind, const char *key)
{
	bool open = false;
	for (size_t i = 0; i < c->overrides; i++) {
		if (c->override[i].kind != kind)
			continue;
		if (open)
			buf_puts(out, ",\n");
		else
			buf_printf(out, "%s = (\n", key);
		put_override(&c->override[i], out);
		open = true;
	}
	if (open)
		buf_puts(out, "\n);\n");
}

void conf_print(const struct conf *c, FILE *to, bool differing)
{
	struct conf *plain = conf_defaults(!c->file);
	struct buf out = {0};
	conf_derive(plain);
	for (size_t i = 0; i < knob_count(); i++) {
		if (differing && knob_value_same(&knobs[i], &c->value[i], &plain->value[i]))
			continue;
		buf_printf(&out, "%s = ", knobs[i].name);
		knob_value_put(&knobs[i], &c->value[i], &out);
		buf_putc(&out, ';');
		put_from(&out, &c->value[i]);
	}
	put_overrides(c, &out, 'd', "domains");
	put_overrides(c, &out, 'u', "users");
	put_overrides(c, &out, 'e', "mails");
	fwrite(buf_str(&out), 1, out.n, to);
	buf_free(&out);
	conf_free(plain);
}

static void put_bounds(const struct knob *k, struct buf *out)
{
	if (k->type == KNOB_ENUM)
		buf_puts(out, k->words);
	else if (k->type >= KNOB_INT && k->type <= KNOB_DURATION)
		buf_printf(out, "%lld..%lld", (long long)k->min, (long long)k->max);
	else
		buf_putc(out, '-');
}

void conf_print_knobs(FILE *to)
{
	struct buf out = {0};
	for (size_t i = 0; i < knob_count(); i++) {
		const struct knob *k = &knobs[i];
		buf_printf(&out, "%s\t%s\t%s\t%s\t", k->name, knob_type_name(k->type), k->scope, k->value ? k->value : "-");
		put_bounds(k, &out);
		buf_printf(&out, "\t%s\t%s\n", k->section, k->help);
	}
	fwrite(buf_str(&out), 1, out.n, to);
	buf_free(&out);
}
