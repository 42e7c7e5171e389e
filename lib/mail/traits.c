#include "mail/traits.h"

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool word_octet(char c)
{
	return digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z') || (unsigned char)c >= 128;
}

ptrdiff_t trait_behind_last(struct slice s, const char *words, bool last)
{
	size_t n = strlen(words), down = last && s.n >= n ? s.n - n : 0;
	bool ascii = (unsigned char)words[0] < 128;
	for (size_t i = s.n >= n ? s.n - n + 1 : 0; i-- > down;) {
		if (((s.p[i] ^ words[0]) & ~32) || strncasecmp(s.p + i, words, n) != 0)
			continue;
		if (ascii && ((i && word_octet(s.p[i - 1]) && (unsigned char)s.p[i - 1] < 128) ||
			      (i + n < s.n && word_octet(s.p[i + n]) && (unsigned char)s.p[i + n] < 128)))
			continue;
		return (ptrdiff_t)(i + n);
	}
	return -1;
}

bool trait_date(struct slice s)
{
	for (size_t i = 0; i + 4 <= s.n; i++) {
		if (!digit(s.p[i]) || (i && digit(s.p[i - 1])))
			continue;
		size_t n = 0;
		while (i + n < s.n && digit(s.p[i + n]))
			n++;
		if (n == 4 &&
		    (memcmp(s.p + i, "20", 2) == 0 || memcmp(s.p + i, "199", 3) == 0 || memcmp(s.p + i, "25", 2) == 0))
			return true;
		struct slice r = {s.p + i + n, s.n - i - n};
		if (n <= 2 && r.n >= 4 && strchr("./-", r.p[0]) && digit(r.p[1])) {
			size_t k = 2 + digit(r.p[2]);
			if (k + 2 < r.n + 1 && r.p[k] == r.p[0] && k + 2 < r.n && digit(r.p[k + 1]) &&
			    digit(r.p[k + 2]))
				return true;
		}
	}
	return false;
}

bool trait_time(struct slice s)
{
	for (size_t i = 1; i + 2 < s.n; i++)
		if (strchr(":.h", s.p[i]) && digit(s.p[i - 1]) && digit(s.p[i + 1]) && digit(s.p[i + 2]) &&
		    (i + 3 >= s.n || !digit(s.p[i + 3])) && (i < 3 || !digit(s.p[i - 2]) || !digit(s.p[i - 3])))
			return true;
	return false;
}

bool trait_address(struct slice s)
{
	for (size_t i = 1; i + 1 < s.n; i++)
		if (s.p[i] == '@' && word_octet(s.p[i - 1]) && word_octet(s.p[i + 1]))
			return true;
	return false;
}

bool trait_digit(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (digit(s.p[i]))
			return true;
	return false;
}

bool trait_cut_colon(struct slice *s)
{
	static const char *const colons[] = {":", "\xef\xbc\x9a", NULL};
	for (const char *const *c = colons; *c; c++) {
		size_t n = strlen(*c);
		if (s->n >= n && memcmp(s->p + s->n - n, *c, n) == 0) {
			s->n -= n;
			*s = slice_trim(*s);
			return true;
		}
	}
	return false;
}
