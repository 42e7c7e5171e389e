/*
 * mail-route - who takes the mail for a domain: smarthost table, NAPTR, MX, addresses (1.2); and which e-mail address a
 * telephone number has (ENUM, 2.7).
 */
#include "router.h"
#include "base/log.h"

static const char *const takes[] = {"mail.out", "mail.out.routed", "sip.request", NULL};

static bool is_mail(const struct frame_item *it)
{
	return strcmp(it->in->type, "mail.out") == 0;
}

/* Who made it knew the way. */
static bool is_routed(const struct frame_item *it)
{
	return strcmp(it->in->type, "mail.out.routed") == 0;
}

/* "ADDRESS", "ADDRESS:PORT", "[IPV6]", "[IPV6]:PORT" without the port and the brackets. */
static char *bare_address(const char *value)
{
	struct slice s = slice_of(value);
	bool more;
	if (s.n && s.p[0] == '[') {
		s.p++, s.n--;
		return slice_dup(slice_cut(&s, ']', &more));
	}
	const char *colon = strchr(value, ':');
	if (colon && strchr(colon + 1, ':'))
		return slice_dup(s);
	return slice_dup(slice_cut(&s, ':', &more));
}

static void start(struct frame *f, void *ctx)
{
	struct router *r = ctx;
	const char *item;
	r->conf = frame_conf(f);
	r->patient = !frame_has_queue(f);
	r->dns = dns_open_configured(r->conf);
	for (size_t i = 0; i < OWN_ADDRESSES_MAX && (item = conf_item(r->conf, "advertise", i, NULL)); i++)
		r->own_addresses[i] = bare_address(item);
}

/* All questions of the batch are in flight together. With a queue nobody waits long for a dead name server of others:
 * what is still open then comes back in a moment, and finds the answer. */
static void batch(struct frame_item *items, size_t n, void *ctx)
{
	struct router *r = ctx;
	for (size_t i = 0; i < n; i++)
		if (is_mail(&items[i]))
			mail_ask(r, &items[i]);
		else if (!is_routed(&items[i]))
			number_ask(r, &items[i]);
	if (r->patient)
		dns_wait(r->dns);
	else
		dns_wait_for(r->dns, &r->wanted, PATIENCE_MS);
	for (size_t i = 0; i < n; i++)
		if (is_mail(&items[i]))
			mail_answer(r, &items[i]);
		else if (is_routed(&items[i]))
			item_pass(&items[i]);
		else
			number_answer(&items[i]);
	targets_clear(r);
	numbers_clear(r);
}

static void stop(struct frame *f, void *ctx)
{
	struct router *r = ctx;
	(void)f;
	dns_close(r->dns);
	targets_clear(r);
	numbers_clear(r);
	for (size_t i = 0; r->own_addresses[i]; i++)
		free((void *)(uintptr_t)r->own_addresses[i]);
}

static void reload(struct frame *f, void *ctx)
{
	stop(f, ctx);
	*(struct router *)ctx = (struct router){0};
	start(f, ctx);
}

int main(int argc, char **argv)
{
	static const struct frame_program program = {
		.name = "mail-route",
		.summary = "find the hosts that take a mail (smarthost, NAPTR, MX) and the address of a telephone "
			   "number (ENUM)",
		.takes = takes,
		.start = start,
		.batch = batch,
		.reload = reload,
		.stop = stop,
	};
	static struct router router;
	return frame_run(argc, argv, &program, &router);
}
