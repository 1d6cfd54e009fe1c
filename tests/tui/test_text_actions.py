"""The expression as text: typing, what doesn't parse, completion, format, and back."""

from __future__ import annotations

from mtls_tui.tui.text.effects import EditOutside
from tests.tui.helpers import Driver, with_expression


def test_typing_as_text_is_parsed_at_once_and_the_builder_follows() -> None:
    driver = Driver(with_expression("ssl")).press("t", "end").type(' and http.host eq "a"')
    assert driver.text == 'ssl and http.host eq "a"'
    driver.press("escape", "escape")
    assert driver.document.view.focus == "builder" and len(driver.document.rows) == 4


def test_text_that_does_not_parse_is_kept_with_its_place_and_never_lost() -> None:
    driver = Driver(with_expression("ssl")).press("t", "end").type(" and")
    work = driver.document.work
    assert work is not None and work.broken == "ssl and" and work.error is not None
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
