"""Where the CPU of a message goes: microseconds in each program, and for what, by sampling with perf. Run by name only (`scripts/bench cost mail_cost`)."""
import collections, os, re, signal, subprocess, time
from gateway import Gateway, MailGateway, free_port
from peers import Sink, UserAgent, smtp_source, there

SYSTEM_CALLS = (  # what the kernel did for us, by the entry of the system call
    ("fsync", ("fsync", "fdatasync", "syncfs", "sync_file_range")),
    ("sockets", ("sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "writev", "connect", "accept4", "setsockopt")),
    ("waiting", ("epoll_wait", "epoll_pwait", "epoll_ctl", "poll", "ppoll", "select", "pselect6", "futex", "nanosleep", "clock_nanosleep")),
)
LIBRARIES = (("JSON", "libjansson"), ("SIP", "libosip"), ("MIME", "libgmime"), ("MIME", "libglib"), ("MIME", "libgobject"), ("state", "libsqlite"),
             ("digests", "libcrypto"), ("waiting", "libevent"), ("DNS", "libcares"))
SUBJECTS = {"record": "JSON", "spool": "spool", "frame": "frame", "sip": "SIP", "sip-listen": "SIP", "cpim": "MIME", "mail": "MIME", "map": "mapping",
            "smtp": "SMTP", "smtp-send": "SMTP", "smtp-listen": "SMTP", "server": "SMTP", "net": "sockets", "sip-send": "SIP", "sip-route": "DNS", "mail2cpm": "mapping", "dns": "DNS", "cpm2mail": "mapping", "report": "mapping", "mail-route": "DNS"}
COLUMNS = ("JSON", "fsync", "spool", "files", "SIP", "MIME", "mapping", "SMTP", "sockets", "waiting", "state", "DNS", "digests", "frame", "other")


def own_functions(program):
    """Function -> the folder its source is in, from the debug information."""
    where = {}
    out = subprocess.run(["nm", "-l", "--defined-only", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    for line in out.splitlines():
        found = re.match(r"\S+ [tT] (\S+)\t.*/(?:lib|cmd)/([^/]+)/", line)
        if found:
            where[found[1].split(".")[0]] = found[2]
    return where


def purpose(frames, own):
    """What a sample was for; frames from the innermost out: (function, file it is in)."""
    for name, _ in frames:
        call = re.match(r"__(?:x64|arm64|se)_sys_(\w+)", name)
        if call:
            return next((what for what, calls in SYSTEM_CALLS if call[1] in calls), "files")
    for name, place in frames:
        place = os.path.basename(place)
        for what, library in LIBRARIES:
            if place.startswith(library):
                return what
        folder = own.get(name.split(".")[0])
        if folder in SUBJECTS:
            return SUBJECTS[folder]
    return "other"


def shares(data, own):
    """{program: {what: share}} of all samples."""
    text = subprocess.run(["perf", "script", "-i", data, "-F", "comm,ip,sym,dso"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, errors="replace").stdout
    counts = collections.defaultdict(collections.Counter)
    for sample in text.split("\n\n"):
        lines = sample.strip("\n").split("\n")
        frames = [f.groups() for f in (re.match(r"\s+[0-9a-f]+ (.+?)(?:\+0x[0-9a-f]+)? \((.*)\)$", line) for line in lines[1:]) if f]
        name = lines[0].strip()
        program = next((p for p in own if p.startswith(name) or name.startswith(p[:15])), None)
        if program and frames:
            counts[program][purpose(frames, own[program])] += 1
    return {p: {what: n / sum(c.values()) for what, n in c.items()} for p, c in counts.items()}, sum(sum(c.values()) for c in counts.values())


def table(bench, us, share):
    columns = [c for c in COLUMNS if any(c in s for s in share.values())]
    bench.say("%-12s %7s" % ("us a message", "all") + "".join(" %8s" % c for c in columns))
    total = collections.Counter()
    for program in us:
        part = {c: share.get(program, {}).get(c, 0) * us[program] for c in columns}
        total.update(part)
        bench.say("%-12s %7.1f" % (program, us[program]) + "".join(" %8.1f" % part[c] for c in columns))
        key = program.replace("-", "_")
        bench.figures["cost_%s_us" % key] = {c: round(v, 1) for c, v in part.items()}
    bench.say("%-12s %7.1f" % ("sum", sum(us.values())) + "".join(" %8.1f" % total[c] for c in columns))


def sampled(bench, g, programs, load):
    """The table of the programs while load(n), for n = 0, 1, 2, sends a number of messages, which it returns."""
    own = {name: own_functions(bench.program(name)) for name in programs}
    data = os.path.join(bench.scratch, "perf.data")
    load(0)
    before = g.cpu()
    bench.progress("cost: without perf")
    count = load(1)
    us = {name: (after - before[name]) / count * 1e6 for name, after in g.cpu().items() if name in programs}
    bench.progress("cost: sampled")
    perf = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "997", "--call-graph", "dwarf,8192", "-o", data,
                             "-p", ",".join(str(p.pid) for _, p in g.processes.values())], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    load(2)
    perf.send_signal(signal.SIGINT)
    perf.wait()
    bench.progress("cost: samples are read")
    share, samples = shares(data, own)
    bench.say("CPU of one message in each program and what it was for (%d samples)" % samples)
    table(bench, us, share)


def measure(bench):
    if not there("perf", "smtp-sink", "nm"):
        bench.say("cost: needs perf and smtp-sink; left out")
        return
    count = 3000 if bench.quick else 12000
    sink = free_port()
    g = Gateway(bench.build, bench.scratch, next_hop="127.0.0.1:%d" % sink)

    def load(n):
        bench.load(g.port, count if n else 1000)
        return count

    with Sink(sink):
        sampled(bench, g, ("sip-listen", "cpm2mail", "mail-route", "smtp-send", "report"), load)
    g.close()


def measure_mail(bench):
    """The same of a mail on its way to a user agent."""
    if not there("perf", "smtp-source", "nm"):
        bench.say("mail_cost: needs perf and smtp-source; left out")
        return
    count = 3000 if bench.quick else 12000
    uas = UserAgent(bench.build)
    g = MailGateway(bench.build, bench.scratch, uas.port)

    def load(n):
        had = uas.answered()
        smtp_source(g.port, count if n else 1000, 1000, 100, "bob%d@example.org" % n, "alice@rcs.example.net", True)
        uas.wait(had + (count if n else 1000))
        return count

    sampled(bench, g, ("smtp-listen", "mail2cpm", "sip-route", "sip-send", "report", "cpm2mail"), load)
    g.close()
    uas.close()
