#!/bin/bash
# The way of a mail to a SIP user: smtp-listen, mail2cpm, sip-route, sip-send on queues; text, a large attachment in little memory, order, deaths.
. "$(dirname "$0")/../lib/wire.sh"
need python3 jq
root=$scratch/spool
agent=$(free_port) smtp=$(free_port)
got=$scratch/requests
: >"$got"
start uas "$SOURCE/t/wire/sip-uas" "$agent" "$got" "200 OK"
until_ok 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$agent"
head -c 32 /dev/urandom | base64 >"$scratch/key"
cat >"$scratch/conf" <<END
gateway = "mailgw.ims.example.net";
mail_domain = "rcs.example.net";
sip_domains = [ "ims.example.net" ];
domain_map = ( ("ims.example.net", "rcs.example.net") );
msgid_key = [ "$scratch/key" ];
smtp_listen = [ "smtp:127.0.0.1:$smtp" ];
outbound_proxy = "sip:127.0.0.1:$agent";
postmaster_target = "admin@example.com";
max_mail_in = "25 MiB";
max_large_in = "20 MiB";
rate_mail = 0;
advertise = [ "127.0.0.1:15060" ];
END
mail2cpm_by_hand() { command mail2cpm -c "$scratch/example.conf" "$@" 2>>"$scratch/example.log"; }
service() {
	local name=$1
	shift
	start "$name" "$name" -c "$scratch/conf" "$@"
	eval "pid_${name//-/_}=$last_pid"
}
mail2cpm() {
	service mail2cpm -i "$root/mail2cpm" -o sip.send="$root/sip-route" -o sip.send.routed="$root/sip-send" \
		-o sip.result="$root/report" -o receipt="$root/report" \
		-o mail.out="$root/mail-route" -o thread="$root/cpm2mail"
}
service smtp-listen -o mail.in="$root/mail2cpm"
mail2cpm
service sip-route -i "$root/sip-route" -o sip.send.routed="$root/sip-send" -o sip.result="$root/report"
service sip-send -i "$root/sip-send" -o sip.result="$root/report" -o sip.send="$root/sip-route"
until_ok 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$smtp"

# ---- an example, octet for octet: what differs from time to time (branch, tag, Call-ID) is taken out ----
here=$SOURCE/t/map
sed -e "s|\"msgid.key\"|\"$here/msgid.key\"|" "$here/wire-4.11/conf" >"$scratch/example.conf"
echo 'advertise = [ "mailgw.ims.example.net:5060" ];' >>"$scratch/example.conf"
jq -c '.mail.body.text |= join("\r\n")' "$here/wire-4.11/in.json" | mail2cpm_by_hand --now 2026-03-05T10:15:02Z |
	jq -c 'select(.sip) | .sip.route = {proxy: "<sip:icscf.ims.example.net;lr>", hops: [{transport: "tcp", address: "127.0.0.1", port: '"$agent"'}]}' |
	sip-send -c "$scratch/example.conf" >"$scratch/example.result" 2>"$scratch/example.log"
jq -r '.head + "\r\n\r\n" + .body' "$got" | tr -d '\r' |
	sed -E 's/(;branch=z9hG4bKgw[0-9a-f]+;rport)$/;branch=/; s/;tag=gw-[0-9a-f]+$/;tag=/; s/^Call-ID: e-[0-9a-f]+@/Call-ID: @/' >"$scratch/example"
check "the example of 4.11 leaves as it stands there" diff -u "$here/wire-4.11/request" "$scratch/example"
: >"$got"

# mail SENDER RCPT... 3<MAIL
mail() { python3 - "$smtp" "$@" <<'END'
import smtplib, sys
port, sender, *rcpt = sys.argv[1:]
s = smtplib.SMTP("127.0.0.1", int(port))
s.sendmail(sender, rcpt, open("/dev/fd/3", "rb").read())
s.quit()
END
}
plain() { # plain ID TEXT: a mail of Bob's
	printf '%s\r\n' "From: Bob <bob@example.org>" "To: alice@rcs.example.net" "Subject: Test" "Message-ID: <$1@example.org>" \
		"Date: Thu, 05 Mar 2026 11:15:00 +0100" "" "$2"
}
requests() { jq -r 'select(.again | not) | .branch' "$got" | wc -l; }
have() { [ "$(requests)" -ge "$1" ]; }
texts() { jq -r 'select(.again | not) | .body | split("\r\n\r\n")[2:] | join("\n\n")' "$got"; }

plain one "Hello, Alice." >"$scratch/mail"
mail bob@example.org alice@rcs.example.net 3<"$scratch/mail"
check "a mail becomes a request" until_ok 15 have 1
same "to the user" "MESSAGE sip:alice@ims.example.net SIP/2.0" "$(jq -r .start "$got")"
same "with its text" "Hello, Alice." "$(texts)"
same "and its Conversation-ID" 1 "$(jq -r '.fields["conversation-id"]' "$got" | grep -cE '^[0-9a-f]{32}$')"
same "as many octets as were counted" "$(jq -r .size "$got")" "$(sed -n 's/.*event=mapped.* size=//p' "$scratch/mail2cpm.log")"
same "small enough for a datagram" udp "$(jq -r .transport "$got")"
mail bob@example.org alice@rcs.example.net 3<"$scratch/mail"
until_ok 5 grep -q 'why=duplicate' "$scratch/mail2cpm.log"
check "the same mail again is known" grep -q 'event=discarded.*why=duplicate' "$scratch/mail2cpm.log"
same "and no second request" 1 "$(requests)"

# ---- what proxies would make too large ----
: >"$got"
plain long "$(printf 'x%.0s' $(seq 180))" >"$scratch/mail"
mail bob@example.org alice@rcs.example.net 3<"$scratch/mail"
until_ok 10 have 1
octets=$(jq -r .size "$got")
check "between 1150 and 1300 octets ($octets)" test "$octets" -gt 1150 -a "$octets" -le 1300
same "goes by a stream" tcp "$(jq -r .transport "$got")"
same "as many octets as were counted, too" "$octets" "$(sed -n 's/.*event=mapped.* size=//p' "$scratch/mail2cpm.log" | tail -n 1)"
: >"$got"

# ---- the postmaster's ----
plain two "For the postmaster." >"$scratch/mail"
mail bob@example.org postmaster@rcs.example.net 3<"$scratch/mail"
until_ok 10 bash -c "spool-cat '$root/mail-route' | grep -q admin@example.com"
same "goes on to postmaster_target" "bob@example.org admin@example.com" "$(spool-cat "$root/mail-route" | jq -r '.mail.from + " " + .mail.to[0].address')"

# ---- 10 MB ----
: >"$got"
head -c 10000000 /dev/urandom >"$scratch/big"
python3 - "$scratch/big" >"$scratch/mail" <<'END'
import email.message, email.policy, sys
m = email.message.EmailMessage(policy=email.policy.SMTP)
m["From"], m["To"], m["Subject"], m["Message-ID"] = "bob@example.org", "alice@rcs.example.net", "Big", "<big@example.org>"
m.set_content("See the file.")
m.add_attachment(open(sys.argv[1], "rb").read(), maintype="application", subtype="pdf", filename="big.pdf")
sys.stdout.buffer.write(m.as_bytes())
END
mail bob@example.org alice@rcs.example.net 3<"$scratch/mail"
check "a text and an attachment: two requests" until_ok 60 have 2
same "first the text" "See the file." "$(texts | head -n 1)"
same "then the file, as long as it is" 10000000 "$(jq -rs '[.[] | select(.again | not)][1].body' "$got" | tr -d '\r' | sed -n 's/^Content-Length: //p' | head -n 1)"
same "by a stream" tcp "$(jq -rs '[.[] | select(.again | not)][1].transport' "$got")"
# its digest is that of the CPIM header and the file
python3 - "$got" "$scratch/big" >"$scratch/digest" <<'END'
import hashlib, json, sys
r = [json.loads(line) for line in open(sys.argv[1])][1]
head = r["body"].encode()[:r["body"].encode().index(b"\r\n\r\n", r["body"].index("\r\n\r\n") + 4) + 4]
print(r["sha256"] == hashlib.sha256(head + open(sys.argv[2], "rb").read()).hexdigest(), head.count(b'filename="big.pdf"'))
END
same "octet for octet, under its name" "True 1" "$(cat "$scratch/digest")"
if ! ldd "$BUILD/cmd/mail2cpm" | grep -q asan; then
	for name in smtp-listen mail2cpm sip-route sip-send; do
		eval "pid=\$pid_${name//-/_}"
		kb=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")
		if [ "$kb" -le 24000 ]; then pass "$name: at most 24 MB ($kb kB)"; else fail "$name: at most 24 MB ($kb kB)"; fi
	done
fi

# ---- order, and a death in between ----
: >"$got"
for i in 1 2 3 4 5 6 7 8 9 10; do
	plain "n$i" "number $i" >"$scratch/mail"
	mail bob@example.org alice@rcs.example.net 3<"$scratch/mail"
	if [ "$i" = 5 ]; then
		kill -KILL "$pid_mail2cpm"
		wait "$pid_mail2cpm" 2>/dev/null
		mail2cpm
	fi
done
check "ten mails, ten requests" until_ok 60 have 10
same "in their order, each once" "$(seq -f 'number %g' 10)" "$(texts)"
same "nothing is left" 0 "$(spool-ls -j -r "$root" | jq -s 'map(select(.queue | test("mail2cpm|sip-")) | .waiting + .claimed + .leaving + .deferred + .failed) | add')"
check "no sanitizer had anything to say" bash -c '! grep -hE "runtime error|Sanitizer" "$1"/*.log' - "$scratch"
finish
