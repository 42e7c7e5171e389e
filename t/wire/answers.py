#!/usr/bin/env python3
"""The whole way, on queues: what a mail server says becomes the answer of the SIP sender (tables 5.1, 1.2, 1.4). Speaks TAP."""
import glob, os, re, shutil, socket, subprocess, sys, tempfile, threading, time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE, "scripts", "lib"))
import gateway

BUILD = os.environ.get("BUILD", os.path.join(SOURCE, "build"))
count = failed = 0


def ok(good, name, more=""):
    global count, failed
    count += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", count, name))
    if not good and more:
        print("\n".join("# " + line for line in str(more).splitlines()[:20]))
    sys.stdout.flush()


class Phone:
    """A UDP user agent client that can repeat, and counts answers."""

    def __init__(self, port):
        self.port, self.s = port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("127.0.0.1", 0))
        self.n = 0

    def request(self, ident=None, branch=None, to="bob@example.org", body="hello", headers="", kind="text/plain"):
        self.n += 1
        ident = ident or "p%d-%d" % (os.getpid(), self.n)
        body = body.replace("\n", "\r\n")
        return ident, ("MESSAGE sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s;rport\r\nMax-Forwards: 66\r\n"
                       "From: <sip:alice@ims.example.net>;tag=%s\r\nTo: <sip:%s>\r\nCall-ID: %s\r\nCSeq: 1 MESSAGE\r\n"
                       "P-Asserted-Identity: <sip:alice@ims.example.net>\r\n%sContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                       % (to, self.s.getsockname()[1], branch or ident, ident, to, ident, headers, kind, len(body.encode()), body)).encode()

    def receive(self, ident, seconds, final=True):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.s.settimeout(max(0.01, end - time.monotonic()))
            try:
                answer = self.s.recv(65536).decode()
            except socket.timeout:
                return None
            status = int(answer.split(" ")[1])
            if "Call-ID: %s\r\n" % ident in answer and (not final or status >= 200):
                return answer
        return None

    def ask(self, seconds=15, **how):
        ident, text = self.request(**how)
        self.s.sendto(text, ("127.0.0.1", self.port))
        return self.receive(ident, seconds)


def status(answer):
    return int(answer.split(" ")[1]) if answer else None


class Server:
    """The scripted mail server, with rules."""

    def __init__(self, scratch, *rules):
        self.dir = tempfile.mkdtemp(prefix="peer.", dir=scratch)
        self.p = subprocess.Popen([sys.executable, os.path.join(SOURCE, "t", "lib", "smtp-peer.py"), self.dir] + list(rules),
                                  stdout=subprocess.DEVNULL)
        while not os.path.exists(self.dir + "/port"):
            time.sleep(0.02)
        self.port = int(open(self.dir + "/port").read())

    def mails(self):
        return [p for p in glob.glob(self.dir + "/mail.*") if not p.endswith(".env")]

    def close(self):
        self.p.kill()
        self.p.wait()


# what the server says to which command -> status of the MESSAGE, header that comes with it
VERDICTS = (
    ("rcpt=550 5.1.1 no such user", 404, None),
    ("rcpt=551 5.1.6 moved", 410, None),
    ("rcpt=552 5.2.2 full", 480, None),
    ("dot=552 5.3.4 too large", 413, None),
    ("dot=554 5.6.0 content", 415, None),
    ("dot=554 5.7.1 spam", 403, None),
    ("rcpt=451 4.7.1 greylisted", 480, "Retry-After: 300"),
    ("mail=451 4.3.0 later", 480, None),
    ("greeting=554 5.3.2 go away", 480, None),
    ("mail=503 5.5.1 sequence", 500, None),
    ("data=drop", 480, None),
)


def verdicts(scratch):
    for rule, want, header in VERDICTS:
        server = Server(scratch, rule)
        g = gateway.Gateway(BUILD, scratch, next_hop="127.0.0.1:%d" % server.port, conf='tls_mode = "off";\n')
        answer = Phone(g.port).ask()
        good = status(answer) == want and (not header or header in answer)
        ok(good, "%s -> %d%s" % (rule, want, " " + header if header else ""), answer)
        ok(not re.search("no such user|greylisted|go away", answer or ""), "the remote text goes nowhere", answer)
        g.close()
        server.close()


def several(scratch):
    server = Server(scratch, "rcpt:carol@example.org=550 5.1.1 no such user")
    g = gateway.Gateway(BUILD, scratch, next_hop="127.0.0.1:%d" % server.port, conf='tls_mode = "off";\n')
    phone = Phone(g.port)
    body = ("--b7\nContent-Type: text/plain;charset=UTF-8\n\nto both\n--b7\nContent-Type: application/resource-lists+xml\n"
            "Content-Disposition: recipient-list\n\n<?xml version=\"1.0\"?><resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\" "
            "xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\"><list><entry uri=\"sip:%s@example.org\" cp:copyControl=\"to\"/>"
            "<entry uri=\"sip:carol@example.org\" cp:copyControl=\"cc\"/></list></resource-lists>\n--b7--\n")
    how = dict(kind="multipart/mixed;boundary=b7", headers="Require: recipient-list-message\r\n")
    ok(status(phone.ask(body=body % "bob", **how)) == 202, "one of two recipients is enough")
    ok(len(server.mails()) == 1, "one mail")
    ok(status(phone.ask(body=body % "carol", **how)) == 404, "all refused: the error")
    g.close()
    server.close()


def repetitions(scratch):
    g = gateway.Gateway(BUILD, scratch)
    phone = Phone(g.port)
    ident, text = phone.request(body="only once")
    for _ in range(5):
        phone.s.sendto(text, ("127.0.0.1", g.port))
    answers = [phone.receive(ident, 5) for _ in range(1)]
    phone.s.sendto(text, ("127.0.0.1", g.port))
    answers.append(phone.receive(ident, 5))
    ok([status(a) for a in answers] == [202, 202], "each repetition gets the answer", answers)
    ok(len(g.mails()) == 1, "and there is one mail", g.mails())
    for name, p in g.processes.values():
        p.kill()
        p.wait()
    g.restart_dead()
    g.wait()
    phone.s.sendto(text, ("127.0.0.1", g.port))
    ok(status(phone.receive(ident, 15)) == 202, "after a restart of everything the same answer")
    _, again = phone.request(ident=ident, branch="other" + ident, body="only once")
    phone.s.sendto(again, ("127.0.0.1", g.port))
    ok(status(phone.receive(ident, 15)) in (202, 482), "a new transaction of the same request")
    time.sleep(0.5)
    ok(len(g.mails()) == 1, "still one mail", g.mails())
    g.close()


def storms(scratch):
    g = gateway.Gateway(BUILD, scratch)
    phone = Phone(g.port)
    same = [status(phone.ask(body="I am on holiday.")) for _ in range(5)]
    ok(same == [202] * 5, "the same text five times is let through", same)
    answer = phone.ask(body="I am on holiday.")
    ok(status(answer) == 480 and "Retry-After: 600" in answer, "the sixth within ten minutes is not", answer)
    ok(status(phone.ask(body="I am back.")) == 202, "another text is")
    ok(status(phone.ask(body="I am on holiday.", to="carol@example.org")) == 202, "so is the same to somebody else")
    ok(len(g.mails()) == 7, "seven mails", g.mails())
    parts = "--b\nContent-Type: text/html\n\n<p>Out of <b>office</b></p>\n--b--\n"
    same = [status(phone.ask(body=parts, kind="multipart/mixed;boundary=b")) for _ in range(6)]
    ok(same == [202] * 5 + [480], "HTML in parts is looked at like text", same)
    large = [status(phone.ask(body="%d%s" % (n, "x" * 40000))) for n in range(7)]
    ok(large == [202] * 7, "texts of equal length are not equal texts", large)
    g.close()


def deadline(scratch):
    server = Server(scratch, "dot=hang")
    g = gateway.Gateway(BUILD, scratch, next_hop="127.0.0.1:%d" % server.port,
                        conf='tls_mode = "off";\nanswer_deadline_message = 4;\n')
    phone = Phone(g.port)
    ident, text = phone.request()
    began = time.monotonic()
    phone.s.sendto(text, ("127.0.0.1", g.port))
    first = phone.receive(ident, 6, final=False)
    trying = time.monotonic() - began
    ok(status(first) == 100 and 3.3 < trying < 3.9, "100 after 3.5 s (%.2f s)" % trying, first)
    final = phone.receive(ident, 6)
    took = time.monotonic() - began
    ok(status(final) == 202 and 3.9 < took < 4.6, "202 at the deadline (%.2f s)" % took, final)
    g.kill()
    server.close()


scratch = tempfile.mkdtemp(prefix="cpmail-answers.")
try:
    for part in (verdicts, several, repetitions, storms, deadline):
        part(scratch)
finally:
    logs = "".join(open(p, errors="replace").read() for p in glob.glob(scratch + "/gateway.*/*.log"))
    ok("Sanitizer" not in logs and "runtime error" not in logs, "nothing from the sanitizers")
    shutil.rmtree(scratch, ignore_errors=True)
print("1..%d" % count)
sys.exit(failed != 0)
