#!/usr/bin/env python3
"""What could go round for ever dies out: two gateways pointed at each other, automatic answers on both sides, bounces of bounces. The messages are counted. Speaks TAP."""
import os, shutil, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import world
from gateway import WholeGateway, free_port
from world import MailWorld, Phone, Tap, give, quiet

tap = Tap()
STORM = 5  # messages of the same kind in ten minutes
ALICE = "sip:alice@ims.example.net"


def events(g, program, event):
    with open(os.path.join(g.dir, program + ".log"), errors="replace") as f:
        return sum(" event=%s " % event in line for line in f)


def handled(g):
    return events(g, "cpm2mail", "mapped") + events(g, "mail2cpm", "mapped")


def close(g):
    """Whatever came, no program said that it is broken."""
    found = []
    for name in os.listdir(g.dir):
        if name.endswith(".log"):
            with open(os.path.join(g.dir, name), errors="replace") as f:
                found += [line for line in f if "Sanitizer" in line or "runtime error" in line or "level=crit" in line]
    tap.ok(not found, "nothing broke", "".join(found))
    g.close()


def ring(scratch):
    """Mail of the one goes to the other, whose messages go to the first."""
    sip, mails = free_port(), (free_port(), free_port())
    second = WholeGateway(world.BUILD, scratch, sip, "127.0.0.1:%d" % mails[0], mailport=mails[1],
                          who=("gw2.example.net", "rcs2.example.net", "rcs2.example.net"))
    first = WholeGateway(world.BUILD, scratch, free_port(), "127.0.0.1:%d" % mails[1], mailport=mails[0],
                         who=("gw1.example.net", "rcs1.example.net", "ims1.example.net"))
    # the second one's proxy is the first one
    with open(second.conf) as f:
        # on one machine: the first one must not take the second one's Via for its own
        conf = f.read().replace("sip:127.0.0.1:%d" % sip, "sip:127.0.0.1:%d" % first.port) + 'advertise = [ "gw2.example.net" ];\n'
    with open(second.conf, "w") as f:
        f.write(conf)
    second.end()
    second.start_again()
    phone = Phone("sip:alice@ims1.example.net")
    phone.answer(phone.send(first.port, "sip:bob%40rcs2.example.net@gw1.example.net", "Round and round it goes."))
    turns = quiet(6, lambda: handled(first) + handled(second), 90)
    # the first mail is of Alice, those that come round of somebody behind both gateways: five of them, the sixth is refused
    tap.ok(2 * STORM < turns <= 2 * (STORM + 1) + 1, "two gateways pointed at each other: over after %d messages" % turns,
           "".join(open(os.path.join(g.dir, p + ".log")).read()[-1500:] for g in (first, second) for p in ("cpm2mail", "mail2cpm")))
    close(first)
    close(second)


def reply(mail, text, headers="", sender="bob@example.org"):
    """What a mail program answers."""
    return ("From: Bob <%s>\r\nTo: %s\r\nSubject: Re: %s\r\nMessage-ID: <%s@example.org>\r\nIn-Reply-To: %s\r\nReferences: %s\r\n%s"
            "\r\n%s\r\n" % (sender, mail["From"], mail["Subject"], os.urandom(8).hex(), mail["Message-ID"], mail["Message-ID"], headers,
                           text)).encode()


def bounce(mail, status="5.1.1"):
    """What a mail server sends back, from <>."""
    return ("From: MAILER-DAEMON@mx.example.org\r\nTo: %s\r\nSubject: Undelivered\r\nMessage-ID: <%s@mx.example.org>\r\n"
            "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            "Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822;%s\r\nAction: failed\r\nStatus: %s\r\n"
            "--b\r\nContent-Type: message/rfc822\r\n\r\n"
            % (mail["From"], os.urandom(8).hex(), mail.rcpts[0], status)).encode() + mail.octets + b"\r\n--b--\r\n"


class One:
    """A gateway between a mail world and a phone."""

    def __init__(self, scratch, came=None, away=None, status="200 OK", refuse=None):
        """came(one, mail): what the mail world does with a mail; away: what the phone answers to every message by itself."""
        self.mail = MailWorld((lambda m: came(self, m)) if came else None, refuse)
        self.phone = Phone(ALICE, (lambda text, head: self.say(away)) if away else None, status)
        self.g = WholeGateway(world.BUILD, scratch, self.phone.port, "127.0.0.1:%d" % self.mail.port)

    def say(self, text):
        return self.phone.send(self.g.port, "sip:bob%40example.org@127.0.0.1", text)

    def give(self, sender, octets, rcpt="alice@rcs.example.net", **options):
        return give(self.g.mailport, sender, rcpt, octets, **options)

    def counts(self):
        """Mails, messages and reports that came out, when nothing moves any more."""
        quiet(4, lambda: (len(self.mail.mails), len(self.phone.messages), len(self.phone.reports), handled(self.g)), 90)
        return len(self.mail.mails), len(self.phone.messages), len(self.phone.reports)

    def close(self):
        close(self.g)
        self.mail.close()


def polite_vacation(scratch):
    """RFC 3834 on the mail side, a phone that answers by itself."""
    def came(one, mail):
        one.give("", reply(mail, "I am away until Monday.", "Auto-Submitted: auto-replied\r\n"))
        one.give("bob@example.org", reply(mail, "I am away until Monday.", "Auto-Submitted: auto-replied\r\n"))
        one.give("bob@example.org", reply(mail, "I am away until Monday.", "Precedence: bulk\r\n"))
        one.give("bob@example.org", reply(mail, "I am away until Monday.", "X-Autoreply: yes\r\n"))

    one = One(scratch, came, "I am driving.")
    one.say("Are you there?")
    tap.same("a message to one whose mail is answered by a vacation program: one mail, nothing comes back", (1, 0, 0), one.counts())
    one.give("bob@example.org", b"From: bob@example.org\r\nTo: alice@rcs.example.net\r\nSubject: x\r\nMessage-ID: <v1@example.org>\r\n\r\nCall me.\r\n")
    tap.same("a mail to one whose phone answers by itself: its message, one mail more, and no end without one", (2, 1, 0), one.counts())
    one.close()


def rude_vacation(scratch):
    """Two programs that answer everything, without any mark."""
    def came(one, mail):
        if mail.rcpts == ["bob@example.org"]:
            one.give("bob@example.org", reply(mail, "I am away until Monday."), str(mail.parsed["From"].addresses[0].addr_spec))

    one = One(scratch, came, "I am driving.")
    one.say("Are you there?")
    mails, messages, reports = one.counts()
    # six mails of hers at most, as many answers, of which the last is refused: a report for it, which is answered too, and that goes to the postmaster
    tap.ok(STORM <= messages <= STORM + 1 and STORM <= mails <= STORM + 3, "two programs that answer everything: over after %d mails, %d messages, %d reports"
           % (mails, messages, reports), "\n".join("%s -> %s: %s" % (m.sender, m.rcpts, m["Subject"]) for m in one.mail.mails))
    one.close()


def bounced_reports(scratch):
    """A mail server that bounces even what is from <>, to whatever address it finds."""
    def came(one, mail):
        for rcpt in {mail.sender, str(mail.parsed["From"].addresses[0].addr_spec)} - {""}:
            one.give("", bounce(mail), rcpt)

    one = One(scratch, came, status="404 Not Found")
    code = one.give("bob@example.org", b"From: bob@example.org\r\nTo: alice@rcs.example.net\r\nSubject: x\r\nMessage-ID: <b1@example.org>\r\n\r\nCall me.\r\n",
                    rcpt_options=("NOTIFY=FAILURE",))
    tap.same("a mail for a phone that is gone is taken", 250, code)
    mails, messages, reports = one.counts()
    dsn = [m for m in one.mail.mails if m.rcpts == ["bob@example.org"]]
    tap.ok(len(dsn) == 1 and dsn[0].sender == "" and dsn[0].parsed.get_content_type() == "multipart/report", "its sender gets one report, from <>")
    tap.ok(mails <= 2 and messages == 1, "the bounce of the report is no report: %d mails, %d message, %d reports" % (mails, messages, reports),
           [(m.sender, m.rcpts, m["Subject"]) for m in one.mail.mails])
    one.close()


def bounces(scratch):
    """A message whose mail comes back, in the form of RFC 3464 and in one of no form, to a phone that takes no reports."""
    def came(one, mail):
        one.give("", bounce(mail), mail.sender)
        one.give("", bounce(mail, "5.2.2"), mail.sender)
        one.give("", b"From: postmaster@mx.example.org\r\nSubject: failure notice\r\nMessage-ID: <q%s@mx.example.org>\r\n\r\n"
                 b"Hi. This is the qmail-send program at mx.example.org.\r\nI'm afraid I wasn't able to deliver your message to the following "
                 b"addresses.\r\n\r\n<bob@example.org>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n"
                 b"--- Below this line is a copy of the message.\r\n\r\n%s" % (os.urandom(8).hex().encode(), mail.octets), mail.sender)

    one = One(scratch, came, "I am driving.", "480 Temporarily Unavailable")
    one.phone.send(one.g.port, "sip:bob%40example.org@127.0.0.1", "Are you there?")
    mails, messages, reports = one.counts()
    tap.same("a message whose mail is bounced three times: one mail, no message, at most one report", (1, 0, True), (mails, messages, reports <= 1))
    one.close()


def main():
    scratch = tempfile.mkdtemp(prefix="cpmail-loops.")
    try:
        ring(scratch)
        polite_vacation(scratch)
        rude_vacation(scratch)
        bounced_reports(scratch)
        bounces(scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    tap.finish()


main()
