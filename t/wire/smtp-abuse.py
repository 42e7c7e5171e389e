#!/usr/bin/env python3
"""smtp-listen under abuse: refused, in flat memory, others served meanwhile. Speaks TAP; ABUSE=full has the full figures, some minutes."""
import os, resource, selectors, shutil, signal, socket, subprocess, sys, tempfile, threading, time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(SOURCE, "build"))
EDGE = os.path.join(BUILD, "cmd", "smtp-listen")
FULL = os.environ.get("ABUSE") == "full"
BEYOND = 1 << 30 if FULL else 64 << 20  # octets of one mail beyond any size
IDLE = 10000 if FULL else 1000          # connections that say nothing
SLOW = 1000 if FULL else 100            # connections that say an octet now and then
GARBAGE = (100, 10 << 20) if FULL else (20, 1 << 20)
INJECTIONS = 1000 if FULL else 50
PATIENCE = 5                            # s, smtp_timeout_in
HELLO = b"EHLO a\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<+14155550101@rcs.example.net>\r\n"
count = failed = 0


def ok(good, name):
    global count, failed
    count += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", count, name), flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Edge:
    """smtp-listen on a queue."""

    def __init__(self, scratch, max_mail):
        self.port, self.dir = free_port(), tempfile.mkdtemp(prefix="edge.", dir=scratch)
        conf = self.dir + "/conf"
        with open(conf, "w") as f:
            f.write('gateway = "mailgw.ims.example.net";\nmail_domain = "rcs.example.net";\nsip_domains = [ "ims.example.net" ];\n'
                    'rate_mail = 0;\nmax_sessions = 12000;\nmax_sessions_per_peer = 12000;\nsmtp_timeout_in = %d;\nmax_mail_in = %d;\n'
                    % (PATIENCE if max_mail < 1 << 29 else 60, max_mail))
        self.log = open(self.dir + "/log", "w")
        ready, write = os.pipe()
        self.p = subprocess.Popen([EDGE, "-c", conf, "-l", "smtp:127.0.0.1:%d" % self.port, "--ready-fd", str(write), "-o",
                                   "mail.in=%s/spool/mail2cpm" % self.dir], stderr=self.log, stdin=subprocess.DEVNULL, pass_fds=(write,))
        os.close(write)
        if os.read(ready, 1) != b"\n":
            sys.exit("Bail out! smtp-listen does not start: " + open(self.dir + "/log").read()[-500:])
        os.close(ready)

    def kib(self, key):
        for line in open("/proc/%d/status" % self.p.pid):
            if line.startswith(key + ":"):
                return int(line.split()[1])

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return s

    def close(self):
        self.p.send_signal(signal.SIGTERM)
        return self.p.wait()


class Client:
    def __init__(self, edge):
        self.s = edge.connect()
        self.f = self.s.makefile("rb")

    def reply(self):
        while True:
            line = self.f.readline()
            if not line or line[3:4] == b" ":
                return line.decode("latin-1").strip()

    def say(self, octets, replies):
        self.s.sendall(octets)
        return [self.reply() for _ in range(replies)]

    def close(self):
        self.f.close()
        self.s.close()


class Others(threading.Thread):
    """Somebody else's mails, one each 20 ms: how long each took until its 250."""

    def __init__(self, edge):
        super().__init__()
        self.edge, self.took, self.bad, self.over = edge, [], 0, False

    def run(self):
        c = Client(self.edge)
        c.reply()
        c.say(b"EHLO other\r\n", 1)
        while not self.over:
            began = time.monotonic()
            n = len(self.took)
            got = c.say(b"MAIL FROM:<o@example.org>\r\nRCPT TO:<+14155550102@rcs.example.net>\r\nDATA\r\n", 3)
            got += c.say(b"Message-ID: <o%d@x>\r\nSubject: x\r\n\r\nhello\r\n.\r\n" % n, 1)
            if got[-1][:9] != "250 2.0.0":
                self.bad += 1
                c.close()
                c = Client(self.edge)
                c.reply()
                c.say(b"EHLO other\r\n", 1)
            self.took.append(time.monotonic() - began)
            time.sleep(0.02)
        c.close()

    def end(self):
        self.over = True
        self.join()
        self.took.sort()
        return len(self.took), self.took[len(self.took) // 2] * 1000, self.took[-1] * 1000


def abused(edge, name, memory, abuse, slowest=1000):
    """Run abuse() while others send; memory: KiB that the process may grow by; slowest: ms that another mail may take."""
    with open("/proc/%d/clear_refs" % edge.p.pid, "w") as f:
        f.write("5")
    before, others, began = edge.kib("VmRSS"), Others(edge), time.monotonic()
    others.start()
    abuse()
    seconds = time.monotonic() - began
    time.sleep(0.3)
    mails, median, worst = others.end()
    peak = edge.kib("VmHWM")
    ok(peak - before <= memory, "%s: memory from %d to at most %d KiB" % (name, before, peak))
    ok(others.bad == 0 and mails > 2 and worst < slowest,
       "%s: others served meanwhile (%.1f s): %d mails, median %.1f ms, slowest %.1f ms" % (name, seconds, mails, median, worst))


# ---- data beyond SIZE ----

def one_endless_mail(edge):
    """In one session, up to the dot."""
    def abuse():
        c = Client(edge)
        c.reply()
        c.say(HELLO + b"DATA\r\n", 4)
        piece = (b"x" * 998 + b"\r\n") * 256
        for _ in range(BEYOND // len(piece)):
            c.s.sendall(piece)
        answer = c.say(b"\r\n.\r\n", 1)[0]
        ok(answer.startswith("552 5.3.4"), "%d MB in one mail: %s" % (BEYOND >> 20, answer[:9]))
        ok(c.say(b"NOOP\r\n", 1)[0].startswith("250"), "the session goes on")
        c.close()
    abused(edge, "%d MB in one mail" % (BEYOND >> 20), 4096, abuse, 3000)


def endless_mails(edge):
    """A size that is promised small, or not told, and data until the server has enough of it, again and again."""
    def abuse():
        pushed = refused = sessions = 0
        piece = (b"y" * 998 + b"\r\n") * 64
        while pushed < BEYOND:
            c = Client(edge)
            c.reply()
            c.say(HELLO.replace(b"org>\r\nRCPT", b"org> SIZE=10\r\nRCPT") + b"DATA\r\n", 4)
            try:
                while True:
                    pushed += c.s.send(piece)
            except OSError:
                pass
            try:
                refused += c.reply().startswith("552 5.3.4")
            except OSError:  # reset: its last words were overtaken by our data
                refused += 1
            sessions += 1
            c.close()
        ok(refused == sessions, "%d MB pushed through %d sessions: each cut off" % (pushed >> 20, sessions))
    abused(edge, "data after data", 4096, abuse)


def endless_chunk(edge):
    def abuse():
        good = 0
        for size in (BEYOND, 1 << 62, 10 ** 30):
            c = Client(edge)
            c.reply()
            c.say(HELLO, 3)
            good += c.say(b"BDAT %d LAST\r\n" % size, 1)[0].startswith("552 5.3.4") and c.f.readline() == b""
            c.close()
        ok(good == 3, "chunks beyond all: refused before an octet of them")
    abused(edge, "a chunk without end", 1024, abuse)


# ---- crowds ----

def crowd(edge, n, first):
    """n connections, greeted; each has said first."""
    held = []
    for _ in range(n):
        s = edge.connect()
        s.sendall(first) if first else None
        held.append(s)
    return held


def drop(edge, held, n):
    """Those of held that end within n seconds; what each was told last."""
    sel, last, end = selectors.DefaultSelector(), {}, time.monotonic() + n
    for s in held:
        s.setblocking(False)
        sel.register(s, selectors.EVENT_READ)
    open_ = len(held)
    while open_ and time.monotonic() < end:
        for key, _ in sel.select(0.2):
            s = key.fileobj
            try:
                got = s.recv(65536)
            except OSError:
                got = b""
            if got:
                last[s] = (last.get(s, b"") + got)[-400:]
            else:
                sel.unregister(s)
                open_ -= 1
    for s in held:
        s.close()
    return len(held) - open_, [last.get(s, b"") for s in held]


def idle(edge):
    def abuse():
        held = crowd(edge, IDLE, b"")
        greeted = sum(s.recv(300).startswith(b"220") for s in held)
        ok(greeted == IDLE, "%d idle connections: %d greeted" % (IDLE, greeted))
        gone, last = drop(edge, held, 40)
        ok(gone == IDLE and sum(b"421 4.4.2" in t for t in last) == IDLE, "told 421 and ended when their time was over: %d" % gone)
    abused(edge, "%d idle connections" % IDLE, IDLE * 4 + 1024, abuse)


def slow(edge):
    """An octet of a command a second is no command."""
    def abuse():
        held = crowd(edge, SLOW, HELLO)
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE + 2:
            for s in held:
                try:
                    s.send(b"N")
                except OSError:
                    pass
            time.sleep(1)
        gone, last = drop(edge, held, 10)
        ok(gone == SLOW and sum(b"421 4.4.2" in t for t in last) == SLOW, "%d slow connections: all told 421 and ended" % gone)
    abused(edge, "%d slow connections" % SLOW, SLOW * 8 + 1024, abuse)


def garbage(edge):
    sessions, size = GARBAGE

    def abuse():
        ended = told = 0
        junk = b"".join(os.urandom(70).replace(b"\n", b"x") + b"\r\n" for _ in range(1000))
        for _ in range(sessions):
            c, pushed = Client(edge), 0
            try:
                while pushed < size:
                    pushed += c.s.send(junk)
            except OSError:
                pass
            try:
                text = c.f.read().decode("latin-1")
                told += text.count("\r\n500 ") == 20 and "\r\n421 4.7.0 " in text
                ended += 1
            except OSError:  # reset: its last words were overtaken by our data
                ended += 1
                told += 1
            c.close()
        ok(ended == sessions and told == sessions, "pipelined garbage in %d sessions: 20 refusals, 421, closed" % sessions)
    abused(edge, "garbage", 2048, abuse)


def injection(edge):
    def abuse():
        refused = 0
        for _ in range(INJECTIONS):
            c = Client(edge)
            c.reply()
            c.say(b"EHLO a\r\n", 1)
            c.s.sendall(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.org>\r\n")
            got = c.f.read()
            refused += got.startswith(b"503 5.5.1") and b"2.1.0" not in got and b"250" not in got
            c.close()
        ok(refused == INJECTIONS, "%d commands behind STARTTLS: refused and closed, none heard" % refused)
    abused(edge, "STARTTLS injection", 1024, abuse)


def certificate(edge):
    key, cert = edge.dir + "/key", edge.dir + "/cert"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=gw", "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    with open(edge.dir + "/conf", "a") as f:
        f.write('tls_cert = "%s";\ntls_key = "%s";\n' % (cert, key))
    edge.p.send_signal(signal.SIGHUP)
    for _ in range(100):
        c = Client(edge)
        c.reply()
        c.s.sendall(b"EHLO a\r\nQUIT\r\n")
        offered = b"STARTTLS" in c.f.read()
        c.close()
        if offered:
            return
        time.sleep(0.05)
    sys.exit("Bail out! STARTTLS is not offered")


def main():
    if b"__asan" in subprocess.run(["nm", "-D", EDGE], stdout=subprocess.PIPE).stdout:
        print("1..0 # SKIP memory of a sanitised program says nothing")
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    scratch = tempfile.mkdtemp(prefix="cpmail-abuse.")
    try:
        edge = Edge(scratch, BEYOND // 2)  # twice that is read before the session is cut off
        one_endless_mail(edge)
        edge.close()
        edge = Edge(scratch, 1 << 20)
        certificate(edge)
        endless_mails(edge)
        endless_chunk(edge)
        garbage(edge)
        injection(edge)
        slow(edge)
        idle(edge)
        ok(edge.close() == 0, "a clean end")
    finally:
        shutil.rmtree(scratch)
    print("1..%d" % count)
    sys.exit(failed > 0)


main()
