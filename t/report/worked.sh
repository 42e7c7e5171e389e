#!/bin/bash
# The worked examples whole: the message of 4.1 goes out; the DSN of 4.9 and the MDN of 4.10 come back as mails, and the MESSAGE that Alice
# gets is the one of the example, octet by octet.
. "$(dirname "$0")/receipt-lib.sh"

lines='if (.sip.body.text | type) == "array" then .sip.body.text |= join("\r\n") else . end | if (.mail.body.text | type) == "array" then .mail.body.text |= join("\r\n") else . end'
golden() { jq -c "$lines | .id = \"01jc00000000000000000000f1\" | .trace = .id" "$SOURCE/t/map/$1/in.json"; }
# came_back CASE TIME: the mail comes in, what leaves is in $scratch/out.
came_back() {
	golden "$1" | mail2cpm -c "$scratch/conf" --now "$2" 2>>"$scratch/log" | report -c "$scratch/conf" --now "$2" --state "$scratch/state" >"$scratch/out" 2>>"$scratch/log"
}
header() { jq -r --arg n "$1" 'select(.type == "sip.send").sip.headers[] | select(.[0] == $n)[1]' "$scratch/out"; }
body() { jq -j 'select(.type == "sip.send").sip.body.text' "$scratch/out"; }

fresh
golden wire-4.1 | cpm2mail -c "$scratch/conf" --now 2026-03-05T08:30:01Z 2>>"$scratch/log" >"$scratch/mail"
same "4.1: one mail" 1 "$(grep -c . "$scratch/mail")"
jq -c '{v, id, trace, key, time, type: "mail.result", mail: {message_id: .mail.message_id, origin: .mail.origin,
	results: [{address: "bob@example.org", outcome: "done", code: 250, enhanced: "2.0.0"}]}} | with_entries(select(.value != null))' "$scratch/mail" |
	report -c "$scratch/conf" --now 2026-03-05T08:30:02Z --state "$scratch/state" >"$scratch/out" 2>>"$scratch/log"
same "the server's 250 is her 202" 202 "$(jq -r 'select(.type == "sip.response").sip.status' "$scratch/out")"

# ---- 4.9 ----
came_back wire-4.9 2026-03-05T08:30:09Z
same "4.9: one MESSAGE" '["MESSAGE","sip:alice@ims.example.net"]' "$(jq -c 'select(.type == "sip.send").sip | [.method, .uri]' "$scratch/out")"
bob="sip:bob%40example.org@mailgw.ims.example.net"
same "  From" "<$bob>" "$(header From | sed 's/;tag=.*//')"
same "  P-Asserted-Identity" "<$bob>" "$(header P-Asserted-Identity)"
same "  P-Asserted-Service" "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg" "$(header P-Asserted-Service)"
same "  Conversation-ID" 1710887c7ca47dc2c1274c11673eb0df "$(header Conversation-ID)"
same "  Contribution-ID" c9438c7c57e9a52163e0c603ad394924 "$(header Contribution-ID)"
same "  Content-Type" message/cpim "$(jq -r 'select(.type == "sip.send").sip.body.type' "$scratch/out")"
printf '%s\r\n' "From: <$bob>" 'To: "Alice A." <sip:alice@ims.example.net>' 'DateTime: 2026-03-05T08:30:09Z' 'NS: imdn <urn:ietf:params:imdn>' \
	'imdn.Message-ID: 7e762e9d3b11c852' '' 'Content-Type: message/imdn+xml' 'Content-Disposition: notification' 'Content-Length: 258' '' \
	'<?xml version="1.0" encoding="UTF-8"?>' '<imdn xmlns="urn:ietf:params:xml:ns:imdn">' '<message-id>Kx81mDq0ZpT4</message-id>' \
	'<datetime>2026-03-05T09:30:00+01:00</datetime>' '<delivery-notification><status><delivered/></status></delivery-notification>' '</imdn>' >"$scratch/want"
same "  548 octets" 548 "$(body | wc -c)"
same "  as in the example" "$(cat "$scratch/want")" "$(body)"
came_back wire-4.9 2026-03-05T08:31:00Z
same "the same DSN again: nothing" "" "$(cat "$scratch/out")"

# ---- 4.10 ----
came_back wire-4.10 2026-03-05T09:10:45Z
same "4.10: one MESSAGE" '["MESSAGE","sip:alice@ims.example.net"]' "$(jq -c 'select(.type == "sip.send").sip | [.method, .uri]' "$scratch/out")"
same "  Conversation-ID" 1710887c7ca47dc2c1274c11673eb0df "$(header Conversation-ID)"
printf '%s\r\n' '<?xml version="1.0" encoding="UTF-8"?>' '<imdn xmlns="urn:ietf:params:xml:ns:imdn">' '<message-id>Kx81mDq0ZpT4</message-id>' \
	'<datetime>2026-03-05T09:30:00+01:00</datetime>' '<display-notification><status><displayed/></status></display-notification>' '</imdn>' >"$scratch/want"
same "  its document as in the example" "$(cat "$scratch/want")" "$(body | sed -n '/^<?xml/,$p')"
check "  and it asks for no report" sh -c "! grep -q Disposition-Notification '$scratch/out'"
came_back wire-4.10 2026-03-05T09:11:00Z
same "the same MDN again: nothing" "" "$(cat "$scratch/out")"
finish
