#include "smtp/prepare.h"

#include "base/text.h"

#include <errno.h>
#include <unistd.h>

static bool ascii(const char *s)
{
	return is_ascii(s, strlen(s));
}

void smtp_mail_check(struct smtp_mail *m, bool utf8)
{
	bool (*valid)(const char *, bool) = utf8 ? smtp_path_valid_utf8 : smtp_path_valid;
	for (size_t i = 0; i < m->nrcpts; i++) {
		bool needs = !utf8 && !ascii(m->rcpts[i].address);
		if (m->rcpts[i].result.outcome == SMTP_OPEN && !valid(m->rcpts[i].address, false))
			smtp_result_set(&m->rcpts[i].result, SMTP_AT_LOCAL, 0, needs ? "5.6.7" : "5.1.3",
					needs ? "the address needs SMTPUTF8" : "not an address", NULL);
	}
	if (!utf8 && (m->smtputf8 || !ascii(m->from)))
		smtp_mail_decide(m, SMTP_AT_LOCAL, 0, "5.6.7", "the address needs SMTPUTF8", NULL);
	else if (!valid(m->from, true))
		smtp_mail_decide(m, SMTP_AT_LOCAL, 0, "5.1.7", "not a reverse path", NULL);
}

void smtp_mail_scan(struct smtp_mail *m, struct smtp_scan *out)
{
	*out = (struct smtp_scan){0};
	if (!smtp_mail_open(m))
		return;
	if (!smtp_scan_body(&m->body, out))
		smtp_mail_decide(m, SMTP_AT_LOCAL, 0, "4.3.0", strerror(errno), NULL);
	else if (out->bare || out->unterminated || !out->headers)
		smtp_mail_decide(m, SMTP_AT_LOCAL, 0, "5.6.0", "the mail is not in canonical form", NULL);
}

bool smtp_mail_seven_bit(const struct smtp_settings *s, struct smtp_mail *m, struct smtp_body *body,
			 struct smtp_scan *scan)
{
	const char *why = "8BITMIME is not offered";
	int fd = s->seven_bit ? s->seven_bit(&m->body, &why) : -1;
	struct smtp_body converted = {.fd = fd};
	if (fd >= 0) {
		if (smtp_scan_body(&converted, scan) && !scan->bare && !scan->eight_bit && !scan->long_line) {
			*body = converted;
			return true;
		}
		close(fd);
		why = "the conversion to 7-bit failed";
	}
	smtp_mail_decide(m, SMTP_AT_LOCAL, 0, "5.6.3", why, NULL);
	return false;
}

bool smtp_mail_has_dsn(const struct smtp_mail *m)
{
	bool has = m->ret != SMTP_RET_NONE || m->envid != NULL;
	for (size_t i = 0; i < m->nrcpts && !has; i++)
		has = m->rcpts[i].notify || m->rcpts[i].orcpt;
	return has;
}

bool smtp_result_of_parameters(const struct smtp_result *r)
{
	return r->code == 455 || r->code == 555 ||
	       (r->code >= 400 && (strcmp(r->enhanced, "4.5.4") == 0 || strcmp(r->enhanced, "5.5.4") == 0));
}
