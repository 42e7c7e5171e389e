#include "frame/private.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/logfmt.h"
#include "hep/hep.h"

#include <netinet/in.h>
#include <stdlib.h>

/* The Call-ID behind a record: its own, or that of the request that caused it. */
static const char *call_id_of(const struct record *r)
{
	const char *id = record_str(record_get(r->member, "origin"), "call_id");
	const json_t *headers = record_get(r->member, "headers");
	for (size_t i = 0; !id && i < json_array_size(headers); i++) {
		const char *name = json_string_value(json_array_get(json_array_get(headers, i), 0));
		if (name && (strcasecmp(name, "Call-ID") == 0 || strcasecmp(name, "i") == 0))
			id = json_string_value(json_array_get(json_array_get(headers, i), 1));
	}
	return id;
}

/* The record in work whose trace the line has. */
static const char *call_id_in_work(const struct frame *f, const char *trace)
{
	for (size_t i = 0; trace && i < f->in_work; i++)
		if (f->item[i].in && strcmp(f->item[i].in->trace, trace) == 0)
			return call_id_of(f->item[i].in);
	return NULL;
}

/* Every event of a message goes into its SIP ladder: type 100, correlated by the Call-ID. */
static void on_event(void *ctx, const char *trace, struct slice line)
{
	struct frame *f = ctx;
	struct buf own = {0};
	const char *call_id = logfmt_get(line, "callid", &own) ? buf_str(&own) : call_id_in_work(f, trace);
	if (call_id)
		hep_send(f->hep, &(struct hep_packet){.type = HEP_LOG,
						      .protocol = IPPROTO_UDP,
						      .time_us = clock_real_us(),
						      .payload = line,
						      .correlation = slice_of(call_id)});
	buf_free(&own);
}

void frame_capture_open(struct frame *f)
{
	const char *address = conf_str(f->conf, "hep_address", NULL);
	log_tap(NULL, NULL);
	hep_close(f->hep);
	f->hep = NULL;
	if (!address)
		return;
	char *key = conf_secret(f->conf, "hep_password");
	f->hep = hep_open(address, (uint32_t)conf_int(f->conf, "hep_capture_id", NULL), key);
	free(key);
	if (f->hep)
		log_tap(on_event, f);
	else
		log_msg(LOG_WARN, "hep_address %s:", address);
}

void frame_capture_close(struct frame *f)
{
	log_tap(NULL, NULL);
	hep_close(f->hep);
}

struct hep *frame_hep(struct frame *f)
{
	return f->hep;
}
