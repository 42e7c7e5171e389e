#include "spool/name.h"
#include "spool/spool.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

static const char digits32[] = "0123456789abcdefghijklmnopqrstuv";

void name_b32(char *out, uint64_t v, int digits)
{
	out[digits] = '\0';
	while (digits--) {
		out[digits] = digits32[v & 31];
		v >>= 5;
	}
}

void name_make(char out[NAME_SIZE], int64_t stamp, uint64_t uniq, int records, const char *kind)
{
	name_b32(out, (uint64_t)stamp, NAME_STAMP);
	out[NAME_STAMP] = '.';
	name_b32(out + NAME_STAMP + 1, uniq, NAME_UNIQ);
	snprintf(out + NAME_STAMP + 1 + NAME_UNIQ, NAME_SIZE - NAME_STAMP - 1 - NAME_UNIQ, ".%d%s", records,
		 kind);
}

void name_key(char out[NAME_UNIQ + 1], const char *key)
{
	name_b32(out, hash64(0, key, strlen(key)), NAME_UNIQ);
}

/* ---- parsing: each function moves *s behind what it took ---- */

static bool take(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static int b32_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'v' ? c - 'a' + 10 : -1;
}

/* How many b32 digits stand here. */
static size_t b32_run(const char *s)
{
	size_t n = 0;
	while (b32_value(s[n]) >= 0)
		n++;
	return n;
}

static int64_t take_stamp(const char **s)
{
	int64_t v = 0;
	for (int i = 0; i < NAME_STAMP; i++)
		v = v << 5 | b32_value(*(*s)++);
	return v;
}

/* A number without leading zeros, min..max. */
static bool take_number(const char **s, int64_t min, int64_t max, int64_t *out)
{
	int64_t v = 0;
	const char *p = *s;
	if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (*p - '0');
		if (v > max)
			return false;
	}
	*s = p;
	*out = v;
	return v >= min;
}

/* stamp.uniq.n[b|r] */
static bool take_name(const char **s, struct spool_name *n)
{
	const char *start = *s;
	int64_t records;
	if (b32_run(*s) != NAME_STAMP)
		return false;
	n->stamp = take_stamp(s);
	if (!take(s, '.') || b32_run(*s) != NAME_UNIQ)
		return false;
	*s += NAME_UNIQ;
	if (!take(s, '.') || !take_number(s, 1, SPOOL_BATCH_RECORDS, &records))
		return false;
	n->records = (int)records;
	n->blobs = take(s, 'b');
	n->ready = !n->blobs && take(s, 'r');
	snprintf(n->name, sizeof n->name, "%.*s", (int)(*s - start), start);
	return true;
}

bool name_parse(const char *file, struct spool_name *n)
{
	const char *s = file;
	int64_t v;
	*n = (struct spool_name){.due = -1};
	if (b32_run(s) == NAME_STAMP && s[NAME_STAMP] == '.' && b32_run(s + NAME_STAMP + 1) == NAME_STAMP) {
		n->due = take_stamp(&s);
		s++;
	}
	if (!take_name(&s, n))
		return false;
	if (n->due >= 0 && take(&s, ',')) {
		if (b32_run(s) != NAME_UNIQ)
			return false;
		memcpy(n->key, s, NAME_UNIQ);
		s += NAME_UNIQ;
	}
	if (take(&s, '~')) {
		if (!take_number(&s, 1, 99, &v) || !take(&s, '.'))
			return false;
		n->kills = (int)v;
		if (!take_number(&s, 0, SPOOL_BATCH_RECORDS - 1, &v))
			return false;
		n->record = (int)v;
	}
	return !*s;
}

void name_put(char out[NAME_FILE_SIZE], const struct spool_name *n)
{
	char due[NAME_STAMP + 2] = "", kills[16] = "";
	if (n->due >= 0) {
		name_b32(due, (uint64_t)n->due, NAME_STAMP);
		due[NAME_STAMP] = '.';
		due[NAME_STAMP + 1] = '\0';
	}
	if (n->kills)
		snprintf(kills, sizeof kills, "~%d.%d", n->kills, n->record);
	snprintf(out, NAME_FILE_SIZE, "%s%s%s%s%s", due, n->name, n->key[0] ? "," : "", n->key, kills);
}

/* ---- slots ---- */

static bool take_dest(const char **s, char out[NAME_DEST_SIZE])
{
	size_t n = strcspn(*s, ",");
	if (!(*s)[n] || n >= NAME_DEST_SIZE)
		return false;
	memcpy(out, *s, n);
	out[n] = '\0';
	*s += n + 1;
	if (out[0] == '=')
		return strcmp(out, "=new") == 0 || strcmp(out, "=defer") == 0 || strcmp(out, "=fail") == 0 ||
		       strcmp(out, "=hold") == 0;
	return name_is_queue(out);
}

bool name_parse_slot(const char *file, struct slot_name *n)
{
	*n = (struct slot_name){.target.due = -1};
	struct spool_name lead = {0};
	const char *s = file;
	int64_t k;
	if (!take_name(&s, &lead) || !take(&s, ','))
		return false;
	memcpy(n->lead, lead.name, sizeof n->lead);
	n->role = *s ? *s++ : '\0';
	switch (n->role) {
	case 'c':
	case 'n':
	case 'r':
		return !*s;
	case 'i':
		return take(&s, ',') && name_parse(s, &n->target);
	case 's':
		return take(&s, ',') && take_dest(&s, n->dest) && name_parse(s, &n->target);
	case 'o':
		if (!take(&s, ',') || !take_number(&s, 1, NAME_PARTS, &k) || !take(&s, ','))
			return false;
		n->k = (int)k;
		return take_dest(&s, n->dest) && name_parse(s, &n->target);
	default:
		return false;
	}
}

void name_put_slot(char out[NAME_SLOT_SIZE], const struct slot_name *n)
{
	char target[NAME_FILE_SIZE] = "";
	if (n->role != 'c' && n->role != 'n' && n->role != 'r')
		name_put(target, &n->target);
	if (n->role == 'i')
		snprintf(out, NAME_SLOT_SIZE, "%s,i,%s", n->lead, target);
	else if (n->role == 's')
		snprintf(out, NAME_SLOT_SIZE, "%s,s,%s,%s", n->lead, n->dest, target);
	else if (n->role == 'o')
		snprintf(out, NAME_SLOT_SIZE, "%s,o,%d,%s,%s", n->lead, n->k, n->dest, target);
	else
		snprintf(out, NAME_SLOT_SIZE, "%s,%c", n->lead, n->role);
}

/* ---- tmp/ ---- */

bool name_parse_tmp(const char *file, struct tmp_name *n)
{
	const char *s = file;
	struct spool_name name = {0};
	*n = (struct tmp_name){0};
	if (!take_name(&s, &name))
		return false;
	memcpy(n->name, name.name, sizeof n->name);
	n->blobs = name.blobs;
	if (!*s)
		return true;
	if (!take(&s, '.') || !take_number(&s, 1, INT64_C(1) << 40, &n->octets))
		return false;
	n->form = TMP_READY;
	if (!*s)
		return name.ready;
	if (!take(&s, '.') || strspn(s, "0123456789abcdef") != 8 || s[8])
		return false;
	n->form = TMP_SEALED;
	n->crc = (uint32_t)strtoul(s, NULL, 16);
	return true;
}

void name_put_tmp(char out[NAME_FILE_SIZE], const char *name, size_t octets, uint32_t crc)
{
	snprintf(out, NAME_FILE_SIZE, "%s.%zu.%08x", name, octets, crc);
}

void name_put_ready(char out[NAME_FILE_SIZE], const char *name, size_t octets)
{
	snprintf(out, NAME_FILE_SIZE, "%s.%zu", name, octets);
}

/* ---- queues ---- */

bool name_is_queue(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
	int64_t part;
	if (n < 1 || n > 32 || s[0] == '-')
		return false;
	s += n;
	if (!*s)
		return true;
	return take(&s, '.') && take_number(&s, 0, SPOOL_SLOTS - 1, &part) && !*s;
}
