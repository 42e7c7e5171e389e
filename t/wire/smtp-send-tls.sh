#!/bin/bash
# smtp-send and TLS: what is checked when, what an attacker in the line gets, credentials, and many connections in one process.
. "$(dirname "$0")/../lib/wire.sh"
. "$(dirname "$0")/smtp-lib.sh"
need python3 jq openssl

# ---- certificates: a CA, a server that it knows, one that signed itself ----
pki=$scratch/pki
mkdir "$pki"
new_cert() { # NAME SUBJECT-ALT-NAME: signed by the CA
	openssl req -new -newkey rsa:2048 -nodes -keyout "$pki/$1.key" -out "$pki/$1.csr" -subj "/CN=$1" -addext "subjectAltName=$2" 2>/dev/null &&
		openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.pem" -CAkey "$pki/ca.key" -CAcreateserial -days 2 -copy_extensions copy -out "$pki/$1.pem" 2>/dev/null
}
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$pki/ca.key" -out "$pki/ca.pem" -days 2 -subj "/CN=test CA" 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$pki/self.key" -out "$pki/self.pem" -days 2 -subj "/CN=self" -addext subjectAltName=DNS:mx.example.org 2>/dev/null
new_cert good DNS:mx.example.org,IP:127.0.0.1
new_cert other DNS:other.example.org
printf 'secret word' >"$pki/password"
chmod 600 "$pki/password"
cat >"$scratch/conf" <<EOF
gateway = "mailgw.ims.example.net";
tls_ca = "$pki/ca.pem";
smarthost_auth = ("cpmail", "$pki/password");
EOF
# to TLS-MODE [FILTER]: a mail for mx.example.org at the peer.
to() { hosts='[{"name":"mx.example.org","port":'$port',"addresses":["127.0.0.1"]}]' tls=$1 change=${2:-.} mail tls bob@example.org; }
try() { to "$@" >"$scratch/in"; send -c "$scratch/conf" <"$scratch/in"; }
under() { peer_options="--tls $pki/$1.pem $pki/$1.key" peer "${@:2}"; }

under good
try required
same "required, good certificate" "bob@example.org done 250 2.0.0" "$(results)"
check "  STARTTLS, then EHLO once more, with our name" sh -c "cut -d' ' -f2- '$peer/log' | tr '\n' '|' | grep -q '^EHLO mailgw.ims.example.net|STARTTLS|EHLO mailgw.ims.example.net|MAIL'"
check "  the mail is octet for octet the same" cmp <(printf "$body") "$peer/mail.1"
under other
try required
same "required, certificate of another name" "bob@example.org temporary 0 4.7.5 0" "$(results) $(mails)"
under self
try required
same "required, certificate nobody knows" "bob@example.org temporary 0 4.7.5 0" "$(results) $(mails)"
check "  the log says why" grep -q 'event=tls-failed.*certificate verify failed' "$scratch/send.log"
under good
hosts='[{"name":"127.0.0.1","port":'$port',"addresses":["127.0.0.1"]}]' tls=required mail ip bob@example.org >"$scratch/in"
send -c "$scratch/conf" <"$scratch/in"
same "required, a smarthost named by its address" "bob@example.org done 250 2.0.0" "$(results)"
peer
try required
same "required, not offered" "bob@example.org temporary 0 4.7.5 0" "$(results) $(mails)"
under good "starttls=454 4.7.0 not now"
try required
same "required, refused" "bob@example.org temporary 0 4.7.5 0" "$(results) $(mails)"
under good "ehlo#2=drop"
try required
same "lost behind the handshake" "bob@example.org temporary 0 4.4.2" "$(results)"

under self
try opportunistic '.mail.require_tls = true'
same "a mail that requires TLS, whatever the route says" "bob@example.org temporary 0 4.7.5 0" "$(results) $(mails)"
to opportunistic '.mail.require_tls = true' >"$scratch/in"
send -c "$scratch/conf" -h "127.0.0.1:$port" <"$scratch/in"
same "  or the option -h" "bob@example.org temporary 0 4.7.5 0" "$(results) $(mails)"

for cert in self other; do
	under $cert
	try opportunistic
	same "opportunistic, certificate \"$cert\"" "bob@example.org done 250 2.0.0 2" "$(results) $(commands | grep -c EHLO)"
done
under good "starttls=454 4.7.0 not now"
try opportunistic
same "opportunistic, refused: in clear" "bob@example.org done 250 2.0.0" "$(results)"
under good "starttls=220 but no handshake follows"
try opportunistic
same "opportunistic, no handshake: once more in clear" "bob@example.org done 250 2.0.0" "$(results)"
under good
try off
same "off" "bob@example.org done 250 2.0.0 0" "$(results) $(commands | grep -c STARTTLS)"

for mode in required opportunistic; do
	under good starttls=inject
	try $mode
	same "$mode, answers in clear behind the 220: not believed" "bob@example.org temporary 0 4.7.5" "$(results)"
	same "  nothing was sent behind STARTTLS" "EHLO STARTTLS" "$(commands | cut -d' ' -f1 | paste -sd' ')"
	check "  the log says so" grep -q 'octets in clear' "$scratch/send.log"
done

# ---- credentials ----
auth='.mail.route.auth = "smarthost_auth"'
under good "ehlo+=AUTH PLAIN LOGIN"
try required "$auth"
same "AUTH under TLS" "bob@example.org done 250 2.0.0" "$(results)"
check "  with user and password" grep -q 'credentials |cpmail|secret word$' "$peer/log"
try required
check "  not for a route that is no smarthost's" test "$(commands | grep -c ^AUTH)" = 1
try off "$auth"
check "  never in clear" test "$(commands | grep -c ^AUTH)" = 1
under good "ehlo+=AUTH PLAIN" "auth=535 5.7.8 wrong password"
try required "$auth"
same "AUTH refused" "bob@example.org permanent 535 5.7.8" "$(results)"
check "  no MAIL follows" sh -c "! grep -q ' MAIL' '$peer/log'"
check "  an alarm in the log" grep -q 'level=error.*event=auth-refused' "$scratch/send.log"
check "  without the password" sh -c "! grep -q 'secret' '$scratch/send.log'"
under good "ehlo+=AUTH PLAIN" "auth=454 4.7.0 later"
try required "$auth"
same "AUTH refused temporarily" "bob@example.org temporary 454 4.7.0" "$(results)"
under good
try required "$auth"
same "AUTH not offered" "bob@example.org temporary 0 4.7.0" "$(results)"

# ---- a home that may not be looked at, as under a hardened service ----
under good
mkdir -m 0 "$scratch/home"
to required >"$scratch/in"
out=$(HOME=$scratch/home smtp-send -t 5 -c "$scratch/conf" 2>"$scratch/send.log" <"$scratch/in")
same "an unreadable home directory" "bob@example.org done 250 2.0.0" "$(results)"

# ---- two hundred connections under TLS in one process ----
# A record at a time through the pipe: each is a batch of its own, with a connection of its own (now and then one more, with TLS 1.2).
under good
one=$(to required)
i=0
mkfifo "$scratch/to" "$scratch/from"
smtp-send -t 5 -c "$scratch/conf" <"$scratch/to" >"$scratch/from" 2>"$scratch/send.log" &
sender=$!
exec 5>"$scratch/to" 6<"$scratch/from"
while [ $i -lt 200 ]; do
	i=$((i + 1))
	echo "${one//$(id_of tls)/01jctls0$(printf %04d $i)aaaaaaaaaaaaaa}" >&5
	read -r -t 10 line <&6 || break
	case $line in *'"outcome":"done"'*) ;; *) echo "# $line"; break ;; esac
done
exec 5>&-
wait $sender
same "  exit status" 0 $?
same "two hundred mails, one after the other" "200 200" "$i $(mails)"
connections=$(cut -d' ' -f1 "$peer/log" | sort -u | wc -l)
if [ "${ENGINE:-submit}" = direct ]; then
	same "  which engine direct keeps from mail to mail" 1 "$connections"
else
	check "  that many connections" test "$connections" -ge 200
fi
no_sanitizer
finish
