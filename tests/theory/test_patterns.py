"""Patterns as languages against the engine's own matching."""

import itertools
import json
import random
from pathlib import Path

import pytest

from mtls_tui import lang
from mtls_tui.engine.regex import PatternError, searcher
from mtls_tui.engine.regex import wildcard as matched
from mtls_tui.lang import ast
from mtls_tui.lang.tree import walk
from mtls_tui.theory.errors import OpaqueError
from mtls_tui.theory.languages import Algebra
from mtls_tui.theory.patterns import searched, wildcard

WORDS = [bytes(word) for size in range(5) for word in itertools.product(b"abB%1", repeat=size)]
PIECES = ["a", "b", "B", ".", "^", "$", "[ab]", "[^a]", "\\x61", "(?i)", "(?-i)", "\\d", "%", "\\A", "\\z"]
SHARED = Path(__file__).parents[2].parent / "shared"


def pattern(random_, depth):
    if depth == 0:
        return random_.choice(PIECES)
    one, other = pattern(random_, depth - 1), pattern(random_, depth - 1)
    counted = random_.choice(["*", "+", "?", "{2}", "{1,3}", "{0,1}", "{2,}"])
    return random_.choice(
        [one + other, f"({one}|{other})", f"{one}|{other}", f"(?:{one}){counted}", f"(?i:{one})", f"({one}){other}"]
    )


def test_a_regular_expression_is_found_in_the_words_of_its_language():
    random_ = random.Random(3)
    for _ in range(500):
        text = pattern(random_, random_.randint(1, 4)).encode()
        try:
            found = searcher(text)
        except PatternError:
            continue
        algebra = Algebra()
        language = searched(algebra, text)
        for word in (*random_.sample(WORDS, 80), *WORDS[:40]):
            assert algebra.has(language, word) is found(word), (text, word)


@pytest.mark.parametrize(
    "text", ["$^", "^$", "(^|a$)^", "(^){3}a", "(?:^a?){2}b", "a$|^b", "x*^a$", "(?i)^É", "(?u)^é+$"]
)
def test_anchors_anywhere_mean_what_they_mean_to_the_engine(text):
    algebra = Algebra()
    language, found = searched(algebra, text.encode()), searcher(text.encode())
    for word in (*WORDS[:400], "é".encode(), "éé".encode(), "É".encode(), b"\xc3"):
        assert algebra.has(language, word) is found(word), word


@pytest.mark.parametrize("text", ["\\bword", "(?m)^a", "a{3000}"])
def test_what_is_not_described_says_so(text):
    with pytest.raises(OpaqueError):
        searched(Algebra(), text.encode())


@pytest.mark.parametrize("strict", [True, False])
def test_a_wildcard_fits_the_words_of_its_language(strict):
    random_ = random.Random(4)
    algebra = Algebra()
    for _ in range(150):
        text = bytes(random_.choice(b"aA*b") for _ in range(random_.randint(0, 5)))
        if b"**" in text:
            continue
        language, fits = wildcard(algebra, text, strict=strict), matched(text, strict=strict)
        for word in WORDS[:200]:
            assert algebra.has(language, word) is fits(word), (text, word)


def test_published_expressions_are_searched_for_as_the_engine_does():
    path = SHARED / "conformance" / "real_expressions.jsonl"
    if not path.exists():
        pytest.skip("the published expressions are not on this machine")
    seen = set()
    for line in path.read_text().splitlines():
        try:
            expression = lang.parse(json.loads(line)["expr"])
        except lang.ParseError:
            continue
        for _, node in walk(expression.root):
            if isinstance(node, ast.Comparison) and node.operator == "matches":
                seen.add(node.right.value)
    for text in seen:
        algebra = Algebra()
        language = searched(algebra, text)
        member = algebra.shortest(algebra.both((algebra.texts, language)))
        other = algebra.shortest(algebra.texts_other_than(language))
        assert member is not None
        assert searcher(text)(bytes(member))
        assert other is None or not searcher(text)(bytes(other))
    assert len(seen) > 20
