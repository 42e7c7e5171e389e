#!/bin/bash
# Receipts both ways between a mailbox and a stock SIP client, Linphone behind Kamailio: its message becomes a mail, whose DSN and MDN become what Linphone shows; a mail
# becomes its message, and what Linphone reports of it becomes a DSN and an MDN in the mailbox.
. "$(dirname "$0")/../lib/wire.sh"
. "$SOURCE/t/lib/peers.sh"
need runsvdir sv sipsak python3 linphonec kamailio
python3 -c 'import ctypes; ctypes.CDLL("liblinphone.so.10")' 2>/dev/null || skip_all "liblinphone is not installed"

. "$SOURCE/scripts/gateway.sh"
root=$scratch/gateway
port=$(free_port)
gateway_prepare
proxy=$(free_port) phone=$(free_port)
sed -i "s/^outbound_proxy = .*/outbound_proxy = \"sip:127.0.0.1:$proxy\";/" "$root/cpmail.conf"
gateway_start
pids+=("$tree")
check "the gateway is ready" until_ok 30 gateway_ready
# Without a registrar Linphone keeps its reports to itself.
cat >"$scratch/kamailio.cfg" <<END
debug=1
log_stderror=yes
children=2
listen=udp:127.0.0.1:$proxy
listen=tcp:127.0.0.1:$proxy
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
request_route {
	if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
	if (is_method("REGISTER")) { save("location"); exit; }
	remove_hf("Route");
	if (\$rd == "gateway.example.net") {
		\$du = "sip:127.0.0.1:$port;transport=tcp";
	} else if (!lookup("location")) {
		sl_send_reply("404", "Not Found");
		exit;
	}
	t_relay();
}
END
kamailio_start "$scratch/kamailio.cfg" "$proxy"

mkfifo "$scratch/say"
"$SOURCE/t/wire/linphone-phone" "$scratch/phone" "$proxy" "$phone" sip:alice@ims.example.net sip:bob%40example.org@gateway.example.net \
	<"$scratch/say" >"$scratch/heard" 2>"$scratch/phone.log" &
exec 7>"$scratch/say"
heard() { grep -q -- "$1" "$scratch/heard"; }
check "Linphone is ready" until_ok 20 heard '^ready'

alice=alice=40ims.example.net@gateway.example.net
# mails PATTERN: the files of the mailbox that hold it.
mails() { grep -l -r -e "$1" "$root/Maildir/new" 2>/dev/null; }
got() { [ -n "$(mails "$1")" ]; }
# give FROM TO [OPTIONS]: the mail on standard input to the gateway, by SMTP.
give() {
	python3 -c '
import smtplib, sys
s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]))
s.ehlo()
s.mail(sys.argv[2], sys.argv[4].split() if len(sys.argv) > 4 else [])
s.rcpt(sys.argv[3], sys.argv[5].split() if len(sys.argv) > 5 else [])
print(s.data(sys.stdin.buffer.read().replace(b"\n", b"\r\n"))[0])
s.quit()' "$mailport" "$@"
}

# ---- Linphone -> mail -> DSN, MDN -> Linphone ----
echo "send How are you, Bob?" >&7
check "Linphone's message is taken" until_ok 20 heard '^sent'
check "  and is a mail" until_ok 10 got 'How are you, Bob'
mail=$(mails 'How are you, Bob')
mid=$(sed -nE 's/^Message-ID: *//p; /^Message-ID:$/{n;s/^ *//;s/\r//;p;}' "$mail" | tr -d '\r' | head -1)
check "  it asks for an MDN, and its Message-ID is ours" sh -c "grep -q '^Disposition-Notification-To: <$alice>' '$mail' && [ -n '$mid' ]"
envid=$(jq -r 'select(.type | startswith("mail.out")) | .mail.envid' "$CPMAIL_TAP" | head -1)
dsn() {
	cat <<END
From: Mail Delivery System <MAILER-DAEMON@mx.example.org>
To: $alice
Subject: Delivery report
Date: $(date -R)
Message-ID: <d1.$RANDOM$RANDOM@mx.example.org>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="dsn1"

--dsn1
Content-Type: text/plain

Your message was delivered.
--dsn1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Original-Envelope-Id: $envid

Original-Recipient: rfc822;bob@example.org
Final-Recipient: rfc822;bob@example.org
Action: delivered
Status: 2.0.0

--dsn1--
END
}
same "a DSN comes" 250 "$(dsn | give "" "$alice")"
check "Linphone shows the message as delivered" until_ok 20 heard '^delivered'
same "an MDN comes" 250 "$(give "" "$alice" <<END
From: Bob Brown <bob@example.org>
To: $alice
Subject: Disposition notification
Date: $(date -R)
Message-ID: <md1.$RANDOM$RANDOM@mail.example.org>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="mdn1"

--mdn1
Content-Type: text/plain

The message was displayed.
--mdn1
Content-Type: message/disposition-notification

Reporting-UA: mua.example.org; SomeMail 5.2
Final-Recipient: rfc822;bob@example.org
Original-Message-ID: $mid
Disposition: manual-action/MDN-sent-manually; displayed

--mdn1--
END
)"
check "Linphone shows the message as displayed" until_ok 20 heard '^displayed'
check "no report was a message for a person" sh -c "! grep -q '^came' '$scratch/heard'"
same "the same DSN again" 250 "$(dsn | give "" "$alice")"
check "  is told nobody" until_ok 10 grep -q 'result=not-asked-or-told-before' "$root/log/report/current"

# ---- mail -> Linphone -> IMDN -> DSN, MDN ----
same "a mail for Linphone" 250 "$(give bob@example.org "$alice" "ENVID=QQ31" "NOTIFY=SUCCESS,FAILURE" <<END
From: Bob Brown <bob@example.org>
To: $alice
Subject: Parking
Date: $(date -R)
Message-ID: <park-9@mail.example.org>
Disposition-Notification-To: bob@example.org
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8

The garage closes at six.
END
)"
check "Linphone gets it" until_ok 20 heard '^came .*The garage closes at six'
check "  which takes no display name in a CPIM From, so without" grep -q 'event=plain-cpim' "$root/log/sip-send/current"
check "its report of the delivery is a DSN" until_ok 20 got '^Action: delivered'
dsn=$(mails '^Action: delivered')
check "  for the mail's ENVID, from <>" sh -c "grep -q '^Original-Envelope-Id: QQ31' '$dsn' && grep -q '^Return-Path: <>' '$dsn'"
check "  with its header" grep -q 'Message-ID: <park-9@mail.example.org>' "$dsn"
check "no MDN before somebody looked" sh -c "! grep -q -r '^Disposition: ' '$root/Maildir/new'"
echo read >&7
check "its report of the display is an MDN" until_ok 20 got '^Disposition: manual-action/MDN-sent-automatically; displayed'
check "  about the mail" sh -c "grep -h -r '^Original-Message-ID: <park-9@mail.example.org>' '$root/Maildir/new' | grep -q ."
sleep 1
same "one of each" "1 1" "$(mails '^Action: ' | wc -l) $(mails '^Disposition: ' | wc -l)"
same "nothing failed, nothing waits" "" "$(spool-cat -s fail "$root"/{report,mail2cpm,cpm2mail,sip-route,sip-send,mail-route,smtp-send} 2>/dev/null | jq -c .fail)"
exec 7>&-
diag "$scratch/heard"
finish
