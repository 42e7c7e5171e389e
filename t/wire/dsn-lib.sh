# dsn-lib.sh - a message goes out as a mail to a real mail server, whose DSN comes back, becomes a receipt, and an IMDN where one was asked for.
#
# Wants $smtp (port of the mail server), $gateway (port of smtp-listen); gives message, receipt, dsn, imdn.

need jq python3
edge=$scratch/edge
mkdir "$edge"
openssl rand -hex 32 >"$scratch/key"
chmod 600 "$scratch/key"
cat >"$scratch/conf" <<END_CONF
gateway = "mailgw.ims.example.net";
mail_domain = "rcs.example.net";
sip_domains = [ "mailgw.ims.example.net", "ims.example.net" ];
domain_map = ( ("ims.example.net", "rcs.example.net") );
msgid_key = [ "$scratch/key" ];
next_hop_smarthost = "127.0.0.1:$smtp";
tls_mode = "off";
want_delay = true;
END_CONF
chmod 644 "$scratch/conf"

# ---- the gateway's way in ----
start listen bash -c 'exec 8>"$1"; shift; exec smtp-listen --ready-fd 8 "$@"' - "$scratch/ready" -c "$scratch/conf" -l "smtp:127.0.0.1:$gateway" \
	-o "mail.in=$edge/mail2cpm"
check "smtp-listen is ready" until_ok 20 test -s "$scratch/ready"
start mail2cpm mail2cpm -c "$scratch/conf" -i "$edge/mail2cpm" -o "receipt=$edge/report" -o "sip.send=$edge/sip-route" -o "sip.result=$edge/report" \
	-o "mail.out=$edge/mail-route" -o "thread=$edge/cpm2mail"
start report report -c "$scratch/conf" -i "$edge/report" -o "sip.response=$edge/sip-listen" -o "sip.forget=$edge/cpm2mail" -o "mail.out=$edge/mail-route" \
	-o "sip.send=$edge/imdn"

# mail_of NAME ADDRESS...: a MESSAGE of Alice's with both delivery reports asked for, to each address a mail of its own:
# mail.out in $scratch/NAME.out.
mail_of() {
	local name=$1 address n=0
	shift
	for address; do
		n=$((n + 1))
		jq -c --arg uri "sip:${address/@/%40}@mailgw.ims.example.net" --arg id "01jc000000000000000000$(printf '%04x' "$((RANDOM % 60000 + n))")" \
			--arg n "$name-$n" '.sip.body.text |= (join("\r\n") | sub("Kx81mDq0ZpT4"; $n)) | .id = $id | .trace = $id | .sip.uri = $uri |
			.sip.headers |= map(if .[0] == "Call-ID" then .[1] = $n elif .[0] == "Contribution-ID" then .[1] = "c-" + $n
				elif .[0] == "To" then .[1] = "<" + $uri + ">" else . end) | .sip.transaction = $n | .sip.received = (now * 1000 | floor) | del(.sip.answer_by)' \
			"$SOURCE/t/map/t1-notify-both/in.json"
	done | cpm2mail -c "$scratch/conf" 2>>"$scratch/out.log" | jq -c 'select(.type | startswith("mail.out"))' >"$scratch/$name.out"
}
# message NAME ADDRESS...: the same, handed to the server; what that said in $scratch/NAME.result.
message() {
	local name=$1
	mail_of "$@"
	mail-route -c "$scratch/conf" <"$scratch/$name.out" 2>>"$scratch/out.log" | smtp-send -c "$scratch/conf" >"$scratch/$name.result" 2>>"$scratch/out.log"
	spool-put "$edge/report" <"$scratch/$name.result" 2>>"$scratch/out.log"
}
receipts() { jq -c 'select(.type == "receipt").receipt' "$CPMAIL_TAP" 2>/dev/null; }
# receipt NAME ACTION: the receipt about the (only) mail of message NAME that has this action.
receipt() {
	receipts | jq -c --arg id "$(jq -r .mail.message_id "$scratch/$1.out" | head -n 1)" --arg action "$2" \
		'select(any(.about.msg_ids[]?; . == $id) and any(.reports[]; .action == $action))' | head -n 1
}
has_receipt() { [ -n "$(receipt "$1" "$2")" ]; }
# dsn NAME ADDRESS ACTION STATUS [JQ]: the message goes out, is taken, and this is what comes back. JQ: what else must hold of the receipt.
dsn() {
	message "$1" "$2"
	same "$1: the server takes the mail" done "$(jq -r 'select(.type == "mail.result").mail.results[0].outcome' "$scratch/$1.result")"
	check "$1: a receipt comes: $3" until_ok 40 has_receipt "$1" "$3"
	receipt "$1" "$3" >"$scratch/$1.receipt"
	check "$1: one mail went out" [ "$(wc -l <"$scratch/$1.out")" = 1 ]
	same "$1: from <>, by ENVID, by Message-ID, for Alice" "$(jq -c '["dsn", (.mail.envid // null), .mail.message_id, "alice@rcs.example.net"]' "$scratch/$1.out")" \
		"$(jq -c '[.source, .about.envid, .about.msg_ids[0], .rcpt]' "$scratch/$1.receipt")"
	check "$1: recipient and status" jq -es --arg a "$2" --arg s "$4" \
		'any(.[].reports[]; (.original // .final) == $a and (.status | test($s)))' "$scratch/$1.receipt"
	[ -z "${5:-}" ] || check "$1: $5" jq -es "any(.[]; $5)" "$scratch/$1.receipt"
}
# imdn NAME STATUS: the sender of message NAME is told so, as RFC 5438 has it.
told() {
	spool-cat "$edge/imdn" 2>/dev/null | jq -c --arg id "<message-id>$1-1</message-id>" --arg status "<delivery-notification><status><$2/></status>" \
		'select((.sip.body.text | contains($id)) and (.sip.body.text | contains($status))) | [.sip.method, .sip.uri]'
}
is_told() { [ -n "$(told "$1" "$2")" ]; }
imdn() {
	check "$1: Alice is told: $2" until_ok 30 is_told "$1" "$2"
	same "$1: once, in a MESSAGE to her" '["MESSAGE","sip:alice@ims.example.net"]' "$(told "$1" "$2")"
}
# And no more than N of them.
imdns() { same "no other IMDN" "$1" "$(spool-cat "$edge/imdn" 2>/dev/null | wc -l)"; }
# What came back became receipts, nothing else.
nothing_else() {
	same "no report became a message" "" "$(spool-cat "$edge/sip-route" 2>/dev/null)"
	same "or a mail" "" "$(spool-cat "$edge/mail-route" 2>/dev/null)"
	same "and nothing was set aside" "" "$(find "$edge" -path '*/fail/*' -type f)"
	check "nothing from the sanitizers" sh -c "! grep -e Sanitizer -e 'runtime error' '$scratch'/*.log"
}
