#include "conf/private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * libconfig takes 5000000000 without the suffix L, and hands out 705032704. Nobody sees such an error, so the text is
 * looked through before its values are believed: comments and strings are skipped, names are skipped, each number is
 * measured.
 */

struct scan {
	const char *p, *end;
	unsigned line;
};

static bool at(const struct scan *s, const char *text)
{
	size_t n = strlen(text);
	return (size_t)(s->end - s->p) >= n && memcmp(s->p, text, n) == 0;
}

static void skip_past(struct scan *s, const char *text)
{
	for (; s->p < s->end && !at(s, text); s->p++)
		s->line += *s->p == '\n';
	if (s->p < s->end) {
		s->line += *text == '\n';
		s->p += strlen(text);
	}
}

static void skip_string(struct scan *s)
{
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
		s->line += *s->p == '\n';
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
	}
	if (s->p < s->end)
		s->p++;
}

static bool too_large(const char *word)
{
	size_t n = strlen(word);
	int base = strncasecmp(word, "0x", 2) == 0 ? 16 : 10;
	bool wide = n && (word[n - 1] == 'L' || word[n - 1] == 'l');
	errno = 0;
	long long value = strtoll(word, NULL, base);
	return errno || (!wide && value > (base == 16 ? UINT32_MAX : INT32_MAX));
}

/* Names may hold digits, dots of a float end up here too: libconfig knows the type, only plain integers are measured.
 */
static bool scan_word(struct scan *s, char *word, size_t size)
{
	const char *start = s->p;
	while (s->p < s->end && (isalnum((unsigned char)*s->p) || strchr("_-.*+", *s->p)))
		s->p++;
	size_t n = (size_t)(s->p - start);
	bool sign = *start == '-' || *start == '+';
	start += sign ? 1 : 0;
	n -= sign ? 1 : 0;
	if (!n || !isdigit((unsigned char)*start) || n >= size)
		return n >= size && isdigit((unsigned char)*start) &&
		       snprintf(word, size, "%.*s", (int)size - 1, start) > 0;
	snprintf(word, size, "%.*s", (int)n, start);
	return !strpbrk(word, ".") && (strncasecmp(word, "0x", 2) == 0 || !strpbrk(word, "eE"));
}

static char *read_whole(const char *file, size_t *n)
{
	FILE *f = fopen(file, "re");
	if (!f)
		return NULL;
	struct buf b = {0};
	size_t got;
	do {
		got = fread(buf_room(&b, 4096), 1, 4096, f);
		b.n += got;
	} while (got);
	fclose(f);
	buf_put(&b, "", 0);
	*n = b.n;
	return b.p;
}

int conf_scan_integers(const char *file, void (*bad)(void *ctx, unsigned line, const char *digits), void *ctx)
{
	size_t n = 0;
	char *text = read_whole(file, &n), word[32];
	struct scan s = {text, text ? text + n : NULL, 1};
	int found = 0;
	if (!text)
		return -1;
	while (s.p < s.end) {
		if (*s.p == '#' || at(&s, "//")) {
			skip_past(&s, "\n");
		} else if (at(&s, "/*")) {
			skip_past(&s, "*/");
		} else if (*s.p == '"') {
			skip_string(&s);
		} else if (isalnum((unsigned char)*s.p) || strchr("_-*+", *s.p)) {
			if (*s.p && scan_word(&s, word, sizeof word) && too_large(word)) {
				bad(ctx, s.line, word);
				found++;
			} else if (s.p < s.end && !*s.p) {
				s.p++;
			}
		} else {
			s.line += *s.p++ == '\n';
		}
	}
	free(text);
	return found;
}
