"""Each map alone in a pipe, the spool alone, the table of transactions alone."""
import json, os, resource, statistics, subprocess, time
from gateway import fresh

HERE = os.path.dirname(os.path.abspath(__file__))


def child_cpu(argv, stdin, stdout):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    p = subprocess.run(argv, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return p.returncode, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def sample_records(bench, count):
    """sip.request records as sip-listen writes them, one conversation, each message its own."""
    with open(os.path.join(HERE, "request.json")) as f:
        line = f.read().strip()
    path = os.path.join(bench.scratch, "requests")
    with open(path, "w") as f:
        for i in range(count):
            f.write(line.replace("@N@", "%06d" % i) + "\n")
    return path


def maps(bench):
    """Each map alone, in a pipe: records/s and CPU a record."""
    count = 3000 if bench.quick else 20000
    conf = os.path.join(bench.scratch, "maps.conf")
    key = os.path.join(bench.scratch, "maps.key")
    with open(key, "wb") as f:
        f.write(b"k" * 32)
    os.chmod(key, 0o600)
    with open(conf, "w") as f:
        f.write('gateway = "mailgw.ims.example.net";\nmail_domain = "rcs.example.net";\nsip_domains = ("ims.example.net");\n'
                'domain_map = (("ims.example.net", "rcs.example.net"));\nmsgid_key = ("%s");\n'
                'next_hop_smarthost = "maildir:%s";\n' % (key, os.path.join(bench.scratch, "maps.mail")))
    at = sample_records(bench, count)
    for name in ("cpm2mail", "mail-route", "smtp-send", "report"):
        bench.progress("maps: %s" % name)
        out = os.path.join(bench.scratch, "out." + name)
        with open(at) as i, open(out, "w") as o:
            status, cpu, wall = child_cpu([bench.program(name), "-c", conf], i, o)
        if status != 0:
            bench.fail("%s ended with %d" % (name, status))
        key = name.replace("-", "_")
        bench.figure(key + "_us", round(cpu / count * 1e6, 1), "us CPU a record, %s alone in a pipe" % name)
        bench.figure(key + "_records_per_s", round(count / wall), "records/s")
        at = out


def spool(bench):
    """Two processes: one gives records in bunches, one passes them on to another queue, both durably."""
    where = fresh(bench.scratch, "spool")
    run = [os.path.join(bench.build, "t", "bench", "spool-bench"), "-d", where]
    bench.progress("spool")
    runs = [json.loads(subprocess.run(run, stdout=subprocess.PIPE, check=True).stdout) for _ in range(1 if bench.quick else 3)]
    mid = lambda key: round(statistics.median(r[key] for r in runs))
    bench.figure("spool_records_per_s", mid("through_per_s"), "records/s of 1.5 KB in bunches through a queue")
    bench.figure("spool_batches_per_s", mid("single_commits_per_s"), "batches/s committed one by one")


def transactions(bench):
    bench.progress("transactions")
    out = json.loads(subprocess.run([os.path.join(bench.build, "t", "bench", "transaction-bench")], stdout=subprocess.PIPE, check=True).stdout)
    bench.figure("transaction_bytes", out["transaction_bytes"], "octets a transaction at 40 000 live", most=2048)
    bench.figure("transaction_lookup_us", out["transaction_lookup_us"], "us a lookup", most=5)
