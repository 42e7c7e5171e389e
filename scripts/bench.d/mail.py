"""Mail -> MESSAGE through the whole gateway, beside Postfix that takes and delivers the same mails. In turn, one after the other."""
import base64, os, smtplib, statistics, time
from gateway import MailGateway
from peers import Postfix, UserAgent, smtp_source, tree_cpu

SESSIONS = 100  # where the gateway is at its best, as Postfix is with 4
OCTETS = 1000  # of a mail's text, as smtp-source counts it


def gateway_cpu(g):
    return {name: tree_cpu(p.pid) for name, p in g.processes.values()}


def ours(bench, g, uas, count, run):
    """A run, of a sender of its own: the same mail to the same user would be taken for a loop soon (8.2). Mails/s until every MESSAGE was answered and nothing waits; CPU microseconds a mail of each program."""
    before, had = gateway_cpu(g), uas.answered()
    began = time.monotonic()
    smtp_source(g.port, count, OCTETS, SESSIONS, "bob%d@example.org" % run, "alice@rcs.example.net", True)
    uas.wait(had + count)
    seconds = time.monotonic() - began
    bench.drained(g)
    after = gateway_cpu(g)
    return count / seconds, {name: (after[name] - before[name]) / count * 1e6 for name in after}


def measure(bench):
    if not Postfix.runs_here():
        bench.say("mail: needs root, Postfix and smtp-source; left out")
        return
    count, pairs = (1000, 2) if bench.quick else (5000, 7)
    uas = UserAgent(bench.build)
    g = MailGateway(bench.build, bench.scratch, uas.port)
    postfix = Postfix(bench.scratch)
    ours(bench, g, uas, 500, 0)
    postfix.deliver(500, OCTETS)
    runs = []
    for n in range(pairs):
        bench.progress("mail: pair %d of %d" % (n + 1, pairs))
        rate, cost = ours(bench, g, uas, count, n + 1)
        before = postfix.cpu()
        theirs = count / postfix.deliver(count, OCTETS)
        runs.append((rate, cost, theirs, (postfix.cpu() - before) / count * 1e6))
    middle = lambda f: statistics.median(f(r) for r in runs)
    bench.say("mail -> MESSAGE (TCP, answered 200), durable before 250, beside mail -> Postfix -> Maildir, %d octets of text" % OCTETS)
    bench.say("  CPU a mail: " + ", ".join("%s %d us" % (name, middle(lambda r: r[1][name])) for name in runs[0][1]))
    bench.figure("mail_to_message_per_s", round(middle(lambda r: r[0])), "mails/s through the gateway")
    bench.figure("postfix_delivers_per_s", round(middle(lambda r: r[2])), "mails/s into a Maildir of Postfix, 4 sessions")
    bench.figure("mail_to_message_vs_postfix", round(middle(lambda r: r[0] / r[2]), 2), "times Postfix", least=4)
    bench.figure("mail_to_message_cpu_us", round(middle(lambda r: sum(r[1].values()))), "us CPU a mail, all programs of the gateway")
    bench.figure("postfix_delivers_cpu_us", round(middle(lambda r: r[3])), "us CPU a mail, all of Postfix")
    postfix.close()
    g.close()
    uas.close()


def html_reply(octets):
    """What a web mail makes of an answer: a short text, and the whole story below it in a quote."""
    story = "".join("<p style=\"margin:0 0 12px 0;font-family:Arial,sans-serif\">Line %d of <b>the story</b> &mdash; it goes on &amp; on.</p>\r\n" % i
                    for i in range(octets // 105))
    return ("From: Bob <bob@example.org>\r\nTo: alice@rcs.example.net\r\nSubject: Re: the story\r\nMessage-ID: <html.%d@example.org>\r\n"
            "Date: Fri, 20 Nov 2026 08:56:44 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n"
            "<html><body><div>Yes, I have read it all.</div><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Thu, 19 Nov 2026 at 10:00, Alice "
            "&lt;alice@rcs.example.net&gt; wrote:<br></div><blockquote class=\"gmail_quote\">\r\n%s</blockquote></div></body></html>\r\n"
            % (os.getpid(), story))


def attachment(octets):
    content = base64.encodebytes(os.urandom(octets)).replace(b"\n", b"\r\n").decode()
    return ("From: Bob <bob@example.org>\r\nTo: alice@rcs.example.net\r\nSubject: the film\r\nMessage-ID: <film.%d@example.org>\r\n"
            "Date: Fri, 20 Nov 2026 08:56:44 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b7\r\n\r\n"
            "--b7\r\nContent-Type: text/plain\r\n\r\nHere it is.\r\n--b7\r\nContent-Type: video/mp4\r\n"
            "Content-Disposition: attachment; filename=film.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n%s--b7--\r\n" % (os.getpid(), content))


def measure_large(bench):
    """An answer of 100 KB of HTML, then 10 MB attached: the memory of every process. One gateway, each mail alone."""
    uas = UserAgent(bench.build)
    g = MailGateway(bench.build, bench.scratch, uas.port)
    for name, mail in (("an answer of 100 KB HTML", html_reply(100000)), ("an attachment of 10 MB", attachment(10000000))):
        bench.progress("mail_large: %s" % name)
        before, had, began = gateway_cpu(g), uas.answered(), time.monotonic()
        with smtplib.SMTP("127.0.0.1", g.port) as s:
            s.sendmail("bob@example.org", ["alice@rcs.example.net"], mail)
        uas.wait(had + 1)
        seconds = time.monotonic() - began
        bench.drained(g)
        after, peak = gateway_cpu(g), g.peak_mb()
        bench.say("%s, %.2f s: " % (name, seconds) + ", ".join("%s %.1f MB %d ms" % (p, peak[p], (after[p] - before[p]) * 1000) for p in peak))
    worst = max(peak, key=peak.get)
    bench.figure("mail2cpm_peak_rss_mb", round(peak[worst], 1), "MB, the highest peak of resident memory (%s)" % worst, most=24)
    g.close()
    uas.close()
