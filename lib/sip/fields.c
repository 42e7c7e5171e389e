#include "sip/fields.h"
#include "base/text.h"

static const struct {
	const char *name;
	char compact;
	bool single; /* a second one makes the message ambiguous (RFC 3261 7.3.1, 20) */
} header_table[] = {
	[SIP_VIA] = {"Via", 'v', false},
	[SIP_FROM] = {"From", 'f', true},
	[SIP_TO] = {"To", 't', true},
	[SIP_CALL_ID] = {"Call-ID", 'i', true},
	[SIP_CSEQ] = {"CSeq", 0, true},
	[SIP_MAX_FORWARDS] = {"Max-Forwards", 0, true},
	[SIP_CONTENT_LENGTH] = {"Content-Length", 'l', true},
	[SIP_CONTENT_TYPE] = {"Content-Type", 'c', true},
	[SIP_CONTENT_ENCODING] = {"Content-Encoding", 'e', false},
	[SIP_CONTENT_DISPOSITION] = {"Content-Disposition", 0, true},
	[SIP_REQUIRE] = {"Require", 0, false},
	[SIP_TIMESTAMP] = {"Timestamp", 0, true},
	[SIP_ASSERTED_IDENTITY] = {"P-Asserted-Identity", 0, false},
	[SIP_ASSERTED_SERVICE] = {"P-Asserted-Service", 0, false},
	[SIP_PREFERRED_SERVICE] = {"P-Preferred-Service", 0, false},
	[SIP_ACCEPT_CONTACT] = {"Accept-Contact", 'a', false},
	[SIP_CONVERSATION_ID] = {"Conversation-ID", 0, true},
	[SIP_CONTACT] = {"Contact", 'm', false},
	[SIP_EXPIRES] = {"Expires", 0, true},
	[SIP_DATE] = {"Date", 0, true},
	[SIP_SUBJECT] = {"Subject", 's', true},
	[SIP_OTHER_HEADER] = {NULL, 0, false},
};

static const char *const method_table[] = {"INVITE",  "ACK",	 "CANCEL",    "BYE",	"UPDATE",
					   "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY", NULL};

const char *sip_header_name(enum sip_header id)
{
	return header_table[id].name;
}

enum sip_header sip_header_of(struct slice name)
{
	for (int i = 0; i < SIP_OTHER_HEADER; i++)
		if (slice_ieq(name, header_table[i].name) ||
		    (name.n == 1 && header_table[i].compact && (name.p[0] | 32) == header_table[i].compact))
			return (enum sip_header)i;
	return SIP_OTHER_HEADER;
}

const char *sip_method_name(enum sip_method m)
{
	return method_table[m];
}

enum sip_method sip_method_of(struct slice name)
{
	int i = 0;
	while (i < SIP_OTHER_METHOD && !slice_eq(name, method_table[i]))
		i++;
	return (enum sip_method)i;
}

void sip_message_fault(struct sip_message *m, int status, const char *why)
{
	if (m->status)
		return;
	m->status = status;
	m->why = why;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* No control octet but HTAB: CR, LF and NUL would reach lines of other protocols, and terminals. */
static bool line_clean(struct slice line)
{
	for (size_t i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 127)
			return false;
	return true;
}

/* Cut the next line, which must end in CRLF; *clean tells whether it holds control octets (a bare CR or LF among them).
 */
static struct slice next_line(struct slice *head, bool *clean)
{
	size_t n = 0, end = head->n;
	const char *lf = head->p;
	while ((lf = memchr(head->p + n, '\n', head->n - n)) != NULL) {
		n = (size_t)(lf - head->p) + 1;
		if (n >= 2 && lf[-1] == '\r') {
			end = n - 2;
			break;
		}
	}
	struct slice line = {head->p, end};
	n = lf ? n : head->n;
	*head = (struct slice){head->p + n, head->n - n};
	*clean = line_clean(line);
	return line;
}

static const char *add_text(struct sip_message *m, struct slice s)
{
	char *at = m->text.p + m->text.n; /* room for all of it was made before */
	memcpy(at, s.p, s.n);
	at[s.n] = '\0';
	m->text.n += s.n + 1;
	return at;
}

static void add_field(struct sip_message *m, struct slice line)
{
	size_t colon = 0, end;
	while (colon < line.n && line.p[colon] != ':')
		colon++;
	for (end = colon; end && blank(line.p[end - 1]);)
		end--;
	if (colon == line.n || !is_token(line.p, end)) {
		sip_message_fault(m, 400, "Bad Header Line");
		return;
	}
	if (m->nfields == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 32;
		m->fields = xrealloc(m->fields, m->cap * sizeof *m->fields);
	}
	struct sip_field *f = &m->fields[m->nfields++];
	struct slice value = slice_trim((struct slice){line.p + colon + 1, line.n - colon - 1});
	f->name = (struct slice){add_text(m, (struct slice){line.p, end}), end};
	f->value = (struct slice){add_text(m, value), value.n};
	f->id = sip_header_of(f->name);
}

/* A folded line: one space in place of the line end (RFC 3261 7.3.1). */
static void continue_field(struct sip_message *m, struct slice line)
{
	struct sip_field *f = &m->fields[m->nfields - 1];
	line = slice_trim(line);
	if (!line.n)
		return;
	m->text.n--; /* the NUL behind the value */
	if (f->value.n) {
		m->text.p[m->text.n++] = ' ';
		f->value.n++;
	}
	add_text(m, line);
	f->value.n += line.n;
}

static void check_repeated(struct sip_message *m)
{
	bool seen[SIP_OTHER_HEADER + 1] = {false};
	for (size_t i = 0; i < m->nfields; i++) {
		enum sip_header id = m->fields[i].id;
		if (header_table[id].single && seen[id])
			sip_message_fault(m, 400, "Repeated Header");
		seen[id] = true;
		if (m->fields[i].value.n > SIP_VALUE_MAX)
			sip_message_fault(m, 400, "Header Too Long");
	}
}

void sip_fields_scan(struct sip_message *m, struct slice head, struct slice *start)
{
	bool clean, open = false; /* open: the last field may be continued */
	buf_clear(&m->text);
	buf_room(&m->text, head.n + 8); /* a name's NUL takes the colon's place, a value's that of the CR */
	m->nfields = 0;
	struct slice line = next_line(&head, &clean);
	if (!clean)
		sip_message_fault(m, 400, "Control Octet In Start Line");
	*start = (struct slice){add_text(m, line), line.n};
	while (head.n) {
		line = next_line(&head, &clean);
		if (!line.n)
			break;
		if (!clean) {
			sip_message_fault(m, 400, "Control Octet In Header");
			open = false;
		} else if (blank(line.p[0])) {
			if (open)
				continue_field(m, line);
			else
				sip_message_fault(m, 400, "Bad Header Line");
		} else if (m->nfields == SIP_FIELDS_MAX) {
			sip_message_fault(m, 400, "Too Many Headers");
			break;
		} else {
			size_t before = m->nfields;
			add_field(m, line);
			open = m->nfields > before;
		}
	}
	check_repeated(m);
}

size_t sip_find_outside(struct slice s, char c)
{
	bool quoted = false, angle = false;
	for (size_t i = 0; i < s.n; i++) {
		char x = s.p[i];
		if (quoted) {
			if (x == '\\')
				i++;
			else if (x == '"')
				quoted = false;
		} else if (x == c && !angle) {
			return i;
		} else if (x == '"' && !angle) {
			quoted = true;
		} else if (x == '<') {
			angle = true;
		} else if (x == '>') {
			angle = false;
		}
	}
	return s.n;
}

bool sip_value_balanced(struct slice s)
{
	bool quoted = false, angle = false;
	char last = ';'; /* the last octet that is not blank: a separator may not follow another */
	for (size_t i = 0; i < s.n; i++) {
		char x = s.p[i];
		if (quoted) {
			if (x == '\\')
				i++;
			else if (x == '"')
				quoted = false;
		} else if (angle) {
			if (x == '<')
				return false;
			angle = x != '>';
		} else if (x == '>') {
			return false;
		} else if ((x == ';' || x == ',') && (last == ';' || last == ',')) {
			return false;
		} else {
			quoted = x == '"';
			angle = x == '<';
		}
		if (!blank(x))
			last = quoted ? 'q' : x;
	}
	return !quoted && !angle && last != ';' && last != ',';
}

void sip_squeeze(struct buf *out, struct slice s, const char *sep)
{
	bool quoted = false, space = false;
	size_t start = out->n;
	for (size_t i = 0; i < s.n; i++) {
		char x = s.p[i];
		if (!quoted && blank(x)) {
			space = true;
			continue;
		}
		bool joint = !quoted && strchr(sep, x);
		if (space && !joint && out->n > start && !strchr(sep, out->p[out->n - 1]))
			buf_putc(out, ' ');
		space = false;
		if (quoted && x == '\\' && i + 1 < s.n)
			buf_putc(out, s.p[i++]), x = s.p[i];
		else if (x == '"')
			quoted = !quoted;
		buf_putc(out, x);
	}
}

bool sip_param_next(struct slice *params, struct slice *name, struct slice *value, bool *bad)
{
	*bad = false;
	struct slice p = slice_trim(*params);
	if (!p.n)
		return false;
	*bad = true;
	if (p.p[0] != ';')
		return false;
	p.p++, p.n--;
	size_t n = sip_find_outside(p, ';');
	struct slice one = {p.p, n};
	*params = (struct slice){p.p + n, p.n - n};
	bool more;
	*name = slice_trim(slice_cut(&one, '=', &more));
	*value = slice_trim(one);
	if (!is_token(name->p, name->n) || (more && !value->n))
		return false;
	*bad = false;
	return true;
}

int64_t sip_number(struct slice s, int64_t max)
{
	int64_t n = 0;
	if (!s.n)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		n = n * 10 + (s.p[i] - '0');
		if (n > max)
			return -1;
	}
	return n;
}

struct slice sip_uri_scheme(struct slice uri)
{
	size_t n = 0;
	while (n < uri.n && uri.p[n] != ':') {
		char c = (char)(uri.p[n] | 32);
		bool alpha = c >= 'a' && c <= 'z';
		if (!alpha && (!n || !strchr("0123456789+-.", uri.p[n])))
			return (struct slice){"", 0};
		n++;
	}
	return n < uri.n ? (struct slice){uri.p, n} : (struct slice){"", 0};
}

bool sip_uri_sound(struct slice uri)
{
	struct slice scheme = sip_uri_scheme(uri);
	if (!scheme.n || uri.n <= scheme.n + 1 || uri.n > SIP_URI_MAX)
		return false;
	for (size_t i = 0; i < uri.n; i++)
		if ((unsigned char)uri.p[i] <= ' ' || (unsigned char)uri.p[i] >= 127 || strchr("<>\"", uri.p[i]))
			return false;
	return true;
}
