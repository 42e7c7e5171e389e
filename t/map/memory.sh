#!/bin/bash
# What cpm2mail remembers outlives it: marks of what was mapped, taken back by sip.forget, on pipes and on queues.
. "$(dirname "$0")/../lib/wire.sh"
need jq
here=$SOURCE/t/map
cp "$here/conf" "$here/msgid.key" "$scratch"
cd "$scratch" || exit 111

request() { # ID CALL-ID
	jq -c --arg id "$(printf '%-26s' "$1" | tr ' ' 0)" --arg call "$2" '.id = $id | .trace = $id | .sip.body.text = "hello" |
		(.sip.headers[] | select(.[0] == "Call-ID"))[1] = $call' "$here/t1-mail-from-pai/in.json"
}
pipe() { cpm2mail -c conf --state state.db 2>>log; }

request a1 one | pipe >one
same "a message becomes a mail" mail.out "$(jq -r .type one)"
request a2 one | pipe >two
same "the same one after a restart joins it" "sip.join $(jq -r .mail.origin.id one)" "$(jq -r '.type + " " + .sip.original' two)"
request a3 other | pipe >three
same "another one does not" mail.out "$(jq -r .type three)"
jq -nc --arg key "$(jq -r .mail.origin.key one)" '{v: 1, id: "f0000000000000000000000000", trace: "f0000000000000000000000000",
	time: "2026-03-05T08:30:01.000Z", type: "sip.forget", sip: {key: $key}}' >forget
pipe <forget >nothing
check "sip.forget says nothing" test ! -s nothing
request a4 one | pipe >four
same "what was forgotten is a new attempt" mail.out "$(jq -r .type four)"
request a5 one | pipe >five
same "which is remembered again" "sip.join $(jq -r .mail.origin.id four)" "$(jq -r '.type + " " + .sip.original' five)"
request a6 one | cpm2mail -c conf --state state.db --now 2099-01-01T00:00:00Z 2>>log >six
same "after dedupe_window it is a new message" mail.out "$(jq -r .type six)"
jq -c '.sip.key = "short"' forget | pipe >seven
same "a key that is none is refused" 100 "$?"

# On queues: a worker is killed between two copies of a message.
worker() {
	start worker cpm2mail -c conf -i spool/cpm2mail -o mail.out=spool/mail-route -o sip.join=spool/report -o sip.response=spool/answers \
		-o sip.request=spool/mail-route
}
waiting() { spool-cat "spool/$1" 2>/dev/null | wc -l; }
reached() { # QUEUE COUNT
	for _ in $(seq 100); do
		[ "$(waiting "$1")" -ge "$2" ] && return 0
		sleep 0.05
	done
	return 1
}
mkdir spool
for q in cpm2mail mail-route report answers; do spool-put -m "spool/$q" </dev/null; done
worker
for i in 1 2 3 4 5; do request "b$i" "call$i"; done | spool-put spool/cpm2mail
check "five messages, five mails" reached mail-route 5
kill -KILL -- "-$last_pid"
wait "$last_pid" 2>nothing
for i in 1 2 3 4 5; do request "c$i" "call$i"; done | spool-put spool/cpm2mail
worker
check "five copies, five joins" reached report 5
same "and no other mail" 5 "$(waiting mail-route)"
spool-cat spool/mail-route | jq -rs '[.[] | .mail.origin.id] | sort | join(" ")' >ids
spool-cat spool/report | jq -rs '[.[] | .sip.original] | sort | join(" ")' >joined
check "each joins its own" cmp ids joined
spool-cat spool/mail-route | head -1 | jq -c '{v, id: "f1000000000000000000000000", trace, time, type: "sip.forget", sip: {key: .mail.origin.key}}' |
	spool-put spool/cpm2mail
for i in 1 2 3 4 5; do request "d$i" "call$i"; done | spool-put spool/cpm2mail
check "the forgotten one is a mail again" reached mail-route 6
check "the others join" reached report 9
same "nothing waits" 0 "$(waiting cpm2mail)"
finish
