#include "mail/quote.h"

static bool ends_with_colon(struct slice s)
{
	return s.n && (s.p[s.n - 1] == ':' || (s.n > 2 && memcmp(s.p + s.n - 3, "\xef\xbc\x9a", 3) == 0) ||
		       s.p[s.n - 1] == '*');
}

struct lead reply_lead(const struct reply_lines *l, size_t first, size_t i, size_t end)
{
	struct slice line = reply_line(l, i);
	if (!line.n || l->v[i].quoted)
		return (struct lead){.kind = LEAD_NONE};
	if (reply_original_line(line))
		return (struct lead){.kind = LEAD_SEPARATOR, .from = i, .to = i + 1};
	if (line.n <= REPLY_LINE_OCTETS && ends_with_colon(line)) {
		struct lead a = reply_attribution(l, first, i);
		if (a.kind != LEAD_NONE)
			return a;
	}
	if (memchr(line.p, ':', line.n) && reply_attribution_in_line(line))
		return (struct lead){.kind = LEAD_SEPARATOR, .from = i, .to = i + 1};
	return reply_block(l, first, i, end);
}
