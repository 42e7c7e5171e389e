/*
 * receipt.h - triage a and b of mail2cpm (7.1): a mail that is a receipt becomes a receipt record for report and
 * nothing else.
 */
#ifndef CPMAIL_MAIL2CPM_RECEIPT_H
#define CPMAIL_MAIL2CPM_RECEIPT_H

#include "frame/frame.h"
#include "map/address.h"

/*
 * Is the mail.in record of it a DSN, MDN or bounce? Then its receipt records are emitted (or it is dropped with a log
 * line, if it is about nothing of ours) and true is returned: of it only the postmaster's copy is left. *failed: the
 * body could not be read, and the item is deferred or failed. false: a mail like any other, nothing was done.
 */
bool receipt_of_mail(struct frame_item *it, const struct map_names *names, bool *failed);

#endif
