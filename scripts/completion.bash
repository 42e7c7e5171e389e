# bash completion of the tools of cpmail: options out of --help, queues out of the spool, records out of the queues.
_cpmail_options() {
	"$1" --help 2>/dev/null | grep -oE -- '(^|[ ,])--?[A-Za-z][a-z0-9-]*' | tr -d ' ,'
}
_cpmail_root() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in -r | --root) eval "echo ${COMP_WORDS[i + 1]}"; return ;; esac
	done
	if [ -d spool ]; then echo spool; elif [ -d /var/spool/cpmail ]; then echo /var/spool/cpmail; fi
}
_cpmail_queues() {
	local root new
	root=$(_cpmail_root)
	for new in "$root"/*/new; do
		[ -d "$new" ] && printf '%s\n' "${new%/new}"
	done
}
_cpmail_tool() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} tool=${COMP_WORDS[0]}
	compopt -o filenames 2>/dev/null
	case $before in
	-r | --root | -m | --metrics) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
	-c | --config | --html) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
	esac
	if [[ $word == -* ]]; then
		compopt +o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -W "$(_cpmail_options "$tool")" -- "$word")
		return
	fi
	case ${tool##*/} in
	spool-*) mapfile -t COMPREPLY < <(compgen -W "$(_cpmail_queues)" -- "$word"; compgen -f -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	esac
}
complete -F _cpmail_tool spool-ls spool-cat spool-put spool-stat spool-retry spool-rm spool-hold spool-release trace cpmail-conf selftest
