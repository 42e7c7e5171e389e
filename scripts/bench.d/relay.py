"""MESSAGE -> SMTP through the whole gateway, beside the same mails through Postfix. In turn, one after the other."""
import statistics
from gateway import Gateway, free_port
from peers import Postfix, Sink, tree_cpu

WINDOW = 400  # messages under way: where the gateway is at its best, as Postfix is with 4 sessions
TEXT = 468  # octets of text in a MESSAGE that becomes a mail of about 1 KB


def gateway_cpu(g):
    return sum(tree_cpu(p.pid) for _, p in g.processes.values())


def pair(bench, g, postfix, count, octets):
    """One run of each: messages/s and CPU microseconds a message, ours and theirs."""
    before = gateway_cpu(g)
    ours = bench.load(g.port, count, window=WINDOW, text=TEXT)["seconds"]
    bench.drained(g)
    cost = (gateway_cpu(g) - before) / count * 1e6
    before = postfix.cpu()
    theirs = postfix.relay(count, octets)
    return count / ours, cost, count / theirs, (postfix.cpu() - before) / count * 1e6


def throughput(bench, g, postfix, sink, octets):
    count, pairs = (1000, 2) if bench.quick else (5000, 7)
    with Sink(sink):
        bench.load(g.port, 500, text=TEXT)
        postfix.relay(500, octets)
        runs = []
        for n in range(pairs):
            bench.progress("relay: pair %d of %d" % (n + 1, pairs))
            runs.append(pair(bench, g, postfix, count, octets))
    rate, cost, their_rate, their_cost = (statistics.median(column) for column in zip(*runs))
    bench.say("MESSAGE -> SMTP beside mail -> Postfix -> SMTP, durable, %d octets a mail" % octets)
    bench.figure("message_to_smtp_per_s", round(rate), "messages/s through the gateway")
    bench.figure("postfix_per_s", round(their_rate), "mails/s through Postfix, 4 sessions")
    bench.figure("throughput_vs_postfix", round(statistics.median(r[0] / r[2] for r in runs), 2), "times Postfix", least=5)
    bench.figure("message_to_smtp_cpu_us", round(cost), "us CPU a message, all programs of the gateway")
    bench.figure("postfix_cpu_us", round(their_cost), "us CPU a mail, all of Postfix")
    bench.figure("cpu_vs_postfix", round(statistics.median(r[1] / r[3] for r in runs), 3), "of Postfix's CPU", most=0.167)


def latency(bench, g, postfix, sink, octets):
    count, pairs = (40, 2) if bench.quick else (300, 7)
    runs = []
    for n in range(pairs):
        bench.progress("latency: pair %d of %d" % (n + 1, pairs))
        runs.append((bench.tool("latency", "sip", g.port, sink, count, TEXT), bench.tool("latency", "smtp", postfix.port, sink, count, octets)))
    middle = lambda side, key: statistics.median(r[side]["whole"][key] for r in runs) / 1000
    ratio = lambda key: round(statistics.median(r[0]["whole"][key] / r[1]["whole"][key] for r in runs), 3)
    bench.say("idle, one at a time: from the first octet of the message in to the final dot of the mail out")
    for name, side in (("message_to_smtp", 0), ("postfix", 1)):
        for key in ("p50", "p99"):
            bench.figure("%s_%s_ms" % (name, key), round(middle(side, key), 2), "ms, %s" % key)
    bench.figure("postfix_from_dot_p50_ms", round(statistics.median(r[1]["from_dot"]["p50"] for r in runs) / 1000, 2),
                 "ms, p50 of Postfix from the final dot of the mail in")
    bench.figure("latency_p50_vs_postfix", ratio("p50"), "of Postfix's p50", most=1)
    bench.figure("latency_p99_vs_postfix", ratio("p99"), "of Postfix's p99", most=0.5)


def measure(bench):
    if not Postfix.runs_here():
        bench.say("relay: needs root, Postfix, smtp-source and smtp-sink; left out")
        return
    sink = free_port()
    g = Gateway(bench.build, bench.scratch, next_hop="127.0.0.1:%d" % sink)
    postfix = Postfix(bench.scratch, sink)
    octets = bench.tool("latency", "sip", g.port, sink, 1, TEXT)["mail_octets"]
    latency(bench, g, postfix, sink, octets)
    throughput(bench, g, postfix, sink, octets)
    postfix.close()
    g.close()
