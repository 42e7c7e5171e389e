#!/bin/bash
# report: each row of table 5.1 as record in, answer out; several recipients; repetitions; deadlines; what is forgotten.
. "$(dirname "$0")/../lib/wire.sh"
need jq
now=2026-03-05T08:30:01.000Z
now_ms=1772699401000
store=$scratch/report.db
id_of() { printf '01jc%022d' "$1"; }
# result N ADDRESS:OUTCOME:CODE:ENHANCED...: a mail.result of request N ($recipients of them, $by).
result() {
	local id
	id=$(id_of "$1")
	shift
	printf '%s\n' "$@" | jq -Rnc --arg id "$id" --arg trace "$id" --argjson n "${recipients:-1}" --argjson by "${by:-$((now_ms + 9000))}" '
		[inputs / ":" | {address: .[0], outcome: .[1], code: (.[2] | tonumber)} + (if .[3] != "-" then {enhanced: .[3]} else {} end) + {text: "words of the server"}] |
		{v: 1, id: $id, trace: $trace, time: "2026-03-05T08:30:00.000Z", type: "mail.result", key: "conv", shard: 2, mail: {results: ., message_id: "m@rcs.example.net",
			origin: {id: $id, transaction: "tx-\($id[-4:])", shard: 1, answer_by: $by, recipients: $n, key: "dedupe-\($id[-4:])"}}}'
}
join() { jq -nc --arg id "$(id_of "$1")" --arg tx "$2" '{v: 1, id: ("01jdjjn" + $id[7:]), trace: $id, time: "2026-03-05T08:30:00.000Z", type: "sip.join", shard: 3, sip: {transaction: $tx, original: $id, attempt: "tx-\($id[-4:])"}}'; }
run() { report --now "$now" --state "$store" "$@" 2>>"$scratch/log"; }
short='if .type == "sip.response" then "\(.sip.transaction)@\(.shard) \(.sip.status) \(.sip.reason) \([.sip.headers[]? | select(.[0] == "Retry-After")[1]] | first // "-")" else "\(.type) \(.sip.key)" end'
answers() { run "$@" | jq -r "$short"; }

# ---- table 5.1 ----
n=0
while IFS='|' read -r left right; do
	n=$((n + 1))
	read -r outcome code enhanced <<<"$left"
	result $n "bob@example.org:$outcome:$code:$enhanced"
	tx=tx-$(id_of $n | tail -c 4)
	printf '%s@1 %s\n' "$tx" "$(sed -E 's/^ *//; s/ *$//' <<<"$right")" >>"$scratch/want"
	case $right in " 2"*) ;; *) echo "sip.forget dedupe-${tx#tx-}" >>"$scratch/want" ;; esac
done < <(sed -E 's/#.*//' "$SOURCE/t/report/rows" | grep -v '^ *$') >"$scratch/in"
run <"$scratch/in" >"$scratch/out"
same "exit status" 0 $?
jq -r "$short" "$scratch/out" >"$scratch/got"
while read -r -u 3 want; do
	got=
	read -r -u 4 got
	same "$want" "$want" "$got"
done 3<"$scratch/want" 4<"$scratch/got"
same "as many records as expected" "$(wc -l <"$scratch/want")" "$(wc -l <"$scratch/got")"
check "the words of the server go nowhere" sh -c "! grep -q 'words of the server' '$scratch/out'"
check "no body, no Contact in any answer" sh -c "jq -e -s 'all(.[]; (.sip.headers // []) | all(.[]; .[0] == \"Retry-After\"))' '$scratch/out'"
echo 'message_success_code = 200;' >"$scratch/conf"
same "message_success_code" "tx-0100@1 200 OK -" "$(result 100 bob@example.org:done:250:2.0.0 | answers -c "$scratch/conf")"
same "  but a queued mail is only accepted" "tx-0101@1 202 Accepted -" "$(result 101 bob@example.org:queued:451:4.3.0 | answers -c "$scratch/conf")"

# ---- several recipients (1.4) ----
recipients=3
same "one accepted: at once" "tx-0200@1 202 Accepted -" "$(result 200 a@x.example:done:250:2.0.0 | answers)"
same "  what comes later is not answered again" "" "$(result 200 b@x.example:permanent:550:5.1.1 | answers)"
check "  but logged" grep -q 'event=late answered=202 to=b@x.example outcome=permanent enhanced=5.1.1' "$scratch/log"
same "one accepted among refused, in one record" "tx-0201@1 202 Accepted -" \
	"$(result 201 a@x.example:permanent:550:5.1.1 b@x.example:temporary:450:4.2.1 c@x.example:done:250:2.0.0 | answers)"
same "refused, refused: wait for the third" "" "$(result 202 a@x.example:permanent:550:5.7.1 b@x.example:permanent:550:5.1.1 | answers)"
same "  said once more of the same one: still two" "" "$(result 202 a@x.example:permanent:550:5.7.1 | answers)"
same "  the third is accepted" "tx-0202@1 202 Accepted -" "$(result 202 c@x.example:queued:451:4.3.0 | answers)"
{ result 203 a@x.example:permanent:550:5.7.1; result 203 b@x.example:permanent:550:5.1.1; result 203 c@x.example:permanent:552:5.3.4; } >"$scratch/in"
same "all refused for good: the first" "tx-0203@1 403 SMTP 550 5.7.1 -
sip.forget dedupe-0203" "$(answers <"$scratch/in")"
{ result 204 a@x.example:permanent:550:5.1.1; result 204 b@x.example:temporary:450:4.7.1; result 204 c@x.example:permanent:550:5.7.1; } >"$scratch/in"
same "all refused, one temporarily: that one" "tx-0204@1 480 SMTP 450 4.7.1 300
sip.forget dedupe-0204" "$(answers <"$scratch/in")"
recipients=1

# ---- repetitions (1.2, 1.16) ----
same "a join of what was answered" "again-1@3 202 Accepted -" "$(join 1 again-1 | answers)"
same "  of what was refused" "again-4@3 404 Not Found -" "$(join 4 again-4 | answers)"
same "a join of what is under way waits" "" "$({ join 300 j1; join 300 j2; join 300 j1; } | answers)"
same "  and gets the same answer, once" "tx-0300@1 404 SMTP 550 5.1.1 -
j1@3 404 SMTP 550 5.1.1 -
j2@3 404 SMTP 550 5.1.1 -
sip.forget dedupe-0300" "$(result 300 bob@example.org:permanent:550:5.1.1 | answers)"
same "  later ones at once" "j3@3 404 SMTP 550 5.1.1 -" "$(join 300 j3 | answers)"

# ---- a refused message, sent again with its ids: another attempt, another answer ----
same "an attempt that was refused" "tx-0310@1 480 SMTP 451 4.3.0 -
sip.forget dedupe-0310" "$(result 310 bob@example.org:temporary:451:4.3.0 | answers)"
again() { result 310 "$@" | jq -c '.mail.origin.transaction = "tx-again"'; }
same "  the next one, with the same id, has its own answer" "tx-again@1 202 Accepted -" "$(again bob@example.org:done:250:2.0.0 | answers)"
same "  a join of the first" "j4@3 480 SMTP 451 4.3.0 -" "$(join 310 j4 | answers)"
same "  a join of the second" "j5@3 202 Accepted -" "$(join 310 j5 | jq -c '.sip.attempt = "tx-again"' | answers)"

# ---- deadlines ----
same "after the deadline nothing is said" "" "$(by=$((now_ms - 1)) result 400 bob@example.org:permanent:550:5.1.1 | answers)"
check "  it is logged" grep -q 'event=late answered=202 to=bob@example.org outcome=permanent' "$scratch/log"
same "  and a repetition gets what the deadline said" "d1@3 202 Accepted -" "$(join 400 d1 | answers)"
same "no deadline: answered when it was stored, nothing is said" "" "$(result 401 bob@example.org:permanent:550:5.1.1 | jq -c 'del(.mail.origin.answer_by)' | answers)"
same "  the message counts as sent" "d2@3 202 Accepted -" "$(join 401 d2 | answers)"
same "a result without origin" "" "$(result 500 bob@example.org:done:250:2.0.0 | jq -c 'del(.mail.origin)' | answers)"

# ---- what is kept how long ----
now=2026-03-06T08:29:00.000Z
same "within dedupe_window" "again-1@3 202 Accepted -" "$(join 1 again-1 | answers)"
now=2026-03-06T08:31:00.000Z
same "after it: unknown" "" "$(join 1 again-1 | answers)"

# ---- by hand ----
now=2026-03-05T08:30:01.000Z
same "other records pass through a pipe" "mail.out" "$(jq -nc '{v: 1, id: "01jc000000000000000000000a", trace: "01jc000000000000000000000a", time: "2026-03-05T08:30:00.000Z", type: "mail.out",
	mail: {from: "", to: [{address: "a@x.example"}], message_id: "a@b", size: 7, body: {type: "message/rfc822", text: "A: b\r\n\r\n"}}}' | run | jq -r .type)"
echo '{"v":1,"id":"01jc000000000000000000000b","trace":"01jc000000000000000000000b","time":"2026-03-05T08:30:00.000Z","type":"sip.join","sip":{}}' | run >/dev/null
same "a join that names nothing: refused" 100 $?
check "report(1) --help" sh -c 'report --help | grep -q mail.result'
finish
