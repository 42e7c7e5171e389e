#!/bin/bash
# report: each row of tables 5.1 (column IMDN), 5.2 and 5.3 as records in, IMDN out; correlation, several recipients, who is not told.
. "$(dirname "$0")/receipt-lib.sh"

# ---- 5.1 ----
while IFS='|' read -r left right; do
	read -r outcome code enhanced <<<"$left"
	fresh
	same "5.1 $outcome $code $enhanced, after the 202" "$(trim "$right")" "$(by=$((now_ms - 1)) result "$outcome:$code:$enhanced" bob@example.org | imdns)"
done < <(rows rows-5.1-imdn)
fresh
same "5.1: a refusal that is the answer is no IMDN as well" "" "$(result permanent:550:5.1.1 bob@example.org | imdns)"
same "  nor is what comes later of the same attempt" "" "$(result permanent:550:5.1.1 bob@example.org | imdns)"
fresh
same "processing: once" "processing/stored" "$({ result queued:451:4.3.0 bob@example.org; result queued:451:4.3.0 bob@example.org; result done:250:2.0.0 bob@example.org; } | imdns)"
fresh
same "delivered is not followed by failed" "processing/processed delivery/delivered" "$({ result done:250:2.0.0 bob@example.org; dsn delivered 2.0.0; dsn failed 5.1.1; } | imdns)"
fresh
same "failed is not followed by delivered, nor by failed" "processing/processed delivery/failed" \
	"$({ result done:250:2.0.0 bob@example.org; dsn failed 5.2.2; dsn failed 5.2.2; dsn delivered 2.0.0; } | imdns)"
fresh
same "stored by a DSN only if processing was not told" "processing/processed" "$({ result done:250:2.0.0 bob@example.org; dsn delayed 4.4.1; } | imdns)"
for asked in p n d; do
	fresh
	same "5.1: nothing of a 250 for who asked only for $asked" "" "$(result done:250:2.0.0 bob@example.org | imdns)"
done
asked=pxd
fresh
same "5.1: late failure, not asked for" "" "$(by=1 result permanent:550:5.1.1 bob@example.org | imdns)"
asked=pnxd
fresh
same "a message that had expired when it came (1.3), once" "delivery/failed" "$({
	result permanent:0:5.4.7 bob@example.org | jq -c 'del(.mail.origin["answer_by", "transaction", "key"])'
	result permanent:0:5.4.7 bob@example.org | jq -c 'del(.mail.origin["answer_by", "transaction", "key"])'
} | imdns)"
fresh 'assume_delivered_on_250 = true;'
same "assume_delivered_on_250" "processing/processed delivery/delivered" "$(result done:250:2.0.0 bob@example.org | imdns)"
fresh 'domains = ( { name = "example.org"; assume_delivered_on_250 = true; } );'
same "  for one domain" "processing/processed delivery/delivered" "$(result done:250:2.0.0 bob@example.org | imdns)"
fresh 'domains = ( { name = "example.com"; assume_delivered_on_250 = true; } );'
same "  not for another" "processing/processed" "$(result done:250:2.0.0 bob@example.org | imdns)"

# ---- 5.2, 5.3 ----
# A message that was answered, about which nothing was told yet: $1 more configuration, $2 what was asked for.
sent() {
	fresh "$1"
	asked=$2 result done:250:2.0.0 bob@example.org | run >/dev/null
	python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute("UPDATE asked SET told = 0"); db.commit()' "$scratch/state"
}
while IFS='|' read -r left knobs wanted right; do
	read -r action status <<<"$left"
	wanted=$(trim "$wanted") knobs=$(trim "$knobs")
	sent "$knobs" "$wanted"
	same "5.3 $action $status, asked: $wanted${knobs:+, $knobs}" "$(trim "$right")" "$(dsn "$action" "$status" | imdns)"
done < <(rows rows-5.3-dsn)
while IFS='|' read -r left knobs wanted right; do
	read -r type modifier <<<"$left"
	wanted=$(trim "$wanted") knobs=$(trim "$knobs")
	sent "$knobs" "$wanted"
	same "5.3 MDN $type $modifier, asked: $wanted${knobs:+, $knobs}" "$(trim "$right")" "$(mdn "$type" "$modifier" | imdns)"
done < <(rows rows-5.3-mdn)
sent "" n
same "5.3 a bounce of no standard form" delivery/failed "$(dsn failed 5.0.0 "{\"msg_ids\": [\"$mid\"]}" "" "" | jq -c '.receipt.source = "bounce"' | imdns)"

# ---- which message, which recipient ----
correlated() {
	sent "" p
	same "$1" "$2" "$(dsn delivered 2.0.0 "$3" "${4-bob@example.org}" "${5-bob@example.org}" | imdns)"
}
by_id="{\"msg_ids\": [\"m.no.body.0.0000000000@rcs.example.net\", \"$mid\"]}"
correlated "found by ENVID" delivery/delivered "$envid"
correlated "found by a msg-id, the second one" delivery/delivered "$by_id"
correlated "found by a msg-id, the ENVID being another's" delivery/delivered "{\"envid\": \"QQ\", \"msg_ids\": [\"$mid\"]}"
correlated "Original-Recipient in another case" delivery/delivered "$by_id" BOB@Example.org x@example.org
correlated "Original-Recipient in xtext" delivery/delivered "$by_id" bob+40example.org ""
correlated "Final-Recipient" delivery/delivered "$by_id" "" bob@example.org
correlated "its only recipient, who is called otherwise there" delivery/delivered "$by_id" "" robert@mail.example.org
correlated "nothing of ours: dropped" "" '{"foreign": ["x@y.example"]}'
correlated "an ENVID that is not ours: dropped" "" '{"envid": "t.aaaaaaaaaaaaaaaaaaaaaaaaaa"}'
alias=a-uunftw4y5y4zhx4y6gdnq7u4um
fresh
same "a private message is found by its alias" delivery/failed "$({
	asked=n over="{\"private\": true, \"alias\": \"$alias\", \"mail_from\": \"$alias@rcs.example.net\"}" result done:250:2.0.0 bob@example.org
	dsn failed 5.1.1 "{\"alias\": \"$alias\"}" "" "" | jq -c 'del(.receipt.message_id)'
} | imdns)"
fresh
same "an anonymous originator without an identity: nobody to tell" "" "$({
	over='{"private": true, "from": "sip:anonymous@anonymous.invalid"}' result done:250:2.0.0 bob@example.org
	dsn failed 5.1.1
} | imdns)"
sent "" pd
same "an MDN of somebody else" "" "$(mdn displayed - eve@example.org | imdns)"
same "  to another address" "" "$(mdn displayed - bob@example.org carol@rcs.example.net | imdns)"
same "  whose Final-Recipient is the user" "delivery/delivered display/displayed" "$(mdn displayed - robert@example.org alice@rcs.example.net bob@example.org | imdns)"
same "  again" "" "$(mdn displayed - | imdns)"

# ---- how long ----
at() { now=$1 "${@:2}"; }
dsn_at() { dsn delivered 2.0.0 | now=$1 imdns; }
mdn_at() { mdn displayed - | now=$1 imdns; }
sent "" p
same "a DSN within dsn_wait" delivery/delivered "$(dsn_at 2026-03-10T08:30:00.000Z)"
sent "" pd
same "  after it" "" "$(dsn_at 2026-03-10T08:30:02.000Z)"
same "  an MDN still counts" "delivery/delivered display/displayed" "$(mdn_at 2026-03-10T08:30:02.000Z)"
sent "" pd
same "after state_ttl nothing is known" "" "$(mdn_at 2026-03-12T08:30:02.000Z)"

# ---- several recipients (1.4) ----
who='select(.type | startswith("sip.send")).sip | "\([.headers[] | select(.[0] == "From")[1]][0]) \(.body.text | capture("<(?<n>[a-z]+)-notification><status><(?<s>[a-z]+)/>") | .s) \(.body.text | capture("<recipient-uri>(?<r>[^<]*)") | .r)"'
recipients=3 asked=n over='{"list": true, "uri": "sip:list7@ims.example.net", "imdn": {"original_to": "sip:list7@ims.example.net"}, "refused": [{"uri": "sip:dora@ims.example.net", "enhanced": "5.1.1"}]}'
fresh
{ result permanent:550:5.1.1 bob@example.org; result done:250:2.0.0 ann@y.example; result permanent:550:5.7.1 carol@x.example; } | run >"$scratch/out"
same "one refused before the 202, an entry that got no mail, one refused after it" "<sip:bob%40example.org@mailgw.ims.example.net> failed sip:bob%40example.org@mailgw.ims.example.net
<sip:dora@ims.example.net> failed sip:dora@ims.example.net
<sip:carol%40x.example@mailgw.ims.example.net> failed sip:carol%40x.example@mailgw.ims.example.net" "$(jq -r "$who" "$scratch/out")"
same "  Original-To stands beside, each time" 3 "$(jq -r '.sip.body.text // empty' "$scratch/out" | grep -c '<original-recipient-uri>sip:list7@ims.example.net<')"
same "  a blind copy's names nobody" 0 "$(fresh; { over='{"list": true, "blind": true, "imdn": {"original_to": "sip:list7@ims.example.net"}}' result done:250:2.0.0 ann@y.example; dsn failed 5.1.1 "$envid" ann@y.example ""; } | run | jq -r '.sip.body.text // empty' | grep -c recipient-uri)"
over=
fresh
same "all refused: the answer is all" "" "$({ result permanent:550:5.1.1 a@x.example; result permanent:550:5.1.1 b@x.example; result permanent:550:5.1.1 c@x.example; } | imdns)"
asked=pn
fresh
same "a DSN about two of three" "delivery/delivered delivery/failed" "$({
	result done:250:2.0.0 a@x.example b@x.example c@x.example
	dsn delivered 2.0.0 "$envid" a@x.example "" | jq -c '.receipt.reports += [{final: "C@x.example", action: "failed", status: "5.2.2"}, {final: "d@x.example", action: "failed"}]'
} | imdns)"
recipients=1

# ---- what an IMDN looks like ----
send='select(.type | startswith("sip.send"))'
fresh
{ result done:250:2.0.0 bob@example.org | jq -c '.trace = "01jc0000000000000000000999"'; dsn delivered 2.0.0; } | run >"$scratch/out"
same "to the originator" sip:alice@ims.example.net "$(jq -r "$send.sip.uri" "$scratch/out")"
same "  with the ids of the worked example" "1710887c7ca47dc2c1274c11673eb0df c9438c7c57e9a52163e0c603ad394924 7e762e9d3b11c852" \
	"$(jq -r "$send.sip | [(.headers[] | select(.[0] | endswith(\"-ID\"))[1]), (.body.text | capture(\"imdn.Message-ID: (?<i>[0-9a-f]+)\").i)] | join(\" \")" "$scratch/out")"
same "  asks for no report itself" 0 "$(jq -r "$send.sip.body.text" "$scratch/out" | grep -c Disposition-Notification)"
same "  belongs to the message's trace" 01jc0000000000000000000999 "$(jq -r "$send.trace" "$scratch/out")"
asked=p
fresh
same "Record-Route: to the topmost, all of them back as IMDN-Route" "sip:b2bua@x.example 2" "$({
	over='{"imdn": {"record_route": ["sip:b2bua@x.example", "sip:other@y.example"]}}' result done:250:2.0.0 bob@example.org
	dsn delivered 2.0.0
} | run | jq -r "$send.sip | \"\(.uri) \([.body.text | match(\"imdn.IMDN-Route: <sip:\"; \"g\")] | length)\"")"
fresh
same "a number is reported of as the number" "<tel:+14155550199>" "$({
	over='{"uri": "tel:+14155550199"}' result done:250:2.0.0 bob@example.org
	dsn delivered 2.0.0
} | run | jq -r "$send.sip.headers[0][1]")"

# ---- no report about a report ----
fresh
same "failures of reports are logged only" "" "$({
	record sip.result '{"outcome": "permanent", "status": 480, "reason": "x", "enhanced": "5.4.7", "uri": "sip:a@b", "tries": 1, "origin": {"kind": "imdn", "msg_id": "m"}}'
	result permanent:550:5.1.1 bob@example.org | jq -c '.mail.origin = {id: "01jc0000000000000000000999", kind: "dsn", msg_id: "m"}'
} | run)"
check "  they are logged" sh -c "grep -q 'event=report-result form=imdn' '$scratch/log' && grep -q 'event=report-result form=dsn' '$scratch/log'"
fresh
asked=
result done:250:2.0.0 bob@example.org | run >/dev/null
same "without a report asked for nothing is kept" 0 "$(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM asked").fetchone()[0])' "$scratch/state")"
finish
