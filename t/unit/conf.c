#include "conf/conf.h"
#include "conf/knobs.h"
#include "conf/private.h"
#include "base/log.h"
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/cpmail-conf.XXXXXX";
static int log_fd;

/* Write the text to the file and read it as configuration. */
static struct conf *read_text(const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	return conf_read(path);
}

/* What was logged since the last call. */
static const char *logged(void)
{
	static char text[8192];
	log_flush();
	ssize_t n = pread(log_fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (ftruncate(log_fd, 0) != 0 || lseek(log_fd, 0, SEEK_SET) != 0)
		abort();
	return text;
}

static void table(void)
{
	bool good = true;
	for (size_t i = 0; i < knob_count(); i++) {
		const struct knob *k = &knobs[i];
		struct knob_value v = {0};
		good = good && k->help && k->section && k->scope && strchr(k->scope, 'g') &&
		       knob_find(k->name) == (int)i;
		good = good && (k->type != KNOB_ENUM || k->words) && !strpbrk(k->name, "-ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		knob_read_default(k, k->value, &v);
		good = good && (k->type < KNOB_INT || k->type > KNOB_DURATION ||
				(v.number >= k->min && v.number <= k->max && k->max));
		knob_value_free(&v);
	}
	ok(good, "every knob has help, section, scope, a default within its bounds, and is found by its name");
	is_int(knob_find("no_such_knob"), -1, "an unknown name is not found");
}

static void defaults(void)
{
	struct conf *c = conf_read(NULL);
	is_str(conf_str(c, "on_transient", NULL), "reject", "a word");
	is_int(conf_enum(c, "on_transient", NULL), 0, "its index");
	is_int(conf_int(c, "answer_deadline_message", NULL), 10, "a duration in seconds");
	is_int(conf_int(c, "max_pager_in", NULL), 65536, "a size in octets");
	is_int(conf_int(c, "queue_lifetime", NULL), 4 * 3600, "four hours");
	is_int(conf_int(c, "dedupe_window", NULL), 86400, "a day");
	ok(conf_bool(c, "naptr_lookup", NULL) && !conf_bool(c, "want_delay", NULL), "booleans");
	ok(conf_str(c, "next_hop_smarthost", NULL) == NULL, "no smarthost is NULL");
	is_str(conf_item(c, "sip_listen", 0, NULL), "udp:127.0.0.1:5060",
	       "without a file only loopback is listened to");
	is_str(conf_item(c, "trusted_peers", 1, NULL), "::1", "and trusted");
	ok(conf_item(c, "sip_listen", 2, NULL) == NULL, "NULL behind the last");
	is_str(conf_str(c, "mail_domain", NULL), conf_str(c, "gateway", NULL), "mail_domain is the gateway's name");
	char *key = conf_secret(c, "msgid_key"), *again = conf_secret(c, "msgid_key");
	ok(key && strlen(key) == 64, "a key is made of the machine's id");
	is_str(key, again, "the same each time");
	ok(conf_secret_item(c, "msgid_key", 1) == NULL, "there is one only");
	free(key);
	free(again);
	conf_free(c);
	c = read_text("");
	is_str(conf_item(c, "sip_listen", 0, NULL), "udp:*:5060", "with an empty file all addresses are listened to");
	ok(conf_item(c, "trusted_peers", 0, NULL) == NULL, "and nobody is trusted");
	conf_free(c);
}

static void values(void)
{
	struct conf *c = read_text(
		"gateway = \"gw.example.net\"; max_pager_in = \"100 KiB\"; queue_lifetime = \"2d\"; smtp_port = 2525;\n"
		"message_success_code = 200; want_delay = \"on\"; naptr_lookup = false;\n"
		"addr_map = ( (\"sip:a@ims.example\", \"a@mail.example\"), (\"tel:+4912345\", \"b@mail.example\") );\n"
		"trusted_peers = ( \"192.0.2.0/24\", (\"2001:db8::1\", \"pcscf\") ); sip_domains = \"one.example\";\n"
		"smarthost_auth = (\"me\", \"/nowhere\"); by_standalone = 900000000L;\n"
		"next_hop_smarthost = \"maildir:/tmp/Maildir\";\n"
		"domains = ( { name = \"Example.org\"; on_transient = \"queue\"; next_hop_smarthost = "
		"\"mx.example.org:26\"; } );\n"
		"mails = ( { name = \"bob@example.org\"; request_mdn = false; } );\n");
	if (!ok(c != NULL, "a file of many kinds is read"))
		puts(logged());
	is_str(conf_str(c, "gateway", NULL), "gw.example.net", "string");
	is_str(conf_str(c, "mail_domain", NULL), "gw.example.net", "derived default");
	is_int(conf_int(c, "max_pager_in", NULL), 102400, "size with unit");
	is_int(conf_int(c, "queue_lifetime", NULL), 172800, "duration with unit");
	is_int(conf_int(c, "smtp_port", NULL), 2525, "integer");
	is_int(conf_int(c, "by_standalone", NULL), 900000000, "integer with suffix");
	is_int(conf_enum(c, "message_success_code", NULL), 1, "a word that is a number");
	ok(conf_bool(c, "want_delay", NULL) && !conf_bool(c, "naptr_lookup", NULL), "both spellings of a boolean");
	const char *second;
	is_str(conf_item(c, "addr_map", 1, &second), "tel:+4912345", "first half of a pair");
	is_str(second, "b@mail.example", "second half");
	is_str(conf_item(c, "trusted_peers", 0, &second), "192.0.2.0/24", "an element without second half");
	ok(second == NULL, "has NULL there");
	is_str(conf_item(c, "sip_domains", 0, NULL), "one.example", "a string for a list of one");
	is_str(conf_item(c, "smarthost_auth", 0, &second), "me", "a pair");
	struct conf_scope org = {.domain = "example.org", .mail = "bob@example.org"}, net = {.domain = "example.net"};
	is_str(conf_str(c, "on_transient", &org), "queue", "override for a domain");
	is_int(conf_enum(c, "on_transient", &org), 1, "its index");
	is_str(conf_str(c, "on_transient", &net), "reject", "not for another");
	is_str(conf_str(c, "next_hop_smarthost", &org), "mx.example.org:26", "smarthost of a domain");
	ok(!conf_bool(c, "request_mdn", &org) && conf_bool(c, "request_mdn", &net), "override for a mail user");
	conf_free(c);
}

/* A text, and what must be in the log. */
static const struct {
	const char *text, *line, *key, *why;
} wrong[] = {
	{"\n\ncolour = 1;\n", "line=3", "key=colour", "unknown key"},
	{"smtp_port = \"x\";", "line=1", "key=smtp_port", "wrong type: must be an integer"},
	{"smtp_port = 0;", "line=1", "key=smtp_port", "must be 1 to 65535"},
	{"smtp_port = 1.5;", "line=1", "key=smtp_port", "wrong type"},
	{"smtp_port = true;", "line=1", "key=smtp_port", "wrong type"},
	{"\non_transient = \"maybe\";", "line=2", "key=on_transient", "must be one of reject|queue"},
	{"want_delay = 1;", "line=1", "key=want_delay", "wrong type: must be a boolean"},
	{"queue_lifetime = \"4 moons\";", "line=1", "key=queue_lifetime", "must be a duration"},
	{"answer_deadline_message = 40;", "line=1", "key=answer_deadline_message", "must be 0 to 31"},
	{"max_pager_in = 5000000000;", "line=1", "key=5000000000", "number too large"},
	{"max_pager_in = \"99999999999 GiB\";", "line=1", "key=max_pager_in", "must be a size"},
	{"gateway = \"two words\";", "line=1", "key=gateway", "must be a domain name"},
	{"gateway = \"x\\ny\";", "line=1", "key=gateway", "control"},
	{"gateway = \"\xff\";", "line=1", "key=gateway", "UTF-8"},
	{"gateway = ( \"a.example\" );", "line=1", "key=gateway", "wrong type: must be a string"},
	{"sip_listen = [ \"udp:example.org:5060\" ];", "line=1", "key=sip_listen", "must be udp:ADDRESS:PORT"},
	{"sip_listen = [ \"tls:*:5061\" ];", "line=1", "key=sip_listen", "tls needs tls_cert and tls_key"},
	{"trusted_peers = ( \"10.0.0.0/40\" );", "line=1", "key=trusted_peers", "must be an address"},
	{"addr_map = ( (\"sip:a@b\") );", "line=1", "key=addr_map", "each element"},
	{"addr_map = ( (\"a@b\", \"a@b.example\") );", "line=1", "key=addr_map", "must be"},
	{"smarthost_auth = \"me\";", "line=1", "key=smarthost_auth", "wrong type: must be a pair"},
	{"domains = ( { name = \"a.example\"; max_pager_in = 5000; } );", "line=1", "key=max_pager_in",
	 "cannot be set for an e-mail domain"},
	{"domains = ( { name = \"a.example\"; hue = 5; } );", "line=1", "key=hue", "unknown key"},
	{"domains = ( { on_transient = \"queue\"; } );", "line=1", "key=domains", "name must be an e-mail domain"},
	{"domains = ( { name = \"a.example\"; },\n { name = \"A.example\"; } );", "line=2", "key=A.example",
	 "is set twice"},
	{"domains = \"a.example\";", "line=1", "key=domains", "wrong type"},
	{"users = ( { name = \"bob\"; } );", "line=1", "key=users", "name must be a CPM user"},
	{"gateway = ;", "line=1", "file=", "syntax error"},
	{"smtp_port = 1;\nsmtp_port = 2;", "line=2", "file=", "duplicate"},
};

static void errors(void)
{
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		logged();
		struct conf *c = read_text(wrong[i].text);
		const char *log = logged();
		bool good = !c && strstr(log, wrong[i].line) && strstr(log, wrong[i].key) &&
			    strstr(log, wrong[i].why) && strstr(log, path);
		if (!ok(good, "refused, case %zu: %s %s", i, wrong[i].key, wrong[i].why))
			printf("# %s\n", log);
		conf_free(c);
	}
	struct conf *c = read_text("smtp_port = 0;\ncolour = 1;\non_transient = 5;\n");
	const char *log = logged();
	ok(!c && strstr(log, "line=1") && strstr(log, "line=2") && strstr(log, "line=3"),
	   "all errors are told, not only the first");
	ok(conf_read("/nonexistent/cpmail.conf") == NULL && strstr(logged(), "No such file"),
	   "a file that is not there");
}

static void count(void *ctx, unsigned line, const char *digits)
{
	(void)digits;
	*(unsigned *)ctx = line;
}

static void integers(void)
{
	static const struct {
		const char *text;
		int found;
	} cases[] = {
		{"a = 2147483647;", 0},
		{"a = 2147483648;", 1},
		{"a = -2147483649;", 1},
		{"a = 2147483648L;", 0},
		{"# 99999999999\na = 1;", 0},
		{"// 99999999999\na = 1;", 0},
		{"/* 9999999999 */ a=1;", 0},
		{"a = \"99999999999\";", 0},
		{"a = \"\\\"99999999999\";", 0},
		{"a9999999999 = 1;", 0},
		{"a = 12345678901.5;", 0},
		{"a = 0xffffffff;", 0},
		{"a = 0x1ffffffff;", 1},
		{"a = [1, 99999999999, 2];", 1},
		{"a = 99999999999999999999L;", 1},
		{"a = 1;\n# x", 0},
		{"\"", 0},
		{"a = 1; /*", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned line = 0;
		FILE *f = fopen(path, "w");
		if (!f || fputs(cases[i].text, f) < 0 || fclose(f) != 0)
			abort();
		ok(conf_scan_integers(path, count, &line) == cases[i].found, "too large for libconfig, case %zu", i);
	}
}

static void print_again(void)
{
	struct conf *c = read_text(
		"max_mail_out = \"2000 MiB\"; barred = [ \"sip:x@y.example\" ]; state_ttl = \"365d\";\n"
		"smarthost_auth = (\"a\\\"b\\\\\", \"f\"); trusted_peers = ( \"::1\", (\"10.0.0.1\", \"n\") );\n"
		"domains = ( { name = \"a.example\"; on_transient = \"queue\"; }, { name = \"b.example\"; tls_mode = "
		"\"off\"; } );");
	char *text = NULL, *again = NULL, *differing = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	conf_print(c, f, false);
	fclose(f);
	f = open_memstream(&differing, &n);
	conf_print(c, f, true);
	fclose(f);
	ok(strstr(differing, "max_mail_out") && !strstr(differing, "smtp_port"), "only what differs");
	conf_free(c);
	c = read_text(text);
	ok(c != NULL, "what is printed can be read again");
	f = open_memstream(&again, &n);
	conf_print(c, f, true);
	fclose(f);
	/* the places differ, the values do not */
	ok(strstr(again, "smarthost_auth = (\"a\\\"b\\\\\", \"f\");") && strstr(again, "(\"10.0.0.1\", \"n\")") &&
		   strstr(again, "name = \"b.example\"; tls_mode = \"off\";") &&
		   strstr(again, "max_mail_out = 2097152000;"),
	   "with the same values");
	conf_free(c);
	free(text);
	free(again);
	free(differing);
}

static void secrets(void)
{
	char file[] = "/tmp/cpmail-secret.XXXXXX", other[64], text[512];
	int fd = mkstemp(file);
	if (fd < 0 || write(fd, "0123456789abcdef0123456789abcdef\n", 33) != 33)
		abort();
	snprintf(other, sizeof other, "%s.2", file);
	if (link(file, other) != 0)
		abort();
	snprintf(text, sizeof text, "msgid_key = [ \"%s\", \"%s\" ]; smarthost_auth = (\"me\", \"%s\");", file, other,
		 file);
	struct conf *c = read_text(text);
	char *first = conf_secret(c, "msgid_key"), *second = conf_secret_item(c, "msgid_key", 1),
	     *auth = conf_secret(c, "smarthost_auth");
	is_str(first, "0123456789abcdef0123456789abcdef", "a key without its line end");
	is_str(second, first, "the second key");
	is_str(auth, first, "the password");
	ok(conf_secret_item(c, "msgid_key", 2) == NULL, "NULL behind the last key");
	is_int(conf_check_files(c, NULL), 0, "the files are good");
	if (ftruncate(fd, 31) != 0)
		abort();
	is_int(conf_check_files(c, NULL), 2, "a short key is an error, a short password is none");
	unlink(file);
	unlink(other);
	is_int(conf_check_files(c, NULL), 3, "files that are not there are errors");
	free(first);
	free(second);
	free(auth);
	conf_free(c);
	close(fd);
}

int main(void)
{
	char log[] = "/tmp/cpmail-log.XXXXXX";
	log_fd = mkstemp(log);
	int fd = mkstemp(path);
	if (log_fd < 0 || fd < 0 || dup2(log_fd, 2) < 0) {
		printf("Bail out! no scratch files: %m\n");
		return 1;
	}
	unlink(log);
	close(fd);
	table();
	defaults();
	values();
	errors();
	integers();
	print_again();
	secrets();
	unlink(path);
	return tap_done();
}
