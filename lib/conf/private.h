/*
 * private.h - inside of struct conf, shared by the files of lib/conf.
 */
#ifndef CPMAIL_CONF_PRIVATE_H
#define CPMAIL_CONF_PRIVATE_H

#include "conf/conf.h"
#include "conf/knobs.h"

/* What one element of `domains`, `users` or `mails` sets. */
struct override {
	char kind; /* d, u, e: the letter of the scope */
	char *name;
	char *file;
	unsigned line;
	unsigned char *knob; /* indexes in knobs[] */
	struct knob_value *value;
	size_t count;
};

struct conf {
	char *file;		   /* NULL: defaults only */
	struct knob_value *value;  /* one for each of knobs[] */
	struct override *override; /* sorted by kind and name */
	size_t overrides;
};

/* Order of overrides: kind, then name (d, e: without regard to case). */
int override_compare(const void *a, const void *b);

/* A conf with every default. */
struct conf *conf_defaults(bool by_hand);
/* Fill it from a file; logs each error with file, line, key; returns their number. */
int conf_read_into(struct conf *c, const char *file);
/* Integers of the text of a file that libconfig would cut to 32 bits: calls bad() with their lines; returns their
 * number. */
int conf_scan_integers(const char *file, void (*bad)(void *ctx, unsigned line, const char *digits), void *ctx);

#endif
