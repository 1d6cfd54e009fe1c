"""The page of what compiles to Lua: tables of `mtls_tui.engine.lua`. Used by reference.py."""

from __future__ import annotations

from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.engine.lua import PARTS, dfa, functions, nfa, program
from mtls_tui.engine.lua.fields import READINGS, named, reading_of
from mtls_tui.engine.lua.refusal import RefusedError
from mtls_tui.engine.policy import CERTIFICATE_FIELDS
from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS, OPERATORS

NOTE = "<!-- made by docs/reference.py: change mtls_tui/engine/lua, not this page -->\n"
PAGE = """\
# Rules compiled to Lua

`mtls_tui.engine.lua` writes the rules of one host as Lua for Envoy's own interpreter (LuaJIT 2.1), so that a request
can be decided without a question to the decision service. What comes out is exactly what the engine decides, or a
question.

```python
from mtls_tui.engine.lua import compile_rules, prelude
from mtls_tui.simulate.policies import load_policy

policy = load_policy("payments.rules.toml").policy
compiled = compile_rules(policy.ruleset, "api.example.com", paths_matter="api.example.com" in policy.paths_matter)
```

`compiled.source` is a chunk for `decide(request, facts)`; the head of `prelude.lua` says how it is called and what the
two tables hold. `compiled.reads`, `headers` and `facts` name what has to be in them, `asks` the clauses that can't be
compiled. A host whose rules would become too large gives `Refused` instead.

`python benchmarks/lua.py`, on one of two busy cores: a decision by path, method, header, address (1,001 networks) and
certificate takes 0.3 µs, and 1.5 µs without the just-in-time compiler; one of 10,000 rules by a serial number less than
0.1 µs and 1.4 µs; a regular expression 6 ns and 30 ns a byte. 10,000 rules take 1.5 s to compile, and in each thread of
Envoy 0.1 s to load and 10 MB.
"""
ASKED: list[tuple[str, ...]] = [
    (
        "a rule with a clause that can't be compiled",
        "when it is reached and the rest of its expression doesn't rule it out. Rules before it decide by themselves",
    ),
    (
        "a path that is not in its normal form",
        "on hosts where some rule may look at a path. The service blocks such a path when it is ambiguous",
    ),
    (
        "an unusual request",
        "a host in brackets or with a port of more than five digits, bytes beyond ASCII in a method, a query or a "
        "header that is read, more than 1,000 headers, an address that is not written plainly",
    ),
    (
        "anything missing",
        "a key of `request` or a fact that rules read and that is not there or not of its type. Nothing has a default",
    ),
]
HELD: list[tuple[str, ...]] = [
    ("all recorded verdicts of the original engine come out the same", "`test_conformance.py`"),
    (
        "both evaluators and compiled rules agree on generated expressions, values and hosts; `make fuzz` makes more",
        "`test_evaluators.py`, `test_program.py`",
    ),
    ("every function computes what the engine's computes", "`test_functions.py`"),
    ("an automaton finds what RE2 finds", "`test_automata.py`"),
    (
        "no table of any content makes it raise; what is missing is asked about",
        "`test_limits.py`: `test_no_table_makes_it_raise`, `test_what_is_read_and_not_there_is_asked`",
    ),
    (
        "nothing of a rule gets into the code but as an escaped constant",
        "`test_limits.py`: `test_any_bytes_in_rules_and_requests`",
    ),
    (
        "a clause that can't be compiled never makes a rule decide otherwise",
        "`test_program.py`: `test_what_cannot_be_compiled_is_asked…`",
    ),
    (
        "10,000 rules for one host load and decide; long texts take linear time",
        "`test_limits.py`: `test_ten_thousand_rules`, `test_long_texts…`",
    ),
    ("a mistake in any template or function is noticed", "`test_mutants.py`"),
]


def lua_page() -> str:
    """The whole page."""
    asked = _table("When the service is asked", ("", ""), ASKED)
    held = _table("What holds", ("", "test in `tests/engine/lua/`"), HELD)
    return "\n".join((NOTE + PAGE, *asked, *held, *_fields(), *_functions(), *_operators(), *_bounds()))


def _table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [f"## {title}\n", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _fields() -> list[str]:
    compiled: dict[str, list[str]] = {}
    asked: list[tuple[str, ...]] = []
    for name in FIELDS:
        if name in READINGS:
            part = READINGS[name].part
            compiled.setdefault(f"`{part}`" if part else "nothing more", []).append(f"`{name}`")
        elif name in EXTRACTORS:
            try:
                reading_of(name)
            except RefusedError as error:
                asked.append((f"`{name}`", error.reason))
    rows = [(part, ", ".join(names)) for part, names in sorted(compiled.items(), key=lambda row: _order(row[0]))]
    rows.append(("`facts`", f"`{CERTIFICATE_FIELDS}*`"))
    rows.append(("nothing", "all others have their default or are missing, as everywhere behind the gateway"))
    assert named("http.request.headers", b"x") is not None
    return [
        *_table("Fields that compile", ("read from `request`", "fields"), rows),
        'A rule that looks at single headers (`http.user_agent`, `http.request.headers["x-key"]`) needs those alone:',
        "`compiled.headers` names them.\n",
        *_table("Fields that are asked about", ("field", "why"), asked),
    ]


def _order(part: str) -> int:
    return next((number for number, one in enumerate(PARTS) if f"`{one}`" == part), -1)


def _functions() -> list[str]:
    rows = []
    for name in sorted(FUNCTIONS):
        if name in functions.NEVER:
            rows.append((f"`{name}`", "compiled", "missing, as in the engine"))
        elif name in functions.COMPILED:
            rows.append((f"`{name}`", "compiled", functions.PARTLY.get(name, "")))
        else:
            rows.append((f"`{name}`", "asked", functions.NOT_COMPILED[name]))
    return _table("Functions", ("function", "", "notes"), rows)


def _operators() -> list[str]:
    notes = {
        "matches": "as a minimal automaton over bytes, within the bounds below; Unicode classes as UTF-8",
        "in": "strings and integers by look-up; ranges, networks and lists of addresses by halving",
        "eq": "a value on the right, too, as with `ne` and the orderings",
        "bitwise_and": "on 64 bits",
    }
    return _table("Operators", ("operator", "notes"), [(f"`{name}`", notes.get(name, "")) for name in OPERATORS])


def _bounds() -> list[str]:
    return _table("Bounds", ("what", "most"), [
        ("one host", f"{program.MAX_BYTES >> 20} MiB of Lua; more, and all of its requests are asked about"),
        ("regular expression: nodes of its automaton with empty steps", f"{nfa.MAX_NODES:,}"),
        ("regular expression: states", f"{dfa.MAX_STATES:,}"),
        ("regular expression: states times classes of bytes", f"{dfa.MAX_CELLS:,}"),
        ("arguments of a function", f"{functions.MAX_ARGUMENTS}; `concat`, `coalesce`: {functions.MAX_JOINED}"),
        ("integers", "literals of 64 bits compare exactly with what a request has, which is at most 2^53"),
    ])  # fmt: skip
