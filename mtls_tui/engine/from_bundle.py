"""From a bundle's rules and lists to what the engine works on."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from mtls_tui.engine.bundle import Bundle, BundleError, BundleRule
from mtls_tui.engine.model import Rule
from mtls_tui.engine.rule_keys import engine_rule
from mtls_tui.engine.sets import Lists, NamedList
from mtls_tui.lang import ParseError, parse

_CURE = "correct the rule file and export it again"


@contextmanager
def without_collector() -> Iterator[None]:
    """Let Python's cyclic garbage collector rest: what is loaded has no cycles, and looking costs half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def rules_of(bundle: Bundle) -> tuple[Rule, ...]:
    """All rules in order, disabled ones included. Raises `BundleError` if an expression does not parse."""
    with without_collector():
        return tuple(_rule(rule) for rule in bundle.rules)


def lists_of(bundle: Bundle) -> Lists:
    """The lists with their kinds."""
    return {name: NamedList(entry.kind, entry.items) for name, entry in bundle.lists.items()}


def _rule(rule: BundleRule) -> Rule:
    try:
        expression = parse(rule.expression, max_length=None)  # canonical text may be longer than what was written
    except ParseError as error:
        raise BundleError(f"rule {rule.ref}: {error.diagnostic.message}", _CURE) from error
    return engine_rule(rule, expression)
