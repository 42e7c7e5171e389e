#include "mail/reply.h"

enum mail_reply_result mail_reply_strip(struct buf *out, struct slice text, const struct mail_reply_options *options)
{
	(void)options;
	buf_slice(out, slice_trim(text));
	return MAIL_REPLY_WHOLE;
}

enum mail_reply_result mail_signature_strip(struct buf *out, struct slice text, const struct mail_reply_options *options)
{
	return mail_reply_strip(out, text, options);
}
