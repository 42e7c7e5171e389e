#!/bin/bash
# Exim confirms, delays, relays and bounces mails of cpm2mail: each of its DSNs becomes the receipt that it is.
#
# Its Debian package cannot stand beside Postfix's, so scripts/setup --tests unpacks it under /usr/local/lib/cpmail-peers,
# and its user exists in here only.
. "$(dirname "$0")/../lib/wire.sh"
need unshare smtp-sink
[ "$(id -u)" = 0 ] || skip_all "Exim starts as root only"
peers=${CPMAIL_PEERS:-/usr/local/lib/cpmail-peers}
[ -x "$peers/usr/sbin/exim4" ] || skip_all "Exim is not installed"
unshare -m true 2>/dev/null || skip_all "no mount namespaces here"
chmod 711 "$scratch"
smtp=$(free_port) gateway=$(free_port) sink=$(free_port) gone=$(free_port) full=$(free_port)

exim=$scratch/exim
mkdir -p "$exim/spool" "$exim/log" "$exim/boxes"
{ cat /etc/passwd; echo 'Debian-exim:x:64990:64990::/nonexistent:/usr/sbin/nologin'; } >"$exim/passwd"
{ cat /etc/group; echo 'Debian-exim:x:64990:'; } >"$exim/group"
chown -R 64990:64990 "$exim/spool" "$exim/log" "$exim/boxes"
cat >"$exim/conf" <<END
primary_hostname = mail.example.org
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = $exim/spool
log_file_path = $exim/log/%slog
pid_file_path = $exim/spool/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $smtp
tls_advertise_hosts =
dsn_advertise_hosts = *
acl_smtp_rcpt = accept
delay_warning = 1s
deliver_drop_privilege
keep_environment =
exim_path = $peers/usr/sbin/exim4
begin routers
back:
  driver = manualroute
  domains = rcs.example.net
  transport = remote
  route_list = * 127.0.0.1::$gateway
  self = send
sink:
  driver = manualroute
  domains = relay.example
  transport = remote
  route_list = * 127.0.0.1::$sink
  self = send
gone:
  driver = manualroute
  domains = gone.example
  transport = remote
  route_list = * 127.0.0.1::$gone
  self = send
full:
  driver = manualroute
  domains = full.example
  transport = remote
  route_list = * 127.0.0.1::$full
  self = send
box:
  driver = accept
  domains = example.org
  local_parts = bob
  transport = box
begin transports
remote:
  driver = smtp
  hosts_avoid_tls = *
box:
  driver = appendfile
  directory = $exim/boxes/bob
  maildir_format
  create_directory
  user = Debian-exim
begin retry
* * F,1h,1s
END
chmod 644 "$exim/conf"
# shellcheck disable=SC2016
start exim unshare -m sh -c 'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group &&
	exec "$2/usr/sbin/exim4" -C "$1/conf" -bdf -q1s' - "$exim" "$peers"
check "Exim listens" wait_tcp "$smtp" 20
start sink smtp-sink -N -u nobody "127.0.0.1:$sink" 10 # without DSN: what goes there is relayed
start gone smtp-sink -u nobody -f RCPT -B "550 5.1.1 no such user here" "127.0.0.1:$gone" 10
start full smtp-sink -u nobody -r RCPT -b "452 4.2.2 mailbox full" "127.0.0.1:$full" 10

. "$SOURCE/t/wire/dsn-lib.sh"
dsn delivered bob@example.org delivered '^2[.]' '.from == "Mailer-Daemon@mail.example.org"'
dsn failed zoe@gone.example failed '^5[.]' '.reports[0].diagnostic | test("no such user here")'
dsn relayed dave@relay.example delivered '^2[.]' # what is relayed it calls delivered
dsn delayed erin@full.example delayed '^4[.]'
imdn delivered delivered
imdn failed failed
imdn relayed delivered
imdns 3
nothing_else
finish
