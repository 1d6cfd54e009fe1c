"""The boards under whatever keys come, with large stores, and as they look."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import pytest
from textual.pilot import Pilot

from mtls_tui.pki import issue
from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.general_actions import palette_items
from mtls_tui.tui.app.screen import frame
from mtls_tui.tui.app.settings import Settings
from mtls_tui.tui.authority import jobs
from mtls_tui.tui.authority.state import CertificateRow, Store, authority_of
from mtls_tui.tui.log.follow import Follower
from mtls_tui.tui.log.state import LogEntry, parse
from tests.tui.helpers import RULES, Driver

FOLDER = Path("/srv/authority")


def store(count: int = 6) -> Store:
    """A store as it is read, without a clock."""
    states = [("valid", "", 364.0), ("valid", "", 9.0), ("expired", "", -3.5), ("revoked", "keyCompromise", 200.0),
              ("on hold", "certificateHold", 88.0), ("not yet valid", "", 400.0)]  # fmt: skip
    rows = [
        CertificateRow(
            "own", "Acme devices", "O=Acme,CN=Acme devices", "01AB", "valid", "", "2036-11-21 15:04Z", 3649.0, "aa" * 32
        )
    ]
    for number in range(count):
        status, reason, left = states[number % len(states)]
        rows.append(
            CertificateRow("issued", f"device-{number}", f"CN=device-{number}", f"{number:038X}", status, reason,
                "2027-11-24 15:04Z", left, f"{number:064x}", "device.example", f"clients/device-{number}.pem")
        )  # fmt: skip
    rows.append(
        CertificateRow(
            "foreign", "Partner", "CN=Partner", "02", "valid", "", "2030-01-01 00:00Z", 1100.0, "bb" * 32, key="p"
        )
    )
    return Store(FOLDER, tuple(rows), encrypted=True, crl="CRL of 2026-11-24, 1 revoked, 29 days left")


def log(count: int = 12) -> tuple[LogEntry, ...]:
    """Entries of every kind."""
    common = {"client": "192.0.2.7", "host": "api.example.com", "method": "GET", "id": "037a1e49"}
    kinds: list[dict[str, Any]] = [
        {"action": "allow", "reason": "no rule matched", "fingerprint": f"{0:064x}", "verified": True,
         "path": "/v1/items"},
        {"action": "block", "rule": "mtls-api", "reason": "rule mtls-api matched", "path": "/v1/items"},
        {"action": "allow", "rule": "mtls-api", "would": "block", "path": "/v1/orders", "fingerprint": f"{2:064x}",
         "certificate_error": "the certificate expired 3 days ago"},
        {"kind": "answer", "status": "421", "details": "direct_response", "path": "/"},
        {"action": "allow", "logged": ("debug",), "path": "/hook/" + "long/" * 40},
        {"action": "block", "reason": "no such host", "host": "elsewhere.example", "path": "/"},
    ]  # fmt: skip
    found = []
    for number in range(count):
        values = common | {"kind": "decision"} | kinds[number % len(kinds)]
        found.append(LogEntry(number, time=f"2026-11-24T10:00:{number % 60:02d}.000Z", **values))
    return tuple(found)


def with_both() -> Driver:
    driver = (
        Driver()
        .do("tail.open")
        .do("tail.opened", path=Path("/srv/access.log"), files=(), names={f"{0:064x}": "device-0"})
    )
    driver.do("tail.arrived", path=Path("/srv/access.log"), entries=log(), unreadable=0, skipped=0, problem="")
    return driver.do("tail.close").do("authority.open").do("authority.loaded", store=store())


KEYS = [
    *"jkgGnasdrcmiox/CLbhptu", "enter", "escape", "tab", "up", "down", "pageup", "pagedown", "home", "end", "space",
    "delete", "ctrl+g", "ctrl+r", "ctrl+p", "f1", "ctrl+z", "backspace", "ctrl+u",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_random_keys_break_nothing_and_undo_leads_back(seed: int) -> None:
    driver, rng = with_both(), random.Random(seed)
    before = driver.file
    boards = set()
    for step in range(220):
        if driver.document.board == "":
            driver.press(rng.choice("CL"))
        leaving = driver.document.overlay is not None and rng.random() < 0.4
        driver.press(rng.choice(["enter", "escape", "tab"]) if leaving else rng.choice(KEYS))
        state = authority_of(driver.document)
        if state is not None and state.store is None:
            driver.do("authority.loaded", store=store())
        if state is not None and state.doing and rng.random() < 0.5:
            driver.do("authority.failed", text="no")
        boards.add(driver.document.board)
        if step % 4 == 0:
            picture = frame(driver.document, rng.choice([40, 80, 120, 200]), rng.choice([8, 24, 40]))
            for lines in picture.lines.values():
                assert all(line.text.isprintable() for line in lines)
    assert {"authority", "tail"} <= boards
    driver.document = replace(driver.document, overlay=None, board="")
    while driver.document.past:
        driver.do("undo")
    assert driver.file == before


def test_a_board_is_left_by_escape_whatever_is_under_it() -> None:
    driver = with_both()
    driver.do("text.open")
    for _ in range(4):
        driver.press("escape")
    assert driver.document.board == ""


def test_the_palette_says_what_a_board_would_need() -> None:
    items = {item.key: item for item in palette_items(Driver().document)}
    assert items["authority.issue"].why_not == "open the certificate authority first (C)"
    assert items["tail.as_test"].why_not == "open the live log first (L)"
    assert items["authority.open"].why_not == items["tail.open"].why_not == ""


def test_a_store_with_ten_thousand_certificates_stays_quick() -> None:
    driver = Driver().do("authority.open").do("authority.loaded", store=store(10_000))
    driver.press("/").type("device-99").press("enter")
    begin = process_time()
    for _ in range(20):
        driver.press("down")
        frame(driver.document, 120, 40)
    assert process_time() - begin < 2.0, "20 keys with their pictures"
    assert len(authority_of(driver.document).shown) == 111  # type: ignore[union-attr]


def test_a_flood_is_read_in_bounded_time(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    line = b'{"kind":"decision","time":"2026-11-24T10:00:00.000Z","action":"allow","host":"a.example","path":"/"}\n'
    path.write_bytes(line)
    follower = Follower(path)
    follower.read()
    with path.open("ab") as file:
        file.write(line * 200_000)
    begin = perf_counter()
    entries = [parse(one, 0) for one in follower.read().lines]
    assert perf_counter() - begin < 3.0
    assert 0 < len(entries) < 200_000 and None not in entries


def test_answers_count_as_refused_only_when_the_proxy_refused() -> None:
    assert LogEntry(0, "answer", status="421", details="direct_response").blocked
    assert not LogEntry(0, "answer", status="404", details="via_upstream").blocked
    assert not LogEntry(0, "answer", status="503", details="upstream_reset").blocked


def test_a_path_that_can_not_be_is_told(tmp_path: Path) -> None:
    assert "null" in Follower(tmp_path / "a\0b").read().problem


def test_a_name_that_is_too_long_is_told_as_such(tmp_path: Path) -> None:
    for cn in ("x" * 65, "é" * 33):
        with pytest.raises(issue.IssueError, match="longer than 64 bytes"):
            jobs.init(tmp_path / "ca", None, cn=cn, organization="", days=1, key="ecdsa-p256")
    assert not (tmp_path / "ca").exists()
    jobs.init(tmp_path / "ca", None, cn="x" * 64, organization="", days=1, key="ecdsa-p256")


LOOKS = {
    "authority_wide": ((120, 40), "C"),
    "authority_narrow": ((80, 24), "C"),
    "live_log_wide": ((120, 40), "L"),
    "live_log_narrow": ((80, 24), "L"),
}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="snapshots are made on one Python")
@pytest.mark.parametrize("name", LOOKS)
def test_it_looks_as_it_did(name: str, tmp_path: Path, snap_compare: Callable[..., bool]) -> None:
    size, board = LOOKS[name]
    path = tmp_path / "payments.rules.toml"
    path.write_text(RULES)

    async def run(pilot: Pilot[int]) -> None:
        app = pilot.app
        assert isinstance(app, MtlsApp)
        while app.controller is None or app.controller.busy:
            await pilot.pause(0.01)
        made = with_both().document
        app.controller.document = replace(
            app.controller.document,
            boards=made.boards,
            board="authority" if board == "C" else "tail",
        )
        app.controller.show()
        await pilot.press("down") if board == "C" else await pilot.press("up")
        await pilot.pause()

    app = MtlsApp(path, settings=Settings(), drafts=tmp_path / "drafts")
    assert snap_compare(app, terminal_size=size, run_before=run)
