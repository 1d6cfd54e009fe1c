"""The access log: one JSON line per decision, with rule, reason and fingerprint; no query, header, body or key.

Lines are gathered and written together. A log that can't be written blocks nobody: what is lost is counted.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from mtls_tui.gateway.logfile import open_log
from mtls_tui.gateway.questions import Question
from mtls_tui.gateway.tally import Tally

MOST_BUFFERED = 1 << 20
"""Bytes kept while the log can't be written; more are dropped, and counted."""
FLUSH_SECONDS = 0.1


class LogLine(msgspec.Struct, omit_defaults=True):
    """One line of the access log: one decision."""

    kind: str
    time: str
    action: str
    rule: str = ""
    reason: str = ""
    id: str = ""
    client: str = ""
    host: str = ""
    method: str = ""
    path: str = ""
    logged: list[str] = []
    would: str = ""
    """What would have been done but for shadow mode."""
    fingerprint: str = ""
    verified: bool = False
    revoked: bool = False
    certificate_error: str = ""
    left_out: list[str] = []
    """Identity headers that were too long for the upstream to be told."""
    microseconds: int = 0

    @classmethod
    def of(
        cls,
        question: Question | None,
        now: float,
        *,
        action: str,
        rule: str,
        reason: str,
        logged: list[str] | None = None,
        fingerprint: str = "",
        verified: bool = False,
        revoked: bool = False,
        certificate_error: str = "",
    ) -> LogLine:
        """A line about a question; the query is left out, since secrets travel there."""
        line = cls(
            "decision", time_text(now), action, rule, reason, fingerprint=fingerprint, verified=verified,
            revoked=revoked, certificate_error=certificate_error, logged=logged or [],
        )  # fmt: skip
        if question is not None:
            http = question.http
            line.id, line.client, line.host = question.request_id, http.client_ip, http.host
            line.method, line.path = http.method, http.target.partition("?")[0]
        return line

    def identity(self) -> str:
        """What other lines about the same certificates say as well: further members of a JSON object."""
        names = ("fingerprint", "verified", "revoked", "certificate_error")
        members = {name: value for name in names if (value := getattr(self, name))}
        return "," + msgspec.json.encode(members)[1:-1].decode() if members else ""


_last: tuple[int, str] = (0, "")


def time_text(now: float) -> str:
    """POSIX seconds as RFC 3339 in UTC, to the millisecond. The last second's text is kept: it is asked for often."""
    global _last
    second = int(now)
    if _last[0] != second:
        _last = (second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    return f"{_last[1]}.{int((now - second) * 1000):03d}Z"


class LogWriter:
    """Gathers lines for a file descriptor opened for appending.

    `write` never raises, but may wait for the disk or for a reader, and so belongs in a thread.
    """

    def __init__(self, descriptor: int | None, tally: Tally | None = None) -> None:
        self._descriptor = descriptor
        self._lines: list[bytes] = []
        self._size = 0
        self._cut = False
        """Whether the last thing written is half a line."""
        self._encode = msgspec.json.Encoder().encode
        self.tally = tally or Tally()
        self.error = ""
        """Why the last lines could not be written."""

    @property
    def lost(self) -> int:
        """Lines that could not be written."""
        return self.tally.lost

    def add(self, line: LogLine) -> None:
        """Buffer a line for the next write; without a log it is dropped."""
        if self._descriptor is None:
            return
        self.tally.added()
        if self._size >= MOST_BUFFERED:
            self.tally.settle(0, 1)
            self.error = "it takes lines too slowly"
            return
        data = self._encode(line)
        self._lines.append(data)
        self._size += len(data)

    def take(self) -> list[bytes]:
        """What is gathered; to be written next."""
        lines, self._lines, self._size = self._lines, [], 0
        return lines

    def write(self, lines: list[bytes]) -> None:
        """Write lines, in one piece so that those of several processes don't mix."""
        if not lines or self._descriptor is None:
            return
        repair = b"\n" if self._cut else b""
        data = repair + b"\n".join(lines) + b"\n"
        done, error = 0, ""
        try:
            while done < len(data):
                done += os.write(self._descriptor, data[done:])
        except OSError as failure:
            error = failure.strerror or str(failure)
        self.error = error
        whole = max(0, data.count(b"\n", 0, done) - len(repair))
        self.tally.settle(whole, len(lines) - whole)
        if done:
            self._cut = data[done - 1 : done] != b"\n"

    def flush(self) -> None:
        """Write what is gathered."""
        self.write(self.take())

    def reopen(self, path: Path) -> None:
        """Continue in the file that has the name now.

        Raises GatewayError if it can't be written; the old file then stays in use.
        """
        if self._descriptor is not None:
            new = open_log(path)
            os.close(self._descriptor)
            self._descriptor, self._cut = new, False
