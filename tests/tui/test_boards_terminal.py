"""The boards in a real pseudo-terminal: quiet when nothing happens, cheap when one moves."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest

from mtls_tui.pki.authority import Authority
from tests.tui.helpers import RULES

if sys.platform == "win32":
    pytest.skip("pseudo-terminals", allow_module_level=True)
from tests.tui.terminal import Terminal

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("terminal")]


def log_line(number: int) -> bytes:
    blocked = {"action": "block", "rule": "mtls-api"} if number % 3 else {"action": "allow"}
    when = f"2026-11-24T10:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
    more = {"host": "api.example.com", "method": "GET", "path": f"/v1/items/{number}", "client": "192.0.2.7"}
    return json.dumps({"kind": "decision", "time": when} | blocked | more).encode() + b"\n"


def test_both_boards_are_cheap_and_silent_when_idle(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority = Authority.init(tmp_path / "ca", cn="Test authority", at=now)
    for number in range(60):
        authority.issue(cn=f"device-{number}", at=now)
    path, log = tmp_path / "t.rules.toml", tmp_path / "access.log"
    path.write_text(RULES.replace("mtls = true", 'mtls = true\nanchors = ["ca/ca.pem"]', 1))
    log.write_bytes(b"".join(log_line(number) for number in range(300)))
    with Terminal("ui", str(path), home=tmp_path) as terminal:
        terminal.until("BLOCKED")
        terminal.press("C")
        terminal.until("device-3")
        moves = [terminal.press("down") for _ in range(10)]
        assert median(moves) <= 500, moves
        assert terminal.settle(1.2) == 0, "it writes while nobody types"
        terminal.press("escape")
        terminal.until("Hostname")
        terminal.press("L")
        terminal.until("/v1/items/299")
        assert terminal.settle(1.6) == 0, "it writes while nothing is logged"
        moves = [terminal.press("up") for _ in range(10)]
        assert median(moves) <= 500, moves
        terminal.press("G")
        before = len(terminal.output)
        with log.open("ab") as file:
            file.write(log_line(301))
        terminal.until("/v1/items/301")
        assert len(terminal.output) - before <= 6000
