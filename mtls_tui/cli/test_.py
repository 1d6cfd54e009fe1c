"""`mtls-tui test`: run the tests of a rule file. 0 all pass, 1 some fail (or there are none), 2 error."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from mtls_tui.cli.errors import InputError, as_input_error
from mtls_tui.engine.policy import PolicyError
from mtls_tui.rulefile import RuleFileError
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.policies import read_rules
from mtls_tui.simulate.style import Style, safe, style_for
from mtls_tui.simulate.testing.coverage import Coverage
from mtls_tui.simulate.testing.junit import junit
from mtls_tui.simulate.testing.report import coverage_text, data, explanation, failure, suggestion_data, summary
from mtls_tui.simulate.testing.suggest import Suggestions, suggest, toml
from mtls_tui.simulate.testing.suite import Runner, TestReport, run_tests


@click.command(name="test")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--junit", "junit_file", metavar="FILE", help="Also write the results as JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option("--filter", "pattern", metavar="TEXT", help="Only tests whose name has TEXT, or fits a pattern with *.")
@click.option("--coverage", is_flag=True, help="Show what the tests have shown of every clause (MC/DC).")
@click.option("--min-coverage", type=click.FloatRange(0, 100), metavar="PERCENT", help="Fail below this coverage.")
@click.option("--suggest", "suggesting", is_flag=True, help="Print tests that are missing, ready to be pasted.")
@click.option("--watch", is_flag=True, help="Run again whenever the file or what it refers to changes.")
@click.option("--verbose", "-v", is_flag=True, help="Also name the tests that pass.")
@click.option("--color/--no-color", default=None, help="Force or forbid colours (default: on a terminal).")
def command(
    file: str, junit_file: str | None, as_json: bool, pattern: str | None, coverage: bool, min_coverage: float | None,
    suggesting: bool, watch: bool, verbose: bool, color: bool | None,
) -> None:  # fmt: skip
    """Run the tests of FILE, a rule file.

    Exit code 0: all passed; 1: some failed, there were none, or coverage is below --min-coverage; 2: the file can't be
    used. With --suggest stdout has nothing but the suggested tests.
    """
    options = _Options(file, junit_file, as_json, pattern, coverage, min_coverage, suggesting, verbose, color)
    if watch:
        _watch(options)
    else:
        sys.exit(options.run())


class _Options:
    """What was asked for; `run` does it once."""

    def __init__(
        self, file: str, junit_file: str | None, as_json: bool, pattern: str | None, coverage: bool,
        min_coverage: float | None, suggesting: bool, verbose: bool, color: bool | None,
    ) -> None:  # fmt: skip
        self.file = Path(file)
        self.junit_file = junit_file
        self.as_json = as_json
        self.pattern = pattern
        self.coverage = coverage or min_coverage is not None or suggesting
        self.show_coverage = coverage or (min_coverage is not None and not suggesting)
        self.min_coverage = min_coverage
        self.suggesting = suggesting
        self.verbose = verbose
        self.style = style_for(sys.stdout, color=color)
        self.color = color

    @as_input_error(RuleFileError, PolicyError, RequestError)
    def run(self) -> int:
        """Run all once; the exit code."""
        rulefile = read_rules(self.file)
        report = run_tests(rulefile, self.pattern)
        gathered, found, percent = None, None, 100.0
        if self.coverage:
            runner = Runner(rulefile)
            gathered = _gathered(runner, report)
            percent = gathered.percent
            if self.suggesting:
                scenarios = [r.scenario for r in report.results if r.scenario]
                found = suggest(runner, gathered, scenarios, _searching if sys.stderr.isatty() else None)
                if sys.stderr.isatty():
                    click.echo("\r\x1b[K", nl=False, err=True)
        if self.junit_file is not None:
            self._write_junit(report)
        if found is not None:
            self._print_suggestions(found, percent, gathered)
        elif self.as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(data(report, gathered))))
        else:
            self._print(report, gathered)
        return 0 if report.ok and self._enough(percent) else 1

    def _print(self, report: TestReport, gathered: Coverage | None) -> None:
        parts = [failure(result, report.name, self.style) for result in report.failed]
        if self.verbose:
            passed = [r for r in report.results if r.passed]
            parts.insert(0, "\n".join(self.style("✓ ", "green") + safe(r.test.name) for r in passed))
        if gathered is not None and self.show_coverage:
            parts.append(coverage_text(gathered, self.style))
        parts.append(summary(report, self.style))
        click.echo("\n\n".join(part for part in parts if part), color=True)
        if gathered is not None and not self._enough(gathered.percent):
            click.echo(f"coverage {gathered.percent:.1f} % is below {self.min_coverage:g} %", err=True)

    def _print_suggestions(self, found: Suggestions, before: float, gathered: Coverage | None) -> None:
        if self.as_json:
            assert gathered is not None
            click.echo(msgspec.json.format(msgspec.json.encode(suggestion_data(found, before, gathered))))
            return
        click.echo(toml([suggestion.test for suggestion in found.found]), nl=False)
        assert gathered is not None
        number = len(found.found)
        click.echo(
            f"{number} test{'' if number == 1 else 's'} would raise the coverage from {before:.1f} % to "
            f"{gathered.percent:.1f} %. They expect what the rules decide today: read them before you paste them."
            if number
            else f"no missing test was found; the coverage is {before:.1f} %",
            err=True,
        )
        for goal in found.unmet:
            clause = gathered.rules[goal.ref].clauses.get(goal.path)
            what = f"`{safe(clause.text)}` deciding while {str(goal.value).lower()}" if clause else "the rule evaluated"
            click.echo(f"nothing found for {safe(goal.ref)}: {what}", err=True)

    def _enough(self, percent: float) -> bool:
        return self.min_coverage is None or percent >= self.min_coverage

    def _write_junit(self, report: TestReport) -> None:
        texts = {}
        for result in report.failed:
            simulation = result.simulation()
            if simulation is not None:
                texts[result.number] = "\n".join([*result.failures, explanation(simulation, Style())])
        try:
            data = junit(report, texts)
            if self.junit_file == "-":
                click.echo(data.decode(), nl=False)
            else:
                Path(str(self.junit_file)).write_bytes(data)
        except OSError as error:
            raise InputError(f"{self.junit_file}: {error.strerror or error}") from None


def _searching(number: int, total: int) -> None:
    if number % 25 == 0:
        click.echo(f"\r\x1b[Ksearching: {number} of {total}", nl=False, err=True)


def _gathered(runner: Runner, report: TestReport) -> Coverage:
    coverage = Coverage(runner.policy.ruleset, runner.policy.hosts)
    for result in report.results:
        if result.scenario is not None and result.policy is not None:
            outcome = result.policy.decide(result.scenario.http, result.scenario.chain, result.scenario.at)
            coverage.add(outcome.decision, outcome.request.fields)
    return coverage


def _watch(options: _Options) -> None:
    """Run now and at every change of the folder's rule and trust files, until interrupted."""
    from watchfiles import watch

    folder = options.file.absolute().parent
    wanted = (".toml", ".pem", ".crl", ".crt", ".cer", ".der", ".p12", ".pfx", ".p7b")
    try:
        _once(options)
        for changes in watch(folder, debounce=200, raise_interrupt=True):
            if any(path.endswith(wanted) for _, path in changes):
                if sys.stdout.isatty():
                    click.clear()
                _once(options)
    except KeyboardInterrupt:
        sys.exit(0)


def _once(options: _Options) -> None:
    try:
        options.run()
    except InputError as error:
        click.echo(f"mtls-tui: {error}", err=True)
