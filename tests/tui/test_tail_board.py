"""The live log: filters, pause, into the simulator, into the tests; hostile lines; under the pilot."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mtls_tui.pki.authority import Authority
from mtls_tui.rulefile import loads
from mtls_tui.simulate.testing.suite import run_tests
from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.screen import frame
from mtls_tui.tui.app.settings import Settings
from mtls_tui.tui.certificates.by_fingerprint import NamedCertificate, known, with_facts
from mtls_tui.tui.log.effects import FindCertificate
from mtls_tui.tui.log.handlers import Following
from mtls_tui.tui.log.state import LogEntry, log_of, parse
from tests.tui.helpers import RULES, Driver, document_of

LOG = Path("/var/log/access.log")


def line(**values: Any) -> bytes:
    given = {
        "kind": "decision", "time": "2026-11-24T10:00:00.123Z", "action": "allow", "reason": "no rule matched",
        "client": "192.0.2.7", "host": "api.example.com", "method": "GET", "path": "/v1/items",
    }  # fmt: skip
    return json.dumps(given | values).encode()


BLOCKED = {"action": "block", "rule": "mtls-api", "reason": "rule mtls-api matched"}


def entries(*lines: bytes) -> tuple[LogEntry, ...]:
    found = [parse(one, number) for number, one in enumerate(lines)]
    return tuple(one for one in found if one is not None)


def following(*lines: bytes, **names: str) -> Driver:
    """A driver whose board follows a log with these lines."""
    driver = Driver(document_of()).do("tail.open").do("tail.opened", path=LOG, files=("access.log",), names=names)
    return arrive(driver, *lines)


def arrive(driver: Driver, *lines: bytes) -> Driver:
    begin = (
        max((one.number for one in log_of(driver.document).entries + log_of(driver.document).waiting), default=-1) + 1
    )  # type: ignore[union-attr]
    new = tuple(parse(one, begin + place) for place, one in enumerate(lines))
    return driver.do("tail.arrived", path=LOG, entries=new, unreadable=0, skipped=0, problem="")


def shown(driver: Driver, size: tuple[int, int] = (120, 40)) -> str:
    return "\n".join(line.text for line in frame(driver.document, *size).lines["board"])


THREE = (
    line(),
    line(**BLOCKED, path="/admin", fingerprint="ab" * 32, certificate_error="it expired 3 days ago"),
    line(host="pay.example.com", path="/hook/x", logged=["debug"], rule=""),
)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_each_decision_tells_verdict_rule_and_request(size: tuple[int, int]) -> None:
    text = shown(following(*THREE, **{"ab" * 32: "old-device"}), size)
    row = next(x for x in text.splitlines() if "/admin" in x and "BLOCKED" in x)
    assert "10:00:00.123" in row and "mtls-api" in row and "GET api.example.com/admin" in row
    if size[0] >= 100:
        assert "✗ old-device" in row
    assert "3 lines, 1 blocked" in text
    assert "logged by debug" in text, "the newest line is told in full"


def test_filters_narrow_and_go_again() -> None:
    driver = following(*THREE, **{"ab" * 32: "old-device"})
    count = lambda: len(log_of(driver.document).shown)  # type: ignore[union-attr]  # noqa: E731
    driver.press("b")
    assert count() == 1 and "1 of 3: blocked only" in shown(driver)
    driver.press("b", "h")
    assert count() == 1 and log_of(driver.document).entry.host == "pay.example.com"  # type: ignore[union-attr]
    driver.press("h", "r")
    assert count() == 1, "the rule that only logged counts, too"
    driver.press("r", "/").type("OLD-dev").press("enter")
    assert count() == 1 and log_of(driver.document).entry.path == "/admin"  # type: ignore[union-attr]
    driver.press("r")
    assert count() == 1
    driver.press("x")
    assert count() == 3
    driver.press("/").type("nowhere").press("enter")
    assert "nothing fits" in shown(driver)


def test_pausing_holds_the_list_and_what_comes_waits() -> None:
    driver = following(*THREE).press("space")
    before = log_of(driver.document).shown  # type: ignore[union-attr]
    arrive(driver, line(path="/later"), line(path="/last"))
    assert log_of(driver.document).shown == before and "2 waiting" in shown(driver)  # type: ignore[union-attr]
    driver.press("space")
    assert log_of(driver.document).entry.path == "/last" and "▸ following" in shown(driver)  # type: ignore[union-attr]


def test_the_cursor_stays_on_its_line_until_it_goes_to_the_end() -> None:
    driver = following(*THREE).press("up")
    arrive(driver, line(path="/later"))
    assert log_of(driver.document).entry.path == "/admin"  # type: ignore[union-attr]
    driver.press("end")
    arrive(driver, line(path="/more"))
    assert log_of(driver.document).entry.path == "/more"  # type: ignore[union-attr]


def test_lines_of_a_log_that_is_followed_no_more_are_dropped() -> None:
    driver = following(*THREE)
    driver.do("tail.arrived", path=Path("/elsewhere"), entries=THREE, unreadable=9, skipped=9, problem="x")
    assert len(log_of(driver.document).entries) == 3 and log_of(driver.document).unreadable == 0  # type: ignore[union-attr]


# --- simulator and tests --------------------------------------------------------------------------------------------


def simulate(values: dict[str, Any], one: NamedCertificate | None = None) -> Driver:
    driver = following(line(**values)).press("enter")
    assert isinstance(driver.effects[-1], FindCertificate) and driver.effects[-1].then == "tail.simulated"
    return driver.do("tail.simulated", entry=driver.effects[-1].entry, known=one)


def test_a_logged_request_goes_into_the_simulator_and_what_is_missing_is_told() -> None:
    driver = simulate({"method": "POST", "path": "/v1/a%2Fb;c=1", "client": "2001:db8::1"})
    probe = driver.document.content.probe
    assert (probe.method, probe.url, probe.ip) == ("POST", "https://api.example.com/v1/a%2Fb;c=1", "2001:db8::1")
    assert (probe.certificate, probe.overrides) == ("none", ())
    assert "no query, headers or body" in driver.document.notice.text  # type: ignore[union-attr]
    assert driver.document.board == "" and driver.document.view.focus == "simulator"
    driver.press("u")
    assert driver.document.content.probe != probe


def test_a_certificate_that_is_known_is_presented() -> None:
    assert (
        simulate({"fingerprint": "ab" * 32}, NamedCertificate("d", "clients/d.pem")).document.content.probe.certificate
        == "clients/d.pem"
    )


def test_of_one_that_is_not_known_the_logged_facts_are_set() -> None:
    driver = simulate(BLOCKED | {"fingerprint": "ab" * 32, "verified": True, "revoked": True})
    overrides = dict(driver.document.content.probe.overrides)
    assert overrides["cf.tls_client_auth.cert_fingerprint_sha256"] == "ab" * 32
    assert overrides["cf.tls_client_auth.cert_verified"] == "true"
    assert "nor the certificate" in driver.document.notice.text  # type: ignore[union-attr]
    driver.evaluate()
    assert driver.document.results is not None and driver.document.results.verdict is not None
    assert driver.document.results.verdict.blocked, "revoked, as it was"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"host": ""}, "names no host"),
        ({"host": "a b\x1b[2J"}, "can't be simulated"),
        ({"method": "GE T"}, "method"),
        ({"method": "\x1b]0;x\x07"}, "method"),
    ],
)
def test_what_can_not_be_sent_is_not_simulated(values: dict[str, Any], says: str) -> None:
    driver = simulate(values)
    assert says in driver.refused
    assert driver.refused.isprintable() and driver.document.board == "tail"


def test_a_path_with_question_mark_or_hash_stays_a_path() -> None:
    driver = simulate({"path": "/a?b#c"})
    assert driver.document.content.probe.url == "https://api.example.com/a%3Fb%23c"


def as_test(driver: Driver, one: NamedCertificate | None = None) -> Driver:
    driver.press("t")
    if driver.refused:
        return driver
    return driver.do("tail.tested", entry=driver.effects[-1].entry, known=one)


def test_one_key_makes_a_test_that_passes_and_undo_takes_it_back(tmp_path: Path) -> None:
    driver = following(line(**BLOCKED, fingerprint="ab" * 32, verified=False))
    before = driver.file
    as_test(driver)
    file = loads(driver.file, tmp_path)
    test = file.tests[-1]
    assert (test.expect.action, test.expect.rule, test.ip) == ("block", "mtls-api", "192.0.2.7")
    assert test.name == "GET /v1/items with an unknown certificate"
    assert run_tests(file).results[-1].failures == ()
    as_test(driver)
    assert loads(driver.file, tmp_path).tests[-1].name != test.name
    assert driver.document.board == "tail"
    driver.press("u", "u")
    assert driver.file == before


def test_a_shadowed_decision_expects_what_would_have_been_done() -> None:
    driver = as_test(following(line(rule="mtls-api", would="block")))
    assert driver.document.content.file.tests[-1].expect.action == "block"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"kind": "answer", "status": 421}, "answer of the proxy"),
        ({"action": "block", "reason": "no such host"}, "before any rule was asked: no such host"),
    ],
)
def test_what_no_rule_decided_makes_no_test(values: dict[str, Any], says: str) -> None:
    assert says in as_test(following(line(**values))).refused


def test_a_rule_that_is_gone_is_not_expected() -> None:
    driver = as_test(following(line(action="block", rule="gone")))
    assert driver.document.content.file.tests[-1].expect.rule is None
    assert "has no rule gone" in driver.document.notice.text  # type: ignore[union-attr]


# --- whose certificate ----------------------------------------------------------------------------------------------


def test_certificates_are_known_by_file_inventory_and_saved_request(tmp_path: Path) -> None:
    from dataclasses import replace

    now = datetime.now(UTC)
    authority = Authority.init(tmp_path / "ca", cn="CA", at=now)
    by_file, by_inventory = authority.issue(cn="filed", at=now), authority.issue(cn="kept", at=now)
    foreign = Authority.init(tmp_path / "other" / "deep" / "down", cn="O", at=now).issue(cn="pasted", at=now)
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "f.pem").write_bytes(by_file.certificate_pem())
    (tmp_path / "clients" / "junk.pem").write_bytes(b"\x00\x1b[2J")
    document = document_of(RULES, tmp_path)
    probe = replace(document.content.probe, pem=foreign.certificate_pem().decode())
    found = known(document.content.file, [tmp_path / "ca", tmp_path / "nowhere"], [probe])
    assert (found[by_file.record.fingerprint].file, found[by_file.record.fingerprint].name) == (
        "clients/f.pem",
        "filed",
    )
    assert found[by_inventory.record.fingerprint].pem and found[by_inventory.record.fingerprint].name == "kept"
    assert found[foreign.record.fingerprint].name == "pasted"


def test_a_test_of_a_certificate_without_a_file_sets_the_facts_that_rules_read(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    issued = Authority.init(tmp_path / "ca", cn="CA", at=now).issue(cn="kept", at=now)
    pinned = RULES.replace('action = "log"', 'action = "log"\n').replace(
        'any(lower(http.request.headers.names[*])[*] == "x-debug")', 'cf.tls_client_auth.cert_serial eq "00"'
    )
    driver = Driver(document_of(pinned, tmp_path)).do("tail.open").do("tail.opened", path=LOG, files=(), names={})
    arrive(driver, line(fingerprint=issued.record.fingerprint, verified=True))
    as_test(driver, with_facts(NamedCertificate("kept", pem=issued.record.pem)))
    given = driver.document.content.file.tests[-1].set
    assert given["cf.tls_client_auth.cert_serial"] == issued.record.serial
    assert given["cf.tls_client_auth.cert_verified"] is True
    assert "cf.tls_client_auth.cert_issuer_ski" not in given


# --- strangers ------------------------------------------------------------------------------------------------------

TEXTS = (
    "time", "action", "rule", "reason", "client", "host", "method", "path", "fingerprint", "id", "certificate_error",
    "would", "status", "details",
)  # fmt: skip
NASTY = "[/x][bold]\x1b[31m\x1b]0;t\x07\u202egnp\u202c\r\n\t漢字\u200b"


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12), (200, 60)])
def test_nothing_in_a_log_moves_the_cursor_or_becomes_markup(size: tuple[int, int]) -> None:
    everything = dict.fromkeys(TEXTS, NASTY)
    raw = json.dumps({"kind": "decision", "logged": [NASTY] * 50} | everything).encode()
    driver = following(line(path=NASTY * 400), raw, line(kind="answer", **everything | {"id": "x"}))
    for keys in ((), ("up",), ("up",), ("h",), ("r",), ("x", "b"), ("t",), ("enter",)):
        driver.press(*keys)
        picture = frame(driver.document, *size)
        for lines in (*picture.lines.values(), picture.floating.lines if picture.floating else ()):
            for one in lines:
                assert one.text.isprintable(), repr(one.text)
                assert one.width <= size[0]


# --- under the pilot ------------------------------------------------------------------------------------------------


async def until(pilot: Pilot[int], what: Callable[[], bool]) -> None:
    for _ in range(1500):
        if what():
            await pilot.pause()
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came about")


async def test_decisions_appear_as_they_happen_and_lead_into_the_simulator(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    issued = Authority.init(tmp_path / "ca", cn="CA", at=now).issue(cn="robot", at=now)
    (tmp_path / "robot.pem").write_bytes(issued.certificate_pem())
    path, log = tmp_path / "t.rules.toml", tmp_path / "access.log"
    path.write_text(RULES)
    log.write_bytes(line(path="/first") + b"\n")
    app = MtlsApp(path, settings=Settings(), drafts=tmp_path / "drafts")

    def text(pane: str) -> str:
        return "\n".join(one.text for one in app.pane(pane).lines)

    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.controller is not None and not app.controller.busy)
        controller = app.controller
        assert controller is not None
        await pilot.press("L")
        await until(pilot, lambda: "/first" in text("board"))
        with log.open("ab") as file:
            file.write(
                b"\x1b[2J broken\n" + line(**BLOCKED, path="/second", fingerprint=issued.record.fingerprint) + b"\n"
            )
        await until(pilot, lambda: "/second" in text("board"))
        assert "✗ robot" in text("board") and "1 line can't be read" in text("board")
        log.rename(tmp_path / "access.log.1")
        log.write_bytes(line(path="/third") + b"\n")
        await until(pilot, lambda: "/third" in text("board"))
        await pilot.press("up", "t")
        await until(pilot, lambda: "a test expects block" in text("footer"))
        assert controller.document.content.file.tests[-1].certificate == "robot.pem"
        await pilot.press("enter")
        await until(pilot, lambda: controller.document.board == "" and not controller.busy)
        assert controller.document.content.probe.certificate == "robot.pem"
        assert "/second" in text("simulator")
        await pilot.press("L")
        await until(pilot, lambda: "/third" in text("board"))
        await pilot.press("o")
        assert "access.log" in text("overlay")
        await pilot.press("escape", "escape")
        assert controller.document.board == ""
        await until(pilot, lambda: controller.kept(Following).timer is None)
