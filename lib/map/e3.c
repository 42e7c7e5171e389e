#include "map/letters.h"

#include <stdlib.h>
#include <time.h>

static bool author(struct letter *l, struct slice address, struct buf *out)
{
	(void)address;
	return letter_party(l, true, out);
}

/* RFC 3339, with the zone that the writer had. */
static void put_time(struct buf *out, int64_t ms, int zone)
{
	time_t t = (time_t)(ms / 1000 + zone * 60);
	struct tm tm;
	char text[32];
	gmtime_r(&t, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	buf_puts(out, text);
	if (zone)
		buf_printf(out, "%c%02d:%02d", zone < 0 ? '-' : '+', abs(zone) / 60, abs(zone) % 60);
	else
		buf_putc(out, 'Z');
}

/* -0000 and names of zones say nothing of where the writer is: UTC. */
static bool mail_date(struct letter *l, struct slice unused, struct buf *out)
{
	(void)unused;
	put_time(out, l->date_ms, l->zone_known ? l->date_zone : 0);
	return true;
}

static bool date_now(struct letter *l, struct slice unused, struct buf *out)
{
	(void)unused;
	put_time(out, l->now_ms, 0);
	return true;
}

static bool subject(struct letter *l, struct slice text, struct buf *out)
{
	(void)l;
	cpim_escape(out, text, false);
	return true;
}

static bool imdn_namespace(struct letter *l, struct slice unused, struct buf *out)
{
	(void)l, (void)unused;
	buf_puts(out, "imdn <" IMDN_NAMESPACE ">");
	return true;
}

/* 7.7: the parts of one mail have ids of their own. */
static bool imdn_id(struct letter *l, struct slice unused, struct buf *out)
{
	(void)unused;
	letter_imdn_id(l, out);
	return true;
}

static bool wanted(struct letter *l, struct slice unused, struct buf *out)
{
	(void)unused;
	imdn_wanted_write(out, l->wanted);
	return true;
}

/* ---- E3 (7.3): mail -> CPIM. Content-Type and Content-Length follow with the content. ---- */

#define CONTENT NULL, "content"
#define NEVER	NULL, NULL

/* clang-format off */
const struct map_row E3[] = {
	{"From",                          'M', OF_FROM,       IN_ANY_CASE,   LETTER(author),           "2.3"},
	{"To",                            'M', OF_STATE,      IF_KNOWN_USER, LETTER(letter_uri_angle), "7.2"},
	{"To",                            'M', OF_RCPT,       IN_ANY_CASE,   LETTER(letter_uri_angle), "2.2"},
	{"cc",                            '-', OF_LIST,       IN_ANY_CASE,   NEVER,                    "7.3"},
	{"DateTime",                      'M', OF_DATE,       IN_ANY_CASE,   LETTER(mail_date),        "RFC 3862"},
	{"DateTime",                      'M', OF_CLOCK,      IN_ANY_CASE,   LETTER(date_now),         "RFC 3862"},
	{"Subject",                       'O', OF_SUBJECT,    IF_FIRST,      LETTER(subject),          "RFC 3862"},
	{"NS",                            'M', OF_NOTHING,    IN_ANY_CASE,   LETTER(imdn_namespace),   "RFC 5438"},
	{"imdn.Message-ID",               'M', OF_MESSAGE_ID, IN_ANY_CASE,   LETTER(imdn_id),          "3.12"},
	{"imdn.Disposition-Notification", 'C', OF_NOTIFY,     IN_ANY_CASE,   LETTER(wanted),           "5.4"},
	{"Content-Type",                  'M', OF_CONTENT,    IN_ANY_CASE,   CONTENT,                  "7.5-7.7"},
	{"Content-Length",                'O', OF_CONTENT,    IN_ANY_CASE,   CONTENT,                  "7.3"},
};
/* clang-format on */
const size_t E3_rows = sizeof E3 / sizeof *E3;

static void put(void *ctx, const struct map_row *row, struct slice value)
{
	buf_printf(ctx, "%s: ", row->element);
	buf_slice(ctx, value);
	buf_puts(ctx, "\r\n");
}

bool letter_put_cpim(struct letter *l, struct buf *out)
{
	bool complete = rows_each(&letter_family, l, E3, E3_rows, put, out);
	buf_puts(out, "\r\n");
	return complete;
}
