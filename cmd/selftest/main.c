/*
 * selftest - send one message through a running gateway and say in one line whether it came out, or where it is stuck.
 */
#include "selftest.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/tool.h"
#include "conf/conf.h"
#include "sip/message.h"
#include "sip/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_EVERY_US = 50000 };

struct test {
	struct probe probe;
	const char *root, *maildir;
	int64_t deadline_us;
};

/* Where the configuration listens for UDP; every address is reached on the loopback one. */
static char *gateway_of(const struct conf *c)
{
	const char *element;
	for (size_t i = 0; (element = conf_item(c, "sip_listen", i, NULL)); i++) {
		enum sip_transport t;
		bool both, every;
		union sip_addr a;
		const char *why;
		char host[SIP_ADDR_TEXT];
		if (!sip_listen_parse(element, &t, &both, &every, &a, &why) || t != SIP_UDP)
			continue;
		if (every)
			return xasprintf("127.0.0.1:%d", sip_addr_port(&a));
		sip_addr_text(&a, host);
		return xasprintf(a.sa.sa_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host, sip_addr_port(&a));
	}
	return xstrdup("127.0.0.1:5060");
}

static int verdict(const struct test *t, int status, const char *word, const char *text)
{
	printf("%s: %s (trace %s)\n", word, text, t->probe.trace);
	tool_close_stdout();
	return status;
}

static int64_t ms_since(const struct test *t)
{
	return (clock_mono_us() - t->probe.sent_us) / 1000;
}

/* No final answer: is it in a queue at least? */
static int unanswered(const struct test *t)
{
	struct where w;
	char text[600];
	where_look(t->root, t->probe.trace, &w);
	if (w.found)
		snprintf(text, sizeof text, "no answer; %s", w.text);
	else
		snprintf(text, sizeof text, "no answer from %s: sip-listen does not run there", t->probe.gateway);
	return verdict(t, EXIT_TEMP, "stuck", text);
}

static int refused(const struct test *t)
{
	char text[160];
	snprintf(text, sizeof text, "%d %s after %lld ms", t->probe.status, t->probe.reason, (long long)ms_since(t));
	return verdict(t, EXIT_PERM, "refused", text);
}

/* Accepted: follow it until it is in the mailbox, or in no queue any more. */
static int follow(const struct test *t)
{
	struct where w;
	char text[600];
	int64_t answered = ms_since(t);
	for (;;) {
		bool there = t->maildir && where_in_maildir(t->maildir, t->probe.token);
		where_look(t->root, t->probe.trace, &w);
		if (there || (!t->maildir && !w.found)) {
			snprintf(text, sizeof text, "answered %d after %lld ms, %s after %lld ms", t->probe.status, (long long)answered,
				 there ? "in the mailbox" : "through all queues", (long long)ms_since(t));
			return verdict(t, 0, "ok", text);
		}
		if (w.failed || clock_mono_us() >= t->deadline_us)
			break;
		usleep(LOOK_EVERY_US);
	}
	snprintf(text, sizeof text, "answered %d after %lld ms, then %s", t->probe.status, (long long)answered,
		 w.found ? w.text : "it left all queues, but is not in the mailbox");
	return verdict(t, w.failed ? EXIT_PERM : EXIT_TEMP, w.failed ? "failed" : "stuck", text);
}

int main(int argc, char **argv)
{
	struct test t = {.probe = {.from = "sip:selftest@localhost"}, .root = "spool"};
	const char *conf_file = NULL, *seconds = "20";
	const struct tool_option options[] = {
		{"config", 'c', "FILE", "the gateway's configuration: where it listens", .value = &conf_file},
		{"root", 'r', "DIR", "its spool (default: spool)", .value = &t.root},
		{"gateway", 'p', "ADDR:PORT", "send it there, by UDP", .value = &t.probe.gateway},
		{"from", 'f', "URI", "the sender (default: sip:selftest@localhost)", .value = &t.probe.from},
		{"maildir", 'm', "DIR", "the recipient's mailbox: it must arrive there", .value = &t.maildir},
		{"timeout", 't', "SECONDS", "how long it may take (default: 20)", .value = &seconds},
		{0}};
	const struct tool tool = {"selftest", "send a message through the gateway and say whether it came out, or where it is stuck", "TO", 1, 1, options};
	int first = tool_options(argc, argv, &tool);
	long most = strtol(seconds, NULL, 10);
	char *own = NULL;
	if (most < 1 || most > 3600)
		die_perm("--timeout %s: 1 to 3600 seconds", seconds);
	struct conf *c = conf_load(conf_file);
	if (!t.probe.gateway)
		t.probe.gateway = own = gateway_of(c);
	t.probe.to = argv[first];
	sip_init();
	probe_open(&t.probe);
	t.deadline_us = clock_mono_us() + most * 1000000LL;
	bool answered = probe_ask(&t.probe, t.deadline_us);
	int status = !answered ? unanswered(&t) : t.probe.status >= 300 ? refused(&t) : follow(&t);
	probe_close(&t.probe);
	conf_free(c);
	free(own);
	return status;
}
