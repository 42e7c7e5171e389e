#!/bin/bash
# smtp-send, engine direct: what no other engine does. Pipelining, kept connections, sessions, CHUNKING, SMTPUTF8, SIZE, further
# parameters, TLS from the first octet, octets behind STARTTLS, lanes, asked to end.
. "$(dirname "$0")/../lib/wire.sh"
. "$(dirname "$0")/smtp-lib.sh"
need python3 jq openssl
ENGINE=direct
instrumented() { nm "$BUILD/cmd/smtp-send" 2>/dev/null | grep -q __asan_init; }

# ---- the table of engines stands in the page as it stands in the program ----
check "the page has the table of engines" diff \
	<(smtp-send --engines | sed '1d; s/  *\(yes\|no\) *\(yes\|no\) *\(yes\|no\) *$/ \1 \2 \3/') \
	<(sed -n '/^\.It Em feature/,/^\.El/p' "$SOURCE/man/smtp-send.1" | sed -n 's/^\.It \(.*\) Ta \(.*\) Ta \(.*\) Ta \(.*\)$/\1 \2 \3 \4/p' | sed '/^Em feature/d')

# ---- pipelining: how commands lie in what the server reads ----
reads() { commands | sed -n "s|^(read ||p"; }
one_connection=$scratch/one.conf
echo 'smtp_connections_per_host = 1;' >"$one_connection"
peer_options=--reads peer
three() { { mail p1 a@example.org b@example.org; mail p2 c@example.org; mail p3 d@example.org; } >"$scratch/in"; send -c "$one_connection" <"$scratch/in"; }
three
same "three mails" "4 3 1" "$(results | grep -c 'done 250 2.0.0') $(mails) $(cut -d' ' -f1 "$peer/log" | sort -u | wc -l)"
same "MAIL, recipients and DATA in one write, the next MAIL behind the end of the mail" "EHLO
MAIL RCPT RCPT DATA
mail MAIL RCPT DATA
mail MAIL RCPT DATA
mail
QUIT" "$(reads)"
peer_options=--reads peer ehlo-=PIPELINING
three
same "no PIPELINING: one command at a time" "4 $(printf '%s ' EHLO MAIL RCPT RCPT DATA mail MAIL RCPT DATA mail MAIL RCPT DATA mail QUIT)" \
	"$(results | grep -c 'done 250 2.0.0') $(reads | paste -sd' ') "
peer_options=
peer "rcpt:a@example.org=550 5.1.1 who" "rcpt:b@example.org=550 5.1.1 who" "data#1=554 5.5.1 nobody"
three
same "nobody is taken: RSET, and the next mail" "a@example.org permanent 550 5.1.1
b@example.org permanent 550 5.1.1
c@example.org done 250 2.0.0
d@example.org done 250 2.0.0" "$(results)"
same "  one RSET" 1 "$(commands | grep -c ^RSET)"
peer ehlo-=PIPELINING "rcpt:a@example.org=550 5.1.1 who" "rcpt:b@example.org=550 5.1.1 who"
three
same "the same without PIPELINING: no DATA for nobody" "2 2" "$(results | grep -c 'done 250') $(commands | grep -c ^DATA)"
peer "rcpt:a@example.org=550 5.1.1 who" "rcpt:b@example.org=550 5.1.1 who" "data#1=354 well" "dot#1=554 5.5.1 nobody"
three
same "354 for nobody: an empty mail that is refused" "2 2" "$(results | grep -c 'done 250') $(mails)"

# ---- CHUNKING ----
peer ehlo+=CHUNKING "rcpt:b@example.org=550 5.1.1 who"
three
same "BDAT, with a refused recipient" "3 1 3" "$(results | grep -c 'done 250 2.0.0') $(results | grep -c 'permanent 550') $(commands | grep -c '^BDAT')"
check "  octet for octet" cmp <(printf "$body") "$peer/mail.1"
peer ehlo+=CHUNKING "mail#1=550 5.7.1 no"
three
same "BDAT behind a refused MAIL" "2 2" "$(results | grep -c 'permanent 550 5.7.1') $(results | grep -c 'done 250 2.0.0')"
peer ehlo+=CHUNKING "dot#1=reset"
three
same "lost behind BDAT: those that were not answered may be there twice" "a@example.org queued 0 4.4.2" "$(results | grep ^a)"
mkdir -p "$scratch/blobs"
blob=$(id_of big)
{ printf "$body"; yes '.a line of the attachment that is not to be held whole by anybody' | head -750000 | sed 's/$/\r/'; } >"$scratch/blobs/$blob"
large=".mail.body = {type: \"message/rfc822\", blob: \"$blob\", size: $(stat -c %s "$scratch/blobs/$blob")}"
for way in DATA CHUNKING; do
	peer $([ $way = DATA ] || echo ehlo+=CHUNKING)
	change=$large mail e2 bob@example.org >"$scratch/in50"
	out=$(/usr/bin/time -f %M -o "$scratch/rss" smtp-send -e direct -B "$scratch/blobs" 2>"$scratch/send.log" <"$scratch/in50")
	same "50 MB from a blob by $way" "bob@example.org done 250 2.0.0" "$(results)"
	check "  octet for octet" cmp "$scratch/blobs/$blob" "$peer/mail.1"
	instrumented || check "  under 20 MB" test "$(cat "$scratch/rss")" -lt 20000
done
peer "rcpt=550 5.1.1 who" ehlo+=CHUNKING
send -B "$scratch/blobs" < <(change=$large mail e3 bob@example.org)
same "a large mail is not sent on a chance" "bob@example.org permanent 550 5.1.1 0" "$(results) $(commands | grep -c ^BDAT)"

# ---- SIZE, SMTPUTF8, further parameters ----
peer "ehlo-=SIZE" "ehlo+=SIZE 1000"
send -B "$scratch/blobs" < <(change=$large mail e4 bob@example.org)
same "over the server's SIZE: not even MAIL" "bob@example.org permanent 0 5.3.4 0" "$(results) $(commands | grep -c ^MAIL)"
CPMAIL_TAP=
peer ehlo+=SMTPUTF8
send < <(mail u bö@example.org)
same "SMTPUTF8" "bö@example.org done 250 2.0.0" "$(results)"
check "  in MAIL" grep -q 'MAIL.* SMTPUTF8' "$peer/log"
check "  no ORCPT for such an address" sh -c "! grep -q ORCPT '$peer/log'"
send < <(mail u2 bob@example.org)
check "  not for addresses that need none" sh -c "! grep MAIL '$peer/log' | tail -1 | grep -q SMTPUTF8"
peer
send < <(change='.mail.to += [{address: "bob@example.org"}]' mail u3 bö@example.org)
same "SMTPUTF8 not offered: the others get their mail" "bö@example.org permanent 0 5.6.7
bob@example.org done 250 2.0.0" "$(results)"
send < <(change='.mail.smtputf8 = true' mail u4 bob@example.org)
same "  unless the mail needs it" "bob@example.org permanent 0 5.6.7" "$(results)"
export CPMAIL_TAP=$scratch/tap.records
params='.mail.params = [{keyword: "XM", text: "XM-ID=7"}, {keyword: "XN", text: "XN"}]'
peer "ehlo+=XM 1 2"
send < <(change=$params mail x bob@example.org)
same "a parameter whose keyword is offered" "bob@example.org done 250 2.0.0 XM-ID=7" "$(results) $(commands | sed -n 's/^MAIL.* \(X.*\)/\1/p')"
send < <(change="$params | .mail.params[1].required = true" mail x2 bob@example.org)
same "a needed one that is not" "bob@example.org permanent 0 5.5.4" "$(results)"
CPMAIL_TAP=
send < <(change="$params | .mail.params[0].text = \"XM\r\nRCPT TO:<eve@example.org>\"" mail x3 bob@example.org)
same "a parameter with a line end" "bob@example.org permanent 0 5.5.4 0" "$(results) $(commands | grep -c eve)"
export CPMAIL_TAP=$scratch/tap.records

# ---- connections that are kept ----
# by_hand OPTION...: smtp-send on pipes; ask RECORD: one result into $line.
by_hand() {
	rm -f "$scratch/to" "$scratch/from"
	mkfifo "$scratch/to" "$scratch/from"
	smtp-send -e direct -t 5 "$@" <"$scratch/to" >"$scratch/from" 2>"$scratch/send.log" &
	sender=$!
	exec 5>"$scratch/to" 6<"$scratch/from"
}
ask() { echo "$1" >&5; read -r -t 10 line <&6 || line=; }
over() { exec 5>&-; wait $sender; exec 6<&-; }
outcome() { jq -r '.mail.results[0] | "\(.outcome) \(.code) \(.enhanced)"' <<<"$line"; }
connections() { cut -d' ' -f1 "$peer/log" | sort -u | wc -l; }
echo 'smtp_idle = 1;' >"$scratch/idle.conf"
peer
by_hand -c "$scratch/idle.conf"
ask "$(mail k1 bob@example.org)"; ask "$(mail k2 bob@example.org)"
same "the next batch on the same connection" "done 250 2.0.0 1" "$(outcome) $(connections)"
check "  QUIT when it was idle for smtp_idle" until_ok 3 grep -q QUIT "$peer/log"
ask "$(mail k3 bob@example.org)"
same "  then a new one" "done 250 2.0.0 2" "$(outcome) $(connections)"
over
peer_options="--idle 0.5" peer
by_hand
ask "$(mail l2 bob@example.org)"; sleep 1
ask "$(mail l3 bob@example.org)"
same "one that the server closed meanwhile is opened again, silently" "done 250 2.0.0 2 0" "$(outcome) $(connections) $(grep -c event=lost "$scratch/send.log")"
peer_options=
over
peer
session='.mail.session = "s1"'
by_hand -c "$scratch/idle.conf"
ask "$(change=$session mail s1 bob@example.org)"; ask "$(mail s2 bob@example.org)"
same "a session has a connection of its own" 2 "$(connections)"
sleep 1.5
ask "$(change=$session mail s3 bob@example.org)"
same "  which is kept longer" "done 250 2.0.0 2 1" "$(outcome) $(connections) $(commands | grep -c QUIT)"
ask "$(change="$session | .mail.quit = true" mail s4 bob@example.org)"
check "  and says QUIT behind the last mail" until_ok 3 sh -c "[ \$(grep -c QUIT '$peer/log') = 2 ]"
ask "$(change='.mail.session = "s2"' mail s5 bob@example.org)"
change='.mail = {session: "s2", quit: true, to: [], route: .mail.route}' mail s6 bob@example.org >&5
check "  or when nothing but that is asked for" until_ok 3 sh -c "[ \$(grep -c QUIT '$peer/log') = 3 ]"
over

# ---- TLS from the first octet; octets in clear behind the answer to STARTTLS ----
pki=$scratch/pki
mkdir "$pki"
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout "$pki/key" -out "$pki/cert" -subj /CN=mx.example.org \
	-addext subjectAltName=DNS:mx.example.org >/dev/null 2>&1
echo "tls_ca = \"$pki/cert\";" >"$scratch/tls.conf"
at() { hosts='[{"name":"'$1'","port":'$port',"addresses":["127.0.0.1"]}]'; }
peer_options="--implicit --tls $pki/cert $pki/key" peer
at mx.example.org; send -c "$scratch/tls.conf" < <(tls=implicit mail i1 bob@example.org)
same "TLS from the first octet" "bob@example.org done 250 2.0.0" "$(results)"
at mx.example.org; send -c "$scratch/tls.conf" < <(tls=implicit change='.mail.require_tls = true' mail i0 bob@example.org)
same "  which is TLS for who requires it" "bob@example.org done 250 2.0.0" "$(results)"
at other.example.org; send -c "$scratch/tls.conf" < <(tls=implicit mail i2 bob@example.org)
same "  the certificate is checked" "bob@example.org temporary 0 4.7.5" "$(results)"
for mode in required opportunistic; do
	peer_options="--tls $pki/cert $pki/key" peer starttls=inject
	at mx.example.org; send -c "$scratch/tls.conf" < <(tls=$mode mail i3 bob@example.org)
	same "octets behind the answer to STARTTLS, $mode" "bob@example.org temporary 0 4.7.5 0" "$(results) $(commands | grep -c ^MAIL)"
done
peer_options= hosts=

# ---- lanes: dead, silent and greylisting destinations beside a good one ----
# A port that takes connections into its backlog and never answers; an address that answers nothing at all cannot be had on loopback.
peer greeting=hang; silent=$port
peer rcpt=hang; stalls=$port
peer "rcpt=450 4.7.1 greylisted"; grey=$port
peer; good=$port
dest() { hosts=$(hosts "$1") mail "$2" "$3"; }
closed_port=$(free_port)
{ for i in 1 2 3; do dest "$silent" q$i q@silent.test; dest "$stalls" r$i r@stalls.test; dest "$grey" t$i t@grey.test; dest "$closed_port" z$i z@dead.test; done
  for i in 1 2 3 4 5; do dest "$good" g$i g@good.test; done; } >"$scratch/in"
echo 'smtp_patience = 1;' >"$scratch/lane.conf"
begin=$(date +%s%N)
out=$(smtp-send --lane main -c "$scratch/lane.conf" <"$scratch/in" 2>"$scratch/send.log")
took=$((($(date +%s%N) - begin) / 1000000))
count() { jq -r 'if .type == "mail.out" then "slow \(.mail.to[0].address)" else .mail.results[] | "\(.outcome) \(.address)" end' <<<"$out" | sort | uniq -c | sed 's/^ *//'; }
same "each destination by itself" "5 done g@good.test
3 slow q@silent.test
3 slow r@stalls.test
3 temporary t@grey.test
3 temporary z@dead.test" "$(count)"
check "  within the patience ($took ms)" test $took -lt 3500
same "  what is handed on is the mail as it came" "$(jq -S 'select(.mail.to[0].address == "q@silent.test") | .mail' "$scratch/in")" \
	"$(jq -S 'select(.type == "mail.out" and .mail.to[0].address == "q@silent.test") | .mail' <<<"$out")"
by_hand --lane main -c "$scratch/lane.conf"
ask "$(dest "$silent" v1 q@silent.test)"
begin=$(date +%s%N)
ask "$(dest "$silent" v2 q@silent.test)"
took=$((($(date +%s%N) - begin) / 1000000))
check "a destination that is known to be slow is handed on at once ($took ms)" test "$(jq -r .type <<<"$line")" = mail.out -a $took -lt 500
over
out=$(smtp-send --lane slow -t 1 <"$scratch/in" 2>"$scratch/send.log")
same "the slow lane decides" 17 "$(jq -r 'select(.type == "mail.result") | .mail.results[].outcome' <<<"$out" | wc -l)"
peer "rcpt:b@example.org=hang"
out=$(mail w a@example.org b@example.org | smtp-send --lane main -e direct -c "$scratch/lane.conf" 2>"$scratch/send.log")
same "nothing is decided for one recipient of a mail that is handed on" "slow a@example.org" "$(count | cut -d' ' -f2-)"
same "  all of them are" "a@example.org b@example.org" "$(jq -r '[.mail.to[].address] | join(" ")' <<<"$out")"

# ---- the same in queues: from the main lane to the slow one, with a blob ----
root=$scratch/spool
lane() { # LANE QUEUE OPTION...
	smtp-send -e direct --lane "$1" -c "$scratch/lane.conf" -i "$root/$2" -o "mail.result=$root/report" "${@:3}" 2>>"$scratch/send.lane.log" &
	lanes+=($!)
}
lanes=()
peer "greeting#1=hang"; late=$port late_dir=$peer
peer; good=$port
lane slow smtp-slow
until_ok 5 test -d "$root/smtp-slow/new"
lane main smtp-send -o "mail.out=$root/smtp-slow"
until_ok 5 test -d "$root/smtp-send/new"
hosts=$(hosts "$late"); cp "$scratch/blobs/$blob" "$root/blob/$blob.00000000001.0000000000000.1b"
change=$large mail lane1 bob@example.org | spool-put "$root/smtp-send"
rm "$root/blob/$blob".*
hosts=$(hosts "$good"); mail lane2 bob@example.org | spool-put "$root/smtp-send"
hosts=
check "the good destination's mail does not wait" until_ok 6 test -s "$peer/mail.1"
check "the slow one's comes through the other queue" until_ok 15 test -s "$late_dir/mail.1"
check "  octet for octet" cmp "$scratch/blobs/$blob" "$late_dir/mail.1"
both() { [ "$(find "$root/report/new" -type f -exec cat {} + | jq -r '.mail.results[].outcome' | grep -c done)" = 2 ]; }
check "  and each has its result" until_ok 10 both
kill -TERM "${lanes[@]}"
wait "${lanes[@]}"
same "  no blob is left" 0 "$(find "$root/blob" -type f | wc -l)"
grep -qE 'Sanitizer|runtime error' "$scratch/send.lane.log" && fail "a sanitizer spoke"

# ---- a part of the connections for each: two in all, four destinations, one of them with many mails and slow ----
echo 'smtp_connections = 2;' >"$scratch/two.conf"
peer; crowd=$port crowd_dir=$peer
peer; first=$port first_dir=$peer
peer; second=$port second_dir=$peer
{ for i in $(seq 10 49); do dest "$crowd" c$i c@crowd.test; done; dest "$first" f1 f@first.test; dest "$second" s1 s@second.test; } >"$scratch/in"
out=$(smtp-send -c "$scratch/two.conf" <"$scratch/in" 2>"$scratch/send.log")
same "two connections for three destinations" "40 c@crowd.test
1 f@first.test
1 s@second.test" "$(results | sed -n 's/ done 250 2.0.0//p' | sort | uniq -c | sed 's/^ *//')"
before() { [ "$1/mail.1" -ot "$crowd_dir/mail.40" ]; }
check "  the others do not wait for the last of the many" before "$first_dir"
check "  neither of them" before "$second_dir"

# ---- asked to end while a server hangs ----
peer mail=hang
mail y bob@example.org >"$scratch/in"
smtp-send -e direct <"$scratch/in" >"$scratch/out" 2>"$scratch/send.log" &
sender=$!
until_ok 5 grep -q MAIL "$peer/log"
kill -TERM $sender
begin=$SECONDS
wait $sender
same "SIGTERM: the mail stays where it was" "111 0" "$? $(wc -l <"$scratch/out")"
check "  soon" test $((SECONDS - begin)) -le 4

no_sanitizer
finish
