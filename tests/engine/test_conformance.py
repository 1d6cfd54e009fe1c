"""The verdicts of the original engine: both evaluators give every one of them. There are no known differences."""

import gzip
import json
from ipaddress import ip_address

import pytest

from mtls_tui import engine, lang
from mtls_tui.lang.catalogue import FIELDS


def value_of(given, type_):
    """A value of the data as the engine has it."""
    if type_.name == "Ip":
        return ip_address(given)
    if isinstance(given, dict):
        if type_.name == "Map":
            return {key.encode(): value_of(item, type_.item) for key, item in given.items()}
        return bytes.fromhex(given["hex"])
    if isinstance(given, list):
        return [value_of(item, type_.item) for item in given]
    return given.encode() if isinstance(given, str) else given


def fields_of(given):
    return {name: value_of(value, FIELDS[name].type) for name, value in given.items()}


@pytest.mark.parametrize("name", ["engine_verdicts.jsonl.gz", "real_verdicts.jsonl.gz"])
def test_both_evaluators_give_the_verdicts_of_the_original(shared, name):
    parsed = {}
    different = []
    count = 0
    with gzip.open(shared(f"conformance/{name}"), "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if "verdict" not in record:
                continue
            count += 1
            text = record["expression"]
            expression = parsed.get(text) or parsed.setdefault(text, lang.parse(text))
            fields, lists = fields_of(record["fields"]), record.get("lists")
            compiled = engine.compile(expression, lists=lists)(fields)
            explained = engine.explain(expression, fields, lists=lists).verdict
            if not compiled is explained is record["verdict"]:
                different.append((text, record["fields"], record["verdict"], compiled, explained))
    assert count > 1000
    assert different == []
