/*
 * body.h - the octets of a request's body: inline or blob, inflated where Content-Encoding says deflate (1.3).
 */
#ifndef CPMAIL_MAP_BODY_H
#define CPMAIL_MAP_BODY_H

#include "map/pager.h"

/* Open p->body. PAGER_ANSWER (413, 415, 400) or PAGER_TROUBLE where it cannot be had. Never more than max_pager_in
 * octets, and of these no more than a window in memory when they come from a blob. */
enum pager_verdict body_open(struct pager *p);

#endif
