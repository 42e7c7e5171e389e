#!/usr/bin/env python3
"""Whole programs killed before each of their calls that change the disk (CPMAIL_SPOOL_KILL): started again they finish, and what they hand
out is what an undisturbed run hands out, once. Speaks TAP.

smtp-send delivers by engine direct; of mails that arrive again only those are excused whose answer was not noted yet when it died.
"""
import collections, concurrent.futures, glob, itertools, json, os, shutil, signal, subprocess, sys, tempfile, time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE, "scripts", "lib"))
import gateway

BUILD = os.environ.get("BUILD", os.path.join(SOURCE, "build"))
NOW = "2026-03-05T08:30:01.000Z"
DEADLINE = 1772699411000
MAILS = 4
scratch = tempfile.mkdtemp(prefix="cpmail-programs.", dir=os.environ.get("TMPDIR", "/tmp"))
sink_log, port = os.path.join(scratch, "sink"), gateway.free_port()
count = failed = 0


def ok(good, name, more=()):
    global count, failed
    count += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", count, name))
    for line in list(more)[:20] if not good else ():
        print("# %s" % line)
    sys.stdout.flush()


# ---- what the programs get ----

def record(n, kind, member):
    ident = "01jc%022d" % n
    return {"v": 1, "id": ident, "trace": ident, "time": NOW, "type": kind, "key": "conv", "shard": 0, kind.split(".")[0]: member}


def message(n, call, text, *more):
    return record(n, "sip.request", {
        "method": "MESSAGE", "uri": "sip:bob%40example.org@mailgw.ims.example.net", "transaction": "tx%d" % n,
        "headers": [["Via", "SIP/2.0/TCP scscf.ims.example.net;branch=z9hG4bK%d" % n], ["From", "<sip:alice@ims.example.net>;tag=%s" % call],
                    ["To", "<sip:bob%40example.org@mailgw.ims.example.net>"], ["Call-ID", call], ["CSeq", "1 MESSAGE"],
                    ["P-Asserted-Identity", "<sip:alice@ims.example.net>"], ["Conversation-ID", "conv"],
                    ["Contribution-ID", call], ["Content-Type", "text/plain;charset=UTF-8"], *more],
        "peer": {"transport": "tcp", "address": "192.0.2.7", "port": 5060, "trusted": True}, "received": DEADLINE - 10000,
        "answer_by": DEADLINE, "body": {"type": "text/plain;charset=UTF-8", "text": text}})


def requests(_):
    """A message, the same again (sip.join), one that becomes a blob, one that is answered, a private one that answers a mail; in two files."""
    thread = record(6, "thread", {"contribution": "r1", "conversation": "conv", "msg_id": "r1@bob.example", "references": [], "private": True,
                                  "email_user": "bob@example.org", "at": DEADLINE - 20000})
    return [[message(1, "c1", "hello"), message(2, "c2", "x" * 70 + "\r\n" * 2 + "a long line of it\r\n" * 5000)],
            [message(3, "c1", "hello"), record(4, "sip.forget", {"key": "0" * 64}), message(5, "", "no Call-ID"), thread,
             message(7, "c7", "secret", ["Privacy", "id"], ["InReplyTo-Contribution-ID", "r1"])]]


def letters(_):
    """An alias, an answer to it, a new mail for two, its follow-up, the first of them again; in two files."""
    def letter(n, ident, *to, fields=""):
        text = "From: bob@example.org\r\nTo: %s\r\nMessage-ID: <%s>\r\n%s\r\nhello\r\n" % (to[0][0], ident, fields)
        return record(n, "mail.in", {
            "from": "bob@example.org", "to": [{"address": a, "cpm": uri} for a, uri in to], "message_id": ident, "size": len(text),
            "received": DEADLINE - 10000, "body": {"type": "message/rfc822", "text": text},
            "peer": {"protocol": "smtp", "transport": "tcp", "address": "127.0.0.1", "port": 1, "tls": False}})
    alice, carol = ("alice@rcs.example.net", "sip:alice@ims.example.net"), ("+14155550101@rcs.example.net", "tel:+14155550101")
    name = "a-bcdefghijklmnopqrstuvwxyz2"
    alias = record(1, "alias", {"name": name, "kind": "a", "uri": alice[1], "email_users": ["bob@example.org"], "conversation": "conv",
                                "contribution": "c1", "private": True, "at": DEADLINE - 20000})
    new = letter(3, "m3@bob.example", alice, carol)
    return [[alias, letter(2, "m2@bob.example", (name + "@rcs.example.net", alice[1]))],
            [new, letter(4, "m4@bob.example", alice, fields="In-Reply-To: <m3@bob.example>\r\n"), new]]


def results(_):
    """Done, refused (and so forgotten), one of two recipients, a repetition of the first; for one of them reports were asked, and come; a mail's message
    is taken and reported of, another is refused; in two files."""
    def result(n, outcome, code, recipients=1):
        return record(n, "mail.result", {
            "results": [{"address": "bob@example.org", "outcome": outcome, "code": code, "enhanced": "%d.0.0" % (code // 100)}],
            "message_id": "m%d@x" % n, "origin": {"id": "01jc%022d" % n, "transaction": "tx%d" % n, "shard": 0, "answer_by": DEADLINE,
                                                   "recipients": recipients, "key": "%064d" % n}})
    asked = result(5, "done", 250)
    asked["mail"]["origin"].update({
        "msg_id": "m5@x", "envid": "t.m5", "mail_from": "alice@rcs.example.net", "from": "sip:alice@ims.example.net",
        "uri": "sip:bob%40example.org@mailgw.ims.example.net", "conversation": "conv", "contribution": "c5",
        "reports": ["positive-delivery", "negative-delivery", "processing", "display"],
        "imdn": {"message_id": "i5", "datetime": NOW, "from": "sip:alice@ims.example.net"}})
    dsn = record(6, "receipt", {"source": "dsn", "rcpt": "alice@rcs.example.net", "message_id": "d1@x", "about": {"envid": "t.m5"},
                                "reports": [{"final": "bob@example.org", "action": "delivered", "status": "2.0.0"}]})
    mdn = record(7, "receipt", {"source": "mdn", "from": "bob@example.org", "rcpt": "alice@rcs.example.net", "message_id": "d2@x",
                                "about": {"msg_ids": ["m5@x"]}, "disposition": {"type": "displayed"}})

    def sent(n, outcome, status, enhanced):
        return record(n, "sip.result", {
            "outcome": outcome, "status": status, "reason": "R", "enhanced": enhanced, "uri": "tel:+14155550101", "tries": 1,
            "origin": {"kind": "mail", "msg_id": "p%d@x" % n, "rcpt": "+14155550101@rcs.example.net", "mail_from": "bob@example.org",
                       "imdn_id": "00%d" % n, "mdn_to": "bob@example.org", "returned": "Subject: P\r\n"}})
    failed = record(10, "receipt", {"source": "imdn", "from": "tel:+14155550101", "about": {"imdn_id": "008"}, "notification": "delivery",
                                    "status": "failed"})
    shown = record(11, "receipt", {"source": "imdn", "from": "tel:+14155550101", "about": {"imdn_id": "008"}, "notification": "display",
                                   "status": "displayed"})
    join = record(4, "sip.join", {"transaction": "again", "original": "01jc%022d" % 1, "attempt": "tx1"})
    return [[result(1, "done", 250), result(2, "permanent", 550), asked, sent(8, "done", 200, "2.0.0"), dsn],
            [result(3, "permanent", 550, 2), join, mdn, sent(9, "permanent", 404, "5.1.1"), failed, shown, dsn]]


def mails(run):
    """Four mails, each with its answer to be noted; in two files."""
    def mail(n):
        text = "From: alice@rcs.example.net\r\nMessage-ID: <m%d.%s@x>\r\n\r\ncrash test %s\r\n" % (n, run, run)
        return record(n, "mail.out", {
            "from": "alice@rcs.example.net", "to": [{"address": "bob@example.org"}], "message_id": "m%d@x" % n, "size": len(text),
            "body": {"type": "message/rfc822", "text": text}, "origin": {"id": "01jc%022d" % n, "transaction": "tx%d" % n},
            "route": {"engine": "direct", "domain": "example.org", "tls": "off",
                      "hosts": [{"name": "mx.example.org", "port": port, "addresses": ["127.0.0.1"]}]}})
    return [[mail(1), mail(2)], [mail(3), mail(4)]]


# ---- one run ----

class Run:
    def __init__(self, program, inputs, k):
        self.program, self.k, self.name = program, k, "%s.%d" % (program, k)
        self.root, self.pause = os.path.join(scratch, self.name), 0.02
        self.queue, self.log = os.path.join(self.root, program), os.path.join(scratch, self.name + ".log")
        os.mkdir(self.root)
        for batch in inputs(self.name):
            subprocess.run([os.path.join(BUILD, "cmd/spool-put"), "-m", self.queue], check=True, text=True,
                           input="".join(json.dumps(r, separators=(",", ":")) + "\n" for r in batch))

    def start(self, k=None):
        env = dict(os.environ, **({"CPMAIL_SPOOL_KILL": str(k)} if k else {}))
        with open(self.log, "ab") as log:
            return subprocess.Popen([os.path.join(BUILD, "cmd", self.program), "-c", os.path.join(scratch, "conf"), "--now", NOW,
                                     "-i", self.queue, "-o", os.path.join(self.root, "out")], env=env, stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log)

    def files(self, *where):
        return [path for w in where for path in glob.glob(os.path.join(self.root, w)) if os.path.basename(path) != "lock"]

    def drained(self):
        """Nothing waits and the slots hold at most marks of what is done, and a spare."""
        waits = self.files(self.program + "/new/*", self.program + "/defer/*")
        return not waits and all(path.endswith((",c", ",r")) for path in self.files(self.program + "/cur/*/*"))

    def finish(self, p):
        """Until it is killed (False) or has done everything and ended as it was told (True). Told before it listens to signals it is
        killed as well: the next one gets more time."""
        end = time.monotonic() + 30
        while p.poll() is None:
            if self.drained():
                time.sleep(self.pause)
                self.pause *= 2
                p.terminate()
                p.wait(30)
                break
            if time.monotonic() > end:
                p.kill()
                p.wait()
                raise RuntimeError("%s does not finish: %s" % (self.name, self.files("*/[ncdf]*/*", "*/cur/*/*")))
            time.sleep(0.004)
        if p.returncode not in (0, -signal.SIGKILL, -signal.SIGTERM):
            raise RuntimeError("%s ended with %d" % (self.name, p.returncode))
        return p.returncode == 0

    def delivered(self):
        with open(sink_log) as f:
            return collections.Counter(ident for _, ident, word in map(str.split, f) if word == self.name)

    def noted(self):
        """How many outcomes the spool knows."""
        if self.files(self.program + "/cur/*/*,c", "out/new/*"):
            return MAILS  # committed
        lines = []
        for path in self.files(self.program + "/cur/*/*,n"):
            with open(path) as f:
                lines += [line for line in f if line.endswith("\n")]
        return len(lines)

    def outputs(self):
        found = []
        for path in self.files("out/new/*", self.program + "/fail/*"):
            with open(path) as f:
                found += [self.steady(json.loads(line)) for line in f]
        return sorted(json.dumps(r, sort_keys=True) for r in found)

    def steady(self, r):
        """Without what is the run's own: the name of its blob, which must be there; words that a note does not keep."""
        body = r.get("mail", {}).get("body", {})
        if "blob" in body:
            assert self.files("blob/%s.*" % body["blob"]), "a blob without its file"
            body["blob"] = "a blob"
        for result in r.get("mail", {}).get("results", []):
            result.pop("text", None), result.pop("host", None)
        return r

    def left(self):
        """What nobody owns any more."""
        return self.files("*/tmp/*", "*/cur/*/*", "*/new/*.tmp") + [p for p in self.files("blob/*") if os.path.isfile(p)
                                                                 and not self.files("out/new/" + os.path.basename(p).split(".", 1)[1])]


def one(program, inputs, k):
    """Returns whether call k was there to die before, the outputs, what was left lying, how many mails came again."""
    run = Run(program, inputs, k)
    try:
        died = not run.finish(run.start(k))
        excused = MAILS - run.noted() if died else 0
        while died and not run.finish(run.start()):
            pass
        came = run.delivered()
        again = sum(came.values()) - len(came)
        if again > excused:
            raise RuntimeError("%s: %d mails came again, %d may" % (run.name, again, excused))
        return died, run.outputs(), run.left(), again
    finally:
        if not os.environ.get("KEEP"):
            shutil.rmtree(run.root)


def whole(program, inputs, records):
    _, expected, left, _ = one(program, inputs, 1 << 30)
    ok(len(expected) == records and not left, "%s: undisturbed, %d records" % (program, len(expected)), expected + left)
    bad, again, deaths = [], 0, 0
    step = 8
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for first in itertools.count(1, step):
            runs = [pool.submit(one, program, inputs, k) for k in range(first, first + step)]
            anybody = False
            for k, future in zip(range(first, first + step), runs):
                try:
                    died, got, left, repeated = future.result()
                except (RuntimeError, AssertionError) as e:
                    bad.append(e)
                    continue
                anybody, deaths, again = anybody or died, deaths + died, again + repeated
                if got != expected or left:
                    lost, more = collections.Counter(expected) - collections.Counter(got), collections.Counter(got) - collections.Counter(expected)
                    bad.append("call %d: missing %s, too many %s, left %s" % (k, [r[:300] for r in lost], [r[:300] for r in more], left))
            if not anybody or len(bad) > 5:
                break
    ok(not bad and deaths > 10, "%s: killed before each of %d calls: the same records, once, nothing left lying" % (program, deaths), bad)
    return again


with open(os.path.join(scratch, "key"), "wb") as f:
    f.write(b"k" * 32)
os.chmod(os.path.join(scratch, "key"), 0o600)
with open(os.path.join(scratch, "conf"), "w") as f:
    f.write('gateway = "mailgw.ims.example.net";\nmail_domain = "rcs.example.net";\nsip_domains = ("mailgw.ims.example.net");\n'
            'domain_map = (("ims.example.net", "rcs.example.net"));\nmsgid_key = ("%s/key");\n' % scratch)
open(sink_log, "w").close()
sink = subprocess.Popen([sys.executable, os.path.join(SOURCE, "scripts/lib/smtp_sink.py"), str(port), sink_log])
try:
    whole("cpm2mail", requests, 7)
    whole("mail2cpm", letters, 8)
    whole("report", results, 11)
    again = whole("smtp-send", mails, 4)
    print("# smtp-send: %d mails came again that were not noted" % again)
finally:
    sink.kill()
    sink.wait()
    if os.environ.get("KEEP"):
        print("# kept: %s" % scratch)
    else:
        shutil.rmtree(scratch, ignore_errors=True)
print("1..%d" % count)
sys.exit(1 if failed else 0)
