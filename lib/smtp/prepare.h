/*
 * prepare.h - what every engine that talks SMTP does to a mail before and between transactions: addresses checked,
 * content looked over, 7-bit form.
 *
 * Ownership: mails belong to the caller; smtp_mail_seven_bit() hands out a descriptor. None of these functions tells
 * settings.decided().
 */
#ifndef CPMAIL_SMTP_PREPARE_H
#define CPMAIL_SMTP_PREPARE_H

#include "smtp/scan.h"

/* Decide recipients whose address cannot stand in a command (5.1.3; 5.6.7 where it needs SMTPUTF8 and utf8 is false),
 * and all of them for a bad reverse path (5.1.7). */
void smtp_mail_check(struct smtp_mail *m, bool utf8);
/* Look over the body; decides all recipients when it cannot be read (4.3.0) or is not canonical (5.6.0: bare CR or LF,
 * no header, no line end). */
void smtp_mail_scan(struct smtp_mail *m, struct smtp_scan *out);
/* The body in 7-bit form: body gets a descriptor that the caller closes, scan what it looks like. false: all recipients
 * are decided (5.6.3). */
bool smtp_mail_seven_bit(const struct smtp_settings *s, struct smtp_mail *m, struct smtp_body *body,
			 struct smtp_scan *scan);
/* Does it ask for anything of DSN? */
bool smtp_mail_has_dsn(const struct smtp_mail *m);
/* 455, 555 and their kin: a parameter of MAIL or RCPT was not liked (5.1). */
bool smtp_result_of_parameters(const struct smtp_result *r);

#endif
