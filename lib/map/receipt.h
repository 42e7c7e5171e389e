/*
 * receipt.h - the record type receipt: the normal form of a report that came from a peer, by mail or by SIP (5.3, 5.4);
 * cpmail-record(5) has its members.
 *
 * Ownership: the structs that are read from are borrowed, the JSON object that is filled owns what is put into it.
 */
#ifndef CPMAIL_MAP_RECEIPT_H
#define CPMAIL_MAP_RECEIPT_H

#include "cpim/imdn.h"
#include "mail/report.h"
#include "map/address.h"
#include "record/record.h"

/* A report_ours for ctx = struct map_names: the MAC of a msg-id in the gateway's mail domain holds (3.12). */
bool receipt_ours(void *names, struct slice msgid);

/*
 * Fill the member of a receipt record from a mail that is a report: source, from, rcpt, message_id, about {envid,
 * msg_ids, alias, foreign}, reports or disposition. rcpt: the RCPT it came to. false: there is nothing in it that
 * could be correlated, or an MDN that does not say who sent it: it is to be dropped, the member is left as it is.
 */
bool receipt_of_report(json_t *receipt, const struct report *r, const char *rcpt);

/*
 * The same from one IMDN. from: SIP URI of its sender; message_id: imdn.Message-ID of the report itself, NULL or empty
 * if there is none. false: a notification or status that means nothing to us.
 */
bool receipt_of_imdn(json_t *receipt, const struct imdn *i, const char *from, const char *message_id);

#endif
