#include "sip/certificate.h"
#include "base/buf.h"

#include <openssl/x509v3.h>

/* subjectAltName URI:sip:<name>; DNS names are for X509_check_host(). */
static bool has_sip_uri(X509 *cert, const char *name)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;
	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
		if (g->type != GEN_URI)
			continue;
		struct slice uri = {(const char *)ASN1_STRING_get0_data(g->d.ia5),
				    (size_t)ASN1_STRING_length(g->d.ia5)};
		found = slice_istarts(uri, "sip:") && slice_ieq((struct slice){uri.p + 4, uri.n - 4}, name);
	}
	GENERAL_NAMES_free(names);
	return found;
}

bool sip_certificate_bears(X509 *cert, const char *name)
{
	return X509_check_host(cert, name, 0, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1 || has_sip_uri(cert, name);
}
