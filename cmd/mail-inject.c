/*
 * mail-inject: a mail on standard input and its recipients in the arguments -> a record.
 *
 * The exit status is one of sysexits.h, which is what pipe(8) of Postfix and people expect of such a program.
 */
#include "smtp-listen/mail.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

struct inject {
	struct frame *frame;
	struct mail_users users;
	struct mail_store store;
	struct smtpd_mail mail;
	struct smtpd_content content;
	const char *from, *ret, *envid, *notify, *aliases;
	char **operand;
	size_t operands;
	bool before_cr; /* the last octet was a CR */
	bool bare;
};

static void set_from(void *ctx, const char *value)
{
	((struct inject *)ctx)->from = value;
}

static void set_notify(void *ctx, const char *value)
{
	((struct inject *)ctx)->notify = value;
}

static void set_ret(void *ctx, const char *value)
{
	((struct inject *)ctx)->ret = value;
}

static void set_envid(void *ctx, const char *value)
{
	((struct inject *)ctx)->envid = value;
}

static void set_aliases(void *ctx, const char *value)
{
	((struct inject *)ctx)->aliases = value;
}

static void take_operand(void *ctx, const char *value)
{
	struct inject *in = ctx;
	in->operand = xrealloc(in->operand, (in->operands + 1) * sizeof *in->operand);
	in->operand[in->operands++] = xstrdup(value);
}

static const struct frame_option options[] = {
	{"from", 'f', "ADDRESS", "the sender; <> or an empty one: none (default)", set_from},
	{"notify", 'N', "WORDS", "NOTIFY of every recipient: SUCCESS,FAILURE,DELAY or NEVER", set_notify},
	{"ret", 'R', "WORD", "RET: FULL or HDRS", set_ret},
	{"envid", 'V', "XTEXT", "ENVID", set_envid},
	{"aliases", 0, "FILE", "the alias table (default: that of mail2cpm in the spool)", set_aliases},
	{0},
};

static const char *const takes[] = {NULL};

static const struct frame_program program = {
	.name = "mail-inject",
	.summary = "Take one mail from standard input for the recipients named.",
	.takes = takes,
	.options = options,
	.operands = "RECIPIENT...",
	.operand = take_operand,
	.edge = true,
};

static int status_of(enum smtpd_answer a)
{
	switch (a) {
	case SMTPD_UNKNOWN_USER:
	case SMTPD_BAD_ADDRESS:
	case SMTPD_EXPIRED:
		return EX_NOUSER;
	case SMTPD_NOT_OURS:
	case SMTPD_OPT_OUT:
		return EX_NOPERM;
	case SMTPD_QUEUE_AWAY:
		return EX_TEMPFAIL;
	case SMTPD_TOO_BIG:
	case SMTPD_LOOP:
	case SMTPD_TOO_MANY_RCPT:
		return EX_UNAVAILABLE;
	default:
		return EX_DATAERR;
	}
}

/* Nothing of the mail is kept. Postfix puts the last line of standard output into its bounce. */
static void refuse(enum smtpd_answer a, const char *about)
{
	const struct smtpd_row *r = smtpd_row(a);
	log_flush();
	fprintf(stderr, "%s %s%s%s\n", r->enhanced, r->text, about ? ": " : "", about ? about : "");
	exit(status_of(a));
}

static void take_envelope(struct inject *in, int most)
{
	struct smtpd_rules rules = {.max_size = INT64_MAX};
	struct buf params = {0};
	bool none = !in->from || strcmp(in->from, "<>") == 0;
	struct slice from = none ? SLICE("") : slice_of(in->from);
	enum smtpd_answer a = mail_users_sender(&in->users, from);
	if (in->ret)
		buf_printf(&params, " RET=%s", in->ret);
	if (in->envid)
		buf_printf(&params, " ENVID=%s", in->envid);
	if (a == SMTPD_SENDER_OK)
		a = smtpd_mail_params(&rules, slice_buf(&params), &in->mail);
	if (a != SMTPD_SENDER_OK)
		refuse(a, in->from);
	in->mail.from = slice_dup(from);
	if (in->operands > (size_t)most)
		refuse(SMTPD_TOO_MANY_RCPT, NULL);
	in->mail.to = xcalloc(in->operands, sizeof *in->mail.to);
	buf_clear(&params);
	if (in->notify)
		buf_printf(&params, " NOTIFY=%s", in->notify);
	for (size_t i = 0; i < in->operands; i++) {
		struct smtpd_recipient *to = &in->mail.to[in->mail.recipients++];
		a = smtpd_rcpt_params(slice_buf(&params), to);
		to->address = xstrdup(in->operand[i]);
		if (a == SMTPD_RCPT_OK)
			a = mail_users_recipient(&in->users, to);
		if (smtpd_row(a)->code != 250)
			refuse(a, in->operand[i]);
	}
	buf_free(&params);
}

static bool keep(void *ctx, const char *p, size_t n)
{
	return mail_store_put(&((struct inject *)ctx)->store, p, n);
}

/* Lines may end as on this system or as on the wire; a CR that ends no line is refused. */
static void take_octets(struct inject *in, const char *p, size_t n)
{
	struct buf out = {0};
	for (size_t i = 0; i < n; i++) {
		if (in->before_cr && p[i] != '\n')
			in->bare = true;
		if (p[i] == '\n')
			buf_put(&out, "\r\n", 2);
		else if (p[i] != '\r')
			buf_putc(&out, p[i]);
		in->before_cr = p[i] == '\r';
	}
	if (out.n)
		smtpd_content_plain(&in->content, out.p, out.n);
	buf_free(&out);
}

static void take_content(struct inject *in, const struct conf *c)
{
	static char room[64 << 10];
	char last = '\n';
	ssize_t n;
	in->content.max = conf_int(c, "max_mail_in", NULL);
	in->content.gateway = map_gateway(in->users.names);
	in->content.sink = keep;
	in->content.ctx = in;
	smtpd_content_begin(&in->content);
	while ((n = read(0, room, sizeof room)) != 0) {
		if (n < 0 && errno != EINTR)
			die_temp("standard input:");
		if (n < 0)
			continue;
		take_octets(in, room, (size_t)n);
		last = room[n - 1];
		if (in->content.big || in->content.failed)
			break;
	}
	if (last != '\n')
		take_octets(in, "\n", 1);
	smtpd_content_finish(&in->content);
	in->content.bare |= in->bare;
	enum smtpd_answer a = smtpd_content_judge(&in->content, (int)conf_int(c, "max_received", NULL));
	if (a != SMTPD_QUEUED)
		refuse(a, NULL);
}

static void hand_on(struct inject *in)
{
	struct mail_origin from = {.protocol = "local", .transport = "pipe"};
	json_t *body = mail_store_body(&in->store);
	if (!body)
		refuse(SMTPD_QUEUE_AWAY, NULL);
	struct record *rec = mail_record(&in->users, &in->mail, &in->content, &from, body);
	char id[RECORD_ID];
	snprintf(id, sizeof id, "%s", rec->id);
	frame_produce(in->frame, rec);
	if (frame_commit(in->frame) != 0)
		refuse(SMTPD_QUEUE_AWAY, NULL);
	log_event(LOG_INFO, id, "accepted", "from", in->mail.from, "rcpt", in->mail.to[0].address, "msgid",
		  in->content.message_id[0] ? in->content.message_id : NULL, NULL);
}

int main(int argc, char **argv)
{
	static struct inject in;
	log_exits(EX_USAGE, EX_TEMPFAIL);
	in.frame = frame_open(argc, argv, &program, &in);
	log_exits(EX_CONFIG, EX_TEMPFAIL);
	const struct conf *c = frame_conf(in.frame);
	in.store.frame = in.frame;
	if (!in.operands) {
		fputs("mail-inject: no recipients; see mail-inject --help\n", stderr);
		exit(EX_USAGE);
	}
	mail_users_read(&in.users, in.frame, in.aliases);
	take_envelope(&in, (int)conf_int(c, "max_rcpt_in", NULL));
	take_content(&in, c);
	hand_on(&in);
	for (size_t i = 0; i < in.operands; i++)
		free(in.operand[i]);
	free(in.operand);
	smtpd_mail_free(&in.mail);
	smtpd_content_free(&in.content);
	mail_users_free(&in.users);
	return frame_close(in.frame) == 0 ? EX_OK : EX_TEMPFAIL;
}
