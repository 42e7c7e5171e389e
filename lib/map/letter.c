#include "map/letters.h"

#include "base/text.h"
#include "mail/address.h"
#include "mail/header.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the octets ---- */

static bool failed(struct letter *l, int error)
{
	l->error = error ? error : EIO;
	return false;
}

/* A chain over windows, so that a body of any size has a digest without being held. */
static void chain(uint8_t digest[SHA256_LEN], const char *p, size_t n, struct buf *scratch)
{
	buf_clear(scratch);
	buf_put(scratch, digest, SHA256_LEN);
	buf_put(scratch, p, n);
	sha256(scratch->p, scratch->n, digest);
}

static bool digest_file(struct letter *l)
{
	enum { WINDOW = 64 << 10 };
	struct buf scratch = {0};
	char *window = xmalloc(WINDOW);
	ssize_t r = 0;
	for (off_t at = (off_t)l->head.body; (r = pread(l->fd, window, WINDOW, at)) > 0; at += r)
		chain(l->digest, window, (size_t)r, &scratch);
	int error = errno;
	free(window);
	buf_free(&scratch);
	return r == 0 || failed(l, error);
}

static bool read_blob(struct letter *l, const json_t *body)
{
	l->fd = l->tools->io->open(l->tools->io->ctx, body);
	if (l->fd < 0)
		return failed(l, errno);
	while (l->octets.n < MAIL_HEAD_MAX) {
		ssize_t r = pread(l->fd, buf_room(&l->octets, 65536), 65536, (off_t)l->octets.n);
		if (r < 0)
			return failed(l, errno);
		if (r == 0)
			break;
		l->octets.n += (size_t)r;
	}
	buf_put(&l->octets, "", 0);
	return true;
}

static bool read_octets(struct letter *l)
{
	const json_t *body = record_get(l->mail, "body");
	l->size = record_body_size(body);
	if (record_body_blobid(body) ? !read_blob(l, body) : !record_body_octets(body, &l->octets))
		return l->error ? false : failed(l, EINVAL);
	mail_head_read(&l->head, slice_buf(&l->octets));
	if (l->fd >= 0)
		return digest_file(l);
	sha256(l->octets.p + l->head.body, l->octets.n - l->head.body, l->digest);
	return true;
}

struct conf_scope letter_scope(const struct letter *l)
{
	const char *at = strrchr(buf_str(&l->from), '@');
	return (struct conf_scope){.domain = at ? at + 1 : NULL, .user = l->cpm, .mail = buf_str(&l->from)};
}

/* ---- what the header says ---- */

/* The mailbox of a field that has exactly one. */
static bool sole(const struct mail_head *h, const char *name, struct mail_mailbox *m)
{
	struct slice list = mail_head_get(h, name, 0);
	struct mail_mailbox more = {0};
	bool one = list.n && mail_head_count(h, name) == 1 && mail_mailbox_next(&list, m) && m->address.n &&
		   !mail_mailbox_next(&list, &more);
	mail_mailbox_free(&more);
	return one;
}

/* E1 row From: header From; of several authors Sender; else MAIL FROM. */
static void read_author(struct letter *l)
{
	struct mail_mailbox m = {0};
	l->from_header = sole(&l->head, "From", &m);
	if (l->from_header || sole(&l->head, "Sender", &m)) {
		buf_slice(&l->from, slice_buf(&m.address));
		buf_slice(&l->display, slice_buf(&m.display));
	} else {
		struct mail_address a;
		if (mail_address_parse(slice_of(l->mail_from), &a))
			mail_address_put(&l->from, &a);
	}
	mail_mailbox_free(&m);
}

static void read_subject(struct letter *l)
{
	struct buf text = {0};
	mail_words_decode(&text, mail_head_get(&l->head, "Subject", 0));
	text_sanitise(&l->subject, slice_buf(&text), 4 * LETTER_SUBJECT_MAX);
	letter_cut(&l->subject, LETTER_SUBJECT_MAX);
	buf_free(&text);
}

/* The zone is known where it is a number other than -0000, or one of the names that mean +0000 (E3). */
static void read_date(struct letter *l)
{
	enum { DAY_MS = 86400000 };
	struct slice date = mail_head_get(&l->head, "Date", 0);
	l->has_date = date.p && mail_date_parse(date, &l->date_ms, &l->date_zone) && l->date_ms <= l->now_ms + DAY_MS;
	const char *sign = date.n ? strpbrk(date.p, "+-") : NULL;
	l->zone_known = sign && strncmp(sign, "-0000", 5) != 0 && sign[1] >= '0' && sign[1] <= '9';
}

/* Some programs fold a long msg-id by making encoded words of it, which are none there (RFC 2047 5). */
static void read_ids(const struct letter *l, const char *field, struct buf *out)
{
	struct slice value = mail_head_get(&l->head, field, 0);
	if (value.n && memmem(value.p, value.n, "=?", 2))
		mail_words_decode(out, value);
	else
		buf_slice(out, value);
}

static void read_msgid(struct letter *l)
{
	struct slice value = mail_head_get(&l->head, "Message-ID", 0), id;
	l->has_msgid = mail_msgid_next(&value, &id) && id.n <= 900;
	if (l->has_msgid) {
		buf_slice(&l->msgid, id);
		return;
	}
	struct buf b = {0};
	uint8_t digest[SHA256_LEN];
	buf_printf(&b, "%s\n%s\n", mail_head_get(&l->head, "Date", 0).n ? mail_head_get(&l->head, "Date", 0).p : "",
		   mail_head_get(&l->head, "From", 0).n ? mail_head_get(&l->head, "From", 0).p : "");
	buf_put(&b, l->digest, SHA256_LEN);
	sha256(b.p, b.n, digest);
	buf_puts(&l->msgid, "none:");
	hex_put(&l->msgid, digest, 64);
	buf_free(&b);
}

/* 5.4: one address, equal to MAIL FROM, and no list or robot wrote the mail. */
static void read_mdn(struct letter *l)
{
	struct mail_mailbox m = {0};
	struct mail_address a;
	struct buf from = {0};
	if (sole(&l->head, "Disposition-Notification-To", &m) && mail_address_parse(slice_of(l->mail_from), &a)) {
		mail_address_put(&from, &a);
		l->wants_mdn =
			slice_eq(slice_buf(&from), buf_str(&m.address)) && !l->automatic && !automatic_bulk(&l->head);
	}
	buf_free(&from);
	mail_mailbox_free(&m);
}

static void list_add(struct letter *l, const struct buf *address, bool cc)
{
	for (size_t i = 0; i < l->nlisted; i++)
		if (slice_ieq(slice_buf(address), l->listed[i].address))
			return;
	l->nvisible++;
	if (l->nlisted < LETTER_LISTED_MAX)
		l->listed[l->nlisted++] = (struct letter_listed){xstrdup(buf_str(address)), cc};
}

static void read_listed(struct letter *l)
{
	static const struct {
		const char *field;
		bool cc;
	} rows[] = {{"To", false}, {"Cc", true}};
	struct mail_mailbox m = {0};
	for (size_t i = 0; i < 2; i++) {
		struct slice list;
		for (size_t k = 0; (list = mail_head_get(&l->head, rows[i].field, k)).p; k++)
			while (mail_mailbox_next(&list, &m))
				if (m.address.n)
					list_add(l, &m.address, rows[i].cc);
	}
	mail_mailbox_free(&m);
}

/* 8.6: only what the front mail server handed in counts. */
static void read_results(struct letter *l)
{
	const struct conf_scope scope = letter_scope(l);
	const char *id = conf_str(l->tools->conf, "authserv_id", &scope);
	if (l->tools->trusts && l->tools->trusts(l->tools->ctx, record_get(l->mail, "peer")))
		l->results = verify_read(&l->head, id && *id ? id : map_gateway(l->tools->names), slice_buf(&l->from));
}

bool letter_begin(struct letter *l, const struct letter_tools *tools, const struct record *in, int64_t now_ms)
{
	*l = (struct letter){.tools = tools, .in = in, .mail = in->member, .now_ms = now_ms, .fd = -1};
	const char *mail_from = record_str(l->mail, "from");
	l->mail_from = mail_from ? mail_from : "";
	l->received_ms = record_int(l->mail, "received", now_ms);
	if (!read_octets(l))
		return false;
	read_author(l);
	read_subject(l);
	read_date(l);
	read_msgid(l);
	read_ids(l, "In-Reply-To", &l->in_reply_to);
	read_ids(l, "References", &l->references);
	l->received = (unsigned)mail_head_count(&l->head, "Received");
	l->automatic = automatic_kind(&l->head, slice_of(l->mail_from), slice_buf(&l->from));
	read_mdn(l);
	read_listed(l);
	read_results(l);
	return true;
}

static void forget_recipient(struct letter *l)
{
	buf_clear(&l->uri), buf_clear(&l->conv), buf_clear(&l->contr), buf_clear(&l->answered), buf_clear(&l->imdn);
	l->known = l->verified = l->list_service = false;
	l->wanted = l->part = 0;
}

void letter_end(struct letter *l)
{
	buf_free(&l->octets), mail_head_free(&l->head), buf_free(&l->msgid);
	buf_free(&l->in_reply_to), buf_free(&l->references);
	buf_free(&l->from), buf_free(&l->display), buf_free(&l->subject);
	buf_free(&l->uri), buf_free(&l->conv), buf_free(&l->contr), buf_free(&l->answered), buf_free(&l->imdn);
	for (size_t i = 0; i < l->nlisted; i++)
		free(l->listed[i].address);
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct letter){.fd = -1};
}

/* ---- the recipient ---- */

static bool notifies(const json_t *to, const char *word, bool absent)
{
	const json_t *list = record_get(to, "notify");
	if (!json_array_size(list))
		return absent;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *have = json_string_value(json_array_get(list, i));
		if (have && strcmp(have, word) == 0)
			return true;
	}
	return false;
}

bool letter_recipient(struct letter *l, size_t k)
{
	l->to = json_array_get(record_get(l->mail, "to"), k);
	if (!l->to)
		return false;
	forget_recipient(l);
	l->rcpt = record_str(l->to, "address");
	l->cpm = record_str(l->to, "cpm");
	if (!l->rcpt)
		l->rcpt = "";
	token_imdn(map_keys(l->tools->names), buf_str(&l->msgid), l->rcpt, &l->imdn);
	if (notifies(l->to, "SUCCESS", false))
		l->wanted |= IMDN_POSITIVE_DELIVERY;
	if (notifies(l->to, "FAILURE", true))
		l->wanted |= IMDN_NEGATIVE_DELIVERY;
	if (l->wants_mdn)
		l->wanted |= IMDN_DISPLAY;
	if (letter_backscatter(l))
		l->wanted = 0;
	return true;
}

struct correlate_query letter_query(const struct letter *l)
{
	return (struct correlate_query){.in_reply_to = slice_buf(&l->in_reply_to),
					.references = slice_buf(&l->references),
					.message_id = buf_str(&l->msgid),
					.from = l->from_header ? buf_str(&l->from) : NULL,
					.rcpt = l->rcpt,
					.cpm = l->cpm};
}

void letter_thread(struct letter *l, const struct correlation *found)
{
	buf_slice(&l->uri, slice_buf(&found->uri));
	buf_slice(&l->conv, slice_buf(&found->conv));
	buf_slice(&l->contr, slice_buf(&found->contr));
	buf_slice(&l->answered, slice_buf(&found->answered));
	l->known = found->kind != CORRELATE_NONE;
	/* an alias is as hard to guess as a MAC, and as closely bound to its user */
	bool alias = found->kind == CORRELATE_ALIAS && found->from == CORRELATE_YES;
	l->verified = letter_verified(l, found->mac || alias);
}

/* Contribution-ID and imdn.Message-ID of a part are as good as those of the text, and as easily made again. */
void letter_part(struct letter *l, unsigned part)
{
	char number[16];
	if (part == l->part && l->contr.n)
		return;
	snprintf(number, sizeof number, "%u", part);
	l->part = part;
	buf_clear(&l->contr);
	if (part)
		token_contrid(map_keys(l->tools->names), &l->contr, buf_str(&l->msgid), number, NULL);
	else
		token_contrid(map_keys(l->tools->names), &l->contr, buf_str(&l->msgid), NULL);
}

bool letter_backscatter(const struct letter *l)
{
	return !*l->mail_from || l->automatic || verify_forged(&l->results);
}

bool letter_verified(const struct letter *l, bool mac)
{
	const struct conf_scope scope = letter_scope(l);
	int by = conf_enum(l->tools->conf, "sender_auth", &scope);
	return (l->from_header || by == VERIFY_BY_NONE) && verify_passed(&l->results, (enum verify_method)by, mac);
}

int64_t letter_by_left(const struct letter *l)
{
	const json_t *by = record_get(l->mail, "by");
	int64_t at = record_int(by, "at", l->received_ms);
	return record_int(by, "seconds", 0) - (l->now_ms > at ? (l->now_ms - at) / 1000 : 0);
}

void letter_imdn_id(const struct letter *l, struct buf *out)
{
	buf_slice(out, slice_buf(&l->imdn));
	if (l->part)
		buf_printf(out, "-%u", l->part);
}
