/*
 * log.h - one logfmt line per event on standard error, and the ways a process ends.
 *
 *   2026-11-20T07:56:44.123Z level=info prog=cpm2mail trace=01jc... event=mapped rcpt=1
 *
 * Lines of level info and below are collected and written at log_flush() (the frame calls it once a batch, so a log
 * line costs no system call of its own); warnings and errors are written at once. Standard output is never touched:
 * it carries records. When standard error is the journal's socket ($JOURNAL_STREAM), lines begin with <priority>.
 *
 * Exit status: 0 done; 100 permanent (usage, configuration, hopeless input); 111 temporary (environment; try again).
 */
#ifndef CPMAIL_LOG_H
#define CPMAIL_LOG_H

#include "base/buf.h"

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum { EXIT_PERM = 100, EXIT_TEMP = 111 };

/* name: the program's; kept, not copied. Level from the environment variable CPMAIL_LOG (error|warn|info|debug). */
void log_init(const char *name);
const char *log_program(void);
void log_set_level(enum log_level level);
bool log_wants(enum log_level level);

/*
 * log_event(LOG_INFO, trace, "accepted", "callid", id, "peer", addr, NULL): pairs of key and value, ended by NULL. A NULL value
 * leaves the pair out. Values are quoted and escaped as logfmt asks: control octets and non-UTF-8 never reach a
 * terminal. trace may be NULL. A value longer than 512 octets is cut.
 */
void log_event(enum log_level level, const char *trace, const char *event, ...) __attribute__((sentinel));
void log_flush(void);
/* Who else wants every event that is logged: line without its end and its priority; NULL: nobody. It must not log itself. */
void log_tap(void (*tap)(void *ctx, const char *trace, struct slice line), void *ctx);

/* Log a message for a person ("msg=") and end: 100 and 111. A message that ends in ':' gets strerror(errno). */
void die_perm(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void die_temp(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* A program whose callers know other numbers ends with these instead of 100 and 111 (sysexits.h). */
void log_exits(int perm, int temp);
/* The same without ending; level LOG_WARN or LOG_ERROR. */
void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
