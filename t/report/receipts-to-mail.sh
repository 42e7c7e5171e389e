#!/bin/bash
# report: each row of table 5.4 as records in, DSN and MDN out; who is not told; several parts; timers over restarts; what overtakes.
. "$(dirname "$0")/receipt-lib.sh"
need spool-put

while IFS='|' read -r what knobs notify mdn right; do
	what=$(trim "$what") knobs=$(trim "$knobs") notify=$(trim "$notify") mdn=$(trim "$mdn")
	notify=${notify:--}
	fresh "$knobs"
	same "5.4 $what, NOTIFY $notify${mdn:+, MDN wanted}${knobs:+, $knobs}" "$(trim "$right")" "$({ sent_on done 200 2.0.0; imdn "$what"; } | mails)"
done < <(rows rows-5.4-imdn)
mdn=
while IFS='|' read -r left notify right diagnostic; do
	read -r status enhanced <<<"$left"
	notify=$(trim "$notify") right=$(trim "$right")
	notify=${notify:--}
	fresh
	sent_on permanent "$status" "$enhanced" | run >"$scratch/out"
	same "5.4 SIP $status, NOTIFY $notify" "${right:+dsn $right}" "$(jq -r "$report_of" "$scratch/out")"
	[ -z "$right" ] || same "  Diagnostic-Code" "$(trim "$diagnostic")" "$(jq -r '.mail.body.text | capture("Diagnostic-Code: (?<d>[^\r]*)").d' "$scratch/out")"
done < <(rows rows-5.4-sip)

# ---- the worked example (4.11) ----
notify=SUCCESS,FAILURE more='{"received": 1772705702000}'
fresh
{ sent_on done 200 2.0.0; imdn delivery/delivered; } | now=2026-03-05T10:15:09Z run | jq -r 'select(.type == "mail.out").mail.body.text' | tr -d '\r' >"$scratch/out"
for line in 'Date: Thu, 05 Mar 2026 10:15:09 +0000' 'From: "Mail gateway" <postmaster@rcs.example.net>' 'To: bob@example.org' 'Subject: Delivered: Parking' \
	'In-Reply-To: <park-9@mail.example.org>' 'Auto-Submitted: auto-replied' 'Original-Envelope-Id: QQ31' 'Reporting-MTA: dns; rcs.example.net' 'DSN-Gateway: dns; mailgw.ims.example.net' \
	'Arrival-Date: Thu, 05 Mar 2026 10:15:02 +0000' 'Final-Recipient: rfc822;+14155550101@rcs.example.net' 'Action: delivered' 'Status: 2.1.5'; do
	check "4.11 $line" grep -qFx "$line" "$scratch/out"
done
check "4.11 Message-ID" grep -qF '<r.d589161a70e28b6a9c3ee0c3449598c5.9a4faf4670824041d3cdf6a6ab4c012a.81a6a0bc.f581696603@rcs.example.net>' "$scratch/out"
more=

# ---- once, or never ----
notify=SUCCESS,FAILURE,DELAY
fresh
same "delivered once" "dsn delivered 2.1.5" "$({ sent_on done 200 2.0.0; imdn delivery/delivered; imdn delivery/delivered; imdn delivery/failed; imdn delivery/error; } | mails)"
fresh
same "failed once, and nothing after it" "dsn failed 5.1.1" "$({ sent_on permanent 404 5.1.1; sent_on permanent 404 5.1.1; imdn delivery/delivered; imdn processing/stored; } | mails)"
fresh
same "delayed once, then delivered" "dsn delayed 4.2.0
dsn delivered 2.1.5" "$({ sent_on done 200 2.0.0; imdn processing/stored; imdn processing/stored; imdn delivery/delivered; } | mails)"
mdn=m
fresh
same "displayed once, beside delivered" "dsn delivered 2.1.5
mdn manual-action/MDN-sent-automatically; displayed" "$({ sent_on done 200 2.0.0; imdn delivery/delivered; imdn display/displayed; imdn display/displayed; } | mails)"
for more in '{"mail_from": ""}' '{"backscatter": true}'; do
	fresh
	same "never with $more" "" "$({ sent_on done 200 2.0.0; imdn delivery/failed; imdn display/displayed; sent_on permanent 404 5.1.1; } | mails)"
done
more= mdn=
fresh
same "an IMDN about nothing that we know" "" "$(imdn delivery/failed 0000000000000000 | mails)"
fresh
result='{"reason": "no sip:alice@ims.example.net here"}'
same "a reason with an identity in it goes no further" "x-sip; 404" "$(sent_on permanent 404 5.1.1 | run | jq -r '.mail.body.text | capture("Diagnostic-Code: (?<d>[^\r]*)").d')"
result=

# ---- several parts of one mail (7.7) ----
part() { more="{\"parts\": 3, \"part\": {\"kind\": \"$1\", \"names\": [\"$2\"]}}" imdn=$3 sent_on done 200 2.0.0; }
three() { part text "" 6a61d0e0561f10ca; part attachment a.jpg 6a61d0e0561f10ca-1; part attachment b.jpg 6a61d0e0561f10ca-2; }
fresh
same "delivered when all are" "" "$({ three; imdn delivery/delivered; imdn delivery/delivered 6a61d0e0561f10ca-2; imdn delivery/delivered; } | mails)"
same "  the last one" "dsn delivered 2.1.5" "$(imdn delivery/delivered 6a61d0e0561f10ca-1 | mails)"
fresh
same "failed when the text did" "dsn failed 5.0.0" "$({ three; imdn delivery/delivered 6a61d0e0561f10ca-1; imdn delivery/failed; } | mails)"
fresh
three | run >/dev/null
imdn delivery/failed 6a61d0e0561f10ca-2 | run >"$scratch/out"
same "an attachment alone failed: 5.6.0" "dsn failed 5.6.0" "$(jq -r "$report_of" "$scratch/out")"
check "  and is named" sh -c "jq -r .mail.body.text '$scratch/out' | grep -q 'The attachment \"b.jpg\" of your message to'"

# ---- BY of the mail ----
fresh
more="{\"by\": {\"seconds\": 60, \"mode\": \"R\", \"at\": $((now_ms - 60000))}}"
same "mode R is over: 5.4.7, whatever the peer said last" "dsn failed 5.4.7" "$(sent_on permanent 503 4.4.1 | mails)"
more="{\"by\": {\"seconds\": 60, \"mode\": \"R\", \"at\": $now_ms}}"
fresh
same "  not over" "dsn failed 4.4.1" "$(sent_on permanent 503 4.4.1 | mails)"
more=

# ---- timers: the result waits in the queue of report ----
spool=$scratch/spool
put() { spool-put -m "$spool/report" >/dev/null; }
anew() { rm -rf "$spool"; mkdir "$spool"; conf "$1"; }
# serve SECONDS: report on its queue for so long; what it handed out so far.
serve() {
	timeout -s TERM "$1" report -c "$scratch/conf" -i "$spool/report" -o mail.out="$spool/mail-route" -o sip.send="$spool/sip-route" -o sip.response="$spool/sip-listen" \
		-o sip.forget="$spool/cpm2mail" 2>>"$scratch/log"
	spool-cat "$spool/mail-route" 2>/dev/null | jq -r "$report_of"
}
waiting() { spool-cat -s deferred "$spool/report" 2>/dev/null; }

notify=SUCCESS
anew 'imdn_wait = "3s"; delay_warning = "3s";'
sent_on done 200 2.0.0 | put
same "imdn_wait: nothing yet" "" "$(serve 1)"
same "  the result waits, without what it would return" "1 false" "$(waiting | jq -s -r '"\(length) \(.[0].sip.origin | has("returned"))"')"
sleep 2.5
same "  over, in the next process: relayed" "dsn relayed 2.0.0" "$(serve 1)"
check "  and the mail has the header of the original" sh -c "spool-cat '$spool/mail-route' | jq -r .mail.body.text | grep -q 'Message-ID: <park-9@mail.example.org>'"
same "  nothing waits any more" "" "$(waiting)"
anew 'imdn_wait = "3s";'
{ sent_on done 200 2.0.0; imdn delivery/delivered; } | put
same "delivered in time" "dsn delivered 2.1.5" "$(serve 1)"
sleep 2.5
same "  nothing when imdn_wait is over" "dsn delivered 2.1.5" "$(serve 1)"
anew 'imdn_wait = "1h";'
result='{"as_text": true}' sent_on done 200 2.0.0 | put
same "sent as plain text: no IMDN will come" "dsn relayed 2.0.0" "$(serve 1)"
notify=-
anew 'delay_warning = "3s";'
sent_on queued 480 4.2.0 | put
same "delay_warning: nothing yet" "" "$(serve 1)"
sleep 2.5
same "  over: delayed" "dsn delayed 4.4.0" "$(serve 1)"
anew 'delay_warning = "3s";'
{ sent_on queued 480 4.2.0; sent_on done 200 2.0.0; } | put
serve 1 >/dev/null
sleep 2.5
same "  not when it was taken meanwhile" "" "$(serve 1)"
notify=SUCCESS
anew 'delay_warning = "3s";'
sent_on queued 480 4.2.0 | put
serve 1 >/dev/null
same "  nor where NOTIFY has no DELAY" "" "$(waiting)"
notify=DELAY
anew ''
more="{\"by\": {\"seconds\": 1, \"mode\": \"N\", \"at\": $(date +%s)000}}" sent_on queued 480 4.2.0 | put
sleep 1
same "BY in mode N is over: 4.4.7" "dsn delayed 4.4.7" "$(serve 1)"

# ---- what overtakes ----
notify=SUCCESS
anew ''
imdn delivery/delivered | put
same "an IMDN before the result of its message waits" "" "$(serve 1)"
same "  it does" 1 "$(waiting | wc -l)"
sent_on done 200 2.0.0 | put
serve 1 >/dev/null
spool-retry --all "$spool/report" >/dev/null
same "  and counts" "dsn delivered 2.1.5" "$(serve 1)"
asked=p
anew ''
dsn delivered 2.0.0 | put
serve 1 >/dev/null
result done:250:2.0.0 bob@example.org | put
serve 1 >/dev/null
spool-retry --all "$spool/report" >/dev/null
serve 1 >/dev/null
same "a DSN before the result of its mail as well" delivered "$(spool-cat "$spool/sip-route" | jq -r .sip.origin.status)"
finish
