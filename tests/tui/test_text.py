"""What users' data may do to the screen: nothing."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from mtls_tui.tui.drawing.safe_text import cut, decode, pad, safe, width, wrap
from mtls_tui.tui.state import textbuffer
from mtls_tui.tui.state.textbuffer import Buffer

NASTY = [
    "\x1b[31mred",
    "a\rb",
    "tab\there",
    "\u202egnp.exe",
    "zero\u200bwidth",
    "bell\x07",
    "[/x]",
    "[bold]",
    "\ud800",
    "\x9b31m",
]


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_moves_or_hides_is_left(text: str) -> None:
    shown = safe(text)
    assert shown.isprintable()
    assert not any(c in shown for c in "\x1b\r\t\x07\u202e\u200b\x9b")


def test_brackets_are_just_text() -> None:
    assert safe("[/x] [bold]") == "[/x] [bold]"


def test_cut_and_pad_count_cells_not_characters() -> None:
    assert cut("漢字漢字", 5) == "漢字…"
    assert cell_len(pad("漢字", 7)) == 7
    assert cut("abc", 0) == ""


def test_wrapping_loses_no_word_and_no_line_is_too_wide() -> None:
    text = "one two three 漢字漢字漢字 " + "x" * 40
    lines = wrap(text, 12)
    assert all(width(line) <= 12 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_bytes_that_are_no_text_are_shown_as_hex() -> None:
    assert decode(b"a\xffb") == "a\\xffb"


# --- the text under edit ------------------------------------------------------------------------------------------


def pressed(buffer: Buffer, *keys: str) -> Buffer:
    for key in keys:
        new = textbuffer.press(buffer, key, key if len(key) == 1 else None)
        assert new is not None, key
        buffer = new
    return buffer


def test_typing_over_a_selection_replaces_it() -> None:
    assert pressed(Buffer.of("abc", select=True), "x").text == "x"


def test_moving_by_word_and_deleting_words() -> None:
    buffer = pressed(Buffer.of("one two.three"), "ctrl+w")
    assert buffer.text == "one two."
    assert pressed(buffer, "ctrl+left", "ctrl+left").cursor == 4


def test_a_cluster_is_one_step_and_one_deletion() -> None:
    buffer = Buffer.of("ae\u0301👩‍👧")
    buffer = pressed(buffer, "backspace")
    assert buffer.text == "ae\u0301"
    assert pressed(buffer, "backspace").text == "a"


def test_up_and_down_keep_the_column_where_the_line_has_it() -> None:
    buffer = Buffer("abcd\nx\nefgh", 3, None, multiline=True)
    assert pressed(buffer, "down").place == (1, 1)
    assert pressed(buffer, "end", "down", "down", "up", "up").place[0] == 0


def test_a_single_line_takes_a_pasted_newline_as_a_blank() -> None:
    assert textbuffer.insert(Buffer.of(""), "a\nb\r\nc").text == "a b c"
    assert textbuffer.insert(Buffer.of("", multiline=True), "a\r\nb").text == "a\nb"


def test_selecting_to_the_line_start_and_typing() -> None:
    assert pressed(Buffer.of("abc"), "shift+home", "z").text == "z"


@pytest.mark.parametrize(
    "how", ["left", "right", "word_left", "word_right", "line_start", "line_end", "up", "down", "start", "end"]
)
def test_no_move_leaves_the_text(how: str) -> None:
    for text in ("", "a", "a\n", "\n\n", "ab\ncd 漢"):
        for offset in range(len(text) + 1):
            moved = textbuffer.move(Buffer(text, offset, None, True), how)
            assert 0 <= moved.cursor <= len(text)
