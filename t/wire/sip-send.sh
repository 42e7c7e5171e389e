#!/bin/bash
# sip-send against servers that say what they are told, a silent one (sipp), Kamailio that wants a password, TLS; and what a death leaves.
. "$(dirname "$0")/../lib/wire.sh"
need python3 jq
uas_program=$SOURCE/t/wire/sip-uas
root=$scratch/spool
echo 'gateway = "gw.example.net";' >"$scratch/conf"

# uas NAME OPTION... ANSWER...: on $port, requests in $scratch/NAME.requests.
uas() {
	local name=$1 options=() answers=()
	shift
	while [[ ${1:-} == --* ]]; do
		case $1 in
		--tls) options+=("$1" "$2" "$3"); shift 3 ;;
		*) options+=("$1" "$2"); shift 2 ;;
		esac
	done
	answers=("$@")
	port=$(free_port)
	got=$scratch/$name.requests
	: >"$got"
	start "$name" "$uas_program" "${options[@]}" "$port" "$got" "${answers[@]}"
	until_ok 10 listens "$port" || diag "$scratch/$name.log"
}
listens() { python3 - "$1" <<'END'
import sys
port = ":%04X" % int(sys.argv[1])
sys.exit(not any(line.split()[1].endswith(port) for name in ("tcp", "udp") for line in open("/proc/net/" + name).readlines()[1:]))
END
}
echo 0 >"$scratch/serial" # requests are made in subshells
# hop TRANSPORT PORT [NAME]
hop() { jq -nc '{transport: $ARGS.positional[0], address: "127.0.0.1", port: ($ARGS.positional[1] | tonumber), name: ($ARGS.positional[2] // "127.0.0.1")}' --args "$@"; }
# request URI HOP...: a sip.send; change= is applied.
request() {
	local uri=$1
	shift
	local serial=$(($(cat "$scratch/serial") + 1))
	echo "$serial" >"$scratch/serial"
	printf '%s\n' "$@" | jq -sc --arg id "$(printf '%026d' "$serial")" --arg uri "$uri" '{v: 1, id: $id, trace: $id, time: "2026-11-20T12:00:00.000Z",
		type: "sip.send", sip: {method: "MESSAGE", uri: $uri, headers: [["From", "\"Bob\" <sip:bob@gw.example.net>"], ["Subject", "x"]],
		body: {type: "text/plain;charset=UTF-8", text: "hello"}, origin: {n: 1}, route: {hops: .}}} | '"${change:-.}"
}
send() { sip-send -c "$scratch/conf" 2>>"$scratch/err" | jq -r '.sip | "\(.outcome) \(.status) \(.reason) \(.enhanced) \(.transport)"'; }
ask() { jq -r "$1" "$got"; }

uas ok "200 OK|Server: Some Phone"
same "a message is answered" "done 200 OK 2.0.0 udp" "$(request sip:a@b.test "$(hop udp "$port")" | send)"
check "Via has our branch and rport" test "$(ask '.fields.via' | grep -cE '^SIP/2.0/UDP 127\.0\.0\.1:[0-9]+;branch=z9hG4bKgw[0-9a-f]+;rport$')" = 1
same "the rest of the head" '70 <sip:a@b.test> 1 MESSAGE x text/plain;charset=UTF-8 5 hello' \
	"$(ask '[.fields["max-forwards", "to", "cseq", "subject", "content-type", "content-length"], .body] | join(" ")')"
check "From has a tag" test -n "$(ask .fields.from | grep -E ';tag=gw-[0-9a-f]+$')"
check "Call-ID is at our host" test -n "$(ask '.fields["call-id"]' | grep '@gw.example.net$')"
echo 0 >"$scratch/serial"
: >"$got"
request sip:a@b.test "$(hop udp "$port")" | send >"$scratch/out"
echo 0 >"$scratch/serial"
request sip:a@b.test "$(hop udp "$port")" | send >"$scratch/out"
same "the same record again has the same branch and Call-ID" "1" "$(ask '.branch + .fields["call-id"] + .fields.from' | sort -u | wc -l)"
same "the proxy stands in Route" "<sip:p.test;lr>" \
	"$(: >"$got"; change='.sip.route.proxy = "<sip:p.test;lr>"' request sip:a@b.test "$(hop tcp "$port")" | send >/dev/null; ask .fields.route)"
same "over TCP" tcp "$(ask .transport)"
same "what cannot stand in a header does not" "a b" \
	"$(: >"$got"; change='.sip.headers += [["X", "a\r\nb"], ["Y: z", "c"], ["Via", "SIP/2.0/UDP x"]]' request sip:a@b.test "$(hop udp "$port")" | send >/dev/null; ask .fields.x)"
: >"$got"
for i in 1 2 3 4 5; do request "sip:u$i@b.test" "$(hop tcp "$port")"; done | send >"$scratch/out"
same "five over one connection" "5 1" "$(wc -l <"$got") $(ask .connection | sort -u | wc -l)"

# ---- what waited goes where the configuration says then ----
cp "$scratch/conf" "$scratch/plain.conf"
echo "outbound_proxy = \"sip:127.0.0.1:$port;transport=tcp\";" >>"$scratch/conf"
waited='.retry = {times: 1, first: "2026-11-20T12:00:00.000Z", last: "2026-11-20T12:00:00.000Z", code: "4.4.1", why: "x"} | . as $r | del(.sip) | .sip = $r.sip'
: >"$got"
same "a new proxy takes what waited for the old one" "done 200 OK 2.0.0 tcp" "$(change=$waited request sip:a@b.test "$(hop udp 1)" | send)"
same "as Route says" "<sip:127.0.0.1:$port;transport=tcp;lr>" "$(ask .fields.route)"
same "what was just given its route keeps it" "done 200 OK 2.0.0 udp" "$(request sip:a@b.test "$(hop udp "$port")" | send)"
cp "$scratch/plain.conf" "$scratch/conf"

# ---- a copy for a capture server ----
capture=$(free_port)
start hep "$SOURCE/t/lib/hep-reader" "$capture" "$scratch/packets"
hep_pid=$last_pid
until_ok 5 test -s "$scratch/packets"
cp "$scratch/conf" "$scratch/plain.conf"
echo "hep_address = \"127.0.0.1:$capture\";" >>"$scratch/conf"
captured() { jq -sre "map(select($1)) | if length > 0 then .[0] | $2 else empty end" "$scratch/packets"; }
for transport in udp:17 tcp:6; do
	protocol=${transport#*:}
	: >"$got"
	request sip:a@b.test "$(hop "${transport%:*}" "$port")" | send >"$scratch/out"
	call=$(ask '.fields["call-id"]')
	asked=".protocol == $protocol and .type == 1 and (.payload | contains(\"Call-ID: $call\"))"
	check "${transport%:*}: the request is captured, with its body" until_ok 5 captured "$asked and (.payload | startswith(\"MESSAGE \") and endswith(\"\r\n\r\nhello\"))" .
	same "  from us to the peer" "127.0.0.1 127.0.0.1 $port true" \
		"$(captured "$asked and (.payload | startswith(\"MESSAGE \"))" '"\(.from) \(.to) \(.to_port) \(.from_port > 0)"')"
	check "  and its answer" until_ok 5 captured "$asked and .from_port == $port and (.payload | startswith(\"SIP/2.0 200\"))" .
	check "  with the event, in the same ladder" until_ok 5 captured ".type == 100 and .correlation == \"$call\" and (.payload | contains(\"event=answered\"))" .
done
cp "$scratch/plain.conf" "$scratch/conf"
kill "$hep_pid"

# ---- size ----
big='.sip.body.text = "x" * 1400'
: >"$got"
same "over 1300 octets: TCP instead of UDP" "done 200 OK 2.0.0 tcp" "$(change=$big request sip:a@b.test "$(hop udp "$port")" | send)"
same "as Via says" "SIP/2.0/TCP" "$(ask '.fields.via | split(" ")[0]')"
uas udponly --only udp "200 OK"
same "TCP refused: UDP all the same" "done 200 OK 2.0.0 udp" "$(change=$big request sip:a@b.test "$(hop udp "$port")" | send)"

# ---- a body that is a blob ----
mkdir "$scratch/blobs"
blob=$(printf '%026d' 7)
{ printf 'From: <sip:x@y>\r\nTo: <sip:a@b>\r\nDateTime: 2026-01-05T10:00:00Z\r\n\r\nContent-Type: text/plain;charset=UTF-8\r\n\r\n'; head -c 3000000 /dev/zero | tr '\0' x; } >"$scratch/blobs/$blob"
size=$(stat -c %s "$scratch/blobs/$blob")
large=".sip.body = {type: \"message/cpim\", blob: \"$blob\", size: $size}"
send_large() { sip-send -B "$scratch/blobs" -c "$scratch/conf" 2>>"$scratch/err" | jq -r '.sip | "\(.outcome) \(.status) \(.transport)"'; }
digest() { sha256sum "$@" | cut -d' ' -f1; }
uas large "200 OK"
same "3 MB: by TCP" "done 200 tcp" "$(change=$large request sip:a@b.test "$(hop udp "$port")" | send_large)"
same "octet for octet" "$size $(digest "$scratch/blobs/$blob")" "$(ask '.fields["content-length"] + " " + .sha256')"
uas largetext "415 Unsupported" "200 OK"
same "415: its text alone" "done 200 tcp" "$(change=$large request sip:a@b.test "$(hop udp "$port")" | send_large)"
same "which is as long as it was" "3000000 $(head -c 3000000 /dev/zero | tr '\0' x | digest)" "$(ask '.fields["content-length"] + " " + .sha256' | tail -1)"
uas largeudp --only udp "200 OK"
same "no TCP there: it cannot go" "queued 503" "$(change=$large request sip:a@b.test "$(hop udp "$port")" | send_large | cut -d' ' -f1,2)"
uas largeshort "413 Too Large"
same "an answer before its end" "permanent 413 tcp" "$(change=$large request sip:a@b.test "$(hop tcp "$port")" | send_large)"
: >"$got"
change=".sip.body = {type: \"message/cpim\", blob: \"$blob\", size: $((size + 10))}" request sip:a@b.test "$(hop tcp "$port")" >"$scratch/short"
same "one that is shorter than it says is not sent to its end" "queued 503 0" "$(send_large <"$scratch/short" | cut -d' ' -f1,2) $(wc -l <"$got")"

# ---- statuses ----
while read -r status want; do
	uas "s$status" "$status"
	same "$status" "$want" "$(request sip:a@b.test "$(hop udp "$port")" | send | cut -d' ' -f1,2,4)"
done <<END
404 permanent 404 5.1.1
403 permanent 403 5.7.1
480 queued 480 4.2.0
500 queued 500 4.4.1
488 permanent 488 5.6.1
END

# ---- fail-over ----
dead=$(free_port)
uas nodialog "481 No Such Call" "200 OK"
same "481: once more as a new request" "done 200 OK 2.0.0 udp" "$(request sip:a@b.test "$(hop udp "$port")" | send)"
same "with another Call-ID and tag, CSeq 1" "2 2 1" "$(for f in call-id from cseq; do ask ".fields[\"$f\"]" | sort -u | wc -l; done | xargs)"
uas nodialogs "481 No Such Call"
same "and no third time" "permanent 481 5.5.0 2" "$(request sip:a@b.test "$(hop udp "$port")" | send | cut -d' ' -f1,2,6) $(ask .branch | sort -u | wc -l)"
uas second "200 OK"
alive=$port alive_got=$got
same "nobody listens on UDP: the next" "done 200 OK 2.0.0 udp" "$(request sip:a@b.test "$(hop udp "$dead")" "$(hop udp "$alive")" | send)"
same "nobody listens on TCP: the next" "done 200 OK 2.0.0 tcp" "$(request sip:a@b.test "$(hop tcp "$dead")" "$(hop tcp "$alive")" | send)"
uas busy "503 Busy|Retry-After: 40"
: >"$alive_got"
same "503: the next" "done 200 OK 2.0.0 udp" "$(request sip:a@b.test "$(hop udp "$port")" "$(hop udp "$alive")" | send)"
same "same Call-ID and CSeq, other branch" "1 2" "$(cat "$got" "$alive_got" | jq -r '.fields["call-id"] + .fields.cseq' | sort -u | wc -l) $(cat "$got" "$alive_got" | jq -r .branch | sort -u | wc -l)"
: >"$got"
{ request sip:a1@b.test "$(hop udp "$port")" "$(hop udp "$alive")"; request sip:a1@b.test "$(hop udp "$port")" "$(hop udp "$alive")"; } | send >"$scratch/out"
same "meanwhile it rests: the second does not ask it" 1 "$(wc -l <"$got")"
same "nobody at all" "queued 503 4.4.1" "$(request sip:a@b.test "$(hop tcp "$dead")" | send | awk '{print $1, $2, $(NF - 1)}')"

uas mute silent
request sip:a@b.test "$(hop udp "$port")" | timeout 3 sip-send -c "$scratch/conf" >"$scratch/out" 2>>"$scratch/err"
same "no answer: again after 0.5 and 1 s, the same octets" "3 1" "$(wc -l <"$got") $(ask '.branch + (.size | tostring)' | sort -u | wc -l)"
same "on a stream never again" 1 "$(: >"$got"; request sip:a@b.test "$(hop tcp "$port")" | timeout 2 sip-send -c "$scratch/conf" >"$scratch/out" 2>>"$scratch/err"; wc -l <"$got")"

# ---- what the peer takes ----
cpim='.sip.body = {type: "message/cpim", text: "From: <sip:x@y>\r\nTo: <sip:a@b>\r\nDateTime: 2026-01-05T10:00:00Z\r\n\r\nContent-Type: text/plain;charset=UTF-8\r\n\r\nhi there"}'
uas text "415 Unsupported" "200 OK"
state=$scratch/state
same "415 for CPIM: the text alone is taken" "done 200 OK 2.0.0 udp" "$(change=$cpim request sip:a@b.test "$(hop udp "$port")" | sip-send -c "$scratch/conf" --state "$state" 2>>"$scratch/err" | jq -r '.sip | "\(.outcome) \(.status) \(.reason) \(.enhanced) \(.transport)"')"
same "once more, with the next CSeq" "1 MESSAGE message/cpim
2 MESSAGE text/plain;charset=UTF-8" "$(ask '[.fields.cseq, .fields["content-type"]] | join(" ")')"
same "the text" "hi there" "$(ask .body | tail -1)"
: >"$got"
change=$cpim request sip:a@b.test "$(hop udp "$port")" | sip-send -c "$scratch/conf" --state "$state" >"$scratch/out" 2>>"$scratch/err"
same "remembered for that peer" "text/plain;charset=UTF-8 true" "$(ask '.fields["content-type"]') $(jq .sip.as_text "$scratch/out")"
: >"$got"
change=$cpim request sip:other@b.test "$(hop udp "$port")" | sip-send -c "$scratch/conf" --state "$state" >"$scratch/out" 2>>"$scratch/err"
same "and for no other" message/cpim "$(ask '.fields["content-type"]')"
mixed='.sip.body = {type: "multipart/mixed;boundary=b", text: "--b\r\nContent-Type: message/cpim\r\n\r\nFrom: <sip:x@y>\r\nTo: <sip:a@b>\r\n\r\nContent-Type: text/plain;charset=UTF-8\r\n\r\nhi all\r\n--b\r\nContent-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list-history;handling=optional\r\n\r\n<resource-lists/>\r\n--b--\r\n"}'
uas mixed "415 Unsupported" "200 OK"
same "415 for CPIM beside a list: its text" "done 200" "$(change=$mixed request sip:list@b.test "$(hop udp "$port")" | send | cut -d' ' -f1,2)"
same "as it is, text" "multipart/mixed;boundary=b text/plain;charset=UTF-8" "$(ask '.fields["content-type"]' | paste -sd' ')"
same "the text alone" "hi all" "$(ask .body | tail -1)"
uas mixed488 "488 No" "200 OK"
same "488: without the list" "done 200" "$(change=$mixed request sip:list@b.test "$(hop udp "$port")" | send | cut -d' ' -f1,2)"
same "as it is, plain" "multipart/mixed;boundary=b message/cpim" "$(ask '.fields["content-type"]' | paste -sd' ')"
uas never "488 No"
same "refused twice: 5.6.1" "permanent 488 5.6.1" "$(change=$cpim request sip:a@b.test "$(hop udp "$port")" | send | cut -d' ' -f1,2,4)"
same "after three: as it is, plain, text" "message/cpim message/cpim text/plain;charset=UTF-8" "$(ask '.fields["content-type"]' | paste -sd' ')"
uas plain "488 No" "200 OK"
same "488 for CPIM: without what some refuse" "done 200 OK 2.0.0 udp" "$(change=$cpim request sip:p@b.test "$(hop udp "$port")" | sip-send -c "$scratch/conf" --state "$state" 2>>"$scratch/err" | jq -r '.sip | "\(.outcome) \(.status) \(.reason) \(.enhanced) \(.transport)\(if .as_text then " text" else "" end)"')"
same "  the second time" "From: <sip:x@y> DateTime From: <sip:bob@gw.example.net> " "$(ask '.body | gsub("\r"; "") | split("\n") | "\(.[0]) \(if any(startswith("DateTime")) then "DateTime" else "" end)"' | paste -sd' ')"
: >"$got"
change=$cpim request sip:p@b.test "$(hop udp "$port")" | sip-send -c "$scratch/conf" --state "$state" >"$scratch/out" 2>>"$scratch/err"
same "  remembered for that peer" "From: <sip:bob@gw.example.net>" "$(ask '.body | split("\r\n")[0]' | paste -sd' ')"
uas linphone "200 OK|Server: Linphone/5.1"
for i in 1 2; do change=$cpim request sip:l@b.test "$(hop udp "$port")" | sip-send -c "$scratch/conf" --state "$state" >"$scratch/out" 2>>"$scratch/err"; done
same "a product with quirks: from the second message on without DateTime, From as in SIP" "From: <sip:x@y> DateTime From: <sip:bob@gw.example.net> " \
	"$(ask '.body | gsub("\r"; "") | split("\n") | "\(.[0]) \(if any(startswith("DateTime")) then "DateTime" else "" end)"' | paste -sd' ')"
cat "$scratch/conf" - >"$scratch/quirks" <<'END'
peer_quirks = ( ("b.test", "text-only") );
END
: >"$got"
change=$cpim request sip:new@b.test "$(hop udp "$port")" | sip-send -c "$scratch/quirks" >"$scratch/out" 2>>"$scratch/err"
same "a row of the admin: text from the first message on" "hi there" "$(ask .body)"

# ---- who are we ----
echo secret >"$scratch/password"
cat "$scratch/conf" - >"$scratch/auth" <<END
sip_auth = ( ("other nobody", "$scratch/password"), ("the realm gw@ims.test", "$scratch/password") );
END
challenge='Digest realm="the realm", qop="auth", algorithm=SHA-256, nonce='
uas auth "401 Who|WWW-Authenticate: $challenge\"n1\"" "401 Stale|WWW-Authenticate: $challenge\"n2\", stale=true" "200 OK"
{ request sip:a@b.test "$(hop udp "$port")"; request sip:c@b.test "$(hop udp "$port")"; } | sip-send -c "$scratch/auth" 2>>"$scratch/err" >"$scratch/out"
same "401, a stale nonce, and in" "done 200" "$(jq -r '.sip | "\(.outcome) \(.status)"' "$scratch/out" | sort -u)"
same "a CSeq each, one Call-ID" "1 2 3 1" "$(ask 'select(.fields.to == "<sip:a@b.test>") | .fields.cseq | split(" ")[0]' | xargs) $(ask 'select(.fields.to == "<sip:a@b.test>") | .fields["call-id"]' | sort -u | wc -l)"
python3 - "$got" >"$scratch/digest" <<'END'
import hashlib, json, re, sys
for line in open(sys.argv[1]):
    f = json.loads(line)["fields"].get("authorization")
    if not f:
        continue
    p = {k: v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', f)}
    h = lambda s: hashlib.sha256(s.encode()).hexdigest()
    want = h(":".join([h("gw@ims.test:the realm:secret"), p["nonce"], p["nc"], p["cnonce"], "auth", h("MESSAGE:" + p["uri"])]))
    print(p["username"], want == p["response"], p["nonce"], p["nc"])
END
check "SHA-256 with nc, counted for each nonce" bash -c "grep -q '^gw@ims.test True n2 00000001' '$scratch/digest' && ! grep -q False '$scratch/digest'"
uas ahead "407 Who|Proxy-Authenticate: Digest realm=\"the realm\", nonce=\"p1\"" "200 OK"
first=$(request sip:a@b.test "$(hop tcp "$port")") second=$(request sip:a@b.test "$(hop tcp "$port")")
printf '%s\n' "$first" "$second" | sip-send -c "$scratch/auth" >"$scratch/out" 2>>"$scratch/err"
same "the second sends its credentials ahead" "3 done" "$(wc -l <"$got") $(jq -r .sip.outcome "$scratch/out" | sort -u)"
uas no "401 Who|WWW-Authenticate: Digest realm=\"the realm\", nonce=\"x\""
same "refused twice: no third" "queued 401 4.7.0 2" "$(request sip:a@b.test "$(hop udp "$port")" | sip-send -c "$scratch/auth" 2>>"$scratch/err" | jq -r '.sip | "\(.outcome) \(.status) \(.enhanced)"') $(wc -l <"$got")"
uas stranger "401 Who|WWW-Authenticate: Digest realm=\"third\", nonce=\"x\""
same "another realm: nothing is given away" "queued 401 1" "$(request sip:a@b.test "$(hop udp "$port")" | sip-send -c "$scratch/auth" 2>>"$scratch/err" | jq -r '.sip | "\(.outcome) \(.status)"') $(wc -l <"$got")"

# ---- redirection ----
uas moved '302 Moved|Contact: <sip:new@gw.example.net>'
same "a Contact of ours is followed" "sip.send sip:new@gw.example.net true" \
	"$(request sip:a@b.test "$(hop udp "$port")" | sip-send -c "$scratch/conf" 2>>"$scratch/err" | jq -r '"\(.type) \(.sip.uri) \(.sip.redirected)"')"
same "once" "permanent 302 5.1.6" "$(change='.sip.redirected = true' request sip:a@b.test "$(hop udp "$port")" | send | cut -d' ' -f1,2,4)"
uas away '302 Moved|Contact: <sip:new@elsewhere.test>'
same "one of others is not" "permanent 302 5.1.6" "$(request sip:a@b.test "$(hop udp "$port")" | send | cut -d' ' -f1,2,4)"

# ---- TLS ----
if command -v openssl >/dev/null; then
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$scratch/key" -out "$scratch/cert" -days 2 -subj /CN=x -addext "subjectAltName=DNS:tls.b.test,URI:sip:uri.b.test" 2>/dev/null
	echo "tls_ca = \"$scratch/cert\";" | cat "$scratch/conf" - >"$scratch/tls"
	uas tls --tls "$scratch/cert" "$scratch/key" "200 OK"
	tls() { request sip:a@b.test "$(hop tls "$port" "$1")" | sip-send -c "$2" 2>>"$scratch/err" | jq -r '.sip | "\(.outcome) \(.status) \(.reason)"'; }
	same "TLS: the name of the certificate" "done 200 OK" "$(tls tls.b.test "$scratch/tls")"
	same "its URI" "done 200 OK" "$(tls uri.b.test "$scratch/tls")"
	same "another name: no connection" "queued 503 the certificate is for somebody else" "$(tls other.b.test "$scratch/tls")"
	same "nobody we trust: no connection" "queued 503 TLS handshake failed" "$(tls tls.b.test "$scratch/conf")"
	echo 'cert_check = false;' | cat "$scratch/conf" - >"$scratch/nocheck"
	same "cert_check off" "done 200 OK" "$(tls other.b.test "$scratch/nocheck")"
fi

# ---- queues ----
queue=$root/sip-send
put() { spool-put "$queue" 2>>"$scratch/put.log"; }
results() { spool-cat "$root/report" 2>/dev/null | jq -r '"\(.sip.outcome) \(.sip.status)"'; }
work() { start work sip-send -c "$scratch/conf" -i "$queue" -o sip.result="$root/report"; worker=$last_pid; }
uas slow --delay 1.6 "200 OK"
slow_got=$got slow_port=$port
uas quick "200 OK"
spool-put -m "$queue" </dev/null
{ request sip:slow@b.test "$(hop udp "$slow_port")"; request sip:slow@b.test "$(hop udp "$slow_port")"; request sip:quick@b.test "$(hop udp "$port")"; } | put
work
count() { [ "$(results | wc -l)" = "$1" ]; }
arrived() { [ "$(wc -l <"$2")" -ge "$1" ]; }
check "three answers" until_ok 12 count 3
same "all good" "done 200" "$(results | sort -u)"
# repetitions of the first do not count: the second may not begin before the first is answered
same "never two to one URI at a time" true "$(jq -s '[.[] | select(.again | not) | .at] | .[1] - .[0] >= 1.6' "$slow_got")"
same "none was sent again after its answer" 2 "$(jq -r 'select(.again | not).branch' "$slow_got" | sort -u | wc -l)"
kill -TERM "$worker"
wait "$worker" 2>/dev/null
rm -rf "$root/report"

# Retry-After, and those behind it
uas later "480 Later|Retry-After: 100" "200 OK"
{ request sip:w@b.test "$(hop udp "$port")"; request sip:w@b.test "$(hop udp "$port")"; } | put
before=$(date +%s)
work
check "the first is queued" until_ok 10 bash -c "[ \$(spool-ls -j -l -r '$root' | jq -r 'select(.state == \"deferred\") | .due' | wc -l) -ge 1 ] && spool-cat '$root/report' | grep -q queued"
due=$(spool-ls -j -l -r "$root" | jq -r 'select(.state == "deferred") | .due' | sort | tail -1)
same "the one behind it was not sent" 1 "$(jq -r 'select(.again | not).branch' "$got" | wc -l)"
check "but waits a minute" test $(($(date -d "$(spool-ls -j -l -r "$root" | jq -r 'select(.state == "deferred") | .due' | sort | head -1)" +%s) - before)) -ge 59
check "not before its Retry-After" test $(($(date -d "$due" +%s) - before)) -ge 99
kill -TERM "$worker"
wait "$worker" 2>/dev/null
rm -rf "$root"

# death between the answer and the commit: one of the batch is answered, the other is not yet
uas noted "200 OK"
noted_port=$port noted_got=$got
uas hangs silent
spool-put -m "$queue" </dev/null
{ request sip:n@b.test "$(hop udp "$noted_port")"; request sip:h@b.test "$(hop udp "$port")"; } | put
work
until_ok 10 arrived 1 "$noted_got"
until_ok 10 arrived 1 "$got"
sleep 0.2
kill -KILL "$worker"
wait "$worker" 2>/dev/null
same "killed before anything is out" 0 "$(results | wc -l)"
work
check "after the restart its result is there" until_ok 10 count 1
same "as it was" "done 200" "$(results)"
same "it was sent once" 1 "$(wc -l <"$noted_got")"
check "the other one is sent again" until_ok 10 arrived 3 "$got"
same "under the same branch" 1 "$(ask .branch | sort -u | wc -l)"
kill -TERM "$worker"
wait "$worker" 2>/dev/null
check "no sanitizer had anything to say" bash -c '! grep -E "runtime error|Sanitizer" "$1" "$2"' - "$scratch/err" "$scratch/work.log"
finish
