/*
 * name.h - the grammar of file names in the spool (docs/spool.md, "Names"): names alone say what a file is and to whom
 * it belongs.
 *
 * All values are plain structs; nothing is owned.
 */
#ifndef CPMAIL_SPOOL_NAME_H
#define CPMAIL_SPOOL_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAME_STAMP = 11,
	NAME_UNIQ = 13,
	NAME_SIZE = 40,	     /* a bare NAME and its NUL */
	NAME_FILE_SIZE = 96, /* a file of new/, defer/, tmp/ */
	NAME_SLOT_SIZE = 256,
	NAME_DEST_SIZE = 40, /* a queue, or =new =defer =fail =hold */
	NAME_PARTS = 9999,
};

/* A file of new/ or defer/: [due.]stamp.uniq.n[b|r][,keyhash][~kills.record] */
struct spool_name {
	int64_t due;		 /* µs since 1970; -1: none, it lives in new/ */
	int64_t stamp;		 /* µs since 1970 */
	int records;		 /* 1..1024 */
	bool blobs;		 /* at least one record names a blob */
	bool ready;		 /* written into a file made beforehand; its octets say whether they are all there */
	int kills, record;	 /* the batch has killed that many workers, the last on that record (from 0) */
	char name[NAME_SIZE];	 /* NAME, bare */
	char key[NAME_UNIQ + 1]; /* hash of the conversation, "" = none */
};

/* A file of cur/<w>/, the lock aside. */
struct slot_name {
	char role;		   /* i input, o part, c mark, s single mark, n note, r spare */
	char lead[NAME_SIZE];	   /* T: NAME of the input that leads the transaction */
	int k;			   /* part: its number from 1 */
	char dest[NAME_DEST_SIZE]; /* part, single mark */
	struct spool_name target;  /* input: its name before; part, single mark: the final name */
};

/* What the name of a file of tmp/ says of it: NAME alone; NAME.octets.crc32c; NAME.octets, and the rest is in the file
 * (spool/ready.h). */
enum tmp_form { TMP_OPEN, TMP_SEALED, TMP_READY };

struct tmp_name {
	enum tmp_form form;
	char name[NAME_SIZE];
	bool blobs;
	int64_t octets;
	uint32_t crc;
};

/* Digits 0-9 a-v, so that the order of octets is the order of numbers. */
void name_b32(char *out, uint64_t v, int digits);
/* The NAME of a batch; kind: what stands behind the number of records: "", "b", "r". */
void name_make(char out[NAME_SIZE], int64_t stamp, uint64_t uniq, int records, const char *kind);
/* Hash of a conversation's key as it stands in names of defer/. */
void name_key(char out[NAME_UNIQ + 1], const char *key);

bool name_parse(const char *file, struct spool_name *n);
void name_put(char out[NAME_FILE_SIZE], const struct spool_name *n);

bool name_parse_slot(const char *file, struct slot_name *n);
void name_put_slot(char out[NAME_SLOT_SIZE], const struct slot_name *n);

bool name_parse_tmp(const char *file, struct tmp_name *n);
void name_put_tmp(char out[NAME_FILE_SIZE], const char *name, size_t octets, uint32_t crc);
void name_put_ready(char out[NAME_FILE_SIZE], const char *name, size_t octets);

/* [a-z0-9][a-z0-9-]{0,31}, or that and .0 to .63 (a part of a divided queue). */
bool name_is_queue(const char *s);

#endif
