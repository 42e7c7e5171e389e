#!/bin/bash
# scripts/demo --once: a gateway of its own, one message, and nothing left behind.
. "$(dirname "$0")/../lib/wire.sh"
need sipsak runsvdir sv
export BUILD TMPDIR=$scratch
timeout 60 "$SOURCE/scripts/demo" --once >"$scratch/out" 2>"$scratch/err"
same "status 0" 0 $?
check "the mail is shown" grep -q '^Message-ID:' "$scratch/out"
check "with its text" grep -q '^Hello from SIP, number' "$scratch/out"
check "the answer comes back as a message" grep -qE '^And the answer by mail, number [0-9]+\.$' "$scratch/out"
check "in its conversation" grep -q '^InReplyTo-Contribution-ID: ' "$scratch/out"
for program in sip-listen cpm2mail smtp-send smtp-listen mail2cpm sip-send; do
	check "the way led through $program" grep -qE "ms +$program " "$scratch/out"
done
same "its spool is gone" "" "$(ls -d "$scratch"/cpmail-demo.* 2>/dev/null)"
echo "$scratch/cpmail-demo" >"$scratch/pattern" # in a file, so that grep does not find itself
same "and its processes" "" "$(grep -lsF -f "$scratch/pattern" /proc/[0-9]*/cmdline)"
diag "$scratch/err"
check "without a gateway demo says what to do" bash -c "! '$SOURCE/scripts/demo' --root '$scratch/none' 2>'$scratch/err'"
check "in words" grep -q 'start one first: scripts/run' "$scratch/err"
finish
