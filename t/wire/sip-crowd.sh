#!/bin/bash
# sip-listen among crowds: 40 000 open transactions, slow and silent stream peers. Memory stays flat and others are served.
. "$(dirname "$0")/../lib/wire.sh"
need python3
. "$SOURCE/t/wire/sip-lib.sh"
nm -D "$BUILD/cmd/sip-listen" | grep -q __asan && skip_all "memory of a sanitised program says nothing"
port=$(free_port)
cat >"$scratch/conf" <<END
gateway = "gw.example.net";
trusted_peers = [ "127.0.0.0/8" ];
answer_deadline_message = 31;
max_connections = 500;
END
CPMAIL_LOG=warn listen crowd -c "$scratch/conf" -p "$port" -i -
pid=$last_pid
while read -r line; do
	case $line in
	"ok - "*) pass "${line#ok - }" ;;
	"not ok - "*) fail "${line#not ok - }" ;;
	*) diag <<<"$line" ;;
	esac
done < <("$SOURCE/t/wire/sip-crowd" "$pid" "$port" transactions slow silent 2>&1)
same "one record a transaction" 40000 "$(records "$scratch/crowd.out")"
stop crowd "$pid"
same "a clean end with all of them open" 0 $?
finish
