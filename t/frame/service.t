#!/bin/bash
# The frame under a service manager: readiness, watchdog, reload, sockets and credentials handed over, priorities of log lines, counters.
. "$(dirname "$0")/../lib/wire.sh"
export CPMAIL_TAP=
manager=$SOURCE/t/lib/manager
filter=$BUILD/t/bin/filter
conf=$scratch/cpmail.conf
told() { cut -d' ' -f2 "$scratch/$1" | xargs; }
says() { grep -q "$2" "$scratch/$1"; }
rec() { printf '{"v":1,"id":"%s","trace":"%s","time":"2026-03-05T08:30:00.000Z","type":"test.record","test":%s}\n' "$1" "$1" "$2"; }

# readiness, watchdog, stop
echo 'gateway = "gw.example.net";' >"$conf"
start one "$manager" "$scratch/one" --watchdog 400000 -- "$filter" -c "$conf" -i "$scratch/spool/in" -o "$scratch/spool/out"
pid=$last_pid
check "it says when it is ready" until_ok 10 says one READY=1
check "and that it lives" until_ok 5 eval '[ "$(grep -c WATCHDOG=1 "$scratch/one")" -ge 6 ]'
same "readiness comes first" READY=1 "$(sed -n 2p "$scratch/one" | cut -d' ' -f2)"
late=$(awk '/WATCHDOG=1/ { if (last && $1 - last > most) most = $1 - last; last = $1 } END { print most }' "$scratch/one")
if [ "$late" -lt 400 ]; then pass "never later than the manager allows"; else fail "never later than the manager allows ($late ms)"; fi

# reload: an error keeps what is in force
echo 'gatewax = "gw.example.net";' >"$conf"
kill -HUP "$pid"
check "a reload is told" until_ok 5 says one RELOADING=1
check "with the time that the manager asks for" grep -q 'RELOADING=1 MONOTONIC_USEC=[0-9]' "$scratch/one"
check "an error is logged with its line" until_ok 5 grep -q "line=1 key=gatewax" "$scratch/one.err"
check "the configuration in force is kept" until_ok 5 grep -q "is kept" "$scratch/one.err"
echo 'gateway = "gw2.example.net";' >"$conf"
kill -HUP "$pid"
check "a good one is taken" until_ok 5 grep -q "event=reloaded" "$scratch/one.err"
same "READY again behind each" 3 "$(grep -c READY=1 "$scratch/one")"
rec a '{}' | "$BUILD/cmd/spool-put" "$scratch/spool/in" 2>"$scratch/put"
check "and it goes on working" until_ok 5 eval 'ls "$scratch"/spool/out/new/* '
kill -TERM "$pid"; wait "$pid"; same "it ends well" 0 $?
same "and says so" STOPPING=1 "$(tail -n 1 "$scratch/one" | cut -d' ' -f2)"

# a record that hangs is no sign of life
rec h '{"do":"hang"}' | "$BUILD/cmd/spool-put" "$scratch/spool/in"
start two "$manager" "$scratch/two" --watchdog 200000 -- "$filter" -i "$scratch/spool/in" -o "$scratch/spool/out"
until_ok 5 says two READY=1
sleep 1
lives=$(grep -c WATCHDOG=1 "$scratch/two")
if [ "$lives" -le 3 ]; then pass "a loop that hangs is not alive"; else fail "a loop that hangs is not alive ($lives)"; fi
kill -KILL "$(sed -n 's/^0 PID=//p' "$scratch/two")"

# log lines of the journal
rec a '{"do":"fail"}' | "$manager" "$scratch/three" --journal -- "$filter" >/dev/null
check "a warning has its priority" grep -q '^<4>2.* level=warn .*event=failed' "$scratch/three.err"
rec a '{"do":"defer"}' | "$manager" "$scratch/four" --journal -- "$filter" >/dev/null
check "information too" grep -q '^<6>2.* level=info .*event=deferred' "$scratch/four.err"
rec a '{"do":"defer"}' | JOURNAL_STREAM=1:1 "$filter" >/dev/null 2>"$scratch/plain"
check "elsewhere there is none" grep -q '^2' "$scratch/plain"

# credentials
mkdir "$scratch/credentials"
head -c 33 /dev/urandom | base64 >"$scratch/credentials/key"
echo 'msgid_key = "key";' >"$conf"
check "a bare name is a credential" env CREDENTIALS_DIRECTORY="$scratch/credentials" "$BUILD/cmd/cpmail-conf" -n -c "$conf"
if "$BUILD/cmd/cpmail-conf" -n -c "$conf" 2>/dev/null; then fail "without credentials it is a file here"; else pass "without credentials it is a file here"; fi

# counters
mkdir "$scratch/metrics"
{ rec a '{}'; rec b '{"do":"fail"}'; rec c '{"do":"defer"}'; rec d '{"do":"emit","n":3}'; echo bad; } |
	"$filter" --metrics "$scratch/metrics" >/dev/null 2>&1
prom=$scratch/metrics/cpmail-filter.prom
check "a scraper can read the counters" "$SOURCE/t/lib/prometheus" "$prom"
counted() { sed -n "s/^$1{program=\"filter\",instance=\"0\"$2} //p" "$prom"; }
same "done" 2 "$(counted cpmail_records_in_total ',type="test.record",outcome="done"')"
same "failed" 1 "$(counted cpmail_records_in_total ',type="test.record",outcome="failed"')"
same "deferred" 1 "$(counted cpmail_records_in_total ',type="test.record",outcome="deferred"')"
same "bad lines" 1 "$(counted cpmail_records_in_total ',type="other",outcome="failed"')"
same "out" 4 "$(counted cpmail_records_out_total ',type="test.output"')"
same "everybody may read them" 644 "$(stat -c %a "$prom")"
same "nothing else is left there" "cpmail-filter.prom" "$(ls -A "$scratch/metrics")"
rec a '{}' | "$filter" --metrics "$scratch/none" >"$scratch/out" 2>"$scratch/err"
same "counters that cannot be written stop nothing" "0 test.output" "$? $(jq -r .type "$scratch/out")"
check "it is told" grep -q "counters: .*none: No such file" "$scratch/err"

# sockets
port=$(free_port)
start five "$manager" "$scratch/five" --udp "$port" --tcp "$port" -- "$BUILD/cmd/sip-listen" --metrics "$scratch/metrics"
pid=$last_pid
check "sip-listen takes over its sockets" until_ok 10 says five READY=1
same "both of them" "udp $port tcp $port" "$(sed -n 's/.*event=listening transport=\([a-z]*\) .* port=\([0-9]*\)/\1 \2/p' "$scratch/five.err" | xargs)"
if command -v sipsak >/dev/null; then
	check "and answers on them" sipsak -s "sip:ping@127.0.0.1:$port"
fi
check "a connection is taken" tcp_open "$port"
kill -HUP "$pid"
sleep 0.3
check "without a file a HUP changes nothing" tcp_open "$port"
kill -TERM "$pid"; wait "$pid"; same "it ends well" 0 $?
port=$(free_port)
for protocol in smtp lmtp; do
	start "$protocol" "$manager" "$scratch/$protocol" --tcp "$port" --name "$protocol" -- "$BUILD/cmd/smtp-listen" -o mail.in="$scratch/spool/mail2cpm"
	pid=$last_pid
	check "smtp-listen takes over its socket" until_ok 10 says "$protocol" READY=1
	same "it speaks $protocol there" "$protocol $port" "$(sed -n 's/.*event=listening protocol=\([a-z]*\) .*port=\([0-9]*\).*/\1 \2/p' "$scratch/$protocol.err" | xargs)"
	check "and answers" tcp_open "$port"
	kill -TERM "$pid"; wait "$pid"; same "it ends well" 0 $?
done
check "a scraper can read the counters of both" "$SOURCE/t/lib/prometheus" "$prom" "$scratch/metrics/cpmail-sip-listen.prom"
command -v sipsak >/dev/null && check "the answer was counted" grep -q 'cpmail_sip_answers_total{.*class="2xx"} 1' "$scratch/metrics/cpmail-sip-listen.prom"
finish
