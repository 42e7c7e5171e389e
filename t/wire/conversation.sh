#!/bin/bash
# A conversation of twenty turns between Linphone, whose proxy speaks CPM for it (Kamailio), and a mail user behind Postfix: every message delivered and displayed, told to
# both; one Conversation-ID, the right In-Reply-To and References; everything restarted in the middle; then Postfix gives the gateway's mails other Message-IDs on their way.
. "$(dirname "$0")/../lib/wire.sh"
. "$SOURCE/t/lib/peers.sh"
need runsvdir sv sipsak python3 jq linphonec kamailio
need_postfix
python3 -c 'import ctypes; ctypes.CDLL("liblinphone.so.10")' 2>/dev/null || skip_all "liblinphone is not installed"
turns=${TURNS:-20}
conversation=f81d4fae7dec11d0a76500a0c91e6bf6

# ---- the gateway: mail goes to Postfix, and comes from it by LMTP ----
. "$SOURCE/scripts/gateway.sh"
root=$scratch/gateway
port=$(free_port)
gateway_prepare
proxy=$(free_port) phone=$(free_port) smtp=$(free_port) submission=$(free_port)
mkdir -m 755 "$scratch/socket"
sed -i -e "s/^outbound_proxy = .*/outbound_proxy = \"sip:127.0.0.1:$proxy\";/" -e "s/^next_hop_smarthost = .*/next_hop_smarthost = \"127.0.0.1:$submission\";/" \
	-e "s|^smtp_listen = .*|smtp_listen = [ \"smtp:127.0.0.1:$mailport\", \"lmtp:$scratch/socket/lmtp\" ]; rate_mail = 0; subaddress = true;|" "$root/cpmail.conf"
gateway_start
pids+=("$tree")
check "the gateway is ready" until_ok 30 gateway_ready

# ---- Postfix: the gateway's mails come in by a port of their own, where Message-IDs can be rewritten ----
boxes=$scratch/boxes
box=$boxes/example.org/bob
mkdir -p "$boxes"
chown 5000:5000 "$boxes"
echo 'bob@example.org example.org/bob/' >"$postfix/etc/boxes"
echo "gateway.example.net lmtp:unix:$scratch/socket/lmtp" >"$postfix/etc/transport"
: >"$postfix/etc/rewrite"
postfix_start "$smtp" "127.0.0.1:$submission inet n - n - - smtpd" "  -o cleanup_service_name=rewrite" "rewrite unix n - n - 0 cleanup" \
	"  -o header_checks=regexp:$postfix/etc/rewrite" <<END
virtual_mailbox_domains = example.org
virtual_mailbox_base = $boxes
virtual_mailbox_maps = texthash:$postfix/etc/boxes
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
relay_domains = gateway.example.net
transport_maps = texthash:$postfix/etc/transport
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
END

# ---- Kamailio: a registrar, and for a client that knows nothing of CPM the headers of the conversation ----
# kamailio_write LAST: the Contribution-ID that Linphone got last, "" = none.
kamailio_write() {
	cat >"$scratch/kamailio.cfg" <<END
debug=1
log_stderror=yes
children=2
listen=udp:127.0.0.1:$proxy
listen=tcp:127.0.0.1:$proxy
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "htable.so"
modparam("htable", "htable", "c=>size=4;")
event_route[htable:mod-init] { \$sht(c=>last) = "$1"; }
request_route {
	if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
	if (is_method("REGISTER")) { save("location"); exit; }
	remove_hf("Route");
	\$var(text) = 1;
	if (search_body("imdn\\+xml")) { \$var(text) = 0; }
	if (\$rd == "gateway.example.net") {
		\$du = "sip:127.0.0.1:$port;transport=tcp";
		if (\$var(text) == 1) {
			append_hf("Conversation-ID: $conversation\r\n");
			append_hf("Contribution-ID: \$(ci{s.md5})\r\n");
			if (\$sht(c=>last) != "") { append_hf("InReplyTo-Contribution-ID: \$sht(c=>last)\r\n"); }
		}
	} else if (!lookup("location")) {
		sl_send_reply("404", "Not Found");
		exit;
	} else if (\$var(text) == 1 && is_present_hf("Contribution-ID")) {
		\$sht(c=>last) = \$hdr(Contribution-ID);
	}
	t_relay();
}
END
}

# ---- Linphone ----
# phone_begin N: the N-th run of it; its words are in $scratch/heard.N.
phone_begin() {
	run=$1
	rm -f "$scratch/say"
	mkfifo "$scratch/say"
	start "phone$run" bash -c 'exec "$@" <"$0" >'"'$scratch/heard.$run'" "$scratch/say" \
		"$SOURCE/t/wire/linphone-phone" "$scratch/phone" "$proxy" "$phone" sip:alice@ims.example.net sip:bob%40example.org@gateway.example.net
	exec 7>"$scratch/say"
	check "Linphone is ready" until_ok 30 grep -q '^ready' "$scratch/heard.$run"
}
heard() { [ "$(grep -c "^$1" "$scratch/heard.$run")" -ge "$2" ]; }
bob() { "$SOURCE/t/wire/mail-user" "$box" "$smtp" bob@example.org "$@"; }

# ---- turns ----
root_id='' last_mid='' last_path='' last_contribution='' contribution='' said=0 started=0
# The record of what went to Linphone with this text: [Conversation-ID, InReplyTo-Contribution-ID, Contribution-ID].
sent_record() {
	jq -c --arg text "$1" 'select((.type | startswith("sip.send")) and ((.sip.body.text // "") | contains($text))) |
		[.sip.headers[] | {key: .[0], value: .[1]}] | from_entries | [."Conversation-ID", ."InReplyTo-Contribution-ID", ."Contribution-ID"]' "$CPMAIL_TAP" | tail -n 1
}
# The record of the mail with this text: [Contribution-ID of its MESSAGE, its Message-ID as we wrote it].
taken_record() {
	jq -sc --arg text "$1" '([.[] | select(.type == "sip.request" and ((.sip.body.text // "") | contains($text)))] | last) as $r |
		([.[] | select((.type | startswith("mail.out")) and ((.mail.body.text // "") | contains($text)) and .mail.message_id != null)] | first) as $m |
		[($r.sip.headers[] | select(.[0] == "Contribution-ID") | .[1]), $m.mail.message_id]' "$CPMAIL_TAP"
}
# phone_turn N: Linphone -> mail; delivered, displayed.
phone_turn() {
	local text="Turn $1: how about $((RANDOM + 1000)) boxes?" mail ours
	said=$((said + 1))
	echo "send $text" >&7
	check "turn $1: Linphone's message is a mail" until_ok 30 bob find "$text"
	mail=$(bob find "$text")
	[ -n "$mail" ] || return
	check "  which is told to be delivered" until_ok 30 heard delivered "$said"
	bob mdn "$(jq -r .path <<<"$mail")"
	check "  and displayed" until_ok 30 heard displayed "$said"
	ours=$(taken_record "$text")
	contribution=$(jq -r '.[0]' <<<"$ours")
	[ -n "$root_id" ] || root_id=$(jq -r .mid <<<"$mail")
	if [ -n "$last_mid" ]; then
		same "  In-Reply-To: Bob's last mail; References: from the first to it" "[\"$last_mid\",\"$root_id\",\"$last_mid\"]" \
			"$(jq -c '[.inreplyto, .references[0], .references[-1]]' <<<"$mail")"
	fi
	if [ -s "$postfix/etc/rewrite" ]; then
		contribution=$last_contribution # the newest that an answer to it names and we know: Bob's own before it (7.2)
		check "  its Message-ID is not ours any more" sh -c '[ "$1" != "<$2>" ]' - "$(jq -r .mid <<<"$mail")" "$(jq -r '.[1]' <<<"$ours")"
	else
		same "  its Message-ID" "<$(jq -r '.[1]' <<<"$ours")>" "$(jq -r .mid <<<"$mail")"
	fi
	last_path=$(jq -r .path <<<"$mail")
}
# mail_turn N STYLE: an answer by mail -> Linphone; delivered, displayed.
mail_turn() {
	local text="Turn $1: make it $((RANDOM + 1000)), please." record
	last_mid=$(bob reply "$last_path" "$2" "$text" "turn$1")
	check "turn $1: Linphone gets the mail ($2)" until_ok 30 grep -q "^came .*$text" "$scratch/heard.$run"
	if [ "$2" = inline ]; then # an answer below what it answers keeps that
		check "  below what it answers, without signature" grep -q "^came On .*> Turn $(($1 - 1)): .*\\\\n$text\$" "$scratch/heard.$run"
	else
		same "  without quotes and signature" "came $text" "$(grep "$text" "$scratch/heard.$run")"
	fi
	record=$(sent_record "$text")
	same "  in its conversation, as the answer to the last message of it that is known" "[\"$conversation\",\"$contribution\"]" "$(jq -c '.[:2]' <<<"$record")"
	last_contribution=$(jq -r '.[2]' <<<"$record")
	check "  told to be delivered" until_ok 30 bob report "turn$1"
	echo read >&7
	check "  and displayed" until_ok 30 bob report "$last_mid"
	same "  each once" "delivered 2.1.5, displayed" "$(bob report "turn$1"), $(bob report "$last_mid")"
}
styles=(top gmail inline)
# talk FROM TO
talk() {
	local n
	for n in $(seq "$1" "$2"); do
		if [ "$tap_failed" != 0 ]; then # each of its checks would wait for what cannot come
			fail "turn $n"
			continue
		fi
		if [ $((n % 2)) = 1 ]; then phone_turn "$n"; else mail_turn "$n" "${styles[n / 2 % 3]}"; fi
	done
}

kamailio_write ""
kamailio_start "$scratch/kamailio.cfg" "$proxy"
kamailio=$last_pid
phone_begin 1
talk 1 $((turns / 2))

# ---- everything ends, and begins again ----
exec 7>&-
kill -TERM "$kamailio"
gateway_stop
postfix -c "$postfix/etc" stop >/dev/null 2>&1
# Postfix gives what the gateway hands in another Message-ID.
echo '/^Message-ID:[[:space:]]*<?m\.[^.]*\.([^.]*)\./ REPLACE Message-ID: <$1.other@mta.example.org>' >"$postfix/etc/rewrite"
until_ok 20 bash -c "! kill -0 $kamailio"
said=0
gateway_start
pids+=("$tree")
check "restarted: the gateway is ready" until_ok 30 gateway_ready
start postfix2 postfix -c "$postfix/etc" start-fg
check "restarted: Postfix listens" wait_tcp "$smtp" 20
pids+=("$(tr -d ' ' <"$postfix/queue/pid/master.pid")")
kamailio_write "$last_contribution"
kamailio_start "$scratch/kamailio.cfg" "$proxy"
phone_begin 2
talk $((turns / 2 + 1)) "$turns"

# ---- afterwards ----
sleep 1
same "Linphone heard each of Bob's words once, and no report as a text" "$((turns / 2))" "$(cat "$scratch"/heard.* | grep -c '^came')"
same "nothing was refused" "" "$(grep -h -e '^refused' "$scratch"/heard.*)"
same "nothing failed, nothing waits" "" "$(spool-cat -s fail "$root"/{report,mail2cpm,cpm2mail,sip-route,sip-send,mail-route,smtp-send} 2>/dev/null | jq -c .fail)"
check "Postfix has delivered everything" bash -c "! find '$postfix/queue/deferred' '$postfix/queue/active' -type f | grep -q ."
finish
