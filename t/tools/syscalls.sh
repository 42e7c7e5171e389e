#!/bin/bash
# The units forbid what the programs do not need, and nothing that they do: every system call of a gateway at work is one that its unit allows.
. "$(dirname "$0")/../lib/wire.sh"
need strace systemd-analyze runsvdir sv sipsak python3
case $(meson introspect --buildoptions "$BUILD" 2>/dev/null | jq -r '.[] | select(.name == "b_sanitize").value' 2>/dev/null) in
none | '') ;;
*) skip_all "sanitizers make system calls of their own" ;;
esac
export CPMAIL_TAP= # the programs go on when the test does not look
. "$SOURCE/scripts/gateway.sh"
build=$BUILD
root=$scratch/spool
port=$(free_port)
mkdir "$root" "$scratch/calls"
gateway_prepare
for run in "$root"/run/*/run; do
	name=$(basename "$(dirname "$run")")
	sed -i "s|^exec $BUILD/cmd/|exec strace -f -qq -o $scratch/calls/$name $BUILD/cmd/|" "$run"
done
gateway_start
trap 'gateway_stop; cleanup' EXIT
gateway_wait
check "a message goes through" selftest -c "$root/cpmail.conf" -r "$root" -m "$root/Maildir" sip:test@example.org
check "a refused one" eval '! selftest -c "$root/cpmail.conf" -r "$root" "sip:no..body@gateway.example.net"'
"$SOURCE/scripts/message" -p "127.0.0.1:$port" sip:bob@example.org "to be answered" >/dev/null 2>&1
until_ok 10 grep -rqF "to be answered" "$root/Maildir/new"
check "an answer by mail is taken" "$SOURCE/scripts/reply" -p "127.0.0.1:$mailport" "$(grep -rlF "to be answered" "$root/Maildir/new" | head -n 1)" "as a mail"
check "and arrives" until_ok 15 grep -q "as a mail" "$root/messages"
sv hup "$root"/run/*/ >/dev/null
sleep 0.5
gateway_stop

# expand SET: the calls in it, sets within it too
expand() { systemd-analyze syscall-filter "$1" | sed -nE 's/^ {4}(@?[a-z0-9_-]+)$/\1/p' | while read -r word; do
	case $word in @*) expand "$word" ;; *) echo "$word" ;; esac
done; }
{ expand @system-service; expand @default; } | sort -u >"$scratch/allowed"
{ expand @privileged; expand @resources; } | sort -u >"$scratch/denied"
expand @default | sort -u >"$scratch/always"
comm -23 "$scratch/allowed" "$scratch/denied" | sort -u - "$scratch/always" >"$scratch/good"
check "the sets are known" [ "$(wc -l <"$scratch/good")" -gt 150 ]
# raising a limit may fail: the unit has set it (LimitNOFILE); SQLite gives files away only when it runs as root
may_fail='^(setrlimit|fchown)$'
for file in "$scratch"/calls/*; do
	name=$(basename "$file")
	sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$file" | sort -u >"$scratch/made"
	check "$name: was seen at work" [ "$(wc -l <"$scratch/made")" -gt 20 ]
	same "$name: its unit allows what it does" "" "$(comm -23 "$scratch/made" "$scratch/good" | grep -vE "$may_fail" | xargs)"
	unit=$BUILD/scripts/systemd/cpmail-$name.service
	same "$name: by these sets" "@system-service ~@privileged @resources" "$(sed -n 's/^SystemCallFilter=//p' "$unit" | xargs)"
done
finish
