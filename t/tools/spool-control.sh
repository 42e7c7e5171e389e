#!/bin/bash
# spool-retry, spool-hold, spool-release, spool-rm: what they do to which records, while a program reads the queue, and when they die.
. "$(dirname "$0")/../lib/wire.sh"
need jq
root=$scratch/spool
q=$root/smtp-send
rec() { # N DOMAIN [ENVELOPE]
	printf '{"v":1,"id":"01jc%022d","trace":"01jc%022d","time":"2026-11-20T07:56:44.123Z","type":"mail.out"%s,"mail":{"from":"a@gw.example.net","to":[{"address":"u@%s"}],"message_id":"m.%s@gw.example.net","size":20,"body":{"type":"message/rfc822","text":"From: a\\r\\n\\r\\nx\\r\\n"}}}\n' "$1" "$1" "${3:-}" "$2" "$1"
}
numbers() { find "$@" -type f ! -name lock -exec cat {} + 2>/dev/null | jq -r '.id | sub("^01jc0*"; "")' | sort -n | paste -sd' '; }
b32() { local n=$1 s= i; for i in 1 2 3 4 5 6 7 8 9 10 11; do s=$(printf %s 0123456789abcdefghijklmnopqrstuv | cut -c$((n % 32 + 1)))$s; n=$((n / 32)); done; echo "$s"; }
deferred() { local f; for f in "$q"/new/*; do mv "$f" "$q/defer/$(b32 $((($(date +%s) + 600) * 1000000))).${f##*/}"; done; }
nothing_left() { [ -z "$(find "$q"/cur "$q/tmp" -type f ! -name lock)" ]; }

{ rec 1 a.test; rec 2 b.test; rec 3 a.test; } | spool-put -m "$q"
same "hold: those of a domain" "2 held|2|1 3|2" "$(spool-hold -d a.test "$q")|$(numbers "$q/new")|$(numbers "$q/hold")|$(ls "$q/hold" | wc -l)"
check "  ls says so" grep -q 'smtp-send: 2 held' <(spool-ls -r "$root")
same "  cat shows them" "1 3" "$(spool-cat -s held "$q" | jq -r '.id | sub("^01jc0*"; "")' | sort | paste -sd' ')"
same "release: one" "1 released|2 3|1" "$(spool-release -i "01jc$(printf %022d 3)" "$q")|$(numbers "$q/new")|$(numbers "$q/hold")"
same "release: the rest" "1 released|1 2 3|" "$(spool-release -a "$q")|$(numbers "$q/new")|$(numbers "$q/hold")"
same "  those that were held in the order in which they came" "1 3" "$(cat "$q"/new/* | jq -r '.id | sub("^01jc0*"; "")' | grep -v 2 | paste -sd' ')"
same "rm: one of several" "1 removed|1 3" "$(spool-rm -d b.test "$q")|$(numbers "$q/new")"
same "  nobody else" "0 removed" "$(spool-rm -d c.test "$q")"
deferred
same "hold: deferred ones" "1 held|3" "$(spool-hold -i "01jc$(printf %022d 1)" "$q")|$(numbers "$q/defer")"
same "release: they are due when they were" "1 released|1 3||2" "$(spool-release -a "$q")|$(numbers "$q/defer")|$(numbers "$q/hold" "$q/new")|$(ls "$q/defer" | grep -cE '^[0-9a-v]{11}\.[0-9a-v]{11}\.')"
same "retry: by domain" "2 tried again|1 3|" "$(spool-retry -d a.test "$q")|$(numbers "$q/new")|$(numbers "$q/defer")"
mv "$q"/new/* "$q/fail/"
same "rm: a state" "0 removed|1 3" "$(spool-rm -a -s waiting "$q")|$(numbers "$q/fail")"
echo damaged >"$q/fail/odd"
same "rm: what failed, and what is damaged" "3 removed|" "$(spool-rm -a -s failed "$q")|$(ls "$q/fail")"
check "nothing is left in slots" nothing_left
same "no selection is no order" "100" "$(spool-rm "$q" 2>/dev/null; echo $?)"
same "not a queue" "100" "$(spool-rm -a "$root/nothing" 2>/dev/null; echo $?)"

# ---- blobs ----
blob=$(printf '0%.0s' $(seq 26))
head -c 100000 /dev/urandom >"$root/blob/$blob.00000000001.0000000000000.1b"
with_blob() { rec "$1" "$2" | jq -c --arg b "$blob" '.mail.body = {type: "message/rfc822", blob: $b, size: 100000}'; }
{ with_blob 1 a.test; with_blob 2 b.test; } | spool-put "$q"
rm "$root/blob/$blob".*
blobs() { find "$root/blob" -maxdepth 1 -type f | wc -l; }
same "a batch with two blobs" "1 2 2" "$(numbers "$q/new") $(blobs)"
same "hold: one, with its blob" "1 held" "$(spool-hold -d a.test "$q")"
linked() { local f name; for f in "$q/hold"/* "$q/new"/*; do name=${f##*/}; ls "$root"/blob/*."$name" >/dev/null || return 1; done; }
check "  each file has its link" linked
same "  and there are no others" 2 "$(blobs)"
same "rm: the blobs go with them" "2 removed 0" "$(spool-rm -a "$q") $(blobs)"
check "  nothing is left in slots" nothing_left

# ---- while a program reads the queue: every record once, whatever is ordered meanwhile ----
for i in $(seq 300); do rec "$i" "d$((i % 3)).test"; done >"$scratch/many"
split -l 10 "$scratch/many" "$scratch/part."
echo 'on_transient = "queue";' >"$scratch/conf"
smtp-send -c "$scratch/conf" -m "$scratch/Maildir" -i "$q" -o "mail.result=$root/report" 2>"$scratch/send.log" &
sender=$!
for f in "$scratch"/part.*; do
	spool-put "$q" <"$f"
	spool-hold -d d1.test "$q" >/dev/null
	spool-release -d d1.test "$q" >/dev/null
	spool-retry -a "$q" >/dev/null
done
spool-release -a "$q" >/dev/null
drained() { [ "$(find "$scratch/Maildir/new" -type f | wc -l)" -ge 300 ] && [ -z "$(find "$q/new" "$q/hold" "$q/defer" -type f)" ]; }
check "a program reads on meanwhile" until_ok 20 drained
kill -TERM $sender
wait $sender
same "  each record once" "300" "$(find "$scratch/Maildir/new" -type f | wc -l)"
same "  each result once" "300 300" "$(find "$root/report/new" -type f -exec cat {} + | wc -l) $(find "$root/report/new" -type f -exec cat {} + | jq -r .mail.message_id | sort -u | wc -l)"

# ---- directories made anew ----
for i in $(seq 2000); do : >"$q/defer/.room$i"; mv "$q/defer/.room$i" "$q/defer/a-long-name-that-takes-some-room-in-the-directory-$i"; done
rm "$q"/defer/a-long-name*
for i in 1 2 3; do rec $i a.test | spool-put "$q"; done
deferred
rec 4 a.test | spool-put "$q"
large=$(stat -c %s "$q/defer")
same "compact: the files stay" "$q: 3 files in new directories|1 2 3|4" "$(spool-retry --compact "$q")|$(numbers "$q/defer")|$(numbers "$q/new")"
check "  in a small directory" test "$(stat -c %s "$q/defer")" -lt "$large"
same "  new/ too when nobody writes" "1 2 3 4|0" "$(spool-retry --compact --stopped "$q" >/dev/null; numbers "$q/defer" "$q/new")|$(ls "$q" | grep -c compact-)"
mkdir "$q/compact-defer"; mv "$(ls -d "$q"/defer/* | head -1)" "$q/compact-defer/"
smtp-send -c "$scratch/conf" -m "$scratch/Maildir" -i "$q" -o "mail.result=$root/report" 2>>"$scratch/send.log" &
sender=$!
check "  interrupted: the next start brings the files back" until_ok 5 test ! -d "$q/compact-defer"
same "  all of them" "1 2 3" "$(numbers "$q/defer")"
same "  refused while the program runs" 111 "$(spool-retry --compact "$q" >/dev/null 2>&1; echo $?)"
kill -TERM $sender; wait $sender
mv "$q/defer" "$q/compact-defer"
same "  died before the last step: the next one goes on" "0 1 2 3" "$(spool-retry --compact "$q" >/dev/null; echo $?) $(numbers "$q/defer")"
same "  nothing is made where no queue is" "111 no" "$(spool-retry --compact "$root/none" >/dev/null 2>&1; echo $?) $([ -e "$root/none" ] && echo yes || echo no)"
spool-rm -a "$q" >/dev/null

# ---- a program that keeps order ----
rec 1 a.test >"$scratch/one"
c=$root/cpm2mail
spool-put -m "$c" <"$scratch/one"
smtp_pid=
report -i "$root/ordered" -o "sip.response=$root/x" 2>/dev/null &
ordered=$!
if until_ok 5 test -e "$root/ordered/cur/1/lock"; then
	sleep 0.3
	same "the queue of a program that keeps order is refused while it runs" 111 "$(spool-rm -a "$root/ordered" 2>/dev/null; echo $?)"
	kill -TERM $ordered; wait $ordered
	same "  and not when it does not" 0 "$(spool-rm -a "$root/ordered" >/dev/null 2>&1; echo $?)"
else
	fail "report did not start"
fi

# ---- killed before each call that changes the disk: every record is somewhere, once; the removed one there or gone ----
lost=0 twice=0 k=0
while :; do
	k=$((k + 1))
	rm -rf "$root/kill"
	{ rec 1 a.test; rec 2 b.test; rec 3 a.test; } | spool-put -m "$root/kill"
	order=$([ $((k % 2)) = 0 ] && echo spool-rm || echo spool-hold)
	{ CPMAIL_SPOOL_KILL=$(((k + 1) / 2)) "$order" -d b.test "$root/kill" >/dev/null; died=$?; } 2>/dev/null
	spool-retry -i none "$root/kill" >/dev/null 2>&1 # recovers the slot, as the program's next rescan would
	left=$(numbers "$root/kill/new" "$root/kill/hold")
	case "$order $left" in
	"spool-rm 1 3" | "spool-rm 1 2 3" | "spool-hold 1 2 3") ;;
	*) lost=1; echo "# $order, killed before call $(((k + 1) / 2)): $left" ;;
	esac
	[ -z "$(find "$root/kill/cur" -type f ! -name lock)" ] || { twice=1; echo "# call $(((k + 1) / 2)): litter"; }
	[ $died -lt 128 ] && [ $((k % 2)) = 0 ] && break
	[ $k -gt 120 ] && break
done
check "killed before any of its $((k / 2)) calls: nothing is lost" test $lost = 0
check "  and nothing is left in its slot" test $twice = 0
check "  all calls were tried" test $k -gt 10 -a $k -le 120
CPMAIL_TAP=
finish
