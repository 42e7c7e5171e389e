"""smtp_wire - mails over one connection: smtp-send, engine direct, beside smtp-source, to the same smtp-sink, in turn.

Both wait for the answer to each mail; smtp-send besides parses a record and writes a result for each of them.
"""
import json, os, shutil, statistics, subprocess, time

SIZES = ((1, 4000), (10, 3000), (100, 1000))  # KiB, mails a run


def octets(name, kib):
    head = ("From: alice@rcs.example.net\r\nTo: bob@example.org\r\nSubject: wire\r\nMessage-ID: <%s@rcs.example.net>\r\n"
            "\r\n" % name)
    line = "x" * 70 + "\r\n"
    rest = kib * 1024 - len(head)
    return head + line * (rest // 72) + "y" * max(rest % 72 - 2, 1) + "\r\n"


def records(path, blobs, kib, count, port):
    """count mail.out; bodies over 64 KiB are blobs, which are one file under many names."""
    os.makedirs(blobs, exist_ok=True)
    first = None
    with open(path, "w") as out:
        for i in range(count):
            name = "01jc%03d%019d" % (kib, i)
            text = octets(name, kib)
            body = {"type": "message/rfc822"}
            if len(text) > 65536:
                body.update(blob=name, size=len(text))
                if first is None:
                    first = os.path.join(blobs, name)
                    with open(first, "w", newline="") as f:
                        f.write(text)
                else:
                    os.link(first, os.path.join(blobs, name))
            else:
                body["text"] = text
            mail = {"from": "alice@rcs.example.net", "to": [{"address": "bob@example.org"}],
                    "message_id": name + "@rcs.example.net", "size": len(text), "body": body,
                    "route": {"engine": "direct", "domain": "example.org", "tls": "off",
                              "hosts": [{"name": "mx.example.org", "port": port, "addresses": ["127.0.0.1"]}]}}
            out.write(json.dumps({"v": 1, "id": name, "trace": name, "time": "2026-11-20T07:56:44.123Z", "type": "mail.out",
                                  "mail": mail}, separators=(",", ":")) + "\n")


def timed(command, stdin, stdout):
    began = time.monotonic()
    with open(stdin) as i, open(stdout, "w") as o:
        status = subprocess.run(command, stdin=i, stdout=o, stderr=subprocess.DEVNULL).returncode
    if status != 0:
        raise SystemExit("bench: %s ended with %d" % (command[0], status))
    return time.monotonic() - began


def measure(say, program, scratch, port, quick):
    if not shutil.which("smtp-sink", path=os.environ["PATH"] + ":/usr/sbin"):
        say("smtp_wire: no smtp-sink here, left out")
        return {}
    env_path = os.environ["PATH"]
    os.environ["PATH"] = env_path + ":/usr/sbin"
    conf, out, blobs = (os.path.join(scratch, "wire." + n) for n in ("conf", "out", "blobs"))
    with open(conf, "w") as f:
        f.write("smtp_connections_per_host = 1;\n")
    sink = subprocess.Popen(["smtp-sink", "-u", "nobody", "127.0.0.1:%d" % port, "1000"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    result = {}
    try:
        time.sleep(0.5)
        for kib, count in SIZES:
            count = count // 5 if quick else count
            at = os.path.join(scratch, "wire.%d" % kib)
            records(at, blobs, kib, count, port)
            ratios, rates, peer = [], [], []
            for _ in range(3 if quick else 7):
                theirs = timed(["smtp-source", "-d", "-s", "1", "-m", str(count), "-l", str(kib * 1024), "127.0.0.1:%d" % port],
                               os.devnull, os.devnull)
                ours = timed([program, "-c", conf, "-B", blobs], at, out)
                with open(out) as f:
                    done = sum('"outcome":"done"' in line for line in f)
                if done != count:
                    raise SystemExit("bench: %d of %d mails were sent" % (done, count))
                ratios.append(theirs / ours)
                rates.append(count / ours)
                peer.append(count / theirs)
            result["body_%dk_vs_wire" % kib] = round(statistics.median(ratios), 2)
            say("mails of %3d KB over one connection: smtp-send %6d/s, smtp-source %6d/s, ratio %.2f"
                % (kib, statistics.median(rates), statistics.median(peer), statistics.median(ratios)))
    finally:
        sink.kill()
        sink.wait()
        os.environ["PATH"] = env_path
    return result
