"""List, builder, preview, file and undo agree: on which rule is selected, on what it says. Nothing changes unsaid."""

from __future__ import annotations

import random

import pytest

from mtls_tui.rulefile import loads
from mtls_tui.tui.app.screen import Frame, frame
from mtls_tui.tui.drawing.line import Line
from mtls_tui.tui.hosts.entries import selectable
from mtls_tui.tui.hosts.list_actions import chosen
from mtls_tui.tui.registry import keymap
from mtls_tui.tui.state.content import says_other, with_edits_written
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import PartEditor
from mtls_tui.tui.state.rows import rows_of
from tests.tui.helpers import Driver, document_of, with_expression

MANY = """\
version = 1

[[hosts]]
name = "api.example.com"
mtls = true

[[hosts]]
name = "pay.example.com"
mtls = true

[[hosts]]
name = "www.example.com"
mtls = false

[lists.office]
kind = "ip"
items = ["192.0.2.0/24"]

[lists.home]
kind = "ip"
items = ["198.51.100.0/24"]

[[rules]]
ref = "both"
expression = 'http.host in {"api.example.com" "pay.example.com"} and not cf.tls_client_auth.cert_verified'

[[rules]]
ref = "path"
expression = 'http.host eq "pay.example.com" and not http.request.uri.path eq "/x" and ip.src in $home'

[[rules]]
ref = "lowered"
expression = 'not lower(http.host) eq "www.example.com" or (ssl xor ip.geoip.country eq "GB")'
action = "log"

[[rules]]
ref = "everywhere"
expression = 'any(http.request.headers.names[*] contains "debug")'
enabled = false

[[tests]]
name = "one"
url = "https://api.example.com/"
expect = { action = "block" }
"""


def many() -> Driver:
    return Driver(document_of(MANY)).evaluate()


def words(line: Line) -> str:
    return "".join(piece.text for piece in line.pieces)


# --- the list and the builder ---------------------------------------------------------------------------------------


def agree(driver: Driver) -> None:
    """What is drawn and what would be written are about one rule."""
    document = driver.document
    entry, rule, edited = chosen(document), document.rule, document.edited_rule
    refs = [one.ref for one in document.content.file.rules]
    assert (rule is None) == (not refs)
    if rule is None or edited is None:
        return
    assert entry is not None
    if entry.kind == "rule":
        assert entry.rule == rule.ref
    else:
        assert entry.host == document.view.at_host
    assert with_edits_written(document.content).file.rules[document.rule_index or 0].expression == edited.text
    if edited.broken is None and edited.full is not None:
        assert document.rows == rows_of(edited.full, edited.muted)
        assert document.row is not None
        assert document.row.path == document.view.path[: len(document.row.path)]
        assert edited.effective is not None
        clauses = [row.text for row in document.rows if row.kind == "clause" and not row.muted]
        assert clauses == [row.text for row in rows_of(edited.effective) if row.kind == "clause"]
    if document.board:
        return
    drawn: Frame = frame(document, 120, 40)
    listed = [words(line) for line in drawn.lines["hosts"]]
    if document.view.focus == "hosts":
        at = [line for line in listed if "▌" in line]
        assert len(at) == 1
        assert (entry.rule or entry.host)[:8] in at[0]
    if entry.kind == "rule":
        assert any(f"▸ {entry.number} {rule.ref}"[:10] in line for line in listed)
    assert rule.ref[:20] in words(drawn.lines["builder"][0])
    shown = "".join(words(line) for line in drawn.lines["preview"])
    # A longer text is scrolled to the row under the cursor.
    if document.view.text is None and document.view.tab == "expression" and 0 < len(edited.text) < 300:
        assert "".join(edited.text.split())[:30] in "".join(shown.split())


def test_a_copy_is_where_the_cursor_is_so_that_delete_takes_the_copy() -> None:
    driver = many().do("hosts.open").do("rule.select", key="both").press("y")
    driver.evaluate()
    entry = chosen(driver.document)
    assert entry is not None and (entry.rule, driver.document.view.rule) == ("both-2", "both-2")
    assert "both-2" in driver.document.notice.text  # type: ignore[union-attr]
    driver.press("d")
    assert [rule.ref for rule in driver.document.content.file.rules] == ["both", "path", "lowered", "everywhere"]
    assert len(driver.document.content.file.hosts) == 3


def test_a_rule_that_is_gone_to_by_name_is_under_the_cursor_and_in_sight() -> None:
    rules = "".join(f'[[rules]]\nref = "r{n}"\nexpression = \'http.host eq "h{n % 50}"\'\n' for n in range(300))
    driver = Driver(document_of("version = 1\n" + "".join(f'[[hosts]]\nname = "h{n}"\n' for n in range(50)) + rules))
    driver.evaluate().press("ctrl+o", "end", "f10").type("r137").press("enter")
    assert driver.document.view.rule == "r137"
    agree(driver)
    driver.press("space")
    assert [rule.ref for rule in driver.document.content.file.rules if not rule.enabled] == ["r137"]


@pytest.mark.parametrize("keys", [["n", "N"], ["y"], ["K"], ["J"], ["d"], ["r", "ctrl+u", "Q", "enter"], ["space"]])
def test_after_every_change_of_the_list_cursor_and_builder_are_on_one_rule(keys: list[str]) -> None:
    for ref in ("both", "path", "lowered", "everywhere"):
        driver = many().press("ctrl+o").do("rule.select", key=ref).press(*keys)
        if driver.overlay == "Form":
            driver.press("enter")
        agree(driver)
        agree(driver.evaluate())
        agree(driver.press("u"))


def test_the_neighbour_under_the_same_host_follows_a_deleted_rule_and_never_the_host() -> None:
    driver = many().press("ctrl+o").do("rule.select", key="path").press("d")
    entry = chosen(driver.document)
    assert entry is not None and (entry.kind, entry.host) == ("rule", "pay.example.com")


def test_deleting_a_host_that_rules_are_about_asks_and_keeping_it_stands_first() -> None:
    driver = many().press("ctrl+o", "home")
    before = driver.document.content
    assert chosen(driver.document).kind == "host"  # type: ignore[union-attr]
    driver.press("d")
    assert driver.overlay == "Page" and driver.document.content is before
    driver.press("enter")
    assert driver.overlay == "NoneType" and driver.document.content is before
    driver.press("d", "down", "enter")
    assert [host.name for host in driver.document.content.file.hosts] == ["pay.example.com", "www.example.com"]
    assert driver.document.notice.text == "api.example.com deleted; u undoes"  # type: ignore[union-attr]


def test_a_host_that_no_rule_is_about_is_deleted_at_once() -> None:
    driver = many().press("ctrl+o", "h").type("new.example.net").press("enter")
    driver.document = driver.document.with_view(at_host="new.example.net")
    driver.press("d")
    assert driver.overlay == "NoneType" and len(driver.document.content.file.hosts) == 3


# --- choosing the same again ------------------------------------------------------------------------------------------


def test_the_operator_list_keeps_not_and_the_cursor() -> None:
    driver = Driver(with_expression('ssl and http.request.uri.path eq ""')).at("URI Path").press("!")
    assert driver.text == 'ssl and not http.request.uri.path eq ""'
    driver.press("=", "enter")
    assert driver.text == 'ssl and not http.request.uri.path eq ""'
    driver.press("=").type("matches").press("enter")
    assert driver.text == 'ssl and not http.request.uri.path matches r""'
    assert driver.document.view.path == (1,)


@pytest.mark.parametrize("nots", ["", "not ", "not not "])
@pytest.mark.parametrize("value", ['eq "a"', 'in {"a"}', 'matches r"a"', 'contains "a"', 'ne "a"', "in $hosts"])
def test_an_operator_changes_its_own_words_and_nothing_else_of_the_row(nots: str, value: str) -> None:
    from mtls_tui.tui.builder import choices

    text = f"ssl and {nots}http.host {value}"
    first = Driver(with_expression(text)).at("Hostname")
    before = first.document.row
    assert before is not None
    own = [part.text for part in before.parts if part.sort == "not"]
    for item in choices.operators(first.document, before):
        if "list" in item.key:
            continue
        driver = Driver(with_expression(text)).at("Hostname").do("part.set_operator", key=item.key)
        row = driver.document.row
        assert row is not None and row.path == before.path
        shown = [part.text for part in row.parts if part.sort in {"not", "operator"}]
        negative = {
            "contains": "does not contain",
            "is in": "is not in",
            "matches regex": "does not match regex",
            "starts with": "does not start with",
            "ends with": "does not end with",
            "wildcard": "does not match wildcard",
            "strict wildcard": "does not match strict wildcard",
        }
        # A `not` right before words that have a negative form is said by them: it means the same.
        folded = [*own[:-1], negative[item.key]] if own and item.key in negative else [*own, item.key]
        assert shown in (folded, [*own, item.key]), (text, item.key)
        assert driver.text.count("not ") == len(own) + (item.key in negative.values()), (text, item.key, driver.text)


@pytest.mark.parametrize("ref", ["both", "path", "lowered", "everywhere"])
def test_every_list_of_choices_stands_on_what_is_chosen_so_that_enter_changes_nothing(ref: str) -> None:
    opening = {"f": "field", "=": "operator", "v": "value", "p": "", "f8": ""}
    driver = many().do("rule.select", key=ref)
    before, text = driver.document.content, driver.file
    for index in range(len(driver.document.rows)):
        for part in range(8):
            for key in opening:
                driver.do("row.go", index=index, part=part).press(key)
                if driver.overlay == "Picker":
                    driver.press("enter")
                    assert driver.overlay == "NoneType"
                elif driver.overlay == "PartEditor":
                    driver.press("tab")
                assert driver.document.content is before, (driver.text, key)
    assert driver.file == text


@pytest.mark.parametrize("probe", [{"certificate": "elsewhere/a.pem"}, {"certificate": "", "pem": "PEM"}, {}])
def test_the_list_of_certificates_stands_on_the_one_in_use(probe: dict[str, str]) -> None:
    from dataclasses import replace

    driver = many()
    content = replace(driver.document.content, probe=replace(driver.document.content.probe, **probe))
    driver.document = replace(driver.document, content=content)
    driver.do("simulator.certificates", files=("b.pem",)).press("enter")
    assert driver.document.content is content


def test_forms_taken_as_they_stand_change_no_byte() -> None:
    driver = many().press("ctrl+o", "home")
    before = driver.document.content
    for key in ("enter", "r"):
        driver.press(key)
        assert driver.overlay == "Form"
        driver.press("enter")
        assert driver.document.content is before and driver.overlay == "NoneType"
    driver.do("rule.select", key="path").do("pane.focus", pane="builder")
    for key in ("r", "R"):
        driver.press(key)
        assert driver.overlay == "Form"
        driver.press("enter")
        assert driver.document.content is before and driver.overlay == "NoneType"


def test_another_field_of_the_same_type_keeps_the_function_around_it() -> None:
    driver = many().do("rule.select", key="lowered").at("lower").press("f").type("http.user_agent").press("enter")
    assert driver.text.startswith('not lower(http.user_agent) eq "www.example.com"')


def test_escape_right_after_adding_takes_the_whole_row_back() -> None:
    driver = many().do("rule.select", key="path").at("URI Path")
    before = driver.document
    driver.press("a").type("cookie").press("enter")
    assert driver.overlay == "PartEditor" and "http.cookie" in driver.text
    driver.type("x").press("escape")
    assert driver.document.content is before.content and driver.document.past == before.past
    assert driver.document.view.path == before.view.path
    assert driver.document.notice is not None


# --- pasting ----------------------------------------------------------------------------------------------------------


def paste(driver: Driver, text: str) -> Driver:
    found = keymap.pasted(driver.document, text)
    return driver if found is None else driver.do(found[0], **found[1])


@pytest.mark.parametrize("text", ["ddd", "http.host", "hello world", "x" * 100_000, 'http.host eq "a', "len(ssl) eq 1"])
def test_pasted_text_that_is_no_expression_leaves_the_rule_alone_and_says_so(text: str) -> None:
    driver = many()
    before = driver.document.content
    paste(driver, text)
    assert driver.document.content is before
    assert f"its {len(text):,} characters are not an expression" in driver.refused


def test_a_pasted_expression_replaces_the_rules_and_says_so() -> None:
    driver = paste(many(), ' http.host eq "pay.example.com"\n')
    assert driver.text == 'http.host eq "pay.example.com"'
    assert driver.document.notice is not None
    assert driver.document.notice.text == "pasted over the expression of both; u undoes"
    assert driver.press("u").text.startswith("http.host in")


def test_nothing_is_pasted_over_a_rule_from_the_list_or_where_rows_are_muted() -> None:
    driver = many().press("ctrl+o")
    before = driver.document.content
    assert "in the builder" in paste(driver, "ssl").refused and driver.document.content is before
    driver = many().press("down", "space")
    before = driver.document.content
    assert "muted" in paste(driver, "ssl").refused and driver.document.content is before


def test_what_is_typed_into_the_list_of_fields_is_added_only_when_it_is_an_expression() -> None:
    driver = many()
    before = driver.document.content
    driver.press("a").type("apath").press("enter")
    assert driver.document.content is before and driver.overlay == "Picker" and "apath" in driver.refused
    driver.press("ctrl+u").type("not (ssl)").press("enter")
    assert driver.text.startswith("not (ssl) and ") and driver.document.notice is not None


# --- muted rows -------------------------------------------------------------------------------------------------------

EDITS = [
    ["v", "x", "enter"],
    ["=", *"contains", "enter"],
    ["!"],
    ["f", *"cookie", "enter"],
    ["e", "enter"],
    ["J"],
    ["K"],
]


@pytest.mark.parametrize("keys", EDITS, ids=lambda keys: keys[0])
def test_an_edited_muted_row_stays_out_of_the_rule(keys: list[str]) -> None:
    text = 'ssl and http.request.uri.path eq "a" and not http.host eq "b"'
    driver = Driver(with_expression(text)).at("URI Path").press("space", *keys)
    assert not driver.refused and driver.text == 'ssl and not http.host eq "b"'
    edited = driver.document.edited_rule
    assert edited is not None and edited.full is not None and (edited.full.text != text or keys[0] == "e")
    assert sum(row.muted for row in driver.document.rows) == 1
    agree(driver)


@pytest.mark.parametrize(
    "keys", [*EDITS, ["y"], ["&"], ["a", *"cookie", "enter", "enter"], ["W"]], ids=lambda keys: keys[0]
)
def test_an_edit_within_a_muted_group_brings_none_of_it_back(keys: list[str]) -> None:
    text = 'ssl and (http.request.uri.path eq "a" or http.host eq "c") and not http.host eq "b"'
    driver = Driver(with_expression(text)).at("any of").press("space").at("URI Path").press(*keys)
    assert driver.text == 'ssl and not http.host eq "b"'
    assert ("muted" in driver.refused) is (keys in (["W"], ["K"]))
    agree(driver)


# --- nothing changes unsaid -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (["ctrl+o", "home", "m"], "api.example.com no longer asks for certificates; u undoes"),
        (["ctrl+o", "home", "space"], "api.example.com no longer asks for certificates; u undoes"),
        (["ctrl+o", "end", "space"], "everywhere enabled; u undoes"),
        (["ctrl+o", "J"], "both moved to place 2; u undoes"),
        (["S"], "both in shadow: it reports and blocks nothing; u undoes"),
        (["D"], "both disabled: it is not evaluated; u undoes"),
        (["&"], "joined by `or` now; u undoes"),
        (["down", "space"], "row muted: the rule is without it; u undoes"),
        (["down", "!"], "row negated; u undoes"),
        (["down", "d"], "row deleted; u undoes"),
        (["down", "=", *"equals", "enter"], "operator changed to equals with the first of 2 values; u undoes"),
        (
            ["down", "f", *"cert_verified", "enter"],
            "field changed to Client certificate verified: its type is different, so the row starts over; u undoes",
        ),
        (["p", "down", "enter"], "action of both changed to Log; u undoes"),
    ],
)
def test_each_switch_says_what_it_did(keys: list[str], says: str) -> None:
    driver = many().press(*keys)
    assert driver.document.notice is not None and driver.document.notice.text == says
    driver.press("u")
    assert driver.document.notice.text == f"undone: {says.removesuffix('; u undoes')}"


def typing(document: Document) -> bool:
    """Whether a text is open over what changes, with what Esc does below it."""
    return isinstance(document.overlay, PartEditor) or document.view.text is not None


PRESSED = [
    *"jkhlaAodyw(W)!&JKvfeE=/tuUpSRrD@xscTnmghi1.\"${}*", "enter", "escape", "tab", "up", "down", "left", "right",
    "space", "home", "end", "backspace", "f4", "f2", "ctrl+z", "ctrl+y", "ctrl+p", "f1", "f10", "f11", "ctrl+o",
    "ctrl+t", "delete", "ctrl+u", "pageup", "pagedown", "ctrl+a", "shift+tab", "ctrl+o",
]  # fmt: skip
PASTED = ["ddd", "ssl", "http.host", 'http.host eq "pay.example.com"\n', "x" * 5000, "curl https://pay.example.com/a"]


def walk(seed: int, steps: int) -> int:
    """Keys and pastes at random; how often the rules came to say something else."""
    rng = random.Random(seed)
    driver, changes = many(), 0
    first = driver.file
    for step in range(steps):
        before = driver.document
        within = before.overlay is not None or before.view.text is not None
        if rng.random() < 0.03:
            found = keymap.pasted(before, rng.choice(PASTED))
            if found is not None:
                driver.do(found[0], **found[1])
        elif within and rng.random() < 0.4:
            driver.press(rng.choice(["enter", "escape", "tab"]))
        else:
            driver.press(rng.choice(PRESSED))
        after = driver.document
        if says_other(before.content, after.content):
            changes += 1
            said = after.notice is not None and after.notice is not before.notice
            assert said or typing(after), (seed, step, after.past[-1].title if after.past else "")
        if rng.random() < 0.2:
            driver.evaluate()
        agree(driver)
        if after.past and rng.random() < 0.05 and after.overlay is None and after.view.text is None:
            text = driver.file
            driver.do("undo")
            agree(driver)
            driver.do("redo")
            agree(driver)
            assert driver.file == text
            assert loads(text, strict=False).text == text
    while driver.document.past:
        driver.do("undo")
        agree(driver)
    assert driver.file == first
    return changes


@pytest.mark.parametrize("seed", range(20))
def test_after_any_keys_all_parts_agree_and_no_meaning_changed_without_a_word(seed: int) -> None:
    walk(seed, 120)


def test_the_walk_does_change_rules() -> None:
    assert sum(walk(seed, 120) for seed in range(100, 104)) > 40


def test_the_cursor_stops_in_the_list_are_all_reachable() -> None:
    driver = many().press("ctrl+o", "home")
    seen = [chosen(driver.document)]
    for _ in range(len(selectable(driver.document)) - 1):
        seen.append(chosen(driver.press("down").document))
        agree(driver)
    assert tuple(seen) == selectable(driver.document)
