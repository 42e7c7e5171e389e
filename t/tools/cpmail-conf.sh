#!/bin/bash
# cpmail-conf: status, messages, what it prints can be read again.
. "$(dirname "$0")/../lib/wire.sh"

conf=$scratch/cpmail.conf
status() { "$@" >"$scratch/out" 2>"$scratch/err"; echo $?; }

same "no file: status 0" 0 "$(status cpmail-conf)"
same "no file: nothing differs" "" "$(cat "$scratch/out")"
same "-d: status 0" 0 "$(status cpmail-conf -d)"
check "-d prints a knob with its default" grep -qx 'on_transient = "reject";  # default' "$scratch/out"
cp "$scratch/out" "$scratch/all.conf"
same "what -d printed is a valid file" 0 "$(status cpmail-conf -n -c "$scratch/all.conf")"
same "-n says nothing" "" "$(cat "$scratch/out" "$scratch/err")"

printf 'gateway = "gw.example.net";\n\nsmtp_port = 26;\n' >"$conf"
same "default: status 0" 0 "$(status cpmail-conf -c "$conf")"
check "default: the knob that differs, and from where" grep -qx "smtp_port = 26;  # $conf:3" "$scratch/out"
check "default: not the others" [ "$(grep -c on_transient "$scratch/out")" = 0 ]

printf 'gatewax = "gw.example.net";\n@include "more.conf"\n' >"$conf"
printf '\nsmtp_port = 0;\n' >"$scratch/more.conf"
same "errors: status 100" 100 "$(status cpmail-conf -n -c "$conf")"
check "an error names file, line and key" grep -q "file=$conf line=1 key=gatewax why=\"unknown key\"" "$scratch/err"
check "in an included file too" grep -q "file=$scratch/more.conf line=2 key=smtp_port why=\"must be 1 to 65535\"" "$scratch/err"
printf 'smtp_port = 25;\n\n@include "deep.conf"\n' >"$scratch/more.conf"
printf '\n\nmax_mail_out = 5000000000;\n' >"$scratch/deep.conf"
same "a number that libconfig would cut, two files deep: status 100" 100 "$(status cpmail-conf -n -c "$conf")"
check "is found" grep -q "file=$scratch/deep.conf line=3 key=5000000000" "$scratch/err"
same "nothing on standard output" "" "$(cat "$scratch/out")"

printf 'msgid_key = "%s/key";\n' "$scratch" >"$conf"
same "-n: a missing key file is an error" 100 "$(status cpmail-conf -n -c "$conf")"
check "that is named" grep -q "file=$scratch/key key=msgid_key" "$scratch/err"
same "the values can be seen all the same" 0 "$(status cpmail-conf -c "$conf")"
head -c 33 /dev/urandom | base64 >"$scratch/key"
same "-n: with the key file all is well" 0 "$(status cpmail-conf -n -c "$conf")"
same "no such file: status 100" 100 "$(status cpmail-conf -c "$scratch/none")"
same "full disk: status 111" 111 "$(cpmail-conf -d >/dev/full 2>/dev/null; echo $?)"
finish
