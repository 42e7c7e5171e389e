#!/bin/bash
# HEP3: a reader of our own checks every chunk; sngrep shows the ladder of a message. The gateway runs whole, in a pipe of queues.
. "$(dirname "$0")/../lib/wire.sh"
need sipsak jq
sip=$(free_port) capture=$(free_port)
spool=$scratch/spool
mkdir -p "$scratch/Maildir/new" "$scratch/Maildir/cur" "$scratch/Maildir/tmp"
printf 'capture-key\n' >"$scratch/key"
cat >"$scratch/cpmail.conf" <<END
gateway = "gw.example.net";
mail_domain = "gw.example.net";
sip_domains = [ "gw.example.net", "127.0.0.1" ];
sip_listen = [ "udp:127.0.0.1:$sip", "tcp:127.0.0.1:$sip" ];
trusted_peers = ( "127.0.0.0/8" );
next_hop_smarthost = "maildir:$scratch/Maildir";
hep_address = "127.0.0.1:$capture";
hep_capture_id = 4711;
hep_password = "$scratch/key";
END
conf=(-c "$scratch/cpmail.conf")
start reader "$SOURCE/t/lib/hep-reader" "$capture" "$scratch/packets"
reader=$last_pid
until_ok 5 test -s "$scratch/packets"
start sip-listen sip-listen "${conf[@]}" -i "$spool/sip-listen.0" -o sip.request="$spool/cpm2mail"
start cpm2mail cpm2mail "${conf[@]}" -i "$spool/cpm2mail" -o mail.out="$spool/mail-route" -o sip.request="$spool/mail-route" \
	-o sip.response="$spool/sip-listen/1" -o sip.join="$spool/report"
start mail-route mail-route "${conf[@]}" -i "$spool/mail-route" -o mail.out="$spool/smtp-send" -o mail.result="$spool/report" \
	-o sip.request="$spool/cpm2mail" -o sip.response="$spool/sip-listen/1"
start smtp-send smtp-send "${conf[@]}" -i "$spool/smtp-send" -o mail.result="$spool/report"
start report report "${conf[@]}" -i "$spool/report" -o sip.response="$spool/sip-listen/1" -o sip.forget="$spool/cpm2mail"
check "the gateway answers" until_ok 15 sipsak -s "sip:ping@127.0.0.1:$sip"
message() { "$SOURCE/scripts/message" -p "127.0.0.1:$sip" sip:bob@example.org "$1"; }
same "a message is taken" "202 Accepted" "$(message "look at me")"
seen() { jq -se "map(select($1)) | length > 0" "$scratch/packets"; }
check "the request was captured" until_ok 5 seen '.type == 1 and (.payload // "" | startswith("MESSAGE "))'
check "with its body" seen '.type == 1 and (.payload // "" | endswith("\r\n\r\nlook at me"))'
check "and its answer" until_ok 5 seen '.type == 1 and (.payload // "" | startswith("SIP/2.0 202"))'
check "the delivery was captured" until_ok 5 seen '.type == 100 and (.payload // "" | contains("prog=smtp-send")) and (.payload | contains("event=sent"))'
for prog in sip-listen cpm2mail report; do
	check "an event of $prog was captured" until_ok 5 seen ".type == 100 and (.payload // \"\" | contains(\"prog=$prog\"))"
done
tail -n +2 "$scratch/packets" >"$scratch/all"
call=$(jq -r 'select(.type == 1) | .payload' "$scratch/all" | tr -d '\r' | sed -n '/^MESSAGE/,$ s/^Call-ID: //p' | head -n 1)
same "every event is correlated by the Call-ID" "$call" "$(jq -r 'select(.type == 100) | .correlation' "$scratch/all" | sort -u)"
same "from us" "4711 capture-key" "$(jq -r '"\(.agent) \(.key)"' "$scratch/all" | sort -u)"
same "with addresses and ports" "17 2 127.0.0.1 127.0.0.1 $sip" \
	"$(jq -r 'select(.payload | startswith("MESSAGE")) | "\(.protocol) \(.family) \(.from) \(.to) \(.to_port)"' "$scratch/all")"
now=$(date +%s) then=$(jq -r .seconds "$scratch/all" | tail -n 1)
check "and the time" [ $((now - then)) -le 30 ]
exec 3<>"/dev/tcp/127.0.0.1/$sip"
printf 'OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKhep\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: by-tcp\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 4\r\n\r\nbody' >&3
check "a request over TCP too" until_ok 5 seen '.protocol == 6 and (.payload // "" | startswith("OPTIONS")) and (.payload | endswith("\r\n\r\nbody"))'
check "and its answer goes the other way" until_ok 5 seen ".protocol == 6 and .from_port == $sip and (.payload // \"\" | startswith(\"SIP/2.0 200\"))"
exec 3>&-
check "every packet was sound" kill -0 "$reader"

# nobody listens: the gateway does not care
kill -TERM "$reader"; wait "$reader" 2>/dev/null
same "a message without a capture server" "202 Accepted" "$(message "nobody looks")"
same "is delivered all the same" 2 "$(until_ok 10 eval '[ $(ls "$scratch/Maildir/new" | wc -l) = 2 ]'; ls "$scratch/Maildir/new" | wc -l)"

if command -v sngrep >/dev/null && command -v script >/dev/null; then
	export TERM=xterm
	start sngrep script -qec "sngrep -N -L udp:127.0.0.1:$capture -O $scratch/out.pcap" /dev/null
	hex=$(printf '%04X' "$capture")
	until_ok 10 grep -q ":$hex " /proc/net/udp
	# it drops what comes before its screen stands
	check "sngrep reads the request" until_ok 20 eval 'message "for sngrep"; sleep 0.5; grep -aq "for sngrep" "$scratch/out.pcap"'
	check "and the answer" until_ok 10 grep -aq "SIP/2.0 202" "$scratch/out.pcap"
else
	pass "sngrep reads the request # SKIP sngrep is not installed"
fi
finish
