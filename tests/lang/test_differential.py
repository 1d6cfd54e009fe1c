"""The grammar against the original parser, on expressions that a seeded maker makes: right ones and nearly right ones.

Both sides know the same names: the reader gets the original's fields and function signatures, which lag behind the
documented ones (what differs there is in `test_compatibility.py`). So what is left to differ is grammar, and has a
reason below.
"""

from __future__ import annotations

import inspect
import re

import pytest

from mtls_tui import lang
from mtls_tui.lang import scheme
from tests.conftest import ROOT
from tests.lang import original
from tests.lang.expression_maker import Maker

COUNT = 24_000
COMPATIBILITY = ROOT / "docs" / "compatibility.md"


def ours(text: str) -> original.Verdict:
    try:
        lang.parse(text, max_length=None)
    except lang.ParseError as error:
        found = error.diagnostic
        return found.line, found.column, found.message
    return None


def _place(text: str, verdict: original.Verdict) -> int:
    """The offset of a verdict in its text; the end for an accepted one."""
    if verdict is None:
        return len(text)
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: verdict[0] - 1]) + verdict[1] - 1


def explanation(text: str, theirs: original.Verdict, mine: original.Verdict) -> str:
    """The heading in docs/compatibility.md that a difference falls under, "" for none."""
    at, here = _place(text, theirs), _place(text, mine)
    message = theirs[2] if theirs else ""
    if not text:
        return "An empty text is an error"
    if mine is not None and mine[2].startswith("error:") and mine[2].endswith("not supported here"):
        return "Patterns that RE2 can't run"
    if message == "unknown identifier" and re.compile(r"(?:true|false)\b").match(text, at) and here > at:
        return "`true` and `false`"
    if message == "unknown identifier" and re.match(r'r[#"]|[0-9A-Fa-f]{1,4}[:-]', text[at:]):
        return "A literal that is begun is judged as a literal"
    if re.search(r"[0-9A-Fa-f]{2}[.-]", _run(text, min(at, here))):
        return "Byte strings with `.` and `-`"
    if message == 'expected literal "("' and re.search(r"(?:any|all)\s*$", text[:at]):
        return "`any` and `all` are operators"
    if re.search(r"(?:&|bitwise_and)[ \r\n]*$", text[:at]) and re.match(r"[A-Za-z_]", text[at:]):
        return "`bitwise_and` takes literals"
    return ""


def _run(text: str, at: int) -> str:
    """What looks like a byte string around a place."""
    before = re.search(r"[0-9A-Fa-f:.-]*$", text[:at])
    after = re.match(r"[0-9A-Fa-f:.-]*", text[at:])
    assert before and after
    return before[0] + after[0]


@pytest.fixture
def originals_names(monkeypatch):
    """The reader knows what the original knows."""
    fields, functions = original.fields(), original.functions()
    monkeypatch.setattr(scheme, "fields", lambda: fields)
    monkeypatch.setattr(scheme, "functions", lambda: functions)
    return fields


def test_every_explanation_is_documented():
    headings = {line.lstrip("# ") for line in COMPATIBILITY.read_text().splitlines() if line.startswith("#")}
    named = set(re.findall(r'return "([^"]+)"', inspect.getsource(explanation)))
    assert named
    assert named <= headings


@pytest.mark.parametrize("seed", range(4))
def test_verdict_place_and_message_are_the_originals(originals_names, seed):
    maker = Maker(seed, originals_names)
    differing: list[str] = []
    accepted = 0
    for _ in range(COUNT // 4):
        text = maker.one().strip()  # the original counts columns of the trimmed text
        theirs, mine = original.verdict(text), ours(text)
        accepted += theirs is None
        if theirs != mine and not explanation(text, theirs, mine):
            differing.append(f"{text!r}\n  original {theirs}\n  ours     {mine}")
    assert not differing, f"{len(differing)} differ, such as\n" + "\n".join(differing[:5])
    assert 0.3 < accepted / (COUNT // 4) < 0.8, "the maker no longer makes both right and wrong ones"
