"""The sample of conformance data in `tests/data` holds every part of the language, and is part of the whole."""

import json
import runpy
from collections import Counter

import pytest

from mtls_tui.lang.catalogue import OPERATORS
from tests.conftest import SAMPLE, SHARED

MAKE = runpy.run_path(str(SAMPLE / "make.py"))
LINES = MAKE["read"](SAMPLE / "engine_verdicts.jsonl.gz")
MARKS = Counter(mark for line in LINES for mark in set(MAKE["marks"](json.loads(line))))


def test_every_use_is_in_the_sample_with_each_answer():
    uses = {use for use, _ in MARKS} - {"message", "spelled"}
    assert len(uses) == 34
    for use in uses - {"written", "missing"}:  # written by hand: refused; missing: about fields, so accepted
        assert all(MARKS[use, answer] >= 90 for answer in (True, False, "refused")), use


def test_every_operator_of_the_catalogue_is_in_the_sample_by_word_and_by_sign():
    spelled = {
        spelling
        for info in OPERATORS.values()
        if info.kind in ("comparison", "logical")
        for spelling in (info.name, info.symbol)
        if spelling
    }
    # The whole data has none of this one, which Cloudflare doesn't document.
    assert {name for name in spelled if MARKS["spelled", name] < 90} == {"bitwise_and", "&"}


def test_the_sample_is_small():
    assert MAKE["HERE"].stat().st_size < 400_000


@pytest.mark.skipif(not (SHARED / "conformance").exists(), reason="needs ../shared/conformance, the whole data")
def test_the_sample_is_what_its_script_makes_of_the_whole():
    assert MAKE["sample"](MAKE["read"](SHARED / "conformance" / "engine_verdicts.jsonl.gz")) == LINES
