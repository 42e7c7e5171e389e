#include "map/automatic.h"

/* How the value of a field tells. */
enum test {
	PRESENT,
	NOT_WORD, /* its first word is another than `word` */
	IS_WORD,
};

/* 8.3, row for row. */
static const struct mark {
	const char *field;
	enum test test;
	const char *word;
	enum automatic kind;
	bool bulk;
} marks[] = {
	{"Auto-Submitted", IS_WORD, "auto-replied", AUTOMATIC_REPLIED, false},
	{"Auto-Submitted", IS_WORD, "auto-notified", AUTOMATIC_REPLIED, false},
	{"Auto-Submitted", NOT_WORD, "no", AUTOMATIC_GENERATED, true},
	{"Precedence", IS_WORD, "auto_reply", AUTOMATIC_REPLIED, true},
	{"X-Autoreply", PRESENT, NULL, AUTOMATIC_REPLIED, false},
	{"X-Autorespond", PRESENT, NULL, AUTOMATIC_REPLIED, false},
	{"Content-Type", IS_WORD, "multipart/report", AUTOMATIC_REPLIED, false},
	{"List-Id", PRESENT, NULL, AUTOMATIC_GENERATED, true},
	{"List-Unsubscribe", PRESENT, NULL, AUTOMATIC_GENERATED, true},
	{"List-Post", PRESENT, NULL, AUTOMATIC_GENERATED, true},
	{"Precedence", IS_WORD, "bulk", AUTOMATIC_GENERATED, true},
	{"Precedence", IS_WORD, "junk", AUTOMATIC_GENERATED, true},
	{"Precedence", IS_WORD, "list", AUTOMATIC_GENERATED, true},
	{"X-Auto-Response-Suppress", NOT_WORD, "none", AUTOMATIC_GENERATED, false},
};

/* Local parts of robots; a * stands for any rest before or behind. */
static const char *const robots[] = {"mailer-daemon", "postmaster", "noreply",	"no-reply",
				     "bounce*",	      "owner-*",    "*-request"};

static struct slice first_word(struct slice value)
{
	size_t n = 0;
	while (n < value.n && !strchr(" \t;,(", value.p[n]))
		n++;
	return (struct slice){value.p, n};
}

static bool tells(const struct mail_head *h, const struct mark *m)
{
	struct slice value = mail_head_get(h, m->field, 0);
	if (!value.p)
		return false;
	struct slice word = first_word(value);
	switch (m->test) {
	case PRESENT:
		return true;
	case NOT_WORD:
		return !slice_ieq(word, m->word);
	case IS_WORD:
		return slice_ieq(word, m->word);
	}
	return false;
}

static bool is_robot(struct slice address)
{
	bool more;
	struct slice local = slice_cut(&address, '@', &more);
	for (size_t i = 0; i < sizeof robots / sizeof *robots; i++) {
		struct slice name = slice_of(robots[i]);
		if (name.p[0] == '*') {
			struct slice end = {local.p + local.n - (name.n - 1), name.n - 1};
			if (local.n >= name.n - 1 && strncasecmp(end.p, name.p + 1, end.n) == 0)
				return true;
		} else if (name.p[name.n - 1] == '*') {
			if (local.n >= name.n - 1 && strncasecmp(local.p, name.p, name.n - 1) == 0)
				return true;
		} else if (slice_ieq(local, name.p)) {
			return true;
		}
	}
	return false;
}

enum automatic automatic_kind(const struct mail_head *h, struct slice mail_from, struct slice from)
{
	if (!mail_from.n)
		return AUTOMATIC_REPLIED;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (tells(h, &marks[i]))
			return marks[i].kind;
	return is_robot(from.n ? from : mail_from) || is_robot(mail_from) ? AUTOMATIC_GENERATED : AUTOMATIC_NO;
}

const char *automatic_name(enum automatic a)
{
	static const char *const names[] = {"no", "generated", "replied"};
	return names[a];
}

bool automatic_bulk(const struct mail_head *h)
{
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (marks[i].bulk && tells(h, &marks[i]))
			return true;
	return false;
}
