# sip-lib.sh - a sip-listen under test, and messages for it. After wire.sh.
peer=$SOURCE/t/wire/sip-peer

# listen NAME OPTIONS...: sip-listen in the background, records in $scratch/NAME.out, answers from the pipe $scratch/NAME.in if -i - is among the
# options, log in $scratch/NAME.log; waits until it is ready.
listen() {
	local name=$1 in=/dev/null
	shift
	rm -f "$scratch/$name.ready" "$scratch/$name.in"
	if [[ " $* " == *" -i - "* ]]; then
		in=$scratch/$name.in
		mkfifo "$in"
		start "$name" bash -c 'exec 9<>"$1" 8>"$2"; out=$3; shift 3; exec sip-listen --ready-fd 8 "$@" <&9 >"$out" 9>&-' - \
			"$in" "$scratch/$name.ready" "$scratch/$name.out" "$@"
		exec 7<>"$in"
	else
		start "$name" bash -c 'exec 8>"$1"; out=$2; shift 2; exec sip-listen --ready-fd 8 "$@" >"$out"' - "$scratch/$name.ready" \
			"$scratch/$name.out" "$@"
	fi
	until_ok 20 test -s "$scratch/$name.ready" || diag "$scratch/$name.log"
}
# stop NAME PID: SIGTERM; its exit status.
stop() {
	local i
	kill -TERM "$2"
	for i in $(seq 200); do kill -0 "$2" 2>/dev/null || break; sleep 0.05; done
	wait "$2"
}
# request [SED EXPRESSION...]: a sound MESSAGE, changed.
request() {
	local e=()
	for x; do e+=(-e "$x"); done
	sed "${e[@]:--e;}" <<'END'
MESSAGE sip:bob%40example.org@gw.example.net SIP/2.0
Via: %VIA%;branch=%BRANCH%;rport
Max-Forwards: 66
From: "Alice" <sip:alice@ims.example.net>;tag=a1
To: <sip:bob%40example.org@gw.example.net>
Call-ID: %CALL%
CSeq: 1 MESSAGE
P-Asserted-Identity: "Alice A." <sip:alice@ims.example.net>, <tel:+14155550100>
Content-Type: text/plain;charset=utf-8
Content-Length: %LENGTH%

hello
END
}
records() { wc -l <"$1" | tr -d ' '; }
rss_kb() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
