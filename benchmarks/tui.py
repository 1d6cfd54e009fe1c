"""What the terminal UI costs its user: bytes and milliseconds per key in a terminal, with and without differences.

Run it on an idle machine: `python benchmarks/tui.py`. Bytes are exact; times are of this machine and moment. The bars
are those of the design; the column "whole" is Textual's own output (`MTLS_TUI_CELLDIFF=0`) in the same run.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.tui.terminal import Terminal, key_bytes

LINK_BITS_S = 256_000


def rules(clauses: int) -> str:
    parts = " or ".join(f'(http.request.uri.path eq "/p{n}" and ssl)' for n in range(clauses // 2))
    return f"version = 1\n[[hosts]]\nname = \"a.example\"\n[[rules]]\nref = \"big\"\nexpression = '''{parts}'''\n"


@dataclass
class Keys:
    bytes: list[int] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)

    def line(self) -> str:
        ordered = sorted(self.ms)
        p95 = ordered[max(0, round(len(ordered) * 0.95) - 1)]
        return f"{statistics.median(self.bytes):6.0f} B  {statistics.median(self.ms):6.1f} ms  p95 {p95:6.1f} ms"


def timed(terminal: Terminal, keys: list[str]) -> Keys:
    """Each key: bytes until quiet, and milliseconds until the last of them."""
    found = Keys()
    for key in keys:
        terminal.settle(0.3)
        before = len(terminal.output)
        begin = time.perf_counter()
        os.write(terminal.fd, key_bytes(key))
        last = begin
        while time.perf_counter() - last < 0.15 or (last == begin and time.perf_counter() - begin < 2):
            if terminal.read(0.02):
                last = time.perf_counter()
        found.bytes.append(len(terminal.output) - before)
        found.ms.append((last - begin) * 1000)
    return found


def first_paint(path: Path, home: Path) -> tuple[float, float, int]:
    """Milliseconds to the first text and to the settled screen, and the bytes of both."""
    begin = time.perf_counter()
    with Terminal("ui", str(path), home=home) as terminal:
        while b"mtls-tui" not in terminal.output:
            terminal.read(0.01)
        paint = (time.perf_counter() - begin) * 1000
        last = time.perf_counter()
        while time.perf_counter() - last < 0.8:
            if terminal.read(0.02):
                last = time.perf_counter()
        return paint, (last - begin) * 1000, len(terminal.output)


def measure(clauses: int, folder: Path, diff: str) -> dict[str, Keys | float]:
    path = folder / f"{clauses}.rules.toml"
    path.write_text(rules(clauses))
    with Terminal("ui", str(path), home=folder / f"{clauses}{diff}", MTLS_TUI_CELLDIFF=diff) as terminal:
        terminal.until("1 of 1")
        found: dict[str, Keys | float] = {"move": timed(terminal, ["down"] * 15)}
        terminal.press("home", "down", "down", "v", "end")
        found["letter"] = timed(terminal, [*"abcdefghijklmno"])
        terminal.press("escape")
        found["pane"] = timed(terminal, ["tab"] * 9)
        terminal.press("ctrl+t", "end")
        found["text"] = timed(terminal, [*" and ssl and ssl"])
        terminal.press("escape")
        found["idle B/s"] = terminal.settle(3.0) / 3
        found["RSS MB"] = terminal.resident_mb
        return found


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "start.rules.toml"
        path.write_text(rules(100))
        starts = [first_paint(path, folder / "home") for _ in range(5)]
        paint, settled = (statistics.median(run[place] for run in starts) for place in (0, 1))
        print(f"first paint {paint:.0f} ms (bar 350), settled {settled:.0f} ms, {starts[0][2]} bytes (bar 25,000)")
        bars = {"move": "500 B, 15 ms", "letter": "300 B, 30 ms", "pane": "2,000 B", "text": "300 B, 30 ms"}
        for clauses in (100, 500):
            ours, whole = (measure(clauses, folder, diff) for diff in ("1", "0"))
            print(f"\n{clauses} clauses, 120x40")
            for name, bar in bars.items():
                mine, theirs = ours[name], whole[name]
                assert isinstance(mine, Keys) and isinstance(theirs, Keys)
                ratio = statistics.median(theirs.bytes) / max(1, statistics.median(mine.bytes))
                link = statistics.median(mine.bytes) * 8 / LINK_BITS_S * 1000
                print(f"  {name:8} {mine.line()}  whole {ratio:4.1f}x  at 256 kbit/s +{link:.0f} ms  (bar {bar})")
            print(f"  idle     {ours['idle B/s']:6.1f} B/s (bar 0)   RSS {ours['RSS MB']:.0f} MB (bar 80)")


if __name__ == "__main__":
    main()
