#include "spool/batch.h"

#include <stdlib.h>

bool batch_fits(const struct batch *b, size_t n, int records)
{
	return !b->records || (b->records < records && b->data.n + n + 1 <= SPOOL_BATCH_OCTETS);
}

void batch_add(struct batch *b, const char *line, size_t n, const struct spool_blobref *blobs, size_t nblobs)
{
	if (memchr(line, '\n', n) || memchr(line, '\0', n))
		spool_die("a record to be queued is not one line");
	buf_put(&b->data, line, n);
	buf_putc(&b->data, '\n');
	b->records++;
	for (size_t i = 0; i < nblobs; i++)
		blob_list_add(&b->blobs, blobs[i].fresh, blobs[i].fresh ? spool_blob_id(blobs[i].fresh) : blobs[i].id);
}

void batch_free(struct batch *b)
{
	buf_free(&b->data);
	blob_list_free(&b->blobs);
	b->records = 0;
}
