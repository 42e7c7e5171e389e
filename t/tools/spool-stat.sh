#!/bin/bash
# spool-stat: numbers, ages and room, as a scraper reads them.
. "$(dirname "$0")/../lib/wire.sh"
export CPMAIL_TAP=
filter=$BUILD/t/bin/filter
rec() { printf '{"v":1,"id":"%s","trace":"%s","time":"2026-03-05T08:30:00.000Z","type":"test.record","test":%s}\n' "$1" "$1" "$2"; }
start filter "$filter" -i "$scratch/spool/in" -o "$scratch/spool/out"
until_ok 10 test -d "$scratch/spool/out/new" -a -d "$scratch/spool/in/new"
{ rec a '{}'; rec b '{"do":"fail"}'; rec c '{"do":"defer","n":3600000}'; rec d '{"n":2}'; } | spool-put "$scratch/spool/in"
until_ok 10 eval 'ls "$scratch"/spool/in/fail/* "$scratch"/spool/in/defer/* "$scratch"/spool/out/new/* && [ -z "$(ls "$scratch"/spool/in/new)" ]'
sleep 1.1
spool-stat -r "$scratch/spool" >"$scratch/stat"; same "status" 0 $?
check "a scraper can read it" "$SOURCE/t/lib/prometheus" "$scratch/stat"
value() { sed -n "s/^$1{program=\"spool-stat\"${2:-}} //p" "$scratch/stat"; }
same "waiting in out" 3 "$(value cpmail_queue_records ',queue="out",state="waiting"')"
same "failed" 1 "$(value cpmail_queue_records ',queue="in",state="failed"')"
same "deferred" 1 "$(value cpmail_queue_records ',queue="in",state="deferred"')"
same "nothing waits in in" 0 "$(value cpmail_queue_records ',queue="in",state="waiting"')"
age=$(value cpmail_queue_oldest_seconds ',queue="out",state="waiting"')
check "the age is in seconds ($age)" awk -v a="$age" 'BEGIN { exit !(a >= 1 && a < 60) }'
same "no age where nothing is" 0.000000 "$(value cpmail_queue_oldest_seconds ',queue="in",state="waiting"')"
free=$(df -B1 --output=avail "$scratch" | tail -n 1) told=$(value cpmail_spool_free_bytes)
check "the room is that of df ($told, $free)" awk -v a="$told" -v b="$free" 'BEGIN { exit !(a > 0.9 * b && a < 1.1 * b) }'
mkdir "$scratch/metrics"
start every spool-stat -r "$scratch/spool" -m "$scratch/metrics" -n 1
check "again and again" until_ok 5 test -s "$scratch/metrics/cpmail-spool.prom"
rm "$scratch/metrics/cpmail-spool.prom"
check "the next one" until_ok 5 test -s "$scratch/metrics/cpmail-spool.prom"
check "as readable" "$SOURCE/t/lib/prometheus" "$scratch/metrics/cpmail-spool.prom"
spool-stat -r "$scratch/none" 2>/dev/null; same "no spool: 111" 111 $?
spool-stat -n 0 2>/dev/null; same "bad time: 100" 100 $?
spool-stat -r "$scratch/spool" >/dev/full 2>/dev/null; same "full disk: 111" 111 $?
finish
