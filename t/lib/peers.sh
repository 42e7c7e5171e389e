# peers.sh - servers that others wrote, as the tests need them: an instance of Postfix, Kamailio, a phone of sipp. After wire.sh.

# need_postfix: Postfix can run here; the scratch directory is opened to its users.
need_postfix() {
	need postfix postconf python3
	[ "$(id -u)" = 0 ] || skip_all "Postfix starts as root only"
	id postfix >/dev/null 2>&1 || skip_all "no user postfix"
	chmod 711 "$scratch"
	postfix=$scratch/postfix
	mkdir -p "$postfix/etc" "$postfix/queue" "$postfix/data"
	chown postfix "$postfix/data"
	chmod 755 "$postfix" "$postfix/etc" "$postfix/queue"
}
# postfix_start PORT [LINE...]: an instance of its own in $postfix, SMTP at 127.0.0.1:PORT, its log in $scratch/maillog. Standard input: what
# its main.cf has besides (redirected: in a pipe it would be no part of this shell); LINE: of master.cf. For a second one set postfix to another directory that was made likewise, and $maillog.
postfix_start() {
	local port=$1 name
	shift
	name=$(basename "$postfix")
	maillog=${maillog:-$scratch/maillog}
	{
		cat <<END
compatibility_level = 3.6
queue_directory = $postfix/queue
data_directory = $postfix/data
maillog_file_prefixes = $scratch
maillog_file = $maillog
myhostname = mail.example.net
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
END
		cat
	} | awk -F ' *= *' '!/^[a-z_]+ *=/ { line[n] = line[n] "\n" $0; next } { n = ($1 in at) ? at[$1] : ++last; at[$1] = n; line[n] = $0 }
		END { for (n = 1; n <= last; n++) print line[n] }' >"$postfix/etc/main.cf" # what comes later counts
	{
		sed -e "s/^smtp  *inet/127.0.0.1:$port inet/" /usr/share/postfix/master.cf.dist
		printf '%s\n' "$@"
	} >"$postfix/etc/master.cf"
	postconf -c "$postfix/etc" -F '*/*/chroot = n'
	start "$name" postfix -c "$postfix/etc" start-fg
	check "Postfix listens" wait_tcp "$port" 20
	pids+=("$(tr -d ' ' <"$postfix/queue/pid/master.pid")") # a process group of its own
}

# kamailio_start FILE PORT: with this configuration.
kamailio_start() {
	check "Kamailio takes the configuration" kamailio -c -f "$1"
	start kamailio kamailio -DD -E -f "$1" -Y "$scratch" -P "$scratch/kamailio.pid" -m 64 -M 8
	check "Kamailio answers" until_ok 15 tcp_or_options "$2"
}
tcp_or_options() { tcp_open "$1" || sipsak -s "sip:ping@127.0.0.1:$1"; }

# phone_start NAME PORT [OPTION...]: sipp that answers each MESSAGE with 200; options of sipp.
phone_start() {
	local name=$1 port=$2
	shift 2
	cat >"$scratch/$name.xml" <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="phone">
<recv request="MESSAGE"/>
<send><![CDATA[
SIP/2.0 200 Fine
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
END
	start "$name" sipp -sf "$scratch/$name.xml" -i 127.0.0.1 -p "$port" -nostdin "$@"
	until_ok 10 grep -q . "$scratch/$name.log"
}
