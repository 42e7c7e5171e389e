"""Taking alone: the answer after the commit with everything behind stopped, beside Kamailio's answer that keeps nothing."""
import signal, statistics
from gateway import Gateway
from peers import Kamailio, there

BEHIND = ("cpm2mail", "mail-route", "smtp-send", "report")


def accept_rate(bench, port, count):
    return count / bench.load(port, count, window=100)["seconds"]


def measure(bench):
    if not there("kamailio"):
        bench.say("accept: needs kamailio; left out")
        return
    count, pairs = (3000, 2) if bench.quick else (20000, 7)
    g = Gateway(bench.build, bench.scratch, conf="answer_deadline_message = 0;\n")
    g.signal(signal.SIGSTOP, *BEHIND)
    kamailio = Kamailio(bench.scratch)
    for port in (g.port, kamailio.port):
        bench.load(port, 500)
    ours, theirs = [], []
    for n in range(pairs):
        bench.progress("accept: pair %d of %d" % (n + 1, pairs))
        ours.append(accept_rate(bench, g.port, count))
        theirs.append(accept_rate(bench, kamailio.port, count))
    bench.say("MESSAGE taken, durable before the 202: %d/s; Kamailio, stateful, nothing kept: %d/s"
              % (statistics.median(ours), statistics.median(theirs)))
    bench.figure("accept_per_s", round(statistics.median(ours)), "messages/s")
    bench.figure("accept_vs_kamailio", round(statistics.median(a / b for a, b in zip(ours, theirs)), 2), "of Kamailio's rate", least=0.5)
    kamailio.close()
    g.kill()
