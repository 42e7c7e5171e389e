#!/bin/bash
# trace: the ladder in a terminal, and the page with its chart, as a browser sees it.
. "$(dirname "$0")/../lib/wire.sh"
root=$scratch/spool
mkdir -p "$root/log/all"
cat >"$root/log/all/current" <<'END'
2026-11-20T12:40:39.100Z level=info prog=sip-listen trace=tt event=accepted callid=c@h peer=192.0.2.17 transport=udp
2026-11-20T12:40:39.105Z level=info prog=mail-route trace=tt event=routed id=x domain=example.org host=mx1.example.org
2026-11-20T12:40:39.105Z level=info prog=cpm2mail trace=tt event=mapped id=tt callid=c@h mid="<m@gw>" rcpt=1 size=516
2026-11-20T12:40:39.309Z level=info prog=smtp-send trace=tt event=sent to=bob@example.org outcome=queued code=451 enhanced=4.7.1 host=mx1.example.org
2026-11-20T12:40:39.309Z level=info prog=smtp-send trace=tt event=deferred id=x code=4.7.1 why="<script>alert(1)</script> \x1b[2J later"
2026-11-20T12:40:39.314Z level=info prog=report trace=tt event=answered status=202 reason=Accepted
2026-11-20T12:40:39.317Z level=info prog=sip-listen trace=tt event=answered status=202 by=record
2026-11-20T12:41:39.909Z level=info prog=smtp-send trace=tt event=sent to=bob@example.org outcome=permanent code=550 enhanced=5.1.1 host=mx1.example.org
2026-11-20T12:41:39.914Z level=info prog=report trace=tt event=late answered=202 to=bob@example.org outcome=permanent
END
trace -r "$root" c@h >"$scratch/out"; same "status" 0 $?
rows() { sed -n '/^12:4.* | *\|^12:4.*|/p' "$scratch/out" | grep -F '|'; }
same "a row for each step" 13 "$(rows | wc -l)"
check "what became of it" grep -qx 'answered 202, refused for 1, 60 s' "$scratch/out"
check "the message comes in" grep -qE '^12:40:39.100 +\+0 \|-+ MESSAGE -+>\|( +\|){5}$' "$scratch/out"
check "a record passes a lane" grep -qE '\|  +\|-+ sip.request -+>\|' "$scratch/out"
check "of the same time: in the order of the way" awk '/sip.request/ { a = NR } /mail.out/ && !b { b = NR } END { exit !(a && a < b) }' "$scratch/out"
check "an answer goes back" grep -qE '\|<-+ mail.result -+\|' "$scratch/out"
check "the mail host says no" grep -qE '\|<-+ 550 5.1.1 -+\|$' "$scratch/out"
check "what waits is noted" grep -qE '\* tried again later: ' "$scratch/out"
same "bars stand below each other" 1 "$(rows | grep -v '\*' | awk '{ print length($0) }' | sort -u | wc -l)"
check "in a UTF-8 terminal with lines" grep -q '│── MESSAGE ───▶│' <(LC_ALL=C.UTF-8 trace -r "$root" c@h)
same "-l: no ladder" 0 "$(trace -l -r "$root" c@h | grep -cF '|')"
same "a journal from standard input" "$(trace -l -r "$root" c@h)" "$(trace -l -r "$scratch" c@h - <"$root/log/all/current" 2>/dev/null)"

page=$scratch/page.html
trace -r "$root" -H "$page" c@h; same "--html" 0 $?
same "--html -: the same page" "" "$(trace -r "$root" --html - c@h | cmp - "$page" 2>&1)"
python3 - "$page" >"$scratch/page" <<'END'
import html.parser, re, sys
class Page(html.parser.HTMLParser):
    void = {"meta", "br", "rect", "line", "circle", "path"}
    def __init__(self):
        super().__init__()
        self.open, self.bad, self.labels, self.boxes = [], [], [], 0
    def handle_starttag(self, tag, attrs):
        if tag in ("script", "img", "link", "iframe", "object") or any(k in ("src", "href") or k.startswith("on") for k, v in attrs):
            self.bad.append(tag)
        if tag not in self.void:
            self.open.append((tag, dict(attrs).get("class", "") or ""))
    def handle_startendtag(self, tag, attrs):
        self.boxes += tag == "rect" and ("class", "box") in attrs
    def handle_endtag(self, tag):
        if not self.open or self.open.pop()[0] != tag:
            self.bad.append("/" + tag)
    def handle_data(self, data):
        if self.open and self.open[-1][0] == "text" and "label" in self.open[-1][1]:
            self.labels.append(data)
page = Page()
text = open(sys.argv[1], encoding="utf-8").read()
page.feed(text)
print("bad", page.bad + [t for t, c in page.open])
print("boxes", page.boxes)
print("labels", len(page.labels), page.labels[0], page.labels[-1])
print("outside", re.findall(r"https?://|url\(|@import|\x1b", text))
END
same "it is sound, and nothing in it runs" "bad []" "$(grep ^bad "$scratch/page")"
same "a box for each that takes part" "boxes 7" "$(grep ^boxes "$scratch/page")"
same "a label for each step" "labels 13 MESSAGE mail.result" "$(grep ^labels "$scratch/page")"
same "nothing comes from outside" "outside []" "$(grep ^outside "$scratch/page")"
check "the words of others are words" grep -q '&lt;script&gt;alert(1)&lt;/script&gt;' "$page"
same "an unknown id makes no page" "100 no" "$(trace -r "$root" -H "$scratch/none" nobody@x 2>/dev/null; echo "$? $([ -e "$scratch/none" ] && echo yes || echo no)")"
same "a page that cannot be written" 111 "$(trace -r "$root" -H /dev/full c@h 2>/dev/null; echo $?)"
if command -v chromium >/dev/null; then
	chrome() { timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/chrome" "$@" "file://$page" 2>"$scratch/chrome.log"; }
	check "a browser draws it" chrome --screenshot="$scratch/page.png" --window-size=1400,1000
	size=$(stat -c %s "$scratch/page.png" 2>/dev/null)
	check "with something on it (${size:-0} octets)" [ "${size:-0}" -gt 30000 ]
	chrome --dump-dom >"$scratch/dom"
	check "and understands the chart" grep -q '<svg role="img"' "$scratch/dom"
else
	pass "a browser draws it # SKIP chromium is not installed"
fi
finish
