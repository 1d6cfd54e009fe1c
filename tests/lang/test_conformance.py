"""What the original and its documentation say about given expressions: every line of the conformance data.

Without the data beside the checkout, the sample in `tests/data` stands in for the verdicts of the original.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest

from mtls_tui import lang
from tests.lang.original import readable

ONLY_DOCUMENTED = {
    # Valid by the documentation; the original parser knows them not (docs/compatibility.md, "Names and signatures").
    "true": "true",
    "is_timed_hmac_valid_v0(": "takes a literal key",
    "http.request.jwt.claims[": "a field since 2024",
    'url_decode(http.request.uri.path, "': "takes options",
    "len(http.request.headers": "counts elements",
    "tcp.": "a packet field",
    "ip.dst": "a packet field",
    "has_key(http.request.headers, lower(": "takes computed keys",
    'lookup_json_string(http.request.body.raw, "network", "name")': "takes several keys",
    'regex_replace("/foo/': "takes a literal source",
    "substring(http.request.uri,-2)": "has an optional end",
}


def _lines(path):
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _diagnostic(text, *, value=False):
    try:
        (lang.parse_value if value else lang.parse)(text, max_length=None)
    except lang.ParseError as error:
        return error.diagnostic
    return None


@pytest.mark.slow
def test_every_reject_of_the_engine_has_its_line_column_and_message(shared):
    records = [r for r in _lines(shared("conformance/engine_verdicts.jsonl.gz")) if "error" in r]
    differing = []
    for record in records:
        found = _diagnostic(record["expression"])
        wanted = (record["error"]["line"], record["error"]["column"], readable(record["error"]["message"]))
        given = (found.line, found.column, found.message) if found else None
        if given != wanted:
            differing.append((record["expression"], wanted, given))
    assert len(records) > 2000
    assert not differing, (len(differing), differing[:5])


@pytest.mark.parametrize("name", ["engine_verdicts.jsonl.gz", "real_verdicts.jsonl.gz"])
def test_every_expression_that_the_engine_ran_is_accepted(shared, name):
    texts = {r["expression"] for r in _lines(shared(f"conformance/{name}")) if "verdict" in r}
    refused = [(text, found.message) for text in texts if (found := _diagnostic(text))]
    assert len(texts) > 400
    assert not refused, refused[:5]


def test_real_expressions_are_judged_as_the_original_does_but_for_documented_names(shared):
    differing, reasons = [], Counter()
    for record in _lines(shared("conformance/real_expressions.jsonl")):
        text, accepts = record["expr"], record["wirefilter_accepts"]
        found = _diagnostic(text, value=record["kind"] == "value")
        if accepts is None or record["kind"] == "value" or (found is None) == accepts:
            continue
        reason = next((why for part, why in ONLY_DOCUMENTED.items() if part in text), None)
        if found is not None or reason is None:
            differing.append((text, record.get("wirefilter_message"), found))
        reasons[reason] += 1
    assert not differing, differing[:5]
    assert sum(reasons.values()) > 10


def test_rejected_real_filters_are_rejected_at_the_same_place(shared):
    differing = []
    for record in _lines(shared("conformance/real_expressions.jsonl")):
        found = _diagnostic(record["expr"])
        if record["wirefilter_accepts"] is False and record["kind"] == "filter" and found is not None:
            head = f"Filter parsing error ({found.line}:{found.column}):"
            unknown_there = "unknown identifier" in record["wirefilter_message"] and found.code != "unknown-identifier"
            if not unknown_there and not record["wirefilter_message"].startswith(head):
                differing.append((record["expr"], record["wirefilter_message"], lang.render(found, record["expr"])))
    assert not differing, differing[:3]


def test_documented_expressions_are_accepted_but_for_the_literals_of_url_decode(shared):
    refused = []
    for record in _lines(shared("reference/documented_expressions.jsonl")):
        found = _diagnostic(record["expr"], value=record["kind"] == "value")
        if found:
            refused.append(record["expr"])
    # The text of the documentation demands a field there, its examples show literals; the original refuses them.
    assert all(text.startswith('url_decode("') for text in refused), refused
    assert len(refused) == 4


def test_documented_invalid_expressions_are_refused_with_a_hint(shared):
    for record in _lines(shared("reference/documented_invalid_expressions.jsonl")):
        found = _diagnostic(record["expr"])
        assert found is not None, record["expr"]
        assert found.hint, (record["expr"], found)


def test_expressions_that_the_service_refused_are_refused_with_a_hint_where_grammar_is_the_reason(shared):
    refused = 0
    for record in _lines(shared("conformance/rejected_expressions.jsonl")):
        found = _diagnostic(record["expr"], value=record.get("kind") == "value")
        if record["category"] in ("plan entitlement", "field not available in phase"):
            assert found is None, record["expr"]  # a matter of plan and phase, not of the language
            continue
        refused += 1
        assert found is not None, record["expr"]
        assert found.hint, (record["expr"], found)
    assert refused > 5
