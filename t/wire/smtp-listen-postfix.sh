#!/bin/bash
# Postfix hands mail over: lmtp: on a Unix socket and over TCP, pipe(8) with mail-inject; smtp-source brings a load.
. "$(dirname "$0")/../lib/wire.sh"
. "$SOURCE/t/lib/peers.sh"
need smtp-source swaks jq
need_postfix
gateway=$(free_port) lmtp=$(free_port) smtp=$(free_port)

cat >"$scratch/conf" <<END
gateway = "mailgw.ims.example.net";
mail_domain = "rcs.example.net";
sip_domains = [ "ims.example.net" ];
domain_map = ( ("ims.example.net", "rcs.example.net"), ("tcp.example.net", "tcp.example.net"), ("pipe.example.net", "pipe.example.net") );
rate_mail = 0;
END
chmod 644 "$scratch/conf"

# ---- Postfix: an instance of its own ----
spool=$scratch/spool
mkdir -p "$scratch/socket" "$scratch/injected"
chmod 755 "$scratch/socket"
chown nobody "$scratch/injected"
cat >"$postfix/etc/transport" <<END
rcs.example.net lmtp:unix:$scratch/socket/lmtp
tcp.example.net lmtp:inet:127.0.0.1:$lmtp
pipe.example.net inject:
END
# What mail-inject writes goes to a file each: a person's spool need not be open to Postfix's users.
cat >"$scratch/inject" <<END
#!/bin/sh
exec "$BUILD/cmd/mail-inject" -c "$scratch/conf" -f "\$1" "\$2" >"$scratch/injected/\$\$"
END
chmod 755 "$scratch/inject"
postfix_start "$smtp" 'inject unix - n n - 10 pipe' "  flags=hu user=nobody argv=$scratch/inject \${sender} \${recipient}" <<END
relay_domains = rcs.example.net, tcp.example.net, pipe.example.net
transport_maps = texthash:$postfix/etc/transport
inject_destination_recipient_limit = 1
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
END

# ---- smtp-listen ----
mkdir "$spool"
edge() {
	rm -f "$scratch/ready"
	start edge bash -c 'exec 8>"$1"; shift; exec smtp-listen --ready-fd 8 "$@"' - "$scratch/ready" -c "$scratch/conf" \
		-l "smtp:127.0.0.1:$gateway" -l "lmtp:127.0.0.1:$lmtp" -l "lmtp:$scratch/socket/lmtp" -o "mail.in=$spool/mail2cpm"
	until_ok 20 test -s "$scratch/ready" || diag "$scratch/edge.log"
}
queue() { spool-cat "$spool/mail2cpm" 2>/dev/null; }
count() { queue | wc -l; }
has() { [ "$(count)" -ge "$1" ]; }
send() { swaks -s 127.0.0.1 -p "$smtp" --from bob@example.org --silent 3 "$@"; }

# first without it: Postfix keeps the mail, and brings it when there is somebody
check "Postfix takes a mail while nobody listens" send --to alice@rcs.example.net --header "Message-Id: <early@example.org>"
edge
check "and brings it later" until_ok 20 has 1
same "by LMTP on the Unix socket" '["lmtp","unix","early@example.org","sip:alice@ims.example.net"]' \
	"$(queue | jq -c '.mail | [.peer.protocol, .peer.transport, .message_id, .to[0].cpm]')"
check "LMTP over TCP, two recipients" send --to alice@tcp.example.net,carol@tcp.example.net --header "Message-Id: <tcp@example.org>"
check "arrives" until_ok 20 has 2
same "as one record" '["tcp",2]' "$(queue | jq -c 'select(.mail.message_id == "tcp@example.org").mail | [.peer.transport, (.to | length)]')"
check "one good and one bad recipient" send --to alice@rcs.example.net,=zz@rcs.example.net --header "Message-Id: <half@example.org>"
check "the good one arrives" until_ok 20 has 3
check "the bad one is refused with our code" until_ok 10 grep -q 'zz@rcs.example.net.*dsn=5.1.3.*status=bounced' "$scratch/maillog"
check "pipe(8) with mail-inject" send --to alice@pipe.example.net --header "Message-Id: <pipe@example.org>"
check "arrives" until_ok 20 grep -rqs 'pipe@example.org' "$scratch/injected"
check "pipe(8): a recipient that is none" send --to =zz@pipe.example.net
check "bounces with our code" until_ok 10 grep -q 'zz@pipe.example.net.*dsn=5.1.[13].*status=bounced' "$scratch/maillog"

# ---- load ----
before=$(count)
check "smtp-source: 2000 mails in 20 sessions" smtp-source -c -d -s 20 -m 2000 -l 3000 -f load@example.org -t alice@rcs.example.net "127.0.0.1:$gateway"
same "every one is in the queue" 2000 $(($(count) - before))
check "LMTP too" smtp-source -L -s 5 -m 200 -r 3 -f load@example.org -t alice@rcs.example.net "127.0.0.1:$lmtp"
same "one record for three recipients" 2200 $(($(count) - before))
queue | awk 'NR % 50 == 1' >"$scratch/tap.queue"
check "the records fit the schema" "$SOURCE/t/lib/check-records" "$scratch/tap.queue"
finish
