# wire.sh - what every shell test shares: TAP lines, a scratch directory, free ports, servers that end with the test.
#
#   . "$(dirname "$0")/../lib/wire.sh"
#   start sink smtp-sink -u nobody 127.0.0.1:"$port" 10     # background, log in $scratch/sink.log, killed at exit
#   check "the mail arrived" grep -q Subject: "$mail"
#   finish
#
# Programs are found in $BUILD/cmd (BUILD: the build directory, handed over by meson). Everything lives in $scratch.
set -u
export LC_ALL=C
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$SOURCE/build}
PATH=$BUILD/cmd:$PATH:/usr/sbin:/sbin
scratch=$(mktemp -d "${TMPDIR:-/tmp}/cpmail-test.XXXXXX")
tap_count=0
tap_failed=0
pids=()
# Every record that a program of the test hands out is also written here; finish checks them all against the schema.
export CPMAIL_TAP=$scratch/tap.records

cleanup() {
	local pid
	for pid in "${pids[@]:-}"; do
		[ -n "$pid" ] && kill -TERM -- "-$pid" 2>/dev/null
	done
	for pid in "${pids[@]:-}"; do
		[ -n "$pid" ] || continue
		for _ in $(seq 40); do kill -0 -- "-$pid" 2>/dev/null || break; sleep 0.05; done
		kill -KILL -- "-$pid" 2>/dev/null
	done
	if [ -n "${KEEP:-}" ]; then echo "# kept: $scratch"; else rm -rf "$scratch"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

pass() { tap_count=$((tap_count + 1)); echo "ok $tap_count - $1"; }
fail() { tap_count=$((tap_count + 1)); tap_failed=$((tap_failed + 1)); echo "not ok $tap_count - $1"; }
# check NAME COMMAND...: passes if the command succeeds; its output is shown when it does not.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then pass "$name"; else fail "$name"; echo "$out" | head -40 | sed 's/^/# /'; fi
}
# same NAME WANT GOT: two strings.
same() {
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1"; printf '%s\n' "expected: $2" "     got: $3" | sed 's/^/# /'; fi
}
diag() { sed 's/^/# /' "$@"; }
# At most 3000 of them, evenly taken, so that a test under load is not measured in schema checks.
check_tap() {
	[ -s "$CPMAIL_TAP" ] || return 0
	local lines
	lines=$(wc -l <"$CPMAIL_TAP")
	awk -v step="$((lines / 3000 + 1))" 'NR % step == 0 || NR == 1' "$CPMAIL_TAP" >"$scratch/tap.checked"
	check "every record handed out ($lines) fits the schema" "$SOURCE/t/lib/check-records" "$scratch/tap.checked"
}
finish() { check_tap; echo "1..$tap_count"; [ "$tap_failed" = 0 ]; exit; }
# skip_all WHY: the peer this test needs is not on the machine.
skip_all() { echo "1..0 # SKIP $1"; exit 0; }
need() { local p; for p; do command -v "$p" >/dev/null || skip_all "$p is not installed"; done; }

# start NAME COMMAND...: in the background, in a process group of its own; output in $scratch/NAME.log; $last_pid.
start() {
	local name=$1
	shift
	setsid "$@" >"$scratch/$name.log" 2>&1 </dev/null &
	last_pid=$!
	pids+=("$last_pid")
}
# free_port: one that is free for TCP and UDP on 127.0.0.1 now.
free_port() {
	python3 - <<'EOF'
import socket
while True:
    t = socket.socket(); t.bind(("127.0.0.1", 0)); port = t.getsockname()[1]
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        u.bind(("127.0.0.1", port))
    except OSError:
        continue
    if port < 60000:
        print(port); break
EOF
}
# until_ok SECONDS COMMAND...: repeat until it succeeds.
until_ok() {
	local end=$((SECONDS + $1))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
tcp_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
wait_tcp() { until_ok "${2:-10}" tcp_open "$1"; }
