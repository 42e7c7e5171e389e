/*
 * replay DIR [ROUNDS] - a fuzz target without a fuzzer: each seed of DIR as it is, and ROUNDS mutations of each
 * (default 30), always the same ones. Speaks TAP; what goes wrong ends the process.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { OCTETS_MAX = 128 << 10 };

static uint64_t state = 88172645463325252ULL;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

/* Change, drop, double or cut somewhere; returns the new length. */
static size_t mutate(uint8_t *p, size_t n)
{
	static const char odd[] = "\r\n\t \0\"\\<>;:=,-%&\x7f\xff\xc3\xa9";
	for (unsigned k = 1 + next() % 4; k && n; k--) {
		size_t at = next() % n, len = 1 + next() % 32;
		len = at + len > n ? n - at : len;
		switch (next() % 5) {
		case 0:
			p[at] = (uint8_t)next();
			break;
		case 1:
			p[at] = (uint8_t)odd[next() % (sizeof odd - 1)];
			break;
		case 2:
			memmove(p + at, p + at + len, n - at - len);
			n -= len;
			break;
		case 3:
			if (n + len <= OCTETS_MAX) {
				memmove(p + at + len, p + at, n - at);
				n += len;
			}
			break;
		default:
			if (next() % 4 == 0)
				n = at;
		}
	}
	return n;
}

static void run(const uint8_t *p, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees each octet that is read behind the end */
	if (n)
		memcpy(exact, p, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

int main(int argc, char **argv)
{
	static uint8_t seed[OCTETS_MAX], work[OCTETS_MAX];
	struct dirent **names;
	int rounds = argc > 2 ? atoi(argv[2]) : 30, count = argc > 1 ? scandir(argv[1], &names, NULL, alphasort) : -1,
	    done = 0;
	if (count < 0) {
		printf("Bail out! usage: replay DIR [ROUNDS]\n");
		return 100;
	}
	for (int i = 0; i < count; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", argv[1], names[i]->d_name);
		bool hidden = names[i]->d_name[0] == '.';
		free(names[i]);
		FILE *f = hidden ? NULL : fopen(path, "rb");
		if (!f)
			continue;
		size_t n = fread(seed, 1, sizeof seed, f);
		fclose(f);
		run(seed, n);
		for (int k = 0; k < rounds; k++) {
			memcpy(work, seed, n);
			run(work, mutate(work, n));
		}
		printf("ok %d - %s and %d mutations\n", ++done, strrchr(path, '/') + 1, rounds);
		fflush(stdout);
	}
	free(names);
	printf("1..%d\n", done);
	return done ? 0 : 1;
}
