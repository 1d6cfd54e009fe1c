"""The deploy page: what would change, the file's tests, the export, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.engine.bundle import Bundle
from mtls_tui.pki.roles import RoleSet
from mtls_tui.rulefile import RuleFile, export, load, loads
from mtls_tui.tui.deploy import kept_items, known, put_back, report
from tests.tui.helpers import RULES


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
    changed = file.with_rule(0, enabled=False).with_rule(1, expression="ssl").with_rule_moved(1, 0)
    changed = changed.with_new_host({"name": "new.example.com"}).with_new_rule({"ref": "more", "expression": "ssl"})
    text = said(changed, target)
    for words in (
        "~ rule mtls-api is now disabled",
        "~ rule debug: another expression",
        "~ the order of the rules changed",
        "+ rule more",
        "+ host new.example.com",
    ):
        assert words in text
    assert known(changed, target).changes == 5  # type: ignore[union-attr]
    assert '-    any(lower(http.request.headers.names[*])[*] eq "x-debug")' in text and "+    ssl" in text


def test_failing_tests_are_shown_and_hold_the_export_back(file: RuleFile, tmp_path: Path) -> None:
    failing = file.with_new_test({"name": "wrong", "url": "https://api.example.com/", "expect": {"action": "allow"}})
    made = report(failing, tmp_path / "t.bundle.json")
    assert made.why_not == "1 tests fail"
    assert "wrong: " in said(failing, tmp_path / "t.bundle.json")


def test_problems_are_shown_with_their_cure(tmp_path: Path) -> None:
    broken = loads(RULES.replace("version = 1", 'version = 1\nanchors = ["gone.pem"]'), tmp_path, strict=False)
    made = report(broken, tmp_path / "t.bundle.json")
    assert made.why_not == "the file has problems" and "gone.pem" in said(broken, tmp_path / "t.bundle.json")


def test_an_earlier_export_comes_back_whole(file: RuleFile, tmp_path: Path) -> None:
    target = tmp_path / "t.bundle.json"
    first = export(file, target)
    export(file.with_rule(0, enabled=False), target)
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
