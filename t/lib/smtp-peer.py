#!/usr/bin/python3
"""A mail server that does as it is told: for tests of the sending side.

smtp-peer.py [--port N] [--host ADDRESS] [--tls CERT KEY] [--implicit] [--reads] [--idle SECONDS] DIR [RULE...]

Listens on 127.0.0.1 (a free port unless one is given), writes the port to DIR/port, each command to DIR/log as "CONNECTION COMMAND", and each
mail it took to DIR/mail.N (dots unstuffed) beside its envelope DIR/mail.N.env.

--implicit: TLS from the first octet; --reads: DIR/log also says which commands came in one read; --idle: connections that say nothing are closed.

A rule is WHEN=ACTION. WHEN: greeting, ehlo, helo, starttls, auth, mail, rcpt, data, dot, rset, quit; rcpt:ADDRESS for one recipient;
a trailing #N means only the N-th time (counted over all connections); ehlo+ and ehlo- add and remove a keyword.
ACTION: "550 5.1.1 no such user" (\\n separates lines: "550-5.1.1 a\\n550 5.1.2 b"); drop (close at once); hang (say nothing more);
slow:REPLY (an octet every 0.3 s); big:CODE (a line of 5000 octets); inject (starttls: a second reply in clear behind the first);
reset (close with RST); cut:N (data: close after N octets of the mail).
"""
import base64, os, socket, ssl, struct, sys, threading, time

KEYWORDS = ["PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN"]


class Peer:
    def __init__(self, argv):
        self.host, port, self.tls = "127.0.0.1", 0, None
        self.implicit = self.reads = False
        self.idle = None
        while argv and argv[0].startswith("--"):
            if argv[0] == "--port":
                port, argv = int(argv[1]), argv[2:]
            elif argv[0] == "--host":
                self.host, argv = argv[1], argv[2:]
            elif argv[0] == "--tls":
                self.tls, argv = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), argv
                self.tls.load_cert_chain(argv[1], argv[2])
                argv = argv[3:]
            elif argv[0] == "--implicit":
                self.implicit, argv = True, argv[1:]
            elif argv[0] == "--reads":
                self.reads, argv = True, argv[1:]
            elif argv[0] == "--idle":
                self.idle, argv = float(argv[1]), argv[2:]
            else:
                sys.exit("what is %s?" % argv[0])
        self.dir, self.rules, self.keywords, self.seen = argv[0], {}, list(KEYWORDS), {}
        if self.tls and not self.implicit:
            self.keywords.append("STARTTLS")
        for rule in argv[1:]:
            when, action = rule.split("=", 1)
            if when == "ehlo+":
                self.keywords.append(action)
            elif when == "ehlo-":
                self.keywords = [k for k in self.keywords if k.split()[0] != action]
            else:
                self.rules[when] = action
        os.makedirs(self.dir, exist_ok=True)
        self.lock, self.mails, self.connections = threading.Lock(), 0, 0
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.host, port))
        self.listener.listen(64)
        with open(self.dir + "/port.tmp", "w") as f:
            f.write("%d\n" % self.listener.getsockname()[1])
        os.rename(self.dir + "/port.tmp", self.dir + "/port")

    def run(self):
        while True:
            s, _ = self.listener.accept()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self.serve, args=(s, self.connections), daemon=True).start()

    def serve(self, s, number):
        try:
            Session(self, s, number).run()
        except (OSError, EOFError, ssl.SSLError):
            pass
        finally:
            s.close()

    def log(self, number, line):
        with self.lock, open(self.dir + "/log", "a") as f:
            f.write("%d %s\n" % (number, line))

    def action(self, *whens):
        """The first rule that fits; each name is counted."""
        with self.lock:
            found = None
            for w in whens:
                self.seen[w] = self.seen.get(w, 0) + 1
                found = found or self.rules.get("%s#%d" % (w, self.seen[w])) or self.rules.get(w)
            return found

    def keep(self, envelope, octets):
        with self.lock:
            self.mails += 1
            n = self.mails
        with open("%s/mail.%d.env" % (self.dir, n), "w") as f:
            f.write("".join(e + "\n" for e in envelope))
        with open("%s/mail.%d.tmp" % (self.dir, n), "wb") as f:
            f.write(octets)
        os.rename("%s/mail.%d.tmp" % (self.dir, n), "%s/mail.%d" % (self.dir, n))


class Closed(EOFError):
    pass


class Session:
    def __init__(self, peer, s, number):
        self.peer, self.s, self.number, self.buf, self.secure = peer, s, number, b"", False
        self.envelope, self.accepted = [], 0

    def more(self):
        got = self.s.recv(65536)
        if not got:
            raise EOFError
        self.buf += got
        self.note_read(got, [])

    def note_read(self, got, words):
        if self.peer.reads:
            words = words + [l.split(b" ")[0].split(b":")[0].decode() for l in got.split(b"\r\n") if l]
            verbs = [w for w in words if w in ("mail", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "QUIT", "NOOP")]
            self.peer.log(self.number, "(read " + " ".join(verbs))

    def line(self):
        while b"\n" not in self.buf:
            self.more()
        line, self.buf = self.buf.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def say(self, reply):
        self.s.sendall(("\r\n".join(reply.split("\\n")) + "\r\n").encode())

    def close(self, reset=False):
        if reset:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.s.shutdown(socket.SHUT_RDWR)
        self.s.close()
        raise Closed

    def answer(self, default, *whens):
        """Says what the rules want in place of the default; returns the code."""
        action = self.peer.action(*whens) or default
        if action == "drop" or action == "reset":
            self.close(action == "reset")
        elif action == "hang":
            time.sleep(3600)
        elif action.startswith("slow:"):
            for c in action[5:] + "\r\n":
                self.s.sendall(c.encode())
                time.sleep(0.3)
            action = action[5:]
        elif action.startswith("big:"):
            self.say(action[4:] + " " + "x" * 5000)
            action = action[4:]
        else:
            self.say(action)
        return int(action[:3]) if action[:3].isdigit() else 0

    def run(self):
        self.s.settimeout(self.peer.idle)
        if self.peer.implicit:
            self.s, self.secure = self.peer.tls.wrap_socket(self.s, server_side=True), True
        if self.answer("220 peer.example ESMTP", "greeting") != 220:
            self.line()
            return
        while True:
            line = self.line()
            self.peer.log(self.number, line)
            verb = line.split(" ")[0].split(":")[0].lower()
            handler = getattr(self, "do_" + verb, None)
            if handler is None:
                self.say("502 5.5.1 what?")
            elif handler(line) is False:
                return

    def do_ehlo(self, line):
        words = [k for k in self.peer.keywords if not (self.secure and k == "STARTTLS")]
        reply = ["peer.example"] + words
        lines = "\\n".join("250%s%s" % ("-" if i < len(reply) - 1 else " ", w) for i, w in enumerate(reply))
        self.answer(lines, "ehlo")

    def do_helo(self, line):
        self.answer("250 peer.example", "helo")

    def do_starttls(self, line):
        action = self.peer.action("starttls")
        if action == "inject":
            self.s.sendall(b"220 go ahead\r\n250-peer.example\r\n250 DSN\r\n250 ok\r\n250 ok\r\n354 go\r\n250 injected\r\n")
            time.sleep(1)
            return False
        if action:
            self.say(action)
            return None
        self.say("220 go ahead")
        self.s = self.peer.tls.wrap_socket(self.s, server_side=True)
        self.secure, self.buf = True, b""

    def do_auth(self, line):
        words = line.split(" ")
        if words[1].upper() == "PLAIN" and len(words) > 2:
            self.peer.log(self.number, "credentials " + base64.b64decode(words[2]).decode().replace("\0", "|"))
        self.answer("235 2.7.0 welcome", "auth")

    def do_mail(self, line):
        self.envelope, self.accepted = [line], 0
        self.answer("250 2.1.0 ok", "mail")

    def do_rcpt(self, line):
        address = line[line.find("<") + 1:line.find(">")]
        if self.answer("250 2.1.5 ok", "rcpt:" + address, "rcpt") // 100 == 2:
            self.accepted += 1
            self.envelope.append(line)

    def do_data(self, line):
        default = "354 go ahead" if self.accepted else "554 5.5.1 no valid recipients"
        action = self.peer.action("data") or default
        if action.startswith("cut:"):
            self.say("354 go ahead")
            n = int(action[4:])
            while len(self.buf) < n:
                self.more()
            self.close(True)
        if action in ("drop", "reset"):
            self.close(action == "reset")
        self.say(action)
        if not action.startswith("354"):
            return
        octets, self.buf, at = self.buf, b"", 0
        while octets[-5:] != b"\r\n.\r\n" and not octets.startswith(b".\r\n"):
            end = octets.find(b"\r\n.\r\n", max(0, at - 5))
            if end >= 0:
                break
            at = len(octets)
            got = self.s.recv(1 << 20)
            if not got:
                self.peer.log(self.number, "(lost in the mail)")
                raise EOFError
            octets += got
            self.note_read(got, ["mail"])
        end = -1 if octets.startswith(b".\r\n") else octets.find(b"\r\n.\r\n")
        end = 0 if end < 0 else end + 2
        body, self.buf = octets[:end], octets[end + 3:]
        lines = body.split(b"\r\n")
        self.take(b"\r\n".join(l[1:] if l.startswith(b".") else l for l in lines))

    def do_bdat(self, line):
        n, last = int(line.split(" ")[1]), line.upper().endswith(" LAST")
        while len(self.buf) < n:
            self.more()
        self.chunks, self.buf = getattr(self, "chunks", b"") + self.buf[:n], self.buf[n:]
        if not self.accepted:
            self.chunks = b""
            self.say("503 5.5.1 no valid recipients")
        elif last:
            body, self.chunks = self.chunks, b""
            self.take(body)
        else:
            self.say("250 2.0.0 %d octets" % n)

    def take(self, body):
        self.peer.log(self.number, "(mail of %d octets)" % len(body))
        action = self.peer.action("dot")
        if action in ("drop", "reset"):
            self.peer.keep(self.envelope, body)
            self.close(action == "reset")
        reply = action or "250 2.0.0 queued"
        if reply[:1] == "2" or reply[:5] == "big:2":
            self.peer.keep(self.envelope, body)
        if reply.startswith("big:"):
            reply = reply[4:] + " " + "x" * 5000
        if reply == "hang":
            time.sleep(3600)
        self.say(reply)

    def do_rset(self, line):
        self.answer("250 2.0.0 ok", "rset")

    def do_quit(self, line):
        self.answer("221 2.0.0 bye", "quit")
        return False


if __name__ == "__main__":
    Peer(sys.argv[1:]).run()
