"""Each map alone in a pipe, the spool alone, the table of transactions alone."""
import json, os, re, resource, statistics, subprocess, time
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


HEADER = (
    "Return-Path: <bob@example.org>",
    "Received: from mail.example.org (mail.example.org [192.0.2.25])",
    "\tby mx.example.net (Postfix) with ESMTPS id 4XbW2k1jZ9z1q",
    "\tfor <alice@rcs.example.net>; Fri, 20 Nov 2026 07:56:44 +0000 (UTC)",
    "Authentication-Results: mailgw.ims.example.net; dkim=pass header.d=example.org;",
    "\tspf=pass smtp.mailfrom=bob@example.org; dmarc=pass header.from=example.org",
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;",
    "\th=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;",
    "\tb=" + "dGhpcyBpcyBubyBzaWduYXR1cmUgYXQgYWxs" * 4,
    "From: Bob Builder <bob@example.org>",
    "To: Alice <alice@rcs.example.net>",
    "Subject: The plan for Friday @N@",
    "Date: Fri, 20 Nov 2026 08:56:44 +0100",
    "Message-ID: <@N@.7f3a@mail.example.org>",
    "MIME-Version: 1.0",
    "User-Agent: Mozilla Thunderbird",
    "Content-Type: text/plain; charset=UTF-8; format=flowed",
    "Content-Transfer-Encoding: 8bit",
    "",
)
LINE = "We meet at half past seven in front of the old station; bring the drawings."


def mail_records(bench, count):
    """mail.in records as smtp-listen writes them: a text of 2 KB, each of a conversation of its own."""
    mail = "\r\n".join(HEADER) + "\r\n" + (LINE + "\r\n") * 27
    record = {"v": 1, "id": "0f31000000000000000m@N@", "trace": "0f31000000000000000m@N@", "time": "2026-11-20T07:56:44.123Z", "type": "mail.in",
              "key": "bob@example.org|u@N@@rcs.example.net",
              "mail": {"from": "bob@example.org", "to": [{"address": "u@N@@rcs.example.net", "cpm": "sip:u@N@@ims.example.net"}], "smtputf8": False,
                       "eightbit": False, "helo": "mx.example.net",
                       "peer": {"protocol": "lmtp", "transport": "unix", "tls": False}, "received": 1795161404123,
                       "message_id": "@N@.7f3a@mail.example.org", "size": len(mail) + 10, "body": {"type": "message/rfc822", "text": mail}}}
    line, path = json.dumps(record, separators=(",", ":")), os.path.join(bench.scratch, "mails")
    with open(path, "w") as f:
        for i in range(count):
            f.write(line.replace("@N@", "%06d" % i) + "\n")
    return path


def from_mail(bench, conf, count):
    """The map of the other direction. A request of that size goes by TCP."""
    bench.progress("maps: mail2cpm")
    with open(mail_records(bench, count)) as i, open(os.path.join(bench.scratch, "out.mail2cpm"), "w") as o:
        status, cpu, wall = child_cpu([bench.program("mail2cpm"), "-c", conf], i, o)
    with open(o.name) as f:
        sent = sum('"type":"sip.send' in line for line in f)
    if status != 0 or sent != count:
        bench.fail("mail2cpm ended with %d, %d messages of %d mails" % (status, sent, count))
    bench.figure("mail2cpm_us", round(cpu / count * 1e6, 1), "us CPU a record, a text of 2 KB, mail2cpm alone in a pipe", most=150)
    bench.figure("mail2cpm_records_per_s", round(count / wall), "records/s")
    out = subprocess.run([os.path.join(bench.build, "t", "reply", "reply-score"), os.path.join(bench.source, "t", "reply", "cases")],
                         stdout=subprocess.PIPE, text=True).stdout
    found = re.search(r"reply_score\D+([0-9.]+)", out)
    bench.figure("reply_score", float(found[1]) if found else 0, "of the corpus of answers, no whole mail eaten", least=0.97)


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
    from_mail(bench, conf, count)
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
