#include "conf/private.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECRET_MAX = 4096, KEY_MIN = 32 };

/* A bare name is a credential that the service manager hands over (LoadCredential); without a manager it is a file here. */
static char *path_of(const char *file)
{
	const char *dir = strchr(file, '/') ? NULL : getenv("CREDENTIALS_DIRECTORY");
	return dir && *dir ? xasprintf("%s/%s", dir, file) : xstrdup(file);
}

char *conf_file(const struct conf *c, const char *knob)
{
	const char *file = conf_str(c, knob, NULL);
	return file ? path_of(file) : NULL;
}

static int open_named(const char *file)
{
	char *path = path_of(file);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err = errno;
	free(path);
	errno = err;
	return fd;
}

/* Contents of a small file; -1 with errno. */
static int read_small(const char *file, struct buf *out)
{
	int fd = open_named(file);
	ssize_t n = fd < 0 ? -1 : 1;
	while (n > 0 && out->n <= SECRET_MAX) {
		n = read(fd, buf_room(out, 512), 512);
		out->n += n > 0 ? (size_t)n : 0;
	}
	int err = errno;
	if (fd >= 0)
		close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

/* What is wrong with a secret file, NULL if nothing. */
static const char *read_secret(const char *file, size_t min, struct buf *out)
{
	if (read_small(file, out) < 0)
		return strerror(errno);
	if (out->n > SECRET_MAX)
		return "longer than a secret can be";
	while (out->n && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
		out->n--;
	buf_put(out, "", 0);
	out->p[out->n] = '\0';
	if (memchr(out->p, '\0', out->n))
		return "holds a NUL (write keys as base64 or hexadecimal text)";
	if (out->n < min)
		return min > 1 ? "shorter than 32 octets" : "is empty";
	return NULL;
}

/*
 * The key of a gateway that was given none: nobody can guess it from outside, it stays the same on this machine, and no
 * two machines share it. Whoever may log in here can compute it, so a configured gateway should name a file.
 */
static char *machine_key(const struct conf *c)
{
	static bool told;
	struct buf id = {0}, key = {0};
	uint8_t mac[SHA256_LEN];
	bool lasting = read_small("/etc/machine-id", &id) == 0 && id.n >= 32;
	if (!lasting) {
		buf_clear(&id);
		if (read_small("/proc/sys/kernel/random/boot_id", &id) < 0 || id.n < 32)
			die_perm("msgid_key is not set and this machine has no id to make one of");
	}
	hmac_sha256(slice_trim(slice_buf(&id)), "cpmail msgid_key 1", 18, mac);
	hex_put(&key, mac, 2 * SHA256_LEN);
	if (!told)
		log_event(!lasting  ? LOG_WARN
			  : c->file ? LOG_INFO
				    : LOG_DEBUG,
			  NULL, "msgid-key", "from",
			  lasting ? "/etc/machine-id" : "boot id (changes at the next start)", NULL);
	told = true;
	buf_free(&id);
	return key.p;
}

static const char *secret_file(const struct conf *c, const char *knob, size_t n)
{
	int i = knob_find(knob);
	const char *second = NULL;
	if (knobs[i].type == KNOB_STRING)
		return n == 0 ? conf_str(c, knob, NULL) : NULL;
	const char *first = conf_item(c, knob, n, &second);
	return knobs[i].type == KNOB_PAIR || knobs[i].type == KNOB_PAIRS ? second : first;
}

char *conf_secret_item(const struct conf *c, const char *knob, size_t n)
{
	bool key = strcmp(knob, "msgid_key") == 0;
	const char *file = secret_file(c, knob, n);
	if (!file)
		return key && n == 0 ? machine_key(c) : NULL;
	struct buf secret = {0};
	const char *why = read_secret(file, key ? KEY_MIN : 1, &secret);
	if (why)
		die_perm("%s: %s: %s", knob, file, why);
	return secret.p;
}

char *conf_secret(const struct conf *c, const char *knob)
{
	return conf_secret_item(c, knob, 0);
}

static int check_secrets(const struct conf *c, const char *knob)
{
	int errors = 0;
	const char *file;
	for (size_t n = 0; (file = secret_file(c, knob, n)); n++) {
		struct buf secret = {0};
		const char *why = read_secret(file, strcmp(knob, "msgid_key") == 0 ? KEY_MIN : 1, &secret);
		if (why) {
			log_event(LOG_ERROR, NULL, "config", "file", file, "key", knob, "why", why, NULL);
			errors++;
		}
		buf_free(&secret);
	}
	return errors;
}

static int check_readable(const struct conf *c, const char *knob)
{
	char *file = conf_file(c, knob);
	bool bad = file && access(file, R_OK) != 0;
	if (bad)
		log_event(LOG_ERROR, NULL, "config", "file", file, "key", knob, "why", strerror(errno), NULL);
	free(file);
	return bad;
}

static bool listed(const char *const *knobs_wanted, const char *knob)
{
	for (size_t i = 0; knobs_wanted && knobs_wanted[i]; i++)
		if (strcmp(knobs_wanted[i], knob) == 0)
			return true;
	return !knobs_wanted;
}

int conf_check_files(const struct conf *c, const char *const *only)
{
	static const char *const secrets[] = {"msgid_key", "smarthost_auth", "sip_auth", "hep_password"};
	static const char *const files[] = {"tls_cert", "tls_key", "tls_ca"};
	int errors = 0;
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		if (listed(only, secrets[i]))
			errors += check_secrets(c, secrets[i]);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (listed(only, files[i]))
			errors += check_readable(c, files[i]);
	return errors;
}
