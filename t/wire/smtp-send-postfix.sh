#!/bin/bash
# smtp-send towards mail servers that others wrote: a Postfix of its own (delivery, refusals, DSN, large mails, memory), and smtp-sink.
. "$(dirname "$0")/../lib/wire.sh"
. "$(dirname "$0")/smtp-lib.sh"
. "$SOURCE/t/lib/peers.sh"
need smtp-sink jq
need_postfix

boxes=$scratch/boxes
port=$(free_port)
mkdir -p "$boxes"
chown 5000:5000 "$boxes"
printf '%s\n' 'bob@example.org example.org/bob/' 'carol@example.org example.org/carol/' 'alice@rcs.example.net rcs/alice/' >"$postfix/etc/boxes"
echo 'carol@example.org 450 4.7.1 come back later' >"$postfix/etc/access"
postfix_start "$port" <<END
myhostname = mail.example.org
virtual_mailbox_domains = example.org, rcs.example.net
virtual_mailbox_base = $boxes
virtual_mailbox_maps = texthash:$postfix/etc/boxes
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
virtual_mailbox_limit = 0
message_size_limit = 30000000
smtpd_recipient_restrictions = check_recipient_access texthash:$postfix/etc/access, reject_unauth_destination
END

box() { find "$boxes/$1/new" -type f 2>/dev/null; }
has() { [ -n "$(box "$1")" ]; }
# What Postfix put behind its own Received lines: from the first line of ours on.
ours() { sed -n '/^From: alice/,$p' "$(box "$1" | head -1)"; }

mail one bob@example.org >"$scratch/in"
send <"$scratch/in"
same "Postfix takes a mail" "bob@example.org done 250 2.0.0" "$(results)"
check "  and delivers it" until_ok 15 has example.org/bob
same "  with what it began with a dot" "$(printf "$body" | tr -d '\r')" "$(ours example.org/bob)"
rm -rf "$boxes/example.org/bob"

# ---- DSN: the report comes to the sender ----
check "a report of the delivery comes back" until_ok 15 has rcs/alice
check "  with our ENVID" grep -q '^Original-Envelope-Id: t.6ph2vzcdcupotrcr4fptgjkeet' $(box rcs/alice)
check "  and our ORCPT" grep -q '^Original-Recipient: rfc822;bob@example.org' $(box rcs/alice)
check "  headers only, by RET" grep -q 'text/rfc822-headers' $(box rcs/alice)

mail two bob@example.org nobody@example.org carol@example.org eve@elsewhere.example >"$scratch/in"
send <"$scratch/in"
same "each recipient as Postfix decides" "bob@example.org done 250 2.0.0
nobody@example.org permanent 550 5.1.1
carol@example.org temporary 450 4.7.1
eve@elsewhere.example permanent 554 5.7.1" "$(results)"
check "  delivered to whom it took" until_ok 15 has example.org/bob
rm -rf "$boxes/example.org/bob"

change='.mail.body.text |= gsub("Subject: test"; "Subject: test\r\nReceived: from x by y with SIP id 1; Thu, 05 Mar 2026 09:30:00 +0100\r\nReceived: from z by x; Thu, 05 Mar 2026 09:29:00 +0100\r\nX-CPM-Gateway: gw\r\nDisposition-Notification-To: <alice@rcs.example.net>\r\nX-Mms-Message-ID: \"1\"\r\nResent-To: d@example.org")' \
	mail three bob@example.org >"$scratch/in"
send <"$scratch/in"
check "trace and extension headers" until_ok 15 has example.org/bob
same "  arrive all" "1 1 2 1 1" "$(for h in X-CPM-Gateway Disposition-Notification-To 'Received: from [xz]' X-Mms-Message-ID Resent-To; do grep -c "^$h" "$(box example.org/bob)"; done | paste -sd' ')"
rm -rf "$boxes/example.org/bob"

# ---- 10 MB, from a blob, with little memory ----
mkdir "$scratch/blobs"
blob=$(id_of big)
{ printf "$body"; head -c 7500000 /dev/urandom | base64 -w 76 | sed 's/$/\r/'; } >"$scratch/blobs/$blob"
size=$(stat -c %s "$scratch/blobs/$blob")
change=".mail.body = {type: \"message/rfc822\", blob: \"$blob\", size: $size}" mail big bob@example.org >"$scratch/in"
# Runs a program; its highest resident size in KB goes to the file.
measure() {
	python3 -c 'import resource, subprocess, sys
rc = subprocess.call(sys.argv[2:])
open(sys.argv[1], "w").write("%d\n" % resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(rc)' "$@"
}
out=$(measure "$scratch/rss" smtp-send -t 30 -B "$scratch/blobs" <"$scratch/in" 2>"$scratch/send.log")
same "a mail of 10 MB" "bob@example.org done 250 2.0.0" "$(results)"
check "  is delivered" until_ok 30 has example.org/bob
check "  as it was" cmp <(ours example.org/bob) <(tr -d '\r' <"$scratch/blobs/$blob")
instrumented() { grep -q libasan < <(ldd "$BUILD/cmd/smtp-send"); }
instrumented || check "  smtp-send never held more than 20 MB" test "$(cat "$scratch/rss")" -lt 20000
out=$(measure "$scratch/rss" smtp-send -m "$scratch/Maildir" -B "$scratch/blobs" <"$scratch/in" 2>"$scratch/send.log")
instrumented || check "  nor on its way into a Maildir" test "$(cat "$scratch/rss")" -lt 20000
check "  which holds all of it" test "$(cat "$scratch"/Maildir/new/* | wc -c)" -gt $((size * 76 / 78))

change=".mail.body = {type: \"message/rfc822\", blob: \"$(id_of huge)\", size: 31000000}" mail huge bob@example.org >"$scratch/in"
{ printf "$body"; yes 'far too much of it' | sed 's/$/\r/' | head -c 31000000; printf '\r\n'; } >"$scratch/blobs/$(id_of huge)"
send -B "$scratch/blobs" <"$scratch/in"
code=$([ "${ENGINE:-submit}" = direct ] && echo 0 || echo 552) # the limit is known before MAIL, or told by the server
same "over the SIZE that Postfix allows: refused before it is sent" "bob@example.org permanent $code 5.3.4" "$(results)"

# ---- smtp-sink ----
sink=$(free_port)
start sink smtp-sink -u nobody "127.0.0.1:$sink" 100
wait_tcp "$sink"
port=$sink
one=$(mail one bob@example.org)
copies k 500 >"$scratch/in"
send <"$scratch/in"
same "500 mails to smtp-sink" 500 "$(results | grep -c 'done 250')"
no_sanitizer
finish
