# receipt-lib.sh - records for the tests of receipts, and how report is run on them. To be sourced.
. "$(dirname "$0")/../lib/wire.sh"
need jq python3
now=2026-03-05T08:30:01.000Z
now_ms=1772699401000
mid=m.1710887c7ca47dc2c1274c11673eb0df.477b66ae9662e3ad18549bf5dabf9d26.0.06a3e87fdf@rcs.example.net
envid='{"envid": "t.6ph2vzcdcupotrcr4fptgjkeet"}'
cp "$SOURCE/t/map/msgid.key" "$scratch/msgid.key"
chmod 600 "$scratch/msgid.key"
# conf MORE: the configuration of the golden records, and more of it; fresh MORE: without any memory as well.
conf() { { sed "s|\"msgid.key|\"$scratch/msgid.key|" "$SOURCE/t/map/conf"; echo "$1"; } >"$scratch/conf"; }
fresh() { rm -f "$scratch"/state*; conf "${1:-}"; }
run() { report -c "$scratch/conf" --now "$now" --state "$scratch/state" "$@" 2>>"$scratch/log"; }
conf ""
# record TYPE MEMBER: an envelope around it, with an id of its own.
record() {
	jq -nc --arg id "$(printf '01jc%08d%014d' $((BASHPID % 100000000)) "$(date +%N | sed 's/^0*//')")" --arg type "$1" --argjson member "$2" \
		'{v: 1, id: $id, trace: $id, time: "2026-03-05T08:30:00.000Z", type: $type, key: "conv", ($type / "." | first): $member}'
}

# ---- messages of CPM users ----
# result OUTCOME:CODE:ENHANCED ADDRESS...: a mail.result; $asked, $by (answer_by), $over (more of origin), $recipients.
asked=pnxd by= over= recipients=1
result() {
	local what=$1
	shift
	record mail.result "$(printf '%s\n' "$@" | jq -Rnc --arg what "$what" --arg mid "$mid" --arg asked "$asked" --argjson by "${by:-$((now_ms + 9000))}" --argjson n "$recipients" --arg over "${over:-{\}}" '
		($what / ":") as $w |
		{results: [inputs | {address: ., outcome: $w[0], code: ($w[1] | tonumber)} + (if $w[2] != "-" then {enhanced: $w[2]} else {} end)], message_id: $mid,
		origin: ({id: "01jc0000000000000000000999", transaction: "tx", shard: 1, answer_by: $by, recipients: $n, key: "dedupe", msg_id: $mid,
			reports: [{p: "positive-delivery", n: "negative-delivery", x: "processing", d: "display"}[$asked / "" | .[]]],
			imdn: {message_id: "Kx81mDq0ZpT4", datetime: "2026-03-05T09:30:00+01:00", from: "sip:alice@ims.example.net", from_name: "Alice A.", to: "sip:bob%40example.org@mailgw.ims.example.net"},
			envid: "t.6ph2vzcdcupotrcr4fptgjkeet", mail_from: "alice@rcs.example.net", uri: "sip:bob%40example.org@mailgw.ims.example.net", from: "sip:alice@ims.example.net",
			conversation: "1710887c7ca47dc2c1274c11673eb0df", contribution: "477b66ae9662e3ad18549bf5dabf9d26"} * ($over | fromjson))}')"
}
# dsn ACTION STATUS [ABOUT [ORIGINAL [FINAL]]]; - and "": not there.
dsn() {
	record receipt "$(jq -nc --arg a "$1" --arg s "$2" --argjson about "${3:-$envid}" --arg o "${4-bob@example.org}" --arg f "${5-bob@example.org}" '
		{source: "dsn", rcpt: "alice@rcs.example.net", message_id: "d1@mx.example.org", about: $about,
		reports: [({original: $o, final: $f, action: $a, status: $s} | with_entries(select(.value != "" and .value != "-")))]}')"
}
# mdn TYPE MODIFIER [FROM [RCPT [FINAL]]]
mdn() {
	record receipt "$(jq -nc --arg t "$1" --arg m "$2" --arg from "${3:-bob@example.org}" --arg rcpt "${4:-alice@rcs.example.net}" --arg mid "$mid" --arg final "${5:-}" '
		{source: "mdn", from: $from, rcpt: $rcpt, message_id: "md1@mail.example.org", about: {msg_ids: [$mid]},
		disposition: ({type: $t, modifier: $m, final: $final} | with_entries(select(.value != "" and .value != "-")))}')"
}
# "delivery/failed" of each IMDN that goes out, on one line.
imdns() { run | jq -r 'select(.type | startswith("sip.send")).sip | (.body.text | capture("<(?<n>[a-z]+)-notification><status><(?<s>[a-z]+)/>")) | "\(.n)/\(.s)"' | paste -sd' '; }

# ---- messages of mail users ----
# sent_on OUTCOME STATUS ENHANCED: a sip.result; $notify, $mdn, $imdn (id), $more (of origin), $result (more of the member).
notify=- mdn= imdn=6a61d0e0561f10ca more= result=
sent_on() {
	record sip.result "$(jq -nc --arg o "$1" --argjson s "$2" --arg e "$3" --arg notify "$notify" --arg mdn "$mdn" --arg imdn "$imdn" --arg more "${more:-{\}}" --arg over "${result:-{\}}" '
		{outcome: $o, status: $s, reason: "Reason", enhanced: $e, uri: "tel:+14155550101", method: "MESSAGE", tries: 1, origin: ({kind: "mail", msg_id: "park-9@mail.example.org",
			rcpt: "+14155550101@rcs.example.net", mail_from: "bob@example.org", envid: "QQ31", imdn_id: $imdn, wanted: ["positive-delivery", "negative-delivery"], user: "tel:+14155550101",
			email_user: "bob@example.org", subject: "Parking", returned: "Subject: Parking\r\nMessage-ID: <park-9@mail.example.org>\r\n",
			conversation: "d589161a70e28b6a9c3ee0c3449598c5", contribution: "9a4faf4670824041d3cdf6a6ab4c012a"}
			+ (if $notify != "-" then {notify: ($notify / ",")} else {} end) + (if $mdn != "" then {mdn_to: "bob@example.org"} else {} end) + ($more | fromjson))} + ($over | fromjson)')"
}
# imdn NOTIFICATION/STATUS [ID]
imdn() { record receipt "$(jq -nc --arg n "${1%/*}" --arg s "${1#*/}" --arg id "${2:-6a61d0e0561f10ca}" '{source: "imdn", from: "tel:+14155550101", message_id: "r1", about: {imdn_id: $id}, notification: $n, status: $s}')"; }
report_of='select(.type == "mail.out").mail | if .from != "" or .to[0].notify != ["NEVER"] then "not from <>" else "\(.origin.kind) \(.body.text |
	if test("Action: ") then capture("Action: (?<a>[a-z]+)\r\nStatus: (?<s>[0-9.]+)") | "\(.a) \(.s)" else capture("Disposition: (?<d>[^\r]*)").d end)" end'
# "dsn failed 5.0.0" or "mdn ..." of each mail that goes out, a line each.
mails() { run | jq -r "$report_of"; }

# ---- tables ----
rows() { sed -E 's/#.*//' "$SOURCE/t/report/$1" | grep -v '^ *$'; }
trim() { sed -E 's/^ *//; s/ *$//; s/^-$//' <<<"$1"; }
