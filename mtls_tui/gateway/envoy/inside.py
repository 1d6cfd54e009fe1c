"""Rules that run inside Envoy: a host's program, and the filter that runs it. Pure text; `inside.lua` is the filter.

A program comes with the route table, together with the number of its bundle, so rules change on live connections, and
what was remembered under another number is not used by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import msgspec

from mtls_tui.engine.lua import Compiled, Refused, compile_rules, prelude
from mtls_tui.engine.lua.text import string
from mtls_tui.engine.model import Decision, Response, Rule
from mtls_tui.engine.policy import Host, Policy
from mtls_tui.engine.program import ALLOWED, is_logging, outcome
from mtls_tui.gateway.envoy.insidecount import statistic

MOST_REMEMBERED = 2048
"""Certificates' facts, by host, that each thread of Envoy remembers; one more, and it forgets all of them."""
MOST_BYTES = 8 * 1024 * 1024
"""Of all that a thread remembers: anybody can present chains."""
MOST_SOURCE = 4 * 1024 * 1024
"""Characters of one host's program, some 15,000 rules. A thread of Envoy does nothing else while it loads one, for less
than half a second of this size; with much larger ones the questions that are under way would time out."""
MOST_LOADED = 32 * 1024 * 1024
"""Characters of all programs that a thread keeps; one more, and it forgets all of them and loads them when asked."""
IN_ONE = 200
"""Outcomes that one function of Lua fills in."""


@dataclass(frozen=True, slots=True)
class Program:
    """What runs inside Envoy for one host."""

    source: str
    """A chunk of Lua: with the prelude it gives what `inside.lua` calls a program."""
    facts: tuple[str, ...]
    """The fields of a certificate that it reads."""
    asks: tuple[str, ...] = ()
    """The rules that the decision service is asked about when they are reached, each with the reason."""


def program(policy: Policy, host: Host, refusal: Response, *, shadow: bool) -> Program | str:
    """The program of a host, or why there is none. `refusal`: the answer of rules that have none of their own."""
    compiled = compile_rules(policy.ruleset, host.name, paths_matter=host.name in policy.paths_matter)
    if isinstance(compiled, Refused):
        return compiled.reason
    own = (rule.response or refusal for rule in compiled.rules)
    responses = {response: number for number, response in enumerate(dict.fromkeys((refusal, *own)), 1)}
    source = "\n".join(
        (
            "local decide = (function(...)",
            compiled.source,
            "end)(...)",
            "local O, A, T = {}, {}, {}",
            *_answers(responses),
            f"O[0] = {_decided(host.name, ALLOWED, responses, shadow=False)}",
            *_filled(host.name, compiled.rules, responses, shadow=shadow),
            f"return {{decide = decide, outcomes = O, mtls = {'true' if host.mtls else 'false'}, "
            f"reads = {_reads(compiled)}}}",
        )
    )
    if len(source) > MOST_SOURCE:
        return f"the rules would take more than {MOST_SOURCE >> 10:,} KiB of Lua"
    asks = tuple(dict.fromkeys(f"{one.rule}: {one.reason}" for one in compiled.asks))
    return Program(source, tuple(sorted(compiled.facts)), asks)


def lua(remember_milliseconds: int, hidden: Iterable[str], ciphers: dict[str, str]) -> str:
    """The filter. `hidden`: headers that rules don't see, since Envoy wrote them; `ciphers`: how rules name some."""
    names = ",".join(f"[{_text(name)}]=true" for name in sorted(hidden))
    renamed = ",".join(f"[{_text(name)}]={_text(other)}" for name, other in ciphers.items())
    shell = resources.files(__package__).joinpath("inside.lua").read_text(encoding="utf-8")
    return (
        f"local prelude = (function()\n{prelude()}\nend)()\n"
        f"local lifetime, most_entries, most_bytes, most_source = "
        f"{remember_milliseconds:d}, {MOST_REMEMBERED:d}, {MOST_BYTES:d}, {MOST_LOADED:d}\n"
        f"local hidden, ciphers = {{{names}}}, {{{renamed}}}\n{shell}"
    )


def _answers(responses: Mapping[Response, int]) -> Iterable[str]:
    """Statements that number the answers: head and body."""
    for start in range(0, len(responses), IN_ONE):
        yield ";(function()"
        for response, number in list(responses.items())[start : start + IN_ONE]:
            yield (
                f'A[{number}] = {{[":status"] = "{response.status}", '
                f'["content-type"] = {_text(response.content_type)}, ["cache-control"] = "no-store"}}'
            )
            yield f"T[{number}] = {_text(response.body)}"
        yield "end)()"


def _filled(host: str, rules: Sequence[Rule], responses: Mapping[Response, int], *, shadow: bool) -> Iterable[str]:
    """Statements that say what becomes of a request when a rule, by its number, decides or is only reported."""
    for start in range(0, len(rules), IN_ONE):
        yield ";(function()"
        for number, rule in enumerate(rules[start : start + IN_ONE], start + 1):
            if is_logging(rule):
                counted = statistic(host, rule.ref, "shadow" if rule.shadow else "log")
                yield f"O[{number}] = {{ref = {_json_text(rule.ref)}, statistic = {_text(counted)}}}"
            else:
                yield f"O[{number}] = {_decided(host, outcome(rule), responses, shadow=shadow)}"
        yield "end)()"


def _decided(host: str, decision: Decision, responses: Mapping[Response, int], *, shadow: bool) -> str:
    rule = decision.rule or decision.skipped_by
    shadowed = shadow and decision.blocked
    members: dict[str, str] = {"action": "allow" if shadowed else decision.action}
    if rule is not None:
        members["rule"] = rule.ref
    members["reason"] = decision.reason
    if shadowed:
        members["would"] = decision.action
    counted = statistic(host, rule.ref if rule is not None else "", "shadow" if shadowed else decision.action)
    parts = [
        f"line = {string(msgspec.json.encode(members)[1:-1])}",
        f"statistic = {_text(counted)}",
    ]
    if decision.blocked and not shadowed:
        response = decision.rule.response if decision.rule is not None else None
        number = responses[response] if response is not None else 1
        parts.append(f"answer = A[{number}], body = T[{number}]")
    return "{" + ", ".join(parts) + "}"


def _reads(compiled: Compiled) -> str:
    parts = [f"{part} = true" for part in sorted(compiled.reads) if part != "headers"]
    if "headers" in compiled.reads:
        names = compiled.headers
        listed = "true" if names is None else "{" + ",".join(_text(name) for name in sorted(names)) + "}"
        parts.append(f"headers = {listed}")
    return "{" + ", ".join(parts) + "}"


def _text(text: str) -> str:
    return string(text.encode())


def _json_text(text: str) -> str:
    return string(msgspec.json.encode(text))
