#!/bin/bash
# sip-route and sip-send along a zone of a real name server (Knot DNS), to sipp; and by way of a real proxy (Kamailio) that wants a password.
. "$(dirname "$0")/../lib/wire.sh"
. "$SOURCE/t/lib/peers.sh"
need knotd sipp jq python3 kamailio

dns=$(free_port) server=$(free_port) dead=$(free_port) proxy=$(free_port)
mkdir "$scratch/run" "$scratch/db"
cat >"$scratch/sip.test.zone" <<END
\$ORIGIN sip.test.
\$TTL 60
@		SOA	ns hostmaster 1 3600 600 86400 60
		NS	ns
ns		A	127.0.0.1
alive		A	127.0.0.1
far		A	192.0.2.1
		AAAA	2001:db8::1
; the first server is dead, the second is not
two		SRV	0 0 0 .
two		NAPTR	10 10 "s" "SIP+D2T" "" _sip._tcp.two
two		NAPTR	20 10 "s" "SIP+D2U" "" _sip._udp.two
_sip._tcp.two	SRV	10 0 $dead alive
_sip._udp.two	SRV	10 0 $dead alive
_sip._udp.two	SRV	20 0 $server alive
order		NAPTR	10 20 "s" "SIP+D2U" "" _sip._udp.order
order		NAPTR	10 10 "s" "SIPS+D2T" "" _sips._tcp.order
_sips._tcp.order SRV	0 0 5061 far
_sip._udp.order	SRV	0 0 5060 far
srv		A	192.0.2.9
_sip._tcp.srv	SRV	0 0 5070 far
1.1.1.0.5.5.5.5.1.4.1.e164 NAPTR 10 10 "u" "E2U+sip" "!^.*\$!sip:carol@alive.sip.test:$server!" .
2.1.1.0.5.5.5.5.1.4.1.e164 NAPTR 10 10 "u" "E2U+email:mailto" "!^.*\$!mailto:carol@example.org!" .
END
cat >"$scratch/knot.conf" <<END
server:
    listen: 127.0.0.1@$dns
    rundir: $scratch/run
    pidfile: $scratch/run/knot.pid
database:
    storage: $scratch/db
log:
  - target: stderr
    any: warning
zone:
  - domain: sip.test
    storage: $scratch
    file: sip.test.zone
    zonefile-sync: -1
    journal-content: none
END
start knot knotd -c "$scratch/knot.conf"
check "the name server answers" until_ok 10 kdig +retry=0 +timeout=1 @127.0.0.1 -p "$dns" soa sip.test
printf '%s\n' 'gateway = "gw.example.net";' "dns_server = [ \"127.0.0.1:$dns\" ];" 'enum_suffix = "e164.sip.test";' >"$scratch/conf"
{ cat "$scratch/conf"; echo 'enum_for_sip = true;'; } >"$scratch/enum"
{ cat "$scratch/conf"; echo 'outbound_proxy = "sip:127.0.0.1:5066;transport=tcp";'; } >"$scratch/proxy"

# request URI: a sip.send.
echo 0 >"$scratch/serial" # requests are made in subshells
request() {
	local serial=$(($(cat "$scratch/serial") + 1))
	echo "$serial" >"$scratch/serial"
	jq -nc --arg uri "$1" --arg id "$(printf '%026d' "$serial")" '{v: 1, id: $id, trace: $id, time: "2026-11-20T12:00:00.000Z", type: "sip.send",
		sip: {method: "MESSAGE", uri: $uri, headers: [["From", "<sip:bob@gw.example.net>"]], body: {type: "text/plain", text: "hello"}, origin: {n: 1}}}'
}
way() { request "$1" | sip-route -c "${2:-$scratch/conf}" 2>>"$scratch/err" | jq -r '.sip | if .route then [.route.hops[] | "\(.transport):\(.address):\(.port)"] | join(" ") else "\(.outcome) \(.status) \(.enhanced)" end'; }

same "numeric host" "udp:192.0.2.7:5060" "$(way sip:a@192.0.2.7)"
same "IPv6, port and transport" "tcp:2001:db8::7:5070" "$(way 'sip:a@[2001:db8::7]:5070;transport=tcp')"
same "explicit port: addresses" "udp:2001:db8::1:5080 udp:192.0.2.1:5080" "$(way sip:a@far.sip.test:5080)"
same "no NAPTR, no SRV" "udp:127.0.0.1:5060" "$(way sip:a@alive.sip.test)"
same "sips" "tls:127.0.0.1:5061" "$(way sips:a@alive.sip.test)"
same "SRV, not the host's own address" "tcp:2001:db8::1:5070 tcp:192.0.2.1:5070" "$(way sip:a@SRV.sip.test)"
same "NAPTR by preference" "tls:2001:db8::1:5061 tls:192.0.2.1:5061 udp:2001:db8::1:5060 udp:192.0.2.1:5060" "$(way sip:a@order.sip.test)"
same "the certificate must bear the name that was asked for" order.sip.test "$(request sip:a@order.sip.test | sip-route -c "$scratch/conf" 2>>"$scratch/err" | jq -r '.sip.route.hops[0].name')"
same "no such host" "permanent 404 5.1.2" "$(way sip:a@gone.sip.test)"
same "not a SIP URI" "permanent 416 5.1.3" "$(way mailto:a@b.test)"
printf 'gateway = "gw.example.net";\ndns_server = [ "127.0.0.1:%s" ];\n' "$dead" >"$scratch/deaf"
same "no name server: tried again" "queued 503 4.4.3" "$(way sip:a@far.sip.test "$scratch/deaf")"
same "but not what is to be tried once" "permanent 503 4.4.3" "$(request sip:a@far.sip.test | jq -c '.sip.resend = 0' | sip-route -c "$scratch/deaf" 2>>"$scratch/err" |
	jq -r '.sip | "\(.outcome) \(.status) \(.enhanced)"')"
same "a number without proxy" "permanent 404 5.1.1" "$(way tel:+14155550111)"
same "a number by ENUM" "udp:127.0.0.1:$server" "$(way tel:+1-415-555-0111 "$scratch/enum")"
same "is the Request-URI then" "sip:carol@alive.sip.test:$server" "$(request tel:+14155550111 | sip-route -c "$scratch/enum" 2>>"$scratch/err" | jq -r .sip.uri)"
same "a number with a mail address only" "permanent 404 5.1.1" "$(way tel:+14155550112 "$scratch/enum")"
same "the proxy takes everything" "tcp:127.0.0.1:5066 <sip:127.0.0.1:5066;transport=tcp;lr>" \
	"$(way tel:+14155550111 "$scratch/proxy") $(request tel:+14155550111 | sip-route -c "$scratch/proxy" 2>>"$scratch/err" | jq -r .sip.route.proxy)"
same "what is passed on is whole" '{"n":1} hello' "$(request sip:a@192.0.2.7 | sip-route 2>>"$scratch/err" | jq -r '"\(.sip.origin | tostring) \(.sip.body.text)"')"
sed "s/127.0.0.1:$dns/127.0.0.1:$dead/" "$scratch/conf" >"$scratch/mute"
same "no name server: tried again" "queued 503 4.4.3" "$(way sip:a@two.sip.test "$scratch/mute")"

# ---- to a server ----
phone_start server "$server" -trace_msg -message_file "$scratch/server.messages"
go() { sip-route -c "$1" 2>>"$scratch/err" | sip-send -c "$1" 2>>"$scratch/err" | jq -r '.sip | "\(.outcome) \(.status) \(.reason) \(.target)"'; }
sleep 0.3
same "past the dead ones to the one that answers" "done 200 Fine 127.0.0.1:$server" "$(request sip:a@two.sip.test | go "$scratch/conf")"

# ---- by way of a proxy that asks for a password ----
ha1=$(printf 'gw:ims.test:secret' | md5sum | cut -d' ' -f1)
cat >"$scratch/kamailio.cfg" <<END
#!KAMAILIO
listen=udp:127.0.0.1:$proxy
listen=tcp:127.0.0.1:$proxy
children=1
tcp_children=1
log_stderror=yes
debug=0
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "auth.so"
request_route {
	if (is_method("OPTIONS")) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (!pv_proxy_authenticate("ims.test", "$ha1", "1")) {
		proxy_challenge("ims.test", "1");
		exit;
	}
	consume_credentials();
	loose_route();
	\$du = "sip:127.0.0.1:$server";
	t_relay();
}
END
sed -i 's/is_method("OPTIONS")/method == "OPTIONS"/' "$scratch/kamailio.cfg"
kamailio_start "$scratch/kamailio.cfg" "$proxy"
echo secret >"$scratch/password"
echo wrong >"$scratch/wrong"
for transport in udp tcp; do
	{ cat "$scratch/conf"; echo "outbound_proxy = \"sip:127.0.0.1:$proxy;transport=$transport\"; sip_auth = ( (\"ims.test gw\", \"$scratch/password\") );"; } >"$scratch/$transport"
	same "through it by $transport" "done 200 Fine 127.0.0.1:$proxy" "$(request tel:+14155550111 | go "$scratch/$transport")"
done
check "the server saw no credentials" bash -c "! grep -qi '^Proxy-Authorization' '$scratch/server.messages'"
sed "s|$scratch/password|$scratch/wrong|" "$scratch/udp" >"$scratch/refused"
same "a wrong password is told" "queued 407" "$(request tel:+14155550111 | go "$scratch/refused" | cut -d' ' -f1,2)"
check "and an alarm is logged" grep -q 'level=error.*event=not-authenticated' "$scratch/err"
sed 's/sip_auth.*//' "$scratch/udp" >"$scratch/nobody"
same "no credentials at all" "queued 407" "$(request tel:+14155550111 | go "$scratch/nobody" | cut -d' ' -f1,2)"
many() { request sip:x@b.test | jq -c 'range(50) as $i | .id = "900000000000000000000000" + ($i + 10 | tostring) | .sip.uri = "sip:u\($i)@b.test"'; }
same "fifty at once" "50 done 200" "$(many | go "$scratch/tcp" | cut -d' ' -f1,2 | sort | uniq -c | xargs)"
check "no sanitizer had anything to say" bash -c '! grep -E "runtime error|Sanitizer" "$1"' - "$scratch/err"
finish
