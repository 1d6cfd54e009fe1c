"""A program in a real pseudo-terminal: its bytes counted, its screen read by an emulator. Linux and macOS."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte

QUERIES = [
    (re.compile(rb"\x1b\[\?(\d+)\$p"), lambda m: b"\x1b[?%s;%d$y" % (m[1], 2 if m[1] == b"2026" else 0)),
    (re.compile(rb"\x1b\[0?c"), lambda m: b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\[6n"), lambda m: b"\x1b[1;1R"),
    (re.compile(rb"\x1b\[\?u"), lambda m: b"\x1b[?0u"),
]
# pyte knows neither kitty keys nor private modes of four digits, nor `CSI > … u`: they would be shown as text.
UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;]*u|\x1b\[\?[0-9;]*\$p|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
KEYS = {
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "home": "\x1b[H", "end": "\x1b[F",
    "enter": "\r", "escape": "\x1b", "tab": "\t", "shift+tab": "\x1b[Z", "space": " ", "backspace": "\x7f",
    "ctrl+end": "\x1b[1;5F", "pageup": "\x1b[5~", "pagedown": "\x1b[6~", "f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR",
    "f4": "\x1bOS", "f6": "\x1b[17~", "f8": "\x1b[19~", "f9": "\x1b[20~", "f12": "\x1b[24~",
}  # fmt: skip


def key_bytes(key: str) -> bytes:
    """What a terminal sends for a key."""
    if key.startswith("ctrl+") and key not in KEYS:
        return bytes([ord(key[5].upper()) & 0x1F])
    return KEYS.get(key, key).encode()


class Terminal:
    """One run of `mtls-tui`, or of another Python `program`, on a pseudo-terminal."""

    def __init__(
        self,
        *arguments: str,
        home: Path,
        columns: int = 120,
        rows: int = 40,
        program: tuple[str, ...] = ("-m", "mtls_tui"),
        **environment: str,
    ) -> None:
        self.columns, self.rows = columns, rows
        self.output = bytearray()
        self.answered = 0
        self.ended = False
        self.pid, self.fd = pty.fork()
        if self.pid == 0:  # pragma: no cover - the child
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.environ.update(
                TERM="xterm-256color", COLORTERM="truecolor", HOME=str(home), LANG="C.UTF-8",
                XDG_CONFIG_HOME=str(home / "config"), XDG_STATE_HOME=str(home / "state"), **environment,
            )  # fmt: skip
            for name in {"TMUX", "NO_COLOR", "LINES", "COLUMNS", "COVERAGE_PROCESS_START"} - set(environment):
                os.environ.pop(name, None)
            # With an environment of our own: readline puts LINES and COLUMNS into the process's behind Python's back.
            os.execve(sys.executable, [sys.executable, *program, *arguments], dict(os.environ))  # noqa: S606

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        with contextlib.suppress(OSError):
            os.close(self.fd)

    def resize(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, timeout_s: float) -> bytes:
        ready, _, _ = select.select([self.fd], [], [], timeout_s)
        if not ready:
            return b""
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            self.ended = True
        self.output += data
        for query, answer in QUERIES:
            for match in query.finditer(self.output, self.answered):
                os.write(self.fd, answer(match))
        self.answered = len(self.output)
        return data

    def settle(self, quiet_s: float = 0.45, limit_s: float = 30.0) -> int:
        """Read until nothing has come for a while; how many bytes came."""
        before = len(self.output)
        end = time.monotonic() + limit_s
        while time.monotonic() < end and not self.ended:
            if not self.read(quiet_s):
                break
        return len(self.output) - before

    def until(self, text: str, limit_s: float = 30.0) -> None:
        """Read until a text stands on the screen."""
        end = time.monotonic() + limit_s
        while text not in self.text:
            assert time.monotonic() < end, f"{text!r} did not come:\n{self.text}"
            assert not self.ended, f"ended without {text!r}:\n{self.text}"
            self.read(0.2)
        self.settle()

    def until_that(self, holds: Callable[[], bool], limit_s: float = 30.0) -> None:
        """Read until something holds."""
        end = time.monotonic() + limit_s
        while not holds():
            assert time.monotonic() < end and not self.ended
            self.read(0.05)

    def exit_code(self, limit_s: float = 30.0) -> int:
        """Read until the program ends; its exit code."""
        end = time.monotonic() + limit_s
        while not self.ended:
            assert time.monotonic() < end, self.text
            self.read(0.2)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def press(self, *keys: str, quiet_s: float = 0.25) -> int:
        """Press keys, one after the other; the bytes that came for the last."""
        cost = 0
        for key in keys:
            os.write(self.fd, key_bytes(key))
            self._answer(quiet_s)
            cost = self._cost
        return cost

    def _answer(self, quiet_s: float) -> None:
        before = len(self.output)
        end = time.monotonic() + 5
        while len(self.output) == before and time.monotonic() < end and not self.ended:
            self.read(0.05)
            if time.monotonic() > end - 4.5:
                break
        self.settle(quiet_s)
        self._cost = len(self.output) - before

    @property
    def screen(self) -> pyte.Screen:
        """The screen as an emulator has it."""
        screen = pyte.Screen(self.columns, self.rows)
        stream = pyte.ByteStream(screen)
        stream.feed(UNKNOWN.sub(b"", bytes(self.output)))
        return screen

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    @property
    def cells(self) -> list[list[tuple[object, ...]]]:
        """What can be seen: of a blank only its background, and what is drawn on it."""
        screen = self.screen
        return [[_seen(screen.buffer[y][x]) for x in range(self.columns)] for y in range(self.rows)]

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def hang_up(self) -> None:
        """The link drops."""
        os.close(self.fd)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            done, _ = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return
            time.sleep(0.02)
        raise AssertionError("it did not end")

    @property
    def resident_mb(self) -> float:
        text = Path(f"/proc/{self.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+) kB", text)
        return int(match[1]) / 1024 if match else 0.0


def _seen(cell: pyte.screens.Char) -> tuple[object, ...]:
    if cell.data == " " and not (cell.reverse or cell.underscore or cell.strikethrough):
        return (" ", "", cell.bg, False, False)
    return (cell.data, cell.fg, cell.bg, cell.bold, cell.reverse)
