"""Regular expressions: the original's verdict and words on any text, and patterns that mean the same under RE2."""

from __future__ import annotations

import random
import re
import time

import pytest

from mtls_tui import lang
from mtls_tui.lang.regex import PatternError, compile_pattern
from tests.lang import original

PIECES = (
    *("a", "b", "é", "(", ")", "[", "]", "[^", "|", "*", "+", "?", "{2}", "{2,}", "{1,3}", "{", "}", "{,3}", "{ 2 }"),
    *("\\d", "\\W", "\\s", "\\b", "\\B", "\\A", "\\z", "\\Z", "\\x41", "\\x{e9}", "\\xe9", "\\u00e9", "\\p{L}", "\\pN"),
    *(
        "\\p{Greek}",
        "\\P{Lu}",
        "(?i)",
        "(?u)",
        "(?-u)",
        "(?x)",
        "(?s)",
        "(?m)",
        "(?i:",
        "(?:",
        "(?u:",
        "(?P<n>",
        "(?<m>",
    ),
    *(
        "(?=",
        "(?!",
        "-",
        "&&",
        "--",
        "~~",
        "[:alpha:]",
        "[:^digit:]",
        "[[:alpha:]]",
        "^",
        "$",
        ".",
        "\\.",
        "\\-",
        "\\q",
    ),
    *("\\8", "\\1", "a-z", "0-9", "z-a", "#", " ", "\\", "\\n", "\\/", "~", "&", ":", "(?U)", "(?R)", "(?)", "(?i-s:"),
    *("\\]", "\\[", "\\b{start}", "\\<", "\\>", "\\b{", "(?i-", "(?z)", "{1001}", "\\t", "]", "[]", "[^]"),
)


def words(pattern):
    try:
        compile_pattern(pattern.encode())
    except PatternError as error:
        return str(error)
    return None


def test_any_text_gets_the_originals_verdict_and_words():
    chance = random.Random(20261124)
    differing, accepted = [], 0
    for _ in range(12_000):
        pattern = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 7)))
        theirs = original.verdict(f'http.host matches r##"{pattern}"##')
        accepted += theirs is None
        mine = words(pattern)
        if mine != (theirs[2] if theirs else None) and not (mine or "").endswith("is not supported here"):
            differing.append((pattern, theirs, mine))
    assert not differing, differing[:5]
    assert accepted > 2000


ALPHABET = "ab\n\r_-1 A\x00\xe9\xff"
COMMON = (
    *(
        "a",
        "b",
        "1",
        ".",
        "\\d",
        "\\w",
        "\\W",
        "\\s",
        "[ab]",
        "[^a]",
        "[a-b1]",
        "(?:a|b1)",
        "(a)",
        "\\x41",
        "\\xe9",
        "\\b",
    ),
    *("\\B", "(?i:A)", "(?s:.)", "[[:alpha:]]", "[a-z&&[^b]]", "_", "-", " ", "\\xff"),
)
PYTHON = {"[[:alpha:]]": "[A-Za-z]", "[a-z&&[^b]]": "[ac-z]"}


def test_patterns_find_what_pythons_own_engine_finds_on_bytes():
    chance = random.Random(7)
    for _ in range(1500):
        pieces = []
        for _ in range(chance.randint(1, 4)):
            piece = chance.choice(COMMON)
            repeat = "" if piece in ("\\b", "\\B") else chance.choice(("", "", "*", "+", "?", "{2}", "{1,2}", "*?"))
            pieces.append((piece, repeat))
        anchors = chance.choice((("", ""), ("^", ""), ("", "$"), ("^", "$"), ("\\A", "\\z")))
        pattern = anchors[0] + "".join(piece + repeat for piece, repeat in pieces) + anchors[1]
        python = anchors[0].replace("^", "\\A") + "".join(PYTHON.get(p, p) + r for p, r in pieces)
        python += "\\Z" if anchors[1] else ""
        ours, theirs = compile_pattern(pattern.encode()), re.compile(python.encode())
        for _ in range(8):
            # an empty text has no word boundary anywhere, so `\\B` fits; Python's engine says no
            text = "".join(chance.choices(ALPHABET, k=chance.randint(1, 6))).encode("latin-1")
            assert bool(ours.search(text)) == bool(theirs.search(text)), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "found", "missed"),
    [
        ("é", ["é".encode()], [b"\xe9"]),
        ("^.$", [b"x", b"\xe9"], ["é".encode(), b"\n"]),
        ("(?u)^.$", ["é".encode(), b"x"], [b"\xe9", b"\n"]),
        ("(?i)É", ["É".encode()], ["é".encode()]),
        ("(?iu)É", ["É".encode(), "é".encode()], []),
        ("(?iu)^k$", [b"k", b"K", "\u212a".encode()], []),
        (r"(?u)^\p{Hangul}+$", ["한글".encode()], [b"a"]),
        (r"(?u)^\P{L}$", [b"1", "\u20ac".encode()], [b"a", "ä".encode()]),
        (r"(?u)^\w$", ["ß".encode(), b"_", "\u0661".encode()], [b"-", "\u20ac".encode()]),
        (r"(?u)^[^a]$", ["ß".encode(), b"b"], [b"a", b"\xff"]),
        (r"^\x{e9}$", ["é".encode()], [b"\xe9"]),
        (r"^\xe9$", [b"\xe9"], ["é".encode()]),
        ("(?x) a b # both\n c", [b"abc"], [b"a b"]),
        ("^a$", [b"a"], [b"a\n"]),
        ("(?m)^a$", [b"b\na\nb"], [b"ba"]),
        ("(?R).", [b"x"], [b"\r", b"\n"]),
        ("(?U)^a+$", [b"aaa"], [b""]),
        ("a{1001}", [b"a" * 1001], [b"a" * 1000]),
        ("^(?:a{30}){50}$", [b"a" * 1500], [b"a" * 1499]),
        ("^a{999,2500}$", [b"a" * 999, b"a" * 2500], [b"a" * 998, b"a" * 2501]),
        ("[^\\x00-\\xff]", [], [b"", b"a"]),
        ("(?:)", [b"", b"a"], []),
    ],
)
def test_a_pattern_finds(pattern, found, missed):
    compiled = compile_pattern(pattern.encode())
    assert all(compiled.search(text) for text in found)
    assert not any(compiled.search(text) for text in missed)


def test_groups_keep_their_numbers():
    assert compile_pattern(rb"(?P<first>a)(?:b)(?<second>c)").search(b"abc").groups() == (b"a", b"c")


@pytest.mark.parametrize(
    "pattern", [r"\b{start}a", r"a\b{end}", r"\b{start-half}", r"\<a", r"a\>", r"(?u)\b", "(?mR)^a"]
)
def test_what_re2_cannot_run_is_refused_and_says_so(pattern):
    assert original.verdict(f'http.host matches r#"{pattern}"#') is None
    assert words(pattern).endswith("is not supported here")


@pytest.mark.parametrize("unit", ["a", "[ab]", "[ace]", "ab", "(?:a|bc)", "\\w", "(a)", "(?:a*)"])
def test_size_limit_is_near_the_originals(unit):
    low, high = 1, 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        accepted = original.verdict(f'http.host matches r"(?:{unit}){{{middle}}}"') is None
        low, high = (middle, high) if accepted else (low, middle)
    assert words(f"(?:{unit}){{{low * 9 // 10}}}") is None
    assert words(f"(?:{unit}){{{low * 11 // 10}}}") == "Compiled regex exceeds size limit of 10485760 bytes."


@pytest.mark.parametrize(
    "pattern",
    ["t{0,65535}", "example{0,65535}.com", "t{0,1000}" * 145, "t{0,99}" * 585, ".{0,999}" * 80, "t{3,65535}?"],
)
def test_repetitions_that_may_be_left_out_compile_at_once(pattern):
    start = time.process_time()
    assert words(pattern) is None
    assert time.process_time() - start < 2  # one long chain of them takes RE2 ten seconds and more


@pytest.mark.parametrize(("first", "last"), [(0, 250), (3, 101), (99, 1001), (0, 1)])
@pytest.mark.parametrize("lazy", ["", "?"])
def test_a_long_repetition_takes_as_many_as_a_short_one_would(first, last, lazy):
    pattern = compile_pattern(f"^(?:(a)b){{{first},{last}}}{lazy}".encode())
    for count in {0, first - 1, first, first + 1, last - 1, last, last + 1} - {-1}:
        found = pattern.match(b"ab" * count)
        taken = first if lazy else min(count, last)
        assert (found and found.end()) == (None if count < first else 2 * taken)


def test_properties_without_a_table_are_refused():
    assert words(r"(?u)\p{Alphabetic}") == "error: Unicode property not found"


@pytest.mark.parametrize(
    ("text", "column"),
    [('http.host matches "a(b"', 20), ('http.host matches r"a(b"', 25), ('http.host ~ r#"(?=a)"# and ssl', 23)],
)
def test_an_error_is_placed_at_the_pattern_or_behind_a_raw_one(text, column):
    theirs = original.verdict(text)
    with pytest.raises(lang.ParseError) as caught:
        lang.parse(text)
    found = caught.value.diagnostic
    assert (found.line, found.column, found.message) == theirs
    assert found.column == column


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\"b"', b'a"b'),
        (r'"\d\\\."', rb"\d\\\."),
        (r'"[\"x]"', rb"[\"x]"),
        (r'"["x]"', b'["x]'),
        (r'"[\]\"]\""', rb'[\]\"]"'),
        (r'r"\d"', rb"\d"),
        (r'r#"["x"]"#', b'["x"]'),
    ],
)
def test_quoting_of_patterns(text, value):
    assert lang.parse(f"http.host matches {text}").root.right.value == value
