"""The memory of the last few results answers for the same values only, and forgets the oldest."""

from __future__ import annotations

from mtls_tui.tui.state.recent import recent


def test_only_the_same_object_or_an_equal_text_is_answered_from_memory() -> None:
    asked = []

    @recent(2)
    def pair(one: object, word: str) -> tuple[object, str]:
        asked.append(word)
        return one, word

    first, equal = [1], [1]
    assert pair(first, "a") is pair(first, "".join(["a"]))
    assert pair(equal, "a")[0] is equal and asked == ["a", "a"]
    assert pair(first, "b") == (first, "b") and len(asked) == 3
    assert pair(first, "a")[0] is first and len(asked) == 4, "only two are kept"


def test_an_equal_number_of_another_kind_is_another_value() -> None:
    @recent(4)
    def of(value: object) -> object:
        return value

    assert of(1) is not of(True)
