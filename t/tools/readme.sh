#!/bin/bash
# The tour of the README, command by command, as it stands there: only the port is another one.
. "$(dirname "$0")/../lib/wire.sh"
need sipsak runsvdir sv jq
export BUILD
tour=$scratch/tour
mkdir "$tour"
ln -s "$SOURCE/scripts" "$tour/scripts"
ln -s "$BUILD" "$tour/build"
cd "$tour" || exit 1
port=$(free_port)

# what stands between ```sh and ```, one block in one file
awk -v dir="$scratch" '/^```sh$/ { n++; out = dir "/block." sprintf("%02d", n); next } /^```$/ { out = "" } out { print > out }' "$SOURCE/README.md"
sed -i "s/127\.0\.0\.1:5060/127.0.0.1:$port/g" "$scratch"/block.*

# a background process of a script ignores INT; Ctrl-C must reach it
start run env --default-signal=INT scripts/run --no-setup --port "$port"
until_ok 40 grep -q 'Type next' "$scratch/run.log"
check "scripts/run is ready" grep -q 'Type next' "$scratch/run.log"
diag "$scratch/run.log"
check "it says what to type next" grep -qx ' *scripts/demo' "$scratch/run.log"

for block in "$scratch"/block.*; do
	name=$(basename "$block")
	bash -eu -o pipefail "$block" >"$scratch/$name.out" 2>&1
	status=$?
	same "README: $(head -n 1 "$block")" 0 "$status"
	[ "$status" = 0 ] || tail -n 20 "$scratch/$name.out" | diag
done
check "demo showed the mail" grep -q '^Message-ID:' "$scratch/block.01.out"
check "demo showed its way" grep -qE 'ms +smtp-send ' "$scratch/block.01.out"
check "trace showed it again" grep -qE 'ms +cpm2mail ' "$scratch/block.02.out"
check "the message waited for the filter" grep -qE '^cpm2mail +1 ' "$scratch/block.03.out"
check "and it was told that nobody works on it" grep -q '^cpm2mail: nobody works on it' "$scratch/block.03.out"
check "the record could be seen" grep -q '"type": "sip.request"' "$scratch/block.04.out"
check "the mail could be seen before it was sent" grep -q '^Is anybody there?' "$scratch/block.05.out"
check "and it went on" grep -qE '^cpm2mail +0 ' "$scratch/block.06.out"

last=$(ls "$scratch"/block.*.out | tail -1)
check "the answer arrived as a message" grep -qx 'Yes, I am.' "$last"
check "in its conversation" grep -q '^InReplyTo-Contribution-ID: ' "$last"
check "without what was quoted" bash -c "! grep -q '^> ' '$last'"
check "and trace showed its way" grep -qE 'ms +sip-send ' "$last"

# ---- a second gateway on the same port; the end ----
check "a port that is taken is told" bash -c "! scripts/run --no-setup --root '$scratch/other' --port $port >'$scratch/second' 2>&1"
check "and which" grep -q "port $port on 127.0.0.1 is taken" "$scratch/second"
kill -INT "$last_pid"
until_ok 20 bash -c "! kill -0 $last_pid 2>/dev/null"
check "Ctrl-C stops it" bash -c "! kill -0 $last_pid 2>/dev/null"
printf '%s\n' "$tour" >"$scratch/pattern" # in a file, so that grep does not find itself
same "and every process of it" "" "$(grep -lsF -f "$scratch/pattern" /proc/[0-9]*/cmdline)"
same "nothing is left in a queue" 0 "$(spool-ls -j -r "$tour/spool" | jq -s 'map(.waiting + .claimed + .leaving + .deferred + .failed) | add')"
finish
