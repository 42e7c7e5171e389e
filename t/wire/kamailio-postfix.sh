#!/bin/bash
# The recipe of docs/recipes as it stands there, on other ports: Kamailio in front, Postfix behind. Who is not reached gets a mail.
. "$(dirname "$0")/../lib/wire.sh"
. "$SOURCE/t/lib/peers.sh"
need kamailio sipsak sipp runsvdir sv
need_postfix

recipes=$SOURCE/docs/recipes
proxy=$(free_port) gateway=$(free_port) smtp=$(free_port) mailin=$(free_port) dead=$(free_port)

# Ports and places are the only difference to what stands in the recipe.
here() { sed -e "s/127\.0\.0\.1:5060/127.0.0.1:$proxy/g" -e "s/127\.0\.0\.1:5070/127.0.0.1:$gateway/g" -e "s/127\.0\.0\.1:25\"/127.0.0.1:$smtp\"/" \
	-e "s/\(127\.0\.0\.1\]\{0,1\}\):2525/\1:$mailin/g" "$1"; }

# ---- Postfix: an instance of its own ----

boxes=$scratch/mailboxes
mkdir -p "$boxes"
chown 5000:5000 "$boxes"
postfix_start "$smtp" < <(here "$recipes/postfix-main.cf" | sed -e "s|^virtual_mailbox_base = .*|virtual_mailbox_base = $boxes|")

# ---- the gateway ----

. "$SOURCE/scripts/gateway.sh"
root=$scratch/gateway
mkdir "$root"
head -c 32 /dev/urandom | base64 >"$root/msgid.key"
here "$recipes/cpmail.conf" | sed "s|/etc/cpmail/|$root/|" >"$root/cpmail.conf"
port=$gateway
gateway_prepare
gateway_start
pids+=("$tree")
check "the gateway is ready" until_ok 30 gateway_ready

# ---- Kamailio ----

for f in kamailio.cfg kamailio-cpmail.cfg; do here "$recipes/$f" >"$scratch/$f"; done
kamailio_start "$scratch/kamailio.cfg" "$proxy"

# ---- messages ----

# message USER TEXT: from Alice, through the proxy. Its final answer is printed.
message() { "$SOURCE/scripts/message" -p "127.0.0.1:$proxy" -f sip:alice@example.org "sip:$1@example.org" "$2"; }
# register USER PORT: a phone at 127.0.0.1:PORT.
register() {
	sipsak -p "127.0.0.1:$proxy" -i -U -C "sip:$1@127.0.0.1:$2" -s "sip:$1@example.org" -x 600 >"$scratch/register.log" 2>&1
}
box_has() { grep -rqsF "$2" "$boxes/example.org/$1/new"; }

same "to a user who never registered: taken" "202 Accepted" "$(message bob "Bob, are you there?")"
check "it is in his mailbox" until_ok 15 box_has bob "Bob, are you there?"
mail=$(grep -rlF "Bob, are you there?" "$boxes/example.org/bob/new")
check "From: the sender's address at the gateway" grep -qi '^From:.*alice=40example\.org@rcs\.example\.net' "$mail"
check "To: his address" grep -qi '^To:.*bob@example\.org' "$mail"
check "Message-ID: ours" grep -qi '^Message-ID: <m\..*@rcs\.example\.net>' "$mail"
same "once" 1 "$(grep -rlF "Bob, are you there?" "$boxes" | wc -l)"

check "a phone registers" register carol "$dead"
same "but is gone: taken" "202 Accepted" "$(message carol "Carol, your phone is off.")"
check "it is in her mailbox, not sent to the dead contact's address" until_ok 15 box_has carol "Carol, your phone is off."

same "no such mailbox: refused by Postfix, told to the sender" "404 SMTP 550 5.1.1" "$(message nobody "Is there anybody?")"

# A phone that answers gets the message itself.
phone=$(free_port)
phone_start phone "$phone" -m 1
check "a live phone registers" register dave "$phone"
same "the phone's answer" "200 Fine" "$(message dave "Dave, you are there.")"
check "no mail for him" bash -c "sleep 0.5; ! grep -rqs 'you are there\.' '$boxes'"
check "no queue holds anything" bash -c "! spool-ls -l -j -r '$root' | grep -q ."

# ---- and back ----
got=$scratch/phone.requests
: >"$got"
erin=$(free_port)
start erin "$SOURCE/t/wire/sip-uas" "$erin" "$got" "200 OK"
until_ok 10 tcp_open "$erin"
check "a phone registers" register erin "$erin"
"$SOURCE/scripts/reply" -p "127.0.0.1:$smtp" <(sed 's/alice=40example/erin=40example/' "$mail") "Back to the phone." >"$scratch/reply.log" 2>&1
diag "$scratch/reply.log"
check "an answer by mail reaches the phone" until_ok 20 grep -q "Back to the phone" "$got"
same "in a request from the gateway's user, through the proxy" "<sip:bob%40example.org@mailgw.example.net>" "$(jq -r .fields.from "$got" | grep -oE '<[^>]*>' | head -n 1)"
"$SOURCE/scripts/reply" -p "127.0.0.1:$smtp" "$mail" "Alice is not there." >"$scratch/reply.log" 2>&1
check "a phone that is off: tried again later" until_ok 20 bash -c "spool-ls -l -j -r '$root' | grep -q '480'"
check "and not handed back" bash -c "! grep -q 'Alice is not there' <(cat '$boxes'/*/*/new/* 2>/dev/null)"
finish
