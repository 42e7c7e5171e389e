/* Fuzz target: a NAPTR rule applied to a number, and the whole reply that would bring it. */
#include "dns/message.h"
#include "dns/naptr.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int64_t cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One rule fits a <character-string>; whatever it says, it must be cheap and its result bounded. */
static void rule(const uint8_t *data, size_t n)
{
	struct buf out = {0}, address = {0};
	char *regexp = slice_dup((struct slice){(const char *)data, n < 255 ? n : 255});
	int64_t begin = cpu_ms();
	if (naptr_rewrite(&out, regexp, "+14155550101")) {
		if (out.n > NAPTR_RESULT_MAX || out.n != strlen(buf_str(&out)))
			abort();
		if (naptr_mailto(&address, buf_str(&out)) && (address.n > 320 || strpbrk(address.p, "\r\n <>")))
			abort();
	} else if (out.n) {
		abort();
	}
	if (cpu_ms() - begin > 500)
		abort();
	free(regexp);
	buf_free(&out), buf_free(&address);
}

static void message(const uint8_t *data, size_t n)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX, DNS_SRV, DNS_NAPTR};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct dns_answer *a = dns_message_parse(data, n, types[i], "a.example");
		if ((a->status == DNS_OK) != (a->n > 0) || a->n > DNS_RR_MAX)
			abort();
		dns_answer_drop(a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n >= 12 && data[2] & 0x80)
		message(data, n);
	else
		rule(data, n);
	return 0;
}
