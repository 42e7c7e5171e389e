/* noop - a filter of the frame that does nothing: each sip.request is taken apart and written again as a new line of JSON. What a filter costs at least. */
#include "frame/frame.h"

static void step(struct frame_item *it, void *ctx)
{
	(void)ctx;
	item_emit(it, record_copy(it->in));
}

int main(int argc, char **argv)
{
	static const char *const takes[] = {"sip.request", NULL};
	struct frame_program p = {.name = "noop", .summary = "hands out what it gets.", .takes = takes, .step = step};
	return frame_run(argc, argv, &p, NULL);
}
