#!/bin/bash
# The corpus through the programs: mail-inject takes each mail, mail2cpm makes of a report its receipt and nothing else, and of what only looks
# like one no receipt.
. "$(dirname "$0")/../lib/wire.sh"
need jq
cp "$SOURCE/t/map/msgid.key" "$scratch/key"
chmod 600 "$scratch/key"
{ sed "s|\"msgid.key|\"$scratch/key|" "$SOURCE/t/map/conf"; echo 'smtputf8 = true; rate_mail = 0;'; } >"$scratch/conf"

# inject FILE: its record; MAIL FROM, RCPT TO and an empty line stand in front of the mail.
inject() {
	local from to
	from=$(sed -nE '1s/.*<(.*)>.*/\1/p' "$1") to=$(sed -nE '2s/.*<(.*)>.*/\1/p' "$1")
	sed 1,3d "$1" | mail-inject -c "$scratch/conf" -f "$from" "$to" 2>>"$scratch/inject.log"
}
# An alias that nobody gave out would be refused: those mails are for score alone.
reports=() others=()
for file in "$SOURCE"/t/bounce/*.eml; do sed -n 2p "$file" | grep -q '<[agx]-' || reports+=("$file"); done
for file in "$SOURCE"/t/bounce/other/*.eml; do others+=("$file"); done
for file in "${reports[@]}"; do inject "$file"; done >"$scratch/reports"
for file in "${others[@]}"; do inject "$file"; done >"$scratch/others"
same "mail-inject takes every report" "${#reports[@]}" "$(wc -l <"$scratch/reports")"
same "and every other mail" "${#others[@]}" "$(wc -l <"$scratch/others")"

mail2cpm -c "$scratch/conf" <"$scratch/reports" >"$scratch/receipts" 2>"$scratch/reports.log"
same "nothing but receipts comes of reports" receipt "$(jq -r .type "$scratch/receipts" | sort -u)"
wrong=
for file in "${reports[@]}"; do
	name=$(basename "$file" .eml)
	want=$(jq -Sc . "${file%.eml}.json")
	jq -Sc .receipt "$scratch/receipts" | grep -qxF -- "$want" || wrong="$wrong $name"
done
same "each as it should be" "" "$wrong"
same "one of each" "${#reports[@]}" "$(wc -l <"$scratch/receipts")"

mail2cpm -c "$scratch/conf" <"$scratch/others" >"$scratch/messages" 2>"$scratch/others.log"
same "no receipt comes of what is none" "" "$(jq -r 'select(.type == "receipt").id' "$scratch/messages")"
check "what a person wrote goes on" sh -c "jq -r 'select(.type == \"sip.send\").sip.body.text' '$scratch/messages' | grep -q 'Look what came back to me'"
same "what a robot wrote, or came from <>, does not" "" "$(jq -r 'select(.type == "sip.send").sip.body.text' "$scratch/messages" |
	grep -E 'I am away|A colleague will answer|no such user|abuse report|was delivered to|is full')"
check "nothing from the sanitizers" sh -c "! grep -e Sanitizer -e 'runtime error' '$scratch'/*.log"
finish
