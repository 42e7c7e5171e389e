/*
 * frame_io.h - large bodies of a map that runs in the frame: struct map_io on the frame's blobs.
 */
#ifndef CPMAIL_MAP_FRAME_IO_H
#define CPMAIL_MAP_FRAME_IO_H

#include "map/sink.h"

struct frame_item;

/* For the item in work; NULL: .ctx is set to it before each use. */
struct map_io map_frame_io(struct frame_item *it);

#endif
