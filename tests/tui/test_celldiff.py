"""The screen that only differences make is the screen that everything makes: checked on a terminal emulator."""

from __future__ import annotations

import random

import pyte
import pytest
from rich.color import ColorSystem
from rich.control import Control
from rich.segment import Segment
from rich.style import Style

from mtls_tui.tui.drawing.celldiff import Cells

TRUE = ColorSystem.TRUECOLOR
WIDTH, HEIGHT = 24, 6
STYLES = [
    None,
    Style.parse("bold red"),
    Style.parse("white on color(24)"),
    Style.parse("underline"),
    Style.parse("dim green"),
    Style.parse("bold underline blue"),
    Style.parse("reverse"),
    Style.parse("bold reverse strike on color(22)"),
    Style.parse("italic"),
]


def picture(lines: list[list[tuple[str, Style | None]]], y: int = 0, x: int = 0) -> list[Segment]:
    segments = []
    for row, pieces in enumerate(lines, y):
        segments.append(Control.move_to(x, row).segment)
        segments += [Segment(text, style) for text, style in pieces]
    return segments


def screen_of(*sent: str) -> pyte.Screen:
    screen = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    for data in sent:
        stream.feed(data)
    return screen


def cells_of(screen: pyte.Screen) -> list[list[tuple[object, ...]]]:
    """What can be seen: of a blank only its background, and what is drawn on it."""
    return [[seen(screen.buffer[y][x]) for x in range(WIDTH)] for y in range(HEIGHT)]


def seen(cell: pyte.screens.Char) -> tuple[object, ...]:
    if cell.data == " " and not (cell.reverse or cell.underscore or cell.strikethrough):
        return (" ", "", cell.bg, False, False, False, False)
    return (cell.data, cell.fg, cell.bg, cell.bold, cell.underscore, cell.reverse, cell.strikethrough)


def full(lines: list[list[tuple[str, Style | None]]]) -> pyte.Screen:
    """The same picture drawn on an empty terminal."""
    return screen_of(Cells(WIDTH, HEIGHT).update(picture(lines), TRUE))


def padded(*texts: str) -> list[list[tuple[str, Style | None]]]:
    from rich.cells import set_cell_size

    rows = [*texts, *[""] * (HEIGHT - len(texts))]
    return [[(set_cell_size(text, WIDTH), None)] for text in rows]


def test_the_same_picture_again_sends_nothing() -> None:
    cells = Cells(WIDTH, HEIGHT)
    assert cells.update(picture(padded("abc")), TRUE)
    assert cells.update(picture(padded("abc")), TRUE) == ""


def test_one_letter_costs_a_few_bytes() -> None:
    cells = Cells(WIDTH, HEIGHT)
    cells.update(picture(padded("hello world")), TRUE)
    sent = cells.update(picture(padded("hello_world")), TRUE)
    assert "_" in sent
    assert len(sent) <= 12


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a漢字b", "a漢宇b"),
        ("漢字漢字", " 漢字漢"),
        ("ab漢cd", "abxxcd"),
        ("abcdef", "ab漢ef"),
        ("x" * (WIDTH - 2) + "漢", "x" * WIDTH),
        ("e\u0301galité", "égalité"),
        ("👩‍👩‍👧 family", "friends"),
        ("│ ╭ ╰ ✓ ✗", "│ │ ╰ ✗ ✓"),
    ],
)
def test_wide_and_combining_characters_are_changed_whole(before: str, after: str) -> None:
    cells = Cells(WIDTH, HEIGHT)
    first = cells.update(picture(padded(before)), TRUE)
    second = cells.update(picture(padded(after)), TRUE)
    assert cells_of(screen_of(first, second)) == cells_of(full(padded(after)))


def test_half_of_a_wide_character_overwritten_leaves_a_blank() -> None:
    cells = Cells(WIDTH, HEIGHT)
    first = cells.update(picture(padded("a漢字b")), TRUE)
    second = cells.update(picture([[("Z", None)]], y=0, x=2), TRUE)
    assert [screen_of(first, second).buffer[0][x].data for x in range(6)] == ["a", " ", "Z", "字", "", "b"]


def test_the_last_column_is_written_without_scrolling() -> None:
    cells = Cells(WIDTH, HEIGHT)
    lines = padded(*["#" * WIDTH] * HEIGHT)
    assert cells_of(screen_of(cells.update(picture(lines), TRUE))) == cells_of(full(lines))
    assert screen_of(Cells(WIDTH, HEIGHT).update(picture(lines), TRUE)).display == ["#" * WIDTH] * HEIGHT


def test_after_a_resize_nothing_is_taken_for_known() -> None:
    cells = Cells(WIDTH, HEIGHT)
    cells.update(picture(padded("abc")), TRUE)
    cells.resize(WIDTH, HEIGHT + 1)
    assert "abc" in cells.update(picture(padded("abc")), TRUE)


def test_after_another_program_wrote_everything_is_sent_again() -> None:
    cells = Cells(WIDTH, HEIGHT)
    first = cells.update(picture(padded("abc")), TRUE)
    cells.invalidate()
    again = cells.update(picture(padded("abc")), TRUE)
    noise = "\x1b[2J\x1b[1;1Hsomething else \x1b[31m"
    assert cells_of(screen_of(first, noise, "\x1b[m", again)) == cells_of(full(padded("abc")))


def test_a_change_of_style_alone_is_sent() -> None:
    cells = Cells(WIDTH, HEIGHT)
    cells.update(picture([[("abc", None)]]), TRUE)
    sent = cells.update(picture([[("abc", Style.parse("bold"))]]), TRUE)
    assert screen_of(sent).buffer[0][0].bold


def test_control_characters_never_reach_the_terminal() -> None:
    sent = Cells(WIDTH, HEIGHT).update([Control.move_to(0, 0).segment, Segment("a\x1b[31m\x07b")], TRUE)
    assert "\x1b[31m" not in sent and "\x07" not in sent


def test_random_pictures_one_after_the_other_end_as_drawn_whole() -> None:
    rng = random.Random(7)
    alphabet = [*"abc  ", "漢", "字", "é", "│", "✓", "👍"]
    for _ in range(60):
        cells = Cells(WIDTH, HEIGHT)
        sent = []
        lines: list[list[tuple[str, Style | None]]] = []
        for _ in range(6):
            lines = []
            for _ in range(HEIGHT):
                pieces, room = [], WIDTH
                while room > 0:
                    letter = rng.choice(alphabet)
                    size = 2 if letter in "漢字👍" else 1
                    if size > room:
                        letter, size = " ", 1
                    pieces.append((letter, rng.choice(STYLES)))
                    room -= size
                lines.append(pieces)
            sent.append(cells.update(picture(lines), TRUE))
        assert cells_of(screen_of(*sent)) == cells_of(full(lines))
