"""Regular expressions as automata say what RE2 says, in Python and as tables in LuaJIT."""

import random
import time

import pytest

from mtls_tui.engine.lua.dfa import MAX_CELLS, MAX_STATES, automaton_of
from mtls_tui.engine.lua.nfa import TooLargeError
from mtls_tui.lang import ast
from mtls_tui.lang.regex import PatternError, compile_pattern
from tests.engine.lua import luajit
from tests.lang.test_regex_syntax import PIECES

TEXTS = [
    "a",
    "b",
    "A",
    "é",
    "É",
    "ß",
    "ſ",
    "K",
    "1",
    "_",
    " ",
    "\t",
    "\n",
    "\r",
    "-",
    ".",
    "/",
    "]",
    "\\",
    "\0",
    "α",
    "Ω",
]
BYTES = [text.encode() for text in TEXTS] + [b"\xff", b"\xc3", b"\x80", b"\xe9", b"\r\n"]
KNOWN = [
    r"a", r"^a$", r"(?i)A", r"[a-c]+\.", r"^/api/v[0-9]+/users/[^/]+$", r"(?m)^x$", r"(?m)a$", r"\bfoo\b", r"\Bb",
    r"a{2,5}b", r"(?u)\w+\s", r"(?ui)straße", r".*foo.*bar", r"(?s)^.{3}$", r"^$", r"", r"a|\xff",
    r"(?iu)\p{Greek}+$", r"(?s).*", r"(a|b)*a(a|b){4}", r"^((25[0-5]|(2[0-4]|1\d|[1-9]|)\d)\.?\b){4}$", r"[^\n]$",
    r"(?i:k)\b", r"(?U)a+?b", r"(?R).", r"(?-u:\xe9)", r"(?u)[^é]", r"(?:a*)*b", r"(?:|a)+$", r"\A\z", r"x*\b",
    r"(?x) a b # c", r"[[:^alpha:]]{2}$", r"[a-z&&[^b]]+$", r"(a(?i)b|c)d", r"(?m)^$\n^b",
]  # fmt: skip


def texts(dice, count):
    yield b""
    for _ in range(count):
        yield b"".join(dice.choice(BYTES) for _ in range(dice.randrange(1, 9)))


def disagreements(pattern: str, dice, count: int, *, in_lua: bool) -> list[bytes]:
    """Texts on which an automaton and RE2 differ. Raises what both refuse with."""
    searched = compile_pattern(pattern.encode())
    automaton = automaton_of(pattern.encode())
    run = automaton.search
    if in_lua:
        literal = ast.Pattern(pattern.encode(), "")
        source, refused = luajit.condition_source(ast.Comparison(ast.Field("http.host"), "matches", literal))
        assert not refused
        lua = luajit.shared()
        function = lua.chunk(source)

        def run(text):
            return function(lua.fields({"http.host": text}))

    pieces = [piece.encode() for piece in pattern.split("|")]
    some = [*texts(dice, count), *pieces, *(dice.choice(BYTES) + piece for piece in pieces)]
    return [text for text in some if run(text) is not (searched.search(text) is not None)]


@pytest.mark.parametrize("pattern", KNOWN)
def test_known_patterns(pattern):
    assert disagreements(pattern, random.Random(pattern), 300, in_lua=True) == []


def random_patterns(dice, count):
    while count:
        pattern = "".join(dice.choice(PIECES) for _ in range(dice.randrange(1, 8)))
        try:
            compile_pattern(pattern.encode())
        except PatternError:
            continue
        count -= 1
        yield pattern


@pytest.mark.parametrize("seed", range(8))
def test_random_patterns(seed):
    dice = random.Random(seed)
    refused = 0
    for number, pattern in enumerate(random_patterns(dice, 40)):
        try:
            assert disagreements(pattern, dice, 40, in_lua=number % 4 == 0) == [], pattern
        except TooLargeError:
            refused += 1
    assert refused <= 2


def test_automata_are_minimal():
    assert len(automaton_of(b"(a|b)*a(a|b){4}").steps) == len(automaton_of(b"a[ab]{4}").steps)
    assert len(automaton_of(b"a|b|c|d").steps[0]) == 3  # one class for these, one for the rest, one for the end


@pytest.mark.parametrize(
    "pattern", [r"[ab]*a[ab]{14}c", r"(?s)a.{300}b", r"(?u)\w{60}\d", r"(?:[a-z]{900}){9}", "x{1000}"]
)
def test_what_is_too_large_is_refused_before_it_takes_long(pattern):
    begin = time.process_time()
    try:
        found = automaton_of(pattern.encode())
    except TooLargeError as error:
        assert "regular expression" in str(error)
    else:
        assert len(found.steps) <= MAX_STATES
        assert len(found.steps) * len(found.steps[0]) <= MAX_CELLS
    assert time.process_time() - begin < 10
