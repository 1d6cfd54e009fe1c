"""Texts are parsed once, and what is kept of them is bounded."""

from __future__ import annotations

from mtls_tui.rulefile import expressions
from mtls_tui.rulefile.expressions import _Texts


def test_a_text_is_parsed_once_whether_it_is_right_or_wrong() -> None:
    texts = _Texts(1000)
    assert texts.read("ssl") is texts.read("ssl")
    wrong = texts.read("ssl and")
    assert wrong.expression is None and wrong.diagnostic is not None
    assert texts.read("ssl and") is wrong


def test_what_was_used_longest_ago_goes_when_there_are_too_many_characters() -> None:
    texts = _Texts(60)
    first = texts.read('http.host eq "aaaaaa"')
    second = texts.read('http.host eq "bbbbbb"')
    assert texts.read('http.host eq "aaaaaa"') is first
    texts.read('http.host eq "cccccc"')
    assert texts.characters <= 60
    assert texts.read('http.host eq "aaaaaa"') is first
    assert texts.read('http.host eq "bbbbbb"') is not second


def test_a_text_that_is_longer_than_all_is_still_read() -> None:
    texts = _Texts(5)
    read = texts.read('http.host eq "a.example"')
    assert read.expression is not None
    assert texts.read('http.host eq "a.example"') is read


def test_typing_in_a_long_rule_keeps_no_more_than_the_bound() -> None:
    long = " or ".join(["ssl"] * 500)
    for number in range(400):
        assert expressions.parse(f'{long} or http.host eq "{number}"')[0] is not None
    assert expressions._texts.characters <= expressions.MAX_CHARACTERS


def test_uses_of_lists_are_found_in_order_and_worked_out_once() -> None:
    text = "ip.src in $a or not ip.src in $b"
    uses = expressions.list_uses(text)
    assert [use.right.name for use in uses] == ["a", "b"]  # type: ignore[union-attr]
    assert expressions.list_uses(text) is uses
