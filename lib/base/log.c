#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VALUE_MAX = 512, PENDING_MAX = 32768 };

static const char *program = "cpmail";
static enum log_level threshold = LOG_INFO;
static struct buf pending;
static void (*tap_event)(void *ctx, const char *trace, struct slice line);
static void *tap_ctx;
static bool priorities; /* standard error goes to the journal: each line begins with its <priority> */

static const char *const level_name[] = {"error", "warn", "info", "debug"};

/* JOURNAL_STREAM names device and inode of the journal's socket; who redirected standard error elsewhere inherits the
 * variable, but not the socket. */
static bool to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(2, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

void log_init(const char *name)
{
	program = name;
	priorities = to_journal();
	const char *want = getenv("CPMAIL_LOG");
	for (int i = 0; want && i <= LOG_DEBUG; i++)
		if (strcmp(want, level_name[i]) == 0)
			threshold = (enum log_level)i;
}

const char *log_program(void)
{
	return program;
}

void log_set_level(enum log_level level)
{
	threshold = level;
}

bool log_wants(enum log_level level)
{
	return level <= threshold;
}

void log_flush(void)
{
	size_t done = 0;
	while (done < pending.n) {
		ssize_t n = write(2, pending.p + done, pending.n - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* nobody to tell */
		done += (size_t)n;
	}
	buf_clear(&pending);
}

void log_tap(void (*tap)(void *ctx, const char *trace, struct slice line), void *ctx)
{
	tap_event = tap;
	tap_ctx = ctx;
}

static bool bare(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 127 || *s == '"' || *s == '=' || *s == '\\')
			return false;
	return true;
}

static void put_value(struct buf *b, const char *s)
{
	if (bare(s) && strlen(s) <= VALUE_MAX) {
		buf_puts(b, s);
		return;
	}
	size_t n = strlen(s), cut = n > VALUE_MAX ? VALUE_MAX : n;
	while (cut < n && cut && ((unsigned char)s[cut] & 0xc0) == 0x80)
		cut--;
	bool utf8 = utf8_valid(s, cut);
	buf_putc(b, '"');
	for (size_t i = 0; i < cut; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_puts(b, "\\n");
		else if (c == '\r')
			buf_puts(b, "\\r");
		else if (c < ' ' || c == 127 || (c >= 128 && !utf8))
			buf_printf(b, "\\x%02x", c);
		/* C1 controls (U+0080..U+009F) move a terminal's cursor too */
		else if (c == 0xc2 && i + 1 < cut && (unsigned char)s[i + 1] < 0xa0)
			buf_printf(b, "\\x%02x", (unsigned char)s[++i]);
		else
			buf_putc(b, (char)c);
	}
	if (cut < n)
		buf_puts(b, "...");
	buf_putc(b, '"');
}

static void put_head(struct buf *b, enum log_level level)
{
	static const int priority[] = {3, 4, 6, 7}; /* of syslog */
	char stamp[CLOCK_ISO];
	if (priorities)
		buf_printf(b, "<%d>", priority[level]);
	clock_iso(clock_real_us() / 1000, stamp);
	buf_printf(b, "%s level=%s prog=%s", stamp, level_name[level], program);
}

static void ended(enum log_level level)
{
	buf_putc(&pending, '\n');
	if (level <= LOG_WARN || pending.n > PENDING_MAX)
		log_flush();
}

void log_event(enum log_level level, const char *trace, const char *event, ...)
{
	if (level > threshold)
		return;
	size_t begin = pending.n + (priorities ? 3 : 0);
	put_head(&pending, level);
	if (trace) {
		buf_puts(&pending, " trace=");
		put_value(&pending, trace);
	}
	buf_printf(&pending, " event=%s", event);
	va_list ap;
	va_start(ap, event);
	for (const char *key; (key = va_arg(ap, const char *)) != NULL;) {
		const char *value = va_arg(ap, const char *);
		if (!value)
			continue;
		buf_printf(&pending, " %s=", key);
		put_value(&pending, value);
	}
	va_end(ap);
	if (tap_event)
		tap_event(tap_ctx, trace, (struct slice){pending.p + begin, pending.n - begin});
	ended(level);
}

static void __attribute__((format(printf, 2, 0))) vmsg(enum log_level level, const char *fmt, va_list ap)
{
	int err = errno;
	if (level > threshold)
		return;
	struct buf text = {0};
	buf_vprintf(&text, fmt, ap);
	if (text.n && text.p[text.n - 1] == ':')
		buf_printf(&text, " %s", strerror(err));
	put_head(&pending, level);
	buf_puts(&pending, " msg=");
	put_value(&pending, buf_str(&text));
	buf_free(&text);
	ended(level);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vmsg(level, fmt, ap);
	va_end(ap);
}

static int exit_perm = EXIT_PERM, exit_temp = EXIT_TEMP;

void log_exits(int perm, int temp)
{
	exit_perm = perm;
	exit_temp = temp;
}

void die_perm(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vmsg(LOG_ERROR, fmt, ap);
	va_end(ap);
	log_flush();
	_exit(exit_perm);
}

void die_temp(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vmsg(LOG_ERROR, fmt, ap);
	va_end(ap);
	log_flush();
	_exit(exit_temp);
}
