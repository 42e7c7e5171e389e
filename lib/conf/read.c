#include "conf/private.h"
#include "base/log.h"

#include <errno.h>
#include <libconfig.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
	const char *given; /* as libconfig names it: as it stands behind @include */
	char *path;
};

struct reader {
	struct conf *conf;
	const char *main_file;
	int errors;
	struct source *source; /* every file that a setting came from, each once */
	size_t sources;
};

struct scan_at {
	struct reader *reader;
	const char *file;
};

/* libconfig looks for included files beside the main one, but hands out their names as they were written. */
static char *source_path(const struct reader *r, const char *given)
{
	const char *slash = strrchr(r->main_file, '/');
	if (given[0] == '/' || !slash || strcmp(given, r->main_file) == 0)
		return xstrdup(given);
	return xasprintf("%.*s/%s", (int)(slash - r->main_file), r->main_file, given);
}

static const char *file_of(struct reader *r, const config_setting_t *s)
{
	const char *given = config_setting_source_file(s);
	given = given ? given : r->main_file;
	for (size_t i = 0; i < r->sources; i++)
		if (strcmp(r->source[i].given, given) == 0)
			return r->source[i].path;
	r->source = xrealloc(r->source, (r->sources + 1) * sizeof *r->source);
	r->source[r->sources] = (struct source){given, source_path(r, given)};
	return r->source[r->sources++].path;
}

static void complain(struct reader *r, const char *file, unsigned line, const char *key, const char *why)
{
	char number[16];
	snprintf(number, sizeof number, "%u", line);
	log_event(LOG_ERROR, NULL, "config", "file", file, "line", line ? number : NULL, "key", key, "why", why, NULL);
	r->errors++;
}

static void __attribute__((format(printf, 4, 5)))
wrong(struct reader *r, const config_setting_t *s, const char *key, const char *fmt, ...)
{
	struct buf why = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&why, fmt, ap);
	va_end(ap);
	complain(r, file_of(r, s), config_setting_source_line(s), key, buf_str(&why));
	buf_free(&why);
}

/* The bounds of a number, as a sentence. */
static void out_of_bounds(struct reader *r, const config_setting_t *s, const struct knob *k)
{
	wrong(r, s, k->name, "must be %lld to %lld", (long long)k->min, (long long)k->max);
}

static void not_wanted(struct reader *r, const config_setting_t *s, const struct knob *k, const char *want)
{
	if (strcmp(want, "a number within its bounds") == 0)
		out_of_bounds(r, s, k);
	else if (k->type == KNOB_ENUM && strcmp(want, k->words) == 0)
		wrong(r, s, k->name, "must be one of %s", want);
	else
		wrong(r, s, k->name, "must be %s", want);
}

static void wrong_type(struct reader *r, const config_setting_t *s, const struct knob *k)
{
	static const char *const article[] = {"a ", "an ", "a ", "a ", "a ", "a ", "a ", "a ", ""};
	wrong(r, s, k->name, "wrong type: must be %s%s", article[k->type], knob_type_name(k->type));
}

/* "a" or ("a", "b") as element of a list. */
static void read_item(struct reader *r, const config_setting_t *s, const struct knob *k, struct knob_value *v)
{
	const char *first = config_setting_get_string(s), *second = NULL;
	if (!first && k->type == KNOB_PAIRS && config_setting_is_aggregate(s) && !config_setting_is_group(s)) {
		first = config_setting_get_string_elem(s, 0);
		second = config_setting_get_string_elem(s, 1);
		if (config_setting_length(s) != 2 || !second)
			first = NULL;
	}
	const char *want = first ? knob_add_item(k, first, second, v) : NULL;
	if (!first)
		wrong(r, s, k->name,
		      k->type == KNOB_PAIRS ? "each element must be (\"a\", \"b\") or \"a\""
					    : "each element must be a string");
	else if (want)
		not_wanted(r, s, k, want);
}

/* An element that stands there twice: which one would count? */
static void check_twice(struct reader *r, const config_setting_t *s, const struct knob *k, const struct knob_value *v)
{
	for (size_t i = 1; i < v->count; i++)
		for (size_t n = 0; n < i; n++)
			if (strcasecmp(v->items[i].first, v->items[n].first) == 0) {
				wrong(r, config_setting_get_elem(s, (unsigned)i), k->name, "%s is listed twice", v->items[i].first);
				break;
			}
}

static void read_items(struct reader *r, const config_setting_t *s, const struct knob *k, struct knob_value *v)
{
	int n = config_setting_length(s);
	if (k->type != KNOB_PAIR) {
		for (int i = 0; i < n; i++)
			read_item(r, config_setting_get_elem(s, (unsigned)i), k, v);
		if (n < k->min)
			wrong(r, s, k->name, "must have an element");
		check_twice(r, s, k, v);
		return;
	}
	const char *first = config_setting_get_string_elem(s, 0), *second = config_setting_get_string_elem(s, 1);
	if (n && (n != 2 || !first || !second)) {
		wrong_type(r, s, k);
		return;
	}
	const char *want = n ? knob_add_item(k, first, second, v) : NULL;
	if (want)
		not_wanted(r, s, k, want);
}

static void read_value(struct reader *r, const config_setting_t *s, const struct knob *k, struct knob_value *v)
{
	const char *want = NULL;
	bool list = k->type >= KNOB_LIST;
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		if (list || k->type == KNOB_STRING || k->type == KNOB_BOOL)
			wrong_type(r, s, k);
		else
			want = knob_read_number(k, config_setting_get_int64(s), v);
		break;
	case CONFIG_TYPE_BOOL:
		if (k->type != KNOB_BOOL)
			wrong_type(r, s, k);
		else
			v->number = config_setting_get_bool(s);
		break;
	case CONFIG_TYPE_STRING:
		if (k->type == KNOB_INT || k->type == KNOB_PAIR)
			wrong_type(r, s, k);
		else
			want = knob_read_text(k, config_setting_get_string(s), v);
		break;
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		if (list)
			read_items(r, s, k, v);
		else
			wrong_type(r, s, k);
		break;
	default:
		wrong_type(r, s, k);
	}
	if (want)
		not_wanted(r, s, k, want);
	v->file = xstrdup(file_of(r, s));
	v->line = config_setting_source_line(s);
}

/* ---- overrides: domains, users, mails ---- */

static const struct {
	const char *key;
	char kind;
	const char *what;
	const char *(*check)(const char *, const char *);
} kinds[] = {
	{"domains", 'd', "an e-mail domain", check_domain},
	{"users", 'u', "a CPM user", check_uri},
	{"mails", 'e', "an e-mail user", check_address},
};

static void read_override_key(struct reader *r, const config_setting_t *s, size_t kind, struct override *o)
{
	const char *key = config_setting_name(s);
	int i = knob_find(key);
	if (strcmp(key, "name") == 0)
		return;
	if (i < 0) {
		wrong(r, s, key, "unknown key");
		return;
	}
	if (!strchr(knobs[i].scope, kinds[kind].kind)) {
		wrong(r, s, key, "cannot be set for %s", kinds[kind].what);
		return;
	}
	o->knob = xrealloc(o->knob, o->count + 1);
	o->value = xrealloc(o->value, (o->count + 1) * sizeof *o->value);
	o->knob[o->count] = (unsigned char)i;
	o->value[o->count] = (struct knob_value){0};
	read_value(r, s, &knobs[i], &o->value[o->count++]);
}

static void read_override(struct reader *r, const config_setting_t *s, size_t kind)
{
	const char *name = NULL;
	if (!config_setting_is_group(s)) {
		wrong(r, s, kinds[kind].key, "each element must be a group { name = \"...\"; ... }");
		return;
	}
	if (!config_setting_lookup_string(s, "name", &name) || kinds[kind].check(name, NULL)) {
		wrong(r, s, kinds[kind].key, "name must be %s", kinds[kind].what);
		return;
	}
	struct conf *c = r->conf;
	c->override = xrealloc(c->override, (c->overrides + 1) * sizeof *c->override);
	struct override *o = &c->override[c->overrides++];
	*o = (struct override){
		kinds[kind].kind, xstrdup(name), xstrdup(file_of(r, s)), config_setting_source_line(s), NULL, NULL, 0};
	for (int i = 0; i < config_setting_length(s); i++)
		read_override_key(r, config_setting_get_elem(s, (unsigned)i), kind, o);
}

static bool read_kind(struct reader *r, const config_setting_t *s, const char *key)
{
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		if (strcmp(key, kinds[k].key) != 0)
			continue;
		if (!config_setting_is_list(s))
			wrong(r, s, key, "wrong type: must be a list of groups: ( { name = \"...\"; ... }, ... )");
		else
			for (int i = 0; i < config_setting_length(s); i++)
				read_override(r, config_setting_get_elem(s, (unsigned)i), k);
		return true;
	}
	return false;
}

static void sort_overrides(struct reader *r)
{
	struct conf *c = r->conf;
	if (c->overrides)
		qsort(c->override, c->overrides, sizeof *c->override, override_compare);
	for (size_t i = 1; i < c->overrides; i++)
		if (override_compare(&c->override[i - 1], &c->override[i]) == 0)
			complain(r, c->override[i].file, c->override[i].line, c->override[i].name, "is set twice");
}

/* ---- the whole ---- */

static void read_top(struct reader *r, const config_setting_t *s)
{
	const char *key = config_setting_name(s);
	int i = knob_find(key);
	if (i < 0 && read_kind(r, s, key))
		return;
	if (i < 0) {
		wrong(r, s, key, "unknown key");
		return;
	}
	knob_value_free(&r->conf->value[i]);
	read_value(r, s, &knobs[i], &r->conf->value[i]);
}

static void too_large(void *ctx, unsigned line, const char *digits)
{
	const struct scan_at *at = ctx;
	complain(at->reader, at->file, line, digits, "number too large (over 2147483647 it needs the suffix L)");
}

/* Every file that a setting came from becomes known. */
static void note_sources(struct reader *r, const config_setting_t *s)
{
	file_of(r, s);
	for (int n = 0; config_setting_is_aggregate(s) && n < config_setting_length(s); n++)
		note_sources(r, config_setting_get_elem(s, (unsigned)n));
}

static void check_integers(struct reader *r, const config_setting_t *root)
{
	note_sources(r, root);
	for (size_t i = 0; i < r->sources; i++) {
		struct scan_at at = {r, r->source[i].path};
		if (conf_scan_integers(at.file, too_large, &at) < 0)
			complain(r, at.file, 0, NULL, strerror(errno));
	}
}

static void sources_free(struct reader *r)
{
	for (size_t i = 0; i < r->sources; i++)
		free(r->source[i].path);
	free(r->source);
}

/* What one key alone cannot show. */
static void check_together(struct reader *r)
{
	struct conf *c = r->conf;
	const struct knob_value *listen = &c->value[knob_find("sip_listen")];
	const struct knob_value *cert = &c->value[knob_find("tls_cert")], *key = &c->value[knob_find("tls_key")];
	for (size_t i = 0; i < listen->count; i++)
		if (strncmp(listen->items[i].first, "tls:", 4) == 0 && (!cert->text || !key->text))
			complain(r, listen->file ? listen->file : r->main_file, listen->line, "sip_listen",
				 "tls needs tls_cert and tls_key");
}

int conf_read_into(struct conf *c, const char *file)
{
	struct reader r = {c, file, 0, NULL, 0};
	config_t k;
	config_init(&k);
	char *copy = xstrdup(file);
	config_set_include_dir(&k, dirname(copy));
	errno = 0;
	if (!config_read_file(&k, file)) {
		const char *at = config_error_file(&k);
		bool io = config_error_type(&k) == CONFIG_ERR_FILE_IO;
		char *path = source_path(&r, at ? at : file);
		complain(&r, path, io ? 0 : (unsigned)config_error_line(&k), NULL,
			 io && errno ? strerror(errno) : config_error_text(&k));
		free(path);
	} else {
		const config_setting_t *root = config_root_setting(&k);
		check_integers(&r, root);
		for (int i = 0; i < config_setting_length(root); i++)
			read_top(&r, config_setting_get_elem(root, (unsigned)i));
		sort_overrides(&r);
		if (!r.errors)
			check_together(&r);
	}
	free(copy);
	sources_free(&r);
	config_destroy(&k);
	return r.errors;
}
