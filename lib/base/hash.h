/*
 * hash.h - checksums, digests and unguessable octets.
 */
#ifndef CPMAIL_HASH_H
#define CPMAIL_HASH_H

#include "base/buf.h"

#include <stdint.h>

enum { SHA256_LEN = 32 };

/* CRC-32C (Castagnoli), start with 0. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/* A fast 64-bit hash (FNV-1a, mixed) for names and tables of trusted content; start with 0. */
uint64_t hash64(uint64_t h, const void *p, size_t n);
/* SipHash-2-4 under a random key of this process: for tables whose keys the network chooses. */
uint64_t hash_keyed(const void *p, size_t n);

void sha256(const void *p, size_t n, uint8_t out[SHA256_LEN]);
void hmac_sha256(struct slice key, const void *p, size_t n, uint8_t out[SHA256_LEN]);
/* From the kernel; ends the process if there are none. */
void random_octets(void *p, size_t n);

#endif
