#!/bin/bash
# The frame with spool queues: routing, outcomes, divided queues, blobs, damage, poison, stop and restart.
. "$(dirname "$0")/../lib/wire.sh"
export CPMAIL_TAP= # these records are of the test alone
filter=$BUILD/t/bin/filter
root=$scratch/spool
rec() { # rec ID MEMBER-JSON [ENVELOPE]
	printf '{"v":1,"id":"%s","trace":"%s","time":"2026-03-05T08:30:00.000Z","type":"test.record"%s,"test":%s}\n' "$1" "$1" "${3:-}" "$2"
}
fill() { "$filter" -o "$root/in" 2>>"$scratch/fill.err"; }
pass_on() { sed 's/test.record/raw.record/; s/"test":/"raw":/'; }
# raw.record is passed on by a filter that reads a pipe: that is how a queue is filled here
unraw() { find "$root/in/new" -type f -exec sed -i 's/raw.record/test.record/; s/"raw":/"test":/' {} +; }
records() { find "$@" -type f -exec cat {} + 2>/dev/null; }
idle() { [ -z "$(find "$root/in/new" "$root/in/cur" -type f ! -name lock -print -quit)" ]; }
# work SECONDS OPTIONS: a filter on the queue until it is empty, then stopped cleanly
work() {
	local log=$scratch/work.log
	setsid "$filter" -i "$root/in" "$@" >"$scratch/out" 2>"$log" &
	local pid=$!
	until_ok 10 idle
	kill -TERM $pid; wait $pid
}

{ rec a '{}'; rec b '{"n":3}'; rec c '{"do":"none"}'; } | pass_on | fill; same "filled" 0 $?
unraw
work -o test.output="$root/next"; same "worked and stopped" 0 $?
same "all outputs, once" "a b b b" "$(records "$root/next/new" | jq -r .test.of | sort | xargs)"
check "nothing is left behind" idle

{ rec d '{"do":"fail"}'; rec e '{"do":"defer","n":3600000}'; rec f '{}'; echo 'not a record'; } >"$scratch/mixed"
mkdir -p "$root/in/tmp"; cp "$scratch/mixed" "$root/in/tmp/x"
grep -v '^not' "$scratch/mixed" | pass_on | fill
unraw
work -o test.output="$root/next"
same "failed goes to fail/" "d 5.0.0" "$(records "$root/in/fail" | jq -r '"\(.id) \(.fail.code)"')"
same "deferred goes to defer/" "e 1" "$(records "$root/in/defer" | jq -r '"\(.id) \(.retry.times)"')"
same "done goes on" 1 "$(records "$root/next/new" | grep -c '"of":"f"')"

rec g '{"do":"defer","n":200}' | pass_on | fill; unraw
setsid "$filter" -i "$root/in" -o "$root/next" 2>"$scratch/work.log" & pid=$!
again() { records "$root/in/defer" | jq -es 'any(.[]; .id=="g" and .retry.times==2)' >/dev/null; }
check "a deferred record comes back when due" until_ok 10 again
kill $pid; wait $pid

for k in 1 2 3 4 5 6 7 8; do rec "k$k" '{}' ",\"key\":\"conv$k\""; done | pass_on | fill
rec s '{}' ',"key":"conv1","shard":2' | pass_on | fill
unraw
work -o "$root/part/3"
same "a divided queue gets all" 9 "$(records "$root"/part.?/new | wc -l)"
same "shard decides" 1 "$(records "$root/part.2/new" | grep -c '"of":"s"')"
check "by key, more than one part is used" test "$(ls -d "$root"/part.?/new/* | sed 's|/new/.*||' | sort -u | wc -l)" -gt 1

rec h '{"do":"blob","n":100000}' | pass_on | fill; unraw
work -o test.record="$root/in" -o test.output="$root/next"
sleep 0.2
blob=$(records "$root/next/new" | jq -r 'select(.test.body.blob).test.body.blob')
same "a blob goes through the spool" 100000 "$(cat "$root/blob/$blob".* | wc -c)"
same "one link, of the batch that waits" 1 "$(ls "$root/blob" | grep -c "^$blob")"

# a body from a pipe: the record in the queue names the copy
"$filter" -B "$scratch" < <(rec p '{"do":"blob","n":70000}') 2>/dev/null | pass_on >"$scratch/piped"
"$filter" -B "$scratch" -o "$root/piped" <"$scratch/piped" 2>"$scratch/err"
blob=$(records "$root/piped/new" | jq -r .raw.body.blob)
same "a blob from a pipe is in the spool" 70000 "$(cat "$root/blob/$blob".* | wc -c)"
sed 's/"blob":"[^"]*"/"blob":"nothere"/' "$scratch/piped" | "$filter" -B "$scratch" -o "$root/piped" 2>"$scratch/err"
same "one that is not there fails its record alone" 100 $?
check "loudly" grep -q "blob missing" "$scratch/err"
rec q '{"body":{"type":"text/plain","blob":"nothere","size":70000}}' | pass_on | sed 's/"body":{[^}]*}/"x":1/' | fill; unraw
find "$root/in/new" -type f -exec sed -i 's|"x":1|"body":{"type":"text/plain","blob":"nothere","size":70000}|' {} +
work -o "$root/next"
same "nor does it stay in a queue" q "$(records "$root/in/fail" | jq -r 'select(.fail.why | startswith("blob missing")).id')"

rec i '{}' | pass_on | fill; unraw
work 2>/dev/null; same "no -o: standard output" i "$(jq -r .test.of "$scratch/out")"
rec j '{}' | pass_on | fill; unraw
"$filter" -i "$root/in" -o other="$root/next" 2>"$scratch/err"; same "a type with nowhere to go" 111 $?
check "is told with the mend" grep -q "add -o test.output" "$scratch/err"
work -o "$root/next"
same "and nothing is lost" 1 "$(records "$root/next/new" | grep -c '"of":"j"')"
finish
