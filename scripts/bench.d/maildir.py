"""MESSAGE -> Maildir with sipp in front, beside sipp against sipp; CPU of each program."""
import os, statistics, subprocess, sys, time
from gateway import Gateway, fresh, free_port

HERE = os.path.dirname(os.path.abspath(__file__))


def sipp(bench, port, count, rate=20000, limit=400, transport="u1"):
    """Send count MESSAGEs; returns (seconds, failed)."""
    where = fresh(bench.scratch, "sipp")
    stat = os.path.join(where, "stat.csv")
    began = time.monotonic()
    done = subprocess.run(["sipp", "-sf", os.path.join(HERE, "message.xml"), "127.0.0.1:%d" % port, "-i", "127.0.0.1",
                           "-m", str(count), "-r", str(rate), "-l", str(limit), "-t", transport, "-nostdin", "-trace_stat",
                           "-stf", stat, "-fd", "1", "-timeout", "240"],
                          cwd=where, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    with open(stat) as f:
        rows = [line.rstrip("\n").split(";") for line in f]
    last = dict(zip(rows[0], rows[-1]))
    failed = int(last["FailedCall(C)"]) + (count - int(last["SuccessfulCall(C)"]) - int(last["FailedCall(C)"]))
    if done.returncode not in (0, 1):
        sys.exit("bench: sipp ended with %d" % done.returncode)
    return seconds, failed


def through(bench, count):
    """One gateway, count messages: the rate, CPU us a message of each program."""
    g = Gateway(bench.build, bench.scratch)
    sipp(bench, g.port, 500)
    before = g.cpu()
    seconds, failed = sipp(bench, g.port, count)
    after = g.cpu()
    if failed or len(g.mails()) != count + 500:
        bench.fail("%d messages failed, %d mails of %d" % (failed, len(g.mails()), count + 500))
    g.close()
    return count / seconds, {name: (after[name] - before[name]) / count * 1e6 for name in after}


def sipp_alone(bench, count):
    port = free_port()
    server = subprocess.Popen(["sipp", "-sf", os.path.join(HERE, "answer.xml"), "-i", "127.0.0.1", "-p", str(port),
                               "-nostdin", "-t", "u1"], cwd=fresh(bench.scratch, "answer"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    seconds, _ = sipp(bench, port, count)
    server.kill()
    server.wait()
    return count / seconds


def measure(bench):
    count, times = (2500, 1) if bench.quick else (20000, 3)
    runs = []
    for n in range(times):
        bench.progress("Maildir: run %d of %d" % (n + 1, times))
        runs.append(through(bench, count))
    bench.say("MESSAGE -> Maildir, durable before the 202 (%s)" % ", ".join("%d" % r for r, _ in runs))
    bench.figure("message_to_maildir_per_s", round(statistics.median(r for r, _ in runs)), "messages/s")
    for name in runs[0][1]:
        bench.figure(name.replace("-", "_") + "_cpu_us", round(statistics.median(c[name] for _, c in runs), 1), "us CPU a message, %s" % name)
    bench.figure("sipp_to_sipp_per_s", round(sipp_alone(bench, count)), "messages/s, sipp against sipp, nothing kept, same generator")
