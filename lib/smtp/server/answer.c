/* Table 5.6: what the server answers. */
#include "smtp/server/server.h"

/* clang-format off */
static const struct smtpd_row table_5_6[SMTPD_ANSWERS] = {
	[SMTPD_GREETING] =          {220, NULL,    "ESMTP",                                  "greeting"},
	[SMTPD_OVERLOADED] =        {421, "4.3.2", "Too busy, try again later",              "greeting, overloaded"},
	[SMTPD_BLOCKED] =           {554, "5.7.1", "No service for you",                     "greeting, blocked peer"},
	[SMTPD_HELLO] =             {250, NULL,    "",                                       "EHLO keywords"},
	[SMTPD_SIZE] =              {552, "5.3.4", "The mail is too big",                    "MAIL with SIZE too big"},
	[SMTPD_BY_PAST] =           {501, "5.5.4", "The time of BY is over",                 "MAIL with BY mode R and value <= 0"},
	[SMTPD_SEQUENCE] =          {503, "5.5.1", "Bad sequence of commands",               "bad sequence"},
	[SMTPD_SYNTAX] =            {501, "5.5.4", "Syntax error in arguments",              "bad syntax"},
	[SMTPD_NOT_OURS] =          {550, "5.7.1", "Relaying is denied",                     "RCPT not our domain"},
	[SMTPD_UNKNOWN_USER] =      {550, "5.1.1", "No such user",                           "RCPT unknown"},
	[SMTPD_BAD_ADDRESS] =       {553, "5.1.3", "No address of a user",                   "RCPT undecodable"},
	[SMTPD_ALIAS] =             {250, "2.1.5", "Recipient ok",                           "RCPT group address or alias: header From decides"},
	[SMTPD_EXPIRED] =           {550, "5.1.6", "The address is no longer in use",        "RCPT expired group address"},
	[SMTPD_POSTMASTER] =        {250, "2.1.5", "Recipient ok",                           "RCPT postmaster"},
	[SMTPD_TOO_MANY_RCPT] =     {452, "4.5.3", "Too many recipients",                    "more than max_rcpt_in"},
	[SMTPD_UNKNOWN_COMMAND] =   {500, "5.5.2", "Command not recognised",                 "unknown command"},
	[SMTPD_NOT_OFFERED] =       {502, "5.5.1", "Command not offered",                    "known but not offered"},
	[SMTPD_UNKNOWN_PARAMETER] = {555, "5.5.4", "Parameter not recognised",               "unknown MAIL/RCPT parameter"},
	[SMTPD_BAD_PARAMETER] =     {501, "5.5.4", "Bad value of a parameter",               "bad DSN value"},
	[SMTPD_NEEDS_UTF8] =        {553, "5.6.7", "Address needs SMTPUTF8",                 "non-ASCII address without SMTPUTF8"},
	[SMTPD_VRFY] =              {252, "2.5.2", "Send some mail, I will try my best",     "VRFY"},
	[SMTPD_EXPN] =              {502, "5.5.1", "Lists are not expanded",                 "EXPN"},
	[SMTPD_LINE_LONG] =         {500, "5.5.6", "Line too long",                          "command line > 2048 octets"},
	[SMTPD_IDLE] =              {421, "4.4.2", "Idle for too long, closing",             "no command for 5 min"},
	[SMTPD_NEEDS_TLS] =         {530, "5.7.0", "Must issue STARTTLS first",              "require_tls_in and no STARTTLS yet"},
	[SMTPD_RATE] =              {450, "4.7.1", "Too many mails of this sender",          "originator rate limit"},
	[SMTPD_OPT_OUT] =           {550, "5.7.1", "The user takes no mail",                 "CPM user does not take mail"},
	[SMTPD_QUEUED] =            {250, "2.0.0", "Queued",                                 "DATA done, queued durably"},
	[SMTPD_CONTENT] =           {554, "5.6.0", "The content cannot be used",             "content: no usable part, too deep"},
	[SMTPD_TOO_BIG] =           {552, "5.3.4", "The mail is too big",                    "content: too big"},
	[SMTPD_LOOP] =              {554, "5.4.6", "Mail loop",                              "loop (8.2)"},
	[SMTPD_QUEUE_AWAY] =        {451, "4.3.0", "Cannot be stored now, try again later",  "queue unavailable"},
	[SMTPD_NULL_TAKEN] =        {250, "2.0.0", "Queued",                                 "null reverse-path"},
	[SMTPD_BARE] =              {554, "5.5.2", "CR and LF stand together only",          "bare CR or LF (8.5)"},
	[SMTPD_GO_ON] =             {354, NULL,    "End with CRLF.CRLF",                     "DATA"},
	[SMTPD_SENDER_OK] =         {250, "2.1.0", "Sender ok",                              "MAIL"},
	[SMTPD_RCPT_OK] =           {250, "2.1.5", "Recipient ok",                           "RCPT"},
	[SMTPD_RESET] =             {250, "2.0.0", "Ok",                                     "RSET"},
	[SMTPD_NOOP] =              {250, "2.0.0", "Ok",                                     "NOOP"},
	[SMTPD_HELP] =              {214, "2.0.0", "See RFC 5321",                           "HELP"},
	[SMTPD_BYE] =               {221, "2.0.0", "Bye",                                    "QUIT"},
	[SMTPD_TLS_READY] =         {220, "2.0.0", "Ready to start TLS",                     "STARTTLS"},
	[SMTPD_CHUNK_TAKEN] =       {250, "2.0.0", "Chunk taken",                            "BDAT"},
	[SMTPD_CHUNK_SYNTAX] =      {501, "5.5.4", "Syntax error in BDAT, closing",          "BDAT of no size"},
	[SMTPD_ERRORS] =            {421, "4.7.0", "Too many errors, closing",               "more than 20 refused commands"},
	[SMTPD_SHUTDOWN] =          {421, "4.3.2", "Shutting down",                          "the server ends"},
};
/* clang-format on */

const struct smtpd_row *smtpd_row(enum smtpd_answer a)
{
	return &table_5_6[a];
}

void smtpd_reply(struct buf *out, enum smtpd_answer a)
{
	const struct smtpd_row *r = &table_5_6[a];
	if (r->enhanced)
		buf_printf(out, "%d %s %s\r\n", r->code, r->enhanced, r->text);
	else
		buf_printf(out, "%d %s\r\n", r->code, r->text);
}
