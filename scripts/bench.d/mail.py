"""Mail -> MESSAGE through the whole gateway, beside Postfix that takes and delivers the same mails. In turn, one after the other."""
import statistics, time
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
