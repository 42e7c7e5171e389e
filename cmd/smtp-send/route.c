#include "send.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

static void host_free(struct smtp_host *h)
{
	for (size_t i = 0; i < h->naddresses; i++)
		free((char *)(uintptr_t)h->addresses[i]);
	free((void *)(uintptr_t)h->addresses);
	free((char *)(uintptr_t)h->name);
}

void route_free(struct route *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->smtp.nhosts; i++)
		host_free(&r->hosts[i]);
	free(r->hosts);
	free((char *)(uintptr_t)r->smtp.path);
	free(r->key);
	free(r);
}

/* {"name", "port", "addresses"}; false: not usable. */
static bool read_host(const json_t *from, struct smtp_host *h)
{
	const json_t *addresses = record_get(from, "addresses");
	const char *name = record_str(from, "name");
	size_t n = json_array_size(addresses);
	int64_t port = record_int(from, "port", 0);
	if (!name || !smtp_word_valid(name, 255) || !n || port < 1 || port > 65535)
		return false;
	const char **list = xcalloc(n, sizeof(*list));
	*h = (struct smtp_host){.name = xstrdup(name), .port = (int)port, .addresses = list};
	for (size_t i = 0; i < n; i++) {
		const char *a = json_string_value(json_array_get(addresses, i));
		if (a)
			list[h->naddresses++] = xstrdup(a);
	}
	return h->naddresses > 0;
}

/* Mails with equal keys may travel on one connection, whatever their domains. */
static char *make_key(const struct route *r)
{
	struct buf b = {0};
	buf_printf(&b, "%s\n%s\n%d\n%s\n", r->engine->name, r->smtp.path ? r->smtp.path : "", (int)r->smtp.tls,
		   r->smtp.user ? r->smtp.user : "");
	for (size_t i = 0; i < r->smtp.nhosts; i++) {
		buf_printf(&b, "%s:%d", r->hosts[i].name, r->hosts[i].port);
		for (size_t k = 0; k < r->hosts[i].naddresses; k++)
			buf_printf(&b, " %s", r->hosts[i].addresses[k]);
		buf_putc(&b, '\n');
	}
	return b.p;
}

static enum smtp_tls tls_of(const char *word, enum smtp_tls fallback)
{
	static const char *const words[] = {"off", "opportunistic", "required", "implicit"};
	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return (enum smtp_tls)i;
	return fallback;
}

struct route *route_read(struct send *s, const json_t *from, bool require_tls, const char **why)
{
	const char *name = record_str(from, "engine"), *path = record_str(from, "path");
	const json_t *hosts = record_get(from, "hosts");
	struct route *r = xcalloc(1, sizeof(*r));
	r->engine = name ? smtp_engine_find(name) : NULL;
	if (json_array_size(hosts) && (!r->engine || (s->engine_option && r->engine != &smtp_maildir)))
		r->engine = s->engine_option ? s->engine_option : &smtp_direct;
	r->hosts = xcalloc(json_array_size(hosts) + 1, sizeof(*r->hosts));
	r->smtp.hosts = r->hosts;
	for (size_t i = 0; i < json_array_size(hosts); i++)
		if (read_host(json_array_get(hosts, i), &r->hosts[r->smtp.nhosts]))
			r->smtp.nhosts++;
		else
			host_free(&r->hosts[r->smtp.nhosts]), r->hosts[r->smtp.nhosts] = (struct smtp_host){0};
	r->smtp.path = path && *path ? xstrdup(path) : NULL;
	r->smtp.tls = tls_of(record_str(from, "tls"), SMTP_TLS_OPPORTUNISTIC);
	if (require_tls && r->smtp.tls != SMTP_TLS_IMPLICIT)
		r->smtp.tls = SMTP_TLS_REQUIRED;
	/* Credentials are for the smarthost alone, never for the hosts of a domain. */
	if (record_str(from, "auth") && s->user) {
		r->smtp.user = s->user;
		r->smtp.password = s->password;
	}
	*why = !r->engine				       ? "the record has no route"
	       : r->engine == &smtp_maildir && !r->smtp.path   ? "the route has no path"
	       : r->engine != &smtp_maildir && !r->smtp.nhosts ? "the route has no host"
							       : NULL;
	if (*why) {
		route_free(r);
		return NULL;
	}
	r->key = make_key(r);
	return r;
}

/* "host", "host:port", "[::1]:port". */
static void split_host(const char *text, char *host, size_t size, char *port, size_t port_size)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
	const char *colon = end ? (end[1] == ':' ? end + 1 : NULL) : strchr(text, ':');
	struct slice name = end ? (struct slice){text + 1, (size_t)(end - text) - 1}
				: (struct slice){text, colon ? (size_t)(colon - text) : strlen(text)};
	if (!name.n || name.n >= size || (colon && (!colon[1] || strlen(colon + 1) >= port_size)))
		die_perm("\"%s\" is not HOST:PORT", text);
	memcpy(host, name.p, name.n);
	host[name.n] = '\0';
	memcpy(port, colon ? colon + 1 : "25", colon ? strlen(colon + 1) + 1 : 3);
}

static void resolve(struct smtp_host *h, const char *name, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
	int rc = getaddrinfo(name, port, &hints, &list);
	const char **addresses = xcalloc(32, sizeof(*addresses));
	if (rc != 0)
		die_temp("%s: %s", name, gai_strerror(rc));
	*h = (struct smtp_host){.name = xstrdup(name), .port = atoi(port), .addresses = addresses};
	for (struct addrinfo *a = list; a && h->naddresses < 32; a = a->ai_next) {
		char text[NI_MAXHOST];
		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
			addresses[h->naddresses++] = xstrdup(text);
	}
	freeaddrinfo(list);
}

struct route *route_fixed(struct send *s, bool require_tls)
{
	char host[256], port[16];
	struct route *r = xcalloc(1, sizeof(*r));
	r->hosts = xcalloc(1, sizeof(*r->hosts));
	r->smtp.hosts = r->hosts;
	if (s->maildir_option) {
		r->engine = &smtp_maildir;
		r->smtp.path = xstrdup(s->maildir_option);
	} else {
		r->engine = s->engine_option ? s->engine_option : s->user ? &smtp_submit : &smtp_direct;
		split_host(s->host_option, host, sizeof(host), port, sizeof(port));
		resolve(&r->hosts[0], host, port);
		r->smtp.nhosts = 1;
		r->smtp.tls = require_tls ? SMTP_TLS_REQUIRED : (enum smtp_tls)conf_enum(s->conf, "tls_mode", NULL);
		r->smtp.user = s->user;
		r->smtp.password = s->password;
	}
	r->key = make_key(r);
	return r;
}
