"""The language and the engine against their bars and their peers, in one run: decisions, the index, parsing, loading.

Peers are used when they are installed (`pip install rule-engine cel-python common-expression-language
octorules-wirefilter`); those that are not are named. Times are of the processor, the best of many rounds.
Run: python benchmarks/language.py [--quick]
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mtls_tui import lang
from mtls_tui.engine import Bundle, Request, Rule, Ruleset, explain
from mtls_tui.engine import compile as compile_expression
from mtls_tui.engine.bundle import BundleRule

QUICK = "--quick" in sys.argv
RULE = '(http.host in {"api.example.com"} and not cf.tls_client_auth.cert_verified)'
NO_CERTIFICATE = {"http.host": b"api.example.com", "cf.tls_client_auth.cert_verified": False}
CERTIFICATE = {"http.host": b"api.example.com", "cf.tls_client_auth.cert_verified": True}
ELSEWHERE = {"http.host": b"www.example.com", "cf.tls_client_auth.cert_verified": False}
MANY = 10_000
missed: list[str] = []


def best(call: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    return best_of(lambda _: call(), None)


def best_of(function: Callable[[Any], object], argument: object) -> float:
    """Processor seconds of `function(argument)`: the best of many short rounds, so that a busy machine does no harm."""
    timer = timeit.Timer("f(a)", globals={"f": function, "a": argument}, timer=time.process_time)
    number = 1
    while timer.timeit(number) < 0.002:
        number *= 4
    return min(timer.repeat(10 if QUICK else 80, number)) / number


def title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def line(what: str, figure: str, note: str = "") -> None:
    print(f"  {what:<58}{figure:>14}  {note}")


def bar(what: str, value: float, limit: float, unit: str) -> None:
    kept = value <= limit
    if not kept:
        missed.append(what)
    line(what, f"{value:.3f} {unit}", f"bar {limit:g} {unit}: {'kept' if kept else 'MISSED'}")


def installed(package: str) -> str | None:
    """The version of a package; None, and a line that says so, when it is absent."""
    try:
        return version(package)
    except PackageNotFoundError:
        line(package, "absent", "not installed, so not measured")
        return None


# --- decisions ----------------------------------------------------------------------------------------------------


def decisions() -> None:
    title("One decision of the default mTLS rule, fields prepared")
    expression = lang.parse(RULE)
    matcher = compile_expression(expression)
    ruleset = Ruleset([Rule("mtls", expression)])
    assert matcher(NO_CERTIFICATE) and not matcher(CERTIFICATE)
    assert ruleset.decide(NO_CERTIFICATE).blocked and not ruleset.decide(CERTIFICATE).blocked
    ours = best_of(matcher.function, NO_CERTIFICATE)
    bar("the compiled expression, it matches", ours * 1e6, 0.2, "µs")
    bar("the compiled expression, another host", best_of(matcher.function, ELSEWHERE) * 1e6, 0.2, "µs")
    bar("Ruleset.decide(mapping): blocked", best_of(ruleset.decide, NO_CERTIFICATE) * 1e6, 0.2, "µs")
    bar("Ruleset.decide(mapping): allowed", best_of(ruleset.decide, CERTIFICATE) * 1e6, 0.2, "µs")
    bar("Ruleset.decide(Request): blocked", best_of(ruleset.decide, Request(NO_CERTIFICATE)) * 1e6, 0.2, "µs")
    unknown = matcher.unknown(frozenset({"cf.tls_client_auth.cert_verified"}))
    line("with an unknown certificate", f"{best_of(unknown, NO_CERTIFICATE) * 1e6:.3f} µs")
    line("the explaining evaluator", f"{best(lambda: explain(expression, NO_CERTIFICATE)) * 1e6:.1f} µs")
    line("a Python function written by hand", f"{best_of(_by_hand, NO_CERTIFICATE) * 1e6:.3f} µs")
    print("\n  peers, the same rule:")
    for name, call in (
        ("rule-engine", _rule_engine),
        ("cel-python", _cel_python),
        ("common-expression-language", _common_expression_language),
    ):
        found = installed(name)
        if found:
            theirs = call()
            line(f"{name} {found}", f"{theirs * 1e6:.2f} µs", f"{theirs / ours:.0f} times ours")
    line("wirefilter's evaluator", "absent", "no Python package carries it (octorules-wirefilter has its parser)")


def _by_hand(fields: dict[str, Any]) -> bool:
    return fields.get("http.host") in {b"api.example.com"} and not fields.get("cf.tls_client_auth.cert_verified", False)


def _rule_engine() -> float:
    import rule_engine  # type: ignore[import-not-found,unused-ignore]

    rule = rule_engine.Rule('host in ["api.example.com"] and not verified')
    fields = {"host": "api.example.com", "verified": False}
    assert rule.matches(fields)
    return best_of(rule.matches, fields)


def _cel_python() -> float:
    import celpy  # type: ignore[import-not-found,unused-ignore]

    environment = celpy.Environment()
    program = environment.program(environment.compile('host in ["api.example.com"] && !verified'))
    fields = {"host": celpy.json_to_cel("api.example.com"), "verified": celpy.json_to_cel(False)}
    assert program.evaluate(fields)
    return best_of(program.evaluate, fields)


def _common_expression_language() -> float:
    import cel  # type: ignore[import-not-found,unused-ignore]

    program = cel.compile('host in ["api.example.com"] && !verified')
    fields = {"host": "api.example.com", "verified": False}
    assert program.execute(fields)
    return best_of(program.execute, fields)


# --- many rules ---------------------------------------------------------------------------------------------------


def host_rule(number: int) -> Rule:
    text = (
        f'http.host in {{"h{number}.example.com" "www.h{number}.example.com"}} '
        'and not cf.tls_client_auth.cert_verified and not starts_with(http.request.uri.path, "/public/")'
    )
    return Rule(f"r{number}", lang.parse(text))


def many_rules() -> None:
    title(f"{MANY:,} host-scoped rules against 10")
    ten, many = Ruleset(host_rule(n) for n in range(10)), Ruleset(host_rule(n) for n in range(MANY))
    rng = random.Random(7)

    def requests(hosts: int, count: int = 2_000) -> list[dict[str, Any]]:
        return [
            {
                "http.host": f"h{rng.randrange(hosts)}.example.com".encode(),
                "http.request.uri.path": b"/orders",
                "cf.tls_client_auth.cert_verified": rng.random() < 0.5,
            }
            for _ in range(count)
        ]

    same = requests(10)
    of_ten, of_many = _rate(ten, same), _rate(many, same)
    line("10 rules", f"{of_ten * 1e6:.3f} µs")
    bar(f"{MANY:,} rules, the same requests, as a ratio", of_many / of_ten, 1.5, "×")
    spread = requests(MANY)
    for fields in spread[:50]:
        assert many.decide(fields) == many.decide_plainly(fields)
    bar(f"{MANY:,} rules, requests to all of their hosts", _rate(many, spread) / of_ten, 1.5, "×")
    nobody = [{**fields, "http.host": b"nobody.example.com"} for fields in same]
    line(f"{MANY:,} rules, a host that none names", f"{_rate(many, nobody) * 1e6:.3f} µs")
    plain = best(lambda: many.decide_plainly(same[0]))
    line("  without the index", f"{plain * 1e6:.0f} µs", f"{plain / of_many:,.0f} times as long")


def _rate(ruleset: Ruleset, requests: list[dict[str, Any]]) -> float:
    decide = ruleset.decide
    for fields in requests:
        decide(fields)
    times = []
    for _ in range(5 if QUICK else 25):
        begin = time.process_time()
        for fields in requests:
            decide(fields)
        times.append(time.process_time() - begin)
    return min(times) / len(requests)


# --- parsing ------------------------------------------------------------------------------------------------------


def four_kilobytes() -> str:
    """An expression of nearly 4,096 characters, of many kinds of clauses."""
    parts = []
    number = 0
    while sum(map(len, parts)) + 4 * len(parts) < 3_900:
        parts += [
            f'(http.host eq "h{number}.example.com" and not ip.src in {{192.0.2.{number % 256} 10.{number}.0.0/16}})',
            f'(any(lower(http.request.headers["x-{number}"][*])[*] contains "a") or http.cookie matches "^{number}=")',
        ]
        number += 1
    while len(" or ".join(parts)) > 4_096:
        parts.pop()
    return " or ".join(parts)


def parsing() -> None:
    title("Parse and check")
    long = four_kilobytes()
    short_time, long_time = best_of(lang.parse, RULE), best_of(lang.parse, long)
    bar("the default rule", short_time * 1e3, 0.5, "ms")
    bar(f"an expression of {len(long):,} characters", long_time * 1e3, 20, "ms")
    expressions = lang.parse(RULE), lang.parse(long)
    compiled = [best(lambda e=e: compile_expression(e)) for e in expressions]  # type: ignore[misc]
    line("compile the default rule", f"{compiled[0] * 1e3:.3f} ms", "its code is known after the first time")
    line("compile the long one", f"{compiled[1] * 1e3:.3f} ms")
    if installed("octorules-wirefilter"):
        from octorules_wirefilter import parse_expression

        assert "error" not in parse_expression(RULE) and "error" not in parse_expression(long)
        for name, text, ours in (("default rule", RULE, short_time), ("long expression", long, long_time)):
            theirs = best_of(parse_expression, text)
            line(f"octorules-wirefilter (native), the {name}", f"{theirs * 1e3:.3f} ms", f"{theirs / ours:.2f} of ours")
    for name, text in (("(", "(" * 10_000_000), ('"', '"' * 10_000_000), ("not ", "not " * 2_500_000)):
        begin = time.perf_counter()
        try:
            lang.parse(text, max_length=None)
        except lang.ParseError:
            bar(f"10 MB of `{name}` end in an error", time.perf_counter() - begin, 1, "s")


# --- loading ------------------------------------------------------------------------------------------------------


def loading() -> None:
    title(f"Load a bundle of {MANY:,} rules, in a process of its own")
    rules = tuple(
        BundleRule(ref=f"r{n}", expression=lang.format(host_rule(n).expression), action="block") for n in range(MANY)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.bundle.json"
        path.write_bytes(Bundle(rules=rules).encode())
        line("size of the bundle", f"{path.stat().st_size / 1e6:.1f} MB")
        output = subprocess.run(
            [sys.executable, __file__, "--load", str(path)], check=True, capture_output=True, text=True
        ).stdout
    seconds, megabytes = map(float, output.split())
    bar("time to load it", seconds, 2, "s")
    bar("memory of the whole process", megabytes, 200, "MB")


def load(path: str) -> None:
    """What the child process does."""
    begin = time.process_time()
    ruleset = Ruleset.from_bundle(path)
    took = time.process_time() - begin
    assert ruleset.decide({"http.host": b"h77.example.com"}).rule is ruleset.rules[77]
    print(took, peak_megabytes())


def peak_megabytes() -> float:
    """The most memory that this process has held; `ru_maxrss` would count what the parent held before."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    peak = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


def main() -> None:
    print(f"Python {sys.version.split()[0]}; times are of the processor, the best of many rounds")
    decisions()
    many_rules()
    parsing()
    loading()
    print(f"\n{'every bar was kept' if not missed else 'missed: ' + '; '.join(missed)}")


if __name__ == "__main__":
    if "--load" in sys.argv:
        load(sys.argv[-1])
    else:
        main()
