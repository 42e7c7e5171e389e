# gateway.sh - what run and demo share: build, prepare a spool root, start the supervisor tree, wait until it is ready, stop it.
# To be sourced. Uses and sets: source, build, root, port, mailport, agentport.
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$source/build} # BUILD: a build directory that somebody else takes care of (the tests do)
PATH=$PATH:/usr/sbin:/sbin
tree= # process id (and group) of the supervisor

say() { printf '%s\n' "$*" >&2; }
die() {
	say "${0##*/}: $*"
	exit 100
}

gateway_build() {
	local log=$source/build/run.log
	[ -z "${BUILD:-}" ] || return 0
	mkdir -p "$build"
	if ! { { [ -e "$build/build.ninja" ] || meson setup "$build" "$source"; } && ninja -C "$build"; } >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		die "the build failed; all of its output is in $log"
	fi
}

# Is something bound to the port (on every address or the loopback one)? Asks the kernel's tables: nothing has to be installed for it.
port_busy() {
	local hex
	hex=$(printf '%04X' "$1")
	awk -v port="$hex" '
		FNR == 1 { next }
		{ split($2, a, ":") }
		a[2] == port && ($4 == "0A" || FILENAME ~ /udp/) && a[1] ~ /^(0100007F|0+|0+01000000|0+FFFF00000100007F)$/ { found = 1 }
		END { exit !found }' /proc/net/tcp /proc/net/udp $(ls /proc/net/tcp6 /proc/net/udp6 2>/dev/null)
}

port_free() {
	local p
	for _ in $(seq 200); do
		p=$((20000 + RANDOM % 30000))
		port_busy "$p" || { echo "$p"; return; }
	done
	die "no free port was found"
}

# A port beside the one of SIP: the usual one, if that is the usual one and this one is free.
port_beside() { if [ "$port" != 5060 ] || port_busy "$1"; then port_free; else echo "$1"; fi; }

# Replace @ROOT@, @PORT@, @MAILPORT@, @AGENTPORT@, @BUILD@ of a template.
fill() {
	sed -e "s|@ROOT@|$root|g" -e "s|@PORT@|$port|g" -e "s|@MAILPORT@|$mailport|g" -e "s|@AGENTPORT@|$agentport|g" -e "s|@BUILD@|$build|g" "$1"
}

# Ports of the configuration: where SIP and mail are taken, where messages for SIP users go.
ports_read() {
	port=$(sed -nE 's/^sip_listen.*"udp:127\.0\.0\.1:([0-9]+)".*/\1/p' "$root/cpmail.conf")
	mailport=$(sed -nE 's/^smtp_listen.*"smtp:127\.0\.0\.1:([0-9]+)".*/\1/p' "$root/cpmail.conf")
	agentport=$(sed -nE 's/^outbound_proxy.*"sip:127\.0\.0\.1:([0-9]+)".*/\1/p' "$root/cpmail.conf")
}

# Directories, key, configuration and services in $root. A configuration that is there already is kept; only its port follows --port.
gateway_prepare() {
	local template name script
	case $root$build in *[\|\&\\\ \"]*) die "the path of the spool or the build must not hold blanks, quotes, | or &: $root, $build" ;; esac
	if [[ $(sv status "$root"/run/* 2>/dev/null) == *run:* ]]; then
		die "a gateway runs in $root already"
	fi
	mkdir -p "$root/Maildir/tmp" "$root/Maildir/new" "$root/Maildir/cur" "$root/log"
	[ -e "$root/msgid.key" ] || (umask 077 && head -c 32 /dev/urandom | base64 >"$root/msgid.key")
	if [ ! -e "$root/cpmail.conf" ]; then
		mailport=$(port_beside 2525)
		agentport=$(port_beside 5070)
		fill "$source/scripts/cpmail.conf.in" >"$root/cpmail.conf"
	elif [ -n "${port_given:-}" ]; then
		sed -i -E "/^sip_listen/s/(127\.0\.0\.1):[0-9]+/\1:$port/g" "$root/cpmail.conf"
	fi
	"$build/cmd/cpmail-conf" -n -c "$root/cpmail.conf" || die "the configuration is wrong: see above"
	ports_read
	[ -n "$port" ] || die "$root/cpmail.conf: sip_listen has no udp:127.0.0.1:PORT"
	for name in "$root"/run/*/; do # services of an earlier version
		[ "$name" = "$root/run/agent/" ] || [ -e "$source/scripts/sv/$(basename "$name")" ] || rm -rf "$name"
	done
	for template in "$source"/scripts/sv/*/; do
		[ ! -e "$template/down" ] || continue # not a part of every gateway
		name=$(basename "$template")
		mkdir -p "$root/run/$name/log" "$root/log/$name"
		for script in run finish log/run; do
			fill "$template/$script" >"$root/run/$name/$script"
			chmod +x "$root/run/$name/$script"
		done
	done
	agent_prepare
}

# The phone of the SIP users while there is none. What it gets is written into $root/messages.
agent_prepare() {
	[ -n "$agentport" ] || return 0
	mkdir -p "$root/run/agent"
	cat >"$root/run/agent/run" <<-END
		#!/bin/sh
		exec $source/scripts/agent -p $agentport $root/messages
	END
	chmod +x "$root/run/agent/run"
}

# The supervisor in a process group of its own: Ctrl-C reaches this script alone, which then stops the tree in order.
gateway_start() {
	port_busy "$port" && die "port $port on 127.0.0.1 is taken; choose another: --port N"
	setsid runsvdir "$root/run" </dev/null >"$root/log/runsvdir" 2>&1 &
	tree=$!
}

# Every service up for a second or more, and SIP answered.
gateway_ready() {
	local s
	for s in "$root"/run/*/; do
		[[ $(sv status "$s" 2>/dev/null) =~ ^run:.*\)\ ([0-9]+)s ]] && [ "${BASH_REMATCH[1]}" -ge 1 ] || return 1
	done
	sipsak -s "sip:ping@127.0.0.1:$port" >/dev/null 2>&1
}

gateway_wait() {
	local end=$((SECONDS + 20)) s
	until gateway_ready; do
		kill -0 "$tree" 2>/dev/null || die "the supervisor ended: $(tail -n 3 "$root/log/runsvdir")"
		if [ $SECONDS -ge $end ]; then
			for s in "$root"/run/*/; do say "$(sv status "$s" 2>&1)"; done
			tail -qn 3 "$root"/log/*/current >&2
			die "not ready after 20 s"
		fi
		sleep 0.1
	done
}

# runsvdir hands TERM to every service and ends; then each service finishes what it has begun. After 15 s what is left is killed.
gateway_stop() {
	[ -n "$tree" ] || return 0
	kill -HUP "$tree" 2>/dev/null
	for _ in $(seq 150); do
		kill -0 -- "-$tree" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL -- "-$tree" 2>/dev/null
	wait "$tree" 2>/dev/null
	tree=
}
