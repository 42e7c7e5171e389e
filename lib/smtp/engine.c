#include "smtp/smtp.h"

const struct smtp_engine *smtp_engine_find(const char *name)
{
	static const struct smtp_engine *const engines[] = {&smtp_maildir, &smtp_submit};
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
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

bool smtp_path_valid(const char *address, bool empty)
{
	size_t n = strlen(address);
	bool quoted = false;
	if (!n)
		return empty;
	if (n > 320)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)address[i];
		if (c < ' ' || c >= 127 || (!quoted && (c == ' ' || c == '<' || c == '>')))
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
