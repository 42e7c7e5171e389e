/* ENUM: the fields of a rule, and the walk through rules that lead to one another. */
#include "dns/enum.h"
#include "dns/message.h"
#include "dns/naptr.h"
#include "tap.h"

#include <stdlib.h>

static const char number[] = "+14155550101";

static void rewrite(const char *regexp, const char *want)
{
	struct buf b = {0};
	bool done = naptr_rewrite(&b, regexp, number);
	is_str(done ? buf_str(&b) : NULL, want, regexp);
	ok(done || b.n == 0, "nothing is left of a failure");
	buf_free(&b);
}

static void rewriting(void)
{
	static const char *const rule[][2] = {
		{"!^.*$!mailto:carol@example.org!", "mailto:carol@example.org"},
		{"!^\\+1(.*)$!mailto:\\1@example.org!", "mailto:4155550101@example.org"},
		{"!^\\+1(415)?(.*)$!mailto:\\2.\\1@example.org!", "mailto:5550101.415@example.org"},
		{"/^(\\+)([0-9]{4})/mailto:\\2@x.example/i", "mailto:1415@x.example"},
		{"|^\\+1415(555)(0101)$|mailto:a\\|b\\2@x|", "mailto:a|b0101@x"},
		{"!^(\\+1)|(x)$!\\1\\2!", "+1"},
		{"!^[[:digit:]+]+$!ok!", "ok"},
		{"!^[^]x]+$!ok!", "ok"},
		{"!x!mailto:never!", NULL},	  /* no match */
		{"", NULL},			  /* nothing */
		{"!^.*$!half", NULL},		  /* no end */
		{"!!x!", NULL},			  /* no pattern */
		{"!^.*$!x!g", NULL},		  /* unknown flag */
		{"1^.*$1x1", NULL},		  /* delimiter that is a digit */
		{"!^(.*$!x!", NULL},		  /* open group */
		{"!^.*)$!x!", NULL},		  /* closed, never opened */
		{"!^[0-9!x!", NULL},		  /* open bracket */
		{"!^.*$!\\0!", NULL},		  /* the whole match has no name */
		{"!(1)\\1!x!", NULL},		  /* back reference in the pattern */
		{"!^(.*)*$!x!", NULL},		  /* repetition of a repetition */
		{"!^((.+)(.+))+$!x!", NULL},	  /* deeper */
		{"!^.**$!x!", NULL},
		{"!.{1,255}!x!", NULL},		  /* costs memory */
		{"!.{30}.{30}.{3}!x!", NULL},	  /* so do several smaller ones */
		{"!^.{3}.{2}[0-9]{6,7}$!x!", "x"},
		{"!^([0-9]|x){1,32}$!x!", NULL},  /* an interval of a group */
		{"!a|a|a|a|a|a|a|a|a|.!x!", NULL},	  /* too many alternatives */
		{"!^(^1)|(^2)|(^3)|(^.)!x!", NULL},	  /* too many anchors */
		{"!.*.*.*.*.*.*.*.*.*!x!", NULL},	  /* too many repetitions */
		{"!.{!x!", NULL},
		{"!^(\\+1|1)?([0-9]+)$!\\2!", "4155550101"},
		{"!^(1?(4.*)?)?!x!", "x"},	  /* something optional is no repetition */
		{"!^(||||.)+$!x!", NULL},	  /* empty alternatives */
		{"!^(.|)+$!x!", NULL},
		{"!^.*|!x!", NULL},
		{"!^()+.*$!x!", NULL},		  /* an empty group */
		{"!^(.?|.?){1,32}$!x!", NULL},	  /* a repetition of what can be empty */
		{"!^(^|.)+$!x!", NULL},
		{"!^*!x!", NULL},
		{"!^(.*\\\\)*$!x!", NULL},	  /* the backslash before the parenthesis is escaped itself */
	};
	for (size_t i = 0; i < sizeof rule / sizeof *rule; i++)
		rewrite(rule[i][0], rule[i][1]);
	struct buf b = {0};
	buf_puts(&b, "!(.*)!");
	for (int i = 0; i < 60; i++)
		buf_puts(&b, "\\1");
	buf_putc(&b, '!');
	ok(!naptr_rewrite(&b, buf_str(&b), number), "a result over the limit");
	buf_free(&b);
}

static void fields(void)
{
	struct buf b = {0};
	ok(enum_domain(&b, number, "e164.arpa"), "domain");
	is_str(buf_str(&b), "1.0.1.0.5.5.5.5.1.4.1.e164.arpa", "digits turned round");
	ok(!enum_domain(&b, "14155550101", "e") && !enum_domain(&b, "+1415x", "e") && !enum_domain(&b, "+12", "e") &&
		   !enum_domain(&b, "+1234567890123456", "e") && !enum_domain(&b, "", "e"),
	   "no numbers");
	ok(enum_service("E2U+email:mailto", "email:mailto") && enum_service("e2u+sip+EMAIL:mailto", "email:mailto"), "service");
	ok(!enum_service("E2U+sip", "email:mailto") && !enum_service("email:mailto", "email:mailto") &&
		   !enum_service("E2U", "email:mailto") && !enum_service("E2U+email:mailtox", "email:mailto") &&
		   !enum_service("", "email:mailto"),
	   "other services");
	buf_clear(&b);
	ok(naptr_mailto(&b, "MAILTO:ca%72ol@example.org?subject=x") && slice_eq(slice_buf(&b), "carol@example.org"), "mailto");
	static const char *const bad[] = {"sip:a@b.example", "mailto:", "mailto:a", "mailto:@b", "mailto:a@", "mailto:a@b@c",
					  "mailto:a@b%0d%0aRCPT", "mailto:a%20b@c", "mailto:a@b,c@d", "mailto:<a@b>",
					  "mailto:a%zz@b", "mailto:a%ff@b", "mailto:a%00@b"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!naptr_mailto(&b, bad[i]), "%s", bad[i]);
	buf_free(&b);
}

/* ---- the walk, with answers from a table in the place of the resolver ---- */

struct entry {
	const char *name, *flags, *service, *regexp, *replacement;
	enum dns_status status;
};

static const struct entry *table;
static size_t entries;
static int asked;

struct pending {
	dns_done *done;
	void *arg;
	struct dns_answer *answer;
	struct pending *next;
};
static struct pending *pending;

void dns_ask(struct dns *d, enum dns_type type, const char *name, dns_done *done, void *arg)
{
	(void)d;
	struct pending *p = calloc(1, sizeof *p);
	*p = (struct pending){done, arg, dns_answer_new(DNS_NXDOMAIN, 0), pending};
	for (size_t i = 0; i < entries && type == DNS_NAPTR; i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		p->answer->status = table[i].status;
		if (table[i].status != DNS_OK)
			continue;
		struct dns_rr *rr = dns_answer_add(p->answer);
		rr->flags = xstrdup(table[i].flags);
		rr->service = xstrdup(table[i].service);
		rr->regexp = xstrdup(table[i].regexp);
		rr->name = xstrdup(table[i].replacement);
	}
	asked++;
	pending = p;
}

void dns_wait(struct dns *d)
{
	(void)d;
	while (pending) {
		struct pending *p = pending;
		pending = p->next;
		p->done(p->arg, p->answer);
		dns_answer_drop(p->answer);
		free(p);
	}
}

static enum enum_result result;
static char address[128];

static void got(void *arg, enum enum_result r, const char *a)
{
	(void)arg;
	result = r;
	snprintf(address, sizeof address, "%s", a ? a : "");
}

static void find(const struct entry *t, size_t n, enum enum_result want, const char *want_address, const char *what)
{
	table = t;
	entries = n;
	asked = 0;
	enum_find(NULL, "+123", "e", got, NULL);
	dns_wait(NULL);
	is_int(result, want, what);
	is_str(address, want_address, what);
}

#define FIND(t, want, addr, what) find(t, sizeof(t) / sizeof *(t), want, addr, what)
#define MAILTO "E2U+email:mailto"

static void walking(void)
{
	static const struct entry plain[] = {
		{"3.2.1.e", "u", "E2U+sip", "!^.*$!sip:x@y!", "."},
		{"3.2.1.e", "u", MAILTO, "!^99!mailto:no@match!", "."},
		{"3.2.1.e", "u", "E2U+sip+email:mailto", "!^.*$!sip:x@y!", "."},
		{"3.2.1.e", "U", "E2U+sip+email:mailto", "!^\\+(.*)$!mailto:\\1@example.org!", "."},
	};
	FIND(plain, ENUM_FOUND, "123@example.org", "the first rule that gives an address");
	struct entry many[ENUM_RULES_MAX + 2];
	for (size_t i = 0; i < sizeof many / sizeof *many; i++)
		many[i] = (struct entry){"3.2.1.e", "u", i ? MAILTO : "E2U+sip", "!^99!mailto:no@match!", ".", DNS_OK};
	many[ENUM_RULES_MAX].regexp = "!.*!mailto:last@example.org!";
	FIND(many, ENUM_FOUND, "last@example.org", "as many rules as are tried");
	many[ENUM_RULES_MAX].regexp = many[1].regexp;
	many[ENUM_RULES_MAX + 1].regexp = "!.*!mailto:last@example.org!";
	FIND(many, ENUM_NONE, "", "one more");
	static const struct entry chain[] = {
		{"3.2.1.e", "", "", "", "a"}, {"a", "", "", "", "b"}, {"b", "", "", "", "c"}, {"c", "", "", "", "d"},
		{"d", "", "", "", "f"}, {"f", "u", MAILTO, "!.*!mailto:far@example.org!", "."},
	};
	FIND(chain, ENUM_FOUND, "far@example.org", "five non-terminal rules in a row");
	static const struct entry longer[] = {
		{"3.2.1.e", "", "", "", "a"}, {"a", "", "", "", "b"}, {"b", "", "", "", "c"}, {"c", "", "", "", "d"},
		{"d", "", "", "", "f"}, {"f", "", "", "", "g"}, {"g", "u", MAILTO, "!.*!mailto:far@example.org!", "."},
	};
	FIND(longer, ENUM_NONE, "", "six are too many");
	static const struct entry loop[] = {
		{"3.2.1.e", "", "", "", "a"}, {"a", "", "", "", "3.2.1.e"},
		{"3.2.1.e", "u", MAILTO, "!.*!mailto:second@example.org!", "."},
	};
	FIND(loop, ENUM_FOUND, "second@example.org", "a loop is left for the next rule");
	static const struct entry wide[] = {
		{"3.2.1.e", "", "", "", "3.2.1.e"}, {"3.2.1.e", "", "", "", "3.2.1.e"}, {"3.2.1.e", "", "", "", "3.2.1.e"},
	};
	FIND(wide, ENUM_NONE, "", "rules that multiply");
	ok(asked <= ENUM_QUESTIONS_MAX, "%d questions", asked);
	static const struct entry branch[] = {
		{"3.2.1.e", "", "", "", "dead"}, {"dead", "", "", "", "", DNS_FAILED},
		{"3.2.1.e", "u", MAILTO, "!.*!mailto:second@example.org!", "."},
	};
	FIND(branch, ENUM_FOUND, "second@example.org", "a failing branch is left");
	static const struct entry dead[] = {{"3.2.1.e", "", "", "", "dead"}, {"dead", "", "", "", "", DNS_FAILED}};
	FIND(dead, ENUM_UNKNOWN, "", "nothing else: unknown");
	find(NULL, 0, ENUM_NONE, "", "no such number");
	enum_find(NULL, "12", "e", got, NULL);
	dns_wait(NULL);
	is_int(result, ENUM_NONE, "no number");
}

int main(void)
{
	rewriting();
	fields();
	walking();
	return tap_done();
}
