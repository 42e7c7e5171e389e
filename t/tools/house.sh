#!/bin/bash
# The house: every program has a page, helps, refuses what it does not know; every knob is documented as it is.
. "$(dirname "$0")/../lib/wire.sh"

programs=()
for file in "$BUILD"/cmd/*; do
	[ -f "$file" ] && [ -x "$file" ] && programs+=("$(basename "$file")")
done
check "there are programs" [ ${#programs[@]} -gt 0 ]

status() { timeout 20 "$@" >"$scratch/out" 2>"$scratch/err" </dev/null; echo $?; }
for p in "${programs[@]}"; do
	same "$p: --help ends with 0" 0 "$(status "$BUILD/cmd/$p" --help)"
	check "$p: --help says what it does" grep -q "$p" "$scratch/out"
	# what the program understands stands in its page, what all understand in cpmail(7)
	page=$(ls "$SOURCE/man/$p".[178] 2>/dev/null)
	if [ -n "$page" ]; then pass "$p: has a page"; else fail "$p: has a page"; fi
	missing=
	for option in $(grep -oE '(^|[ ,])--[a-z][a-z0-9-]*' "$scratch/out" | tr -d ' ,' | sort -u); do
		name=${option#--}
		[ -z "$page" ] || grep -qE -e "(Fl |[\\]-)-${name//-/\\\\?-}\\>" "$page" "$SOURCE/man/cpmail.7" || missing="$missing $option"
	done
	same "$p: its page names every option" "" "$missing"
	usage=100
	[ "$p" != mail-inject ] || usage=64 # as sysexits.h has it
	same "$p: an unknown option ends it with $usage" $usage "$(status "$BUILD/cmd/$p" --no-such-option)"
	check "$p: and says so on standard error" [ -s "$scratch/err" ]
	same "$p: nothing but records on standard output" "" "$(cat "$scratch/out")"
done

unnamed=
for p in "${programs[@]}"; do
	grep -qF "\`$p\`" "$SOURCE/README.md" && grep -qE "^\.It Xr $p [18]" "$SOURCE/man/cpmail.7" || unnamed="$unnamed $p"
done
same "README and cpmail(7) name every program" "" "$unnamed"

if command -v mandoc >/dev/null; then
	for page in "$SOURCE"/man/*.[1578]; do
		check "$(basename "$page") is sound" mandoc -Tlint -W warning "$page"
	done
else
	pass "pages are sound # SKIP mandoc is not installed"
fi
same "every page is installed" "$(cd "$SOURCE/man" && ls -- *.[1578])" "$(sed -nE "s/^ +'([^']+)',/\1/p" "$SOURCE/man/meson.build" | sort)"
# a page that is referred to is there: ours by name, others are those of the system
for page in "$SOURCE"/man/*.[1578]; do
	broken=
	while read -r name section; do
		[ -e "$SOURCE/man/$name.$section" ] && continue
		case $name.$section in jq.1 | resolv.conf.5 | sd_notify.3 | systemd.exec.5 | svlogd.8 | runsvdir.8 | sv.8 | sipsak.1 | kamailio.8 | postfix.1) continue ;; esac
		broken="$broken $name($section)"
	done < <(sed -nE 's/^\.Xr ([^ ]+) ([0-9]).*/\1 \2/p' "$page" | sort -u)
	same "$(basename "$page"): every page it refers to is there" "" "$broken"
done

# ---- knobs ----
conf5=$SOURCE/man/cpmail.conf.5
cpmail-conf -k >"$scratch/knobs"
wrong=
while IFS=$'\t' read -r name type scope value bounds topic help; do
	item=$(sed -n "/^\.It Ic $name = Ar $type\$/,/^\.\(It\|El\)/p" "$conf5" | tr '\n' ' ')
	[ -n "$item" ] || wrong="$wrong $name:missing"
	[ "$value" = - ] || [[ $item == *"Default: $value."* ]] || wrong="$wrong $name:default"
	case $type in
	word) [[ $item == *"One of: ${bounds//|/, }."* ]] || wrong="$wrong $name:words" ;;
	integer | size | duration) [[ $item == *"From ${bounds%..*} to ${bounds#*..}"* ]] || wrong="$wrong $name:bounds" ;;
	esac
	[ "$scope" = g ] || [[ $item == *"Scopes: $scope."* ]] || wrong="$wrong $name:scopes"
	[ -n "$help" ] && [ -n "$topic" ] || wrong="$wrong $name:help"
done <"$scratch/knobs"
same "cpmail.conf(5) has every knob with its type, default, bounds and scopes" "" "$wrong"
same "and no other" "$(cut -f1 "$scratch/knobs" | sort)" "$(sed -nE 's/^\.It Ic ([a-z_0-9]+) = .*/\1/p' "$conf5" | sort)"

# a knob that nothing asks for is a promise that is not kept
unused=
for name in $(cut -f1 "$scratch/knobs"); do
	grep -rqF "\"$name\"" "$SOURCE/lib" "$SOURCE/cmd" --include='*.c' --exclude=knobs.c || unused="$unused $name"
done
same "every knob is asked for somewhere" "" "$unused"

# ---- scripts ----
for script in setup run demo test package; do
	same "scripts/$script --help ends with 0" 0 "$(status "$SOURCE/scripts/$script" --help)"
done
same "scripts/run refuses an unknown option" 100 "$(status "$SOURCE/scripts/run" --wat)"
same "scripts/demo refuses an unknown option" 100 "$(status "$SOURCE/scripts/demo" --wat)"
same "scripts/setup refuses an unknown option" 100 "$(status "$SOURCE/scripts/setup" --wat)"
# ---- what is needed is what setup installs ----
if command -v dpkg-query >/dev/null && command -v pkg-config >/dev/null; then
	# listed FILE: is the package of the file in setup's lists, or part of every Debian?
	listed() {
		local package
		package=$(dpkg-query -S "$1" 2>/dev/null | head -n 1 | sed 's/:.*//')
		[ -n "$package" ] || return 0 # not from a package
		grep -qE "(^|[[:space:](])$package([[:space:])]|\$)" "$SOURCE/scripts/setup" && return
		dpkg-query -W -f '${Essential} ${Priority}\n' "$package" | grep -qE '^yes|required|important'
	}
	missing=
	for name in $(sed -nE "s/.*[^a-z]dependency\('([^']+)'.*/\1/p" "$SOURCE/meson.build"); do
		file=$(pkg-config --variable=pcfiledir "$name" 2>/dev/null)/$name.pc
		[ ! -e "$file" ] || listed "$(readlink -f "$file")" || missing="$missing $name"
	done
	same "setup installs every library" "" "$missing"
	missing=
	for name in $(sed -nE 's/^need +([^#;]*).*/\1/p' "$SOURCE"/t/*/*.sh "$SOURCE"/t/*/*.t | tr ' ' '\n' | sort -u); do
		file=$(command -v "$name") || continue
		listed "$(readlink -f "$file")" || missing="$missing $name"
	done
	same "setup --tests installs every peer that tests need" "" "$missing"
fi
finish
