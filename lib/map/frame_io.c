#include "map/frame_io.h"
#include "frame/frame.h"

static int blob_open(void *ctx, const json_t *body)
{
	return item_blob_open(ctx, body);
}

static void *blob_create(void *ctx)
{
	struct frame_item *it = ctx;
	return frame_blob_create(it->frame);
}

static int blob_write(void *blob, const void *p, size_t n)
{
	return frame_blob_write(blob, p, n);
}

static json_t *blob_finish(void *blob, const char *type)
{
	return frame_blob_finish(blob, type);
}

static void blob_abort(void *blob)
{
	frame_blob_abort(blob);
}

struct map_io map_frame_io(struct frame_item *it)
{
	return (struct map_io){.ctx = it,
			       .open = blob_open,
			       .create = blob_create,
			       .write = blob_write,
			       .finish = blob_finish,
			       .abort = blob_abort};
}
