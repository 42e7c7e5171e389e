#!/bin/bash
# A stock SIP client, Linphone: its bare text, its CPIM and its deflate come out as mails, over UDP and TCP.
. "$(dirname "$0")/../lib/wire.sh"
need runsvdir sv sipsak python3 linphonec
python3 -c 'import ctypes; ctypes.CDLL("liblinphone.so.10")' 2>/dev/null || skip_all "liblinphone is not installed"

. "$SOURCE/scripts/gateway.sh"
root=$scratch/gateway
port=$(free_port)
gateway_prepare
gateway_start
pids+=("$tree")
check "the gateway is ready" until_ok 30 gateway_ready

# send TRANSPORT FORM: standard input to Bob; what Linphone says of it.
sends=0
send() {
	sends=$((sends + 1))
	timeout 40 "$SOURCE/t/wire/linphone-peer" "$scratch/linphone$sends" "$port" "$1" sip:bob%40example.org@gateway.example.net "$2" 2>"$scratch/linphone.log" |
		tail -n 1
}
# The mail whose text holds a mark, as "FROM|TO|TEXT" (decoded).
mail_with() {
	python3 - "$root/Maildir/new" "$1" <<'END'
import email, email.policy, os, sys
for name in os.listdir(sys.argv[1]):
    with open(os.path.join(sys.argv[1], name), "rb") as f:
        mail = email.message_from_binary_file(f, policy=email.policy.default)
    text = mail.get_body(("plain",)).get_content().rstrip("\r\n")
    if sys.argv[2] in text:
        print(f"{mail['From'].addresses[0].addr_spec}|{mail['To'].addresses[0].addr_spec}|{text}")
END
}
# comes TRANSPORT FORM NAME TEXT: delivered, and the same text is in one mail.
comes() {
	local mark=mark$RANDOM$RANDOM
	local text="$4 $mark"
	same "$3: Linphone takes it for delivered" delivered "$(printf '%s' "$text" | send "$1" "$2")"
	same "$3: the mail" "alice=40ims.example.net@gateway.example.net|bob@example.org|$text" "$(until_ok 5 found "$mark"; mail_with "$mark")"
}
found() { mail_with "$1" | grep -q .; }

snow=$(printf 'Hello \342\230\203 from Linphone')
big=$(for i in $(seq 200); do printf 'line %d of a long story. ' "$i"; done)
comes udp plain "bare text, UDP" "$snow"
comes tcp cpim "CPIM, TCP" "$snow"
comes tcp plain "long bare text, TCP" "$snow $big"
comes tcp deflate "long CPIM, deflated, TCP" "$snow $big"
check "the request came compressed" bash -c "jq -s -e 'any(.[]; .type == \"sip.request\" and any(.sip.headers[]; .[0] == \"Content-Encoding\" and .[1] == \"deflate\"))' '$CPMAIL_TAP'"
check "the CPIM asked for reports" bash -c "jq -s -e 'any(.[]; (.type | startswith(\"mail.out\")) and .mail.to[0].notify == [\"SUCCESS\", \"FAILURE\"])' '$CPMAIL_TAP'"
finish
