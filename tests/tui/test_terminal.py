"""In a real pseudo-terminal: bytes per key, the same screen with and without the cell difference, lost links."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.tui.helpers import RULES

if sys.platform == "win32":
    pytest.skip("pseudo-terminals", allow_module_level=True)
from tests.tui.terminal import Terminal

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("terminal")]


def big(clauses: int) -> str:
    parts = " or ".join(f'(http.request.uri.path eq "/p{n}" and ssl)' for n in range(clauses // 2))
    return f"version = 1\n[[hosts]]\nname = \"a.example\"\n[[rules]]\nref = \"big\"\nexpression = '''{parts}'''\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "t.rules.toml"
    path.write_text(RULES)
    return path


@pytest.fixture
def hundred(tmp_path: Path) -> Iterator[Terminal]:
    path = tmp_path / "big.rules.toml"
    path.write_text(big(100))
    with Terminal("ui", str(path), home=tmp_path) as terminal:
        terminal.until("1 of 1")
        yield terminal


def test_the_budgets_of_bytes_hold_with_a_hundred_clauses(hundred: Terminal) -> None:
    terminal = hundred
    assert len(terminal.output) <= 25_000
    assert terminal.output.count(b"\x1b[2J") <= 2
    moves = [terminal.press("down") for _ in range(12)]
    assert median(moves) <= 500, moves
    terminal.press("home", "down", "down", "v", "end")
    letters = [terminal.press(letter) for letter in "abcdefgh"]
    assert median(letters) <= 300, letters
    terminal.press("escape")
    panes = [terminal.press("tab") for _ in range(6)]
    assert max(panes) <= 2000, panes
    assert terminal.settle(1.5) == 0, "it writes while nobody types"
    assert terminal.resident_mb <= 80


def test_five_hundred_clauses_open_and_move_within_the_same_budget(tmp_path: Path) -> None:
    path = tmp_path / "big.rules.toml"
    path.write_text(big(500))
    with Terminal("ui", str(path), home=tmp_path) as terminal:
        terminal.until("1 of 1")
        assert len(terminal.output) <= 25_000
        assert median([terminal.press("down") for _ in range(8)]) <= 500
        terminal.press("end")
        assert "/p249" in terminal.text


SCENARIO = [
    "down", "down", "v", "x", "escape", "a", "u", "r", "i", "escape", "escape", "ctrl+p", "escape", "t", "end", "é",
    "漢",
    "ctrl+z", "ctrl+z", "escape", "escape", "tab", "tab", "down", "space", "space", "f1", "down", "escape", "ctrl+l",
]  # fmt: skip


def test_the_screen_is_the_same_with_and_without_the_cell_difference(rules: Path, tmp_path: Path) -> None:
    ends, sizes = [], []
    for on in ("1", "0"):
        with Terminal("ui", str(rules), home=tmp_path / on, MTLS_TUI_CELLDIFF=on) as terminal:
            terminal.until("to let it in")
            terminal.press(*SCENARIO, quiet_s=0.12)
            terminal.resize(90, 30)
            terminal.settle()
            terminal.press("down", "up")
            terminal.resize(120, 40)
            terminal.settle(0.8)
            ends.append(terminal.cells)
            sizes.append(len(terminal.output))
    different = [(y, x) for y in range(40) for x in range(120) if ends[0][y][x] != ends[1][y][x]]
    assert different == [], [(ends[0][y][x], ends[1][y][x]) for y, x in different[:5]]
    assert sizes[0] * 2 < sizes[1], sizes


@pytest.mark.parametrize("how", ["kill -9", "the link drops"])
def test_what_was_typed_is_offered_again(rules: Path, tmp_path: Path, how: str) -> None:
    before = rules.read_text()
    with Terminal("ui", str(rules), home=tmp_path) as terminal:
        terminal.until("to let it in")
        terminal.press("end", "up", "!")
        terminal.until("unsaved")
        if how == "kill -9":
            drafts = tmp_path / "state" / "mtls-tui" / "drafts"
            terminal.until_that(lambda: any(drafts.glob("*.json")))  # written a moment after the key
            terminal.kill()
        else:
            terminal.hang_up()
    assert rules.read_text() == before
    with Terminal("ui", str(rules), home=tmp_path) as terminal:
        terminal.until("Restore the draft?")
        terminal.press("enter")
        terminal.until("starts with")
        assert "does not start with" not in terminal.text
        terminal.press("ctrl+s")
        terminal.until("saved t.rules.toml")
    assert "and starts_with(" in rules.read_text()
    assert "# kept" in rules.read_text()


def test_it_says_what_is_wrong_and_leaves_the_terminal_alone(tmp_path: Path) -> None:
    broken = tmp_path / "b.rules.toml"
    broken.write_text("version = \n")
    with Terminal("ui", str(broken), home=tmp_path) as terminal:
        terminal.settle(3)
        assert "b.rules.toml" in terminal.text
        assert "Traceback" not in terminal.text


def test_no_color_sends_no_colour_and_what_is_chosen_can_still_be_seen(rules: Path, tmp_path: Path) -> None:
    with Terminal("ui", str(rules), home=tmp_path, NO_COLOR="1") as terminal:
        terminal.until("BLOCKED")
        assert not re.search(rb"[34]8;[25];|\x1b\[[0-9;]*\b(3|4|9)[0-7]m", terminal.output)
        cells = terminal.cells
        assert [cell[0] for row in cells for cell in row if cell[4]].count("a") >= 1  # "all of", in reverse video


def test_it_fits_a_small_terminal(rules: Path, tmp_path: Path) -> None:
    with Terminal("ui", str(rules), home=tmp_path, columns=80, rows=24) as terminal:
        terminal.until("BLOCKED")
        assert "Hostname" in terminal.text and "Expression" in terminal.text


def test_the_users_editor_gets_the_expression_and_the_screen_comes_back(rules: Path, tmp_path: Path) -> None:
    with Terminal("ui", str(rules), home=tmp_path, EDITOR="sed -i s/hook/changed/", VISUAL="") as terminal:
        terminal.until("to let it in")
        terminal.press("f12")
        terminal.until("/changed/")
        assert "Hosts and rules" in terminal.text
        assert "unsaved" in terminal.text


def test_a_change_on_disk_is_seen_without_a_key(rules: Path, tmp_path: Path) -> None:
    with Terminal("ui", str(rules), home=tmp_path) as terminal:
        terminal.until("to let it in")
        rules.write_text(RULES.replace('ref = "debug"', 'ref = "changed-elsewhere"'))
        terminal.until("2 changed-elsewhere")
        assert "read again from disk" in terminal.text


def test_copying_goes_through_the_terminal_and_says_so(rules: Path, tmp_path: Path) -> None:
    with Terminal("ui", str(rules), home=tmp_path) as terminal:
        terminal.until("to let it in")
        terminal.press("f6")
        assert b"\x1b]52;c;" in terminal.output
        assert "OSC 52" in terminal.text


def test_a_broken_file_ends_with_exit_code_two(tmp_path: Path) -> None:
    broken = tmp_path / "b.rules.toml"
    broken.write_text("version = \n")
    with Terminal("ui", str(broken), home=tmp_path) as terminal:
        assert terminal.exit_code() == 2
