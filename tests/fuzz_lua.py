"""Rules compiled to Lua against the engine, on new random cases: expressions, values, regular expressions, whole hosts.

    python tests/fuzz_lua.py --minutes 3 --seed 1

Prints the first case of each kind on which LuaJIT says something else than the engine, and ends with 1. Not part of the
suite; `tests/engine/lua` has the same checks on the same cases at every run.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hypothesis import HealthCheck, given, seed, settings

from mtls_tui.engine import Ruleset
from mtls_tui.engine.lua import compile_rules
from mtls_tui.engine.lua.nfa import TooLargeError
from mtls_tui.lang import ast
from tests.engine import strategies as s
from tests.engine.lua import luajit
from tests.engine.lua.test_automata import disagreements, random_patterns
from tests.engine.lua.test_evaluators import check, check_value
from tests.engine.lua.test_program import CLAUSES, LISTS, UNKNOWN_THERE, decided, expected, rules, wire

EXAMPLES = 2000
CASES: Counter[str] = Counter()


def drawn(kind: str, number: int, strategy: object, run: Callable[..., object]) -> None:
    """Some thousand examples of a strategy."""

    @seed(number)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=False,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy, s.full_fields if kind == "arrays" else s.fields)
    def every(tree: object, fields: dict) -> None:
        CASES[kind] += 1
        run(tree, fields)

    every()


def patterns(number: int) -> None:
    dice = random.Random(number)
    for pattern in random_patterns(dice, 300):
        CASES["patterns"] += 1
        try:
            found = disagreements(pattern, dice, 60, in_lua=True)
        except TooLargeError:
            continue
        assert not found, (pattern, found)


def hosts(number: int) -> None:
    dice = random.Random(number)
    clauses = CLAUSES + dice.choice([0, 4]) * UNKNOWN_THERE
    lua = luajit.shared()
    for _ in range(40):
        ruleset = Ruleset(rules(dice, dice.choice([1, 5, 40]), clauses), LISTS)
        compiled = compile_rules(ruleset, "*.example")
        function = lua.chunk(compiled.source)
        for _ in range(50):
            one = wire(dice)
            CASES["hosts"] += 1
            found = decided(lua, function, compiled, one)
            assert found == expected(ruleset, one) or (found == "rule" and compiled.asks), (one, found)


KINDS: dict[str, Callable[[int], None]] = {
    "expressions": lambda number: drawn("expressions", number, s.expressions, check),
    "arrays": lambda number: drawn("arrays", number, s.quantified().map(ast.Expression), check),
    "values": lambda number: drawn("values", number, s.bytes_values | s.bytes_arrays() | s.int_values, check_value),
    "patterns": patterns,
    "hosts": hosts,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=KINDS, action="append")
    options = parser.parse_args()
    wrong = 0
    for kind in options.only or list(KINDS):
        end = time.monotonic() + options.minutes * 60 / len(options.only or KINDS)
        number = options.seed * 1_000_000
        while time.monotonic() < end:
            try:
                KINDS[kind](number)
            except Exception as error:
                print(f"  {kind}, seed {number}: {type(error).__name__}: {str(error)[:2000]}", flush=True)
                wrong += 1
                break
            number += 1
        print(f"{kind}: {CASES[kind]:,} cases", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
