"""Replaying JSON lines for the default mTLS rule: lines per second of CPU and on the clock, and memory.

Beside it, in the same run, the loop that one would write by hand: `json.loads` and an `if` per line.
Run: python benchmarks/replay.py [LINES]
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LINES = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 600_000
RULES = """version = 1
[[hosts]]
name = "api.example.com"
[[hosts]]
name = "www.example.com"
mtls = false
[[rules]]
ref = "mtls-api"
expression = '(http.host in {"api.example.com" "b.example.com"} and not cf.tls_client_auth.cert_verified)'
action = "block"
"""
PATH_RULE = """[[rules]]
ref = "admin"
expression = 'starts_with(http.request.uri.path, "/admin/") and not ip.src in {192.0.2.0/28}'
action = "block"
"""


def line(number: int, rng: random.Random) -> str:
    return json.dumps(
        {
            "time_iso8601": f"2026-11-20T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}+00:00",
            "remote_addr": f"192.0.2.{rng.randrange(256)}",
            "request_method": rng.choice(["GET", "GET", "POST"]),
            "http_host": rng.choice(["api.example.com", "www.example.com", "b.example.com"]),
            "request_uri": f"/v1/items/{rng.randrange(10**6)}?page={rng.randrange(50)}",
            "server_protocol": "HTTP/2.0",
            "status": rng.choice([200, 200, 403]),
            "body_bytes_sent": rng.randrange(10**5),
            "http_user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120",
            "ssl_client_verify": rng.choice(["SUCCESS", "NONE", "FAILED:certificate has expired"]),
            "request_time": round(rng.random(), 3),
        },
        separators=(",", ":"),
    )


def by_hand(log: Path) -> float:
    begin = time.process_time()
    blocked = 0
    with log.open("rb") as stream:
        for text in stream:
            try:
                entry = json.loads(text)
            except ValueError:
                continue
            if entry.get("http_host") in ("api.example.com", "b.example.com"):
                blocked += entry.get("ssl_client_verify") != "SUCCESS"
    return time.process_time() - begin


RUN = """
import resource
from mtls_tui.simulate.logs.source import open_log
from mtls_tui.simulate.policies import load_policy
from mtls_tui.simulate.replay.run import replay

def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)

if __name__ == "__main__":
    bundle, log = load_policy({rules!r}).bundle, open_log({log!r})
    begin = cpu()
    result = replay(bundle, log, jobs={jobs})
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
    print(cpu() - begin, result.seconds, peak, sum(result.unreadable.values()))
"""


def ours(log: Path, rules: Path, jobs: int) -> tuple[float, float, int]:
    """CPU seconds of all processes, seconds on the clock, kilobytes of memory at the peak; in a process of its own."""
    script = rules.parent / "run.py"
    script.write_text(RUN.format(rules=str(rules), log=str(log), jobs=jobs))
    out = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True).stdout.split()
    assert int(out[3]) == 0
    return float(out[0]), float(out[1]), int(out[2])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rules, log = Path(folder, "r.rules.toml"), Path(folder, "access.log")
        rules.write_text(RULES)
        rng = random.Random(7)
        with log.open("w") as stream:
            for number in range(LINES):
                stream.write(line(number, rng) + "\n")
        fourfold = Path(folder, "fourfold.log")
        with fourfold.open("wb") as stream:
            for _ in range(4):
                stream.write(log.read_bytes())
        print(f"{LINES:,} JSON lines, {log.stat().st_size / 1e6:.0f} MB, {len(os.sched_getaffinity(0))} cores")
        hand = by_hand(log)
        print("                         lines per CPU s, and ratio    lines/s     memory")
        print(f"  by hand (json.loads)   {LINES / hand:>10,.0f}    1.00")
        show("replay", LINES, hand, *ours(log, rules, 1))
        show("the log four times", 4 * LINES, 4 * hand, *ours(fourfold, rules, 1))
        show("  in two processes", 4 * LINES, 4 * hand, *ours(fourfold, rules, 2))
        rules.write_text(RULES + PATH_RULE)
        show("with a rule on paths", LINES, hand, *ours(log, rules, 1))
        show("  in two processes", LINES, hand, *ours(log, rules, 2))


def show(what: str, lines: int, hand: float, cpu: float, clock: float, memory: int) -> None:
    print(
        f"  {what:<22} {lines / cpu:>10,.0f} {hand / cpu:>7.2f} {lines / clock:>14,.0f} {memory / 1024:>9.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
