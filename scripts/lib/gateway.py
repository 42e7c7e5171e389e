"""gateway.py - a gateway of this build on free ports, without a supervisor: for scripts/bench and scripts/crash-test."""
import atexit, os, re, shutil, signal, socket, subprocess, sys, tempfile, time

TICK = os.sysconf("SC_CLK_TCK")
READY = re.compile(r"r\.\d+$|,r$")


def free_port():
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port < 60000:
                return port


def fresh(scratch, name):
    """A directory tree of its own: ext4 punishes files that are created where many were removed."""
    path = tempfile.mkdtemp(prefix=name + ".", dir=scratch)
    subprocess.run(["chattr", "+T", path], stderr=subprocess.DEVNULL)
    return path


class Programs:
    """Programs on queues, without a supervisor."""

    def __init__(self, build, scratch, conf, env=None, root=None, who=("127.0.0.1", "rcs.example.net", "ims.example.net")):
        """env: environment of the programs; root: of the spool; who: name of the gateway, domains of its mail and of its SIP users."""
        self.build, self.env = build, env
        self.dir = fresh(scratch, "gateway")
        self.root = root or os.path.join(self.dir, "spool")
        self.mail = os.path.join(self.root, "Maildir")
        self.port = free_port()
        self.processes, self.commands = {}, []
        atexit.register(self.kill)
        os.makedirs(self.root, exist_ok=True)
        key = os.path.join(self.dir, "key")
        with open(key, "wb") as f:
            f.write((who[0] + "k" * 32)[:32].encode())
        os.chmod(key, 0o600)
        self.conf = os.path.join(self.dir, "cpmail.conf")
        with open(self.conf, "w") as f:
            f.write('gateway = "%s";\nmail_domain = "%s";\nsip_domains = ("%s");\ntrusted_peers = ("127.0.0.1");\n'
                    'domain_map = (("%s", "%s"));\nmsgid_key = ("%s");\n%s' % (*who, who[2], who[1], key, conf))

    def queue(self, name):
        return os.path.join(self.root, name)

    def start(self, program, options):
        argv = [os.path.join(self.build, "cmd", program), "-c", self.conf] + options
        name = os.path.basename(program)
        with open(os.path.join(self.dir, name + ".log"), "ab") as log:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        p.began, p.ended = time.monotonic(), None
        self.commands.append((program, options))
        self.processes["%s.%d" % (name, len(self.processes))] = (name, p)

    def restart_dead(self):
        """What a supervisor does: each process that ended is started again, after a pause if it ended of itself at once. Returns the
        exit statuses seen."""
        ended, now = [], time.monotonic()
        for key, (name, p) in list(self.processes.items()):
            if p.poll() is not None:
                p.ended = p.ended or now
                if p.returncode > 0 and p.ended - p.began < 1 and now - p.ended < 0.3:
                    continue
                ended.append((name, p.returncode))
                del self.processes[key]
        for name, status in ended:
            options = [o for n, o in self.commands if n == name][0]
            self.commands.remove((name, options))
            self.start(name, options)
        return ended

    def start_again(self):
        """All programs anew, in the order of the first time."""
        commands, self.commands, self.processes = self.commands, [], {}
        for name, options in commands:
            self.start(name, options)

    def signal(self, which, *names):
        """To the programs of these names."""
        for name, p in self.processes.values():
            if name in names:
                p.send_signal(which)

    def waiting(self):
        """Files that are still on their way, in any queue. A file that is ready for the next batch is not."""
        n = 0
        for where, _, files in os.walk(self.root):
            part = where[len(self.root):].split("/")
            if len(part) > 2 and part[1] != "Maildir" and part[2] in ("new", "cur", "defer", "fail", "tmp"):
                n += len([f for f in files if f != "lock" and not READY.search(f)])
        return n

    def cpu(self):
        """CPU seconds of each program so far."""
        used = {}
        for name, p in self.processes.values():
            with open("/proc/%d/stat" % p.pid) as f:
                field = f.read().rsplit(")", 1)[1].split()
            used[name] = used.get(name, 0) + (int(field[11]) + int(field[12])) / TICK
        return used

    def peak_mb(self):
        peak = {}
        for name, p in self.processes.values():
            with open("/proc/%d/status" % p.pid) as f:
                kb = [int(line.split()[1]) for line in f if line.startswith("VmHWM")][0]
            peak[name] = max(peak.get(name, 0), kb / 1024)
        return peak

    def pss_mb(self):
        """What each program holds, shared pages counted by halves, thirds and so on."""
        used = {}
        for name, p in self.processes.values():
            with open("/proc/%d/smaps_rollup" % p.pid) as f:
                kb = [int(line.split()[1]) for line in f if line.startswith("Pss:")][0]
            used[name] = used.get(name, 0) + kb / 1024
        return used

    def kill(self):
        for _, p in self.processes.values():
            p.kill()
            p.wait()

    def end(self):
        """All programs, in order; start_again() has them back."""
        for _, p in self.processes.values():
            p.send_signal(signal.SIGTERM)
        for name, p in self.processes.values():
            try:
                p.wait(15)
            except subprocess.TimeoutExpired:
                p.kill()
                sys.exit("gateway: %s does not stop" % name)

    def close(self):
        self.end()
        shutil.rmtree(self.dir, ignore_errors=True)


class Gateway(Programs):
    """The programs of the way MESSAGE -> mail."""

    def __init__(self, build, scratch, conf="", next_hop=None, listeners=1, filter=None, env=None, root=None, **more):
        """filter: a program that is put in between sip-listen and cpm2mail."""
        super().__init__(build, scratch, "", env, root, **more)
        with open(self.conf, "a") as f:
            f.write('sip_listen = ("udp:127.0.0.1:%d", "tcp:127.0.0.1:%d");\nnext_hop_smarthost = "%s";\n%s'
                    % (self.port, self.port, next_hop or "maildir:" + self.mail, conf))
        q = self.queue
        answers = "sip.response=%s/%d" % (q("sip-listen"), listeners)
        if filter:
            self.start(filter, ["-i", q("filter"), "-o", "sip.request=" + q("cpm2mail")])
        for n in range(listeners):
            self.start("sip-listen", ["-n", str(n), "-i", q("sip-listen.%d" % n),
                                      "-o", "sip.request=" + q("filter" if filter else "cpm2mail")])
        self.start("cpm2mail", ["-i", q("cpm2mail"), "-o", "mail.out=" + q("mail-route"), "-o", "mail.out.routed=" + q("smtp-send"), "-o", answers,
                                "-o", "sip.join=" + q("report"), "-o", "sip.request=" + q("mail-route"),
                                "-o", "receipt=" + q("report"), "-o", "alias=" + q("mail2cpm"), "-o", "mail.result=" + q("report")])
        self.start("mail-route", ["-i", q("mail-route"), "-o", "mail.out=" + q("smtp-send"), "-o", answers,
                                  "-o", "mail.result=" + q("report"), "-o", "sip.request=" + q("cpm2mail")])
        self.start("smtp-send", ["-i", q("smtp-send"), "-o", "mail.result=" + q("report")])
        self.start("report", ["-i", q("report"), "-o", answers, "-o", "sip.forget=" + q("cpm2mail"),
                              "-o", "sip.send=" + q("sip-route"), "-o", "sip.send.routed=" + q("sip-send"), "-o", "mail.out=" + q("mail-route")])
        self.wait()

    def wait(self):
        ask = ("OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKb%d;rport\r\nFrom: <sip:b@x>;tag=1\r\n"
               "To: <sip:x@127.0.0.1>\r\nCall-ID: ask%d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            for i in range(100):
                for name, p in self.processes.values():
                    if p.poll() is not None:
                        sys.exit("gateway: %s ended: %s" % (name, open(os.path.join(self.dir, name + ".log")).read()[-2000:]))
                try:
                    s.sendto((ask % (s.getsockname()[1], i, i)).encode(), ("127.0.0.1", self.port))
                    if s.recv(4096).startswith(b"SIP/2.0 200"):
                        return
                except OSError:
                    time.sleep(0.05)
        sys.exit("gateway: sip-listen does not answer")

    def mails(self):
        new = os.path.join(self.mail, "new")
        return os.listdir(new) if os.path.isdir(new) else []


def mail_way(g, port):
    """The programs that only mail for CPM users needs; SMTP at the port."""
    q, result = g.queue, ["-o", "sip.result=" + g.queue("report")]
    g.start("mail2cpm", ["-i", q("mail2cpm"), "-o", "sip.send=" + q("sip-route"), "-o", "sip.send.routed=" + q("sip-send"), "-o", "receipt=" + q("report"), "-o",
                         "mail.out=" + q("mail-route"), "-o", "thread=" + q("cpm2mail")] + result)
    g.start("sip-route", ["-i", q("sip-route"), "-o", "sip.send=" + q("sip-send")] + result)
    g.start("sip-send", ["-i", q("sip-send"), "-o", "sip.send=" + q("sip-route")] + result)
    g.start("smtp-listen", ["-l", "smtp:127.0.0.1:%d" % port, "-o", "mail.in=" + q("mail2cpm")])
    wait_mail(g, port)


def wait_mail(g, port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("gateway: smtp-listen does not listen: %s" % open(os.path.join(g.dir, "smtp-listen.log")).read()[-2000:])


class WholeGateway(Gateway):
    """The programs of both directions: SIP at .port, SMTP at .mailport; messages for CPM users go to sip (a port, over UDP)."""

    def __init__(self, build, scratch, sip, next_hop, conf="", mailport=None, **more):
        self.mailport = mailport or free_port()
        super().__init__(build, scratch, 'outbound_proxy = "sip:127.0.0.1:%d";\npostmaster_target = "postmaster@example.org";\n%s'
                         % (sip, conf), next_hop, **more)
        mail_way(self, self.mailport)

    def start_again(self):
        super().start_again()
        self.wait()
        wait_mail(self, self.mailport)


class MailGateway(Programs):
    """The programs of the way mail -> MESSAGE: SMTP at .port, SIP to a user agent at sip (a port, over TCP)."""

    def __init__(self, build, scratch, sip, conf=""):
        super().__init__(build, scratch, 'outbound_proxy = "sip:127.0.0.1:%d;transport=tcp";\npostmaster_target = "postmaster@example.org";\n'
                         'rate_mail = 0;\nmax_sessions_per_peer = 1000;\n%s' % (sip, conf))
        q = self.queue
        self.start("report", ["-i", q("report"), "-o", "sip.response=" + q("sip-listen"), "-o", "sip.forget=" + q("cpm2mail"), "-o",
                              "sip.send=" + q("sip-route"), "-o", "sip.send.routed=" + q("sip-send"), "-o", "mail.out=" + q("mail-route")])
        self.start("cpm2mail", ["-i", q("cpm2mail"), "-o", "mail.out=" + q("mail-route"), "-o", "mail.out.routed=" + q("smtp-send"), "-o",
                                "sip.response=" + q("sip-listen"), "-o", "sip.join=" + q("report"), "-o", "sip.request=" + q("mail-route"),
                                "-o", "receipt=" + q("report"), "-o", "alias=" + q("mail2cpm"), "-o", "mail.result=" + q("report")])
        mail_way(self, self.port)
