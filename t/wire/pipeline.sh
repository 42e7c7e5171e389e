#!/bin/bash
# sip-listen | cpm2mail | mail-route | smtp-send: a gateway in one shell line, without queues.
. "$(dirname "$0")/../lib/wire.sh"
need sipsak jq
port=$(free_port)
openssl rand -hex 32 >"$scratch/key"; chmod 600 "$scratch/key"
cat >"$scratch/cpmail.conf" <<EOF
gateway = "mailgw.ims.example.net";
mail_domain = "rcs.example.net";
domain_map = (("ims.example.net", "rcs.example.net"));
trusted_peers = ("127.0.0.1");
msgid_key = ("$scratch/key");
max_pager_in = 1000000;
next_hop_smarthost = "maildir:$scratch/Maildir";
EOF
# shellcheck disable=SC2016
start line bash -c 'c="-c $1/cpmail.conf -B $1"
	sip-listen $c -p $2 2>"$1/1.log" | cpm2mail $c 2>"$1/2.log" | mail-route $c 2>"$1/3.log" | smtp-send $c 2>"$1/4.log"' - "$scratch" "$port"
answers() { "$SOURCE/scripts/message" -p "127.0.0.1:$port" "$@"; }
check "a MESSAGE is accepted" until_ok 15 answers "sip:bob@example.org" "one line"
mails() { find "$scratch/Maildir/new" -type f 2>/dev/null | wc -l; }
one_mail() { [ "$(mails)" -ge 1 ]; }
check "a mail comes out" until_ok 10 one_mail
check "with its text" grep -rq "one line" "$scratch/Maildir/new"
same "From is the mapped identity" "From: alice@rcs.example.net" "$(grep -rh ^From: "$scratch/Maildir/new" | tr -d '\r' | head -1)"
same "an address that is none" "404" "$(answers sip:nobody@mailgw.ims.example.net x | cut -c1-3)"
answers -t application/x-game sip:bob@example.org x >"$scratch/refused"
same "a type that no mail is made of" "415" "$(cut -c1-3 "$scratch/refused")"

# a body that is a blob between the programs
python3 - "$port" >"$scratch/large" <<'EOF'
import socket, sys
body = b"--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=x.bin\r\n\r\n" + b"0123456789abcdef" * 20000 + b"\r\n--b--\r\n"
head = ("MESSAGE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5099;branch=z9hG4bKbig\r\nMax-Forwards: 9\r\nFrom: <sip:alice@ims.example.net>;tag=1\r\n"
        "To: <sip:bob@example.org>\r\nCall-ID: big1\r\nCSeq: 1 MESSAGE\r\nContent-Type: multipart/mixed;boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body))
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.settimeout(15)
s.sendall(head.encode() + body)
print(s.recv(4096).decode().split("\r\n")[0])
EOF
check "a large body is accepted" grep -q "SIP/2.0 202" "$scratch/large"
large() { find "$scratch/Maildir/new" -type f -size +400k | grep -q .; }
check "and comes out" until_ok 10 large
ends() { kill -TERM -- "-$last_pid"; for _ in $(seq 100); do kill -0 -- "-$last_pid" 2>/dev/null || return 0; sleep 0.1; done; return 1; }
check "SIGTERM ends the line" ends
check "what came out at the end are results" sh -c "jq -es 'length == 2 and all(.[]; .type == \"mail.result\" and .mail.results[0].outcome == \"done\")' '$scratch/line.log'"
check "nothing from the sanitizers" sh -c "! cat '$scratch'/?.log | grep -e Sanitizer -e 'runtime error'"
finish
