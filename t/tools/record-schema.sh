#!/bin/bash
# The schema of the record: it takes what it should, and each kind of fault is found.
. "$(dirname "$0")/../lib/wire.sh"
need jq python3
python3 -c 'import jsonschema' 2>/dev/null || skip_all "python3-jsonschema is not installed"
checker=$SOURCE/t/lib/check-records

cat >"$scratch/good" <<'END'
{"v":1,"id":"01jc0000000000000000000000","trace":"01jc0000000000000000000000","time":"2026-11-20T07:56:44.123Z","type":"sip.request","key":"a|b","shard":0,"sip":{"method":"MESSAGE","uri":"sip:bob%40example.org@gw.example.net","headers":[["From","\"A\" <sip:a@b.example>;tag=1"],["X","?","/w=="]],"transaction":"z9hG4bK1|h|MESSAGE","peer":{"transport":"udp","address":"127.0.0.1","port":5070,"trusted":true,"name":"proxy"},"received":1795000000000,"answer_by":1795000010000,"from":{"uri":"sip:a@b.example","display":"A"},"body":{"type":"text/plain","text":"hi"}}}
{"v":1,"id":"01jc0000000000000000000001","trace":"01jc0000000000000000000000","time":"2026-11-20T07:56:44.123Z","type":"sip.response","shard":0,"sip":{"transaction":"t","status":202,"reason":"Accepted","headers":[]}}
{"v":1,"id":"01jc0000000000000000000002","trace":"01jc0000000000000000000000","time":"2026-11-20T07:56:44.123Z","type":"mail.out","mail":{"from":"a@gw.example.net","to":[{"address":"bob@example.org","notify":["SUCCESS","FAILURE"],"orcpt":"rfc822;bob@example.org"}],"ret":"HDRS","envid":"t.abc","by":{"seconds":86400,"mode":"N","at":1795000000000},"smtputf8":false,"eightbit":false,"message_id":"m.1@gw.example.net","size":70000,"body":{"type":"message/rfc822","blob":"01jc0000000000000000000002","size":70000},"origin":{"id":"01jc0000000000000000000000","transaction":"t","recipients":1},"route":{"engine":"submit","domain":"example.org","hosts":[{"name":"mx.example.org","port":25,"addresses":["192.0.2.1","2001:db8::1"]}],"tls":"opportunistic"}}}
{"v":1,"id":"01jc0000000000000000000003","trace":"01jc0000000000000000000000","time":"2026-11-20T07:56:44.123Z","type":"mail.result","mail":{"results":[{"address":"bob@example.org","outcome":"done","code":250,"enhanced":"2.0.0","text":"ok","host":"mx.example.org"}],"message_id":"m.1@gw.example.net","origin":{"id":"01jc0000000000000000000000"},"duplicate_possible":false}}
{"v":1,"id":"01jc0000000000000000000004","trace":"01jc0000000000000000000000","time":"2026-11-20T07:56:44.123Z","type":"sip.join","sip":{"transaction":"t2","original":"01jc0000000000000000000000"}}
{"v":1,"id":"01jc0000000000000000000005","trace":"01jc0000000000000000000000","time":"2026-11-20T07:56:44.123Z","type":"sip.forget","sip":{"key":"k"}}
END
check "good records of every type are taken" "$checker" "$scratch/good"

# bad NAME TYPE CHANGE: a good record of a type, changed by a jq expression, is refused.
bad() {
	jq -c "select(.type == \"$2\") | $3" "$scratch/good" >"$scratch/bad"
	if [ -s "$scratch/bad" ] && ! "$checker" "$scratch/bad" >"$scratch/out"; then pass "$1"; else fail "$1"; diag "$scratch/bad"; fi
}
bad "a higher version" sip.request '.v = 2'
bad "an id of another form" sip.request '.id = "x"'
bad "no trace" sip.request 'del(.trace)'
bad "a time without milliseconds" sip.request '.time = "2026-11-20T07:56:44Z"'
bad "an unknown type" sip.request '.type = "sip.reqest"'
bad "an unknown envelope member" sip.request '.conversation = "x"'
bad "the member of another type" sip.request '.mail = {}'
bad "no member" sip.request 'del(.sip)'
bad "a null" sip.request '.sip.from.display = null'
bad "a float" sip.request '.sip.received = 1.5'
bad "a NUL in a string" sip.request '.sip.uri = "a\u0000b"'
bad "a line end in a header" sip.request '.sip.headers[0][1] = "a\r\nX: y"'
bad "a header of four" sip.request '.sip.headers[0] = ["a","b","","x"]'
bad "a body in two forms" sip.request '.sip.body.base64 = "AAAA"'
bad "a blob without size" mail.out 'del(.mail.body.size)'
bad "a port that is none" sip.request '.sip.peer.port = 70000'
bad "a transport that is none" sip.request '.sip.peer.transport = "sctp"'
bad "a status that is none" sip.response '.sip.status = 42'
bad "a line end in a reason" sip.response '.sip.reason = "x\ny"'
bad "nobody to send to" mail.out '.mail.to = []'
bad "NEVER with others" mail.out '.mail.to[0].notify = ["NEVER","FAILURE"]'
bad "an address with a line end" mail.out '.mail.to[0].address = "a@b\n.example"'
bad "an address with an angle" mail.out '.mail.from = "a<b@x.example"'
bad "ORCPT that is no xtext" mail.out '.mail.to[0].orcpt = "rfc822;a b@x"'
bad "a Message-ID in angles" mail.out '.mail.message_id = "<a@b>"'
bad "a body that is no mail" mail.out '.mail.body.type = "text/plain"'
bad "a way without hosts" mail.out 'del(.mail.route.hosts)'
bad "an outcome that is none" mail.result '.mail.results[0].outcome = "lost"'
bad "an enhanced code that is none" mail.result '.mail.results[0].enhanced = "7.0.0"'
bad "a join without original" sip.join 'del(.sip.original)'
bad "a forget without key" sip.forget 'del(.sip.key)'

printf '%s\n' '{"v":1,"v":1}' >"$scratch/bad"
check "a member that stands twice" bash -c "! '$checker' '$scratch/bad'"
head -c -1 "$scratch/good" >"$scratch/bad"
check "a last line without end" bash -c "! '$checker' '$scratch/bad'"
finish
