"""The expression as text: typing, what doesn't parse, completion, format, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtls_tui import lang
from mtls_tui.lang import parsing
from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.screen import frame
from mtls_tui.tui.app.settings import Settings
from mtls_tui.tui.text.effects import EditOutside
from tests.tui.helpers import RULES, Driver, with_expression
from tests.tui.test_app import settled


def test_typing_as_text_is_parsed_at_once_and_the_builder_follows() -> None:
    driver = Driver(with_expression("ssl")).press("t", "end").type(' and http.host eq "a"')
    assert driver.text == 'ssl and http.host eq "a"'
    driver.press("escape", "escape")
    assert driver.document.view.focus == "builder" and len(driver.document.rows) == 4


def test_text_that_does_not_parse_is_kept_with_its_place_and_never_lost() -> None:
    driver = Driver(with_expression("ssl")).press("t", "end").type(" and")
    edited = driver.document.edited_rule
    assert edited is not None and edited.broken == "ssl and" and edited.error is not None
    assert "expression = '''ssl and'''" in driver.file
    driver.press("escape", "escape")
    assert driver.document.notice is not None and driver.document.notice.kind == "bad"
    driver.press("t")
    assert driver.document.view.text is not None and driver.document.view.text.text == "ssl and"


def test_undo_in_text_goes_back_word_by_word() -> None:
    driver = Driver(with_expression("ssl")).press("t", "end").type(" and true")
    driver.press("ctrl+z")
    assert driver.document.view.text.text == "ssl and"  # type: ignore[union-attr]
    for _ in range(4):
        driver.press("ctrl+z")
    assert driver.text == "ssl"


def test_letters_are_text_and_not_commands_while_typing() -> None:
    driver = Driver(with_expression("ssl")).press("t", "end").type(" dayu!")
    assert driver.document.view.text.text == "ssl dayu!"  # type: ignore[union-attr]


def test_completion_offers_fields_after_the_dot_and_takes_one() -> None:
    driver = Driver(with_expression("ssl")).press("t", "ctrl+a").type("cf.tls_client_auth.cert_ver")
    assert driver.document.view.completing
    driver.press("tab")
    assert driver.text == "cf.tls_client_auth.cert_verified"
    assert not driver.document.view.completing


def test_completion_can_be_walked_and_closed() -> None:
    driver = Driver(with_expression("ssl")).press("t", "ctrl+a").type("http.req").press("down", "down")
    assert driver.document.view.completion == 2
    driver.press("escape")
    assert not driver.document.view.completing and driver.document.view.focus == "text"


def test_format_writes_the_canonical_form_once() -> None:
    driver = Driver(with_expression('http.host   ==   "a"&&ssl')).press("t", "f4")
    assert driver.text == 'http.host eq "a" and ssl'
    driver.press("f4")
    assert driver.document.notice is not None and "already" in driver.document.notice.text


def test_the_cursor_goes_to_the_clause_and_back_to_its_row() -> None:
    driver = Driver().at("URI Path").press("t")
    buffer = driver.document.view.text
    assert buffer is not None and buffer.text[buffer.cursor :].startswith("not starts_with(")
    driver.press("escape")
    assert driver.document.row is not None and "URI Path" in driver.document.row.text


def test_muted_rows_are_not_dropped_by_editing_as_text() -> None:
    driver = Driver().at("URI Path").press("space").press("t")
    assert "muted" in driver.refused and driver.document.view.text is None


def test_a_pasted_expression_replaces_the_rules_and_undo_brings_it_back() -> None:
    driver = Driver()
    before = driver.text
    driver.do("text.replace", text='\n  http.host eq "pasted"\n')
    assert driver.text == 'http.host eq "pasted"'
    driver.press("u")
    assert driver.text == before


def test_the_editor_of_the_user_gets_the_expression() -> None:
    driver = Driver().press("f12")
    assert driver.effects == [EditOutside(driver.text, "text.replace")]


# --- long texts that aren't right -----------------------------------------------------------------------------------

CLAUSE = 'http.request.uri.path eq "/v1/{}"'
WRONG_NAME = " or ".join([*(CLAUSE.format(number) for number in range(100)), 'no.such.field eq "x"'])


def editing(text: str) -> Driver:
    driver = Driver(with_expression(CLAUSE.format(0))).do("text.open")
    return driver.do("text.all").do("text.paste", text=text)


def test_a_key_in_a_long_text_that_is_not_right_does_not_wait_for_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader of wrong texts takes 50 ms and more for such a text; no key asks it."""
    assert len(WRONG_NAME) > 3000

    def never() -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(parsing, "_grammar", never)
    driver = editing(WRONG_NAME).type(" or")
    driver.press("backspace", "backspace", "backspace", "left", "x")
    edited = driver.document.edited_rule
    assert edited is not None and edited.unread and edited.error is not None and "no.such" in driver.text


def test_a_file_with_a_long_rule_that_is_not_right_opens_without_reading_its_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = with_expression(WRONG_NAME)

    def never() -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(parsing, "_grammar", never)
    driver = Driver(document).evaluate()
    frame(driver.document, 120, 40)
    edited = driver.document.edited_rule
    assert edited is not None and edited.unread and edited.error is not None and driver.text == WRONG_NAME


def test_rows_that_were_read_after_opening_are_no_change_of_the_file() -> None:
    driver = Driver(with_expression(WRONG_NAME))
    driver.do("text.read", ref="r", text=WRONG_NAME, expression=lang.parse(WRONG_NAME, check=False))
    assert len(driver.document.rows) > 100 and not driver.document.unsaved and not driver.document.past
    assert driver.do("text.read", ref="gone", text=WRONG_NAME, expression=None).refused == ""


def test_a_short_text_with_a_wrong_name_is_rows_at_once() -> None:
    driver = editing('no.such.field eq "x"')
    edited = driver.document.edited_rule
    assert edited is not None and edited.broken is None and not edited.unread


def test_what_was_read_is_taken_only_for_the_text_that_is_there() -> None:
    driver = editing(WRONG_NAME)
    late = lang.parse(WRONG_NAME, check=False)
    before, steps = driver.type(" ").document, len(driver.document.past)
    assert driver.do("text.read", ref="r", text=WRONG_NAME, expression=late).document is before
    now = driver.text
    driver.do("text.read", ref="r", text=now, expression=lang.parse(now, check=False))
    edited = driver.document.edited_rule
    assert edited is not None and edited.broken is None and not edited.unread and driver.text == now
    assert len(driver.document.past) == steps
    driver.do("undo")
    assert driver.text != now


def test_a_text_without_rows_is_broken_once_it_was_read() -> None:
    driver = editing(WRONG_NAME + " or or")
    driver.do("text.read", ref="r", text=driver.text, expression=None)
    edited = driver.document.edited_rule
    assert edited is not None and edited.broken == driver.text and not edited.unread and edited.error is not None
    assert "does not parse" in driver.do("text.close").do("text.close").document.notice.text  # type: ignore[union-attr]


async def test_a_long_text_with_a_wrong_name_becomes_rows_when_the_typing_pauses(tmp_path: Path) -> None:
    path = tmp_path / "t.rules.toml"
    path.write_text(RULES)
    app = MtlsApp(path, settings=Settings(), drafts=tmp_path / "drafts")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        controller = app.controller
        assert controller is not None
        controller.dispatch("text.open")
        controller.dispatch("text.all")
        controller.dispatch("text.paste", text=WRONG_NAME)
        assert controller.document.edited_rule.unread  # type: ignore[union-attr]
        await settled(pilot)
        edited = controller.document.edited_rule
        assert (
            edited is not None and not edited.unread and edited.broken is None and len(controller.document.rows) > 100
        )


async def test_a_long_rule_that_is_not_right_becomes_rows_after_the_first_paint(tmp_path: Path) -> None:
    path = tmp_path / "t.rules.toml"
    path.write_text(with_expression(WRONG_NAME).content.file.text)
    app = MtlsApp(path, settings=Settings(), drafts=tmp_path / "drafts")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert app.controller is not None
        assert len(app.controller.document.rows) > 100 and not app.controller.document.unsaved
