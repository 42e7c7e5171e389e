#!/bin/bash
# Aliases: cpm2mail makes them, mail2cpm keeps them, smtp-listen and mail-inject know them at once; expired, unknown, after deaths.
. "$(dirname "$0")/../lib/wire.sh"
need python3 jq
client=$SOURCE/t/wire/smtp-client
spool=$scratch/spool
cp "$SOURCE/t/map/msgid.key" "$scratch"
cat >"$scratch/conf" <<END
gateway = "mailgw.ims.example.net";
mail_domain = "rcs.example.net";
sip_domains = [ "mailgw.ims.example.net", "ims.example.net" ];
domain_map = ( ("ims.example.net", "rcs.example.net") );
msgid_key = [ "$scratch/msgid.key" ];
postmaster_target = "keeper@example.org";
END
# The edge runs as its service does: another user than root, who sees nothing but the spool as writable.
as_service=()
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$scratch"
	chmod 644 "$scratch/msgid.key"
	install -d -o nobody -m 700 "$spool"
	touch "$CPMAIL_TAP" && chmod 666 "$CPMAIL_TAP"
	as_service=(setpriv --reuid nobody --clear-groups)
	if unshare -m true 2>/dev/null; then
		as_service=(unshare -m bash -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro / && shift && umask 077 && exec "$@"' - "$spool" "${as_service[@]}")
	fi
else
	mkdir "$spool"
fi
as() { "${as_service[@]}" env -u CPMAIL_TAP "$@"; }
port=$(free_port)
listener() {
	start edge "${as_service[@]}" env -u CPMAIL_TAP "$BUILD/cmd/smtp-listen" -c "$scratch/conf" -l "smtp:127.0.0.1:$port" -o "mail.in=$spool/mail2cpm"
	edge=$last_pid
	until_ok 20 "$client" "$port" talk 'QUIT\r\n' || diag "$scratch/edge.log"
}
keeper() { # [OPTION...]: mail2cpm
	start keeper "${as_service[@]}" env -u CPMAIL_TAP "$BUILD/cmd/mail2cpm" -c "$scratch/conf" -i "$spool/mail2cpm" -o "sip.send=$spool/sip-route" -o "sip.result=$spool/report" \
		-o "receipt=$spool/report" -o "mail.out=$spool/mail-route" -o "thread=$spool/cpm2mail" "$@"
	keeper=$last_pid
}
# request ID FROM [HEADER VALUE]: to cpm2mail and on to the alias table.
request() {
	jq -c --arg id "$(printf '%-26s' "$1" | tr ' ' 0)" --arg from "<$2>" --arg name "${3:-X-None}" --arg value "${4:-}" '.id = $id | .trace = $id |
		.sip.body = {type: "text/plain", text: "hello"} |
		.sip.headers |= map(if .[0] == "Call-ID" then [.[0], $id] elif .[0] == "From" then [.[0], $from + ";tag=1"]
			elif .[0] == "P-Asserted-Identity" then [.[0], $from] elif .[0] == "Contribution-ID" then [.[0], $id]
			elif .[0] == "Content-Type" then [.[0], "text/plain"] else . end) + [[$name, $value]]' "$SOURCE/t/map/t1-mail-from-pai/in.json"
}
maps() { cpm2mail -c "$scratch/conf" --state "$scratch/cpm2mail.db" "$@" 2>>"$scratch/maps.log"; }
put() { as "$BUILD/cmd/spool-put" -m "$spool/mail2cpm"; }
reply() { "$client" "$port" talk "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<$1>\r\n" | grep -v closed | tail -n 1 | cut -c 1-9; }
taken() { [ "$(spool-cat "$spool/mail2cpm" | wc -l)" = 0 ]; }
says() { [ "$(reply "$2")" = "$1" ]; }

listener
unknown=a-aaaaaaaaaaaaaaaaaaaaaaaaaa@rcs.example.net
same "no table yet: an alias" "550 5.1.6" "$(reply "$unknown")"
same "no table yet: a long name" "550 5.1.1" "$(reply "x-aaaaaaaaaaaaaaaaaaaaaaaaaa@rcs.example.net")"
request p1 sip:alice@ims.example.net Privacy id | maps >"$scratch/one"
alias=$(jq -r 'select(.type == "mail.out") | .mail.from' "$scratch/one")
same "a private message has an alias for its sender" "a- 2" "${alias:0:2} $(jq -r 'select(.type == "alias").type' "$scratch/one" | wc -l)"
same "which is not known yet" "550 5.1.6" "$(reply "$alias")"
keeper
jq -c 'select(.type == "alias")' "$scratch/one" | put
check "and is when the record has come" until_ok 10 says "250 2.1.5" "$alias"
same "in capital letters" "250 2.1.5" "$(reply "$(tr a-z A-Z <<<"${alias%@*}")@rcs.example.net")"
same "another one is not" "550 5.1.6" "$(reply "$unknown")"
long="sip:$(printf 'very.long.%.0s' 1 2 3 4 5 6 7)name@other.example.com"
request p2 "$long" | maps >"$scratch/two"
from=$(jq -r 'select(.type == "mail.out") | .mail.from' "$scratch/two")
jq -c 'select(.type == "alias")' "$scratch/two" | put
check "a name that is too long for a local part" until_ok 10 says "250 2.1.5" "$from"
request p3 sip:alice@ims.example.net Privacy id | maps --now 2020-01-01T00:00:00Z >"$scratch/three"
old=$(jq -r 'select(.type == "mail.out") | .mail.from' "$scratch/three")
jq -c 'select(.type == "alias")' "$scratch/three" | put
check "all records were taken, none failed" until_ok 10 taken
same "one of long ago is expired" "550 5.1.6" "$(reply "$old")"

# ---- who it is ----
kill -TERM "$keeper"
until_ok 10 bash -c "! kill -0 $keeper"
same "while mail2cpm is away" "250 2.1.5" "$(reply "$alias")"
"$client" "$port" talk "EHLO c\r\nMAIL FROM:<bob@example.org>\r\nRCPT TO:<$alias>\r\nRCPT TO:<$from>\r\nDATA\r\n" 'Message-ID: <r@x>\r\n\r\nx\r\n.\r\n' >"$scratch/t"
same "the record names who they are" "sip:alice@ims.example.net $long" "$(spool-cat "$spool/mail2cpm" | jq -r '[.mail.to[].cpm] | join(" ")')"
inject() { printf 'From: bob@example.org\n\nx\n' | as "$BUILD/cmd/mail-inject" -c "$scratch/conf" -o "mail.in=$spool/mail2cpm" "$1" 2>"$scratch/inject.log"; echo $?; }
same "mail-inject knows it" 0 "$(inject "$alias")"
same "and not the other" 67 "$(inject "$unknown")"

# ---- deaths ----
keeper
jq -c 'select(.type == "alias")' "$scratch/one" | jq -c '.id = "01jc0000000000000000000000"' | put
until_ok 10 taken
kill -KILL -- "-$keeper"
wait "$keeper" 2>/dev/null
same "mail2cpm was killed" "250 2.1.5" "$(reply "$alias")"
kill -KILL -- "-$edge"
wait "$edge" 2>/dev/null
listener
same "both were" "250 2.1.5" "$(reply "$alias")"
rm -f "$spool"/state/mail2cpm.db-shm
kill -TERM "$edge"
until_ok 10 bash -c "! kill -0 $edge"
listener
same "the index of the log was lost as well" "250 2.1.5" "$(reply "$alias")"
echo "a file of something else, whatever its name says, and long enough to be looked at" >"$scratch/garbage"
as cp "$scratch/garbage" "$spool/state/mail2cpm.db"
rm -f "$spool"/state/mail2cpm.db-*
kill -HUP "$edge"
check "a table that cannot be read is trouble, no answer" until_ok 10 says "451 4.3.0" "$alias"
same "for aliases only" "250 2.1.5" "$(reply alice@rcs.example.net)"
finish
