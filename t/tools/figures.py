#!/usr/bin/env python3
"""scripts/bench prints every figure it promises, and those that do not hang on how busy the machine is are as good as they must be. Speaks TAP."""
import json, os, shutil, subprocess, sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(SOURCE, "build"))

# figure, what it must be below (None: it only has to be there and above zero)
FIGURES = (
    ("cpm2mail_us", None), ("cpm2mail_records_per_s", None), ("mail_route_us", None), ("smtp_send_us", None), ("report_us", None),
    ("spool_records_per_s", None), ("spool_batches_per_s", None), ("transaction_bytes", 2048), ("transaction_lookup_us", 5),
    ("message_to_maildir_per_s", None), ("sipp_to_sipp_per_s", None), ("large_body_peak_rss_mb", 20), ("idle_pss_mb", 36),
    ("noop_filter_us", None), ("recovery_s", None),
    ("mail2cpm_us", None), ("reply_score", None), ("mail2cpm_peak_rss_mb", 24),
)
# those that need a peer: asked for where the peer is on the machine
PEERS = {
    "smtp-sink": ("after_drain_vs_before", "throughput_full_vs_empty", "body_10k_vs_wire", "body_100k_vs_wire"),
    "kamailio": ("accept_per_s", "accept_vs_kamailio"),
    "postfix": ("throughput_vs_postfix", "cpu_vs_postfix", "latency_p50_vs_postfix", "latency_p99_vs_postfix", "mail_to_message_vs_postfix"),
}

if os.environ.get("SANITIZED") == "yes":
    print("1..0 # SKIP figures of a build with sanitizers mean nothing")
    sys.exit(0)
run = subprocess.run([os.path.join(SOURCE, "scripts", "bench"), "--quick", "--json", "--build", BUILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
print("%s 1 - scripts/bench --json" % ("ok" if run.returncode == 0 else "not ok"))
for line in (run.stderr or "").splitlines()[-20:]:
    print("# " + line)
figures = json.loads(run.stdout) if run.returncode == 0 else {}
bad = run.returncode != 0
wanted = list(FIGURES)
for peer, names in PEERS.items():
    if shutil.which(peer, path=os.environ["PATH"] + ":/usr/sbin") and (peer != "postfix" or os.getuid() == 0):
        wanted += [(name, None) for name in names]
for n, (name, below) in enumerate(wanted, 2):
    value = figures.get(name, 0)
    good = value > 0 and (below is None or value < below)
    bad = bad or not good
    print("%s %d - %s: %s%s" % ("ok" if good else "not ok", n, name, value, "" if below is None else " (below %s)" % below))
print("1..%d" % (len(wanted) + 1))
sys.exit(bad)
