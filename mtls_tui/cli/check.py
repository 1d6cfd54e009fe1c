"""`mtls-tui check`: parse, type-check and lint rule files. 0 clean, 1 findings, 2 unusable input."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import click

from mtls_tui.analysis import CHECKS, Finding, Target, lint
from mtls_tui.cli.output import (
    counted,
    echo_json,
    problem_data,
    problem_text,
    read_rule_file,
)
from mtls_tui.cli.sarif import sarif
from mtls_tui.engine.policy import Policy, PolicyError
from mtls_tui.rulefile import Problem, RuleFile, RuleFileError, bundle, deployable
from mtls_tui.rulefile.checks import position_in_file
from mtls_tui.rulefile.errors import nearest
from mtls_tui.rulefile.trust import out_of_date, trust_problems
from mtls_tui.simulate.style import Style, style_for

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one file. `problems` make it unusable; `findings` are (severity, what, where)."""

    file: str
    problems: tuple[Problem, ...] = ()
    findings: tuple[tuple[str, Problem], ...] = ()
    rules: int = 0
    hosts: int = 0
    tests: int = 0


@click.command(name="check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print everything found as JSON.")
@click.option("--sarif", "as_sarif", is_flag=True, help="Print everything found as SARIF 2.1.0, for code scanning.")
@click.option("--strict", is_flag=True, help="Let remarks (severity info) count as findings, too.")
@click.option(
    "--target",
    type=click.Choice(["engine", "cloudflare"]),
    default="engine",
    show_default=True,
    help="Where the rules will run: some findings are about one of them only.",
)
@click.option("--ignore", "ignored", multiple=True, metavar="CODE", help="Leave findings of this code out; repeatable.")
@click.option("--quiet", "-q", is_flag=True, help="Print findings only, no summary.")
@click.option("--color/--no-color", default=None, help="Force or forbid colours (default: on a terminal).")
def command(
    files: Sequence[str],
    as_json: bool,
    as_sarif: bool,
    strict: bool,
    target: Target,
    ignored: Sequence[str],
    quiet: bool,
    color: bool | None,
) -> None:
    """Parse, type-check and lint rule files; `-` is standard input.

    Exit code 0: clean; 1: findings; 2: a file can't be used. Errors of use come with file, line, key and cure.
    """
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif exclude each other")
    codes = {check.code for check in CHECKS} | {"no-anchors", "crl-stale", "anchor-out-of-date"}
    for code in ignored:
        if code not in codes:
            raise click.BadParameter(f"no finding has the code `{code}`; {nearest(code, codes)}", param_hint="--ignore")
    reports = [examine(name, target, ignored) for name in files]
    if as_sarif:
        echo_json(sarif([(severity, problem) for report in reports for severity, problem in _all(report)]))
    elif as_json:
        echo_json({"files": [_data(report) for report in reports]})
    else:
        _print(reports, style_for(sys.stdout, color=color), style_for(sys.stderr, color=color), quiet)
    if any(report.problems for report in reports):
        sys.exit(2)
    counting = SEVERITIES if strict else SEVERITIES[:2]
    sys.exit(1 if any(severity in counting for report in reports for severity, _ in report.findings) else 0)


def examine(name: str, target: Target = "engine", ignored: Collection[str] = ()) -> Report:
    """Everything that is wrong, or odd, with one file."""
    try:
        rulefile = read_rule_file(name, strict=False)
    except RuleFileError as error:
        return Report(name, error.problems)
    report = Report(name, rules=len(rulefile.rules), hosts=len(rulefile.hosts), tests=len(rulefile.tests))
    problems = rulefile.problems or _trouble(rulefile)
    if problems:
        return replace(report, problems=problems)
    return replace(report, findings=tuple(findings_of(rulefile, target, ignored)))


def findings_of(
    rulefile: RuleFile, target: Target = "engine", ignored: Collection[str] = ()
) -> list[tuple[str, Problem]]:
    """What lint says about a rule file without problems: (severity, finding at its place), in the order of the file."""
    found = [("warning", problem) for problem in deployable(rulefile) if rulefile.hosts]
    found += [("warning", problem) for problem in out_of_date(rulefile, datetime.now(UTC))]
    found += [(finding.severity, _placed(rulefile, finding)) for finding in _lint(rulefile, target)]
    found = [(severity, problem) for severity, problem in found if problem.code not in ignored]
    found.sort(key=lambda item: (item[1].line, item[1].column))
    return found


def _trouble(rulefile: RuleFile) -> tuple[Problem, ...]:
    """What only shows when all is put together: a CRL that can never be used, a pattern that can't be compiled."""
    problems = trust_problems(rulefile)
    if problems:
        return problems
    try:
        Policy.from_bundle(bundle(rulefile))
    except PolicyError as error:
        return (Problem("policy", error.message, rulefile.name, cure=error.cure),)
    except RuleFileError as error:
        return error.problems
    return ()


def _lint(rulefile: RuleFile, target: Target) -> Sequence[Finding]:
    hosts = [(host.name, host.mtls) for host in rulefile.hosts]
    return lint(rulefile.engine_rules, hosts=hosts, lists=rulefile.engine_lists, target=target)


def _placed(rulefile: RuleFile, finding: Finding) -> Problem:
    """A finding at its line within the file."""
    key, line, column = "", 1, 0
    if finding.rule:
        index = rulefile.index_of(finding.rule)
        key = f"rules[{index}]"
        line = rulefile.line_of("rules", index)
        if finding.span is not None:
            key += ".expression"
            line, column = position_in_file(rulefile, ("rules", index, "expression"), finding.line, finding.column)
    elif finding.host:
        for index, host in enumerate(rulefile.hosts):
            if host.name == finding.host:
                key, line = f"hosts[{index}]", rulefile.line_of("hosts", index)
    name = f"{finding.rule}: {finding.message}" if finding.rule else finding.message
    return Problem(finding.code, name, rulefile.name, line, column, key, finding.hint)


def _all(report: Report) -> list[tuple[str, Problem]]:
    return [*(("error", problem) for problem in report.problems), *report.findings]


def _data(report: Report) -> dict[str, Any]:
    return {
        "file": report.file,
        "usable": not report.problems,
        "rules": report.rules,
        "hosts": report.hosts,
        "tests": report.tests,
        "problems": [problem_data(problem) for problem in report.problems],
        "findings": [problem_data(problem, severity) for severity, problem in report.findings],
    }


def _print(reports: list[Report], out: Style, err: Style, quiet: bool) -> None:
    for report in reports:
        for problem in report.problems:
            click.echo(problem_text(problem, err), err=True, color=err.color)
        for severity, problem in report.findings:
            click.echo(problem_text(problem, out, severity), color=out.color)
        if quiet:
            continue
        if report.problems:
            click.echo(f"{report.file}: {counted(len(report.problems), 'error')}", err=True)
        else:
            sizes = ", ".join(
                counted(number, word)
                for number, word in ((report.hosts, "host"), (report.rules, "rule"), (report.tests, "test"))
            )
            verdict = counted(len(report.findings), "finding") if report.findings else "clean"
            click.echo(f"{report.file}: {verdict} ({sizes})", err=True)
