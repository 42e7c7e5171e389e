#!/bin/bash
# A bounce of no standard form, by a mail server that writes such: the DragonFly Mail Agent. Its smarthost is smtp-listen, which refuses the mail
# to somebody else's domain and takes the bounce: a text with the header of the mail, which becomes a receipt, and an IMDN.
#
# Where it comes from: see dsn-exim.sh.
. "$(dirname "$0")/../lib/wire.sh"
need unshare
[ "$(id -u)" = 0 ] || skip_all "a mount namespace takes root"
peers=${CPMAIL_PEERS:-/usr/local/lib/cpmail-peers}
[ -x "$peers/usr/sbin/dma" ] || skip_all "dma is not installed"
unshare -m true 2>/dev/null || skip_all "no mount namespaces here"
chmod 711 "$scratch"
gateway=$(free_port) smtp=$(free_port)
. "$SOURCE/t/wire/dsn-lib.sh"

mkdir -p "$scratch/etc/dma" "$scratch/spool/dma"
cp /etc/passwd /etc/group /etc/hosts "$scratch/etc/"
chown -R mail:mail "$scratch/spool"
chmod 2775 "$scratch/spool/dma"
printf '%s\n' "SMARTHOST 127.0.0.1" "PORT $gateway" "MAILNAME mail.example.org" "SPOOLDIR /var/spool/dma" >"$scratch/etc/dma/dma.conf"
: >"$scratch/etc/dma/auth.conf"
# submit ADDRESS: the mail on standard input to dma.
submit() {
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount --bind "$1/etc" /etc && mount --bind "$1/spool" /var/spool && exec timeout 30 "$2/usr/sbin/dma" -D -f alice@rcs.example.net "$3"' - \
		"$scratch" "$peers" "$1" >>"$scratch/dma.log" 2>&1
}

mail_of bounced zoe@gone.example
same "one mail" 1 "$(wc -l <"$scratch/bounced.out")"
jq -c '{v, id, trace, time, type: "mail.result", mail: {message_id: .mail.message_id, origin: .mail.origin,
	results: [{address: "zoe@gone.example", outcome: "done", code: 250, enhanced: "2.0.0"}]}}' "$scratch/bounced.out" | spool-put "$edge/report"
jq -r .mail.body.text "$scratch/bounced.out" | tr -d '\r' | submit zoe@gone.example
check "smtp-listen refuses it: not our domain" until_ok 20 grep -q 'event=refused.*enhanced=5.7.1' "$scratch/listen.log"
check "the bounce becomes a receipt" until_ok 30 has_receipt bounced failed
receipt bounced failed >"$scratch/bounced.receipt"
same "a bounce, from <>, for Alice" '["bounce","alice@rcs.example.net","5.0.0"]' "$(jq -c '[.source, .rcpt, .reports[0].status]' "$scratch/bounced.receipt")"
same "about her mail" "$(jq -r .mail.message_id "$scratch/bounced.out")" "$(jq -r '.about.msg_ids[0]' "$scratch/bounced.receipt")"
check "without a report part" sh -c "jq -r 'select(.type == \"mail.in\").mail.body.text' '$CPMAIL_TAP' | grep -q 'DragonFly Mail Agent' &&
	! jq -r 'select(.type == \"mail.in\").mail.body.text' '$CPMAIL_TAP' | grep -qi 'multipart/report'"
imdn bounced failed
imdns 1
nothing_else
finish
