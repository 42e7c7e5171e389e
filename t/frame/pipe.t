#!/bin/bash
# The frame in a pipe: outcomes, bad lines, passing on, full disk, blobs.
. "$(dirname "$0")/../lib/wire.sh"
export CPMAIL_TAP= # these records are of the test alone
filter=$BUILD/t/bin/filter
rec() { # rec ID MEMBER-JSON
	printf '{"v":1,"id":"%s","trace":"%s","time":"2026-03-05T08:30:00.000Z","type":"test.record","test":%s}\n' "$1" "$1" "$2"
}
run() { "$filter" --now 2026-03-05T08:30:00Z "$@" 2>"$scratch/err"; }

rec a '{"do":"emit","n":2}' | run >"$scratch/out"; same "done" 0 $?
same "two outputs" "0 1" "$(jq -r .test.k "$scratch/out" | xargs)"
same "of one trace" "a" "$(jq -r .trace "$scratch/out" | sort -u)"
rec a '{"do":"emit","n":2}' | run >"$scratch/again"
check "the same input gives the same octets" cmp "$scratch/out" "$scratch/again"

rec a '{"do":"defer"}' | run >"$scratch/out"; same "temporary is 111" 111 $?
rec a '{"do":"fail"}' | run >"$scratch/out"; same "permanent is 100" 100 $?
{ rec a '{"do":"defer"}'; rec b '{"do":"fail"}'; rec c '{}'; } | run -e "$scratch/errors" >"$scratch/out"
same "the worst outcome is the status" 100 $?
same "the others go on" c "$(jq -r .test.of "$scratch/out")"
same "what failed is kept" "4.3.0 5.0.0" "$(jq -r '.retry.code // .fail.code' "$scratch/errors" | xargs)"

{ rec a '{}'; echo 'garbage'; echo '{"v":9}'; echo; echo '[1]'; rec b '{}'; printf '{"v":1,"id":"c"'; } | run >"$scratch/out"
same "bad lines are permanent failures" 100 $?
same "and do not stop the stream" "a b" "$(jq -r .test.of "$scratch/out" | xargs)"
same "each is logged" 4 "$(grep -c event=failed "$scratch/err")"
{ rec a '{}'; head -c 3000000 /dev/zero | tr '\0' x; echo; rec b '{}'; } | run >"$scratch/out"
same "an endless line is one failure" "100 a b" "$? $(jq -r .test.of "$scratch/out" | xargs)"

rec a '{}' | sed 's/test.record/other.kind/; s/"test":/"other":/' >"$scratch/other"
run <"$scratch/other" >"$scratch/out"; same "another type is passed on" 0 $?
check "octet for octet" cmp "$scratch/other" "$scratch/out"

rec a '{}' | run >/dev/full; same "a full disk on standard output is an error" 111 $?
check "that is told" grep -q "standard output" "$scratch/err"
"$filter" --help >"$scratch/help"; same "--help" 0 $?
"$filter" --nonsense 2>/dev/null; same "unknown option" 100 $?
"$filter" extra 2>/dev/null; same "extra argument" 100 $?

rec a '{"do":"blob","n":200000}' | run -B "$scratch" >"$scratch/out"
blob=$(jq -r .test.body.blob "$scratch/out")
same "a blob in a pipe" 200000 "$(stat -c %s "$scratch/$blob")"
run -B "$scratch" <"$scratch/out" >"$scratch/next"
same "is handed on" "$blob" "$(jq -r .test.body.blob "$scratch/next")"

FILTER_STATE=1 run --state "$scratch/db" < <(rec a '{}'; rec b '{}') >"$scratch/out"
FILTER_STATE=1 run --state "$scratch/db" < <(rec c '{}') >>"$scratch/out"
same "the state store lives on" "1 2 3" "$(jq -r .test.count "$scratch/out" | xargs)"
finish
