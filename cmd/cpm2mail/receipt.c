#include "receipt.h"

#include "base/log.h"
#include "cpim/imdn.h"
#include "map/receipt.h"

#include <stdlib.h>

struct emitting {
	struct frame_item *it;
	const struct pager *p;
};

static void emit(void *ctx, struct slice xml, const struct cpim *around)
{
	const struct emitting *e = ctx;
	struct imdn imdn;
	char why[128] = "";
	char *id = around && around->message_id.n ? slice_dup(around->message_id) : NULL;
	struct record *out = item_output(e->it, "receipt");
	json_object_del(out->root, "shard"); /* nobody waits for an answer to it */
	bool read = imdn_read(&imdn, xml, why);
	if (read && receipt_of_imdn(out->member, &imdn, e->p->originator, id)) {
		log_event(LOG_INFO, e->it->in->trace, "imdn", "id", e->it->in->id, "callid", e->p->call_id, "about",
			  imdn.message_id, "notification", imdn_notification_name(imdn.notification), "status",
			  imdn_status_name(imdn.status), NULL);
		item_emit(e->it, out);
	} else {
		log_event(LOG_INFO, e->it->in->trace, "imdn-dropped", "id", e->it->in->id, "callid", e->p->call_id,
			  "why", read ? "nothing follows from it" : why, NULL);
		record_free(out);
	}
	imdn_free(&imdn);
	free(id);
}

static struct slice header(const struct pager *p, const char *name)
{
	const char *value = pager_header(p, name);
	return slice_of(value ? value : "");
}

void receipt_emit(struct frame_item *it, struct pager *p)
{
	struct emitting e = {it, p};
	struct buf body = {0};
	while (body.n < IMDN_OCTETS_MAX) {
		struct slice more = source_at(&p->body, (int64_t)body.n, IMDN_OCTETS_MAX - body.n);
		if (!more.n)
			break;
		buf_slice(&body, more);
	}
	imdn_documents(header(p, "Content-Type"), header(p, "Content-Disposition"),
		       header(p, "Content-Transfer-Encoding"), slice_buf(&body), emit, &e);
	buf_free(&body);
}
