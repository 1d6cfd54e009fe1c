"""The keys of a rule on their way from the rule file into the bundle and into the engine.

A rule has three records: `RuleEntry` (as the file has it), `BundleRule` and `Rule`. A key has one name in all of them
and is carried over by that name, so a new key is written into the three records and nowhere else. Only the expression
differs: text in the file and, canonical, in the bundle, a tree in the engine.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mtls_tui.engine.bundle import BundleResponse, BundleRule
from mtls_tui.engine.model import Response, Rule
from mtls_tui.lang.ast import Expression

RULE_KEYS = tuple(field.name for field in fields(Rule))
RESPONSE_KEYS = tuple(field.name for field in fields(Response))

_AS_THEY_ARE = tuple(key for key in RULE_KEYS if key not in ("expression", "response"))


def engine_rule(source: Any, expression: Expression) -> Rule:
    """The engine's rule of a `RuleEntry` or `BundleRule` whose expression is parsed."""
    return Rule(expression=expression, response=_response(source, Response), **_plain(source))


def bundle_rule(source: Any, expression: str) -> BundleRule:
    """The bundle's rule of a `RuleEntry`; `expression` is canonical text."""
    return BundleRule(expression=expression, response=_response(source, BundleResponse), **_plain(source))


def _plain(source: Any) -> dict[str, Any]:
    return {key: getattr(source, key) for key in _AS_THEY_ARE}


def _response(source: Any, kind: Any) -> Any:
    given = source.response
    return None if given is None else kind(**{key: getattr(given, key) for key in RESPONSE_KEYS})
