/*
 * spool-power.pml - spool.pml on a disk that a loss of power sets back. LOSSES: how often, at any moment, also during recovery; then all
 * processes are dead and all locks free.
 *
 * Without JORDER the disk promises A1 to A4 of docs/spool.md and nothing else: each file goes back on its own along its chain of
 * names, as far as it was not synced; a rename onto a name is one operation on two files; octets without an fsync may be anything.
 * NO_A4: an fsync of a file does not keep its name. JORDER: the whole tree goes back to one earlier moment, not before the last fsync of
 * anything, as file systems with one journal do.
 */
#ifndef JORDER
#define POWER
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#include "spool.pml"
