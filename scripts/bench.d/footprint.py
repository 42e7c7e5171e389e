"""Memory of the gateway, and what one more filter costs."""
import os, socket, statistics, sys, time
from gateway import Gateway, free_port
from peers import Sink, there


def large(size):
    """A MESSAGE of a text and an attachment of so many octets."""
    part = os.urandom(1 << 20) * (size >> 20)
    body = (b"--b7\r\nContent-Type: text/plain;charset=UTF-8\r\n\r\nThe file.\r\n--b7\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Disposition: attachment; filename=big.bin\r\nContent-Transfer-Encoding: binary\r\n\r\n" + part + b"\r\n--b7--\r\n")
    head = ("MESSAGE sip:bob%%40example.org@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5099;branch=z9hG4bKlarge\r\n"
            "Max-Forwards: 66\r\nFrom: <sip:alice@ims.example.net>;tag=l1\r\nTo: <sip:bob%%40example.org@127.0.0.1>\r\n"
            "Call-ID: large-%d\r\nCSeq: 1 MESSAGE\r\nP-Asserted-Identity: <sip:alice@ims.example.net>\r\n"
            "Content-Type: multipart/mixed;boundary=b7\r\nContent-Length: %d\r\n\r\n" % (os.getpid(), len(body))).encode()
    return head + body


def final_answer(s):
    got = b""
    while True:
        more = s.recv(4096)
        if not more:
            return got
        got += more
        for line in got.split(b"\r\n"):
            if line.startswith(b"SIP/2.0 ") and not line.startswith(b"SIP/2.0 1"):
                return line


def large_body(bench):
    """50 MB in, a mail of almost 70 MB out: by SMTP where there is a sink, else into a Maildir."""
    size = 50 << 20
    port = free_port()
    sink = Sink(port) if there("smtp-sink") else None
    g = Gateway(bench.build, bench.scratch, conf="max_pager_in = 67000000;\nmax_sip_size = 67000000;\nmax_mail_out = 100000000;\n",
                next_hop="127.0.0.1:%d" % port if sink else None)
    message = large(size)
    if sink:
        sink.__enter__()
    try:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", g.port)) as s:
            s.settimeout(60)
            s.sendall(message)
            answer = final_answer(s)
        seconds = time.monotonic() - began
        bench.drained(g)
    finally:
        if sink:
            sink.__exit__()
    if not answer.startswith(b"SIP/2.0 202"):
        bench.fail("the large body was answered with %r" % answer[:200])
    peak = g.peak_mb()
    g.close()
    worst = max(peak, key=peak.get)
    bench.say("a body of 50 MB, %.2f s: %s" % (seconds, ", ".join("%s %.1f" % p for p in peak.items())))
    bench.figure("large_body_peak_rss_mb", round(peak[worst], 1), "MB, the highest peak of resident memory (%s)" % worst, most=20)
    bench.figure("large_body_s", round(seconds, 2), "s until the 202")


def idle(bench):
    """The pipeline at rest, after it has worked a little."""
    g = Gateway(bench.build, bench.scratch)
    bench.load(g.port, 100)
    time.sleep(1.5)
    held = g.pss_mb()
    bench.say("at rest after 100 messages: %s" % ", ".join("%s %.1f" % p for p in held.items()))
    bench.figure("idle_pss_mb", round(sum(held.values()), 1), "MB Pss, all programs of the way MESSAGE -> mail", most=36)
    g.close()


def filter_cost(bench):
    """CPU of a filter that does nothing, in the chain between sip-listen and cpm2mail, at full load."""
    count, runs = (3000, 1) if bench.quick else (10000, 5)
    g = Gateway(bench.build, bench.scratch, filter=os.path.join(bench.build, "t", "bin", "noop"))
    bench.load(g.port, 500)
    costs = []
    for n in range(runs):
        bench.progress("noop filter: run %d of %d" % (n + 1, runs))
        before = g.cpu()["noop"]
        bench.load(g.port, count)
        costs.append((g.cpu()["noop"] - before) / count * 1e6)
    bench.figure("noop_filter_us", round(statistics.median(costs), 1), "us CPU a message, one filter more in the chain that does nothing", most=54)
    g.close()


def measure(bench):
    idle(bench)
    filter_cost(bench)


def measure_large(bench):
    large_body(bench)
