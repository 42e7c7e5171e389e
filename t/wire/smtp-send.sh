#!/bin/bash
# smtp-send, engine $ENGINE, against a server that does as it is told: what it says at every verb, and what the record says then.
. "$(dirname "$0")/../lib/wire.sh"
. "$(dirname "$0")/smtp-lib.sh"
need python3 jq openssl
direct=$([ "$ENGINE" = direct ] && echo 1) || true

# ---- the plain way ----
peer
send < <(mail a bob+x@example.org)
same "a mail is taken" "bob+x@example.org done 250 2.0.0" "$(results)"
same "exit status" 0 $status
same "MAIL with its parameters" "MAIL FROM:<alice@rcs.example.net> SIZE=$(printf "$body" | wc -c) RET=HDRS ENVID=t.6ph2vzcdcupotrcr4fptgjkeet" "$(commands | grep ^MAIL)"
same "RCPT with its parameters" "RCPT TO:<bob+x@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob+2Bx@example.org" "$(commands | grep ^RCPT)"
check "the mail is octet for octet what the record holds" cmp <(printf "$body") "$peer/mail.1"
check "QUIT at the end" grep -q QUIT "$peer/log"
same "result: host, message_id, origin" "mx$port.example.org $(id_of a)@rcs.example.net $(id_of a)" \
	"$(jq -r '"\(.mail.results[0].host) \(.mail.message_id) \(.mail.origin.id)"' <<<"$out")"

# ---- a verdict at every verb ----
verdict() { # NAME RULE RESULT
	peer "$2"
	send < <(mail "v$peer_n" bob@example.org)
	same "$1" "bob@example.org $3" "$(results)"
	[ "$status" = 0 ] || [ "${3%% *}" = queued ] || fail "$1: exit status $status"
}
verdict "greeting 554" "greeting=554 no mail here" "permanent 554 5.3.2"
verdict "greeting 521" "greeting=521 no mail here" "permanent 521 5.3.2"
verdict "greeting 421" "greeting=421 busy" "temporary 421 4.3.2"
verdict "no greeting" "greeting=drop" "temporary 0 4.4.2"
verdict "not SMTP" "greeting=SSH-2.0-x" "temporary 0 4.4.2"
verdict "EHLO unknown, HELO known" "ehlo=500 what?" "done 250 2.0.0"
same "HELO: no parameters" "MAIL FROM:<alice@rcs.example.net>" "$(commands | grep ^MAIL)"
verdict "EHLO refused" "ehlo=550 5.7.1 not you" "permanent 550 5.7.1"
verdict "EHLO 421" "ehlo=421 4.3.2 closing" "temporary 421 4.3.2"
verdict "dropped at EHLO" "ehlo=drop" "temporary 0 4.4.2"
verdict "MAIL 451" "mail=451 4.3.0 later" "temporary 451 4.3.0"
verdict "MAIL 552" "mail=552 too large" "permanent 552 5.3.4"
verdict "MAIL 530" "mail=530 5.7.0 authenticate first" "permanent 530 5.7.0"
verdict "dropped at MAIL" "mail=drop" "temporary 0 4.4.2"
verdict "RCPT 450, no enhanced code" "rcpt=450 busy" "temporary 450 4.2.0"
verdict "RCPT greylisted" "rcpt=450 4.7.1 greylisted" "temporary 450 4.7.1"
verdict "RCPT 550, no enhanced code: unknown user" "rcpt=550 who?" "permanent 550 5.1.1"
verdict "RCPT 552: mailbox full" "rcpt=552 full" "permanent 552 5.2.2"
verdict "RCPT 421" "rcpt=421 4.3.2 going down" "temporary 421 4.3.2"
verdict "dropped at RCPT" "rcpt=drop" "temporary 0 4.4.2"
verdict "DATA 451" "data=451 4.3.0 later" "temporary 451 4.3.0"
verdict "DATA 554" "data=554 no" "permanent 554 5.7.1"
verdict "dropped at DATA" "data=drop" "temporary 0 4.4.2"
verdict "final 452" "dot=452 disk" "temporary 452 4.3.1"
verdict "final 550: policy" "dot=550 spam" "permanent 550 5.7.1"
verdict "final 554 5.6.0" "dot=554 5.6.0 bad content" "permanent 554 5.6.0"
verdict "an enhanced code of another class does not count" "rcpt=550 4.2.2 odd" "permanent 550 5.1.1"
verdict "lines with different enhanced codes: the first" "rcpt=550-5.1.1 who\\n550 5.1.2 where" "permanent 550 5.1.1"
verdict "the same in the final answer" "dot=250-2.0.0 taken\\n250 2.1.5 queued" "done 250 2.0.0"
verdict "lines with different codes" "rcpt=250-2.1.5 yes\\n550 5.1.1 no" "temporary 0 4.4.2"
verdict "a refusal of 5 KB" "mail=big:550" "permanent 550 5.7.1"
verdict "a final answer of 5 KB" "dot=big:250" "done 250 2.0.0"
verdict "no answer to QUIT" "quit=hang" "done 250 2.0.0"
verdict "CHUNKING makes no difference" "ehlo+=CHUNKING" "done 250 2.0.0"
check "  octet for octet" cmp <(printf "$body") "$peer/mail.1"
check "  the way that the engine prefers" grep -qE "${direct:+ BDAT [0-9]+ LAST}$([ "$direct" ] || echo " DATA$")" "$peer/log"
verdict "DSN parameters refused at MAIL: again without" "mail#1=555 5.5.4 what is RET" "done 250 2.0.0"
same "  second time" "MAIL FROM:<alice@rcs.example.net> SIZE=$(printf "$body" | wc -c)" "$(commands | grep ^MAIL | tail -1)"
verdict "DSN parameters refused at RCPT: again without" "rcpt#1=555 no NOTIFY" "done 250 2.0.0"
verdict "refused without parameters as well" "mail=555 5.5.4 no" "permanent 555 5.5.4"
verdict "no DSN" "ehlo-=DSN" "done 250 2.0.0"
same "  no parameters" "RCPT TO:<bob@example.org>" "$(commands | grep ^RCPT)"

# ---- DELIVERBY (3.1): what is left of the time, the minimum for mode R alone, again without it where it is refused ----
by() { change=".mail.by = {seconds: $1, mode: \"$2\", at: $(($(date +%s) * 1000))}" mail "by$peer_n" bob@example.org; }
BY() { commands | sed -n 's/^MAIL .* BY=\([^ ]*\).*/\1/p'; }
left() { [[ $(BY) =~ ^([0-9]+)\;N$ ]] && [ "${BASH_REMATCH[1]}" -gt $(($1 - 20)) ] && [ "${BASH_REMATCH[1]}" -le "$1" ]; }
peer "ehlo+=DELIVERBY 240"
send < <(by 3600 N)
if [ "$direct" ]; then
	check "DELIVERBY, mode N: what is left" left 3600
	peer "ehlo+=DELIVERBY 240"; send < <(by -50 N)
	check "  which may be less than nothing" grep -qE ' BY=-5[0-9];N' "$peer/log"
	peer "ehlo+=DELIVERBY 240"; send < <(by 100 R)
	same "mode R: raised to the minimum" "240;R" "$(BY)"
	peer "ehlo+=DELIVERBY 240"; send < <(by -1 R)
	same "mode R: too late" "bob@example.org permanent 0 5.4.7 0" "$(results) $(commands | grep -c ^MAIL)"
	peer "ehlo+=DELIVERBY" "mail#1=455 4.5.4 not now"; send < <(by 3600 R)
	same "455: again without" "bob@example.org done 250 2.0.0 1 2" "$(results) $(BY | wc -l) $(commands | grep -c ^MAIL)"
	check "  with DSN" sh -c "grep ' MAIL' '$peer/log' | tail -1 | grep -q RET="
	peer "ehlo+=DELIVERBY" "mail#1=553 what"; send < <(by 3600 R)
	same "55z: again without" "bob@example.org done 250 2.0.0" "$(results)"
	peer "ehlo+=DELIVERBY" "mail#1=550 5.7.1 not you"; send < <(by 3600 R)
	same "55z that speaks of something else" "bob@example.org permanent 550 5.7.1 1" "$(results) $(commands | grep -c ^MAIL)"
	peer; send < <(by 3600 R)
	same "not offered, not sent" "bob@example.org done 250 2.0.0 0" "$(results) $(BY | wc -l)"
else
	same "DELIVERBY is left out" "bob@example.org done 250 2.0.0 0" "$(results) $(commands | grep -c BY=)"
	check "  with a line in the log" grep -q 'event=deliverby-left-out' "$scratch/send.log"
fi

peer dot=drop
send < <(mail d bob@example.org)
same "no answer to the final dot: queued" "bob@example.org queued 0 4.4.2 true" "$(results) $(jq -r .mail.duplicate_possible <<<"$out")"
same "  exit status: try again" 111 $status
mkdir -p "$scratch/blobs"
blob=$(id_of big)
{ printf "$body"; yes 'a line of the attachment that is not to be held whole by anybody' | head -150000 | sed 's/$/\r/'; } >"$scratch/blobs/$blob"
large=".mail.body = {type: \"message/rfc822\", blob: \"$blob\", size: $(stat -c %s "$scratch/blobs/$blob")}"
peer data=cut:60000
send -B "$scratch/blobs" < <(change=$large mail e bob@example.org)
same "lost in the middle of the mail: not delivered for certain" "bob@example.org temporary 0 4.4.2 null" "$(results) $(jq -r .mail.duplicate_possible <<<"$out")"
peer
send -B "$scratch/blobs" < <(change=$large mail e2 bob@example.org)
same "a mail of 10 MB from a blob" "bob@example.org done 250 2.0.0" "$(results)"
check "  octet for octet" cmp "$scratch/blobs/$blob" "$peer/mail.1"

begin=$SECONDS
peer "greeting=slow:220-one and two and three\\n220 four"
out=$(mail f bob@example.org | smtp-send -t 2 2>"$scratch/send.log")
same "a server that dribbles" "bob@example.org temporary 0 4.4.2" "$(results)"
check "  does not hold us" test $((SECONDS - begin)) -lt 9
peer rcpt=hang
out=$(mail g bob@example.org | smtp-send -t 1 2>"$scratch/send.log")
same "a server that falls silent" "bob@example.org temporary 0 4.4.2" "$(results)"

# ---- several recipients ----
peer "rcpt:b@example.org=550 5.1.1 who" "rcpt:c@example.org=450 4.2.1 busy"
send < <(mail m a@example.org b@example.org c@example.org d@example.org)
same "each recipient its own answer" "a@example.org done 250 2.0.0
b@example.org permanent 550 5.1.1
c@example.org temporary 450 4.2.1
d@example.org done 250 2.0.0" "$(results)"
peer "rcpt:a@example.org=550 5.1.1 who" "rcpt:b@example.org=550 5.2.1 off"
{ mail n a@example.org b@example.org; mail o c@example.org; } >"$scratch/in"
send <"$scratch/in"
same "all refused, and the next mail on the same connection" "a@example.org permanent 550 5.1.1
b@example.org permanent 550 5.2.1
c@example.org done 250 2.0.0" "$(results)"
same "  one connection" 1 "$(cut -d' ' -f1 "$peer/log" | sort -u | wc -l)"
peer "rcpt:c@example.org#1=452 4.5.3 too many"
send < <(mail p a@example.org b@example.org c@example.org)
same "too many recipients: the rest in a further transaction" "done done done 2" "$(jq -r '[.mail.results[].outcome] | join(" ")' <<<"$out") $(mails)"
same "  that one alone" "RCPT TO:<c@example.org>" "$(grep -h ^RCPT "$peer/mail.2.env" | cut -d' ' -f1,2)"

# ---- hosts ----
peer "greeting=421 busy"; busy=$port
peer; good=$port; closed=$(free_port)
send < <(hosts=$(hosts "$closed" "$busy" "$good") mail q bob@example.org)
same "no connection, 421, then a host that takes it" "bob@example.org done 250 2.0.0 mx$good.example.org" "$(results) $(jq -r '.mail.results[0].host' <<<"$out")"
peer "rcpt=451 4.3.0 later"; later=$port
peer; send < <(hosts=$(hosts "$later" "$port") mail r bob@example.org)
same "4yz to a command: the next host" "bob@example.org done 250 2.0.0" "$(results)"
peer "rcpt=550 5.1.1 who"; never=$port
peer; send < <(hosts=$(hosts "$never" "$port") mail s bob@example.org)
same "5yz to a command: final" "bob@example.org permanent 550 5.1.1 0" "$(results) $(mails)"
send < <(hosts=$(hosts "$closed") mail t bob@example.org)
same "no host answers" "bob@example.org temporary 0 4.4.1" "$(results)"
peer "greeting=554 no"; no=$port
send < <(hosts=$(hosts "$no" "$closed") mail u bob@example.org)
same "554 at one, no connection to the other: try again" "bob@example.org temporary 0 4.4.1" "$(results)"
if python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' 2>/dev/null; then
	peer_options="--host ::1" peer
	send < <(hosts='[{"name":"six.example.org","port":'$port',"addresses":["127.0.0.1","::1"]}]' mail w bob@example.org)
	same "the addresses of a host in order, IPv6 too" "bob@example.org done 250 2.0.0" "$(results)"
	send -h "[::1]:$port" < <(mail x bob@example.org)
	same "-h with an IPv6 address" "bob@example.org done 250 2.0.0" "$(results)"
fi

# A server that is too busy to take connections: the kernel drops what comes when its queue is full.
start deaf /usr/bin/python3 -c '
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)
full = []
for _ in range(4):
    c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); full.append(c)
print(s.getsockname()[1], flush=True)
time.sleep(600)'
until_ok 10 test -s "$scratch/deaf.log"
deaf=$(cat "$scratch/deaf.log")
peer
hosts=$(hosts "$deaf" "$port") mail deaf bob@example.org >"$scratch/in"
mkfifo "$scratch/to" "$scratch/from"
smtp-send -t 1 <"$scratch/to" >"$scratch/from" 2>"$scratch/send.log" &
exec 5>"$scratch/to" 6<"$scratch/from"
for i in 1 2; do cat "$scratch/in" >&5; read -r -t 10 out <&6; same "a host that does not answer, mail $i" "bob@example.org done 250 2.0.0" "$(results)"; done
exec 5>&-
wait $!
[ "$direct" ] || same "  it is asked once, then left alone" "1 1" "$(grep -c 'event=connect .*timed out' "$scratch/send.log") $(grep -c event=resting "$scratch/send.log")"

# ---- what is not sent at all ----
peer
refused() { # NAME RESULT FILTER
	send < <(change=$3 mail "y$RANDOM" bob@example.org)
	same "$1" "$2" "$(jq -r '.mail.results[] | "\(.outcome) \(.enhanced)"' <<<"$out")"
}
CPMAIL_TAP= # these hold what the schema forbids
refused "CR LF in a recipient" "permanent 5.1.3" '.mail.to[0].address = "bob@example.org>\r\nRCPT TO:<eve@example.org"'
refused "CR LF in the reverse path" "permanent 5.1.7" '.mail.from = "a@b>\r\nDATA\r\nx"'
refused "bare LF in the mail" "permanent 5.6.0" '.mail.body.text |= gsub("\r\n"; "\n")'
refused "a dot between bare line feeds" "permanent 5.6.0" '.mail.body.text += "x\n.\nMAIL FROM:<eve@example.org>\r\n"'
refused "a bare CR" "permanent 5.6.0" '.mail.body.text += "x\ry\r\n"'
refused "no header" "permanent 5.6.0" '.mail.body.text = "hello\r\n"'
refused "non-ASCII recipient" "permanent 5.6.7" '.mail.to[0].address = "bö@example.org"'
refused "SMTPUTF8 asked for" "permanent 5.6.7" '.mail.smtputf8 = true'
same "  not even MAIL" 0 "$(commands | grep -c ^MAIL)"
refused "CR LF in ENVID: left out, the mail goes" "done 2.0.0" '.mail.envid = "x\r\ny"'
check "  no ENVID" test "$(commands | grep -c ENVID)" = 0
export CPMAIL_TAP=$scratch/tap.records

# ---- 7-bit ----
umlaut=${body/hello/caf\\xc3\\xa9 und ein sehr langer Satz mit =Gleichheitszeichen}
peer
send < <(text=$umlaut mail h bob@example.org)
check "8-bit octets: BODY=8BITMIME" grep -q 'BODY=8BITMIME' "$peer/log"
check "  as they are" cmp <(printf "$umlaut") "$peer/mail.1"
peer ehlo-=8BITMIME
send < <(text=$umlaut mail i bob@example.org; mail j carol@example.org)
same "no 8BITMIME: sent in 7-bit form" "bob@example.org done 250 2.0.0
carol@example.org done 250 2.0.0" "$(results)"
decoded() {
	python3 - "$peer"/mail.*[0-9] <<-'EOF'
		import email, email.policy, sys
		for f in sys.argv[1:]:
		    raw = open(f, "rb").read()
		    m = email.message_from_bytes(raw, policy=email.policy.default)
		    if "café" in m.get_content():
		        assert max(raw) < 128 and b"\n" not in raw.replace(b"\r\n", b""), "not 7-bit CRLF"
		        assert max(map(len, raw.split(b"\r\n"))) <= 78, "long line"
		        assert m.get_content().replace("\r\n", "\n") == ".one dot\n..two\ncafé und ein sehr langer Satz mit =Gleichheitszeichen\n", m.get_content()
		        sys.exit(0)
		sys.exit("no such mail")
	EOF
}
check "  which decodes to the same text" decoded
peer "ehlo=502 what?"
send < <(text=$umlaut mail k bob@example.org)
check "the same behind HELO" decoded

sed -i 's/of the attachment/\xc3\xbc\xc3\xbcber the attachment/' "$scratch/blobs/$blob"
peer ehlo-=8BITMIME
send -B "$scratch/blobs" < <(change=".mail.body = {type: \"message/rfc822\", blob: \"$blob\", size: $(stat -c %s "$scratch/blobs/$blob")}" mail l bob@example.org)
same "10 MB, 8-bit, no 8BITMIME" "bob@example.org done 250 2.0.0" "$(results)"
check "  the same content" python3 -c '
import email, email.policy, sys
a, b = (email.message_from_bytes(open(f, "rb").read(), policy=email.policy.default) for f in sys.argv[1:])
assert a.get_content().replace("\r\n", "\n") == b.get_content().replace("\r\n", "\n")
assert max(open(sys.argv[2], "rb").read()) < 128' "$scratch/blobs/$blob" "$peer/mail.1"

# ---- many mails ----
peer
one=$(mail one bob@example.org)
copies m 450 >"$scratch/in"; send <"$scratch/in"
same "450 mails" "450 450" "$(results | grep -c 'done 250 2.0.0') $(mails)"
connections=$(cut -d' ' -f1 "$peer/log" | sort -u | wc -l)
if [ "$direct" ]; then
	check "  on several connections, at most 20" test "$connections" -gt 1 -a "$connections" -le 20
else
	same "  on three connections" 3 "$connections"
fi
peer "dot#5=reset" "mail#9=421 4.3.2 enough"
one=$(mail one bob@example.org)
copies n 20 >"$scratch/in"; send <"$scratch/in"
same "lost connections in between: the others go on" "18 done 1 queued 1 temporary" \
	"$(results | cut -d' ' -f2 | sort | uniq -c | sed 's/^ *//' | paste -sd' ')"
same "  nothing twice" 19 "$(mails)"
# ---- a mail that makes the server drop the connection costs its neighbours nothing ----
peer 'rcpt:bad@example.org=drop'
{
	mail bad bad@example.org
	for i in 1 2 3 4 5 6 7 8; do mail "good$i" "good$i@example.org"; done
} >"$scratch/neighbours"
send <"$scratch/neighbours"
same "the mail that is dropped is put off" "bad@example.org temporary" "$(results | grep '^bad' | cut -d' ' -f1,2)"
same "all its neighbours arrive" 8 "$(results | grep -c '^good.* done')"

no_sanitizer
finish
