"""The verdicts of the original engine, given by compiled rules in LuaJIT."""

import gzip
import json
from collections import Counter

import pytest

from mtls_tui import lang
from tests.engine.lua import luajit
from tests.engine.lua.luajit import condition_source, exact
from tests.engine.test_conformance import fields_of

MOST_NOT_COMPILED = 0.02
"""Of the verdicts: expressions that can't be compiled."""
MOST_INEXACT = 0.06
"""Of the verdicts: fields with integers that no request has."""


@pytest.mark.parametrize("name", ["engine_verdicts.jsonl.gz", "real_verdicts.jsonl.gz"])
def test_compiled_rules_give_the_verdicts_of_the_original(shared, name):
    lua = luajit.shared()
    known = {}
    different, refused, count, inexact = [], Counter(), 0, 0
    with gzip.open(shared(f"conformance/{name}"), "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if "verdict" not in record:
                continue
            count += 1
            key = record["expression"], json.dumps(record.get("lists"))
            if key not in known:
                source, reasons = condition_source(lang.parse(key[0]).root, record.get("lists"))
                known[key] = None if reasons else lua.chunk(source), reasons
            function, reasons = known[key]
            fields = fields_of(record["fields"])
            if function is None:
                refused[reasons[0].kind, reasons[0].name] += 1
            elif not exact(fields):
                inexact += 1
            elif function(lua.fields(fields)) is not record["verdict"]:
                different.append((key, record["fields"], record["verdict"]))
    assert count > 1000
    assert different == []
    assert sum(refused.values()) <= MOST_NOT_COMPILED * count, refused
    assert inexact <= MOST_INEXACT * count
