#!/bin/bash
# selftest: one line that is right, whatever is wrong with the gateway.
. "$(dirname "$0")/../lib/wire.sh"
need runsvdir sv sipsak
export CPMAIL_TAP= # the programs go on when the test does not look
. "$SOURCE/scripts/gateway.sh"
build=$BUILD
root=$scratch/spool
port=$(free_port)
mkdir "$root"
gateway_prepare
gateway_start
trap 'gateway_stop; cleanup' EXIT
gateway_wait
try() { selftest -c "$root/cpmail.conf" -r "$root" "$@" >"$scratch/out" 2>"$scratch/err"; echo $?; }
line() { check "$1" grep -qE "$2 \(trace [0-9a-z]{26}\)\$" "$scratch/out"; }

same "all is well: 0" 0 "$(try sip:test@example.org)"
line "and it says so" '^ok: answered 202 after [0-9]+ ms, through all queues after [0-9]+ ms'
same "into a mailbox: 0" 0 "$(try -m "$root/Maildir" sip:test@example.org)"
line "and it is there" '^ok: answered 202 after [0-9]+ ms, in the mailbox after [0-9]+ ms'
same "one line" 1 "$(wc -l <"$scratch/out")"
id=$(sed -n 's/.*(trace \(.*\))/\1/p' "$scratch/out")
check "whose trace leads to the mail" eval 'trace -r "$root" "$id" | grep -q "smtp-send *sent to=test@example.org outcome=done"'
same "another mailbox: 111" 111 "$(try -t 2 -m "$scratch" sip:test@example.org)"
line "and where it is not" '^stuck: answered 202 after [0-9]+ ms, then it left all queues, but is not in the mailbox'
same "a refusal: 100" 100 "$(try "sip:no..body@gateway.example.net")"
line "with the answer" '^refused: 4[0-9][0-9] .* after [0-9]+ ms'

for name in cpm2mail:sip.request smtp-send:mail.out.routed; do
	sv down "$root/run/${name%:*}" >/dev/null
	same "${name%:*} is down: 111" 111 "$(try -t 2 sip:test@example.org)"
	line "and it says what waits there" "^stuck: no answer; ${name#*:} waits for ${name%:*}"
	sv up "$root/run/${name%:*}" >/dev/null
done
sv down "$root/run/sip-listen" >/dev/null
same "sip-listen is down: 111" 111 "$(try -t 1 sip:test@example.org)"
line "and nobody answers" "^stuck: no answer from 127.0.0.1:$port: sip-listen does not run there"
sv up "$root/run/sip-listen" >/dev/null
same "it starts meanwhile: 0" 0 "$(try -t 15 sip:test@example.org)"
same "usage: 100" "100 100 100" "$(try) $(try -t 0 sip:a@b) $(try -p nowhere sip:a@b)"
finish
