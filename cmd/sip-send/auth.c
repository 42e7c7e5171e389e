/* Credentials for a proxy or server that asks who we are (1.16). */
#include "send.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>

enum { CNONCE_OCTETS = 8 };

/* The n-th element of sip_auth whose realm this is, -1: none. The user name stands behind the last blank. */
static int credentials_find(const struct send *s, const char *realm, const char **user)
{
	const char *first;
	for (size_t i = 0; (first = conf_item(s->conf, "sip_auth", i, NULL)); i++) {
		const char *blank = strrchr(first, ' ');
		size_t n = blank ? (size_t)(blank - first) : 0;
		if (n && strlen(realm) == n && memcmp(realm, first, n) == 0) {
			*user = blank + 1;
			return (int)i;
		}
	}
	return -1;
}

/* The first challenge of the response that can be answered. SHA-256 is preferred where both are offered (RFC 8760 2.4:
 * the order of the headers is the server's preference). */
static bool challenge_take(struct send *s, struct task *t, const struct sip_message *m)
{
	static const char *const names[] = {"WWW-Authenticate", "Proxy-Authenticate"};
	const char *user;
	for (size_t i = 0; i < m->nfields; i++)
		for (int k = 0; k < 2; k++) {
			struct sip_challenge c;
			if (!slice_ieq(m->fields[i].name, names[k]) || !sip_challenge_parse(&c, m->fields[i].value))
				continue;
			if (credentials_find(s, c.realm, &user) < 0) {
				sip_challenge_free(&c);
				continue;
			}
			sip_challenge_free(&t->challenge);
			t->challenge = c;
			t->by_proxy = k == 1;
			return true;
		}
	return false;
}

static char *dup_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* One nonce a realm and peer; a full table loses its first. */
static struct nonce *nonce_keep(struct send *s, const struct task *t)
{
	struct nonce *n = NULL;
	for (size_t i = 0; i < NONCES_MAX && !n; i++) {
		struct nonce *at = &s->nonces[i];
		if (!at->challenge.realm || (sip_addr_same_host(&at->peer, &t->now.addr) &&
					     strcmp(at->challenge.realm, t->challenge.realm) == 0))
			n = at;
	}
	if (!n)
		n = &s->nonces[0];
	sip_challenge_free(&n->challenge);
	n->challenge = t->challenge;
	n->challenge.realm = xstrdup(t->challenge.realm);
	n->challenge.nonce = xstrdup(t->challenge.nonce);
	n->challenge.opaque = dup_or_null(t->challenge.opaque);
	n->by_proxy = t->by_proxy;
	n->peer = t->now.addr;
	n->count = 0;
	return n;
}

bool auth_challenged(struct send *s, struct task *t, const struct sip_message *m)
{
	bool again = t->auths > 0;
	if (t->auths >= 2 || !challenge_take(s, t, m))
		return false;
	if (again && !t->challenge.stale)
		return false; /* refused: the password is wrong */
	t->auths++;
	nonce_keep(s, t);
	return true;
}

void auth_put(struct send *s, struct task *t, struct buf *out)
{
	for (size_t i = 0; i < NONCES_MAX; i++) {
		struct nonce *n = &s->nonces[i];
		const char *user;
		int at = n->challenge.realm && sip_addr_same_host(&n->peer, &t->now.addr)
				 ? credentials_find(s, n->challenge.realm, &user)
				 : -1;
		if (at < 0)
			continue;
		unsigned char octets[CNONCE_OCTETS];
		struct buf cnonce = {0};
		char *password = conf_secret_item(s->conf, "sip_auth", (size_t)at);
		random_octets(octets, sizeof octets);
		hex_put(&cnonce, octets, 2 * sizeof octets);
		struct sip_credentials who = {user, password, t->method, t->uri, ++n->count, buf_str(&cnonce)};
		buf_puts(out, n->by_proxy ? "Proxy-Authorization: " : "Authorization: ");
		sip_digest_answer(out, &n->challenge, &who);
		buf_puts(out, "\r\n");
		explicit_bzero(password, strlen(password));
		free(password);
		buf_free(&cnonce);
	}
}

void auth_forget(struct send *s)
{
	for (size_t i = 0; i < NONCES_MAX; i++)
		sip_challenge_free(&s->nonces[i].challenge);
}
