# smtp-lib.sh - what the tests of the mail side share: peers, records, results. After wire.sh.
peer_n=0
# peer RULE...: a scripted server; $port, $peer (its directory).
peer() {
	peer_n=$((peer_n + 1))
	peer=$scratch/peer.$peer_n
	mkdir -p "$peer"
	start "peer.$peer_n" "$SOURCE/t/lib/smtp-peer.py" ${peer_options:-} "$peer" "$@"
	until_ok 10 test -s "$peer/port" || { echo "Bail out! no peer"; exit 1; }
	port=$(cat "$peer/port")
}
# A record id out of a word.
id_of() { printf '%s' "$1" | tr -c '0-9a-v' x | cut -c1-26 | awk '{ printf "%s", substr("01jc" $0 "aaaaaaaaaaaaaaaaaaaaaaaaaa", 1, 26) }' | tr x 0; }
body='From: alice@rcs.example.net\r\nTo: bob@example.org\r\nSubject: test\r\nDate: Thu, 05 Mar 2026 09:30:00 +0100\r\nMessage-ID: <m.1@rcs.example.net>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n.one dot\r\n..two\r\nhello\r\n'
# hosts PORT...: route members, all on 127.0.0.1.
hosts() { local p; for p; do printf '{"name":"mx%s.example.org","port":%s,"addresses":["127.0.0.1"]}\n' "$p" "$p"; done | jq -sc .; }
# mail ID ADDRESS...: a mail.out to the server at $port (or $hosts) for which somebody waits (or $answer_by); $text is the mail.
mail() {
	local id to
	id=$(id_of "$1")
	shift
	to=$(printf '%s\n' "$@" | jq -R . | jq -sc 'map({address: ., notify: ["SUCCESS", "FAILURE"], orcpt: ("rfc822;" + (. | gsub("\\+"; "+2B")))})')
	jq -nc --arg id "$id" --argjson to "$to" --argjson hosts "${hosts:-$(hosts "$port")}" --arg body "$(printf "${text:-$body}x")" \
		--argjson by "${answer_by:-$((($(date +%s) + 60) * 1000))}" --arg tls "${tls:-off}" --arg engine "${ENGINE:-submit}" '
		{v: 1, id: $id, trace: $id, time: "2026-11-20T07:56:44.123Z", type: "mail.out", mail: {
			from: "alice@rcs.example.net", to: $to, ret: "HDRS", envid: "t.6ph2vzcdcupotrcr4fptgjkeet", message_id: ($id + "@rcs.example.net"),
			size: ($body | utf8bytelength - 1), body: {type: "message/rfc822", text: $body[:-1]},
			origin: {id: $id, recipients: ($to | length), transaction: "t1", answer_by: $by},
			route: {engine: $engine, domain: "example.org", hosts: $hosts, tls: $tls}}}' | jq -c "${change:-.}"
}
# copies PREFIX N: the mail $one N times, each under an id of its own.
copies() {
	awk -v prefix="$1" -v n="$2" '{ old = substr($0, index($0, "\"id\":\"") + 6, 26)
		for (i = 1; i <= n; i++) { s = $0; gsub(old, sprintf("01jc%s0%04d%s", prefix, i, substr("aaaaaaaaaaaaaaaaaaaa", 1, 17 - length(prefix))), s); print s } }' <<<"$one"
}
# send OPTION...: smtp-send on standard input; $out, $status, log in $scratch/send.log.
send() {
	out=$(smtp-send -t 5 -e "${ENGINE:-submit}" "$@" 2>"$scratch/send.log")
	status=$?
	cat "$scratch/send.log" >>"$scratch/sends.log"
}
no_sanitizer() { check "nothing from the sanitizers" sh -c "! grep -e 'Sanitizer' -e 'runtime error' '$scratch'/send*.log"; }
# "address outcome code enhanced" of every result, one a line.
results() { jq -r '.mail.results[] | "\(.address) \(.outcome) \(.code) \(.enhanced)"' <<<"$out"; }
mails() { find "$peer" -name 'mail.*[0-9]' | wc -l; }
commands() { cut -d' ' -f2- "$peer/log" 2>/dev/null; }
