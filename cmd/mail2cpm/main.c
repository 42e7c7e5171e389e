/*
 * mail2cpm - a mail becomes CPM messages: triage 7.1, tables E1, E2 and E3.
 *
 * mail.in -> sip.send for each recipient, sip.result for one who cannot get it, mail.out for the postmaster's, receipt
 * for a report; and thread for whoever has to know of the conversation. alias -> the alias table. smtp.reply: a mail that is
 * expected again.
 */
#include "mail2cpm.h"
#include "base/log.h"
#include "map/frame_io.h"
#include "mode.h"
#include "mail/address.h"
#include "receipt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- auth_results_from ---- */

static bool trusts(void *ctx, const json_t *peer)
{
	const struct mail2cpm *prog = ctx;
	const char *address = record_str(peer, "address");
	union sip_addr a;
	if (!address)
		return prog->results_local;
	return sip_addr_parse(&a, slice_of(address), 25) && sip_trust_address(&prog->results_from, &a);
}

static void read_trust(struct mail2cpm *prog)
{
	const char *item;
	for (size_t i = 0; (item = conf_item(prog->conf, "auth_results_from", i, NULL)); i++)
		if (strcmp(item, "local") == 0)
			prog->results_local = true;
		else if (!sip_trust_add(&prog->results_from, item, NULL))
			die_perm("auth_results_from \"%s\": neither address nor network", item);
}

/* ---- the step ---- */

/* The body cannot be had: gone for good, or tried again. */
static void trouble(struct frame_item *it, int error)
{
	if (error == ENOENT || error == EINVAL)
		item_fail(it, "5.6.0", "the body is gone");
	else
		item_defer(it, 0, "4.3.0", "body: %s", error ? strerror(error) : "the state store cannot be read");
}

/* One message for all to a list server (E2): only where there are several. */
static bool to_list_service(struct work *w)
{
	const json_t *to = record_get(w->letter.mail, "to");
	const char *service = conf_str(w->program->conf, "list_service_uri", NULL);
	size_t users = 0;
	for (size_t i = 0; i < json_array_size(to); i++)
		users += record_str(json_array_get(to, i), "cpm") != NULL;
	return service && *service && users > 1;
}

static bool has_recipient(const struct record *in, bool role)
{
	const json_t *to = record_get(in->member, "to");
	for (size_t i = 0; i < json_array_size(to); i++)
		if (record_bool(json_array_get(to, i), "role") == role)
			return true;
	return false;
}

/* What comes for the postmaster is his, reports too. */
static bool for_postmaster(const struct record *in)
{
	return has_recipient(in, true);
}

static bool for_users(const struct record *in)
{
	return has_recipient(in, false);
}

/* A report is a use of the address that it came to as well (2.5). */
static void touch_aliases(struct mail2cpm *prog, const json_t *mail)
{
	const json_t *to = record_get(mail, "to");
	for (size_t i = 0; i < json_array_size(to); i++) {
		const char *address = record_str(json_array_get(to, i), "address");
		struct buf local = {0};
		if (address)
			mail_put_lower(&local, (struct slice){address, strcspn(address, "@")});
		if (token_local_form(slice_buf(&local)))
			alias_touch(&prog->aliases, buf_str(&local));
		buf_free(&local);
	}
}

/* A report is no message for anybody. */
static void settle_users(struct frame_item *it)
{
	const json_t *to = record_get(it->in->member, "to");
	for (size_t i = 0; i < json_array_size(to); i++)
		if (!record_bool(json_array_get(to, i), "role"))
			send_settled(it, record_str(json_array_get(to, i), "address"));
}

static void mail(struct frame_item *it, struct mail2cpm *prog)
{
	struct work w = {.program = prog, .it = it};
	struct letter *l = &w.letter;
	bool failed = false, report = for_users(it->in) && receipt_of_mail(it, prog->names, &failed);
	if (report) {
		touch_aliases(prog, it->in->member);
		settle_users(it);
	}
	if (failed || (report && !for_postmaster(it->in)))
		return;
	bool good = letter_begin(l, &prog->tools, it->in, frame_now_ms(it->frame));
	bool service = good && to_list_service(&w), served = false;
	for (size_t k = 0; good && letter_recipient(l, k); k++) {
		if ((service && l->cpm && served) || (report && !record_bool(l->to, "role")))
			continue;
		l->list_service = service && l->cpm;
		served = served || l->list_service;
		good = triage_recipient(&w);
	}
	if (!good)
		trouble(it, l->error);
	if (w.opened)
		enclose_end(&w.enclose);
	letter_end(l);
}

/* inline_result: who was told of a refusal comes again with the same mail, or has told its sender. */
static void refusal_told(struct frame_item *it, struct mail2cpm *prog, int64_t now_ms)
{
	const char *imdn_id = record_str(it->in->member, "imdn_id");
	if (imdn_id)
		memory_expect(&prog->memory, imdn_id, now_ms);
	else
		item_fail(it, "5.5.4", "smtp.reply without imdn_id");
}

static void step(struct frame_item *it, void *ctx)
{
	struct mail2cpm *prog = ctx;
	struct sqlite3 *db = frame_database(it->frame);
	int64_t now = frame_now_ms(it->frame);
	prog->io.ctx = it;
	memory_use(&prog->memory, db);
	alias_use(&prog->aliases, db, now, 1000 * conf_int(prog->conf, "group_addr_grace", NULL));
	correlate_use(&prog->correlate, db, prog->names, &prog->aliases, prog->sent);
	if (strcmp(it->in->type, "alias") == 0) {
		if (!alias_take(&prog->aliases, it->in->member))
			item_fail(it, "5.5.4", "no alias can be made of it");
		return;
	}
	if (strcmp(it->in->type, "smtp.reply") == 0)
		refusal_told(it, prog, now);
	else
		mail(it, prog);
	memory_prune(&prog->memory, now - 1000 * conf_int(prog->conf, "dedupe_window", NULL));
	correlate_purge(&prog->correlate, now - 1000 * conf_int(prog->conf, "state_ttl", NULL));
	alias_purge(&prog->aliases);
}

static void start(struct frame *f, void *ctx)
{
	struct mail2cpm *prog = ctx;
	char *sent = prog->sent_file ? xstrdup(prog->sent_file) : frame_state_file(f, "cpm2mail");
	prog->conf = frame_conf(f);
	prog->names = map_names_new(prog->conf);
	prog->io = map_frame_io(NULL);
	prog->tools = (struct letter_tools){
		.conf = prog->conf, .names = prog->names, .io = &prog->io, .trusts = trusts, .ctx = prog};
	prog->sent = correlate_sent_new(sent);
	free(sent);
	read_trust(prog);
}

static void forget(struct mail2cpm *prog)
{
	memory_end(&prog->memory);
	correlate_end(&prog->correlate);
	alias_end(&prog->aliases);
	peek_free(prog->sent);
	sip_trust_free(&prog->results_from);
	map_names_free(prog->names);
}

static void reload(struct frame *f, void *ctx)
{
	struct mail2cpm *prog = ctx;
	struct mail2cpm kept = {.storm = prog->storm, .sent_file = prog->sent_file};
	forget(prog);
	*prog = kept;
	start(f, ctx);
}

static void stop(struct frame *f, void *ctx)
{
	struct mail2cpm *prog = ctx;
	(void)f;
	forget(prog);
	storm_end(&prog->storm);
}

static void set_sent(void *ctx, const char *value)
{
	((struct mail2cpm *)ctx)->sent_file = value;
}

static void print_map(void *ctx, const char *value)
{
	(void)ctx, (void)value;
	letter_print(stdout);
	mode_print(stdout);
	if (fflush(stdout) != 0)
		die_temp("standard output:");
	exit(0);
}

int main(int argc, char **argv)
{
	static const char *const takes[] = {"mail.in", "alias", "smtp.reply", NULL};
	static const char *const files[] = {"msgid_key", NULL};
	static const struct frame_option options[] = {
		{"sent", 0, "FILE", "the state store of cpm2mail (default: that in the spool)", set_sent},
		{.name = "print-map", .help = "print the mapping tables, row by row, and end", .set = print_map},
		{0},
	};
	static const struct frame_program program = {
		.name = "mail2cpm",
		.summary = "map a mail to CPM pager messages (SIP MESSAGE)",
		.takes = takes,
		.options = options,
		.schema = MEMORY_SCHEMA ALIAS_SCHEMA CORRELATE_SCHEMA,
		.ordered = true,
		.start = start,
		.step = step,
		.files = files,
		.reload = reload,
		.metrics = mail2cpm_metrics,
		.stop = stop,
	};
	static struct mail2cpm prog;
	return frame_run(argc, argv, &program, &prog);
}
