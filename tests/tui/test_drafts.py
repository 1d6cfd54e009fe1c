"""Nothing typed is lost: drafts, outside changes, saving."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mtls_tui.rulefile import load, save
from mtls_tui.rulefile.edit import update_rule
from mtls_tui.tui.files import draft
from mtls_tui.tui.files.actions import start
from mtls_tui.tui.files.effects import Quit, Reload
from mtls_tui.tui.state.content import with_edits_written
from mtls_tui.tui.state.overlays import Page
from tests.tui.helpers import RULES, Driver, with_expression


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    path = tmp_path / "t.rules.toml"
    path.write_text(RULES)
    return Driver(start(load(path, strict=False)))


def restored(driver: Driver, where: Path) -> Driver:
    """A new session on the same file, with the draft taken."""
    fresh = Driver(start(load(driver.document.content.file.path, strict=False)))  # type: ignore[arg-type]
    left = draft.read(fresh.document.content.file, where)
    assert left is not None
    return fresh.do("draft.offer", content=left[0], when=left[1]).press("enter")


def test_a_draft_brings_back_edits_mutes_and_requests(driver: Driver, tmp_path: Path) -> None:
    driver.at("certificate revoked").press("!").at("URI Path").press("space").press("tab", "s")
    draft.write(driver.document.content, tmp_path / "state")
    again = restored(driver, tmp_path / "state")
    assert again.text == driver.text and again.file == driver.file
    assert [row.text for row in again.document.rows if row.muted] == ["URI Path does not start with /hook/"]
    assert again.document.content.probes == driver.document.content.probes
    again.press("u")
    assert not again.document.unsaved


def test_text_that_does_not_parse_is_in_the_draft(driver: Driver, tmp_path: Path) -> None:
    driver.do("text.replace", text="half an expr")
    draft.write(driver.document.content, tmp_path / "state")
    assert restored(driver, tmp_path / "state").text == "half an expr"


def test_drafts_are_for_their_owner_only(driver: Driver, tmp_path: Path) -> None:
    draft.write(driver.document.content, tmp_path / "state")
    path = draft.path_for(driver.document.content.file.path, tmp_path / "state")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_draft_that_says_what_the_file_says_is_not_offered(driver: Driver, tmp_path: Path) -> None:
    draft.write(driver.document.content, tmp_path / "state")
    assert draft.read(driver.document.content.file, tmp_path / "state") is None


DAMAGED = [
    '{"version": 1, "text": "= ="}',
    '{"version": 1, "text": ["a"], "work": {}, "probe": {}}',
    '{"version": 1, "text": "", "work": 1, "probe": {}}',
    '{"version": 1, "text": "", "work": {"a": {"full": [1], "muted": []}}, "probe": {}}',
    '{"version": 1, "text": "", "work": {}, "probe": [1]}',
    '{"version": 1, "text": "version = 1\\n", "work": {}, "probe": {"url": 1}}',
]


@pytest.mark.parametrize("data", ["", "{", "[]", "[" * 5000, '{"version": 99}', '{"version": 1}', *DAMAGED])
def test_a_draft_that_can_not_be_read_stops_nothing(driver: Driver, tmp_path: Path, data: str) -> None:
    path = draft.path_for(driver.document.content.file.path, tmp_path / "state")
    path.parent.mkdir()
    path.write_text(data)
    assert draft.read(driver.document.content.file, tmp_path / "state") is None
    assert path.exists()


def test_two_files_of_one_name_have_two_drafts(tmp_path: Path) -> None:
    assert draft.path_for(tmp_path / "a" / "x.toml") != draft.path_for(tmp_path / "b" / "x.toml")


# --- the file on disk ---------------------------------------------------------------------------------------------


def test_saving_writes_what_the_builder_says_and_the_document_is_saved_then(driver: Driver) -> None:
    driver.at("certificate revoked").press("!").press("ctrl+s")
    (effect,) = driver.effects
    file = save(effect.content.file)
    driver.do("file.saved", content=effect.content, file=file)
    assert not driver.document.unsaved
    assert "not cf.tls_client_auth.cert_revoked" in file.path.read_text()  # type: ignore[union-attr]
    assert "# kept" in file.path.read_text()  # type: ignore[union-attr]


def test_an_edit_made_while_the_file_was_written_stays_unsaved(driver: Driver) -> None:
    driver.at("certificate revoked").press("!").press("ctrl+s")
    content = driver.effects[0].content
    driver.press("!")
    driver.do("file.saved", content=content, file=save(content.file))
    assert driver.document.unsaved
    assert "not cf.tls_client_auth.cert_revoked" not in driver.text


def test_a_change_on_disk_is_taken_over_when_nothing_is_unsaved(driver: Driver) -> None:
    path = driver.document.content.file.path
    assert path is not None
    path.write_text(RULES.replace("debug", "debugging"))
    driver.do("file.touched", file=load(path))
    assert [rule.ref for rule in driver.document.content.file.rules] == ["mtls-api", "debugging"]
    assert not driver.document.unsaved


def test_a_change_on_disk_is_told_and_never_overwritten_silently(driver: Driver) -> None:
    path = driver.document.content.file.path
    assert path is not None
    driver.at("certificate revoked").press("!")
    mine = driver.text
    path.write_text(RULES.replace("debug", "debugging"))
    driver.do("file.touched", file=load(path))
    assert driver.document.changed_on_disk and driver.text == mine
    driver.press("ctrl+s")
    assert driver.overlay == "Page" and driver.effects == []
    driver.press("enter")
    assert driver.effects == [Reload()]


def test_leaving_with_unsaved_work_asks_first(driver: Driver) -> None:
    driver.press("ctrl+q")
    assert driver.effects == [Quit()]
    driver.effects.clear()
    driver.at("certificate revoked").press("!").press("ctrl+q")
    assert driver.overlay == "Page" and driver.effects == []
    driver.press("down", "enter")
    assert driver.effects == [Quit()]


def test_a_new_file_asks_for_its_name() -> None:
    driver = Driver(with_expression("ssl"))
    from dataclasses import replace

    file = replace(driver.document.content.file, path=None)
    driver.document = replace(driver.document, content=replace(driver.document.content, file=file), saved=None)
    driver.press("ctrl+s")
    assert driver.overlay == "Form"
    driver.press("ctrl+u").type("new.rules.toml").press("enter")
    assert driver.effects[0].path == "new.rules.toml"


def test_only_a_saved_file_is_exported_and_failing_tests_stop_it(driver: Driver, tmp_path: Path) -> None:
    from mtls_tui.tui.deploy.report import report

    file = driver.document.content.file
    target = tmp_path / "t.bundle.json"
    made = report(file, target)
    assert made.why_not == "the file has problems"  # no authority: nobody could ever be verified
    driver.do("deploy.show", lines=made.lines, why_not=made.why_not, target=target.name, kept=made.kept)
    driver.do("overlay.choose", index=0)
    assert driver.refused == "the file has problems"


def with_muted(driver: Driver) -> Driver:
    return driver.at("certificate revoked").press("space").at("URI Path").press("space")


def test_saving_says_that_muted_rows_are_not_in_the_file_and_keeps_them(driver: Driver, tmp_path: Path) -> None:
    content = with_muted(driver).document.content
    driver.do("file.save")
    saved = driver.effects[-1].content
    driver.do("file.saved", content=saved, file=save(saved.file))
    assert driver.document.notice is not None
    assert driver.document.notice.text == "saved t.rules.toml; 2 muted rows are not in the file, the draft keeps them"
    assert not driver.document.unsaved
    assert sum(row.muted for row in driver.document.rows) == 2 == sum(len(w.muted) for w in content.edits.values())
    draft.write(driver.document.content, tmp_path / "state")
    assert sum(row.muted for row in restored(driver, tmp_path / "state").document.rows) == 2


def test_the_deploy_page_and_leaving_tell_of_muted_rows(driver: Driver) -> None:
    with_muted(driver).do("deploy.show", lines=(), why_not="", target="b", kept=0)
    page = driver.document.overlay
    assert isinstance(page, Page) and page.lines[0][0][0] == "! 2 muted rows are not in the bundle"
    driver.press("escape").do("quit")
    page = driver.document.overlay
    assert isinstance(page, Page) and page.lines[1][0][0].startswith("2 muted rows are never in the file")


def test_reading_the_file_again_keeps_muted_rows_of_rules_that_are_the_same_there(driver: Driver) -> None:
    with_muted(driver)
    written = save(with_edits_written(driver.document.content).file)
    other = update_rule(written, 1, description="by somebody else")
    driver.do("file.reloaded", file=other)
    assert sum(row.muted for row in driver.document.rows) == 2 and not driver.document.unsaved
    driver.do("file.reloaded", file=update_rule(other, 0, expression="ssl"))
    assert driver.text == "ssl" and driver.document.notice is not None
    assert driver.document.notice.text == "read again from disk, without 2 muted rows; u brings them back"
    assert sum(row.muted for row in driver.press("u").document.rows) == 2
