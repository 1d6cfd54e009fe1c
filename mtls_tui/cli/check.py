"""`mtls-tui check`: parse, type-check and lint rule files. 0 clean, 1 findings, 2 unusable input."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import click

from mtls_tui.analysis import CHECKS, Found, Severity, Target, cured, findings_of
from mtls_tui.analysis.properties import PropertyAnswer
from mtls_tui.analysis.properties_in_file import CODES as PROPERTY_CODES
from mtls_tui.analysis.properties_in_file import judged, property_findings
from mtls_tui.cli.annotations import github, gitlab
from mtls_tui.cli.output import STDIN, counted, echo_json, problem_data, problem_text, read_rule_file
from mtls_tui.cli.sarif import sarif
from mtls_tui.engine.policy import Policy, PolicyError
from mtls_tui.rulefile import Problem, RuleFile, RuleFileError, bundle, save
from mtls_tui.rulefile.errors import nearest
from mtls_tui.rulefile.trust import trust_problems
from mtls_tui.simulate.style import Style, safe, style_for

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found in one file. `problems` make it unusable; `fixed` are (rule, code) of findings cured in place."""

    file: str
    problems: tuple[Problem, ...] = ()
    findings: tuple[Found, ...] = ()
    fixed: tuple[tuple[str, str], ...] = ()
    rules: int = 0
    hosts: int = 0
    tests: int = 0
    properties: tuple[PropertyAnswer, ...] = ()


@click.command(name="check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format",
    "wanted",
    type=click.Choice(["text", "json", "sarif", "github", "gitlab"]),
    help="How to print it: for people (default), JSON, SARIF 2.1.0 (code scanning), annotations of a GitHub workflow, "
    "GitLab's Code Quality report.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--sarif", "as_sarif", is_flag=True, help="The same as --format sarif.")
@click.option("--strict", is_flag=True, help="Count remarks (severity info) as findings.")
@click.option("--fix", is_flag=True, help="Rewrite expressions where a finding that counts has a clear cure.")
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
    wanted: str | None,
    as_json: bool,
    as_sarif: bool,
    strict: bool,
    fix: bool,
    target: Target,
    ignored: Sequence[str],
    quiet: bool,
    color: bool | None,
) -> None:
    """Parse, type-check and lint rule files; `-` is standard input.

    Exit code 0: clean; 1: findings; 2: a file can't be used. Errors of use come with file, line, key and cure. With
    --fix what is left afterwards counts; comments stay, and the rules then say something else: run the tests.
    """
    if fix and STDIN in files:
        raise click.UsageError("--fix writes to the file: it can't with -")
    forms = {form for form in (wanted, "json" if as_json else None, "sarif" if as_sarif else None) if form}
    if len(forms) > 1:
        raise click.UsageError("--format, --json and --sarif exclude each other: give one of them")
    codes = {check.code for check in CHECKS} | {"no-anchors", "crl-stale", "anchor-out-of-date", *PROPERTY_CODES}
    for code in ignored:
        if code not in codes:
            raise click.BadParameter(f"no finding has the code `{code}`; {nearest(code, codes)}", param_hint="--ignore")
    counting = SEVERITIES if strict else SEVERITIES[:2]
    reports = [examine(name, target, ignored, fix=counting if fix else ()) for name in files]
    everything = [found for report in reports for found in _all(report)]
    match forms.pop() if forms else "text":
        case "json":
            echo_json({"files": [_data(report) for report in reports]})
        case "sarif":
            echo_json(sarif(everything))
        case "gitlab":
            echo_json(gitlab(everything))
        case "github":
            for line in github(everything):
                click.echo(line)
        case _:
            _print(reports, style_for(sys.stdout, color=color), style_for(sys.stderr, color=color), quiet)
    if any(report.problems for report in reports):
        sys.exit(2)
    sys.exit(1 if any(found.severity in counting for report in reports for found in report.findings) else 0)


def examine(
    name: str, target: Target = "engine", ignored: Collection[str] = (), fix: Collection[Severity] = ()
) -> FileReport:
    """Everything that is wrong, or odd, with one file; findings of the severities to `fix` are fixed in it first."""
    try:
        rulefile = read_rule_file(name, strict=False)
        report = FileReport(name, rules=len(rulefile.rules), hosts=len(rulefile.hosts), tests=len(rulefile.tests))
        problems = rulefile.problems or _trouble(rulefile)
        if problems:
            return replace(report, problems=problems)
        if fix:
            after, done = cured(rulefile, fix, target=target, ignored=ignored)
            problems = after.problems or _trouble(after)
            if done and not problems:
                rulefile = save(after)
                report = replace(report, fixed=tuple(done))
    except RuleFileError as error:
        return FileReport(name, error.problems)
    answers = tuple(judged(rulefile))
    found = findings_of(rulefile, datetime.now(UTC), target=target, ignored=ignored)
    found += [entry for entry in property_findings(rulefile, answers) if entry.problem.code not in ignored]
    found.sort(key=lambda entry: (entry.problem.line, entry.problem.column))
    return replace(report, findings=tuple(found), properties=answers)


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


def _all(report: FileReport) -> list[Found]:
    return [*(Found("error", problem) for problem in report.problems), *report.findings]


def _data(report: FileReport) -> dict[str, Any]:
    return {
        "file": report.file,
        "usable": not report.problems,
        "rules": report.rules,
        "hosts": report.hosts,
        "tests": report.tests,
        "properties": [
            {"name": answer.stated.name, "status": answer.status, "reason": answer.reason}
            for answer in report.properties
        ],
        "problems": [problem_data(problem) for problem in report.problems],
        "findings": [_found_data(found) for found in report.findings],
        "fixed": [{"rule": ref, "code": code} for ref, code in report.fixed],
    }


def _found_data(found: Found) -> dict[str, Any]:
    """A finding for JSON: a problem with its rule (null when it is about none) and what would cure it (or null)."""
    fix = asdict(found.fix) if found.fix else None
    return {**problem_data(found.problem, found.severity), "rule": found.rule or None, "fix": fix}


def _print(reports: list[FileReport], out: Style, err: Style, quiet: bool) -> None:
    for report in reports:
        for problem in report.problems:
            click.echo(problem_text(problem, err), err=True, color=err.color)
        for found in report.findings:
            click.echo(problem_text(found.problem, out, found.severity), color=out.color)
        if quiet:
            continue
        if report.fixed:
            what = ", ".join(f"{safe(ref)} ({code})" for ref, code in report.fixed)
            click.echo(f"{report.file}: fixed {counted(len(report.fixed), 'finding')}: {what}", err=True)
        if report.problems:
            click.echo(f"{report.file}: {counted(len(report.problems), 'error')}", err=True)
        else:
            sizes = ", ".join(
                counted(number, word)
                for number, word in ((report.hosts, "host"), (report.rules, "rule"), (report.tests, "test"))
            )
            if report.properties:
                proved = sum(answer.status == "proved" for answer in report.properties)
                sizes += f", {proved} of {counted(len(report.properties), 'property', 'properties')} proved"
            verdict = counted(len(report.findings), "finding") if report.findings else "clean"
            click.echo(f"{report.file}: {verdict} ({sizes})", err=True)
