/*
 * Fuzz target: any octets as the body of a SIP MESSAGE (its Content-Type, an empty line, the body) that may hold IMDN
 * documents, and as a document. What is read and means something is written, and read again to the same.
 */
#include "base/text.h"
#include "cpim/imdn.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool good)
{
	if (!good)
		abort();
}

static void value(const char *s)
{
	if (!s)
		return;
	check(*s && strlen(s) <= IMDN_VALUE_MAX && utf8_valid(s, strlen(s)));
	for (; *s; s++)
		check((unsigned char)*s >= ' ' && *s != 127);
}

static void same(const char *a, const char *b)
{
	check(a && b ? strcmp(a, b) == 0 : a == b);
}

static void round_trip(const struct imdn *i)
{
	struct buf xml = {0};
	struct imdn again;
	char why[128];
	imdn_write_xml(&xml, i);
	check(imdn_read(&again, slice_buf(&xml), why));
	check(again.notification == i->notification && again.status == i->status);
	same(again.message_id, i->message_id), same(again.datetime, i->datetime), same(again.recipient, i->recipient);
	imdn_free(&again);
	buf_free(&xml);
}

static void document(void *ctx, struct slice xml, const struct cpim *around)
{
	struct imdn i;
	char why[128];
	(void)ctx, (void)around;
	if (imdn_read(&i, xml, why)) {
		value(i.message_id), value(i.datetime), value(i.recipient), value(i.original_recipient);
		check(i.message_id != NULL);
		check(i.status == IMDN_STATUS_NONE || imdn_status_fits(i.notification, i.status));
		if (i.status != IMDN_STATUS_NONE)
			round_trip(&i);
	} else {
		check(why[0] != '\0');
	}
	imdn_free(&i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	bool more;
	struct slice in = {(const char *)data, n}, rest = in;
	struct slice type = slice_cut(&rest, '\n', &more), disposition = slice_cut(&rest, '\n', &more);
	int found =
		imdn_documents(slice_trim(type), slice_trim(disposition), (struct slice){"", 0}, rest, document, NULL);
	check(found >= 0 && found <= IMDN_DOCUMENTS_MAX);
	document(NULL, in, NULL);
	return 0;
}
