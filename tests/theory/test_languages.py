"""Languages against brute force over all short words."""

import itertools
import random

import pytest

from mtls_tui.theory.languages import SEPARATOR, Algebra, TooLargeError, between, symbols_of
from mtls_tui.theory.transducers import DECODED, LOWERED, RAISED, Cut, Followed, Joined, Mapped

WORDS = [bytes(word) for size in range(6) for word in itertools.product(b"ab", repeat=size)]


def made(random_, algebra, depth):
    """A language and the same as a function."""
    plain = ["word", "words", "containing", "ending", "below", "lengths", "set"]
    kind = random_.choice([*plain, "star", "then", "either", "both", "not"] if depth else plain)

    def text():
        return bytes(random_.choice(b"ab") for _ in range(random_.randint(0, 3)))

    one, texts = text(), {text() for _ in range(3)}
    match kind:
        case "word":
            return algebra.word(one), lambda word: word == one
        case "words":
            return algebra.words(texts), lambda word: word in texts
        case "containing":
            return algebra.containing(one), lambda word: one in word
        case "ending":
            return algebra.ending(one), lambda word: word.endswith(one)
        case "below":
            return algebra.below(one), lambda word: word < one
        case "set":
            return algebra.one_of(symbols_of(one)), lambda word: len(word) == 1 and word in one
        case "lengths":
            least, most = random_.randint(0, 3), random_.choice([None, 3, 4])
            return algebra.lengths(least, most), lambda word: least <= len(word) <= (most or 99)
    first, holds = made(random_, algebra, depth - 1)
    if kind == "not":
        return algebra.other_than(first), lambda word: not holds(word)
    if kind == "star":

        def repeated(word):
            ends = {0}
            for end in range(1, len(word) + 1):
                ends |= {end for start in set(ends) if holds(word[start:end])}
            return len(word) in ends

        return algebra.star(first), repeated
    second, also = made(random_, algebra, depth - 1)
    if kind == "then":
        return algebra.then(first, second), lambda word: any(
            holds(word[:cut]) and also(word[cut:]) for cut in range(len(word) + 1)
        )
    if kind == "either":
        return algebra.either([first, second]), lambda word: holds(word) or also(word)
    return algebra.both([first, second]), lambda word: holds(word) and also(word)


def test_a_language_has_the_words_that_its_pieces_say_and_the_shortest_is_found():
    random_ = random.Random(1)
    for _ in range(300):
        algebra = Algebra()
        language, holds = made(random_, algebra, 3)
        language = algebra.both([language, algebra.star(algebra.one_of(symbols_of(b"ab")))])
        members = [word for word in WORDS if holds(word)]
        assert [word for word in WORDS if algebra.has(language, word)] == members
        shortest = algebra.shortest(language)
        if members:
            assert len(shortest) == len(members[0])
        assert shortest is None or holds(bytes(shortest))


FUNCTIONS = [
    (LOWERED, bytes.lower),
    (RAISED, bytes.upper),
    (Cut(1, 3), lambda word: word[1:3]),
    (Cut(2, None), lambda word: word[2:]),
    (Followed(b"4b"), lambda word: word + b"4b"),
    (Mapped((), symbols_of(b"a4")), lambda word: word.translate(None, b"a4")),
]


@pytest.mark.parametrize(("transducer", "function"), FUNCTIONS)
def test_the_image_before_a_function_has_what_the_function_sends_into_the_set(transducer, function):
    check_image(transducer, function)


def test_the_image_before_url_decode_is_that_of_the_engine():
    from mtls_tui.engine.encodings import url_decode

    check_image(DECODED, url_decode)


def check_image(transducer, function):
    random_ = random.Random(2)
    algebra = Algebra()
    words = [bytes(random_.choice(b"%4aAb+") for _ in range(random_.randint(0, 7))) for _ in range(1500)]
    targets = [algebra.word(b"Jb"), algebra.containing(b"J"), algebra.texts_other_than(algebra.containing(b" a")),
               algebra.ending(b"%4"), algebra.lengths(2, 3), algebra.below(b"A")]  # fmt: skip
    for target in targets:
        image = algebra.before_image(transducer, target)
        for word in words:
            assert algebra.has(image, word) == algebra.has(target, function(word)), word


def test_the_image_before_a_join_is_that_of_the_items_joined():
    random_ = random.Random(3)
    algebra = Algebra()
    for target in (algebra.containing(b", a"), algebra.word(b", "), algebra.texts_other_than(algebra.ending(b" b"))):
        image = algebra.before_image(Joined(b", "), target)
        for _ in range(400):
            items = [random_.choice([b"", b"a", b"b", b"ab", b","]) for _ in range(random_.randint(0, 4))]
            written = [symbol for item in items for symbol in (*item, SEPARATOR)]
            assert algebra.has(image, written) == algebra.has(target, b", ".join(items)), items


def test_many_conditions_that_exclude_cost_little_and_many_that_need_everything_say_so(monkeypatch):
    algebra = Algebra()
    digits = algebra.star(algebra.one_of(between(48, 57)))
    excluded = [algebra.other_than(algebra.containing(b"x%d" % number)) for number in range(200)]
    found = algebra.shortest(algebra.both([algebra.texts, algebra.then(algebra.word(b"/v"), digits), *excluded]))
    assert bytes(found) == b"/v"
    assert algebra.work < 100_000
    monkeypatch.setattr("mtls_tui.theory.languages.MAX_STATES", 1000)
    with pytest.raises(TooLargeError):
        algebra.shortest(algebra.both([algebra.containing(bytes((97 + n, 97 + n))) for n in range(12)]))
