#!/bin/bash
# smtp-send with spool queues: what waits, for how long, what is given up, and what a death in the middle of a batch does.
. "$(dirname "$0")/../lib/wire.sh"
. "$(dirname "$0")/smtp-lib.sh"
need python3 jq
root=$scratch/spool
queue=$root/smtp-send
put() { report -o "mail.out=$queue" 2>>"$scratch/put.log"; } # it does not know mail.out: passes it on
records() { find "$1" -type f ! -name lock -exec cat {} + 2>/dev/null; }
idle() { [ -z "$(find "$queue/new" "$queue/cur" -type f ! -name lock -size +0 -print -quit)" ]; }
# work OPTION...: smtp-send on the queue until it is empty, then stopped cleanly.
work() {
	smtp-send -t 5 -i "$queue" -o "mail.result=$root/report" "$@" 2>>"$scratch/send.log" &
	local pid=$!
	until_ok 20 idle
	kill -TERM $pid
	wait $pid
}
taken() { records "$root/report/new" | jq -r '.mail.results[] | "\(.address) \(.outcome) \(.code) \(.enhanced)"'; }
empty() { find "$root/report/new" -type f -delete; find "$queue/defer" "$queue/fail" -type f -delete; }
echo 'on_transient = "queue";' >"$scratch/conf"

peer
mail a bob@example.org | put
work
same "a queued record is sent" "bob@example.org done 250 2.0.0 1" "$(taken) $(mails)"
empty

# ---- waiting ----
peer "rcpt:b@example.org=451 4.3.0 later" "rcpt:c@example.org=550 5.1.1 who"
mail w a@example.org b@example.org c@example.org | put
before=$(date +%s)
work -c "$scratch/conf"
same "results: what is decided, and what waits" "a@example.org done 250 2.0.0
b@example.org queued 451 4.3.0
c@example.org permanent 550 5.1.1" "$(taken)"
same "only what waits is kept" "b@example.org" "$(records "$queue/defer" | jq -r '.mail.to[].address')"
same "  with the reason" "1 4.3.0" "$(records "$queue/defer" | jq -r '"\(.retry.times) \(.retry.code // .retry.enhanced)"')"
empty
same "on_transient reject, and somebody waits: nothing is kept" "b@example.org temporary 451 4.3.0 0" \
	"$(mail x b@example.org | put; work; taken) $(records "$queue/defer" | wc -l)"
empty
for by in $(($(date +%s) * 1000 + 2500)) 1000; do
	same "  nobody waits any more: queued" "b@example.org queued 451 4.3.0 1" \
		"$(answer_by=$by mail "y$by" b@example.org | put; work; taken) $(records "$queue/defer" | wc -l)"
	empty
done

# due TIMES AGE: after how many seconds a record that was deferred TIMES times, first AGE seconds ago, is tried again; and what is told.
due() {
	local first now
	now=$(date +%s)
	first=$(date -u -d "@$((now - $2))" +%Y-%m-%dT%H:%M:%S.000Z)
	change=".retry = {times: $1, first: \"$first\", last: \"$first\", code: \"4.3.0\", why: \"x\"} | . as \$r | del(.mail) | .mail = \$r.mail" \
		mail "r$1$2" b@example.org | put
	work
	find "$queue/defer" -type f -printf '%f\n' | while IFS=. read -r t _; do
		t=$(((32#$t) / 1000000 - now)) # a name begins with the due time: microseconds, in base 32
		for m in 60 300 900 1800 3600 1200; do [ $t -ge $((m * 9 / 10 - 1)) ] && [ $t -le $((m * 11 / 10 + 15)) ] && echo "$m"; done
	done
	taken
	empty
}
same "second wait: 5 min, nothing is told again" 300 "$(due 1 60)"
same "third: 15 min" 900 "$(due 2 400)"
same "fourth: 30 min" 1800 "$(due 3 1300)"
same "fifth: 60 min" 3600 "$(due 4 3100)"
same "then every 60 min" 3600 "$(due 6 9000)"
same "the last one at the end of queue_lifetime" 1200 "$(due 7 13200)"
same "after it: given up, with its reason" "b@example.org permanent 451 4.3.0" "$(due 8 14400)"

# a mail that waits goes where the configuration says then
peer
echo "next_hop_smarthost = \"127.0.0.1:$port\";" >"$scratch/moved"
waited='.retry = {times: 1, first: "2026-11-20T07:56:44.123Z", last: "2026-11-20T07:56:44.123Z", code: "4.4.1", why: "x"} | . as $r | del(.mail) | .mail = $r.mail'
change=$waited hosts=$(hosts 1) mail moved b@example.org | put
work -c "$scratch/moved"
same "a new smarthost takes what waited for the old one" "b@example.org done 250 2.0.0 1" "$(taken) $(mails)"
empty
hosts=$(hosts "$port") mail stays b@example.org | put
echo 'next_hop_smarthost = "127.0.0.1:1";' >"$scratch/moved"
work -c "$scratch/moved"
same "a mail that was just given its route keeps it" "b@example.org done 250 2.0.0 2" "$(taken) $(mails)"
empty

peer "dot=451 4.7.1 greylisted"
mail t b@example.org | put
work -c "$scratch/conf"
same "greylisted: queued" "b@example.org queued 451 4.7.1" "$(taken)"
empty
for i in $(seq 10 29); do mail "together$i" b@example.org; done | put
work -c "$scratch/conf"
check "those that were refused together do not come back together" test "$(ls "$queue/defer" | cut -d. -f1 | sort -u | wc -l)" -gt 2
empty
peer dot=drop
mail u b@example.org | put
work
same "no answer to the final dot: queued, a duplicate is possible" "b@example.org queued 0 4.4.2 true" \
	"$(taken) $(records "$root/report/new" | jq -r .mail.duplicate_possible)"
empty

# ---- death in the middle ----
peer "dot#3=hang"; hanging=$peer
for i in 1 2 3 4; do mail "k$i" "k$i@example.org"; done | put
smtp-send -i "$queue" -o "mail.result=$root/report" 2>>"$scratch/send.log" &
pid=$!
check "two of four mails are through, the third hangs" until_ok 10 sh -c "[ \$(grep -c 'mail of' '$hanging/log') = 3 ]"
sleep 0.3
kill -KILL $pid
wait $pid 2>/dev/null
kill -TERM -- "-$last_pid"
until_ok 5 sh -c "! kill -0 -- -$last_pid 2>/dev/null"
same "no result is out yet" 0 "$(records "$root/report/new" | wc -l)"
peer_options="--port $port" peer
work
same "after the restart each has its result" "k1@example.org done 250 2.0.0
k2@example.org done 250 2.0.0
k3@example.org done 250 2.0.0
k4@example.org done 250 2.0.0" "$(taken | sort)"
same "those that were answered are not sent again" "k3@example.org k4@example.org" \
	"$(cat "$peer"/mail.*.env | sed -nE 's/^RCPT TO:<([^>]*)>.*/\1/p' | sort | paste -sd' ')"
same "nothing is left" "" "$(records "$queue/new"; records "$queue/defer"; records "$queue/fail")"

rm -rf "$root/report/new"/*
peer dot#1=drop dot#2=hang; hanging=$peer
for i in 1 2; do mail "l$i" "l$i@example.org"; done | put
smtp-send -i "$queue" -o "mail.result=$root/report" 2>>"$scratch/send.log" &
pid=$!
until_ok 10 sh -c "[ \$(grep -c 'mail of' '$hanging/log') = 2 ]"
sleep 0.3
kill -KILL $pid
wait $pid 2>/dev/null
kill -TERM -- "-$last_pid"
until_ok 5 sh -c "! kill -0 -- -$last_pid 2>/dev/null"
peer_options="--port $port" peer
work
same "no answer to the final dot, then a death: still queued, not refused" "l1@example.org queued 0 4.4.2 true" \
	"$(taken | grep l1) $(records "$root/report/new" | jq -r 'select(.mail.results[0].address == "l1@example.org").mail.duplicate_possible')"
empty

# ---- Maildir, and a batch in one flush ----
rm -rf "$root/report/new"/*
one=$(mail one bob@example.org)
copies d 300 | put
work -m "$scratch/Maildir"
same "300 mails in a Maildir" "300 300" "$(taken | grep -c 'done 250 2.0.0') $(find "$scratch/Maildir/new" -type f | wc -l)"
same "  nothing in its tmp/" 0 "$(find "$scratch/Maildir/tmp" -type f | wc -l)"
copies d 300 | put
work -m "$scratch/Maildir"
same "the same records again: the same files" 300 "$(find "$scratch/Maildir/new" -type f | wc -l)"
# ---- more blobs in one batch than a process may have files open, as most are started ----
rm -rf "$root/report/new"/*
peer
mkdir "$scratch/blobs"
one=$(change=".mail.body = {type: \"message/rfc822\", blob: \"$(id_of blob)\", size: $(printf "$body" | wc -c)}" mail one bob@example.org)
copies b 40 >"$scratch/in"
printf "$body" >"$scratch/blobs/$(id_of blob)"
out=$(ulimit -Sn 32; smtp-send -t 5 -B "$scratch/blobs" 2>>"$scratch/send.log" <"$scratch/in")
same "more blobs than files may be open: the limit is raised" 40 "$(results | grep -c 'done 250')"
no_sanitizer
finish
