/*
 * cpm2mail - a CPM pager message becomes a mail: tables T1, T2 and 3.11.
 *
 * sip.request -> mail.out, or sip.response where there is nothing to send, or sip.join where the message was sent
 * before, or the sip.request again with a telephone number to be looked up; beside the mail, alias for each name that
 * it uses in place of a user's. thread, of mails that came in: kept for In-Reply-To and References.
 */
#include "aliases.h"
#include "base/log.h"
#include "frame/frame.h"
#include "map/content.h"
#include "map/frame_io.h"
#include "map/next_hop.h"
#include "map/table.h"
#include "memory.h"
#include "receipt.h"
#include "map/storm.h"
#include "threads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct metric families[] = {
	{"cpmail_duplicates_total", "Messages that were sent again and absorbed.", {0}, METRIC_COUNTER},
	{0},
};

struct program {
	struct map_names *names;
	struct memory memory;
	struct threads threads;
	struct aliases aliases;
	struct storm storm;
	struct map_tools tools;
	struct map_io io;
	bool known; /* the conversation of the record in work is one that a mail user has written in */
};

/* The mail behind a contribution: one that we made, or one that came in. */
static bool thread(void *ctx, const char *contr, bool private, struct buf *msgid, struct buf *references)
{
	struct program *prog = ctx;
	return memory_thread(&prog->memory, contr, private, prog->threads.alive_ms, msgid, references) ||
	       threads_mail(&prog->threads, contr, private, msgid, references);
}

static bool conversation(void *ctx, const char *conv, const char *address, bool private, struct buf *references,
			 struct buf *subject)
{
	struct program *prog = ctx;
	prog->known = threads_conversation(&prog->threads, conv, address, private, references, subject);
	return prog->known;
}

/* ---- what comes out ---- */

static void answer(struct frame_item *it, const struct pager *p)
{
	struct record *out = item_output(it, "sip.response");
	char status[12];
	record_set(out->member, "transaction", record_str(p->sip, "transaction"));
	record_set_int(out->member, "status", p->status);
	record_set(out->member, "reason", p->reason);
	json_t *headers = record_array(out->member, "headers");
	if (p->header)
		record_header_add(headers, slice_of(p->header), slice_of(p->header_value));
	snprintf(status, sizeof status, "%d", p->status);
	log_event(LOG_INFO, it->in->trace, "answered", "id", it->in->id, "callid", p->call_id, "status", status, "why",
		  p->why, NULL);
	item_emit(it, out);
}

/* It was accepted and is thrown away: to report that is a mail that failed after the answer. */
static void tell_expired(struct frame_item *it, struct pager *p)
{
	struct record *out = item_output(it, "mail.result");
	if (pager_expired(p, out->member))
		item_emit(it, out);
	else
		record_free(out);
}

/* The number behind the request first gets a mail address (2.7); then the request comes back. */
static void ask_number(struct frame_item *it, const struct pager *p)
{
	struct record *out = item_output(it, "sip.request");
	const char *key;
	json_t *value;
	json_object_foreach (it->in->member, key, value)
		if (strcmp(key, "enum") != 0 && strcmp(key, "enum_wanted") != 0)
			record_set_new(out->member, key, json_incref(value));
	record_set(out->member, "enum_wanted", buf_str(&p->enum_wanted));
	log_event(LOG_INFO, it->in->trace, "enum-wanted", "id", it->in->id, "callid", p->call_id, NULL);
	item_emit(it, out);
}

static void join(struct frame_item *it, const struct pager *p, const char *original, const char *attempt)
{
	struct record *out = item_output(it, "sip.join");
	record_set(out->member, "transaction", record_str(p->sip, "transaction"));
	record_set(out->member, "original", original);
	record_set(out->member, "attempt", attempt);
	int64_t answer_by = record_int(p->sip, "answer_by", -1);
	if (answer_by >= 0)
		record_set_int(out->member, "answer_by", answer_by);
	metrics_add(frame_metrics(it->frame), &families[0], NULL, NULL, 1);
	log_event(LOG_INFO, it->in->trace, "joined", "id", it->in->id, "callid", p->call_id, "original", original,
		  NULL);
	item_emit(it, out);
}

/* The mail is made: what later ones need to know of it. */
static void remember(struct program *prog, const struct frame_item *it, const struct pager *p, const char *key,
		     int64_t now)
{
	struct buf references = {0}, users = {0};
	const char *transaction = record_str(p->sip, "transaction");
	threads_append(&references, slice_buf(&p->references), slice_buf(&p->in_reply_to));
	for (size_t i = 0; i < p->rcpt.n; i++)
		buf_printf(&users, "%s%s", i ? "\n" : "", p->rcpt.v[i]);
	memory_add(&prog->memory,
		   &(struct memory_mail){.key = key,
					 .record = it->in->id,
					 .attempt = transaction ? transaction : it->in->id,
					 .contr = buf_str(&p->contr),
					 .msgid = buf_str(&p->msgid),
					 .references = buf_str(&references),
					 .uri = buf_str(&p->originator_uri),
					 .users = buf_str(&users),
					 .private = p->private,
					 .blind = p->blind},
		   now);
	if (p->rcpt.n == 1 && p->conv_given && (prog->known || p->answered_contr))
		threads_go_on(&prog->threads, buf_str(&p->conv), p->rcpt.v[0], p->private, slice_buf(&references),
			      buf_str(&p->msgid), now);
	buf_free(&references), buf_free(&users);
}

/* 8.2: the same sender, recipients and text for the sixth time in ten minutes: two robots talk to each other. */
static bool storm(struct frame_item *it, struct program *prog, struct pager *p, int64_t now)
{
	uint64_t kind = storm_kind(0, slice_of(p->originator ? p->originator : ""));
	for (size_t i = 0; i < p->rcpt.n; i++)
		kind = storm_kind(kind, slice_of(p->rcpt.v[i]));
	uint64_t digest = content_digest(p->content);
	kind = storm_kind(kind, (struct slice){(const char *)&digest, sizeof digest});
	if (!storm_rages(&prog->storm, kind, it->in->id, now))
		return false;
	pager_answer(p, 480, "Temporarily Unavailable", "storm: the same message more than 5 times in 10 minutes");
	p->header = "Retry-After";
	p->header_value = "600";
	return true;
}

/* The mail, with its route if that is known without asking for names: it need not go through mail-route then. */
static struct record *mail_record(struct frame_item *it, struct pager *p, json_t *body, const char *key)
{
	json_t *mail = json_object();
	pager_fill(p, mail, body, key);
	json_t *route = next_hop_of_mail(frame_conf(it->frame), mail);
	struct record *out = item_output(it, route ? "mail.out.routed" : "mail.out");
	if (route)
		record_set_new(mail, "route", route);
	record_set_new(out->root, "mail", mail);
	out->member = mail;
	return out;
}

static void send_mail(struct frame_item *it, struct program *prog, struct pager *p, const char *key, int64_t now)
{
	char size[24], rcpt[12];
	if (storm(it, prog, p, now))
		return;
	json_t *body = pager_build(p);
	if (!body)
		return;
	struct record *out = mail_record(it, p, body, key);
	remember(prog, it, p, key, now);
	snprintf(size, sizeof size, "%lld", (long long)p->size);
	snprintf(rcpt, sizeof rcpt, "%zu", p->rcpt.n);
	char *imdn = p->cpim.message_id.n ? slice_dup(p->cpim.message_id) : NULL;
	log_event(LOG_INFO, it->in->trace, "mapped", "id", it->in->id, "callid", p->call_id, "imdn", imdn, "conv",
		  buf_str(&p->conv), "mid", buf_str(&p->msgid), "envid", record_str(out->member, "envid"), "rcpt", rcpt,
		  "size", size, "cpim_from", p->cpim_foreign ? "foreign" : NULL, NULL);
	free(imdn);
	item_emit(it, out);
	aliases_emit(&prog->aliases, it, p, now);
}

/* ---- the step ---- */

static void finish(struct frame_item *it, struct pager *p)
{
	switch (p->verdict) {
	case PAGER_MAIL:
		break;
	case PAGER_ANSWER:
		answer(it, p);
		if (p->expired)
			tell_expired(it, p);
		else if (p->report && p->status == 200)
			receipt_emit(it, p);
		break;
	case PAGER_ENUM:
		ask_number(it, p);
		break;
	case PAGER_TROUBLE:
		if (p->error == ENOENT || p->error == EINVAL) {
			/* the sender must not take the silence for a yes (5.1, internal error) */
			pager_answer(p, 500, "Server Internal Error", "the body is gone");
			answer(it, p);
			item_fail(it, "5.6.0", "the body is gone");
		} else {
			item_defer(it, 0, "4.3.0", "body: %s", strerror(p->error));
		}
		break;
	}
}

static void request(struct frame_item *it, struct program *prog)
{
	struct pager p;
	struct buf key = {0}, original = {0}, attempt = {0};
	int64_t now = frame_now_ms(it->frame);
	const char *method = record_str(it->in->member, "method");
	if (!method || strcmp(method, "MESSAGE") != 0) {
		item_fail(it, "5.5.1", "only MESSAGE is mapped here, not %.20s",
			  method ? method : "a request without method");
		return;
	}
	prog->io.ctx = it;
	prog->known = false;
	aliases_begin(&prog->aliases);
	pager_begin(&p, &prog->tools, it->in, now);
	if (p.verdict == PAGER_MAIL && pager_recipients(&p) == PAGER_MAIL) {
		pager_key(&p, &key);
		if (memory_find(&prog->memory, buf_str(&key),
				now - 1000 * conf_int(prog->tools.conf, "dedupe_window", NULL), &original, &attempt))
			join(it, &p, buf_str(&original), buf_str(&attempt));
		else
			send_mail(it, prog, &p, buf_str(&key), now);
	}
	finish(it, &p);
	pager_end(&p);
	buf_free(&key), buf_free(&original), buf_free(&attempt);
}

static void forget(struct frame_item *it, struct program *prog)
{
	const char *key = record_str(it->in->member, "key");
	if (key && strlen(key) == 64)
		memory_forget(&prog->memory, key);
	else
		item_fail(it, "5.5.4", "sip.forget without a key");
}

static void step(struct frame_item *it, void *ctx)
{
	struct program *prog = ctx;
	struct sqlite3 *db = frame_database(it->frame);
	int64_t now = frame_now_ms(it->frame), alive = now - 1000 * conf_int(prog->tools.conf, "state_ttl", NULL);
	memory_use(&prog->memory, db);
	threads_use(&prog->threads, db, alive);
	aliases_use(&prog->aliases, db);
	if (strcmp(it->in->type, "sip.forget") == 0) {
		forget(it, prog);
	} else if (strcmp(it->in->type, "thread") == 0) {
		if (!threads_take(&prog->threads, it->in->member, now))
			item_fail(it, "5.5.4", "thread without contribution, conversation, msg_id or at");
	} else {
		request(it, prog);
		memory_prune(&prog->memory, alive);
		aliases_prune(&prog->aliases, alive);
	}
	threads_prune(&prog->threads);
}

static void start(struct frame *f, void *ctx)
{
	struct program *prog = ctx;
	prog->names = map_names_new(frame_conf(f));
	prog->io = map_frame_io(NULL);
	prog->tools = (struct map_tools){.conf = frame_conf(f),
					 .names = prog->names,
					 .io = &prog->io,
					 .thread = thread,
					 .conversation = conversation,
					 .thread_ctx = prog};
	aliases_watch(&prog->aliases, prog->names);
}

static void reload(struct frame *f, void *ctx)
{
	struct map_names *old = ((struct program *)ctx)->names;
	start(f, ctx);
	map_names_free(old);
}

static void stop(struct frame *f, void *ctx)
{
	struct program *prog = ctx;
	(void)f;
	memory_end(&prog->memory);
	threads_end(&prog->threads);
	aliases_end(&prog->aliases);
	storm_end(&prog->storm);
	map_names_free(prog->names);
}

static void print_map(void *ctx, const char *value)
{
	(void)ctx, (void)value;
	map_print(stdout, "T1: MESSAGE -> SMTP envelope", T1, T1_rows);
	map_print(stdout, "T2: MESSAGE -> mail header", T2, T2_rows);
	content_print(stdout);
	if (fflush(stdout) != 0)
		die_temp("standard output:");
	exit(0);
}

int main(int argc, char **argv)
{
	static const char *const takes[] = {"sip.request", "sip.forget", "thread", NULL};
	static const char *const files[] = {"msgid_key", NULL};
	static const struct frame_option options[] = {
		{.name = "print-map", .help = "print the mapping tables, row by row, and end", .set = print_map},
		{0},
	};
	static const struct frame_program program = {
		.name = "cpm2mail",
		.summary = "map a CPM pager message (SIP MESSAGE) to a mail",
		.takes = takes,
		.options = options,
		.schema = MEMORY_SCHEMA THREADS_SCHEMA ALIASES_SCHEMA,
		.start = start,
		.step = step,
		.files = files,
		.reload = reload,
		.metrics = families,
		.stop = stop,
	};
	static struct program prog;
	return frame_run(argc, argv, &program, &prog);
}
