#!/bin/bash
# smtp-listen and mail-inject: swaks, TLS, LMTP on a Unix socket, abuse, and death under load.
. "$(dirname "$0")/../lib/wire.sh"
need swaks python3 jq openssl
client=$SOURCE/t/wire/smtp-client
ulimit -n "$(ulimit -H -n)"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=gw -keyout "$scratch/key" -out "$scratch/cert" 2>"$scratch/openssl.log"
cat >"$scratch/conf" <<END
gateway = "mailgw.ims.example.net";
mail_domain = "rcs.example.net";
sip_domains = [ "ims.example.net" ];
domain_map = ( ("ims.example.net", "rcs.example.net") );
addr_map = ( ("sip:carol@ims.example.net", "carol@example.com") );
no_mail_for = [ "tel:+14155550199" ];
postmaster_target = "keeper@example.org";
tls_cert = "$scratch/cert";
tls_key = "$scratch/key";
max_mail_in = "1 MiB";
max_received = 5;
rate_mail = 0;
max_sessions = 9000;
max_sessions_per_peer = 8000;
END
# edge NAME [OPTION...]: smtp-listen on $port and $scratch/NAME.sock, ready.
edge() {
	local name=$1
	shift
	rm -f "$scratch/$name.ready"
	start "$name" bash -c 'exec 8>"$1"; out=$2; shift 2; exec smtp-listen --ready-fd 8 "$@" >"$out"' - "$scratch/$name.ready" \
		"$scratch/$name.out" -c "$scratch/conf" -l "smtp:127.0.0.1:$port" -l "lmtp:$scratch/$name.sock" "$@"
	until_ok 20 test -s "$scratch/$name.ready" || diag "$scratch/$name.log"
}
port=$(free_port)
edge one
pid=$last_pid
last() { tail -n 1 "$scratch/one.out" | jq -rc "$1"; }
mail() { swaks -s 127.0.0.1 -p "$port" --from bob@example.org --ehlo client.example --silent 3 "$@"; }
talk() { "$client" "$port" talk "$@"; }
hello='EHLO c\r\nMAIL FROM:<bob@example.org>\r\n'
data="${hello}"'RCPT TO:<+14155550101@rcs.example.net>\r\nDATA\r\n'

# ---- mails ----
check "swaks hands over a mail" mail --to alice@rcs.example.net --header "Message-Id: <one@example.org>" --body "Hello."
same "who to whom" '["bob@example.org","alice@rcs.example.net","sip:alice@ims.example.net","one@example.org","client.example","smtp",false]' \
	"$(last '.mail | [.from, .to[0].address, .to[0].cpm, .message_id, .helo, .peer.protocol, .peer.tls]')"
check "the content has CRLF" [ "$(last '.mail.body.text | test("\r\n\r\nHello.\r\n")')" = true ]
check "TLS" mail -tls --to carol@example.com --header "Message-Id: <two@example.org>"
same "told in the record; addr_map's user" '[true,"sip:carol@ims.example.net"]' "$(last '.mail | [.peer.tls, .to[0].cpm]')"
head -c 300000 /dev/urandom | base64 >"$scratch/large"
check "a large mail" mail --to bob@rcs.example.net --attach "@$scratch/large"
blob=$(last .mail.body.blob)
same "its body is a blob of its size" "$(last .mail.size)" "$(stat -c %s "${TMPDIR:-/tmp}/cpmail-blob-$(id -u)/$blob")"
rm -f "${TMPDIR:-/tmp}/cpmail-blob-$(id -u)/$blob"
talk "$data" 'Message-ID: <r@x>\r\n\r\nx\r\n.\r\n' >"$scratch/t"
talk "$data" 'Message-ID: <r@x>\r\n\r\nx\r\n.\r\n' >"$scratch/t"
same "the same mail again has the same id" 1 "$(tail -n 2 "$scratch/one.out" | jq -r .id | sort -u | wc -l)"
check "postmaster" mail --to postmaster@rcs.example.net
same "goes to its keeper" '[true,"keeper@example.org"]' "$(last '.mail.to[0] | [.role, .forward]')"
talk 'EHLO c\r\nMAIL FROM:<> RET=HDRS ENVID=e1 BY=60;N\r\nRCPT TO:<postmaster> NOTIFY=NEVER ORCPT=rfc822;p@x\r\nDATA\r\nA: b\r\n\r\n.\r\n' >"$scratch/t"
same "DSN and DELIVERBY, the null reverse-path" '["","HDRS","e1",60,"N",["NEVER"],"rfc822;p@x","postmaster@rcs.example.net"]' \
	"$(last '.mail | [.from, .ret, .envid, .by.seconds, .by.mode, .to[0].notify, .to[0].orcpt, .to[0].address]')"
check "LMTP on a Unix socket" swaks --socket "$scratch/one.sock" --protocol LMTP --silent 3 --from bob@example.org --to bob@rcs.example.net,alice@rcs.example.net
same "one record for both" '[2,"lmtp","unix"]' "$(last '[(.mail.to | length), .mail.peer.protocol, .mail.peer.transport]')"
"$client" "$scratch/one.sock" talk 'LHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<a@rcs.example.net>\r\nRCPT TO:<b@rcs.example.net>\r\nDATA\r\nA: b\r\n\r\n.\r\n' >"$scratch/t"
same "LMTP: a reply for each recipient" 2 "$(grep -c '^250 2.0.0' "$scratch/t")"
"$client" "$scratch/one.sock" talk 'LHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<a@rcs.example.net>\r\nRCPT TO:<a@rcs.example.net>\r\nDATA\r\nB: c\r\n\r\n.\r\n' >"$scratch/t"
same "named twice: two replies, one recipient" "2 1" "$(grep -c '^250 2.0.0' "$scratch/t") $(last '.mail.to | length')"
chunk='Message-ID: <chunk@x>\r\nSubject: chunks\r\n\r\n'
talk "${hello}RCPT TO:<+14155550101@rcs.example.net>\r\nBDAT 42\r\n${chunk}BDAT 5\r\n.\r\nQUBDAT 5 LAST\r\nIT\r\nxNOOP\r\n" >"$scratch/t"
same "CHUNKING: chunks in one write, each answered" "250-CHUNKING 250 2.0.0 250 2.0.0 250 2.0.0 250 2.0.0" \
	"$(grep -o -e '^250-CHUNKING' -e '^250 2.0.0' "$scratch/t" | paste -sd' ')"
same "their octets, with the line's end that was missing" '"\r\n\r\n.\r\nQUIT\r\nx\r\n"' "$(last '.mail.body.text | .[38:] | tojson')"
talk "${hello}RCPT TO:<+14155550101@rcs.example.net>\r\nBDAT 42\r\n${chunk}RSET\r\nMAIL FROM:<bob@example.org>\r\nRCPT TO:<+14155550101@rcs.example.net>\r\nDATA\r\n" 'B: c\r\n\r\n.\r\n' >"$scratch/t"
same "aborted in between: only the next mail" '"B: c\r\n\r\n"' "$(last '.mail.body.text | tojson')"
# smtp-send by libesmtp is a client that uses BDAT where it is offered.
jq -nc --argjson port "$port" --arg text "$(printf 'Message-ID: <send@x>\r\nSubject: x\r\n\r\nfrom a client\r\nx')" '
	{v: 1, id: "01jcaaaaaaaaaaaaaaaaaaaaaa", trace: "01jcaaaaaaaaaaaaaaaaaaaaaa", time: "2026-11-20T07:56:44.123Z", type: "mail.out", mail: {
		from: "bob@example.org", to: [{address: "alice@rcs.example.net"}], message_id: "send@x", size: ($text | utf8bytelength - 1),
		body: {type: "message/rfc822", text: $text[:-1]},
		route: {engine: "submit", domain: "rcs.example.net", hosts: [{name: "gw", port: $port, addresses: ["127.0.0.1"]}], tls: "off"}}}' |
	smtp-send -t 5 -e submit >"$scratch/send.out" 2>"$scratch/send.log"
same "a client with BDAT" '["250","send@x","from a client"]' \
	"$(jq -c --arg got "$(last '.mail | .message_id + " " + .body.text')" '[(.mail.results[0].code | tostring), ($got | split(" ")[0]), ($got | capture("(?<t>from a client)").t)]' "$scratch/send.out")"

# ---- refusals ----
taken=$(wc -l <"$scratch/one.out")
reply() { same "$1" "$2" "$(talk "${@:3}" | grep -v closed | tail -n 1 | cut -c 1-9)"; }
reply "no relaying" "550 5.7.1" "${hello}RCPT TO:<x@elsewhere.example>\r\n"
reply "undecodable" "553 5.1.3" "${hello}RCPT TO:<=zz@rcs.example.net>\r\n"
reply "opted out" "550 5.7.1" "${hello}RCPT TO:<+14155550199@rcs.example.net>\r\n"
reply "loop: Received" "554 5.4.6" "$data" "$(printf 'Received: x\\r\\n%.0s' 1 2 3 4 5 6)\r\nx\r\n.\r\n"
reply "loop: our own mark" "554 5.4.6" "$data" 'X-CPM-Gateway: mailgw.ims.example.net\r\n\r\nx\r\n.\r\n'
reply "smuggling LF.LF" "554 5.5.2" "$data" 'A: b\r\n\r\nx\n.\nMAIL FROM:<evil@example.org>\r\n.\r\n'
reply "smuggling LF.CRLF" "554 5.5.2" "$data" 'A: b\r\n\r\nx\n.\r\nMAIL FROM:<evil@example.org>\r\n.\r\n'
reply "smuggling CR.CR" "554 5.5.2" "$data" 'A: b\r\n\r\nx\r.\rMAIL FROM:<evil@example.org>\r\n.\r\n'
rcpt="${hello}"'RCPT TO:<+14155550101@rcs.example.net>\r\n'
reply "CHUNKING: a bare LF" "554 5.5.2" "${rcpt}BDAT 6 LAST\r\nA: b\n\n"
reply "CHUNKING: a CR whose LF never comes" "554 5.5.2" "${rcpt}BDAT 7\r\nA: b\r\n\rBDAT 1 LAST\r\nx"
reply "CHUNKING: DATA behind BDAT" "503 5.5.1" "${rcpt}BDAT 6\r\nA: b\r\nDATA\r\n"
reply "CHUNKING: a refused chunk is no command" "503 5.5.1" "${hello}BDAT 36 LAST\r\nMAIL FROM:<evil@example.org>\r\nRSET\r\n"
reply "CHUNKING: no size" "501 5.5.4" "${rcpt}BDAT x LAST\r\nNOOP\r\n"
reply "CHUNKING: far too big" "552 5.3.4" "${rcpt}BDAT 99999999999 LAST\r\n"
reply "a line without end" "500 5.5.6" "$(printf 'x%.0s' $(seq 2100))\r\n"
talk 'EHLO c\r\n' 'STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n' >"$scratch/t"
check "STARTTLS with something behind it: refused, closed" bash -c "grep -q '^503 5.5.1' '$scratch/t' && tail -n 1 '$scratch/t' | grep -q closed && ! grep -q '2.1.0' '$scratch/t'"
talk "$(head -c 30000 /dev/zero | tr '\0' 'y' | fold -w 70 | sed 's/$/\\r\\n/' | tr -d '\n')" >"$scratch/t"
same "pipelined garbage: 20 answers, then closed" "20 421 4.7.0" "$(grep -c '^500' "$scratch/t") $(grep -o '^421 4.7.0' "$scratch/t")"
same "nothing of these was taken" "$taken" "$(wc -l <"$scratch/one.out")"

# ---- abuse ----
rss() { awk '/^VmRSS/ {print $2}' "/proc/$pid/status"; }
before=$(rss)
same "far more than may be: refused" "552 5.3.4" "$("$client" "$port" flood 100000000 | cut -c 1-9)"
after=$(rss)
check "in the same memory ($before, $after KiB)" [ "$after" -lt $((before + 4096)) ]
mkfifo "$scratch/hold"
start crowd bash -c 'exec "$1" "$2" crowd 3000 <"$3"' - "$client" "$port" "$scratch/hold"
exec 6>"$scratch/hold"
check "3000 idle connections are greeted" until_ok 20 grep -qx 3000 "$scratch/crowd.log"
check "others are served" mail --to bob@rcs.example.net
crowded=$(rss)
check "little memory for each ($before, $crowded KiB)" [ "$crowded" -lt $((before + 3000 * 8)) ]
exec 6>&-
kill -TERM "$pid"
check "ends by itself" until_ok 10 bash -c "! kill -0 $pid"
check "and takes its socket along" [ ! -e "$scratch/one.sock" ]

# ---- other settings ----
sed -e 's/^max_sessions_per_peer.*/max_sessions_per_peer = 3;/' -e 's/^rate_mail.*/rate_mail = 2; smtp_timeout_in = 1; require_tls_in = true;/' "$scratch/conf" >"$scratch/conf2"
cp "$scratch/conf2" "$scratch/conf"
port=$(free_port)
edge two
pid=$last_pid
check "slow octets are no command: 421" bash -c "'$client' $port slow 5 | grep -q '^421 4.4.2'"
reply "no mail in clear" "530 5.7.0" "$hello"
mkfifo "$scratch/hold2"
start crowd2 bash -c 'exec "$1" "$2" crowd 5 <"$3"' - "$client" "$port" "$scratch/hold2"
exec 6>"$scratch/hold2"
check "of one address, three are greeted" until_ok 10 grep -qx 3 "$scratch/crowd2.log"
exec 6>&-
sleep 0.2
for i in 1 2; do check "mail $i of a sender" mail -tls --to bob@rcs.example.net; done
same "the third gets 450" "450 4.7.1" "$(mail -tls --to bob@rcs.example.net --silent 1 2>&1 | grep -o '450 4.7.1' | head -n 1)"
sed -i 's/^max_sessions_per_peer.*/max_sessions_per_peer = 500; blocked_peers = [ "127.0.0.0\/8" ];/' "$scratch/conf"
kill -HUP "$pid"
blocked() { "$client" "$port" talk | grep -q '^554 5.7.1'; }
check "a blocked peer, after a reload" until_ok 10 blocked
kill -TERM "$pid"

# ---- death under load ----
sed -i 's/ blocked_peers = .*//; s/^rate_mail.*/rate_mail = 0;/' "$scratch/conf"
port=$(free_port)
spool=$scratch/spool
mkdir -p "$spool"
"$client" --help >/dev/null 2>&1
(
	until [ -e "$scratch/over" ]; do
		smtp-listen -c "$scratch/conf" -l "smtp:127.0.0.1:$port" -o "mail.in=$spool/mail2cpm" >/dev/null 2>>"$scratch/load.log" &
		echo $! >"$scratch/victim"
		sleep 0.7
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
	done
) &
"$client" "$port" load 8 5 | sort >"$scratch/good"
touch "$scratch/over"
wait $!
kill -9 "$(cat "$scratch/victim")" 2>/dev/null
spool-cat -r "$spool" mail2cpm >"$scratch/queue" 2>"$scratch/cat.log" || spool-cat "$spool/mail2cpm" >"$scratch/queue"
jq -r .mail.message_id "$scratch/queue" | sort >"$scratch/queued"
check "mails went through ($(wc -l <"$scratch/good"))" [ "$(wc -l <"$scratch/good")" -gt 50 ]
same "every 250 is in the queue" "" "$(comm -23 "$scratch/good" "$scratch/queued" | head -n 3)"
same "exactly once" "" "$(uniq -d "$scratch/queued" | head -n 3)"

# ---- mail-inject ----
inject() { printf '%b' "$1" | mail-inject -c "$scratch/conf" "${@:2}" >"$scratch/inject.out" 2>"$scratch/inject.err"; echo $?; }
same "mail-inject takes a mail" 0 "$(inject 'Subject: x\nMessage-ID: <i@x>\n\nhi' -f bob@example.org -N SUCCESS -R FULL -V e9 +14155550101@rcs.example.net)"
same "its record" '["bob@example.org","tel:+14155550101",["SUCCESS"],"FULL","e9","i@x","Subject: x\r\nMessage-ID: <i@x>\r\n\r\nhi\r\n"]' \
	"$(jq -c '.mail | [.from, .to[0].cpm, .to[0].notify, .ret, .envid, .message_id, .body.text]' "$scratch/inject.out")"
same "no user: 67" 67 "$(inject 'A: b\n\nx\n' =zz@rcs.example.net)"
same "and says why" "5.1.3" "$(tail -n 1 "$scratch/inject.err" | cut -c 1-5)"
same "not ours: 77" 77 "$(inject 'A: b\n\nx\n' x@elsewhere.example)"
same "bare CR: 65" 65 "$(inject 'A: b\n\nx\ry\n' bob@rcs.example.net)"
same "loop: 69" 69 "$(inject 'X-CPM-Gateway: mailgw.ims.example.net\n\nx\n' bob@rcs.example.net)"
same "nobody: 64" 64 "$(inject 'A: b\n\nx\n')"
same "nowhere to store: 75" 75 "$(inject 'A: b\n\nx\n' -o "mail.in=/proc/nowhere/q" bob@rcs.example.net)"
finish
