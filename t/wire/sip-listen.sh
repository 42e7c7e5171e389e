#!/bin/bash
# sip-listen by its own: stock and scripted SIP clients in front, records read and written by hand behind.
. "$(dirname "$0")/../lib/wire.sh"
need sipp sipsak jq python3 openssl
. "$SOURCE/t/wire/sip-lib.sh"

port=$(free_port)
cat >"$scratch/conf" <<END
gateway = "gw.example.net";
trusted_peers = [ "127.0.0.0/8" ];
END

# ---- answered on commit: nobody answers but the commit itself ----
listen commit -c "$scratch/conf" -p "$port"
pid=$last_pid
out=$scratch/commit.out
udp=udp:127.0.0.1:$port tcp=tcp:127.0.0.1:$port

check "sipsak: OPTIONS" sipsak -s "sip:bob@127.0.0.1:$port"
same "OPTIONS tells what is supported" \
	"200 OPTIONS, MESSAGE message/cpim, text/plain, text/html, multipart/mixed, multipart/related, multipart/alternative timer, recipient-list-message" \
	"$(request 's/MESSAGE/OPTIONS/' | "$peer" -H Allow -H Accept -H Supported "$udp")"
same "nothing is handed on for it" 0 "$(records "$out")"
check "sipp: 200 MESSAGE over UDP" sipp -sf "$SOURCE/t/wire/sip-message.xml" -m 200 -r 200 -l 50 -i 127.0.0.1 -nostdin -timeout 30s "127.0.0.1:$port"
check "sipp: 200 MESSAGE over TCP" sipp -sf "$SOURCE/t/wire/sip-message.xml" -t t1 -m 200 -r 200 -l 50 -i 127.0.0.1 -nostdin -timeout 30s "127.0.0.1:$port"
same "one record each" 400 "$(records "$out")"
same "every id differs" 400 "$(jq -r .id "$out" | sort -u | wc -l)"
own=$(free_port)
again() { request | "$peer" -p "$own" -b z9hG4bKrep -i rep "$@" -H To "$udp"; }
answer=$(again -n 3)
same "three at once and one later get the same answer" "$answer" "$(again)"
same "and are one record" 401 "$(records "$out")"
same "where it came from is told" "202 SIP/2.0/UDP" \
	"$(request | "$peer" -H Via "$udp" | sed 's/ 127.*received=127.0.0.1;rport=[0-9]*$//')"
last=$(tail -n 1 "$out")
same "the record" 'sip.request|MESSAGE|sip:bob%40example.org@gw.example.net|udp|127.0.0.1|true|sip:alice@ims.example.net|Alice A.|text/plain;charset=utf-8|hello|null' \
	"$(jq -r '[.type, .sip.method, .sip.uri, .sip.peer.transport, .sip.peer.address, .sip.peer.trusted, .sip.from.uri, .sip.from.display, .sip.body.type, .sip.body.text, .sip.answer_by] | map(tostring) | join("|")' <<<"$last")"
same "headers in wire order" "Via Max-Forwards From To Call-ID CSeq P-Asserted-Identity Content-Type Content-Length" \
	"$(jq -r '[.sip.headers[][0]] | join(" ")' <<<"$last")"
same "the same ids another way: the same record id" 1 \
	"$( (request | "$peer" -i again "$udp"; request | "$peer" -i again "$tcp") >/dev/null; tail -n 2 "$out" | jq -r .id | sort -u | wc -l)"
same "key: the two parties" "sip:alice@ims.example.net|sip:bob%40example.org@gw.example.net" "$(jq -r .key <<<"$last")"
request '4i Conversation-ID: f81d4fae' | "$peer" "$udp" >/dev/null
same "key: the conversation" f81d4fae "$(tail -n 1 "$out" | jq -r .key)"

# ---- streams ----
request >"$scratch/plain"
same "octet by octet" 202 "$("$peer" -c 1 "$tcp" <"$scratch/plain")"
same "pieces of seven" 202 "$("$peer" -c 7 "$tcp" <"$scratch/plain")"
same "many in one write" 20 "$("$peer" --raw -r 20 "$tcp" < <(for i in $(seq 20); do request "s/%VIA%/SIP\/2.0\/TCP h/; s/%BRANCH%/z9hG4bKm$i/; s/%CALL%/many$i/; s/%LENGTH%/5/" |
	sed 's/$/\r/' | head -c -2; done) | grep -c 202)"
same "keep-alive" pong "$(printf '\r\n\r\n' | "$peer" --raw "$tcp")"
same "body, a NUL in it" AGhp "$(request 's/%LENGTH%/3/; s/^hello$/\x00hi/' | "$peer" "$tcp" >/dev/null; tail -n 1 "$out" | jq -r .sip.body.base64)"
same "no Content-Length" "400 closed" "$(request '/Content-Length/d' | "$peer" -r 2 "$tcp" | tr '\n' ' ' | sed 's/ $//')"
same "negative" "400 closed" "$(request 's/%LENGTH%/-5/' | "$peer" -r 2 "$tcp" | tr '\n' ' ' | sed 's/ $//')"
same "huge" "413 closed" "$(request 's/%LENGTH%/99999999999/' | "$peer" -r 2 "$tcp" | tr '\n' ' ' | sed 's/ $//')"
same "garbage" "400 closed" "$(request 's/%LENGTH%/5junk/' | "$peer" -r 2 "$tcp" | tr '\n' ' ' | sed 's/ $//')"
same "a header of 1 MB" "400 closed" "$( (request '/Content-Length/,$d'; printf 'X: '; head -c 1000000 /dev/zero | tr '\0' a; printf '\n\n') | "$peer" -r 2 "$tcp" | tr '\n' ' ' | sed 's/ $//')"
same "10 000 headers" "400 closed" "$( (request '/Content-Length/,$d'; for i in $(seq 10000); do echo "X-$i: y"; done; echo) | "$peer" -r 2 "$tcp" | tr '\n' ' ' | sed 's/ $//')"
same "not SIP" closed "$(printf 'GET / HTTP/1.1\nHost: x\n\n' | "$peer" "$tcp")"

# ---- the checks of 1.3 ----
before=$(records "$out")
# refused NAME WANT SED...: over both transports.
refused() {
	local name=$1 want=$2
	shift 2
	same "$name" "$want" "$(request "$@" | "$peer" -t "${wait:-2}" -H Accept -H Accept-Encoding -H Unsupported -H Allow "$udp")"
	same "$name, TCP" "$want" "$(request "$@" | "$peer" -t "${wait:-2}" -H Accept -H Accept-Encoding -H Unsupported -H Allow "$tcp")"
}
refused "no From" 400 '/^From/d'
refused "no To" 400 '/^To/d'
refused "no Call-ID" 400 '/^Call-ID/d'
refused "no CSeq" 400 '/^CSeq/d'
refused "CSeq of another method" 400 's/1 MESSAGE/1 INVITE/'
refused "SIP/3.0" 505 '1s/2.0/3.0/'
refused "NUL in a header" 400 's/66/6\x006/'
refused "bare CR in a header" 400 's/66/6\r6/'
refused "unknown dialog" 481 '/^To/s/$/;tag=x/'
refused "our own Via" 482 '2a Via: SIP/2.0/UDP gw.example.net;branch=z9hG4bKgw1'
refused "unknown extensions" "420 100rel, foo" '4i Require: 100rel, timer, foo'
refused "deferred service" 403 '4i P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.deferred'
refused "system message" 200 '4i P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.systemmsg'
refused "unknown scheme" 416 '1s/sip:/sms:/'
refused "no address" 404 '1s/bob%40example.org/bob/'
refused "unknown type" "415 message/cpim, text/plain, text/html, multipart/mixed, multipart/related, multipart/alternative" 's/text\/plain.*/audio\/amr/'
refused "unknown encoding" "415 deflate, identity" '4i Content-Encoding: br'
same "too large for a pager message" 413 "$(request | "$peer" -B 65537 "$tcp")"
same "as large as it may be" 202 "$(request | "$peer" -B 65536 "$tcp")"
before=$((before + 1))
refused "INVITE" "405 OPTIONS, MESSAGE" 's/MESSAGE/INVITE/'
refused "REGISTER" "405 OPTIONS, MESSAGE" 's/MESSAGE/REGISTER/'
refused "CANCEL" 481 's/MESSAGE/CANCEL/'
refused "BYE" 481 's/MESSAGE/BYE/' '/^To/s/$/;tag=x/'
refused "NOTIFY" 481 's/MESSAGE/NOTIFY/'
wait=0.5
refused "ACK is not answered" silence 's/MESSAGE/ACK/'
refused "a response is not answered" silence '1s/.*/SIP\/2.0 200 OK/'
unset wait
same "nothing of it was handed on" "$before" "$(records "$out")"
stop commit "$pid"
same "SIGTERM: a clean end" 0 $?
check "standard output carries records only" "$SOURCE/t/lib/check-records" "$out"

# ---- answers from records ----
port=$(free_port) udp=udp:127.0.0.1:$port tcp=tcp:127.0.0.1:$port
echo 'answer_deadline_message = 2;' >>"$scratch/conf"
listen wait -c "$scratch/conf" -p "$port" -i -
pid=$last_pid
out=$scratch/wait.out
# respond STATUS [JSON]: to the request that was handed on last.
respond() {
	jq -c --argjson status "$1" --argjson more "${2:-null}" \
		'{v, id: (.id[0:20] + "answer"), trace, time, type: "sip.response", shard, sip: ({transaction: .sip.transaction, status: $status} + $more)}' \
		< <(tail -n 1 "$out") >&7
}
handed_on() { [ "$(records "$out")" -gt "$1" ]; }
# answered TRANSPORT STATUS [JSON]
answered() {
	local n
	n=$(records "$out")
	request | "$peer" -t 5 -H Retry-After "$1" >"$scratch/got" &
	until_ok 5 handed_on "$n"
	respond "$2" "${3:-null}"
	wait $!
	cat "$scratch/got"
}
same "404 from a record" 404 "$(answered "$udp" 404)"
same "404 from a record, TCP" 404 "$(answered "$tcp" 404)"
same "its headers" "480 90" "$(answered "$udp" 480 '{"reason": "SMTP 450 4.2.1", "headers": [["Retry-After", "90"], ["Via", "x"]]}')"
check "what a header of a record brings is sanitised" test "$(answered "$udp" 480 '{"headers": [["Retry-After", "1\r\nX: y"]]}')" = "480 1 X: y"
check "answer_by is the deadline" jq -e '.sip.answer_by - .sip.received == 2000' < <(tail -n 1 "$out")
start_ms=$(date +%s%3N)
same "202 at the deadline" 202 "$(request | "$peer" -t 5 "$udp")"
took=$(($(date +%s%3N) - start_ms))
check "after 2 s ($took ms)" test "$took" -ge 1900 -a "$took" -lt 4500
check "logged with its trace" grep -q "trace=$(tail -n 1 "$out" | jq -r .trace) event=answered status=202 by=deadline" "$scratch/wait.log"
respond 404
check "what comes later is logged" until_ok 5 grep -q "event=late-failure.*status=404" "$scratch/wait.log"
n=$(records "$out")
check "sipp repeats itself until the deadline" sipp -sf "$SOURCE/t/wire/sip-message.xml" -m 50 -r 50 -i 127.0.0.1 -nostdin -timeout 30s \
	-trace_stat -stf "$scratch/sipp.csv" "127.0.0.1:$port"
same "and is one record each" $((n + 50)) "$(records "$out")"
check "it did repeat" python3 -c '
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1]), delimiter=";"))
assert int(rows[-1]["Retransmissions(C)"]) >= 50, rows[-1]["Retransmissions(C)"]' "$scratch/sipp.csv"
request | "$peer" -t 4 -i merge "$udp" >"$scratch/first" &
until_ok 5 handed_on $((n + 50))
same "the same request on another branch" 482 "$(request | "$peer" -i merge "$udp")"
wait $!
same "the first goes on" 202 "$(cat "$scratch/first")"
stop wait "$pid"
same "SIGTERM with answers outstanding" 0 $?

# ---- 100 at 3.5 s ----
port=$(free_port) udp=udp:127.0.0.1:$port tcp=tcp:127.0.0.1:$port
sed -i 's/= 2;/= 5;/' "$scratch/conf"
listen trying -c "$scratch/conf" -p "$port" -i -
pid=$last_pid
request | "$peer" -t 8 -r 2 "$tcp" >"$scratch/tcp" &
two=$!
start_ms=$(date +%s%3N)
same "100 first" 100 "$(request | "$peer" -t 8 -b z9hG4bKtrying "$udp")"
took=$(($(date +%s%3N) - start_ms))
check "at 3.5 s ($took ms)" test "$took" -ge 3400 -a "$took" -lt 4900
wait $two
same "then 202, on streams too" "100 202" "$(tr '\n' ' ' <"$scratch/tcp" | sed 's/ $//')"
# A connection that is gone: the repetition brings a new one, else the answer goes to the port of sent-by.
cat >"$scratch/gone.py" <<'END'
import socket, sys
port, text = int(sys.argv[1]), sys.stdin.read().replace("\n", "\r\n").rstrip("\r\n").replace("%LENGTH%", "5")
def connect():
    s = socket.socket(); s.connect(("127.0.0.1", port)); s.settimeout(10)
    return s
def status(s):
    return s.recv(65536).decode().split(" ")[1]
home = socket.socket(); home.bind(("127.0.0.1", 0)); home.listen(); home.settimeout(10)
def request(branch):
    return text.replace("%VIA%", "SIP/2.0/TCP 127.0.0.1:%d" % home.getsockname()[1]).replace("%BRANCH%", branch).replace("%CALL%", branch).encode()
first = connect(); first.sendall(request("z9hG4bKgone")); first.close()
second = connect(); second.sendall(request("z9hG4bKgone"))
third = connect(); third.sendall(request("z9hG4bKhome")); third.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"); third.close()
half = connect(); half.sendall(request("z9hG4bKhalf")); half.shutdown(socket.SHUT_WR)
print(status(second), status(home.accept()[0]), status(half))
END
same "answers to connections that are gone, or half gone" "100 100 100" "$(request | python3 "$scratch/gone.py" "$port")"
stop trying "$pid"
same "ends" 0 $?

# ---- killed between record and answer: the repetition is the same record again, and is answered ----
port=$(free_port) udp=udp:127.0.0.1:$port
sed -i 's/= 5;/= 1;/' "$scratch/conf"
own=$(free_port)
once_more() { request | "$peer" -p "$own" -b z9hG4bKkill -i kill "$@" "$udp"; }
listen kill1 -c "$scratch/conf" -p "$port" -i "$scratch/spool/sip-listen.0" -o "$scratch/spool/kill"
once_more -t 0.3 >/dev/null
kill -KILL "$last_pid"
listen kill2 -c "$scratch/conf" -p "$port" -i "$scratch/spool/sip-listen.0" -o "$scratch/spool/kill"
same "after kill -9: answered" 202 "$(once_more -t 5)"
same "two records, one id, two transactions" "2 1 2" \
	"$(cat "$scratch"/spool/kill/new/* | jq -s -r '"\(length) \(map(.id) | unique | length) \(map(.sip.transaction) | unique | length)"')"
stop kill2 "$last_pid"

# ---- trust, deny lists ----
port=$(free_port) udp=udp:127.0.0.1:$port
cat >"$scratch/strict" <<END
gateway = "gw.example.net";
trusted_peers = [ "192.0.2.0/24" ];
END
listen strict -c "$scratch/strict" -p "$port"
same "a peer outside the trust domain" 403 "$(request | "$peer" "$udp")"
same "and may have 64 connections" "64 of 80" "$(python3 -c '
import select, socket, sys, time
socks = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(80)]
end = time.time() + 5
while len(select.select(socks, [], [], 0)[0]) < 16 and time.time() < end:
    time.sleep(0.05)
print(80 - len(select.select(socks, [], [], 0.2)[0]), "of 80")' "$port")"
same "may ask for OPTIONS" 200 "$(request 's/MESSAGE/OPTIONS/' | "$peer" "$udp")"
stop strict "$last_pid"
port=$(free_port) udp=udp:127.0.0.1:$port
cat >"$scratch/lists" <<END
gateway = "gw.example.net";
trusted_peers = [ "192.0.2.0/24" ];
untrusted = "ignore";
deny_domains = [ "bad.example" ];
opt_out = [ "carol@example.org" ];
barred = [ "sip:mallory@ims.example.net", "spam.example" ];
END
listen lists -c "$scratch/lists" -p "$port"
same "untrusted = ignore" "202 false sip:alice2@ims.example.net" \
	"$(request '/^From/s/alice/alice2/' | "$peer" "$udp") $(jq -r '"\(.sip.peer.trusted) \(.sip.from.uri)"' "$scratch/lists.out")"
same "deny_domains" 403 "$(request '1s/example.org/bad.example/' | "$peer" "$udp")"
same "opt_out" 403 "$(request '1s/bob/carol/' | "$peer" "$udp")"
same "barred user" 403 "$(request '/^From/s/alice/mallory/' | "$peer" "$udp")"
same "barred host" 403 "$(request '/^From/s/ims.example.net/spam.example/' | "$peer" "$udp")"
same "others are not" 202 "$(request | "$peer" "$udp")"
stop lists "$last_pid"

# ---- all addresses: the answer comes from the one that was asked ----
port=$(free_port)
cat >"$scratch/all.conf" <<END
gateway = "gw.example.net";
sip_listen = [ "udp:*:$port", "tcp:*:$port" ];
trusted_peers = [ "127.0.0.0/8", "::1" ];
END
listen all -c "$scratch/all.conf"
same "127.0.0.1, 127.0.0.2, ::1, UDP and TCP" "202 202 202 202 202" \
	"$(for at in udp:127.0.0.1 udp:127.0.0.2 "udp:[::1]" tcp:127.0.0.3 "tcp:[::1]"; do request | "$peer" "$at:$port"; done | tr '\n' ' ' | sed 's/ $//')"
stop all "$last_pid"

# ---- TLS, IPv6 ----
cd "$scratch" || exit 1
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=test ca" -keyout ca.key -out ca.pem 2>/dev/null
for who in localhost core.example.net; do
	openssl req -newkey rsa:2048 -nodes -subj "/CN=x" -keyout "$who.key" -out "$who.csr" 2>/dev/null
	openssl x509 -req -in "$who.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile <(echo "subjectAltName=DNS:$who") -out "$who.pem" 2>/dev/null
done
tls=$(free_port) six=$(free_port)
cat >"$scratch/tls.conf" <<END
gateway = "gw.example.net";
sip_listen = [ "tls:127.0.0.1:$tls", "tcp:[::1]:$six", "udp:[::1]:$six" ];
trusted_peers = ( ("core.example.net", "core"), ("::1", "six") );
tls_cert = "$scratch/localhost.pem";
tls_key = "$scratch/localhost.key";
tls_ca = "$scratch/ca.pem";
END
listen tls -c "$scratch/tls.conf"
pid=$last_pid
same "TLS, no certificate: not trusted" 403 "$(request | "$peer" --ca ca.pem "tls:127.0.0.1:$tls")"
same "TLS, the name is trusted" "202 tls core" \
	"$(request | "$peer" --ca ca.pem --cert core.example.net.pem --key core.example.net.key "tls:127.0.0.1:$tls") $(jq -r '"\(.sip.peer.transport) \(.sip.peer.name)"' tls.out)"
same "TLS, another name is not" 403 "$(request | "$peer" --ca ca.pem --cert localhost.pem --key localhost.key "tls:127.0.0.1:$tls")"
same "TLS, in small pieces" 403 "$(request | "$peer" -c 50 --ca ca.pem "tls:127.0.0.1:$tls")"
same "IPv6, UDP" "202 ::1 six" "$(request | "$peer" "udp:[::1]:$six") $(tail -n 1 tls.out | jq -r '"\(.sip.peer.address) \(.sip.peer.name)"')"
same "IPv6, TCP" "202 ::1" "$(request | "$peer" "tcp:[::1]:$six") $(tail -n 1 tls.out | jq -r .sip.peer.address)"
stop tls "$pid"
same "ends" 0 $?

# ---- queues: several processes on one port; a full disk; large bodies ----
port=$(free_port) udp=udp:127.0.0.1:$port tcp=tcp:127.0.0.1:$port
cat >"$scratch/large.conf" <<END
gateway = "gw.example.net";
trusted_peers = [ "127.0.0.0/8" ];
answer_deadline_message = 0;
max_pager_in = "16 MiB";
max_sip_size = "16 MiB";
END
export FULL_DISK=$scratch/full ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}
spool=$scratch/spool
LD_PRELOAD=$BUILD/t/wire/libfull-disk.so listen q0 -c "$scratch/large.conf" -p "$port" -n 0 -o "$spool/next"
first=$last_pid
LD_PRELOAD=$BUILD/t/wire/libfull-disk.so listen q1 -c "$scratch/large.conf" -p "$port" -n 1 -o "$spool/next"
queued() { cat "$spool"/next/new/* 2>/dev/null; }
for i in $(seq 40); do request | "$peer" "$udp"; done >"$scratch/statuses"
same "all taken" 40 "$(grep -c '^202' "$scratch/statuses")"
same "and in the queue before their 202" 40 "$(queued | grep -c sip.request)"
same "both processes took some" "0 1" "$(queued | jq .shard | sort -u | tr '\n' ' ' | sed 's/ $//')"
same "10 MB over TCP" 202 "$(request | "$peer" -t 20 -B 10000000 "$tcp")"
same "are a blob" 10000000 "$(queued | jq -r 'select(.sip.body.blob) | .sip.body.size')"
blob=$(queued | jq -r 'select(.sip.body.blob) | .sip.body.blob')
same "octet for octet" "$(python3 -c 'import sys; sys.stdout.write(("0123456789abcde\n" * 625001)[:10000000])' | sha256sum)" "$(cat "$spool/blob/$blob".* | sha256sum)"
for who in "$first" "$last_pid"; do check "and never held whole" test "$(awk '/^VmHWM/ {print $2}' "/proc/$who/status")" -lt "$([ -n "$(nm -D "$BUILD/cmd/sip-listen" | grep -m1 asan)" ] && echo 400000 || echo 20000)"; done
echo write >"$FULL_DISK"
n=$(queued | wc -l)
got=$(request | "$peer" -H Retry-After "$udp")
check "a commit that fails: 503 with Retry-After 5 to 30 ($got)" bash -c '[[ "'"$got"'" =~ ^503\ ([0-9]+)$ ]] && [ ${BASH_REMATCH[1]} -ge 5 ] && [ ${BASH_REMATCH[1]} -le 30 ]'
same "a large body that cannot be stored" 503 "$(request | "$peer" -B 300000 "$tcp")"
echo statvfs >"$FULL_DISK"
sleep 1.1
check "a full disk: 503 before any work" bash -c '[[ "$1" =~ ^503\ [0-9]+$ ]]' - "$(request | "$peer" -H Retry-After "$udp")"
same "nothing of it is in the queue" "$n" "$(queued | wc -l)"
rm -f "$FULL_DISK"
sleep 1.1
same "and on it goes" 202 "$(request | "$peer" "$udp")"
finish
