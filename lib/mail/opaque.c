#include "mail/opaque.h"

#include "mail/decode.h"

#include <openssl/cms.h>
#include <openssl/err.h>

static bool collect(void *ctx, struct slice piece)
{
	struct buf *b = ctx;
	buf_slice(b, piece);
	return b->n <= OPAQUE_MAX;
}

static GMimeObject *parse(const ASN1_OCTET_STRING *content)
{
	const char *p = (const char *)ASN1_STRING_get0_data(content);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(p, (size_t)ASN1_STRING_length(content));
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeObject *o = g_mime_parser_construct_part(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	if (o && !mail_part_sane(o)) {
		g_object_unref(o);
		o = NULL;
	}
	return o;
}

GMimeObject *opaque_open(GMimePart *part)
{
	struct buf der = {0};
	GMimeObject *o = NULL;
	if (mail_part_decode(part, collect, &der) && der.n) {
		const unsigned char *p = (const unsigned char *)der.p;
		CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
		bool is_signed = cms && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed;
		ASN1_OCTET_STRING **content = is_signed ? CMS_get0_content(cms) : NULL;
		if (content && *content)
			o = parse(*content);
		CMS_ContentInfo_free(cms);
		ERR_clear_error();
	}
	buf_free(&der);
	return o;
}
