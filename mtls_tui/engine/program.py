"""Some rules in order as one function from fields to a decision.

Few rules become one generated function, in which a rule costs as little as its condition; many are asked one by one.
Both say the same; the second is also what tests hold the first and the index against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.folding import fold
from mtls_tui.engine.generate import Generator
from mtls_tui.engine.guards import GuardedField
from mtls_tui.engine.model import TERMINATING, Decision, Rule
from mtls_tui.engine.sets import Lists
from mtls_tui.engine.types_of import check_types
from mtls_tui.lang import ast
from mtls_tui.lang.types import Fields

Program: TypeAlias = Callable[[Fields], Decision]
MAX_GENERATED = 32
"""Programs of more rules than this are run one by one: Python compiles long functions slowly."""
MAX_VARIABLES = 4
"""Programs that read no more fields than this read each of them once, at the start."""
ALLOWED = Decision("allow", reason="no rule matched")


def is_logging(rule: Rule) -> bool:
    """Whether a match is only reported."""
    return rule.shadow or rule.action == "log"


def outcome(rule: Rule) -> Decision:
    """What a match of a rule that is not only reported decides."""
    if rule.action in TERMINATING:
        return Decision(rule.action, rule, reason=f"rule {rule.ref} matched")
    return Decision("allow", reason=f"rule {rule.ref} skips the remaining rules", skipped_by=rule)


def with_logged(decision: Decision, logged: tuple[Rule, ...]) -> Decision:
    """The decision, and the rules that were only reported on the way."""
    return Decision(decision.action, decision.rule, logged, decision.reason, decision.skipped_by)


def one_by_one(rules: Sequence[Rule], matchers: Sequence[Matcher]) -> Program:
    """The plain loop: every rule is asked in its turn. Allows only what has values of the right types."""
    steps = [
        (matcher.function, None if is_logging(rule) else outcome(rule), rule)
        for rule, matcher in zip(rules, matchers, strict=True)
    ]

    names = frozenset().union(*(matcher.fields for matcher in matchers))

    def decide(fields: Fields) -> Decision:
        logged: tuple[Rule, ...] = ()
        for matches, decision, rule in steps:
            if matches(fields):
                if decision is None:
                    logged += (rule,)
                else:
                    return with_logged(decision, logged) if logged else decision
        check_types(fields, names)
        return with_logged(ALLOWED, logged) if logged else ALLOWED

    return decide


def generated(rules: Sequence[Rule], lists: Lists | None) -> Program:
    """The same as one function. Raises as `compile` does.

    Before it allows, it looks at the classes of the values: text where bytes belong would equal nothing and be let in.
    """
    generator = Generator(lists)
    names = [generator.constant(result) for result in _results(rules)]
    program: Program = generator.build(_statements(generator, [rule.expression.root for rule in rules], rules, names))
    return program


Shared: TypeAlias = tuple[Callable[[Fields, tuple[Any, ...]], Decision], tuple[Any, ...]]
"""A function of fields and results, and the results to call it with."""


class ProgramFactory:
    """Makes programs for parts of a ruleset. Parts that differ only in their rules' names share one function.

    So the code of ten thousand rules for as many hosts is as small, and as near to the processor, as that of ten.
    """

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._functions: dict[Any, Callable[[Fields, tuple[Any, ...]], Decision]] = {}

    def shared(self, rules: Sequence[Rule], known: Mapping[GuardedField, Any]) -> Shared:
        """The program of some rules for requests of which something is known."""
        generator = Generator(self._lists)
        results = _results(rules)
        conditions = [fold(rule.expression.root, known) for rule in rules]
        names = [f"results[{number}]" for number in range(len(results))]
        statements = _statements(generator, conditions, rules, names)
        key = generator.key(statements)
        function = self._functions.get(key)
        if function is None:
            function = self._functions[key] = generator.build(statements, "fields, results")
        return function, results


def _results(rules: Sequence[Rule]) -> tuple[Any, ...]:
    """What each rule leads to: itself when it is only reported, else a decision."""
    return tuple(rule if is_logging(rule) else outcome(rule) for rule in rules)


def _statements(
    generator: Generator, conditions: Sequence[ast.Expr], rules: Sequence[Rule], results: Sequence[str]
) -> list[str]:
    """The body of a program; `results` are the names of what the rules lead to."""
    generator.name("with_logged", with_logged)
    generator.name("check_types", check_types)
    generator.name("ALLOWED", ALLOWED)
    lines: list[str] = []
    logging = False

    def leave(name: str) -> str:
        return f"return with_logged({name}, logged) if logged else {name}" if logging else f"return {name}"

    for node, rule, result in zip(conditions, rules, results, strict=True):
        if isinstance(node, ast.Always) and not node.value:
            continue
        condition = generator.condition(node, 0)
        if is_logging(rule):
            if not logging:
                lines.append("logged = ()")
                logging = True
            lines.append(f"if {condition}:\n            logged += ({result},)")
        else:
            lines.append(f"if {condition}:\n            {leave(result)}")
    check = generator.type_check()
    if check:
        lines.append(f"if {check}:\n            check_types(fields, {generator.constant(tuple(generator.fields))})")
    lines.append(leave("ALLOWED"))
    first = generator.read_first(MAX_VARIABLES)
    return [*first, *map(generator.in_variables, lines)] if first else lines
