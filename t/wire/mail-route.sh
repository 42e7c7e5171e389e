#!/bin/bash
# mail-route against a real name server (Knot DNS) with zones of ours, and against one that misbehaves.
. "$(dirname "$0")/../lib/wire.sh"
need knotd jq python3

zones=$SOURCE/t/wire/zones
port=$(free_port)
cat >"$scratch/knot.conf" <<END
server:
    listen: 127.0.0.1@$port
    rundir: $scratch/run
    pidfile: $scratch/run/knot.pid
database:
    storage: $scratch/db
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: $zones
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: route.test
    file: route.test.zone
  - domain: e164.test
    file: e164.test.zone
END
mkdir "$scratch/run" "$scratch/db"
start knot knotd -c "$scratch/knot.conf"

cat >"$scratch/common.conf" <<END
gateway = "gw.route.test";
mail_domain = "rcs.route.test";
domain_map = ( ("ims.route.test", "chat.route.test") );
advertise = [ "192.0.2.80:5060" ];
smtp_port = 2525;
enum_suffix = "e164.test";
END
conf=$scratch/knot.cpmail.conf
{
	cat "$scratch/common.conf"
	echo "dns_server = [ \"127.0.0.1:$port\" ];"
	cat <<END
domains = (
	{ name = "six.example"; next_hop_smarthost = "[::1]:2526"; tls_mode = "required"; },
	{ name = "box.example"; next_hop_smarthost = "maildir:/var/mail/box"; },
	{ name = "lo.example"; next_hop_smarthost = "localhost:2527"; },
	{ name = "ns-srv.route.test"; naptr_lookup = false; },
	{ name = "n-own.route.test"; naptr_services = [ "SMTP+D2T", "relay+d2t" ]; smtp_port = 26; }
);
END
} >"$conf"

# mail ADDRESS...: a mail.out record to these recipients; somebody waits for the answer.
answer_by=$(($(date +%s) * 1000 + 600000))
mail() {
	local id=00000000000000000000000001
	jq -nc --arg id "$id" --argjson by "$answer_by" '{v: 1, id: $id, trace: $id, time: "2026-11-20T12:00:00.000Z", type: "mail.out",
		mail: {from: "alice@rcs.route.test", to: [$ARGS.positional[] | {address: .}], envid: "t.1", message_id: "m.1@rcs.route.test",
		size: 14, body: {type: "message/rfc822", text: "Subject: x\r\n\r\n"},
		origin: {id: $id, transaction: "t1", shard: 3, answer_by: $by, recipients: 1}}}' --args "$@"
}
# mails N ADDRESS: N such records, each with an id of its own, which also stands for the "%" of the address.
mails() {
	mail "$2" | jq -c --argjson n "$1" 'range($n) as $i | ($i + 100000 | tostring) as $k
		| .id = "00000000000000000000" + $k | .mail.to[0].address |= gsub("%"; $k)'
}
# brief: each record as one short line.
brief() {
	jq -r 'if .type == "mail.out.routed" then
			[.mail.to[].address] as $to | .mail.route |
			if .path then "\($to | join(",")) \(.engine) \(.path)"
			else "\($to | join(",")) \(.tls) \([.hosts[] | "\(.name):\(.port)=\(.addresses | join(","))"] | join(" "))" end
		elif .type == "mail.result" then .mail.results[] | "\(.address) \(.outcome) \(.enhanced)"
		elif .type == "sip.request" then "\(.sip.enum.number) \(.sip.enum.address)"
		elif .type == "sip.response" then "\(.sip.transaction) \(.sip.status) \(.sip.reason) shard \(.shard)"
		else .type end'
}
route() { mail-route -c "$conf" 2>>"$scratch/err" | brief; }
# leads ADDRESS WHAT NAME
leads() { same "$3" "$1 $2" "$(mail "$1" | route)"; }

check "the name server answers" until_ok 10 kdig +retry=0 +timeout=1 @127.0.0.1 -p "$port" soa route.test

A=a.route.test:2525=2001:db8::1,192.0.2.1,192.0.2.11
B=b.route.test:2525=192.0.2.2
C=c.route.test:2525=192.0.2.3
SIX=six.route.test:2525=2001:db8::6

# The name server may give the addresses of one host in any order.
same "MX: by preference, every address, IPv6 first" "u@mx.route.test opportunistic $A $B $SIX" \
	"$(mail u@mx.route.test | route | sed 's/192.0.2.11,192.0.2.1 /192.0.2.1,192.0.2.11 /')"
leads u@v6only.route.test "opportunistic $SIX" "a host with IPv6 only"
leads u@null.route.test "permanent 5.1.10" "null MX"
leads u@implicit.route.test "opportunistic implicit.route.test:2525=2001:db8::4,192.0.2.4" "implicit MX"
leads u@nodata.route.test "permanent 5.1.2" "neither MX nor address"
leads u@nothing.route.test "permanent 5.1.2" "no such domain"
leads u@unresolvable.route.test "temporary 4.4.3" "MX without address: never the implicit MX"
leads u@partly.route.test "opportunistic $B" "one MX of two has an address"
same "the domain is an alias" "u@alias.route.test opportunistic b.route.test:2525 six.route.test:2525" \
	"$(mail u@alias.route.test | route | sed 's/=[^ ]*//g; s/a.route.test:2525 //')"
leads u@alias-host.route.test "opportunistic to-b.route.test:2525=192.0.2.2" "the MX host is an alias"
leads "u@b$(printf '\303\274')cher.route.test" "opportunistic $B" "IDN: asked as A-label"
leads u@XN--BCHER-KVA.Route.Test "opportunistic $B" "A-label in capitals"
leads "u@[192.0.2.7]" "opportunistic 192.0.2.7:2525=192.0.2.7" "address literal"
leads "u@[IPv6:2001:db8::7]" "opportunistic 2001:db8::7:2525=2001:db8::7" "IPv6 literal"
same "five addresses in two families" 5 "$(mail u@wide.route.test | mail-route -c "$conf" 2>>"$scratch/err" | jq '.mail.route.hosts[0].addresses | length')"

leads u@loop.route.test "permanent 5.4.6" "our name is the best MX"
leads u@loop2.route.test "opportunistic $(mail u@loop2.route.test | route | grep -o 'a.route.test[^ ]*')" "only hosts better than we are"
same "and none of the others" 1 "$(mail u@loop2.route.test | mail-route -c "$conf" 2>>"$scratch/err" | jq '.mail.route.hosts | length')"
leads u@loop3.route.test "permanent 5.4.6" "our address among equals"
leads u@loop4.route.test "permanent 5.4.6" "our address as implicit MX"
leads u@rcs.route.test "permanent 5.4.6" "our mail domain"
leads u@Chat.route.test "permanent 5.4.6" "a mail domain of domain_map"
leads "u@[192.0.2.80]" "permanent 5.4.6" "our address as literal"

leads u@na.route.test "opportunistic six.route.test:2525=2001:db8::6 b.route.test:2525=192.0.2.2" "NAPTR A: by order, MX not used"
leads u@ns-srv.route.test "opportunistic $C" "naptr_lookup off for a domain"
sed 's/name = "ns-srv.route.test"/name = "x.route.test"/' "$conf" >"$conf.naptr"
same "NAPTR S: SRV by priority with its ports" "a.route.test:2525 b.route.test:2626" \
	"$(mail u@ns-srv.route.test | mail-route -c "$conf.naptr" 2>>"$scratch/err" | jq -r '[.mail.route.hosts[] | "\(.name):\(.port)"] | join(" ")')"
leads u@n-root.route.test "opportunistic $C" "SRV target . : MX"
leads u@n-other.route.test "opportunistic $C" "other service, regexp, flag u: MX"
leads u@n-gone.route.test "opportunistic $C" "NAPTR target without address: MX"
leads u@n-loop.route.test "permanent 5.4.6" "NAPTR leads to us"
leads u@n-own.route.test "opportunistic c.route.test:465=192.0.2.3" "a NAPTR service of the configuration"

same "a mail that may travel under TLS only" "required" \
	"$(mail u@null.route.test u@partly.route.test | jq -c '.mail.require_tls = true' | mail-route -c "$conf" 2>>"$scratch/err" | jq -r '.mail.route.tls // empty')"
leads u@six.example "required ::1:2526=::1" "smarthost for a domain: IPv6, port, TLS"
leads u@box.example "maildir /var/mail/box" "smarthost for a domain: Maildir"
same "smarthost by name" "localhost:2527" \
	"$(mail u@lo.example | mail-route -c "$conf" 2>>"$scratch/err" | jq -r '.mail.route.hosts[0] | "\(.name):\(.port)"')"
same "its address comes from the hosts file" true \
	"$(mail u@lo.example | mail-route -c "$conf" 2>>"$scratch/err" | jq '.mail.route.hosts[0].addresses | inside(["127.0.0.1", "::1"])')"

echo secret >"$scratch/password"
{ cat "$conf"; echo "smarthost_auth = ( \"gw\", \"$scratch/password\" );"; } >"$conf.auth"
same "AUTH is for the smarthost only, by the knob's name" '"smarthost_auth" null' \
	"$(mail u@six.example u@partly.route.test | mail-route -c "$conf.auth" 2>>"$scratch/err" | jq -c .mail.route.auth | paste -sd ' ')"

# To the end: the second mail exchanger takes what the first one, where nobody listens, does not.
if command -v smtp-sink >/dev/null; then
	sink=$(free_port)
	start sink smtp-sink -u "$(id -un)" "127.0.0.1:$sink" 10
	check "a mail server is there" wait_tcp "$sink"
	sed "s/^smtp_port = .*/smtp_port = $sink; tls_mode = \"off\";/" "$conf" >"$conf.sink"
	same "the mail goes to the next host" "u@sink.route.test done 2.0.0 alive.route.test" \
		"$(mail u@sink.route.test | mail-route -c "$conf.sink" 2>>"$scratch/err" | smtp-send -c "$conf.sink" 2>>"$scratch/err" |
			jq -r '.mail.results[] | "\(.address) \(.outcome) \(.enhanced) \(.host)"')"
fi

# One mail for several domains.
same "split by domain, failures told" "a@v6only.route.test,c@v6only.route.test opportunistic $SIX
b@partly.route.test opportunistic $B
d@null.route.test permanent 5.1.10
e@unresolvable.route.test temporary 4.4.3" \
	"$(mail a@v6only.route.test b@partly.route.test c@v6only.route.test d@null.route.test e@unresolvable.route.test | route)"
mail a@v6only.route.test d@null.route.test b@partly.route.test | mail-route -c "$conf" 2>>"$scratch/err" >"$scratch/split"
same "ids of their own" 3 "$(jq -r .id "$scratch/split" | sort -u | wc -l)"
same "the rest of the mail is passed on" '["alice@rcs.route.test","t.1","Subject: x\r\n\r\n",3]' \
	"$(jq -c 'select(.type | startswith("mail.out")) | [.mail.from, .mail.envid, .mail.body.text, .mail.origin.shard]' "$scratch/split" | sort -u)"
same "the result names its mail" '["m.1@rcs.route.test","t1",0]' \
	"$(jq -c 'select(.type == "mail.result") | [.mail.message_id, .mail.origin.transaction, .mail.results[0].code]' "$scratch/split")"

# Equal preference: by chance, but the same record the same way.
mails 300 u@equal.route.test >"$scratch/equal"
mail-route -c "$conf" <"$scratch/equal" 2>>"$scratch/err" | jq -r '.mail.route.hosts[0].name' >"$scratch/first"
mail-route -c "$conf" <"$scratch/equal" 2>>"$scratch/err" | jq -r '.mail.route.hosts[0].name' >"$scratch/again"
check "a repetition goes the same way" cmp "$scratch/again" "$scratch/first"
check "each of three comes first 60 to 140 times in 300" awk '{n[$1]++} END {for (h in n) {k++; if (n[h] < 60 || n[h] > 140) exit 1}; exit k != 3}' "$scratch/first"

# ---- telephone numbers ----

ask() {
	jq -nc --arg uri "$1" '{v: 1, id: "00000000000000000000000002", trace: "00000000000000000000000002", time: "2026-11-20T12:00:00.000Z",
		type: "sip.request", shard: 2, sip: {method: "MESSAGE", uri: $uri, headers: [["Call-ID", "x"]], transaction: "t2",
		peer: {transport: "udp", address: "127.0.0.1", port: 5060, trusted: true}, received: 0, enum_wanted: true}}'
}
number() { same "$3" "$2" "$(ask "$1" | route)"; }
none="t2 404 Not Found shard 2"
number tel:+14155550101 "+14155550101 carol@example.org" "ENUM: one rule"
number "tel:+1-415-555-0102;phone-context=x" "+14155550102 5550102.415@example.org" "groups, visual separators"
number "sip:+14155550103@gw.route.test;user=phone" "+14155550103 compound@example.org" "compound service, order, preference"
number tel:+14155550104 "+14155550104 14155550104@carrier.example" "non-terminal rules"
number tel:+14155550105 "$none" "a ring of rules"
number tel:+14155550106 "+14155550106 out@example.org" "a ring is left for the next rule"
number tel:+14155550107 "$none" "an expression that costs too much"
number tel:+14155550108 "$none" "no mail service"
number tel:+14155550199 "$none" "no such number"
number "tel:7042;phone-context=corp.example" "$none" "a local number"
same "the question is gone from the record" '{"number":"+14155550101","address":"carol@example.org"} null x' \
	"$(ask tel:+14155550101 | mail-route -c "$conf" 2>>"$scratch/err" | jq -r '"\(.sip.enum) \(.sip.enum_wanted) \(.sip.headers[0][1])"')"
same "a request without question passes unchanged" "$(ask tel:+14155550101 | jq -c 'del(.sip.enum_wanted)')" \
	"$(ask tel:+14155550101 | jq -c 'del(.sip.enum_wanted)' | mail-route -c "$conf" 2>>"$scratch/err")"

# The whole way of a message to a number: asked for by cpm2mail, answered here, mapped by cpm2mail.
message='.sip += {method: "MESSAGE", from: {uri: "sip:alice@ims.example.net"}, body: {type: "text/plain", text: "hello"},
	headers: [["From", "<sip:alice@ims.example.net>;tag=1"], ["To", "<tel:+14155550101>"], ["Call-ID", "x"], ["CSeq", "1 MESSAGE"],
	["Content-Type", "text/plain"]]} | del(.sip.enum_wanted)'
same "a message to a number becomes a mail" "carol@example.org" \
	"$(ask tel:+14155550101 | jq -c "$message" | cpm2mail -c "$conf" 2>>"$scratch/err" | mail-route -c "$conf" 2>>"$scratch/err" |
		cpm2mail -c "$conf" 2>>"$scratch/err" | jq -r 'select(.type | startswith("mail.out")) | .mail.to[].address')"

# ---- a name server that misbehaves ----

bad=$(free_port)
start peer "$SOURCE/t/wire/dns-peer" "$bad" "$scratch/questions"
check "the bad name server is there" wait_tcp "$bad"
conf=$scratch/bad.cpmail.conf
{ cat "$scratch/common.conf"; echo "dns_server = [ \"127.0.0.1:$bad\" ];"; } >"$conf"
HOST=host.bad.test:2525=192.0.2.53
# All in one batch: each of them may take its time beside the others.
while read -r name what; do
	mail "u@$name.bad.test"
	echo "u@$name.bad.test $what" >&2
done >"$scratch/bad" 2>"$scratch/expected" <<END
servfail temporary 4.4.3
silent temporary 4.4.3
naptr-mute opportunistic $HOST
mx-fail temporary 4.4.3
host-mute temporary 4.4.3
garbage temporary 4.4.3
lost opportunistic $HOST
stranger opportunistic stranger.bad.test:2525=192.0.2.53
END
route <"$scratch/bad" >"$scratch/out"
while read -r address what; do
	same "a name server that is, or has: ${address%.bad.test}" "$address $what" "$(grep "^$address " "$scratch/out")"
done <"$scratch/expected"
same "a truncated answer is asked for by TCP, the best 32 hosts are taken" '["h0.host.test","h31.host.test",32]' \
	"$(mail u@big.bad.test | mail-route -c "$conf" 2>>"$scratch/err" | jq -c '.mail.route.hosts | [.[0].name, .[-1].name, length]')"
sed -i 's/^enum_suffix.*/enum_suffix = "servfail.bad.test";/' "$conf"
number tel:+14155550101 "t2 480 Temporarily Unavailable shard 2" "ENUM: SERVFAIL"
sed -i 's/^enum_suffix.*/enum_suffix = "empty.bad.test";/' "$conf"
number tel:+14155550101 "$none" "ENUM: an empty tree is no failure"

: >"$scratch/questions"
mails 40 u@naptr-mute.bad.test >"$scratch/same"
mail-route -c "$conf" <"$scratch/same" >"$scratch/out" 2>>"$scratch/err"
same "forty mails for one domain" 40 "$(grep -c naptr-mute "$scratch/out")"
same "ask its MX once" 1 "$(grep -c '^15 naptr-mute' "$scratch/questions")"

mails 40 u@silent.n%.test >"$scratch/many"
begin=$SECONDS
mail-route -c "$conf" <"$scratch/many" 2>>"$scratch/err" | brief | grep -c 'temporary 4.4.3' >"$scratch/count"
same "forty dead domains" 40 "$(cat "$scratch/count")"
check "are waited for together" [ $((SECONDS - begin)) -lt 15 ]

# Nobody waits, or on_transient says so: the mail is tried again.
mail u@servfail.bad.test u@null.example | jq -c --argjson by 1000 '.mail.origin.answer_by = $by' | mail-route -c "$conf" >"$scratch/out" 2>>"$scratch/err"
same "nobody waits: status 111" 111 "${PIPESTATUS[2]}"
check "the wait is told once" grep -q '"outcome":"queued","code":0,"enhanced":"4.4.3"' "$scratch/out"
echo 'on_transient = "queue";' >>"$conf"
mail u@servfail.bad.test | mail-route -c "$conf" >"$scratch/out" 2>>"$scratch/err"
same "on_transient = queue: status 111" 111 "${PIPESTATUS[1]}"
check "queued" grep -q '"outcome":"queued"' "$scratch/out"

# The same in queues: what has a way goes it, the rest is deferred and comes back.
queue=$scratch/spool/mail-route
mail a@fine.bad.test b@servfail.bad.test c@servfail.bad.test | spool-put -m "$queue"
start queue mail-route -c "$conf" -i "$queue" -o mail.out="$scratch/spool/smtp-send" -o mail.result="$scratch/spool/report"
until_ok 10 bash -c "spool-cat -s deferred '$queue' | grep -q ."
same "one domain goes on" "a@fine.bad.test" "$(spool-cat "$scratch/spool/smtp-send" | jq -r '.mail.to[].address')"
same "the wait is told" "b@servfail.bad.test queued 4.4.3
c@servfail.bad.test queued 4.4.3" "$(spool-cat "$scratch/spool/report" | brief)"
spool-cat -s deferred "$queue" >"$scratch/deferred"
same "the others wait" '["b@servfail.bad.test","c@servfail.bad.test"] 1 4.4.3' \
	"$(jq -r '"\([.mail.to[].address] | tostring) \(.retry.times) \(.retry.code)"' "$scratch/deferred")"
due=$(spool-ls -j -l -r "$scratch/spool" | jq -r 'select(.state == "deferred") | .due')
same "for a minute, give or take a tenth" true "$(jq --arg due "$due" 'def s: sub("[.][0-9]+Z"; "Z") | fromdate; ($due | s) - (.retry.last | s) | . >= 53 and . <= 67' "$scratch/deferred")"
# a later try that is too late, and one that finds the way
jq -c '.retry.first = "2026-01-01T00:00:00.000Z" | .retry.times = 9' "$scratch/deferred" >"$scratch/old"
same "older than queue_lifetime: given up" "b@servfail.bad.test permanent 4.4.7
c@servfail.bad.test permanent 4.4.7" "$(route <"$scratch/old")"
jq -c '.mail.to = [{address: "b@fine.bad.test"}]' "$scratch/deferred" | mail-route -c "$conf" >"$scratch/out" 2>>"$scratch/err"
same "found at last" b@fine.bad.test "$(jq -r '.mail.to[].address' "$scratch/out")"
check "under an id of its own" [ "$(jq -r .id "$scratch/out")" != "$(spool-cat "$scratch/spool/smtp-send" | jq -r .id)" ]

# A dead name server of one domain delays no other.
{ mail u@silent.bad.test; mails 3 u@fine%.bad.test; ask tel:+14155550101 | jq -c '.sip.enum_wanted = "+999"'; } >"$scratch/mixed"
printf '%s\n' "enum_suffix = \"silent.bad.test\";" | cat - <(grep -v '^enum_suffix' "$conf") >"$conf.slow"
slow=$scratch/slow
spool-put -m "$slow/mail-route" <"$scratch/mixed"
start slow mail-route -c "$conf.slow" -i "$slow/mail-route" -o mail.out="$slow/smtp-send" -o mail.result="$slow/report" -o sip="$slow/sip"
arrived() { [ "$(spool-cat "$2" 2>/dev/null | wc -l)" -ge "$1" ]; }
check "the others leave while it is waited for" until_ok 2 arrived 3 "$slow/smtp-send"
same "before anything is said about it" 0 "$(spool-cat "$slow/report" 2>/dev/null | wc -l)"
check "in the end its wait is told" until_ok 15 arrived 1 "$slow/report"
same "once, as queued" "u@silent.bad.test queued 4.4.3" "$(spool-cat "$slow/report" | brief)"
check "a dead ENUM tree is told, too" until_ok 15 arrived 1 "$slow/sip"
same "as 480" "t2 480 Temporarily Unavailable shard 2" "$(spool-cat "$slow/sip" | brief)"
same "its next try is the first of the schedule" 1 \
	"$(until_ok 5 bash -c "spool-cat -s deferred '$slow/mail-route' | grep -q ."; spool-cat -s deferred "$slow/mail-route" | jq '.retry.times - .mail.asking')"
# ended while a name is being looked up: the record waits where it was
mail u@silent.late.test | spool-put "$slow/mail-route"
sleep 0.6
kill -TERM "$last_pid"
check "it ends at once" until_ok 3 bash -c "! kill -0 $last_pid 2>/dev/null"
check "and the record is still there" bash -c "spool-cat '$slow/mail-route' | grep -q silent.late.test"
cat "$scratch/queue.log" "$scratch/slow.log" >>"$scratch/err"
check "no sanitizer had anything to say" bash -c '! grep -E "runtime error|Sanitizer" "$1"' - "$scratch/err"
finish
