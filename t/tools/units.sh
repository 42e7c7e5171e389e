#!/bin/bash
# The units of systemd: sound, hardened, and the same queues as the service directories of runit; what is installed where.
. "$(dirname "$0")/../lib/wire.sh"
units=$BUILD/scripts/systemd
if command -v systemd-analyze >/dev/null; then
	mkdir "$scratch/units"
	cp "$units"/*.service "$units"/*.socket "$units"/*.timer "$units"/*.target "$scratch/units"
	sed -i -E "s|^(ExecStart=)[^ ]*/([^ /]+) |\1$BUILD/cmd/\2 |" "$scratch"/units/*.service
	export SYSTEMD_UNIT_PATH=$scratch/units:/lib/systemd/system
	for unit in "$scratch"/units/*; do
		out=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F cpmail)
		same "$(basename "$unit") is sound" "" "$out"
	done
	for unit in "$scratch"/units/*.service; do
		check "$(basename "$unit") is exposed at most 2.0" systemd-analyze security --no-pager --offline=yes --threshold=20 "$unit"
	done
	mkdir -p "$scratch/root/etc"
	cp "$units/cpmail.sysusers" "$scratch/cpmail.conf"
	check "the user can be made" systemd-sysusers --root="$scratch/root" "$scratch/cpmail.conf"
	check "and is there" grep -q '^cpmail:.*:/var/spool/cpmail:/usr/sbin/nologin' "$scratch/root/etc/passwd"
	cp "$units/cpmail.tmpfiles" "$scratch/cpmail.conf"
	check "the directories can be made" systemd-tmpfiles --create --root="$scratch/root" "$scratch/cpmail.conf"
	same "the spool is the programs' alone" 700 "$(stat -c %a "$scratch/root/var/spool/cpmail")"
else
	pass "units are sound # SKIP systemd-analyze is not installed"
fi

# options NAME FILE: the queues of a start line, one a line.
options() { tr -d '\\\n' <"$2" | grep -oE -- ' -[io] +[^ ]+' | sed -E "s|@ROOT@|/var/spool/cpmail|g; s/ +/ /g" | grep -oE -- '-[io] [^ ]*[a-z0-9]' | sed 's/StandardOutput.*//; s/ExecReload.*//' | sort; }
for sv in "$SOURCE"/scripts/sv/*/; do
	name=$(basename "$sv")
	unit=$units/cpmail-$name.service
	check "$name has a unit" test -e "$unit"
	start=$(sed -n '/^ExecStart=/,/[^\\]$/p' "$unit")
	same "$name: the same queues under runit and systemd" "$(options "$name" "$sv/run")" "$(options "$name" <(echo "$start"))"
	for line in Type=notify WatchdogSec=30 User=cpmail RestartPreventExitStatus=100; do
		check "$name: $line" grep -qx "$line" "$unit"
	done
	check "$name: a reload is a HUP" grep -q '^ExecReload=.*HUP' "$unit"
	if [ -e "$sv/down" ]; then # started by a person who wants it
		check "$name: the target does not want it" bash -c "! grep -qE '^Wants=(.* )?cpmail-$name.service( |\$)' '$units/cpmail.target'"
		continue
	fi
	check "$name: the target wants it" grep -qE "^Wants=(.* )?cpmail-$name.service( |\$)" "$units/cpmail.target"
done

# ---- what is installed ----
check "meson install" env DESTDIR="$scratch/dest" meson install -C "$BUILD" --no-rebuild
prefix=$(find "$scratch/dest" -path '*/bin/sip-listen' -printf '%h\n' | sed 's|/bin$||')
missing=
for file in "$BUILD"/cmd/*; do
	[ -f "$file" ] && [ -x "$file" ] || continue
	[ -x "$prefix/bin/$(basename "$file")" ] || missing="$missing $(basename "$file")"
done
for page in "$SOURCE"/man/*.[1578]; do
	[ -e "$prefix/share/man/man${page##*.}/$(basename "$page")" ] || missing="$missing $(basename "$page")"
done
same "every program and page is installed" "" "$missing"
check "an installed service names installed programs" grep -q "^exec chpst -u cpmail ${prefix#"$scratch/dest"}/bin/report -c" "$prefix/share/cpmail/sv/report/run"
check "and so does an installed unit" grep -rq "^ExecStart=${prefix#"$scratch/dest"}/bin/report -c" "$scratch/dest" --include=cpmail-report.service
same "no place is left unfilled" "" "$(grep -rlE '@[A-Z]+@' "$scratch/dest" --include='*run' --include='*.service' --include='*.conf')"
check "the configuration that comes along is good" "$BUILD/cmd/cpmail-conf" -n -c "$prefix/share/doc/cpmail/examples/cpmail.conf"

# ---- completion ----
complete_at() { # complete_at LINE...: what the last word can become
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cpmail_tool; printf "%s\n" "${COMPREPLY[@]}"' - \
		"$prefix/share/bash-completion/completions/spool-ls" "$@"
}
mkdir -p "$scratch/spool/report/new" "$scratch/spool/blob"
missing=
for tool in "$BUILD"/cmd/spool-* "$BUILD"/cmd/trace "$BUILD"/cmd/selftest; do
	[ -d "$tool" ] || [ -e "$prefix/share/bash-completion/completions/$(basename "$tool")" ] || missing="$missing $(basename "$tool")"
done
same "every tool has a completion" "" "$missing"
same "a queue is completed" "$scratch/spool/report" "$(complete_at spool-ls -r "$scratch/spool" "$scratch/spool/rep" | sort -u)"
same "an option" "--json" "$(complete_at "$BUILD/cmd/spool-ls" --js)"
finish
