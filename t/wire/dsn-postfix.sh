#!/bin/bash
# Postfix confirms, delays, relays and bounces mails of cpm2mail: each of its DSNs becomes the receipt that it is,
# and its sender's phone is told what it asked for.
. "$(dirname "$0")/../lib/wire.sh"
need postfix postconf smtp-sink
[ "$(id -u)" = 0 ] || skip_all "Postfix starts as root only"
id postfix >/dev/null 2>&1 || skip_all "no user postfix"
chmod 711 "$scratch"
smtp=$(free_port) gateway=$(free_port) sink=$(free_port) gone=$(free_port) full=$(free_port)

postfix=$scratch/postfix
mkdir -p "$postfix/etc" "$postfix/queue" "$postfix/data" "$scratch/boxes"
chown postfix "$postfix/data"
chown 5000:5000 "$scratch/boxes"
chmod 755 "$postfix" "$postfix/etc" "$postfix/queue"
cat >"$postfix/etc/transport" <<END
rcs.example.net smtp:[127.0.0.1]:$gateway
gone.example smtp:[127.0.0.1]:$gone
full.example smtp:[127.0.0.1]:$full
relay.example smtp:[127.0.0.1]:$sink
END
cat >"$postfix/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $postfix/queue
data_directory = $postfix/data
maillog_file_prefixes = $scratch
maillog_file = $scratch/maillog
myhostname = mail.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_base = $scratch/boxes
virtual_mailbox_maps = inline:{ bob@example.org=bob/ }
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
relay_domains = rcs.example.net, gone.example, full.example, relay.example
transport_maps = texthash:$postfix/etc/transport
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
delay_warning_time = 1s
mynetworks = 127.0.0.0/8
END
sed -e "s/^smtp  *inet/127.0.0.1:$smtp inet/" /usr/share/postfix/master.cf.dist >"$postfix/etc/master.cf"
postconf -c "$postfix/etc" -F '*/*/chroot = n'
start postfix postfix -c "$postfix/etc" start-fg
check "Postfix listens" wait_tcp "$smtp" 20
pids+=("$(tr -d ' ' <"$postfix/queue/pid/master.pid")") # a process group of its own
start sink smtp-sink -N -u nobody "127.0.0.1:$sink" 10 # without DSN: what goes there is relayed
start gone smtp-sink -u nobody -f RCPT -B "550 5.1.1 no such user here" "127.0.0.1:$gone" 10
start full smtp-sink -u nobody -r RCPT -b "452 4.2.2 mailbox full" "127.0.0.1:$full" 10

. "$SOURCE/t/wire/dsn-lib.sh"
dsn delivered bob@example.org delivered '^2[.]' '.message_id and .from == "MAILER-DAEMON@mail.example.org"'
dsn failed zoe@gone.example failed '^5[.]1[.]1$' '.reports[0].diagnostic | test("no such user here")'
dsn relayed dave@relay.example relayed '^2[.]'
dsn delayed erin@full.example delayed '^4[.]2[.]2$'
imdn delivered delivered
imdn failed failed
imdns 2 # relayed says nothing of the end, delayed neither (5.3)
nothing_else
finish
