"""A gateway under moderate load for as long as you like: memory and open files stay flat, no answer is wrong.

    python benchmarks/soak.py [--seconds 20] [--rate 100] [--clients 8]      # two hours: --seconds 7200

Half of the requests have a verified certificate (200), half have none (403); each client opens a new connection now and
then. Every 5 seconds the bundle changes, every 10 seconds the log is rotated. Prints memory and open files of all
processes, and ends with status 1 when an answer was wrong, a request has no log line, or memory or open files grew
from the second quarter of the time to the last (by more than 10 % and 8 MiB, or 20 files).
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

from gateway import HOST, Files, envoy_running, upstream_config

from mtls_tui.gateway.workers.processes import free_port

SAMPLES = 40
ROOT = ["--allow-root"] if os.geteuid() == 0 else []
GROWTH, GROWTH_KIB, GROWTH_FILES = 1.10, 8 * 1024, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=100, help="requests per second, all clients together")
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        site = Files(folder)
        upstream = stack.enter_context(envoy_running(folder / "upstream", upstream_config(folder)))
        bundle, log, port = site.bundle(upstream.port), folder / "access.jsonl", free_port("127.0.0.1", 0)
        command = [sys.executable, "-m", "mtls_tui", "serve", str(bundle), "--listen", f"127.0.0.1:{port}",
                   "--log", str(log), "--limit", "connections=1000", *ROOT]  # fmt: skip
        running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        stack.callback(running.kill)
        assert running.stderr is not None
        line = running.stderr.readline()
        assert "serving" in line, line
        threading.Thread(target=running.stderr.read, daemon=True).start()
        load = Load(port, site, options.rate / options.clients)
        clients = [threading.Thread(target=load.run, args=(number % 2 == 0,)) for number in range(options.clients)]
        keeper = threading.Thread(target=change, args=(load, running.pid, bundle, log))
        begin = time.monotonic()
        for thread in (*clients, keeper):
            thread.start()
        samples = sample(running.pid, begin, options.seconds)
        load.stop.set()
        for thread in (*clients, keeper):
            thread.join()
        running.send_signal(signal.SIGTERM)
        code = running.wait(60)
        lines = sum(logged(file) for file in folder.glob("access.jsonl*"))
    problems = [f"{number} × {what}" for what, number in load.wrong.items()]
    problems += [f"exit code {code}"] if code else []
    problems += [f"{load.answered} answers, {lines} log lines"] if lines != load.answered else []
    problems += grown(samples)
    print(f"{load.answered} answers in {options.seconds:.0f} s, {load.connections} connections, {load.changes} reloads")
    print("\n".join(problems) or "flat: no answer wrong, no log line missing, memory and open files do not grow")
    sys.exit(bool(problems))


class Load:
    """The clients, and what they saw."""

    def __init__(self, port: int, site: Files, rate: float) -> None:
        self.port, self.site, self.pause = port, site, 1 / rate
        self.stop = threading.Event()
        self.wrong: Counter[str] = Counter()
        self.answered = self.connections = self.changes = 0
        self._lock = threading.Lock()

    def run(self, verified: bool) -> None:
        context = ssl.create_default_context(cafile=str(self.site.ca))
        if verified:
            context.load_cert_chain(*self.site.client)
        expected, number = (200 if verified else 403), 0
        connection = None
        while not self.stop.wait(self.pause):
            if connection is None or number % 50 == 0:
                connection = Connection(self.port, context)
                with self._lock:
                    self.connections += 1
            number += 1
            try:
                connection.request("GET", f"/{number}")
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                with self._lock:
                    self.wrong[type(error).__name__] += 1
                connection = None
                continue
            with self._lock:
                self.answered += 1
                if answer.status != expected:
                    self.wrong[f"{answer.status} instead of {expected}"] += 1


class Connection(http.client.HTTPSConnection):
    """To the gateway, whatever the name says."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__(HOST, timeout=20, context=context)
        self._gateway, self._tls = port, context

    def connect(self) -> None:
        import socket

        plain = socket.create_connection(("127.0.0.1", self._gateway), timeout=20)
        self.sock = self._tls.wrap_socket(plain, server_hostname=HOST)


def change(load: Load, process: int, bundle: Path, log: Path) -> None:
    """Reload and rotate, over and over."""
    texts = bundle.read_bytes(), bundle.read_bytes() + b"\n"
    turn = 0
    while not load.stop.wait(5):
        turn += 1
        new = bundle.with_suffix(".new")
        new.write_bytes(texts[turn % 2])
        new.replace(bundle)
        load.changes += 1
        if turn % 2 == 0:
            log.rename(log.with_name(f"access.jsonl.{turn}"))
            os.kill(process, signal.SIGUSR1)


def sample(process: int, begin: float, seconds: float) -> list[dict[str, tuple[int, int]]]:
    """Memory (KiB) and open files of all processes, SAMPLES times."""
    samples: list[dict[str, tuple[int, int]]] = []
    for number in range(1, SAMPLES + 1):
        time.sleep(max(0.0, begin + seconds * number / SAMPLES - time.monotonic()))
        found = {"supervisor": measured(process)}
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        for child in map(int, children):
            with suppress(OSError):
                program = str(Path(f"/proc/{child}/exe").readlink())
                found["envoy" if program.endswith("envoy") else f"decision {child}"] = measured(child)
        samples.append(found)
        if number % (SAMPLES // 4) == 0:
            shown = "  ".join(f"{name} {kib // 1024} MiB {files} files" for name, (kib, files) in found.items())
            print(f"{time.monotonic() - begin:7.0f} s  {shown}", flush=True)
    return samples


def measured(process: int) -> tuple[int, int]:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024, len(list(Path(f"/proc/{process}/fd").iterdir()))


def grown(samples: list[dict[str, tuple[int, int]]]) -> list[str]:
    """What grew from the second quarter to the last."""
    quarter, problems = len(samples) // 4, []
    for name in samples[-1]:

        def middle(part: list[dict[str, tuple[int, int]]], index: int, name: str = name) -> float:
            return statistics.median(found[name][index] for found in part if name in found)

        early, late = samples[quarter : 2 * quarter], samples[-quarter:]
        if not any(name in found for found in early):
            problems.append(f"{name} was restarted")
            continue
        before, after = middle(early, 0), middle(late, 0)
        if after > before * GROWTH and after - before > GROWTH_KIB:
            problems.append(f"{name} grew from {before / 1024:.0f} to {after / 1024:.0f} MiB")
        if middle(late, 1) - middle(early, 1) > GROWTH_FILES:
            problems.append(f"{name} holds {middle(late, 1):.0f} files open, {middle(early, 1):.0f} before")
    return problems


def logged(file: Path) -> int:
    """Decisions in a log."""
    return sum(json.loads(line)["kind"] == "decision" for line in file.read_text().splitlines())


if __name__ == "__main__":
    main()
