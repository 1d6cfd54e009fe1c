"""The schemas that ship are those of the types, and agree with the reader about what a file may hold."""

import json
import tomllib
from datetime import date, datetime
from pathlib import Path

import pytest

from mtls_tui.engine.bundle import Bundle, BundleHost, BundleList, BundleRule
from mtls_tui.rulefile import RuleFileError, load, loads, schemas
from tests.rulefile.json_schema import errors
from tests.rulefile.test_reading import BAD

SAMPLES = sorted((Path(__file__).parents[2] / "sample_rules").glob("*.rules.toml"))


@pytest.mark.parametrize("name", schemas.NAMES)
def test_the_shipped_schema_is_the_one_of_the_types(name):
    assert schemas.shipped(name) == schemas.text(name), "run: python -m mtls_tui.rulefile.schemas"


def as_json(value):
    """TOML's dates as JSON has them."""
    return json.loads(
        json.dumps(value, default=lambda item: item.isoformat() if isinstance(item, datetime | date) else item)
    )


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_fits_the_schema(path):
    assert load(path)
    assert errors(json.loads(schemas.shipped("rules")), as_json(tomllib.loads(path.read_text()))) == []


@pytest.mark.parametrize(
    "name", [name for name, case in BAD.items() if case[1] in ("unknown-key", "missing-key", "type")]
)
def test_what_the_reader_refuses_for_its_shape_does_not_fit_the_schema(name):
    text = BAD[name][0]
    with pytest.raises(RuleFileError):
        loads(text)
    assert errors(json.loads(schemas.shipped("rules")), as_json(tomllib.loads(text))) != []


def test_a_bundle_fits_its_schema_and_a_strange_one_does_not():
    bundle = Bundle(
        created="2030-01-31T12:00:00Z",
        hosts=(BundleHost(name="a", mtls=True, anchors=("x",)),),
        lists={"l": BundleList(kind="asn", items=(1, 2))},
        rules=(BundleRule(ref="r", expression="ssl", action="block"),),
    )
    schema = json.loads(schemas.shipped("bundle"))
    document = json.loads(bundle.encode())
    assert errors(schema, document) == []
    for change in (
        {"digest": "md5:00"},
        {"more": 1},
        {"bundle": {**document["bundle"], "rules": [{"ref": "r"}]}},
        {"bundle": {**document["bundle"], "unknown": 1}},
    ):
        assert errors(schema, document | change) != []
