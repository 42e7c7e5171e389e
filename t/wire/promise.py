#!/usr/bin/env python3
"""A 2xx is a promise: whatever sip-listen has shown to the next program is flushed before the answer leaves, even if that comes at once. Speaks TAP."""
import atexit, os, re, shutil, socket, subprocess, sys, tempfile, time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(SOURCE, "scripts", "lib"), os.path.join(SOURCE, "t", "lib")]
from gateway import Programs
from world import Tap, until

BUILD = os.environ.get("BUILD", os.path.join(SOURCE, "build"))
MESSAGES = 40
MESSAGE = ("MESSAGE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d;rport\r\nMax-Forwards: 66\r\n"
           "From: <sip:alice@ims.example.net>;tag=1\r\nTo: <sip:bob@example.org>\r\nCall-ID: promise%d\r\nCSeq: 1 MESSAGE\r\n"
           "P-Asserted-Identity: <sip:alice@ims.example.net>\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi")
ANSWER = '{"v":1,"id":"%s","type":"sip.response","time":"2026-01-01T00:00:00.000Z","trace":"%s","sip":{"transaction":"%s","status":200}}\n'


class Edge(Programs):
    """sip-listen alone, each of its calls written down (by a strace that is not its parent); this test is the program behind it."""

    def __init__(self, scratch):
        super().__init__(BUILD, scratch, "")
        with open(self.conf, "a") as f:
            f.write('sip_listen = ("udp:127.0.0.1:%d");\n' % self.port)
        self.calls = os.path.join(self.dir, "calls")
        listen = [os.path.join(BUILD, "cmd", "sip-listen"), "-c", self.conf, "-i", self.queue("answers"), "-o", "sip.request=" + self.queue("requests")]
        # (a leak cannot be looked for by a process that is traced)
        env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
        strace = ["strace", "-D", "-qq", "-o", self.calls, "-e", "trace=renameat2,fdatasync,fsync,sendmmsg,sendto,sendmsg"]
        p = subprocess.Popen(strace + listen, stdin=subprocess.DEVNULL, stderr=open(os.path.join(self.dir, "log"), "w"), env=env)
        p.began = p.ended = None
        self.processes["sip-listen"] = ("sip-listen", p)

    def answer(self, seconds):
        """The next request is answered as fast as can be. Returns its file's name."""
        new, end = self.queue("requests/new"), time.monotonic() + seconds
        while time.monotonic() < end:
            for name in os.listdir(new):
                with open(os.path.join(new, name)) as f:
                    text = f.read()
                ident, transaction = re.search(r'"id":"(\w+)"', text)[1], re.search(r'"transaction":"([^"]+)"', text)[1]
                batch = re.sub(r"r$", "", name)
                with open(self.queue("answers/tmp/x"), "w") as f:
                    f.write(ANSWER % (ident, ident, transaction))
                os.rename(self.queue("answers/tmp/x"), self.queue("answers/new/" + batch))
                os.unlink(os.path.join(new, name))
                return name
        return None


def told(calls):
    """Of a log of calls: (answers that left while something shown was not yet flushed, batches that were shown before their flush)."""
    early = shown = 0
    pending = False
    for line in calls:
        if line.startswith("renameat2") and re.search(r'"[^"]+\.1r", RENAME_NOREPLACE', line):
            pending, shown = True, shown + 1
        elif line.startswith("fdatasync"):
            pending = False
        elif line.startswith("send") and "SIP/2.0 200" in line:
            early += pending
            pending = False
    return early, shown


def main():
    t = Tap()
    if not shutil.which("strace") or subprocess.run(["strace", "-D", "-qq", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL).returncode:
        print("1..0 # SKIP strace cannot be used")
        return 0
    scratch = tempfile.mkdtemp(prefix="promise.")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    kind = subprocess.run(["stat", "-f", "-c", "%T", scratch], capture_output=True, text=True).stdout.strip()
    if kind not in ("ext2/ext3", "xfs"):
        print("1..0 # SKIP a spool on %s never uses the ready form" % kind)
        return 0
    edge = Edge(scratch)
    t.ok(until(20, lambda: os.path.isdir(edge.queue("requests/new")) and os.path.isdir(edge.queue("answers/new"))), "sip-listen starts")
    phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    phone.bind(("127.0.0.1", 0))
    phone.settimeout(0.5)
    answered = fast = 0
    for n in range(MESSAGES):
        text = (MESSAGE % (phone.getsockname()[1], n, n)).encode()
        for _ in range(20 if n == 0 else 1): # it may not listen yet
            phone.sendto(text, ("127.0.0.1", edge.port))
            name = edge.answer(0.5)
            if name:
                break
        fast += bool(name and name.endswith("r"))
        try:
            answered += phone.recv(4096).startswith(b"SIP/2.0 200")
        except socket.timeout:
            pass
        time.sleep(0.02)
    edge.end()
    t.same("it ends well", 0, edge.processes["sip-listen"][1].returncode)
    with open(edge.calls) as f:
        early, shown = told(f)
    t.same("each message has its answer", MESSAGES, answered)
    t.ok(fast >= MESSAGES // 2 and shown == fast, "most came in the ready form", "%d, %d seen" % (fast, shown))
    t.same("no answer left before the flush", 0, early)
    return t.finish()


sys.exit(main())
