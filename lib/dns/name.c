#include "dns/dns.h"
#include "base/text.h"

#include <ctype.h>
#include <idn2.h>
#include <stdlib.h>

bool dns_name_valid(const char *name)
{
	size_t n = strlen(name), label = 0;
	if (n && name[n - 1] == '.')
		n--;
	if (n == 0 || n > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];
		if (c == '.' ? label == 0 : !(c < 128 && (isalnum(c) || c == '-' || c == '_')))
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

/* STD3 rules are not asked for: an underscore in an ASCII name is somebody's real domain. */
bool dns_name_ascii(struct buf *out, struct slice domain)
{
	size_t start = out->n;
	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (domain.n == 0 || domain.n > 4 * DNS_NAME_MAX || memchr(domain.p, '\0', domain.n))
		return false;
	if (is_ascii(domain.p, domain.n)) {
		for (size_t i = 0; i < domain.n; i++)
			buf_putc(out, (char)tolower((unsigned char)domain.p[i]));
	} else {
		char *u8 = slice_dup(domain), *ascii = NULL;
		int rc = idn2_to_ascii_8z(u8, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
		if (rc == IDN2_OK)
			buf_puts(out, ascii);
		idn2_free(ascii);
		free(u8);
		if (rc != IDN2_OK)
			return false;
	}
	if (dns_name_valid(buf_str(out) + start))
		return true;
	out->n = start;
	return false;
}

static size_t length(const char *name)
{
	size_t n = strlen(name);
	return n > 1 && name[n - 1] == '.' ? n - 1 : n;
}

bool dns_name_same(const char *a, const char *b)
{
	size_t n = length(a);
	return n == length(b) && strncasecmp(a, b, n) == 0;
}
