#!/bin/bash
# inline_result: who hands a mail over gets the answer of the SIP side, by SMTP and LMTP, in place of a DSN; without a waiter a DSN it is.
. "$(dirname "$0")/../lib/wire.sh"
need python3 jq
export spool=$scratch/spool
mkdir "$spool"
smtp=$(free_port)
lmtp=$(free_port)
sip=$(free_port)
head -c 32 /dev/urandom | base64 >"$scratch/key"
chmod 600 "$scratch/key"
cat >"$scratch/conf" <<END
gateway = "gw.example.net";
mail_domain = "rcs.example.net";
sip_domains = [ "ims.example.net" ];
domain_map = ( ("ims.example.net", "rcs.example.net") );
msgid_key = [ "$scratch/key" ];
smtp_listen = [ "smtp:127.0.0.1:$smtp", "lmtp:127.0.0.1:$lmtp" ];
outbound_proxy = "sip:127.0.0.1:$sip;transport=tcp";
postmaster_target = "postmaster@example.org";
inline_result = true;
END
q() { printf '%s=%s' "$1" "$spool/$2"; }
conf=(-c "$scratch/conf")
start listen smtp-listen "${conf[@]}" -i "$spool/smtp-listen" -o "$(q mail.in mail2cpm)" -o "$(q smtp.unsaid report)" -o "$(q smtp.reply mail2cpm)"
start mail2cpm mail2cpm "${conf[@]}" -i "$spool/mail2cpm" -o "$(q sip.send sip-route)" -o "$(q sip.result report)" -o "$(q receipt report)" -o "$(q mail.out mail-route)" -o "$(q thread cpm2mail)" -o "$(q smtp.reply smtp-listen)"
start route sip-route "${conf[@]}" -i "$spool/sip-route" -o "$(q sip.send sip-send)" -o "$(q sip.result report)"
start send sip-send "${conf[@]}" -i "$spool/sip-send" -o "$(q sip.result report)" -o "$(q sip.send sip-route)"
start report report "${conf[@]}" -i "$spool/report" -o "$(q sip.response sip-listen)" -o "$(q sip.forget cpm2mail)" -o "$(q sip.send sip-route)" -o "$(q mail.out mail-route)" -o "$(q smtp.reply smtp-listen)"
wait_tcp "$smtp" 10

# phone: answers by the user's name: "u404-..." is answered with 404, others with 200; "slow..." after 2 s.
cat >"$scratch/phone.py" <<'END'
import os, re, socketserver, sys, time
class Peer(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            head = []
            while True:
                line = self.rfile.readline().decode()
                if not line:
                    return
                if not line.strip():
                    break
                head.append(line.rstrip("\r\n"))
            if not head:
                continue
            length = [int(h.split(":")[1]) for h in head if h.lower().startswith("content-length:")]
            self.rfile.read(length[0] if length else 0)
            user = re.match(r"MESSAGE sip:([^@]*)@", head[0]).group(1)
            code = re.match(r"u(\d+)", user)
            if "again" in user and os.path.exists(sys.argv[2]):
                code = None
            time.sleep(2 if user.startswith("slow") or "slow" in user else 0)
            keep = [h for h in head[1:] if h.split(":")[0].lower() in ("via", "from", "to", "call-id", "cseq")]
            self.wfile.write("\r\n".join(["SIP/2.0 %s Reason" % (code.group(1) if code else "200")] + keep + ["Content-Length: 0", "", ""]).encode())
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("127.0.0.1", int(sys.argv[1])), Peer).serve_forever()
END
start phone python3 "$scratch/phone.py" "$sip" "$scratch/better"
check "the phones listen" wait_tcp "$sip" 10

# give PORT FROM USER...: the answers to the content, one a line.
give() {
	python3 - "$@" <<'END'
import random, socket, sys
port, sender, users = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
s = socket.create_connection(("127.0.0.1", port))
s.settimeout(50)
f = s.makefile("rb")
def answer():
    while True:
        line = f.readline().decode().rstrip()
        if line[3:4] != "-":
            return line
answer()
s.sendall(b"EHLO x\r\n")
hello = answer()
lmtp = hello.startswith("5")
if lmtp:
    s.sendall(b"LHLO x\r\n")
    answer()
for line in ["MAIL FROM:<%s>" % sender] + ["RCPT TO:<%s@rcs.example.net>" % u for u in users] + ["DATA"]:
    s.sendall(line.encode() + b"\r\n")
    answer()
s.sendall(("From: Bob <bob@example.org>\r\nMessage-ID: <%d@example.org>\r\nSubject: x\r\n\r\nhello %d\r\n.\r\n" % (random.getrandbits(60), random.getrandbits(60))).encode())
if "gone" in users[0]:
    s.close()
    sys.exit()
for u in users if lmtp else users[:1]:
    print(" ".join(answer().split()[:2]))
s.sendall(b"QUIT\r\n")
END
}
# offer PORT USER ID N: one mail, the same but for its trace when it is offered again.
offer() {
	python3 - "$@" <<'END'
import socket, sys
port, user, name, n = sys.argv[1:]
s = socket.create_connection(("127.0.0.1", int(port)))
s.settimeout(50)
f = s.makefile("rb")
for line in ["EHLO x", "MAIL FROM:<bob@example.org>", "RCPT TO:<%s@rcs.example.net> NOTIFY=SUCCESS,FAILURE" % user, "DATA", "Received: from x; try %s\r\nFrom: Bob <bob@example.org>\r\nMessage-ID: <%s@example.org>\r\n\r\nhello\r\n." % (n, name)]:
    answer = f.readline().decode()
    while answer[3:4] == "-":
        answer = f.readline().decode()
    s.sendall(line.encode() + b"\r\n")
print(" ".join(f.readline().decode().split()[:2]))
END
}
dsns() { spool-cat "$spool/mail-route" 2>/dev/null | jq -r 'select(.mail.origin.kind == "dsn").mail.body.text | capture("Final-Recipient: rfc822;(?<r>[^\r]*)\r\nAction: (?<a>[a-z]+)\r\nStatus: (?<s>[0-9.]+)") | "\(.r) \(.a) \(.s)"'; }

# the column of table 5.4
while read -r status want; do
	same "SIP $status" "$want" "$(give "$smtp" bob@example.org "u$status-$RANDOM")"
done <<'END'
200 250 2.1.5
202 250 2.1.5
400 554 5.6.0
403 550 5.7.1
404 550 5.1.1
410 550 5.1.6
405 554 5.3.3
480 450 4.2.0
486 450 4.2.0
413 552 5.3.4
484 553 5.1.3
415 554 5.6.1
420 554 5.3.3
482 554 5.4.6
485 553 5.1.4
499 554 5.0.0
500 451 4.4.1
504 451 4.4.1
603 550 5.7.1
END
same "LMTP: each recipient has his own" "550 5.1.1
250 2.1.5
450 4.2.0" "$(give "$lmtp" bob@example.org u404-a anna u480-b)"
same "no DSN beside it" "" "$(dsns)"
same "nothing is tried again" "" "$(spool-cat -s deferred "$spool/sip-send" 2>/dev/null)"
same "refused for a time" "450 4.2.0" "$(offer "$smtp" u480-again again 1)"
same "tried again by its server: asked again" "450 4.2.0" "$(offer "$smtp" u480-again again 2)"
touch "$scratch/better"
same "and taken in the end" "250 2.1.5" "$(offer "$smtp" u480-again again 3)"
same "SMTP with two recipients does not wait" "250 2.0.0" "$(give "$smtp" bob@example.org slow404 u404-c)"
check "  a DSN it is" until_ok 10 sh -c "spool-cat '$spool/mail-route' | grep -q u404-c"
same "  failed" "u404-c@rcs.example.net failed 5.1.1" "$(dsns)"
give "$smtp" bob@example.org u404-slow-gone
dsn_of() { dsns | grep -q "^$1@"; }
check "the client went away: a DSN" until_ok 15 dsn_of u404-slow-gone
began=$SECONDS
same "a mail" "250 2.1.5" "$(offer "$smtp" anna twice 1)"
same "the same once more becomes no message, and its client is told at once" "250 2.0.0" "$(offer "$smtp" anna twice 1)"
same "one for the postmaster goes to him" "250 2.0.0" "$(offer "$smtp" postmaster boss 1)"
check "  neither took long ($SECONDS s)" test $((SECONDS - began)) -lt 20
same "<> is not made to wait" "250 2.0.0" "$(give "$smtp" "" "u404-null")"
finish
