#include "smtp/smtp.h"

#include "base/text.h"

enum { ENGINES = 3 };

static const struct smtp_engine *const engines[ENGINES] = {&smtp_maildir, &smtp_submit, &smtp_direct};

/* Who can what. The maildir engine has no server to ask for anything; libesmtp 1.1 lacks the rest (it has DELIVERBY and
 * CHUNKING, but writes the wrong mode letter, and chooses BDAT by itself). */
static const struct {
	const char *name;
	bool can[ENGINES]; /* maildir, submit, direct */
} features[SMTP_FEATURES] = {
	[SMTP_CAN_DSN] = {"DSN: RET, ENVID, NOTIFY, ORCPT", {false, true, true}},
	[SMTP_CAN_AUTH] = {"AUTH PLAIN, under TLS only", {false, true, true}},
	[SMTP_CAN_STARTTLS] = {"STARTTLS with SNI and certificate check", {false, true, true}},
	[SMTP_CAN_IMPLICIT_TLS] = {"TLS from the first octet", {false, false, true}},
	[SMTP_CAN_SIZE] = {"SIZE, and its limit known beforehand", {false, false, true}},
	[SMTP_CAN_8BITMIME] = {"8BITMIME, 7-bit form for a server without it", {false, true, true}},
	[SMTP_CAN_PIPELINE_MAIL] = {"PIPELINING of MAIL behind the last mail", {false, false, true}},
	[SMTP_CAN_CHUNKING] = {"CHUNKING (BDAT)", {false, false, true}},
	[SMTP_CAN_SMTPUTF8] = {"SMTPUTF8: addresses that are not ASCII", {true, false, true}},
	[SMTP_CAN_DELIVERBY] = {"DELIVERBY, both modes, minimum", {false, false, true}},
	[SMTP_CAN_PARAMS] = {"further parameters of MAIL", {false, false, true}},
	[SMTP_CAN_KEEP] = {"connections kept from batch to batch", {false, false, true}},
	[SMTP_CAN_MANY] = {"many connections at a time", {false, false, true}},
	[SMTP_CAN_SESSION] = {"a session's own connection", {false, false, true}},
	[SMTP_CAN_PATIENCE] = {"slow destinations given up (lanes)", {false, false, true}},
};

const struct smtp_engine *smtp_engine_find(const char *name)
{
	for (size_t i = 0; i < ENGINES; i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

void smtp_engine_table(struct buf *out)
{
	buf_printf(out, "%-44s", "");
	for (size_t i = 0; i < ENGINES; i++)
		buf_printf(out, " %-8s", engines[i]->name);
	buf_putc(out, '\n');
	for (int f = 0; f < SMTP_FEATURES; f++) {
		buf_printf(out, "%-44s", features[f].name);
		for (size_t i = 0; i < ENGINES; i++)
			buf_printf(out, " %-8s", features[f].can[i] ? "yes" : "no");
		buf_putc(out, '\n');
	}
}

bool smtp_mail_open(const struct smtp_mail *m)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].result.outcome == SMTP_OPEN)
			return true;
	return false;
}

void smtp_mail_decide(struct smtp_mail *m, enum smtp_at at, int code, const char *enhanced, const char *text,
		      const char *host)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].result.outcome == SMTP_OPEN)
			smtp_result_set(&m->rcpts[i].result, at, code, enhanced, text, host);
}

static bool path_valid(const char *address, bool empty, bool utf8)
{
	size_t n = strlen(address);
	bool quoted = false;
	if (!n)
		return empty;
	if (n > 320 || (utf8 && !utf8_valid(address, n)))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)address[i];
		if (c < ' ' || c == 127 || (c > 127 && !utf8) || (!quoted && (c == ' ' || c == '<' || c == '>')))
			return false;
		if (quoted && c == '\\') {
			c = (unsigned char)address[++i];
			if (c < ' ' || c >= 127)
				return false;
		} else if (c == '"') {
			quoted = !quoted;
		}
	}
	return !quoted;
}

bool smtp_path_valid(const char *address, bool empty)
{
	return path_valid(address, empty, false);
}

bool smtp_path_valid_utf8(const char *address, bool empty)
{
	return path_valid(address, empty, true);
}

bool smtp_word_valid(const char *s, size_t max)
{
	size_t n = strlen(s);
	if (!n || n > max)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 127)
			return false;
	return true;
}
