"""One register makes keys, footer, palette, help and the docs' table; they can't drift apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mtls_tui.tui.app import settings
from mtls_tui.tui.app.general_actions import palette_items
from mtls_tui.tui.authority.effects import Forget
from mtls_tui.tui.registry import keymap, subjects
from mtls_tui.tui.registry.bars import footer_actions, footer_line
from mtls_tui.tui.registry.effects import HANDLERS, Effect
from mtls_tui.tui.registry.helptext import keys_markdown, page_for
from mtls_tui.tui.registry.ids import ids_module
from mtls_tui.tui.registry.key_names import key_name
from mtls_tui.tui.registry.parts import BOARDS, CONTEXTS, PANES, geometry
from mtls_tui.tui.registry.register import ACTIONS, Refusal, go_on, load, use_keys
from mtls_tui.tui.state.content import Probe
from mtls_tui.tui.state.overlays import Page
from tests.tui.helpers import KEYS, RULES, Driver, document_of

DOCS = Path(__file__).resolve().parents[2] / "docs" / "keys.md"


def test_the_key_table_of_the_docs_is_what_the_register_says() -> None:
    assert DOCS.read_text(encoding="utf-8") == keys_markdown(), (
        "python -m mtls_tui.tui.registry.helptext > docs/keys.md"
    )


def test_the_type_of_the_ids_names_the_actions_of_the_register() -> None:
    assert (Path(subjects.__file__).parents[1] / "action_ids.py").read_text(encoding="utf-8") == ids_module(), (
        "python -m mtls_tui.tui.registry.ids > mtls_tui/tui/action_ids.py"
    )


def test_an_action_that_can_not_be_done_is_not_done_by_way_of_another_one() -> None:
    nothing = document_of("version = 1\n")
    for one in load().values():
        if one.enabled is not None and one.why_not(nothing):
            assert go_on(nothing, one.id) == Refusal(one.why_not(nothing)), one.id
    callers = [
        path.name for path in Path(subjects.__file__).parents[1].rglob("*.py") if ".function(" in path.read_text()
    ]
    assert callers == ["register.py"], "an action is called by `go_on` alone"


def test_no_key_means_two_things_in_one_place() -> None:
    load()
    for context in CONTEXTS:
        taken = Counter(key for one in ACTIONS.values() if one.context == context for key in one.keys)
        assert [key for key, count in taken.items() if count > 1] == []


def test_no_letter_is_both_global_and_local() -> None:
    load()
    everywhere = {key for one in ACTIONS.values() if one.context == "global" for key in one.keys if len(key) == 1}
    for one in ACTIONS.values():
        if one.context in {"hosts", "builder", "simulator"}:
            clash = everywhere & set(one.keys)
            assert clash <= {"t"} or not clash, (one.id, clash)


def test_default_keys_survive_tmux_screen_and_plain_terminals() -> None:
    """No action is only to be had by a key that multiplexers or terminals take (^A, ^B, ^S, ^Q, ^H, ^J, ^M, ^I, ^Z)."""
    taken = {f"ctrl+{letter}" for letter in "abhijms"} | {"ctrl+z"}
    for one in load().values():
        assert not one.keys or set(one.keys) - taken or one.id in {"text.all"}, one.id


def test_every_visible_action_is_in_the_palette_and_says_why_it_can_not_be_done() -> None:
    driver = Driver()
    items = {item.key: item for item in palette_items(driver.document)}
    wanted = {
        one.id
        for one in ACTIONS.values()
        if not one.hidden and one.context not in {"picker", "editor", "form", "page"} and one.id != "palette.open"
    }
    assert set(items) == wanted
    assert items["undo"].why_not == "there is nothing to undo"


def test_help_names_every_key_of_the_focused_part_first() -> None:
    page = page_for("builder", Driver().document)
    assert isinstance(page, Page)
    texts = ["".join(text for text, _ in runs) for runs in page.lines]
    assert texts[0] == "Builder"
    everything = "\n".join(texts)
    for one in ACTIONS.values():
        if one.keys:
            assert one.title in everything or one.help in everything, one.id


HOLDING = {"hosts": ["ctrl+o"], "builder": [], "simulator": ["tab"], "text": ["t"]}


@pytest.mark.parametrize("context", [*HOLDING, "authority", "tail"])
def test_help_and_footer_name_only_keys_that_mean_it_here(context: str) -> None:
    driver = Driver().press(*HOLDING.get(context, []))
    if context in {"authority", "tail"}:
        driver.do(f"{context}.open")
    names = {}
    for one in ACTIONS.values():
        for key in one.keys:
            names.setdefault(key_name(key), key)
    page = page_for(context, driver.document)
    titles = [one.title for one in CONTEXTS.values() if one.name not in {context, "global"}]
    checked = 0
    for runs in page.lines:
        text = "".join(part for part, _ in runs)
        if text in titles:
            break
        if not (text.startswith("  ") and runs[0][1] in {"key", "faint"}):
            continue
        for name in runs[0][0].split():
            key = names[name]
            character = key if len(key) == 1 else " " if key == "space" else None
            found = keymap.resolve(driver.document, key, character, KEYS)
            assert found is not None, (context, name, text)
            if found[0] == "text.key" and key in {"tab", "shift+tab"}:
                continue  # goes on to the next part from there, too
            assert runs[1][0] in (ACTIONS[found[0]].help, ACTIONS[found[0]].title), (context, name, found)
            checked += 1
    assert checked > 15
    shown = "".join(piece.text for piece in footer_line(driver.document, 400).pieces)
    assert ("text" in shown.split()) is (context in {"hosts", "builder", "simulator"})


def test_the_users_keys_are_named_where_keys_are_named() -> None:
    try:
        use_keys({"row.mute": ("x",)})
        shown = "".join(piece.text for piece in footer_line(Driver().document, 400).pieces)
        assert "x mute" in shown and "␣ mute" not in shown
    finally:
        use_keys({})
    assert "␣ mute" in "".join(piece.text for piece in footer_line(Driver().document, 400).pieces)


@pytest.mark.parametrize("keys", [["ctrl+o", "n"], ["a"], ["v"], ["f11", "f1"]])
@pytest.mark.parametrize("key", ["ctrl+s", "ctrl+e", "f10"])
def test_a_key_that_has_to_wait_for_what_floats_says_so(keys: list[str], key: str) -> None:
    driver = Driver().press(*keys)
    if keys == ["v"] and key == "ctrl+s":
        return  # takes the value
    before = driver.document
    assert "close this first" in driver.press(key).refused or driver.document is not before


def test_a_message_leaves_room_for_the_keys() -> None:
    driver = Driver().press("down", "!")
    shown = "".join(piece.text for piece in footer_line(driver.document, 100).pieces)
    assert shown.startswith(" · row negated; u undoes") and "⏎ edit" in shown


def test_leaving_and_help_are_said_where_people_look_for_them() -> None:
    assert "^Q leaves" in Driver().press("q").document.notice.text  # type: ignore[union-attr]
    assert isinstance(Driver().press("?").document.overlay, Page)


def test_the_footer_names_actions_of_the_place() -> None:
    driver = Driver()
    assert {one.context for one in footer_actions(driver.document)} == {"builder", "global"}
    driver.press("tab")
    assert {one.context for one in footer_actions(driver.document)} == {"simulator", "global"}


# --- settings -----------------------------------------------------------------------------------------------------


def test_a_key_of_the_settings_replaces_the_default() -> None:
    given = settings.parse('[keys]\n"row.mute" = "x"\n')
    keys = keymap.build(given.keys)
    assert keys["builder"]["x"] == "row.mute"
    assert "space" not in keys["builder"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('theme = "drak"', "did you mean `dark`"),
        ("mouze = true", "did you mean `mouse`"),
        ('[keys]\n"row.mut" = "x"', "did you mean `row.mute`"),
        ('[keys]\n"row.mute" = "ctrl+banana"', "is not a key"),
        ('[keys]\n"row.mute" = "d"', "would be both"),
        ('mouse = "yes"', "true or false"),
        ("theme = ", "tui.toml"),
    ],
)
def test_a_mistake_in_the_settings_is_told_with_its_place(text: str, says: str) -> None:
    problems = settings.parse(text).problems
    assert any(says in problem for problem in problems), problems
    assert problems[0].startswith("tui.toml")


def test_settings_are_kept_without_losing_the_rest_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tui.toml"
    path.write_text("# mine\nmouse = false\n")
    settings.write("theme", "light", path)
    assert "# mine" in path.read_text()
    assert settings.read(path).theme == "light" and settings.read(path).mouse is False


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (40, 8)])
def test_panes_cover_the_screen_without_overlapping_and_each_is_seen_somewhere(size: tuple[int, int]) -> None:
    seen: set[str] = set()
    stated = RULES + "[[properties]]\nname = 'p'\nexpect = 'blocked'\n"
    for keys in ([], ["ctrl+o"], ["t"], ["tab"]):
        for board in ("", "tail"):
            document = replace(Driver(document_of(stated)).press(*keys).document, board=board)
            boxes = {name: box for name, box in geometry(document, *size).items() if box.visible}
            columns = [(box, x) for box in boxes.values() for x in range(box.x, box.x + box.width)]
            cells = [(x, y) for box, x in columns for y in range(box.y, box.y + box.height)]
            assert len(cells) == len(set(cells)) == size[0] * size[1]
            seen |= boxes.keys()
    if size[1] >= 24:
        assert seen == set(PANES) - {"verdict" if size[0] >= 100 else "properties"}


@pytest.mark.parametrize("board", sorted(BOARDS))
def test_a_board_can_be_opened_and_has_a_cursor_that_moves(board: str) -> None:
    for name in ("open", "up", "down", "close"):
        assert f"{board}.{name}" in ACTIONS
    assert ACTIONS[f"{board}.open"].over_boards


def test_passphrases_are_forgotten_however_the_board_of_the_authority_is_left() -> None:
    for action, arguments in (
        ("authority.close", {}),
        ("tail.open", {}),
        ("palette.run", {"key": "pane.next"}),
        ("deploy.witness", {"probe": Probe()}),
    ):
        driver = Driver().do("authority.open").do(action, **arguments)
        assert driver.document.board != "authority", action
        assert Forget() in driver.effects, action


def test_every_effect_has_a_handler() -> None:
    load()
    subjects.load_handlers()
    # By name: a dataclass with slots is made twice.
    kinds = {(kind.__module__, kind.__name__) for kind in Effect.__subclasses__()}
    assert len(kinds) > 25 and kinds == {(kind.__module__, kind.__name__) for kind in HANDLERS}
