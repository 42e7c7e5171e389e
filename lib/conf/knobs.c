#include "conf/knobs.h"

#include <stdlib.h>

#define KIB 1024LL
#define MIB (1024 * KIB)
#define DAY 86400LL

/* clang-format off */
const struct knob knobs[] = {
/* ---- who we are ---- */
{"gateway", KNOB_STRING, .scope = "g", .section = "identity", .check = check_domain,
 .help = "name of this host towards SIP and SMTP peers (Via, EHLO, Received); default: the host name"},
{"mail_domain", KNOB_STRING, .scope = "g", .section = "identity", .check = check_domain,
 .help = "domain of the mail addresses that stand for CPM users; default: gateway"},
{"sip_domains", KNOB_LIST, NULL, "localhost, 127.0.0.1", .scope = "g", .section = "identity", .check = check_domain,
 .help = "hosts of SIP URIs that are this gateway, and those of its SIP users; gateway is always one"},
{"msgid_key", KNOB_LIST, .scope = "g", .section = "identity",
 .help = "files with the secret of the signed tokens in Message-ID and ENVID: the first signs, all verify"},

/* ---- SIP ---- */
{"sip_listen", KNOB_LIST, "udp:*:5060, tcp:*:5060", "udp:127.0.0.1:5060, tcp:127.0.0.1:5060", .min = 1, .scope = "g", .section = "sip",
 .check = check_listen, .help = "where SIP is taken: TRANSPORT:ADDRESS[:PORT], transport udp, tcp or tls"},
{"advertise", KNOB_LIST, .scope = "g", .section = "sip", .check = check_advertise,
 .help = "name or address[:port] that peers see in Via and Contact, one for each address family; default: own address"},
{"max_sip_size", KNOB_SIZE, "1 MiB", .min = 4 * KIB, .max = 64 * MIB, .scope = "g", .section = "sip",
 .help = "largest SIP message on a stream transport"},
{"max_pager_in", KNOB_SIZE, "64 KiB", .min = 1300, .max = 64 * MIB, .scope = "g", .section = "sip",
 .help = "largest body of a MESSAGE, inflated if it was deflated; a larger one gets 413"},
{"max_connections", KNOB_INT, "4096", .min = 1, .max = 1000000, .scope = "g", .section = "sip",
 .help = "most SIP connections at a time"},
{"max_transactions", KNOB_INT, "262144", .min = 16, .max = 10000000, .scope = "g", .section = "sip",
 .help = "most SIP transactions at a time; above it new requests get 503"},
{"answer_deadline_message", KNOB_DURATION, "10s", .min = 0, .max = 31, .scope = "g", .section = "sip",
 .help = "when a MESSAGE is answered with 202 although the mail server has not spoken yet; 0: as soon as it is stored"},
{"message_success_code", KNOB_ENUM, "202", .words = "202|200", .scope = "g", .section = "sip",
 .help = "answer to a MESSAGE that became a mail"},
{"outbound_proxy", KNOB_STRING, .scope = "g", .section = "sip", .check = check_sip_uri,
 .help = "SIP URI of the proxy that gets all outgoing requests; default: ask the DNS for the host of the Request-URI"},
{"sip_auth", KNOB_PAIRS, .scope = "g", .section = "sip", .check = check_realm_user_file,
 .help = "\"REALM USER\" of a proxy that asks who we are, and file with the password"},
{"enum_for_sip", KNOB_BOOL, "off", .scope = "g", .section = "sip",
 .help = "look telephone numbers up (ENUM, enum_suffix) for a SIP URI before they go to the proxy"},
{"sip_queue_lifetime", KNOB_DURATION, "24h", .min = 60, .max = 30 * DAY, .scope = "g", .section = "sip",
 .help = "how long an outgoing request is tried"},
{"peer_quirks", KNOB_PAIRS, .scope = "g", .section = "sip", .check = check_quirks,
 .help = "what a peer cannot do: beginning of its product name or host of its URI, and words of text-only, no-datetime, from-same"},
{"trusted_peers", KNOB_PAIRS, .by_hand = "127.0.0.0/8, ::1", .scope = "g", .section = "trust", .check = check_network,
 .help = "networks, addresses or TLS names of the peers that may assert identities, each with an optional name for Received"},
{"untrusted", KNOB_ENUM, "403", .words = "403|ignore", .scope = "g", .section = "trust",
 .help = "requests of other peers: refuse them, or take them and ignore asserted identities"},
{"cpim_from", KNOB_ENUM, "verify", .words = "verify|trust|ignore", .scope = "g", .section = "trust",
 .help = "the CPIM From in a 1-1 message: only if it agrees with the authenticated identity, always, never"},
{"deny_domains", KNOB_LIST, .scope = "g", .section = "trust", .check = check_domain,
 .help = "mail domains that get nothing (403)"},
{"opt_out", KNOB_LIST, .scope = "g", .section = "trust", .check = check_address,
 .help = "mail users who want nothing (403)"},
{"barred", KNOB_LIST, .scope = "g", .section = "trust", .check = check_party,
 .help = "originators (URI, or host for all of its users) who may send nothing (403)"},

/* ---- TLS ---- */
{"tls_cert", KNOB_STRING, .scope = "g", .section = "tls", .help = "file with the certificate chain (PEM) for SIP over TLS"},
{"tls_key", KNOB_STRING, .scope = "g", .section = "tls", .help = "file with its private key (PEM)"},
{"tls_ca", KNOB_STRING, .scope = "g", .section = "tls",
 .help = "file with the certificates (PEM) that peers are checked against; default: those of the system"},
{"cert_check", KNOB_BOOL, "on", .scope = "g", .section = "tls", .help = "check the certificates of SIP peers"},
{"sips_needs_tls", KNOB_BOOL, "on", .scope = "g", .section = "tls",
 .help = "a message to or from a sips URI leaves as mail only over TLS"},
{"tls_mode", KNOB_ENUM, "opportunistic", .words = "off|opportunistic|required", .scope = "gd", .section = "tls",
 .help = "STARTTLS towards mail servers"},

/* ---- addresses ---- */
{"addr_map", KNOB_PAIRS, .scope = "g", .section = "addresses", .check = check_uri_address,
 .help = "CPM URI and mail address that belong together, in both directions"},
{"domain_map", KNOB_PAIRS, .scope = "g", .section = "addresses", .check = check_domains,
 .help = "SIP domain and the mail domain that stands for it"},
{"addr_map_only", KNOB_BOOL, "off", .scope = "g", .section = "addresses", .help = "only users of addr_map have a mail address"},
{"accept_foreign_domain", KNOB_BOOL, "on", .scope = "g", .section = "addresses",
 .help = "take sip:user@host with a host that is not ours as the mail address user@host"},
{"dotless_domains", KNOB_LIST, NULL, "localhost", .scope = "g", .section = "addresses", .check = check_domain,
 .help = "mail domains without a dot that a Request-URI may name"},
{"address_literals", KNOB_BOOL, "off", .scope = "g", .section = "addresses",
 .help = "a Request-URI may name an address literal: bob@[192.0.2.1]"},
{"default_cc", KNOB_STRING, .scope = "g", .section = "addresses", .check = check_digits,
 .help = "country code of telephone numbers that have none"},
{"prefer_tel", KNOB_BOOL, "off", .scope = "g", .section = "addresses", .help = "of two asserted identities use the tel URI"},
{"uri_form", KNOB_ENUM, "tel", .words = "tel|sip-phone", .scope = "g", .section = "addresses",
 .help = "form of outgoing URIs of telephone numbers"},
{"subaddress", KNOB_BOOL, "off", .scope = "g", .section = "addresses",
 .help = "local parts may end in -- and a correlation suffix of the gateway"},
{"reply_to_external", KNOB_BOOL, "off", .scope = "g", .section = "addresses",
 .help = "a SIP Reply-To outside the gateway's domains becomes a Reply-To of the mail"},
{"anon_mode", KNOB_ENUM, "literal", .words = "literal|alias", .scope = "gd", .section = "addresses",
 .help = "From of a private message: anonymous.invalid, or an alias that can be answered"},

/* ---- the mail ---- */
{"max_mail_out", KNOB_SIZE, "25 MiB", .min = 64 * KIB, .max = 2047 * MIB, .scope = "gd", .section = "mail",
 .help = "largest mail that is sent"},
{"max_attachments", KNOB_INT, "20", .min = 0, .max = 1000, .scope = "g", .section = "mail", .help = "most attachments of a message"},
{"max_mime_depth", KNOB_INT, "10", .min = 1, .max = 100, .scope = "g", .section = "mail", .help = "deepest nesting of multiparts"},
{"max_mime_parts", KNOB_INT, "200", .min = 1, .max = 10000, .scope = "g", .section = "mail", .help = "most parts of a message"},
{"notify_default", KNOB_ENUM, "FAILURE", .words = "FAILURE|NEVER", .scope = "g", .section = "mail",
 .help = "NOTIFY of a message for which no delivery report was asked"},
{"want_delay", KNOB_BOOL, "off", .scope = "g", .section = "mail", .help = "ask for DELAY reports as well"},
{"ret_policy", KNOB_ENUM, "HDRS", .words = "HDRS|FULL", .scope = "g", .section = "mail", .help = "what a bounce brings back"},
{"by_standalone", KNOB_DURATION, "86400", .min = 60, .max = 999999999, .scope = "gd", .section = "mail",
 .help = "DELIVERBY time of a message without Expires, and the most for one with"},
{"by_mode", KNOB_ENUM, "N", .words = "N|R", .scope = "gd", .section = "mail", .help = "late mails: notify (N) or return (R)"},
{"request_mdn", KNOB_BOOL, "on", .scope = "gde", .section = "mail", .help = "a wanted display report becomes Disposition-Notification-To"},
{"importance_header", KNOB_BOOL, "on", .scope = "g", .section = "mail", .help = "write Importance beside X-Priority"},
{"reply_subject", KNOB_BOOL, "on", .scope = "g", .section = "mail",
 .help = "a message without Subject gets that of the mail user's last mail in its conversation, with Re:"},
{"thread_by_conversation", KNOB_BOOL, "on", .scope = "g", .section = "mail",
 .help = "References also where a message does not say what it answers, if the mail user has written in its conversation"},

/* ---- mail that comes in ---- */
{"smtp_listen", KNOB_LIST, "smtp:*:25", "smtp:127.0.0.1:2525", .scope = "g", .section = "incoming", .check = check_mail_listen,
 .help = "where mail is taken: smtp:ADDRESS:PORT, lmtp:ADDRESS:PORT or lmtp:/PATH"},
{"max_mail_in", KNOB_SIZE, "25 MiB", .min = 1 * KIB, .max = 2047 * MIB, .scope = "g", .section = "incoming",
 .help = "largest mail that is taken"},
{"max_rcpt_in", KNOB_INT, "100", .min = 1, .max = 10000, .scope = "g", .section = "incoming", .help = "most recipients of a mail that is taken"},
{"max_received", KNOB_INT, "30", .min = 1, .max = 1000, .scope = "g", .section = "incoming",
 .help = "most Received fields: a mail with more is in a loop"},
{"smtputf8", KNOB_BOOL, "off", .scope = "g", .section = "incoming", .help = "offer SMTPUTF8"},
{"deliverby_in", KNOB_BOOL, "on", .scope = "g", .section = "incoming", .help = "offer DELIVERBY"},
{"require_tls_in", KNOB_BOOL, "off", .scope = "g", .section = "incoming", .help = "mail is taken under TLS only"},
{"postmaster_target", KNOB_STRING, .scope = "g", .section = "incoming", .check = check_address,
 .help = "mail address that gets what comes for postmaster, abuse and mailer-daemon"},
{"no_mail_for", KNOB_LIST, .scope = "g", .section = "incoming", .check = check_uri,
 .help = "URIs of CPM users who take no mail (550)"},
{"blocked_peers", KNOB_LIST, .scope = "g", .section = "incoming", .check = check_network,
 .help = "networks and addresses that may not connect (554)"},
{"rate_mail", KNOB_INT, "30", .min = 0, .max = 1000000, .scope = "g", .section = "incoming",
 .help = "most mails of one sender in a minute; more get 450; 0: any number"},
{"max_sessions", KNOB_INT, "1000", .min = 1, .max = 1000000, .scope = "g", .section = "incoming", .help = "most SMTP and LMTP sessions at a time"},
{"max_sessions_per_peer", KNOB_INT, "50", .min = 1, .max = 1000000, .scope = "g", .section = "incoming",
 .help = "most of them from one address"},
{"smtp_timeout_in", KNOB_DURATION, "300", .min = 1, .max = 3600, .scope = "g", .section = "incoming",
 .help = "how long a session may be without a command, or without an octet of a mail"},

/* ---- mail to CPM ---- */
{"sender_auth", KNOB_ENUM, "dmarc-or-mac", .words = "none|spf|dkim|dmarc|mac|dmarc-or-mac", .scope = "gd", .section = "messages",
 .help = "what shows that a mail is from whom it says: results of the front mail server, or a signed id of ours that it answers"},
{"auth_results_from", KNOB_LIST, .scope = "g", .section = "messages", .check = check_network,
 .help = "networks, addresses or the word local (Unix socket, pipe) of the peers whose Authentication-Results count"},
{"authserv_id", KNOB_STRING, .scope = "gd", .section = "messages", .check = check_domain,
 .help = "authserv-id of the Authentication-Results that count; default: gateway"},
{"unverified", KNOB_ENUM, "mark", .words = "reject|mark|drop", .scope = "gd", .section = "messages",
 .help = "a mail whose sender could not be verified: failed (5.7.1), marked in the display name, or dropped"},
{"auto_mail", KNOB_ENUM, "generated", .words = "generated|none|all", .scope = "gd", .section = "messages",
 .help = "automatic mail: pass on alerts and lists but no automatic answers, nothing, or everything"},
{"map_reply_to", KNOB_BOOL, "off", .scope = "g", .section = "messages", .help = "Reply-To of the mail becomes Reply-To of the message"},
{"subject_in_text", KNOB_ENUM, "new", .words = "never|new|always", .scope = "gdu", .section = "messages",
 .help = "which messages carry the Subject (in their CPIM header): none, the first of a conversation, all"},
{"list_history", KNOB_BOOL, "off", .scope = "g", .section = "messages",
 .help = "tell a recipient of the others even where the list makes the request larger than pager_max"},
{"list_service_uri", KNOB_STRING, .scope = "g", .section = "messages", .check = check_sip_uri,
 .help = "URI of a list server that gets one message for all recipients of a mail"},
{"reply_marker", KNOB_STRING, "=== Please write above this line ===", .scope = "g", .section = "messages",
 .help = "line above which an answer stands; empty: none"},
{"strip_sig_new", KNOB_BOOL, "off", .scope = "gd", .section = "messages", .help = "cut signatures off new mails, too"},
{"keep_original", KNOB_BOOL, "off", .scope = "gd", .section = "messages", .help = "attach the mail itself"},
{"encrypted_mode", KNOB_ENUM, "placeholder", .words = "placeholder|refuse", .scope = "gd", .section = "messages",
 .help = "a mail that cannot be read because it is encrypted: a line that says so and the mail attached, or failed (5.6.1)"},
{"attachment_mode", KNOB_ENUM, "auto", .words = "auto|inline-multipart|separate|drop-note", .scope = "gdu", .section = "messages",
 .help = "attachments: in the message, as messages of their own, or only named; auto: what the peer is known to take, else separate"},
{"blocked_types", KNOB_LIST, "exe, js, scr, bat, cmd, com, pif, vbs, vbe, jse, wsf, wsh, msi, jar, ps1, hta, cpl, lnk, reg", .scope = "gd", .section = "messages",
 .help = "extensions and media types of attachments that are only named"},
{"pager_max", KNOB_INT, "1300", .min = 500, .max = 1000000, .scope = "g", .section = "messages",
 .help = "most octets of a complete MESSAGE that may go by UDP hops"},
{"pager_reserve", KNOB_INT, "150", .min = 0, .max = 10000, .scope = "g", .section = "messages",
 .help = "octets of it that are left to the proxies on the way"},
{"message_over_tcp", KNOB_BOOL, "on", .scope = "gu", .section = "messages",
 .help = "a larger MESSAGE goes by TCP or TLS; off: what does not fit pager_max fails (5.3.4)"},
{"max_large_in", KNOB_SIZE, "10 MiB", .min = 1 * KIB, .max = 2047 * MIB, .scope = "gd", .section = "messages",
 .help = "largest content of one message; larger attachments are only named"},
{"kw_accept", KNOB_LIST, "accept, yes, join", .scope = "gde", .section = "messages", .help = "words that accept an invitation"},
{"kw_reject", KNOB_LIST, "reject, decline, no", .scope = "gde", .section = "messages", .help = "words that reject an invitation"},
{"kw_leave", KNOB_LIST, "leave, quit, bye, stop", .scope = "gde", .section = "messages", .help = "words that leave a conversation"},
{"kw_subject", KNOB_BOOL, "on", .scope = "g", .section = "messages", .help = "look for such a word in the Subject when the text is empty"},

/* ---- the way of a mail ---- */
{"next_hop_smarthost", KNOB_STRING, .scope = "gd", .section = "routing", .check = check_smarthost,
 .help = "HOST[:PORT] that gets all mail, or maildir:PATH; default: ask the DNS"},
{"smarthost_auth", KNOB_PAIR, .scope = "g", .section = "routing", .check = check_user_file,
 .help = "user name at the smarthost and file with the password; used only after STARTTLS"},
{"smtp_port", KNOB_INT, "25", .min = 1, .max = 65535, .scope = "gd", .section = "routing", .help = "port of mail servers"},
{"smtp_idle", KNOB_DURATION, "60", .min = 0, .max = 300, .scope = "g", .section = "routing",
 .help = "how long an idle connection to a mail server is kept"},
{"smtp_connections", KNOB_INT, "100", .min = 1, .max = 10000, .scope = "g", .section = "routing",
 .help = "most connections to mail servers at a time, of one process"},
{"smtp_connections_per_host", KNOB_INT, "20", .min = 1, .max = 1000, .scope = "g", .section = "routing",
 .help = "most of them to one destination"},
{"smtp_patience", KNOB_DURATION, "2", .min = 1, .max = 300, .scope = "g", .section = "routing",
 .help = "how long the main lane waits for a mail server before it hands its mails to the slow lane"},
{"smtp_engine", KNOB_ENUM, "auto", .words = "auto|direct|submit", .scope = "gd", .section = "routing",
 .help = "what talks to mail servers: our own client, libesmtp, or (auto) libesmtp for a smarthost with smarthost_auth only"},
{"dns_server", KNOB_LIST, .scope = "g", .section = "routing", .check = check_numeric,
 .help = "ADDRESS[:PORT] of the name servers; default: those of resolv.conf(5)"},
{"naptr_lookup", KNOB_BOOL, "on", .scope = "gd", .section = "routing", .help = "ask for NAPTR before MX"},
{"naptr_services", KNOB_LIST, "SMTP+D2T", .scope = "gd", .section = "routing", .help = "NAPTR services that mean a mail server"},
{"enum_suffix", KNOB_STRING, "e164.arpa", .scope = "gd", .section = "routing", .check = check_domain,
 .help = "where telephone numbers are looked up (ENUM); empty: nowhere"},

/* ---- outcomes ---- */
{"on_transient", KNOB_ENUM, "reject", .words = "reject|queue", .scope = "gd", .section = "outcomes",
 .help = "a temporary refusal of the mail server: tell the sender, or take the message and try again"},
{"queue_lifetime", KNOB_DURATION, "4h", .min = 60, .max = 30 * DAY, .scope = "g", .section = "outcomes",
 .help = "how long a queued mail is tried"},
{"dedupe_window", KNOB_DURATION, "24h", .min = 60, .max = 30 * DAY, .scope = "g", .section = "outcomes",
 .help = "how long a message that was sent again is recognised"},
{"state_ttl", KNOB_DURATION, "7d", .min = 3600, .max = 365 * DAY, .scope = "g", .section = "outcomes",
 .help = "how long message ids are remembered for replies and reports"},
{"group_addr_grace", KNOB_DURATION, "30d", .min = 3600, .max = 3650 * DAY, .scope = "g", .section = "outcomes",
 .help = "how long a group's address or the alias of a private sender takes mail after its last use"},
{"assume_delivered_on_250", KNOB_BOOL, "off", .scope = "gd", .section = "outcomes",
 .help = "tell the sender that a mail was delivered when the next mail server takes it: for domains whose servers send no DSN"},
{"relayed_is_delivered", KNOB_BOOL, "off", .scope = "gd", .section = "outcomes",
 .help = "tell the sender that a mail was delivered when it was relayed to where no DSN comes from"},
{"display_implies_delivered", KNOB_BOOL, "on", .scope = "gd", .section = "outcomes",
 .help = "a mail that was displayed was delivered: tell the sender, if nobody has yet"},
{"mdn_deleted", KNOB_BOOL, "off", .scope = "g", .section = "outcomes",
 .help = "tell the sender (display error) when a mail was deleted unread"},
{"mdn_error", KNOB_BOOL, "off", .scope = "g", .section = "outcomes",
 .help = "tell the mail user (MDN processed/error) when it is unknown whether a message was displayed"},
{"dsn_wait", KNOB_DURATION, "5d", .min = 60, .max = 365 * DAY, .scope = "g", .section = "outcomes",
 .help = "how long after a mail was sent a DSN about it counts"},
{"imdn_wait", KNOB_DURATION, "24h", .min = 1, .max = 30 * DAY, .scope = "g", .section = "outcomes",
 .help = "how long a delivery report of a CPM user is waited for before the mail user is told that the message was relayed"},
{"delay_warning", KNOB_DURATION, "4h", .min = 1, .max = 30 * DAY, .scope = "g", .section = "outcomes",
 .help = "when a mail user is told that his message is still being tried"},
{"inline_result", KNOB_BOOL, "off", .scope = "g", .section = "outcomes",
 .help = "a mail of one recipient, or by LMTP, is answered with what the SIP side says of it, after one try, in place of a DSN"},
{"resend_max", KNOB_INT, "3", .min = 0, .max = 100, .scope = "g", .section = "outcomes",
 .help = "how often a report to a CPM user is tried again"},

/* ---- seeing ---- */
{"metrics_dir", KNOB_STRING, .scope = "g", .section = "seeing",
 .help = "directory where each program keeps a file of counters for Prometheus (the node exporter's textfile directory)"},
{"hep_address", KNOB_STRING, .scope = "g", .section = "seeing", .check = check_numeric,
 .help = "ADDRESS[:PORT] of a HEP3 capture server (Homer, sngrep) that gets the SIP traffic and the events of each message; port 9060"},
{"hep_capture_id", KNOB_INT, "2001", .min = 0, .max = 4294967295LL, .scope = "g", .section = "seeing",
 .help = "the number under which the capture server knows this gateway"},
{"hep_password", KNOB_STRING, .scope = "g", .section = "seeing", .help = "file with the authentication key of the capture server"},
{0}
};
/* clang-format on */

size_t knob_count(void)
{
	return sizeof(knobs) / sizeof(knobs[0]) - 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(knobs[*(const unsigned char *)a].name, knobs[*(const unsigned char *)b].name);
}

int knob_find(const char *name)
{
	static unsigned char sorted[sizeof(knobs) / sizeof(knobs[0])];
	static bool ready;
	size_t n = knob_count();
	_Static_assert(sizeof(knobs) / sizeof(knobs[0]) < 256, "indexes fit in an octet");
	if (!ready) {
		for (size_t i = 0; i < n; i++)
			sorted[i] = (unsigned char)i;
		qsort(sorted, n, 1, by_name);
		ready = true;
	}
	for (size_t lo = 0, hi = n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(name, knobs[sorted[mid]].name);
		if (order == 0)
			return sorted[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return -1;
}

const char *knob_type_name(enum knob_type t)
{
	static const char *const names[] = {"string", "integer", "size", "duration", "boolean",
					    "word",   "list",	 "pair", "pairs"};
	return names[t];
}
