#!/bin/bash
# The whole gateway under runit: each program is killed, comes back, and the gateway goes on; one with a wrong configuration stays down.
. "$(dirname "$0")/../lib/wire.sh"
need runsvdir sv sipsak python3
export CPMAIL_TAP= # the programs go on when the test does not look
. "$SOURCE/scripts/gateway.sh"
build=$BUILD
root=$scratch/spool
port=$(free_port)
mkdir "$root" "$scratch/metrics"
gateway_prepare
echo "metrics_dir = \"$scratch/metrics\";" >>"$root/cpmail.conf"
gateway_start
trap 'gateway_stop; cleanup' EXIT
gateway_wait
pass "the tree is up"

pid_of() { cat "$root/run/$1/supervise/pid"; }
mails() { ls "$root/Maildir/new" | wc -l; }
came() { grep -rlqF -- "$1" "$root/Maildir/new"; }
message() { "$SOURCE/scripts/message" -p "127.0.0.1:$port" sip:bob@example.org "$1" >/dev/null 2>&1; }
back() { local now; now=$(pid_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ] && [[ $(sv status "$root/run/$1") == run:* ]]; }

for name in sip-listen cpm2mail mail-route smtp-send report; do
	old=$(pid_of "$name")
	kill -KILL "$old"
	check "$name: back after a kill" until_ok 10 back "$name" "$old"
	until_ok 10 sipsak -s "sip:ping@127.0.0.1:$port"
	message "after the death of $name"
	check "$name: and the gateway goes on" until_ok 15 came "after the death of $name"
done
same "each message once" 5 "$(mails)"

# the other way
answered=$(grep -rlF "after the death of report" "$root/Maildir/new" | head -n 1)
answer() { until_ok 10 "$SOURCE/scripts/reply" -p "127.0.0.1:$mailport" "$answered" "$1"; }
for name in smtp-listen mail2cpm sip-route sip-send; do
	old=$(pid_of "$name")
	kill -KILL "$old"
	check "$name: back after a kill" until_ok 10 back "$name" "$old"
	answer "An answer after the end of $name."
	check "$name: and answers arrive" until_ok 15 grep -qx "An answer after the end of $name." "$root/messages"
done
same "each answer once" 4 "$(grep -c '^An answer after' "$root/messages")"

# what is accepted while a program is away is delivered when it is back
sv down "$root/run/smtp-send" >/dev/null
message "while nobody delivers" &
sender=$!
until_ok 10 eval 'ls "$root"/smtp-send/new/*'
sv up "$root/run/smtp-send" >/dev/null
check "what waited is delivered" until_ok 15 came "while nobody delivers"
wait $sender

# reload
cp "$root/cpmail.conf" "$scratch/good.conf"
echo 'no_such_knob = 1;' >>"$root/cpmail.conf"
sv hup "$root"/run/*/ >/dev/null
for name in sip-listen cpm2mail mail-route smtp-send report smtp-listen mail2cpm sip-route sip-send; do
	check "$name: a wrong configuration is refused on HUP" until_ok 5 grep -q 'is kept' "$root/log/$name/current"
done
message "with the old configuration"
check "and the old one goes on" until_ok 15 came "with the old configuration"

# a start with it: down, and stays down
old=$(pid_of report)
kill -KILL "$old"
check "a program that refuses its configuration stays down" until_ok 10 eval '[[ $(sv status "$root/run/report") == down:* ]]'
sed 's|/Maildir"|/Maildir2"|' "$scratch/good.conf" >"$root/cpmail.conf"
mkdir -p "$root/Maildir2/new" "$root/Maildir2/tmp" "$root/Maildir2/cur"
sv up "$root/run/report" >/dev/null
sv hup "$root"/run/*/ >/dev/null
check "the new one is taken by all" until_ok 5 eval '[ $(grep -l event=reloaded "$root"/log/*/current | wc -l) -ge 4 ]'
message "with the new configuration"
check "and is in force" until_ok 15 grep -rlqF "with the new configuration" "$root/Maildir2/new"

# counters
until_ok 15 eval '[ $(ls "$scratch"/metrics/*.prom | wc -l) = 10 ]'
gateway_stop
same "every program left its counters" 10 "$(ls "$scratch"/metrics/*.prom | wc -l)"
check "a scraper can read them" "$SOURCE/t/lib/prometheus" "$scratch"/metrics/*.prom
check "what was answered is counted" grep -qE '^cpmail_sip_answers_total\{.*class="2xx"\} [1-9]' "$scratch/metrics/cpmail-sip-listen.prom"
check "what was delivered is counted" grep -qE '^cpmail_mail_results_total\{.*outcome="done"\} [1-9]' "$scratch/metrics/cpmail-smtp-send.prom"
finish
