"""What lint finds, in the UI: beside the rule, in the list of hosts, as a list with the way there and the cure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

from mtls_tui.rulefile import RuleFile
from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.settings import Settings
from mtls_tui.tui.findings.actions import renewed
from mtls_tui.tui.hosts.view import hosts_lines
from mtls_tui.tui.state.content import Content, with_edits_written
from mtls_tui.tui.state.findings import counted, found_in
from mtls_tui.tui.state.overlays import Page
from mtls_tui.tui.text.view import head_line
from tests.tui.helpers import Driver, document_of
from tests.tui.test_app import settled

ODD = """\
# kept
version = 1

[[hosts]]
name = "api.example.com"

[[hosts]]
name = "pay.example.com"

[[rules]]
ref = "twice"
expression = '''(http.host in {"api.example.com" "api.example.com"}   and not cf.tls_client_auth.cert_verified)'''

[[rules]]
ref = "letters"
expression = '''http.host eq "pay.example.com" and (ssl or any(http.request.headers["X-[red]Key"][*] eq "a"))'''
action = "log"  # kept, too
"""
CURED = ODD.replace('"api.example.com" "api.example.com"', '"api.example.com" ')
AT = datetime(2026, 1, 1, tzinfo=UTC)


def looked_at(driver: Driver) -> Driver:
    """What the worker does."""
    driver.evaluate()
    driver.document = renewed(replace(driver.document, findings=found_in(driver.document.content, AT)))
    return driver


def odd() -> Driver:
    return looked_at(Driver(document_of(ODD)))


def words(lines: object) -> str:
    return "\n".join("".join(piece.text for piece in line.pieces) for line in lines)  # type: ignore[attr-defined]


def page(driver: Driver) -> Page:
    assert isinstance(driver.document.overlay, Page)
    return driver.document.overlay


def chosen(driver: Driver) -> str:
    """The head line of the finding that is chosen."""
    return next("".join(text for text, _ in runs) for runs in page(driver).lines if runs and runs[0][0] == "▸ ")


def choose(driver: Driver, code: str) -> Driver:
    driver.press("i", "pageup", "pageup")
    for _ in range(20):
        if code in chosen(driver):
            return driver
        driver.press("down")
    raise AssertionError(page(driver).lines)


def test_the_rule_says_its_warnings_beside_its_validity() -> None:
    driver = odd()
    assert "✓ valid · ! 1 warning · " in words([head_line(driver.document, 78)])
    driver.do("rule.select", key="letters")
    looked_at(driver)
    assert "✓ valid · ! 1 warning · " in words([head_line(driver.document, 78)])
    fine = Driver(document_of(ODD.replace('"api.example.com" "api.example.com"', '"api.example.com"')))
    assert "✓ valid · 7" in words([head_line(looked_at(fine).document, 78)])


def test_the_list_of_hosts_marks_rules_and_hosts_by_sign_and_word() -> None:
    lines = words(hosts_lines(odd().document, 60, 20)).split("\n")
    assert [line for line in lines if "twice" in line and "! warn Block" in line]
    assert [line for line in lines if "letters" in line and "! warn Log" in line]
    assert [line for line in lines if "pay.example.com" in line and "! warn mTLS" in line], lines


def test_a_narrow_list_of_hosts_keeps_the_sign_and_its_width() -> None:
    text = ODD.replace('"letters"', '"letters-and-a-very-long-name-behind"')
    lines = hosts_lines(looked_at(Driver(document_of(text))).document, 30, 20)
    assert any("…" in words([line]) and "! Log" in words([line]) for line in lines)
    assert all(line.width <= 30 for line in lines)


def test_the_list_shows_message_cure_and_place_and_begins_at_the_selected_rule() -> None:
    driver = odd()
    driver.do("rule.select", key="letters").press("i")
    assert "letters · line 16:" in chosen(driver)
    text = " ".join("  ".join("".join(part for part, _ in runs) for runs in page(driver).lines).split())
    assert "nothing is ever under `X-[red]Key`" in text
    assert "write `x-[red]key`" in text
    assert 'f writes "x-[red]key"' in text
    assert "! warning duplicate-item twice · line 12:" in text
    assert "no rule keeps requests without a certificate from `pay.example.com`" in text
    warnings = text.count("! warning ")
    assert warnings >= 3
    assert page(driver).title == f"{warnings} warnings, {counted(text.count('· remark '), 'remark')}"


def test_enter_goes_to_the_row_of_another_rule() -> None:
    driver = choose(odd(), "header-case").press("enter")
    assert driver.overlay == "NoneType"
    assert driver.document.view.rule == "letters"
    assert driver.document.view.focus == "builder"
    assert driver.document.row is not None
    assert "X-[red]Key" in driver.document.row.text


def test_enter_finds_the_row_with_a_muted_row_before_it() -> None:
    driver = Driver(document_of(ODD)).do("rule.select", key="letters").at("SSL").press("space")
    assert "ssl" not in driver.text
    choose(looked_at(driver), "header-case").press("enter")
    assert driver.document.row is not None
    assert "X-[red]Key" in driver.document.row.text


def test_enter_on_what_is_about_a_host_goes_to_the_host() -> None:
    driver = choose(odd(), "host-unprotected").press("enter")
    assert driver.document.view.focus == "hosts"
    from mtls_tui.tui.hosts.list_actions import chosen as entry

    there = entry(driver.document)
    assert there is not None
    assert there.host == "pay.example.com"


def test_f_puts_the_cure_in_and_undo_takes_it_back() -> None:
    driver = choose(odd(), "duplicate-item").press("f")
    assert driver.file == CURED
    driver.press("escape", "u")
    assert driver.file == ODD


def test_cures_go_in_one_after_the_other_while_the_list_is_open() -> None:
    driver = choose(odd(), "duplicate-item").press("f")
    driver.press("f")
    assert "edited since" in driver.refused, "the places are those of the text before"
    looked_at(driver)
    assert "duplicate-item" not in str(page(driver).lines)
    driver.press("escape")
    choose(driver, "header-case").press("f")
    assert 'headers["x-[red]key"]' in driver.file
    assert 'action = "log"  # kept, too' in driver.file


def test_what_has_no_clear_cure_says_so_and_changes_nothing() -> None:
    driver = choose(odd(), "host-unprotected").press("f")
    assert "no clear fix" in driver.refused
    assert driver.file == ODD


def test_a_muted_row_is_never_lost_by_a_cure() -> None:
    driver = Driver(document_of(ODD)).do("rule.select", key="letters").at("SSL").press("space")
    before = driver.document.content
    choose(looked_at(driver), "header-case").press("f")
    assert "muted" in driver.refused
    assert driver.document.content is before


def test_the_list_can_not_be_asked_for_what_is_broken() -> None:
    driver = Driver(document_of(ODD.replace("and not cf", "and nott cf")))
    looked_at(driver)
    assert driver.document.findings is None
    assert "F11" in driver.press("i").refused


def test_f_on_other_pages_does_nothing() -> None:
    driver = odd().press("f1")
    before = driver.document
    assert driver.press("f").refused == ""
    assert driver.document is before


def test_lint_sees_what_is_not_saved_yet() -> None:
    driver = odd()
    driver.do("text.replace", text='http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified')
    looked_at(driver)
    assert driver.document.findings is not None
    assert "twice" not in driver.document.findings.of_rule


def test_a_long_list_is_stepped_through_fast() -> None:
    rules = "".join(
        f"[[rules]]\nref = \"r{n}\"\nexpression = '''any(http.request.headers[\"X-{n}\"][*] eq \"a\")'''\n"
        for n in range(1000)
    )
    driver = Driver(document_of("version = 1\n" + rules))
    driver.document = replace(driver.document, findings=found_in(driver.document.content, AT))
    assert driver.document.findings is not None
    assert len(driver.document.findings.found) >= 1000
    driver.press("i")
    begin = process_time()
    driver.press(*["down"] * 10)
    assert (process_time() - begin) / 10 < 0.05


def test_counts_are_words() -> None:
    assert [counted(1), counted(2), counted(1200)] == ["1 warning", "2 warnings", "1,200 warnings"]


# --- the application ----------------------------------------------------------------------------------------------


async def test_the_worker_finds_shows_and_cures(tmp_path: Path) -> None:
    path = tmp_path / "odd.rules.toml"
    path.write_text(ODD)
    app = MtlsApp(path, settings=Settings(), drafts=tmp_path / "drafts")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.controller is not None
        assert app.controller.document.findings is not None
        shown = app.export_screenshot().replace("&#160;", " ")
        assert "1 warning" in shown
        await pilot.press("i")
        assert isinstance(app.controller.document.overlay, Page)
        await pilot.press("f")
        await settled(pilot)
        document = app.controller.document
        assert document.findings is not None
        assert document.findings.content is document.content, "the newest content wins"
        assert "twice" not in document.findings.of_rule
        await pilot.press("escape")
        await pilot.press("ctrl+s")
        await settled(pilot)
    assert path.read_text() == CURED


async def test_lint_waits_until_the_typing_pauses(tmp_path: Path, monkeypatch: object) -> None:
    from mtls_tui.tui.state import findings

    path = tmp_path / "odd.rules.toml"
    path.write_text(ODD)
    runs: list[RuleFile] = []
    real = findings.found_in

    def counting(content: Content, at: datetime) -> findings.Findings | None:
        runs.append(with_edits_written(content).file)
        return real(content, at)

    monkeypatch.setattr(findings, "found_in", counting)  # type: ignore[attr-defined]
    app = MtlsApp(path, settings=Settings(), drafts=tmp_path / "drafts")
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert len(runs) == 1
        await pilot.press("t", "end", *"      ")
        await settled(pilot)
        assert len(runs) <= 4, "one run for a burst of typing, not one a key"
        assert app.controller is not None
        assert app.controller.document.findings is not None
        assert app.controller.document.findings.content is app.controller.document.content
        await pilot.press("up", "down")
        await settled(pilot)
        count = len(runs)
        await pilot.press("escape", "down", "down")
        await settled(pilot)
        assert len(runs) == count, "looking around costs nothing"
