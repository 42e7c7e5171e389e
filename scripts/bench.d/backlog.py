"""Flat: what the gateway does with much waiting, after much was drained, and when it starts with much waiting."""
import json, os, signal, statistics, time
from accept import BEHIND, accept_rate
from gateway import Gateway, free_port
from peers import Sink, there
from relay import WINDOW

DIGITS = "0123456789abcdefghijklmnopqrstuv"
HOURS_4 = 4 * 3600 * 1000000


def base32(value, width):
    out = ""
    for _ in range(width):
        value, digit = divmod(value, 32)
        out = DIGITS[digit] + out
    return out


def fill(bench, queue, records):
    """records mails that wait for a later try, two a file, as smtp-send leaves them there; due in almost four hours."""
    now = time.time_ns() // 1000
    mail = {"from": "alice@rcs.example.net", "to": [{"address": "bob@example.org"}], "size": 900,
            "body": {"type": "message/rfc822", "text": "Subject: later\r\n\r\n" + "Later, please. " * 56 + "\r\n"}}
    for n in range(records // 2):
        lines = []
        for k in (0, 1):
            ident = "01" + base32(2 * n + k, 24)
            lines.append(json.dumps({"v": 1, "id": ident, "trace": ident, "time": "2026-03-05T08:30:01.000Z", "type": "mail.out",
                                     "mail": dict(mail, message_id=ident + "@rcs.example.net")}, separators=(",", ":")) + "\n")
        name = "%s.%s.%s.%d" % (base32(now + HOURS_4 - 600000000 + n, 11), base32(now - 60000000 + n, 11), base32(n, 13), 2)
        with open(os.path.join(queue, "defer", name), "w") as f:
            f.writelines(lines)
        if n % 20000 == 0:
            bench.progress("backlog: %d of %d records made" % (2 * n, records))
    bench.progress("backlog: to disk")
    os.sync()


def full_vs_empty(bench):
    """Two gateways, one with an empty spool; a message through either, in turn."""
    if not there("smtp-sink"):
        bench.say("backlog: needs smtp-sink; left out")
        return
    records = 20000 if bench.quick else 1000000
    count, pairs = (1000, 2) if bench.quick else (5000, 7)
    sink = free_port()
    full, empty = (Gateway(bench.build, bench.scratch, next_hop="127.0.0.1:%d" % sink) for _ in range(2))
    full.kill()
    fill(bench, os.path.join(full.root, "smtp-send"), records)
    full.start_again()
    full.wait()
    with Sink(sink):
        ratios = []
        for n in range(pairs):
            bench.progress("backlog: pair %d of %d" % (n + 1, pairs))
            rates = [count / bench.load(g.port, count, window=WINDOW)["seconds"] for g in (full, empty)]
            ratios.append(rates[0] / rates[1])
    waiting = len(os.listdir(os.path.join(full.root, "smtp-send", "defer")))
    if waiting != records // 2:
        bench.fail("%d files of the backlog are left of %d" % (waiting, records // 2))
    bench.figure("throughput_full_vs_empty", round(statistics.median(ratios), 3),
                 "of the throughput with an empty spool while %d records wait in defer/" % records, least=0.9)
    full.close()
    empty.close()


def beside_control(bench, g, control, count, pairs):
    """Messages taken per second by g and, in turn, by a gateway that never drained anything: the median rate, the median ratio."""
    rates, ratios = [], []
    for g_is_first in (n % 2 == 0 for n in range(pairs)):
        both = {x: accept_rate(bench, x.port, count) for x in ((g, control) if g_is_first else (control, g))}
        rates.append(both[g])
        ratios.append(both[g] / both[control])
    return statistics.median(rates), statistics.median(ratios)


def after_drain(bench):
    """Messages taken per second with the way behind stopped, before a backlog was drained and right after it. The rate of an undisturbed gateway, taken
    in turn, stands for whatever else happens on the machine meanwhile."""
    if not there("smtp-sink"):
        bench.say("drain: needs smtp-sink; left out")
        return
    backlog = 4000 if bench.quick else 60000
    count, pairs = (500, 3) if bench.quick else (4000, 7)
    sink = free_port()
    g, control = (Gateway(bench.build, bench.scratch, conf="answer_deadline_message = 0;\n", next_hop="127.0.0.1:%d" % sink) for _ in range(2))
    control.signal(signal.SIGSTOP, *BEHIND)
    with Sink(sink):
        bench.load(g.port, 500)
        bench.load(control.port, 500)
        bench.drained(g)
        measured = []
        for when in ("before", "after"):
            bench.progress("backlog: messages taken %s" % when)
            g.signal(signal.SIGSTOP, *BEHIND)
            measured.append(beside_control(bench, g, control, count, pairs))
            if when == "before":
                bench.load(g.port, backlog - pairs * count, window=20)
            g.signal(signal.SIGCONT, *BEHIND)
            bench.progress("backlog: drained")
            bench.drained(g, 600)
    (before, ratio_before), (after, ratio_after) = measured
    bench.say("messages taken per second, the way behind stopped: %d before, %d after %d were drained; %.2f and %.2f of an undisturbed gateway in turn"
              % (before, after, backlog, ratio_before, ratio_after))
    bench.figure("after_drain_vs_before", round(ratio_after / ratio_before, 3), "of the rate before", least=0.95)
    g.close()
    control.kill()


def recovery(bench):
    """Everything killed with records waiting, started again: until SIP is answered and the first of the mails is there."""
    records = 5000 if bench.quick else 100000
    g = Gateway(bench.build, bench.scratch, conf="answer_deadline_message = 0;\n")
    g.signal(signal.SIGSTOP, *BEHIND)
    bench.progress("recovery: %d messages are taken" % records)
    bench.load(g.port, records, window=50)
    g.kill()
    files = g.waiting()
    began = time.monotonic()
    g.start_again()
    g.wait()
    answered = time.monotonic() - began
    while not g.mails() and time.monotonic() - began < 60:
        time.sleep(0.005)
    first = time.monotonic() - began
    bench.figure("recovery_s", round(first, 3), "s from the start to the first mail with %d records in %d files waiting (SIP answered after %.3f s)"
                 % (records, files, answered), most=2)
    g.kill()
