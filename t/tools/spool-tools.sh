#!/bin/bash
# spool-put, spool-ls, spool-cat, trace: on a spool of our own making.
. "$(dirname "$0")/../lib/wire.sh"
need jq python3
root=$scratch/spool
status() { "$@" >"$scratch/out" 2>"$scratch/err" </dev/null; echo $?; }
# rec N [ENVELOPE-MEMBERS] [MEMBERS]: a record of trace tN
id() { printf '01jc%022d' "$1"; }
rec() {
	printf '{"v":1,"id":"%s","trace":"%s","time":"2026-11-20T07:56:44.123Z","type":"mail.out"%s,"mail":{"message_id":"m%s@gw.example"%s}}\n' \
		"$(id "$1")" "$(id "$1")" "${2:-}" "$1" "${3:-}"
}
# due MICROSECONDS: as it stands in names
due() { python3 -c 'import sys; n = int(sys.argv[1]); print("".join("0123456789abcdefghijklmnopqrstuv"[n >> 5 * i & 31] for i in range(10, -1, -1)))' "$1"; }

# ---- put ----
same "put: a queue that is not there is refused" 100 "$(status spool-put "$root/smtp-send")"
{ rec 1; rec 2; rec 3; } | spool-put -m "$root/smtp-send"
same "put: made and put" 0 $?
same "put: three records, one batch" "3 1" "$(cat "$root"/smtp-send/new/* | wc -l) $(ls "$root/smtp-send/new" | wc -l)"
{ rec 4; echo 'no record'; rec 5; } | spool-put "$root/smtp-send" 2>"$scratch/err"
same "put: a bad line makes it 100" 100 $?
check "put: and is named by its number" grep -q 'line=2' "$scratch/err"
same "put: the others are in" 5 "$(cat "$root"/smtp-send/new/* | wc -l)"
rec 6 | head -c -1 | spool-put "$root/smtp-send" 2>"$scratch/err"
same "put: a last line without end is refused" 100 $?
rec 7 ',"retry":{"times":1,"first":"2026-11-20T07:56:44.123Z","last":"2026-11-20T07:56:44.123Z"}' | spool-put "$root/smtp-send"
same "put: what earlier tries left is taken away" null "$(spool-cat -i "$(id 7)" "$root" | jq .retry)"
rec 8 ',"retry":{"times":1,"first":"2026-11-20T07:56:44.123Z","last":"2026-11-20T07:56:44.123Z"}' | spool-put -k "$root/smtp-send"
same "put: -k keeps it" 1 "$(spool-cat -i "$(id 8)" "$root" | jq .retry.times)"
rm "$root"/smtp-send/new/*

# ---- a blob is copied with the record ----
mkdir -p "$root/blob"
blob=$(printf '0%.0s' $(seq 26))
head -c 100000 /dev/urandom >"$root/blob/$blob.$(due 1).0000000000000.1b"
rec 1 '' ",\"body\":{\"type\":\"x/y\",\"blob\":\"$blob\",\"size\":100000}" | spool-put "$root/smtp-send"
same "put: a record with a blob" 0 $?
copy=$(spool-cat "$root/smtp-send" | jq -r .mail.body.blob)
check "put: names a blob of its own" [ "$copy" != "$blob" ]
check "put: with the same octets" cmp "$root/blob/$blob".* "$root/blob/$copy".*
rec 1 '' ",\"body\":{\"type\":\"x/y\",\"blob\":\"${blob/0/1}\",\"size\":1}" | spool-put "$root/smtp-send" 2>"$scratch/err"
same "put: a blob that is not there is refused" 100 $?
rm "$root"/smtp-send/new/* "$root"/blob/*.*

# ---- states ----
{ rec 1; rec 2; } | spool-put "$root/smtp-send"
rec 3 | spool-put -m "$root/report"
fail='{"code":"5.1.1","why":"no such\u0007 user","program":"smtp-send","time":"2026-11-20T07:56:44.123Z"}'
retry='{"code":"4.4.1","why":"no connection","times":3,"first":"2026-11-20T07:56:44.123Z","last":"2026-11-20T07:56:44.123Z"}'
name() { basename "$(ls "$root/smtp-send/new/"*"$1")"; }
spool-put -m "$root/aside" </dev/null
{ rec 4 ",\"fail\":$fail"; rec 5 ",\"fail\":$fail"; } | spool-put -k "$root/aside"
mv "$root"/aside/new/* "$root/smtp-send/fail/"
rec 6 ",\"retry\":$retry" | spool-put -k "$root/aside"
file=$(ls "$root/aside/new")
mv "$root/aside/new/$file" "$root/smtp-send/defer/$(due $((($(date +%s) + 630) * 1000000))).$file"
rec 7 | spool-put "$root/aside"
file=$(ls "$root/aside/new")
mkdir -p "$root/smtp-send/cur/3"
mv "$root/aside/new/$file" "$root/smtp-send/cur/3/$file,i,$file"

same "ls: status 0" 0 "$(status spool-ls -r "$root")"
check "ls: counts by state" grep -qE '^smtp-send +2 +1 +1 +2 +[0-9]+s +10m +0$' "$scratch/out"
check "ls: another queue" grep -qE '^report +1 +0 +0 +0 +[0-9]+s +- +0$' "$scratch/out"
check "ls: says that nobody works on it" grep -qx 'report: nobody works on it: is the program running?' "$scratch/out"
exec 9>"$root/smtp-send/cur/3/lock"
flock 9
check "ls: counts workers" grep -qE '^smtp-send .* 1$' <(spool-ls -r "$root")
same "ls: and leaves their locks alone" "" "$(flock -n "$root/smtp-send/cur/3/lock" echo free)"
exec 9>&-
check "ls: says why records wait" grep -qE '^smtp-send: 1 deferred \(next in 10m\): 4.4.1 no connection$' "$scratch/out"
check "ls: and why they failed, cleanly" grep -qE '^smtp-send: 2 failed \(last [0-9]+s ago\): 5.1.1 no such user$' "$scratch/out"
spool-ls -j "$root/smtp-send" >"$scratch/out"
same "ls -j: the same for machines" "smtp-send 2 1 1 2 1 2" \
	"$(jq -r '[.queue, .waiting, .claimed, .deferred, .failed, .deferred_why[0].records, .failed_why[0].records] | join(" ")' "$scratch/out")"
spool-ls -l -r "$root" >"$scratch/out"
same "ls -l: a line for each record" 7 "$(wc -l <"$scratch/out")"
check "ls -l: with its reason" grep -qE "^smtp-send +deferred +[0-9]+s +10m $(id 6) +mail.out +4.4.1 no connection" "$scratch/out"
same "ls -l -j: state and slot" "claimed 3" "$(spool-ls -lj "$root/smtp-send" | jq -r 'select(.slot) | "\(.state) \(.slot)"')"
same "ls: what is no queue" 100 "$(status spool-ls "$scratch")"
same "ls: a root that is not there" 100 "$(status spool-ls -r "$scratch/none")"
same "ls: full disk" 111 "$(spool-ls -r "$root" >/dev/full 2>/dev/null; echo $?)"

ids() { jq -r .mail.message_id | tr -dc '0-9\n' | sort | xargs; }
same "cat: a queue" "1 2 4 5 6 7" "$(spool-cat "$root/smtp-send" | ids)"
same "cat: a state" "4 5" "$(spool-cat -s failed "$root/smtp-send" | ids)"
same "cat: the directory of a state" "6" "$(spool-cat "$root/smtp-send/defer/" | ids)"
same "cat: what is in work" "7" "$(spool-cat "$root/smtp-send/cur" | ids)"
same "cat: a file" "4 5" "$(spool-cat "$root"/smtp-send/fail/* | ids)"
same "cat: the spool" "1 2 3 4 5 6 7" "$(spool-cat "$root" | ids)"
same "cat: by id" "3" "$(spool-cat -r "$root" -i "$(id 3)" | ids)"
same "cat: an id that is nowhere" 100 "$(status spool-cat -r "$root" -i nobody)"
same "cat: no such thing" 100 "$(status spool-cat "$root/none")"
same "cat: no such state" 100 "$(status spool-cat -s lost "$root")"
same "cat into put: what failed is tried again" "4 5" \
	"$(spool-cat "$root/smtp-send/fail" | spool-put "$root/aside" && spool-cat "$root/aside" | ids)"

# ---- trace ----
mkdir -p "$root/log/sip-listen" "$root/log/cpm2mail"
cat >"$root/log/sip-listen/@400000001" <<END
2026-11-20T07:56:44.100Z level=info prog=sip-listen trace=$(id 6) event=accepted callid=abc@host peer=127.0.0.1
2026-11-20T07:56:44.100Z level=info prog=sip-listen trace=$(id 9) event=accepted callid=abc@hostile
END
cat >"$root/log/cpm2mail/current" <<END
2026-11-20_07:56:44.2 2026-11-20T07:56:44.150Z level=info prog=cpm2mail trace=$(id 6) event=mapped mid="<m6@gw.example>" text="a \\"b\\""
2026-11-20T07:56:45.000Z level=info prog=cpm2mail trace=$(id 8) event=mapped mid=m8@gw.example
END
same "trace: by Call-ID" 0 "$(status trace -r "$root" abc@host)"
check "trace: the beginning" grep -qE '^07:56:44.100 +\+0 ms +sip-listen +accepted callid=abc@host peer=127.0.0.1$' "$scratch/out"
check "trace: the next step, with the time it took" grep -qE '^07:56:44.150 +\+50 ms +cpm2mail +mapped mid=<m6@gw.example> text=a "b"$' "$scratch/out"
check "trace: where it is now, and why" grep -qE "^now: mail.out waits for its next try at smtp-send, due 20.*: 4.4.1 no connection \(record $(id 6)\)" "$scratch/out"
same "trace: no other message" 0 "$(grep -c hostile "$scratch/out")"
cp "$scratch/out" "$scratch/by-callid"
for given in "m6@gw.example" "<m6@gw.example>" "$(id 6)"; do
	trace -r "$root" "$given" >"$scratch/out" 2>&1
	check "trace: the same by $given" cmp "$scratch/out" "$scratch/by-callid"
done
check "trace: nothing is left to be done" grep -q '^now: in no queue' <(trace -r "$root" m8@gw.example)
same "trace: a record that is in no log yet" "now: mail.out waits for report (record $(id 3))" "$(trace -r "$root" m3@gw.example | tail -n 1)"
same "trace -j" "cpm2mail 50 $(id 6) deferred" \
	"$(trace -j -r "$root" abc@host | jq -rs '"\(.[1].prog) \(.[1].elapsed_ms) \(.[2].trace) \(.[2].now.state)"')"
printf '%s\n' "2026-11-20T07:56:44.100Z level=warn prog=x trace=$(id 77) event=odd id=given" >"$scratch/given.log"
check "trace: a log that is given" grep -q 'x *odd level=warn id=given' <(trace -r "$root" given "$scratch/given.log")
same "trace: nothing is known" 100 "$(status trace -r "$root" nobody@nowhere)"
same "trace: an empty id" 100 "$(status trace -r "$root" "")"
# ---- nothing that a record says reaches the terminal as it is ----
spool-put -m "$root/odd" <<'END'
{"v":1,"id":"odd1","trace":"tt","time":"2026-11-20T07:56:44.123Z","type":"x\u0007.y\u009b2J","x\u0007":{"n":"odd"}}
END
esc=$(printf '\033')
same "ls -l, trace: no escape sequences" 0 "$({ spool-ls -l "$root/odd"; trace -r "$root" odd; } | grep -c "$esc")"
check "but the record" grep -q odd1 <(spool-ls -l "$root/odd")
finish
