"""The deploy page: what would change, the file's tests, the export, and the way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.engine.bundle import Bundle
from mtls_tui.engine.policy import Policy
from mtls_tui.pki.roles import RoleSet
from mtls_tui.rulefile import RuleFile, bundle, export, load, loads
from mtls_tui.rulefile.edit import insert_host, insert_rule, insert_test, move_rule, update_host, update_rule
from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.settings import Settings
from mtls_tui.tui.deploy.consequences import consequences
from mtls_tui.tui.deploy.report import kept_items, known, put_back, report
from mtls_tui.tui.simulator.probes import to_http
from mtls_tui.tui.state.content import Probe
from mtls_tui.tui.state.overlays import Choice, Page
from tests.tui.helpers import RULES, Driver
from tests.tui.test_app import settled


@pytest.fixture
def file(tmp_path: Path) -> RuleFile:
    authority = RoleSet(datetime.now(UTC)).authority.certificate
    (tmp_path / "ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    path = tmp_path / "t.rules.toml"
    path.write_text(RULES.replace("version = 1", 'version = 1\nanchors = ["ca.pem"]'))
    return load(path)


def said(file: RuleFile, target: Path) -> str:
    return "\n".join("".join(text for text, _ in runs) for runs in report(file, target).lines)


def test_the_first_export_is_told_as_such(file: RuleFile, tmp_path: Path) -> None:
    assert "nothing is exported yet" in said(file, tmp_path / "t.bundle.json")
    assert known(file, tmp_path / "t.bundle.json") is None


def test_each_kind_of_change_is_named(file: RuleFile, tmp_path: Path) -> None:
    target = tmp_path / "t.bundle.json"
    export(file, target)
    assert "no change against what is exported" in said(file, target)
    assert known(file, target).changes == 0  # type: ignore[union-attr]
    changed = move_rule(update_rule(update_rule(file, 0, enabled=False), 1, expression="ssl"), 1, 0)
    changed = insert_rule(insert_host(changed, {"name": "new.example.com"}), {"ref": "more", "expression": "ssl"})
    text = said(changed, target)
    for words in (
        "~ rule mtls-api: disabled now",
        "~ rule debug: another expression",
        "~ the rules are in another order",
        "+ rule more",
        "+ host new.example.com",
    ):
        assert words in text
    assert known(changed, target).changes == 5  # type: ignore[union-attr]
    assert '-    any(lower(http.request.headers.names[*])[*] eq "x-debug")' in text and "+    ssl" in text


def test_failing_tests_are_shown_and_hold_the_export_back(file: RuleFile, tmp_path: Path) -> None:
    failing = insert_test(file, {"name": "wrong", "url": "https://api.example.com/", "expect": {"action": "allow"}})
    made = report(failing, tmp_path / "t.bundle.json")
    assert made.why_not == "1 test fails"
    assert "wrong: " in said(failing, tmp_path / "t.bundle.json")


def test_problems_are_shown_with_their_cure(tmp_path: Path) -> None:
    broken = loads(RULES.replace("version = 1", 'version = 1\nanchors = ["gone.pem"]'), tmp_path, strict=False)
    made = report(broken, tmp_path / "t.bundle.json")
    assert made.why_not == "the file has problems" and "gone.pem" in said(broken, tmp_path / "t.bundle.json")


def test_an_earlier_export_comes_back_whole(file: RuleFile, tmp_path: Path) -> None:
    target = tmp_path / "t.bundle.json"
    first = export(file, target)
    export(update_rule(file, 0, enabled=False), target)
    items = kept_items(target)
    assert len(items) == 2
    assert put_back(Path(items[1].key), target) == first.digest
    assert Bundle.decode(target.read_bytes()).digest == first.digest


def test_a_damaged_export_is_not_put_back(file: RuleFile, tmp_path: Path) -> None:
    target = tmp_path / "t.bundle.json"
    export(file, target)
    before = target.read_bytes()
    damaged = tmp_path / "damaged"
    damaged.write_bytes(before.replace(b"mtls-api", b"mtls-apx"))
    with pytest.raises(ValueError, match="digest"):
        put_back(damaged, target)
    assert target.read_bytes() == before


def told(before: RuleFile, after: RuleFile) -> tuple[str, list[Choice]]:
    found = consequences(bundle(before), bundle(after))
    assert found is not None
    return "\n".join("".join(text for text, _ in runs) for runs in found.lines), list(found.witnesses)


def test_who_is_newly_let_in_is_told_with_a_request_that_shows_it(file: RuleFile) -> None:
    text, witnesses = told(file, update_rule(file, 0, enabled=False))
    assert "newly let in: GET https://api.example.com/ without a certificate" in text
    assert "proved: no request is newly blocked" in text
    probe = dict(witnesses[0].arguments)["probe"]
    driver = Driver()
    driver.document = replace(driver.document, content=replace(driver.document.content, probe=Probe(url="https://x/")))
    driver.do("deploy.witness", probe=probe)
    assert driver.document.view.focus == "simulator"
    verdict = driver.evaluate().document.results
    assert verdict is not None and verdict.verdict is not None and verdict.verdict.blocked
    driver.do("undo")
    assert driver.document.content.probe.url == "https://x/"


@pytest.mark.parametrize(
    "condition",
    [
        'http.request.version eq "HTTP/1.0"',
        'cf.tls_version eq "TLSv1.2"',
        'http.request.body.raw contains "a\\xffb"',
        'any(http.request.headers["x"][*] eq "a\\x80b")',
        "http.request.timestamp.sec gt 1900000000",
        "any(cf.bot_management.detection_ids[*] eq 7)",
    ],
)
def test_a_request_to_try_is_decided_in_the_simulator_as_it_is_told(file: RuleFile, condition: str) -> None:
    after = update_rule(file, 0, expression=f"({file.rules[0].expression}) and not ({condition})")
    _, witnesses = told(file, after)
    http = to_http(dict(witnesses[0].arguments)["probe"])
    policies = [Policy.from_bundle(bundle(one)) for one in (file, after)]
    assert [policy.decide(http).blocked for policy in policies] == [True, False]


def test_who_is_newly_blocked_is_told(file: RuleFile) -> None:
    text, witnesses = told(file, update_rule(file, 1, expression='http.host eq "pay.example.com"', action="block"))
    assert "newly blocked: GET https://pay.example.com/" in text and "proved: no request is newly let in" in text
    assert [choice.then for choice in witnesses] == ["deploy.witness"]


def test_what_decides_the_same_is_proved_to(file: RuleFile) -> None:
    assert (
        told(file, update_rule(file, 1, description="other"))[0]
        == "✓ proved: decides the same, nobody is newly let in or blocked"
    )
    same = 'not not (http.host in {"b.example.com" "api.example.com"})'
    once = update_rule(file, 0, expression='http.host in {"api.example.com" "b.example.com"}')
    assert told(once, update_rule(once, 0, expression=same)) == (
        "✓ proved: decides the same, nobody is newly let in or blocked",
        [],
    )
    # No rule looks at the certificates of the second host, so it doesn't matter whether it asks for them.
    assert told(file, update_host(file, 1, mtls=False))[0] == told(file, file)[0]


def test_hosts_and_trust_are_compared_before_rules(file: RuleFile) -> None:
    presented = update_rule(file, 0, expression="cf.tls_client_auth.cert_presented")
    off, _ = told(presented, update_host(presented, 0, mtls=False))
    assert "newly let in: GET https://api.example.com/ with a" in off and "mTLS is off now" in off
    more, _ = told(file, insert_host(file, {"name": "new.example.com", "mtls": False}))
    assert "newly let in: GET https://new.example.com/" in more and "no such host before" in more
    assert "proved: no request is newly blocked" in more
    trust, _ = told(file, update_host(file, 0, revocation="leaf"))
    assert "? api.example.com: certificates are judged otherwise (revocation was chain and is leaf)" in trust
    assert "✓" not in trust


def test_hosts_that_were_not_looked_at_are_no_proof(file: RuleFile) -> None:
    found = consequences(bundle(file), bundle(update_rule(file, 1, expression="ssl")), limit_s=-1)
    assert found is not None
    assert any("1 hosts were not looked at" in text for runs in found.lines for text, _ in runs)
    assert not any("proved" in text for runs in found.lines for text, _ in runs)


def test_a_comparison_that_nobody_waits_for_is_broken_off(file: RuleFile) -> None:
    changed = bundle(update_rule(file, 1, expression="ssl"))
    assert consequences(bundle(file), changed, lambda: False) is None


def test_the_answer_takes_the_place_of_the_search_on_the_page_and_on_no_other(file: RuleFile) -> None:
    witness = Choice("deploy.witness", "Try it", arguments=(("probe", Probe(url="https://pay.example.com/x")),))
    answer = {"lines": ((("! newly let in", "bad"),),), "witnesses": (witness,)}
    driver = Driver().do("deploy.consequences", **answer)
    assert driver.document.overlay is None
    driver.do("deploy.show", lines=((("rest", "text"),),), why_not="", target="b", kept=1, looking=True)
    driver.do("deploy.consequences", **answer)
    page = driver.document.overlay
    assert isinstance(page, Page)
    assert [runs[0][0] if runs else "" for runs in page.lines] == ["! newly let in", "", "rest"]
    assert [choice.then for choice in page.choices][-2:] == ["deploy.witness", "page.close"]
    driver.press("down", "down", "enter")
    assert driver.document.content.probe.url == "https://pay.example.com/x"


def test_what_changes_about_a_host_is_said(file: RuleFile, tmp_path: Path) -> None:
    target = tmp_path / "t.bundle.json"
    export(file, target)
    assert "~ host pay.example.com: no longer asks for certificates" in said(update_host(file, 1, mtls=False), target)
    assert "goes to http://127.0.0.1:8080" in said(update_host(file, 1, upstream="http://127.0.0.1:8080"), target)


def test_authorities_out_of_date_are_told_and_hold_nothing_back(file: RuleFile, tmp_path: Path) -> None:
    old = RoleSet(datetime(2001, 1, 1, tzinfo=UTC)).authority.certificate
    (tmp_path / "ca.pem").write_bytes(old.public_bytes(Encoding.PEM))
    late = load(tmp_path / "t.rules.toml")
    text = said(late, tmp_path / "t.bundle.json")
    assert "! ca.pem: expired on" in text and report(late, tmp_path / "t.bundle.json").why_not == ""


def test_trust_that_can_not_be_made_is_a_problem(file: RuleFile, tmp_path: Path) -> None:
    text = (tmp_path / "t.rules.toml").read_text()
    (tmp_path / "t.rules.toml").write_text(text.replace("anchors =", 'crls = ["ca.crl"]\nanchors ='))
    (tmp_path / "ca.crl").write_bytes(RoleSet(datetime.now(UTC)).crl.public_bytes(Encoding.PEM))
    wrong = load(tmp_path / "t.rules.toml", strict=False)
    assert report(wrong, tmp_path / "t.bundle.json").why_not == "the file has problems"


async def test_the_page_finds_who_is_let_in_and_enter_tries_the_request(file: RuleFile, tmp_path: Path) -> None:
    assert file.path is not None
    export(file, tmp_path / "t.bundle.json")
    app = MtlsApp(file.path, settings=Settings(), drafts=tmp_path / "drafts")

    def overlay() -> str:
        return "\n".join(line.text for line in app.pane("overlay").lines)

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.controller is not None
        await pilot.press("D", "ctrl+e")
        for _ in range(1000):
            await pilot.pause(0.01)
            if "Try it" in overlay():
                break
        assert "! newly let in: GET https://api.example.com/ without a certificate" in overlay()
        await pilot.press("down", "down", "enter")
        assert app.controller.document.overlay is None
        assert app.controller.document.view.focus == "simulator"
