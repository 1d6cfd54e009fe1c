"""The builder's actions: what they write, what they leave as it was, and why they refuse. No terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtls_tui.rulefile.edit import update_rule
from mtls_tui.tui.state.content import with_edits_written
from mtls_tui.tui.state.document import UNDO_LIMIT, Document
from tests.tui.helpers import Driver, document_of, with_expression

HOST = 'http.host in {"api.example.com"  "b.example.com"}'


def test_moving_visits_every_row_and_stops_at_the_ends() -> None:
    driver = Driver()
    seen = []
    for _ in range(12):
        seen.append(driver.document.row_index)
        driver.press("down")
    last = len(driver.document.rows) - 1
    assert seen == [min(step, last) for step in range(12)]
    driver.press("home")
    assert driver.document.row_index == 0


def test_negating_a_clause_touches_nothing_else() -> None:
    driver = Driver().at("Client certificate revoked").press("!")
    assert "(not cf.tls_client_auth.cert_verified or not cf.tls_client_auth.cert_revoked)" in driver.text
    assert HOST in driver.text
    driver.press("!")
    assert driver.text == Driver().text


def test_deleting_a_clause_of_two_dissolves_its_group() -> None:
    driver = Driver().at("Client certificate revoked").press("d")
    assert (
        "and (not cf.tls_client_auth.cert_verified)" in driver.text
        or "and not cf.tls_client_auth.cert_verified" in driver.text
    )
    assert HOST in driver.text


def test_the_last_clause_can_not_be_deleted() -> None:
    driver = Driver(with_expression("ssl")).press("d")
    assert "at least one row" in driver.refused
    assert driver.text == "ssl"


def test_cloning_puts_the_same_text_below() -> None:
    driver = Driver().at("URI Path").press("y")
    assert driver.text.count('not starts_with(http.request.uri.path, "/hook/")') == 2


def test_moving_a_row_goes_through_group_borders_and_back() -> None:
    driver = Driver().at("URI Path").press("K")
    assert [row.depth for row in driver.document.rows if "URI Path" in row.text] == [2]
    driver.press("J")
    assert driver.document.rows == Driver().document.rows


def test_wrapping_makes_a_group_that_says_something_and_unwrapping_takes_it_away() -> None:
    driver = Driver(with_expression('ssl and cf.tls_client_auth.cert_revoked and http.host eq "a"')).press("down", "w")
    assert driver.text == '(ssl or cf.tls_client_auth.cert_revoked) and http.host eq "a"'
    driver.press("up") if driver.document.row and driver.document.row.kind == "clause" else None
    driver.do("row.go", index=1).press("W")
    assert driver.text == 'ssl and cf.tls_client_auth.cert_revoked and http.host eq "a"'


def test_the_join_goes_round() -> None:
    driver = Driver(with_expression("ssl and cf.tls_client_auth.cert_revoked"))
    joins = []
    for _ in range(3):
        driver.press("&")
        joins.append(driver.text)
    assert joins == [
        "ssl or cf.tls_client_auth.cert_revoked",
        "ssl xor cf.tls_client_auth.cert_revoked",
        "ssl and cf.tls_client_auth.cert_revoked",
    ]


# --- mute ---------------------------------------------------------------------------------------------------------


def test_a_muted_row_stays_in_the_builder_and_leaves_the_rule() -> None:
    driver = Driver().at("URI Path").press("space")
    assert "starts_with" not in driver.text
    assert [row.muted for row in driver.document.rows if "URI Path" in row.text] == [True]
    assert "starts_with" not in driver.file
    driver.press("space")
    assert driver.text == Driver().text


def test_the_last_active_row_can_not_be_muted() -> None:
    driver = Driver(with_expression("ssl")).press("space")
    assert "disable the rule" in driver.refused


def test_muting_all_of_a_group_mutes_the_group_and_the_rest_holds() -> None:
    driver = Driver().at("certificate verified").press("space").at("certificate revoked").press("space")
    assert (
        driver.text.replace("  ", " ")
        == '(http.host in {"api.example.com" "b.example.com"} and not starts_with(http.request.uri.path, "/hook/"))'
    )


def test_muted_rows_survive_edits_around_them() -> None:
    driver = Driver().at("certificate revoked").press("space")
    driver.at("URI Path").press("K").at("Hostname").press("y").press("!")
    muted = [row.text for row in driver.document.rows if row.muted]
    assert muted == ["Client certificate revoked"]
    assert "cert_revoked" not in driver.text


def test_a_muted_row_that_moves_stays_muted() -> None:
    driver = Driver().at("certificate revoked").press("space").press("J")
    assert [row.text for row in driver.document.rows if row.muted] == ["Client certificate revoked"]
    assert "cert_revoked" not in driver.text


def test_a_clone_of_an_equal_row_elsewhere_does_not_take_the_muting_over() -> None:
    driver = Driver(with_expression('(ssl and http.host eq "a") or (ssl and http.host eq "b")'))
    rows = driver.document.rows
    second = [
        index for index, row in enumerate(rows) if row.text.startswith(rows[2].text[:3]) and "SSL" in row.text.upper()
    ]
    driver.do("row.go", index=second[-1]).press("space")
    assert driver.text == '(ssl and http.host eq "a") or (http.host eq "b")'
    driver.do("row.go", index=second[0]).press("y")
    assert driver.text == '(ssl and ssl and http.host eq "a") or (http.host eq "b")'


# --- parts --------------------------------------------------------------------------------------------------------


def test_typing_a_value_is_applied_at_once_and_is_one_step_of_undo() -> None:
    driver = Driver().at("URI Path").press("v")
    assert driver.overlay == "PartEditor"
    driver.press("end").type("in")
    assert 'starts_with(http.request.uri.path, "/hook/in")' in driver.text
    driver.press("enter")
    assert driver.overlay == "NoneType"
    driver.press("u")
    assert driver.text == Driver().text and not driver.document.past


def test_escape_takes_the_value_back() -> None:
    driver = Driver().at("URI Path").press("v").type("x").press("escape")
    assert driver.text == Driver().text and not driver.document.past


def test_quotes_and_backslashes_are_escaped_in_quoted_values() -> None:
    driver = Driver(with_expression('http.host eq "a"')).press("v").type('q"\\')
    assert driver.text == 'http.host eq "q\\"\\\\"'


def test_a_raw_string_stays_raw_and_gets_the_hashes_it_needs() -> None:
    driver = Driver(with_expression('http.host matches r"^a$"')).press("v").press("end").type('"#')
    assert driver.text == 'http.host matches r##"^a$"#"##'


def test_a_value_can_be_switched_between_raw_and_quoted() -> None:
    driver = Driver(with_expression('http.host eq "a"')).press("v").press("f2").press("enter")
    assert driver.text == 'http.host eq r"a"'


def test_one_item_of_a_set_changes_and_the_others_keep_their_spaces() -> None:
    driver = Driver().at("Hostname").press("v").type("c.example.com").press("enter", "tab")
    assert 'http.host in {"api.example.com"  "b.example.com" "c.example.com"}' in driver.text


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("10.0.0.1/8", "the network is 10.0.0.0/8"),
        ("300.1.1.1", "not an address"),
        ("10.0.0.0/99", "not a network"),
    ],
)
def test_a_wrong_address_is_told_and_changes_nothing(typed: str, why: str) -> None:
    driver = Driver(with_expression("ip.src in {192.0.2.1}")).press("v").type(typed)
    editor = driver.document.overlay
    assert why in getattr(editor, "error", "")
    driver.press("tab")
    assert why in driver.refused
    driver.press("escape")
    assert driver.text == "ip.src in {192.0.2.1}"


def test_networks_and_ranges_go_into_address_sets() -> None:
    driver = Driver(with_expression("ip.src in {192.0.2.1}")).press("v")
    driver.type("10.0.0.0/8").press("enter").type("2001:db8::1..2001:db8::9").press("tab")
    assert driver.text == "ip.src in {192.0.2.1 10.0.0.0/8 2001:db8::1..2001:db8::9}"


def test_an_offered_host_is_taken() -> None:
    driver = Driver().at("Hostname").press("v", "down")
    driver.press("enter")
    assert '"pay.example.com"}' in driver.text


def test_the_loaded_certificates_facts_are_offered() -> None:
    driver = Driver(with_expression('cf.tls_client_auth.cert_serial eq "x"'))
    driver.do("simulator.set_certificate", key="good").evaluate().press("v")
    offers = driver.document.overlay.offers  # type: ignore[union-attr]
    assert offers[0].group == "from the loaded certificate"
    driver.press("down", "enter")
    assert offers[0].key in driver.text


def test_choosing_an_operator_keeps_the_value() -> None:
    driver = Driver(with_expression('http.host eq "a"')).press("=")
    driver.do("part.set_operator", key="is not in")
    assert driver.text == 'not http.host in {"a"}'
    driver.do("part.set_operator", key="starts with")
    assert driver.text == 'starts_with(http.host, "a")'
    driver.do("part.set_operator", key="matches regex")
    assert driver.text == 'http.host matches r"a"'


def test_choosing_a_list_operator_names_a_list_that_fits() -> None:
    text = document_of().content.file.text + "[[rules]]\nref = \"x\"\nexpression = 'ip.src in {10.0.0.1}'\n"
    driver = Driver(document_of(text)).do("rule.select", key="x").do("part.set_operator", key="is in list")
    assert driver.text == "ip.src in $office"


def test_a_field_of_the_same_type_keeps_operator_and_value() -> None:
    driver = Driver(with_expression('http.host  eq  "a"')).press("f")
    assert driver.overlay == "Picker"
    driver.type("uri path").press("enter")
    assert driver.text == 'http.request.uri.path  eq  "a"'


def test_a_field_of_another_type_begins_anew() -> None:
    driver = Driver(with_expression('http.host eq "a"')).do("part.set_field", key="ssl", path=(0,))
    assert driver.text == "ssl"


def test_adding_a_clause_opens_its_value() -> None:
    driver = Driver().at("URI Path").press("a").type("request method").press("enter")
    assert driver.overlay == "PartEditor"
    driver.press("ctrl+u").type("POST").press("enter")
    assert driver.text.endswith('and http.request.method eq "POST")')


def test_adding_with_or_makes_a_group_of_the_two() -> None:
    driver = Driver().at("URI Path").press("o").type("ssl").press("enter")
    assert '(not starts_with(http.request.uri.path, "/hook/") or ' in driver.text


def test_adding_takes_a_whole_expression_as_text() -> None:
    driver = Driver(with_expression("ssl")).press("a").type('http.host eq "zz"').press("enter")
    assert driver.text == 'ssl and http.host eq "zz"'


def test_each_part_of_a_mapped_call_can_be_edited() -> None:
    driver = Driver().do("rule.select", key="debug")
    driver.part("function", "lower").press("enter")
    assert driver.document.overlay.kind == "source"  # type: ignore[union-attr]
    driver.press("ctrl+u").type("upper(http.request.headers.names[*])").press("enter")
    assert driver.text == 'any(upper(http.request.headers.names[*])[*] == "x-debug")'
    driver.part("value").press("enter").type("X-DEBUG").press("enter")
    assert driver.text == 'any(upper(http.request.headers.names[*])[*] == "X-DEBUG")'


def test_a_row_can_be_edited_as_text_in_place() -> None:
    driver = Driver().at("URI Path").press("E").press("ctrl+u").type("ssl").press("enter")
    assert driver.text.endswith("and ssl)")
    assert HOST in driver.text


# --- undo ---------------------------------------------------------------------------------------------------------


def test_undo_and_redo_reach_back_two_hundred_steps() -> None:
    driver = Driver()
    texts = [driver.text]
    for _ in range(220):
        driver.at("Client certificate revoked").press("!")
        texts.append(driver.text)
    for text in reversed(texts[:-1]):
        driver.press("u")
        assert driver.text == text
    driver.press("u")
    assert driver.refused == "there is nothing to undo"
    for text in texts[1:]:
        driver.press("U")
        assert driver.text == text


def test_what_is_not_touched_comes_back_byte_for_byte_in_the_file() -> None:
    document = document_of()
    driver = Driver(document).at("Client certificate revoked").press("!").press("!")
    assert driver.file == document.content.file.text
    assert with_edits_written(driver.document.content).file.rules == document.content.file.rules


# --- live help while typing -----------------------------------------------------------------------------------------


def test_a_pattern_is_tried_on_the_simulators_request_while_it_is_typed() -> None:
    from mtls_tui.tui.builder.pattern_check import live_test

    driver = Driver(with_expression('http.request.uri.path matches r"^/a"')).evaluate().press("v")
    assert live_test(driver.document, driver.document.overlay) == ("✗ does not match /", "warn")  # type: ignore[arg-type]
    driver.press("ctrl+u").type("^/$")
    assert live_test(driver.document, driver.document.overlay) == ("✓ matches /", "good")  # type: ignore[arg-type]
    driver.press("ctrl+u").type("(a")
    assert driver.document.overlay.error  # type: ignore[union-attr]
    assert driver.text == 'http.request.uri.path matches r""'


def test_completion_helps_in_a_part_that_is_edited_as_text() -> None:
    driver = Driver(with_expression('lower(http.host) eq "a"')).part("function").press("enter")
    driver.press("ctrl+u").type("upper(http.request.uri.pa")
    driver.press("down", "enter")
    assert driver.document.overlay.buffer.text.startswith("upper(http.request.uri.path")  # type: ignore[union-attr]
    driver.type(")").press("enter")
    assert driver.text == 'upper(http.request.uri.path) eq "a"'


def test_typing_after_an_undo_is_a_step_of_its_own() -> None:
    """One undo must not take back more than what was typed since."""
    document = with_expression("ssl")

    def renamed(document: Document, text: str, merge: str) -> Document:
        file = update_rule(document.content.file, 0, description=text)
        return document.with_content(replace(document.content, file=file), text, merge=merge)

    typed = renamed(renamed(document, "a", "typing"), "ab", "typing")
    assert len(typed.past) == 1
    driver = Driver(renamed(typed, "other", "")).do("undo")
    again = renamed(driver.document, "abc", "typing")
    assert [step.title for step in again.past] == ["a", "abc"]
    assert Driver(again).do("undo").document.content.file.rules[0].description == "ab"


def test_undo_keeps_a_bounded_number_of_steps_and_drops_the_oldest() -> None:
    driver = Driver(with_expression("ssl"))
    for _ in range(UNDO_LIMIT + 2):
        driver.press("!")
    assert len(driver.document.past) == UNDO_LIMIT
    for _ in range(UNDO_LIMIT):
        driver.do("undo")
    assert driver.document.past == ()
    assert driver.text == "ssl"  # two negations more than can be taken back: an even number


def test_undo_and_redo_leave_theme_and_mouse_as_they_are_now() -> None:
    driver = Driver(with_expression("ssl")).press("!").do("theme.set", key="light").do("mouse.toggle")
    mouse = driver.document.view.mouse
    driver.do("undo")
    assert (driver.document.view.theme, driver.document.view.mouse) == ("light", mouse)
    driver.do("theme.set", key="dark").do("redo")
    assert (driver.document.view.theme, driver.document.view.mouse) == ("dark", mouse)
