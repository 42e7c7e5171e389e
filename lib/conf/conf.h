/*
 * conf.h - cpmail.conf: the knobs of the gateway, checked, with their defaults (cpmail.conf(5)).
 *
 * One table (knobs.c) holds every knob: name, type, default, bounds, scope, one line of help. A key that is not in it, a value of
 * another type or out of bounds is an error that names file, line and key, and ends the process with status 100.
 * Ownership: a struct conf owns all it hands out; conf_free() ends it. Without a file every knob has its default.
 */
#ifndef CPMAIL_CONF_H
#define CPMAIL_CONF_H

#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>

struct conf;

/* What a knob may be asked for (scopes g, d, u, e of the knob table; the most specific wins: e, u, d, g). Members may be NULL. */
struct conf_scope {
	const char *domain; /* e-mail domain of the recipient, lower case */
	const char *user;   /* CPM user, normalised URI */
	const char *mail;   /* e-mail user's address */
};

/* Read and check FILE (NULL: defaults only). On any error: every error is logged with file, line and key, NULL is returned. */
struct conf *conf_read(const char *file);
/* The same, ending the process with status 100 on error. */
struct conf *conf_load(const char *file);
void conf_free(struct conf *c);

/* By name; an unknown name or a wrong type is a programming error and aborts. scope NULL = global. Durations are seconds, sizes octets.
 * A string knob without value is NULL. */
const char *conf_str(const struct conf *c, const char *knob, const struct conf_scope *scope);
int64_t conf_int(const struct conf *c, const char *knob, const struct conf_scope *scope);
bool conf_bool(const struct conf *c, const char *knob, const struct conf_scope *scope);
/* The value of an enumerated knob as its index in the knob's list of words. */
int conf_enum(const struct conf *c, const char *knob, const struct conf_scope *scope);

/* List knobs: n-th element, NULL behind the last. Pair lists (addr_map, domain_map, trusted_peers): *second gets the other half (may be NULL). */
const char *conf_item(const struct conf *c, const char *knob, size_t n, const char **second);
/* The same for a knob that may be set for a scope (naptr_services). */
const char *conf_item_in(const struct conf *c, const char *knob, const struct conf_scope *scope, size_t n, const char **second);

/* Secrets: the contents of the file that the knob names, without its last line end; NULL if the knob has no value. Ends the process with
 * status 100 when it cannot be read. The caller frees it. A name without a slash is looked up in $CREDENTIALS_DIRECTORY if that is set. */
char *conf_secret(const struct conf *c, const char *knob);
/* The n-th, for a knob with several (msgid_key: the first signs, all verify), NULL behind the last. Without any msgid_key there is one all the same,
 * derived from the machine's id. smarthost_auth: the user is conf_item(.., 0, ..), the password this. */
char *conf_secret_item(const struct conf *c, const char *knob, size_t n);
/* The path of a file that a string knob names (tls_cert, tls_key, tls_ca), a bare name looked up in the same way; NULL if the knob has no value. The caller
 * frees it. */
char *conf_file(const struct conf *c, const char *knob);
/* Are the files there and fit for use that these knobs name (NULL-ended; NULL: all knobs)? Logs each error; returns their number. */
int conf_check_files(const struct conf *c, const char *const *only);

/* For cpmail-conf: every knob with its effective value and where it comes from, as a configuration file; only those that differ from their defaults
 * if differing is set. */
void conf_print(const struct conf *c, FILE *out, bool differing);
/* For cpmail-conf: the knob table: name, type, scope, default, bounds or words, topic, meaning, separated by tabs, one knob a line. */
void conf_print_knobs(FILE *out);

#endif
