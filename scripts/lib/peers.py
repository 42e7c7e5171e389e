"""peers - the programs beside which the gateway is measured: an SMTP sink, Postfix, Kamailio. Each on ports and in a directory of its own."""
import atexit, json, os, pwd, shutil, signal, socket, subprocess, sys, time
from gateway import TICK, fresh, free_port

ENV = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def there(*programs):
    """Are all of them on this machine?"""
    return all(shutil.which(p, path=ENV["PATH"]) for p in programs)


def wait_tcp(port, process, name):
    """Until something listens there; the end if its process ends before."""
    for _ in range(400):
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            if process.poll() is not None:
                sys.exit("bench: %s ended with %d" % (name, process.returncode))
            time.sleep(0.05)
    sys.exit("bench: %s does not listen" % name)


def stat(pid):
    """(parent, CPU seconds of the process, of its children that ended); None if it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            field = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(field[1]), (int(field[11]) + int(field[12])) / TICK, (int(field[13]) + int(field[14])) / TICK


def tree_cpu(root):
    """CPU seconds of a process, of all below it, and of those of them that ended."""
    known = {int(p): stat(int(p)) for p in os.listdir("/proc") if p.isdigit()}
    known = {p: s for p, s in known.items() if s}
    total, level = 0, [root]
    while level:
        total += sum(known[p][1] + known[p][2] for p in level if p in known)
        level = [p for p, s in known.items() if s[0] in level]
    return total


def smtp_source(port, count, octets, sessions, sender, recipient, numbered=False):
    """count mails in so many sessions that stay open; numbered: each to somebody else, with a number in front of the address."""
    subprocess.run(["smtp-source", "-d", "-s", str(sessions), "-m", str(count), "-l", str(octets), "-f", sender, "-t", recipient]
                   + (["-N"] if numbered else []) + ["127.0.0.1:%d" % port], env=ENV, check=True, stdout=subprocess.DEVNULL)


class UserAgent:
    """sip-uas on a port."""

    def __init__(self, build):
        self.port = free_port()
        self.process = subprocess.Popen([os.path.join(build, "t", "bench", "sip-uas"), str(self.port)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        atexit.register(self.close)
        if self.process.stdout.readline() != "ready\n":
            sys.exit("bench: sip-uas does not start")

    def answered(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["answered"]

    def wait(self, count, seconds=120):
        """Until so many requests were answered since it began."""
        end = time.monotonic() + seconds
        while self.answered() < count:
            if time.monotonic() > end:
                sys.exit("bench: only %d of %d messages came" % (self.answered(), count))
            time.sleep(0.005)

    def close(self):
        self.process.kill()
        self.process.wait()


class Sink:
    """smtp-sink on a port, for the time of a with statement."""

    def __init__(self, port):
        self.port = port

    def __enter__(self):
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(["smtp-sink"] + user + ["127.0.0.1:%d" % self.port, "1000"], env=ENV,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_tcp(self.port, self.process, "smtp-sink")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Postfix:
    """An instance with Debian's defaults, which relays everything to a port here, or delivers it into a Maildir. Its queue and that are below scratch: the
    same file system as the spool's."""

    NEEDS = ("postfix", "postconf", "smtp-source", "smtp-sink")

    @classmethod
    def runs_here(cls):
        try:
            pwd.getpwnam("postfix")
        except KeyError:
            return False
        return os.getuid() == 0 and there(*cls.NEEDS) and os.path.exists("/usr/share/postfix/master.cf.dist")

    def __init__(self, scratch, sink=None):
        """sink: the port; None: mail of rcs.example.net is delivered into a Maildir by virtual(8)."""
        self.port, self.delivered = free_port(), 0
        self.dir = fresh(scratch, "postfix")
        os.chmod(scratch, 0o711)
        os.chmod(self.dir, 0o755)
        self.queue = os.path.join(self.dir, "queue")
        for name in ("etc", "queue", "data"):
            os.mkdir(os.path.join(self.dir, name))
        shutil.chown(os.path.join(self.dir, "data"), "postfix")
        etc = os.path.join(self.dir, "etc")
        with open(os.path.join(etc, "main.cf"), "w") as f:
            f.write("compatibility_level = 3.6\nqueue_directory = %s\ndata_directory = %s/data\nmyhostname = mail.example.net\n"
                    "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nalias_maps =\nmynetworks = 127.0.0.0/8\n" % (self.queue, self.dir))
            if sink:
                f.write("mydestination =\nrelayhost = [127.0.0.1]:%d\n" % sink)
            else:
                boxes = os.path.join(self.dir, "boxes")
                os.mkdir(boxes)
                shutil.chown(boxes, "nobody")
                f.write("mydestination =\nvirtual_mailbox_domains = rcs.example.net\nvirtual_mailbox_base = %s\nvirtual_mailbox_maps = static:box/\n"
                        "virtual_uid_maps = static:%d\nvirtual_gid_maps = static:%d\n" % (boxes, *pwd.getpwnam("nobody")[2:4]))
        with open("/usr/share/postfix/master.cf.dist") as f, open(os.path.join(etc, "master.cf"), "w") as out:
            for line in f:
                out.write("127.0.0.1:%d inet%s" % (self.port, line.split("inet", 1)[1]) if line.startswith("smtp ") and "inet" in line
                          else line)
        subprocess.run(["postconf", "-c", etc, "-F", "*/*/chroot = n"], env=ENV, check=True)
        self.log = os.path.join(self.dir, "start.log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["postfix", "-c", etc, "start-fg"], env=ENV, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        atexit.register(self.close)
        wait_tcp(self.port, self.process, "Postfix")
        with open(os.path.join(self.queue, "pid", "master.pid")) as f:
            self.master = int(f.read())

    def cpu(self):
        return tree_cpu(self.master)

    def wait_empty(self):
        """Until every mail that was taken is gone from the queue."""
        end = time.monotonic() + 120
        places = [os.path.join(self.queue, name) for name in ("incoming", "active")]
        while any(any(os.scandir(p)) for p in places):
            if time.monotonic() > end:
                sys.exit("bench: Postfix does not empty its queue")
            time.sleep(0.005)

    def relay(self, count, octets, sessions=4):
        """count mails in, until all are out again: seconds."""
        return self.through(lambda: smtp_source(self.port, count, octets, sessions, "alice@rcs.example.net", "bob@example.org"))

    def deliver(self, count, octets, sessions=4):
        """The same into the Maildir."""
        seconds = self.through(lambda: smtp_source(self.port, count, octets, sessions, "bob@example.org", "alice@rcs.example.net", True))
        box = os.path.join(self.dir, "boxes", "box", "new")
        self.delivered += count
        if len(os.listdir(box)) != self.delivered:
            sys.exit("bench: Postfix did not deliver all mails")
        return seconds

    def through(self, send):
        began = time.monotonic()
        send()
        self.wait_empty()
        seconds = time.monotonic() - began
        if any(files for _, _, files in os.walk(os.path.join(self.queue, "deferred"))):
            sys.exit("bench: Postfix deferred mails")
        return seconds

    def close(self):
        if self.process.poll() is not None:
            return
        os.kill(self.master, signal.SIGTERM)  # "postfix stop" needs files that may be gone when a measurement failed
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class Kamailio:
    """Answers each MESSAGE with 202 from a transaction of its own (t_newtran, t_reply); keeps nothing on disk."""

    CONF = """#!KAMAILIO
listen=udp:127.0.0.1:%d
children=2
disable_tcp=yes
log_stderror=yes
debug=0
loadmodule "tm.so"
loadmodule "sl.so"
request_route {
	if (!t_newtran()) {
		sl_reply_error();
		exit;
	}
	t_reply("202", "Accepted");
}
"""

    def __init__(self, scratch):
        self.port = free_port()
        self.dir = fresh(scratch, "kamailio")
        conf = os.path.join(self.dir, "kamailio.cfg")
        with open(conf, "w") as f:
            f.write(self.CONF % self.port)
        self.log = open(os.path.join(self.dir, "log"), "w")
        self.process = subprocess.Popen(["kamailio", "-DD", "-E", "-f", conf, "-Y", self.dir, "-P", os.path.join(self.dir, "pid"), "-m", "2048",
                                         "-M", "16"], env=ENV, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        atexit.register(self.close)
        time.sleep(1)
        if self.process.poll() is not None:
            sys.exit("bench: Kamailio ended with %d: see %s" % (self.process.returncode, self.log.name))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
