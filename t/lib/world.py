"""world - what stands on both sides of a gateway in tests: a mail world and a phone, which answer as they are told. Counts what comes."""
import email, email.policy, os, re, smtplib, socket, socketserver, sys, threading, time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE, "scripts", "lib"))
import gateway

BUILD = os.environ.get("BUILD", os.path.join(SOURCE, "build"))


class Tap:
    count = failed = 0

    def ok(self, good, name, more=""):
        self.count += 1
        self.failed += not good
        print("%s %d - %s" % ("ok" if good else "not ok", self.count, name))
        if not good and more:
            print("\n".join("# " + line for line in str(more).splitlines()[:40]))
        sys.stdout.flush()
        return good

    def same(self, name, want, got):
        return self.ok(want == got, name, "expected: %r\n     got: %r" % (want, got))

    def finish(self):
        print("1..%d" % self.count)
        sys.exit(self.failed > 0)


def until(seconds, what):
    """Until what() is true; false if it does not become so."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def quiet(seconds, count, most=60):
    """Until count() has not changed for so many seconds; the count."""
    last, since, end = count(), time.monotonic(), time.monotonic() + most
    while time.monotonic() - since < seconds and time.monotonic() < end:
        time.sleep(0.1)
        if count() != last:
            last, since = count(), time.monotonic()
    return last


class Mail:
    """A mail as it came: envelope, octets, and the parsed mail."""

    def __init__(self, sender, rcpts, octets):
        self.sender, self.rcpts, self.octets = sender, rcpts, octets
        self.parsed = email.message_from_bytes(octets, policy=email.policy.default)

    def __getitem__(self, name):
        value = self.parsed[name]
        return re.sub(r"\s+", " ", str(value)) if value is not None else None

    def text(self):
        body = self.parsed.get_body(("plain",))
        return body.get_content().replace("\r\n", "\n").strip() if body else ""


class MailWorld:
    """A mail server for all the world. refuse(rcpt): an answer in place of 250, or None; came(mail) is called for each mail that was taken."""

    def __init__(self, came=None, refuse=None):
        self.mails, self.came, self.refuse = [], came, refuse
        world = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                world.talk(self.rfile, self.wfile)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads = True, True

        self.server = Server(("127.0.0.1", 0), Session)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def talk(self, lines, out):
        say = lambda text: (out.write(text.encode() + b"\r\n"), out.flush())
        sender, rcpts = None, []
        say("220 world.example ESMTP")
        for line in lines:
            word = line.decode("latin-1").strip()
            verb = word.upper()
            if verb.startswith(("EHLO", "LHLO")):
                say("250-world.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN")
            elif verb.startswith("MAIL"):
                sender, rcpts = re.search(r"<(.*?)>", word)[1], []
                say("250 2.1.0 ok")
            elif verb.startswith("RCPT"):
                rcpt = re.search(r"<(.*?)>", word)[1]
                no = self.refuse(rcpt) if self.refuse else None
                if not no:
                    rcpts.append(rcpt)
                say(no or "250 2.1.5 ok")
            elif verb == "DATA":
                say("354 go on")
                octets = b""
                for piece in lines:
                    if piece == b".\r\n":
                        break
                    octets += piece[1:] if piece.startswith(b".") else piece
                say("250 2.0.0 taken")
                mail = Mail(sender, rcpts, octets)
                self.mails.append(mail)
                if self.came:
                    self.came(mail)
            elif verb == "QUIT":
                say("221 2.0.0 bye")
                return
            else:
                say("250 2.0.0 ok")

    def close(self):
        self.server.shutdown()


def give(port, sender, rcpt, octets, mail_options=(), rcpt_options=()):
    """A mail to the SMTP port; the last code that it got."""
    with smtplib.SMTP("127.0.0.1", port) as s:
        s.ehlo("world.example")
        code, _ = s.mail(sender, list(mail_options))
        if code == 250:
            code, _ = s.rcpt(rcpt, list(rcpt_options))
        if code == 250:
            code, _ = s.data(octets)
        return code


class Phone:
    """A SIP user over UDP at .port: answers MESSAGEs with status; came(text, fields) is called for those that are no reports."""

    def __init__(self, identity, came=None, status="200 OK"):
        self.identity, self.came, self.status = identity, came, status
        self.messages, self.reports, self.answers, self.seen, self.n = [], [], {}, set(), 0
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            octets, peer = self.s.recvfrom(65536)
            text = octets.decode("utf-8", "replace")
            head, _, body = text.partition("\r\n\r\n")
            if head.startswith("SIP/2.0"):
                ident = re.search(r"(?mi)^Call-ID: *(\S+)", head)[1]
                if not head.startswith("SIP/2.0 1"):
                    self.answers[ident] = head.split(" ", 2)[1]
                continue
            fields = [line for line in head.split("\r\n")[1:] if re.match(r"(?i)(via|from|to|call-id|cseq):", line)]
            self.s.sendto(("SIP/2.0 %s\r\n%s;tag=p\r\nContent-Length: 0\r\n\r\n" % (self.status, "\r\n".join(
                sorted(fields, key=lambda f: f.lower().startswith("to:"))))).encode(), peer)
            branch = re.search(r"branch=([^;\s]+)", head)[1]
            if branch not in self.seen:
                self.seen.add(branch)
                self.take(head, body)

    def take(self, head, body):
        if "message/imdn+xml" in body:
            self.reports.append(body)
            return
        parts = body.split("\r\n\r\n", 2) if "message/cpim" in head.lower() else ["", "", body]
        self.messages.append((parts[-1], head))
        if self.came:
            self.came(parts[-1], head)

    def send(self, port, uri, text, headers=""):
        """A MESSAGE of text; its Call-ID."""
        self.n += 1
        ident = "w%d-%d-%d" % (os.getpid(), self.port, self.n)
        body = text.encode()
        self.s.sendto(("MESSAGE %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\nFrom: <%s>;tag=%s\r\n"
                       "To: <%s>\r\nCall-ID: %s\r\nCSeq: 1 MESSAGE\r\nP-Asserted-Identity: <%s>\r\n%sContent-Type: text/plain;charset=UTF-8\r\n"
                       "Content-Length: %d\r\n\r\n" % (uri, self.port, ident, self.identity, ident, uri, ident, self.identity, headers,
                                                       len(body))).encode() + body, ("127.0.0.1", port))
        return ident

    def answer(self, ident, seconds=15):
        until(seconds, lambda: ident in self.answers)
        return self.answers.get(ident)
