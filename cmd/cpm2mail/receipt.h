/*
 * receipt.h - a MESSAGE that is an IMDN (RFC 5438): no mail, but receipt records for report (1.3, 1.14).
 */
#ifndef CPM2MAIL_RECEIPT_H
#define CPM2MAIL_RECEIPT_H

#include "frame/frame.h"
#include "map/pager.h"

/* One receipt for each document in the request's body, bare, wrapped in CPIM, or aggregated. A document that is none is
 * logged and dropped: the request has its 200. */
void receipt_emit(struct frame_item *it, struct pager *p);

#endif
