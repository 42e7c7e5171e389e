/*
 * knobs.h - the table of every knob of cpmail.conf, and how the text of a value is read. Private to lib/conf,
 * cpmail-conf and the tests.
 *
 * Ownership: the table is constant; a struct knob_value owns what it holds, knob_value_free() ends it; a zeroed one is
 * valid and empty.
 */
#ifndef CPMAIL_KNOBS_H
#define CPMAIL_KNOBS_H

#include "base/buf.h"

#include <stdint.h>

enum knob_type {
	KNOB_STRING,
	KNOB_INT,
	KNOB_SIZE,     /* octets: 65536, "64 KiB", "10 MiB" */
	KNOB_DURATION, /* seconds: 600, "10m", "4h", "7d" */
	KNOB_BOOL,     /* true, false, "on", "off" */
	KNOB_ENUM,     /* one of words */
	KNOB_LIST,     /* [ "a", "b" ] */
	KNOB_PAIR,     /* ( "a", "b" ) */
	KNOB_PAIRS     /* ( ( "a", "b" ), "c" ): the second half of an element may be missing */
};

struct knob {
	const char *name;
	enum knob_type type;
	const char *value;   /* default, as text; lists: comma between elements; NULL: none, or found out at start
				(gateway) */
	const char *by_hand; /* default when there is no configuration file at all; NULL: the same */
	int64_t min, max;    /* INT, SIZE, DURATION; lists: fewest elements */
	const char *words;   /* ENUM: "reject|queue" */
	const char *scope;   /* letters of gdue */
	const char *section; /* where the meaning is specified: topic of cpmail.conf(5) */
	/* Checks a string or each (first) element; returns what was expected, NULL if it is good. */
	const char *(*check)(const char *first, const char *second);
	const char *help;
};

/* In order of the manual page; ended by a zeroed one. */
extern const struct knob knobs[];
size_t knob_count(void);
/* Index in knobs[], -1 if there is none of that name. */
int knob_find(const char *name);
const char *knob_type_name(enum knob_type t);

struct knob_pair {
	char *first, *second; /* second may be NULL */
};

struct knob_value {
	char *text;	/* STRING; ENUM: the word; NULL: no value */
	int64_t number; /* INT, SIZE, DURATION, BOOL; ENUM: index of the word */
	struct knob_pair *items;
	size_t count;
	char *file; /* where it was set; NULL: default */
	unsigned line;
};

/* Read a scalar from text, or an integer as it stood in the file. 0, or what was expected (a constant text or words).
 */
const char *knob_read_text(const struct knob *k, const char *text, struct knob_value *out);
const char *knob_read_number(const struct knob *k, int64_t number, struct knob_value *out);
/* Append an element to a LIST, PAIR or PAIRS. */
const char *knob_add_item(const struct knob *k, const char *first, const char *second, struct knob_value *out);
/* The default: text, or a comma-separated list. Aborts if the table is wrong. */
void knob_read_default(const struct knob *k, const char *text, struct knob_value *out);
void knob_value_free(struct knob_value *v);
/* Same contents (where they come from does not matter)? */
bool knob_value_same(const struct knob *k, const struct knob_value *a, const struct knob_value *b);
/* As it would stand in cpmail.conf. */
void knob_value_put(const struct knob *k, const struct knob_value *v, struct buf *out);

/* Checks of the form of values (value.c). */
const char *check_domain(const char *v, const char *unused);
const char *check_host_port(const char *v, const char *unused);
const char *check_numeric(const char *v, const char *unused);
const char *check_smarthost(const char *v, const char *unused);
const char *check_listen(const char *v, const char *unused);
const char *check_mail_listen(const char *v, const char *unused);
const char *check_network(const char *v, const char *unused);
const char *check_uri(const char *v, const char *unused);
const char *check_address(const char *v, const char *unused);
const char *check_digits(const char *v, const char *unused);
const char *check_party(const char *v, const char *unused);
const char *check_uri_address(const char *first, const char *second);
const char *check_domains(const char *first, const char *second);
const char *check_user_file(const char *first, const char *second);
const char *check_sip_uri(const char *v, const char *unused);
const char *check_realm_user_file(const char *first, const char *second);
const char *check_quirks(const char *first, const char *second);
const char *check_advertise(const char *v, const char *unused);

#endif
