#include "mail/armor.h"

static const char begin_message[] = "-----BEGIN PGP MESSAGE-----";
static const char end_message[] = "-----END PGP MESSAGE-----";
static const char begin_signed[] = "-----BEGIN PGP SIGNED MESSAGE-----";
static const char begin_signature[] = "-----BEGIN PGP SIGNATURE-----";

bool armor_encrypted(struct slice text)
{
	size_t tail = sizeof end_message - 1;
	text = slice_trim(text);
	return slice_istarts(text, begin_message) && text.n >= tail &&
	       memcmp(text.p + text.n - tail, end_message, tail) == 0;
}

bool armor_unsign(struct buf *text)
{
	struct slice in = slice_trim(slice_buf(text));
	struct buf out = {0};
	bool more = true, head = true;
	if (!slice_istarts(in, begin_signed) || !memmem(in.p, in.n, begin_signature, sizeof begin_signature - 1))
		return false;
	slice_cut(&in, '\n', &more);
	while (more) {
		struct slice line = slice_cut(&in, '\n', &more);
		if (head) { /* "Hash: SHA256" and the like, up to an empty line */
			head = slice_trim(line).n > 0;
			continue;
		}
		if (slice_istarts(line, begin_signature))
			break;
		if (slice_istarts(line, "- "))
			line.p += 2, line.n -= 2;
		buf_slice(&out, line);
		buf_putc(&out, '\n');
	}
	buf_free(text);
	*text = out;
	buf_put(text, "", 0);
	return true;
}
